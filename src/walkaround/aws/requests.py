"""Requests: an HTTP message becomes the parameters of an operation, each checked against the service model.

Every member is held against its constraints, and all that is wrong is told at once, in the words that AWS uses.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_to_bytes

from walkaround.aws.faults import WireError
from walkaround.aws.service_model import Member, Operation, Shape
from walkaround.errors import ValidationError

Headers = Sequence[tuple[str, str]]
"""Names in lower case, in the order in which they came; a name may come more than once."""

MAX_NAMED = 10
"""So many violations are spelled out in one message."""

_LONGEST_QUOTE = 100
_MOST_VALUES = 100_000
"""Values of a document. The JSON parser lets no other thread run, so a document of millions would hold up all requests."""

_LARGEST_INTEGER = 2**31 - 1
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_SECONDS = re.compile(r"\d{1,11}(\.\d{1,9})?", re.ASCII)
_JSON_TYPES = ("application/json", "application/x-amz-json-1.0", "application/x-amz-json-1.1")
_MISSING = "Member must not be null"


class _Violations:
    """Collects what is wrong with a request."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def names(self, where: str) -> bool:
        """Whether anything is wrong at this place."""
        return any(f" at '{where}' " in one for one in self.found)

    def add(self, value: object, where: str, constraint: str) -> None:
        shown = "null" if value is None else f"'{value[: _LONGEST_QUOTE + 1] if isinstance(value, str) else value}'"
        if len(shown) > _LONGEST_QUOTE:
            shown = f"{shown[:_LONGEST_QUOTE]}...'"
        self.found.append(f"Value {shown} at '{where}' failed to satisfy constraint: {constraint}")

    def check(self) -> None:
        if not self.found:
            return
        count = len(self.found)
        more = f"; and {count - MAX_NAMED} more" if count > MAX_NAMED else ""
        named = "; ".join(self.found[:MAX_NAMED])
        raise ValidationError(f"{count} validation error{'s' * (count > 1)} detected: {named}{more}")


def read_parameters(
    operation: Operation, labels: Mapping[str, str], *, query: str, headers: Headers, body: bytes
) -> dict[str, Any]:
    """The parameters of a request, by the names of the service model; members that are not in it are ignored.

    Args:
        operation: what is asked for.
        labels: of the path, still percent-encoded.
        query: as it came, without the question mark.
        headers: see `Headers`.
        body: decoded of every transfer form; that of a payload operation is given as it is.

    Returns:
        values as Python's: datetime in UTC, bytes, and for structures dicts with the service model's names.

    Raises:
        ValidationError: a member breaks its constraint; the message names all that do.
        WireError: the body is of a kind that no operation takes.
    """
    violations = _Violations()
    sent = _Sent(operation, labels, query=query, headers=headers, body=body)
    values = {
        name: value for name, member in operation.input.members.items() if (value := sent.value(member, violations)) is not None
    }
    for name in operation.input.required:
        if name not in values and not violations.names(_camel(name)):
            violations.add(None, _camel(name), _MISSING)
    violations.check()
    return values


class _Sent:
    """What a request brought, by the place where it travels."""

    def __init__(self, operation: Operation, labels: Mapping[str, str], *, query: str, headers: Headers, body: bytes) -> None:
        self._labels = {name: _decoded(value, name) for name, value in labels.items()}
        self._query = parse_query(query)
        self._headers = headers
        self._payload = body
        self._document = _json_object(body, headers) if operation.has_body else {}

    def value(self, member: Member, violations: _Violations) -> Any:
        where = _camel(member.name)
        match member.place:
            case "payload":
                return self._payload  # an empty one is no missing member
            case "body":
                return _checked(member.shape, self._document.get(member.name), where=where, violations=violations)
            case "querystring" if member.shape.kind == "list":
                texts = [value for name, value in self._query if name == member.wire_name]
                return _checked(member.shape, texts or None, where=where, violations=violations)
            case "querystring":
                found = [value for name, value in self._query if name == member.wire_name]
            case "header":
                found = [value for name, value in self._headers if name == member.wire_name.lower()]
            case "uri":
                found = [self._labels[member.wire_name]]
        if len(found) > 1:
            violations.add(", ".join(found), where, "Member must be given once")
            return None
        value = _from_text(member.shape, found[0], where=where, violations=violations) if found else None
        return None if value is None else _checked(member.shape, value, where=where, violations=violations)


def parse_query(query: str) -> list[tuple[str, str]]:
    """Names and values of a query, percent-decoded; a plus sign is a plus sign, as the signature has it.

    Raises:
        ValidationError: it is not UTF-8.
    """
    pairs = [part.partition("=") for part in query.split("&") if part]
    return [(_decoded(name, "query"), _decoded(value, name)) for name, _, value in pairs]


def _decoded(text: str, where: str) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise ValidationError(f"1 validation error detected: Value at '{where}' is not percent-encoded UTF-8") from problem


def _json_object(body: bytes, headers: Headers) -> Mapping[str, Any]:
    if not body:
        return {}
    kind = next((value for name, value in headers if name == "content-type"), "application/json")
    if kind.partition(";")[0].strip().lower() not in _JSON_TYPES:
        raise WireError(
            "UnsupportedMediaTypeException", f"The body has to be application/json, not {kind[:_LONGEST_QUOTE]!r}.", status=415
        )
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise ValidationError(f"The body holds more than {_MOST_VALUES:,} values; no operation takes so many.")
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise ValidationError("The body is not a JSON document in UTF-8.") from problem
    if not isinstance(document, dict):
        raise ValidationError("The body has to be a JSON object.")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _from_text(shape: Shape, text: str, *, where: str, violations: _Violations) -> Any:
    """The value of a member that travels as text: in the path, the query or a header."""
    value: object = text
    match shape.kind:
        case "integer":
            value = int(text) if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else None
        case "boolean":
            value = {"true": True, "false": False}.get(text.lower())
        case "timestamp":
            value = _timestamp(text)
    if value is None:
        violations.add(text, where, f"Member must be {_KIND_NAMES[shape.kind]}")
    return value


def _timestamp(text: str) -> datetime | None:
    try:
        if _SECONDS.fullmatch(text):
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(text))
        if _TIMESTAMP.fullmatch(text.upper()):
            moment = datetime.fromisoformat(text.upper())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # there is no such day, or it is beyond what a datetime can hold
    return None


_KIND_NAMES = {
    "structure": "an object",
    "list": "a list",
    "string": "a string",
    "integer": "an integer",
    "boolean": "true or false",
    "timestamp": "a date and time in ISO 8601, such as 2020-11-20T08:30:00Z",
    "blob": "a string in base64",
}
_PYTHON_KINDS: Mapping[str, type] = {
    "structure": dict,
    "list": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "timestamp": datetime,
    "blob": str,
}


def _checked(shape: Shape, value: Any, *, where: str, violations: _Violations) -> Any:
    """`value` as Python's, with all that is wrong in it added to `violations`; null is as good as absent."""
    if value is None:
        return None
    if not _is_of_kind(value, shape.kind):
        violations.add(_shown(value), where, f"Member must be {_KIND_NAMES[shape.kind]}")
        return None
    match shape.kind:
        case "structure":
            return _structure(shape, value, where=where, violations=violations)
        case "list":
            _check_range(shape, len(value), value=f"{len(value)} items", where=where, violations=violations)
            return _items(shape, value, where=where, violations=violations)
        case "blob":
            return _blob(shape, value, where=where, violations=violations)
        case "string":
            _check_text(shape, value, where=where, violations=violations)
        case "integer":
            _check_range(shape, value, value=str(value)[:20], where=where, violations=violations)
    return value


def _is_of_kind(value: object, kind: str) -> bool:
    return isinstance(value, _PYTHON_KINDS[kind]) and not (kind == "integer" and isinstance(value, bool))


def _structure(shape: Shape, value: Mapping[str, Any], *, where: str, violations: _Violations) -> dict[str, Any]:
    result = {}
    for name, member in shape.members.items():
        inside = f"{where}.{_camel(name)}"
        one = _checked(member.shape, value.get(name), where=inside, violations=violations)
        if one is not None:
            result[name] = one
        elif name in shape.required and value.get(name) is None:
            violations.add(None, inside, _MISSING)
    return result


def _items(shape: Shape, values: Sequence[Any], *, where: str, violations: _Violations) -> list[Any]:
    result: list[Any] = []
    if shape.item is None or (shape.maximum is not None and len(values) > shape.maximum):
        return result
    for number, value in enumerate(values, start=1):
        inside = f"{where}.{number}.member"
        if value is None:
            violations.add(None, inside, _MISSING)
        result.append(_checked(shape.item, value, where=inside, violations=violations))
    return result


def _blob(shape: Shape, value: str, *, where: str, violations: _Violations) -> bytes | None:
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        violations.add(value, where, f"Member must be {_KIND_NAMES['blob']}")
        return None
    _check_range(shape, len(content), value=f"{len(content)} bytes", where=where, violations=violations)
    return content


def _check_text(shape: Shape, value: str, *, where: str, violations: _Violations) -> None:
    _check_range(shape, len(value), value=value, where=where, violations=violations)
    if shape.choices and value not in shape.choices:
        violations.add(value, where, f"Member must satisfy enum value set: [{', '.join(shape.choices)}]")
    if shape.maximum is not None and len(value) > shape.maximum:
        return  # so that no expression ever runs over a text of any length
    if shape.expression is not None and not shape.expression.fullmatch(value):
        violations.add(value, where, f"Member must satisfy regular expression pattern: {shape.pattern}")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        violations.add(ascii(value[:_LONGEST_QUOTE]), where, "Member must be text without NUL and lone surrogates")


def _check_range(shape: Shape, size: int, *, value: str, where: str, violations: _Violations) -> None:
    what = "value" if shape.kind == "integer" else "length"
    maximum = shape.maximum if shape.maximum is not None or shape.kind != "integer" else _LARGEST_INTEGER
    if shape.minimum is not None and size < shape.minimum:
        violations.add(value, where, f"Member must have {what} greater than or equal to {shape.minimum}")
    if maximum is not None and size > maximum:
        violations.add(value, where, f"Member must have {what} less than or equal to {maximum}")


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"  # not written out, however large it is
    return json.dumps(value[:_LONGEST_QUOTE] if isinstance(value, str) else value, default=str)


def _camel(name: str) -> str:
    """AWS names members in messages with a small first letter: 's3Location', 'projectName'."""
    return name[0].lower() + name[1:]

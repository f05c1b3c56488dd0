"""The service model, Lookout for Vision's contract as data: read once, typed, and never changed.

`lookoutvision/2020-11-20/service-2.json` is in botocore's format: the same file checks requests and shapes replies here, and
gives a current boto3 or AWS CLI its client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

Kind = Literal["structure", "list", "string", "integer", "float", "boolean", "timestamp", "blob"]
Place = Literal["body", "uri", "querystring", "header", "payload"]

SERVICE = "lookoutvision"
API_VERSION = "2020-11-20"
MODEL_FOLDER = Path(__file__).parent / SERVICE / API_VERSION
"""Holds `service-2.json` and `paginators-1.json`."""

_TAGS_SEGMENTS = 3
_UNICODE_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\w", r"\p{Z}": " \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"}
"""Java's names for letters, numbers and separators, in Python's. `\\w` is both of the first and `_`, which tags allow too."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The form of one value.

    Attributes:
        minimum, maximum: of an integer's value, or of the length of a string, a list, or decoded bytes.
        pattern: as the contract words it; `expression` is the same for Python. The whole value has to match.
        members: of a structure, in the contract's order.
        item: the shape of a list's items.
        status: HTTP status, where the shape is an error's.
    """

    name: str
    kind: Kind
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    expression: re.Pattern[str] | None = None
    choices: tuple[str, ...] = ()
    members: Mapping[str, Member] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    item: Shape | None = None
    status: int | None = None


@dataclass(frozen=True, kw_only=True)
class Member:
    """One member of a structure, and where in an HTTP message it travels, under which name there."""

    name: str
    shape: Shape
    place: Place = "body"
    wire_name: str
    is_token: bool = False


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation: `segments` are the parts of its path, a label such as `{projectName}` included."""

    name: str
    method: str
    segments: tuple[str, ...]
    status: int
    input: Shape
    output: Shape
    errors: frozenset[str]

    @property
    def payload(self) -> Member | None:
        """The member that is the whole body as it comes, if the operation has one."""
        return next((member for member in self.input.members.values() if member.place == "payload"), None)

    @property
    def has_body(self) -> bool:
        """Whether any member travels in a JSON body."""
        return any(member.place == "body" for member in self.input.members.values())

    @property
    def takes_token(self) -> bool:
        """Whether repeating it with the same client token does nothing a second time."""
        return any(member.is_token for member in self.input.members.values())


@dataclass(frozen=True, kw_only=True)
class ServiceModel:
    """All operations and all errors, by name."""

    operations: Mapping[str, Operation]
    errors: Mapping[str, Shape]

    def route(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
        """Find the operation of a request by its path before percent-decoding, so that `%2F` in an ARN stays one segment.

        Returns:
            the operation, and the path's labels still encoded; None when there is no such operation.
        """
        segments = tuple(raw_path.split("/")[1:])
        if any(segment in ("", ".", "..") for segment in segments):
            return None  # a signature covers the path without these: what it says must be what is routed
        if segments[:2] == (API_VERSION, "tags") and len(segments) > _TAGS_SEGMENTS:
            segments = (API_VERSION, "tags", "/".join(segments[2:]))  # some clients leave the slashes of an ARN as they are
        for operation in self._by_form.get((method, len(segments)), ()):
            labels = _labels(operation.segments, segments)
            if labels is not None:
                return operation, labels
        return None

    @cached_property
    def _by_form(self) -> Mapping[tuple[str, int], list[Operation]]:
        forms: dict[tuple[str, int], list[Operation]] = {}
        for operation in self.operations.values():
            forms.setdefault((operation.method, len(operation.segments)), []).append(operation)
        return forms


def _labels(template: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    labels = {}
    for part, segment in zip(template, segments, strict=True):
        if part.startswith("{"):
            labels[part[1:-1]] = segment
        elif part != segment:
            return None
    return labels


@cache
def load_service_model() -> ServiceModel:
    """Read the service model that ships with walkaround; the same object each time."""
    stored = json.loads((MODEL_FOLDER / "service-2.json").read_text(encoding="utf-8"))
    shapes = stored["shapes"]
    operations = {name: _operation(one, shapes) for name, one in stored["operations"].items()}
    errors = {name: _shape(name, shapes) for name, one in shapes.items() if one.get("exception")}
    return ServiceModel(operations=MappingProxyType(operations), errors=MappingProxyType(errors))


def _operation(stored: Mapping[str, Any], shapes: Mapping[str, Any]) -> Operation:
    http = stored["http"]
    return Operation(
        name=stored["name"],
        method=http["method"],
        segments=tuple(http["requestUri"].split("/")[1:]),
        status=http["responseCode"],
        input=_shape(stored["input"]["shape"], shapes),
        output=_shape(stored["output"]["shape"], shapes),
        errors=frozenset(one["shape"] for one in stored["errors"]),
    )


def _shape(name: str, shapes: Mapping[str, Any]) -> Shape:
    stored = shapes[name]
    pattern = stored.get("pattern")
    return Shape(
        name=name,
        kind=cast(Kind, stored["type"]),
        minimum=stored.get("min"),
        maximum=stored.get("max"),
        pattern=pattern,
        expression=None if pattern is None else re.compile(_python_pattern(pattern)),
        choices=tuple(stored.get("enum", ())),
        members=MappingProxyType(
            {key: _member(key, one, stored.get("payload"), shapes) for key, one in stored.get("members", {}).items()}
        ),
        required=tuple(stored.get("required", ())),
        item=_shape(stored["member"]["shape"], shapes) if "member" in stored else None,
        status=stored.get("error", {}).get("httpStatusCode"),
    )


def _member(name: str, stored: Mapping[str, Any], payload: str | None, shapes: Mapping[str, Any]) -> Member:
    return Member(
        name=name,
        shape=_shape(stored["shape"], shapes),
        place="payload" if name == payload else cast(Place, stored.get("location", "body")),
        wire_name=stored.get("locationName", name),
        is_token=stored.get("idempotencyToken", False),
    )


def _python_pattern(pattern: str) -> str:
    """Java's regular expression in Python's words.

    A hyphen right after a range, as in `[0-9-_.]`, is a plain hyphen to both, but Python asks for a backslash to keep quiet.
    """
    for name, characters in _UNICODE_CLASSES.items():
        pattern = pattern.replace(name, characters)
    return pattern.replace("0-9-_", r"0-9\-_")

"""Replies: what an operation answers, shaped by the service model into the JSON that clients read."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from walkaround.aws.service_model import Shape


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP reply, ready to send."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def json_reply(status: int, document: Mapping[str, Any], *, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A reply whose body is a JSON document."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return Reply(
        status=status,
        headers=(("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers),
        body=body,
    )


def document_of(shape: Shape, values: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON document of a structure: its members alone, and of those only the ones that have a value.

    Timestamps become seconds since 1970 with milliseconds, bytes become base64 (RFC 4648).

    Raises:
        TypeError: a value is not of its member's kind; that is a mistake in this program, never the client's.
    """
    return {
        name: _value(member.shape, values[name], where=name)
        for name, member in shape.members.items()
        if values.get(name) is not None
    }


def _value(shape: Shape, value: Any, *, where: str) -> Any:
    match shape.kind, value:
        case "structure", Mapping():
            return document_of(shape, value)
        case "list", list() | tuple() if shape.item is not None:
            return [_value(shape.item, one, where=f"{where}[{index}]") for index, one in enumerate(value)]
        case "timestamp", datetime() if value.tzinfo is not None:
            return _number(round(value.timestamp(), 3))
        case "blob", bytes():
            return base64.b64encode(value).decode("ascii")
        case ("boolean", bool()) | ("string", str()):
            return value
        case "integer", int() if not isinstance(value, bool):
            return value
        case "float", int() | float() if not isinstance(value, bool) and math.isfinite(value):
            return value
    raise TypeError(f"{where} of a reply is {value!r}, and the service model says {shape.kind}.")


def _number(seconds: float) -> float:
    return int(seconds) if seconds.is_integer() else seconds

"""The reference of the REST API as one HTML page, made from its OpenAPI description: no script, no font, no other server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h2{margin-top:2.5rem;text-transform:capitalize}details{border:1px solid #d5dae2;border-radius:.4rem;margin:.4rem 0}
summary{cursor:pointer;padding:.5rem .8rem}summary code{margin:0 .6rem}.in{padding:0 1rem 1rem}
b{display:inline-block;min-width:4.5rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;
padding:.2rem .8rem .2rem 0;border-top:1px solid #e6e9ee}pre{background:#f4f6f9;padding:.7rem;overflow:auto}
@media(prefers-color-scheme:dark){body{color:#e4e8ee;background:#12161c}details{border-color:#333c49}pre{background:#1b212a}
td,th{border-color:#2a323d}a{color:#8ab8ff}}
"""
_HEAD = """<p>Send <code>Authorization: Bearer TOKEN</code> with each request; <code>walkaround keys make</code> gives a token.
Errors are problem details (RFC 9457). The same as data: <a href="openapi.json">openapi.json</a>.</p>"""


def reference_page(description: Mapping[str, Any]) -> str:
    """The page."""
    groups: dict[str, list[str]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    shapes = "".join(_shape(name, shape) for name, shape in description["components"]["schemas"].items())
    title = escape(f"{description['info']['title']} {description['info']['version']}: REST API")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>{_HEAD}{body}<h2>shapes</h2>{shapes}</html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(_parameter(one) for one in operation.get("parameters", []))
    table = f"<table>{rows}</table>" if rows else ""
    bodies = ", ".join(_content(kind, one) for kind, one in operation.get("requestBody", {}).get("content", {}).items())
    body = f"<p>Body: {bodies}</p>" if bodies else ""
    answers = "".join(
        f"<tr><td>{status}<td>{escape(one['description'])}<td>{', '.join(_contents(one))}"
        for status, one in operation["responses"].items()
    )
    said = escape(operation.get("description", operation.get("summary", "")))
    return (
        f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code></summary>"
        f'<div class="in"><p>{said}</p>{table}{body}<table>{answers}</table></div></details>'
    )


def _parameter(one: Mapping[str, Any]) -> str:
    needed = "needed" if one.get("required") else ""
    return f"<tr><td><code>{escape(one['name'])}</code><td>{one['in']}<td>{needed}<td>{escape(one.get('description', ''))}"


def _contents(answer: Mapping[str, Any]) -> Iterator[str]:
    return (_content(kind, one) for kind, one in answer.get("content", {}).items())


def _content(kind: str, one: Mapping[str, Any]) -> str:
    name = one.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return f'<a href="#{escape(name)}">{escape(name)}</a>' if name else f"<code>{escape(kind)}</code>"


def _shape(name: str, shape: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(key)}</code><td>{'needed' if key in shape.get('required', ()) else ''}<td>{escape(_kind(one))}"
        f"<td>{escape(one.get('description', ''))}"
        for key, one in shape.get("properties", {}).items()
    )
    said = escape(shape.get("description", ""))
    return (
        f'<details open id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f'<div class="in"><p>{said}</p><table>{rows}</table></div></details>'
    )


def _kind(one: Mapping[str, Any]) -> str:
    if "anyOf" in one:
        return " or ".join(_kind(choice) for choice in one["anyOf"])
    if "$ref" in one:
        return str(one["$ref"].rpartition("/")[2])
    if one.get("type") == "array":
        return f"list of {_kind(one.get('items', {}))}"
    if "enum" in one:
        return " or ".join(str(choice) for choice in one["enum"])
    return str(one.get("format", one.get("type", "anything")))

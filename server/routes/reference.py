"""``/docs``: the HTTP reference as one plain page, written from the OpenAPI document; loads nothing from elsewhere."""

import json
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from server.problems import PROBLEMS

_METHODS = ("get", "post", "put", "patch", "delete")

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem; font: 16px/1.5 system-ui, sans-serif; }
section { border-top: 1px solid #8884; margin-top: 2rem; padding-top: .5rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; background: #8881; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8883; }
h2 .method { text-transform: uppercase; font-size: .8em; padding: .1em .5em; background: #2a6f5b; color: #fff; }
"""

router = APIRouter(include_in_schema=False)


@router.get("/docs.css")
async def stylesheet() -> Response:
    return Response(_STYLE, media_type="text/css")


@router.get("/docs")
async def reference(request: Request) -> HTMLResponse:
    return HTMLResponse(reference_page(request.app.openapi()))


def reference_page(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document."""
    info = document["info"]
    schemas = document.get("components", {}).get("schemas", {})
    operations = [
        _operation(path, method, item[method], schemas)
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: HTTP reference</title>"
        '<link rel="stylesheet" href="/docs.css"></head><body>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>{_paragraphs(info.get('description', ''))}"
        '<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>'
        f"{''.join(operations)}{_problems()}</body></html>"
    )


def _problems() -> str:
    rows = "".join(
        f'<tr id="problem-{code}"><td><code>{code}</code></td><td>{status}</td><td>{escape(meaning)}</td></tr>'
        for code, (status, meaning) in PROBLEMS.items()
    )
    head = "<thead><tr><th>Code</th><th>Status</th><th></th></tr></thead>"
    return f"<section><h2>Problems</h2><table>{head}<tbody>{rows}</tbody></table></section>"


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    parts = [
        f'<section><h2><span class="method">{method}</span> <code>{escape(path)}</code></h2>',
        _paragraphs(operation.get("description", operation.get("summary", ""))),
    ]
    if parameters := operation.get("parameters"):
        rows = [(f"{p['name']} ({p['in']})", _type(p.get("schema", {})), p.get("description", "")) for p in parameters]
        parts.append("<h3>Parameters</h3>" + _table(("Name", "Type", ""), rows))
    if content := operation.get("requestBody", {}).get("content"):
        parts.append("<h3>Body</h3>" + "".join(_media(kind, media, schemas) for kind, media in content.items()))
    parts.append("<h3>Answers</h3>")
    for status, answer in operation["responses"].items():
        kinds = answer.get("content", {})
        described = "".join(_media(k, m, schemas) for k, m in kinds.items() if "problem" not in k and status < "400")
        parts.append(f"<p><code>{escape(status)}</code> {escape(answer.get('description', ''))}</p>{described}")
    return "".join(parts) + "</section>"


def _media(kind: str, media: dict[str, Any], schemas: dict[str, Any]) -> str:
    example = media.get("example")
    if example is not None:
        text = example if isinstance(example, str) else json.dumps(example, indent=2)
        return f"<p><code>{escape(kind)}</code></p><pre>{escape(text)}</pre>"
    name = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = schemas.get(name, {})
    required = schema.get("required", [])
    rows = [
        (
            f"{field}{'' if field in required else ' (optional)'}",
            _type(detail),
            detail.get("description", ""),
        )
        for field, detail in schema.get("properties", {}).items()
    ]
    return f"<p><code>{escape(kind)}</code> {escape(name)}</p>" + (_table(("Field", "Type", ""), rows) if rows else "")


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return f"{schema.get('type', 'any')}{' matching ' + schema['pattern'] if 'pattern' in schema else ''}"


def _table(heads: tuple[str, ...], rows: list[tuple[str, str, str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n") if part.strip())

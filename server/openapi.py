"""The OpenAPI document where FastAPI's own would be wrong: every error is a problem, and only that."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from server.shapes import Problem

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides its success."""
    return {status: {"description": HTTPStatus(status).phrase, "content": _PROBLEM} for status in statuses}


def describe_problems(app: FastAPI) -> None:
    """Makes ``app.openapi()`` tell the truth about errors."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    for item in document["paths"].values():
        for operation in item.values():
            default = operation["responses"].get("422", {})
            if "HTTPValidationError" in str(default):
                operation["responses"]["422"] = problems(422)[422]
    return document

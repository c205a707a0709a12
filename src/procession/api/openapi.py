"""The OpenAPI 3.1 document, made from the route table and the shapes, so that it cannot lie about either."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from procession.api import shapes, table_shapes
from procession.api.contract import BodyKind, Route, Space
from procession.model.rights import PUBLIC

PREFIXES = {Space.API: "/api/v1/", Space.OAUTH: "/oauth/", Space.ROOT: "/"}
ID_NAMES = re.compile(r"\{(\w+)\}")
# The modules whose structs are the shapes of bodies and answers.
SHAPES = (shapes, table_shapes)
REF = "#/components/schemas/{name}"


def document(routes: Iterable[Route], *, version: str) -> dict[str, Any]:
    """The whole document, ready to be encoded."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = PREFIXES[route.space] + route.pattern
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Procession", "version": version},
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def _schemas() -> dict[str, Any]:
    _, components = msgspec.json.schema_components(list(_shapes().values()), ref_template=REF)
    return dict(components)


def _shapes() -> dict[str, type]:
    """Every shape by its name."""
    found = [item for module in SHAPES for item in inspect.getmembers(module, inspect.isclass)]
    return {name: kind for name, kind in found if issubclass(kind, msgspec.Struct)}


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()} {route.space} {route.pattern}").strip("_"),
        "parameters": _parameters(route),
        "responses": _responses(route),
        "security": [] if route.rule is PUBLIC else [{"bearer": []}],
    }
    if route.rule is not PUBLIC:
        operation["x-scope"] = route.rule.scope
        operation["x-role"] = route.rule.role or None
    content = _takes(route)
    if content:
        operation["requestBody"] = {"content": content, "required": route.body is not BodyKind.JSON}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    text = {"type": "string"}
    ids = [{"name": name, "in": "path", "required": True, "schema": text} for name in ID_NAMES.findall(route.pattern)]
    return ids + [{"name": name, "in": "query", "required": False, "schema": text} for name in route.query]


def _responses(route: Route) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": REF.format(name="Error")}}}
    success: dict[str, Any] = {"description": route.summary}
    if route.reply:
        success["content"] = {"application/json": {"schema": _shape(route.reply)}}
    return {
        "200": success,
        "4XX": {"description": "The request was refused; the message says why", "content": error},
        "5XX": {"description": "The server failed; supportId finds the cause in its log", "content": error},
    }


def _shape(name: str) -> dict[str, Any]:
    if name.startswith("["):
        return {"type": "array", "items": _shape(name.strip("[]"))}
    if name not in _shapes():
        raise ValueError(f"a route names the shape {name}, which is in none of the modules of shapes")
    return {"$ref": REF.format(name=name)}


def _takes(route: Route) -> dict[str, Any]:
    match route.body:
        case BodyKind.JSON if route.takes:
            return {"application/json": {"schema": _shape(route.takes)}}
        case BodyKind.FORM:
            fields = {"schema": _shape(route.takes)}
            return {"application/x-www-form-urlencoded": fields, "application/json": fields}
        case BodyKind.TEXT:
            return {"application/yaml": {"schema": {"type": "string"}}, "application/json": {"schema": {}}}
        case BodyKind.STREAM:
            file = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            return {"multipart/form-data": {"schema": file}}
        case BodyKind.ROWS:
            binary = {"schema": {"type": "string", "format": "binary"}}
            kinds = {"text/csv": {"schema": {"type": "string"}}, "application/vnd.apache.parquet": binary}
            return {"application/json": {"schema": _shape(route.takes)}, **kinds}
        case _:
            return {}

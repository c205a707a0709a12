"""The OpenAPI 3.1 document, made from the route table and the shapes, so that it cannot lie about either."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from functools import cache, partial
from types import ModuleType
from typing import Any

import msgspec

from procession.api.openapi import answers as openapi_answers
from procession.api.openapi import parameters as openapi_parameters
from procession.api.wire import (
    applications,
    events,
    files,
    groups,
    histories,
    items,
    log_items,
    oauth,
    permissions,
    processes,
    properties,
    restarts,
    runs,
    server,
    steps,
    tables,
    uploads,
    users,
)
from procession.door.contract import BodyKind, Route, Space
from procession.door.paths import PREFIXES
from procession.model.people import SCOPES
from procession.model.rights import PUBLIC, Rule

# The modules whose structs are the shapes of bodies and answers.
SUFFIX = "Shape"
SHAPES = (
    applications,
    items,
    events,
    files,
    permissions,
    groups,
    histories,
    log_items,
    oauth,
    processes,
    properties,
    restarts,
    runs,
    server,
    steps,
    tables,
    uploads,
    users,
)
REF = openapi_answers.REF
# Stands for the scheme and host that a client uses: addresses of OAuth must be absolute (OpenAPI 3.1, OAuth Flow).
ORIGIN = "https://origin.invalid"
ABOUT = (
    "Paths are case-insensitive, ids and the values of enumerations too, and a trailing slash is accepted. Unknown "
    "keys of a body are ignored. Every status other than success has a body with a message and a supportId. A method "
    "that is not described for a path is answered with 405 and the header Allow."
)
# A row of a table has the columns that the table has.
ROW = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
PROCESS_FILE = {
    "process": "Settle",
    "groups": [{"group": "Work", "steps": [{"action": "wait", "name": "Settle", "with": {"seconds": 1}}]}],
}


def document(routes: Iterable[Route], *, version: str) -> dict[str, Any]:
    """The whole document, ready to be encoded."""
    known = _shapes()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        # Pages for people are no part of the API.
        if route.error_html is not None:
            continue
        path = PREFIXES[route.space] + route.pattern
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Procession", "version": version, "description": ABOUT},
        "servers": [{"url": ORIGIN}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": openapi_answers.components(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, "oauth2": _oauth()},
        },
    }


def as_seen_from(origin: str, encoded: bytes) -> bytes:
    """The encoded document for a client who reaches the server at `origin`, which may be any text: it is a header's."""
    # In the encoded text, because the document is made once and asked for from everywhere.
    return encoded.replace(ORIGIN.encode(), msgspec.json.encode(origin)[1:-1])


@cache
def _shapes() -> dict[str, type]:
    """Every shape by the name that the document gives it."""
    found = [item for module in SHAPES for item in inspect.getmembers(module, partial(_is_shape, module))]
    return {name.removesuffix(SUFFIX): kind for name, kind in found}


def _is_shape(module: ModuleType, item: object) -> bool:
    """Of that module's own; it also knows values of the model, of which it makes shapes."""
    return isinstance(item, type) and issubclass(item, msgspec.Struct) and item.__module__ == module.__name__


@cache
def _schemas() -> dict[str, Any]:
    """Of every shape: 20 ms, which each application in a process would pay again."""
    _, components = msgspec.json.schema_components(list(_shapes().values()), ref_template=REF)
    return dict(sorted({**_published(components), "Row": ROW}.items()))


def _published(schema: Any) -> Any:
    """Without the suffix that tells a shape from a class of the model with the same name."""
    match schema:
        case dict():
            return {_published(key): _published(value) for key, value in schema.items()}
        case list():
            return [_published(item) for item in schema]
        case str():
            return schema.removesuffix(SUFFIX)
        case _:
            return schema


def _oauth() -> dict[str, Any]:
    scopes = {scope: f"Tokens with {scope}" for scope in sorted(SCOPES)}
    token = {"tokenUrl": f"{ORIGIN}/oauth/token", "scopes": scopes}
    code = {"authorizationUrl": f"{ORIGIN}/oauth/authorize", "refreshUrl": token["tokenUrl"], **token}
    return {"type": "oauth2", "flows": {"clientCredentials": token, "authorizationCode": code}}


def _operation(route: Route, known: dict[str, type]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": _who_may(route.rule),
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()} {route.space} {route.pattern}").strip("_"),
        "tags": [route.pattern.partition("/")[0] if route.space is Space.API else route.space.value],
        "parameters": openapi_parameters.of_route(route),
        "responses": openapi_answers.of_route(route, lambda name: _shape(name, known)),
        "security": _security(route.rule),
    }
    if "(deprecated)" in route.summary:
        operation["deprecated"] = True
    if route.rule is not PUBLIC:
        # For tests and tools: the rule in a form that can be compared.
        operation["x-scope"] = route.rule.scope
        operation["x-role"] = route.rule.role or None
    content = _takes(route, known)
    if content:
        operation["requestBody"] = {"content": content, "required": route.body is not BodyKind.JSON}
    return operation


def _who_may(rule: Rule) -> str:
    if rule is PUBLIC:
        return "Needs no access token."
    role = f", and at least the role {rule.role} on the {rule.of} or what it belongs to" if rule.role else ""
    user_role = f", and at least the user role {rule.user_role}" if rule.user_role else ""
    return f"Needs a token with the scope {rule.scope}{role}{user_role}."


def _security(rule: Rule) -> list[dict[str, list[str]]]:
    return [] if rule is PUBLIC else [{"oauth2": [rule.scope]}, {"bearer": []}]


def _shape(name: str, known: dict[str, type]) -> dict[str, Any]:
    if "|" in name:
        # Not oneOf: the larger of two shapes is also the smaller one.
        return {"anyOf": [_shape(part, known) for part in name.split("|")]}
    if name.startswith("["):
        return {"type": "array", "items": _shape(name[1:-1], known)}
    if name not in known and name != "Row":
        # At the start of the server and not when a client asks.
        raise ValueError(f"a route names the shape {name}, which is in none of the modules of shapes")
    return {"$ref": REF.format(name=name)}


def _takes(route: Route, known: dict[str, type]) -> dict[str, Any]:
    match route.body:
        case BodyKind.JSON if route.takes:
            return {"application/json": {"schema": _shape(route.takes, known)}}
        case BodyKind.FORM:
            fields = {"schema": _shape(route.takes, known)}
            return {"application/x-www-form-urlencoded": fields, "application/json": fields}
        case BodyKind.TEXT:
            written = {"schema": {"type": "object", "required": ["process", "groups"]}, "example": PROCESS_FILE}
            return {"application/yaml": written, "application/json": written}
        case BodyKind.STREAM:
            binary = {"type": "string", "format": "binary"}
            file = {"type": "object", "properties": {"file": binary}, "required": ["file"]}
            return {"multipart/form-data": {"schema": file}}
        case BodyKind.ROWS:
            parquet = {"schema": {"type": "string", "format": "binary"}}
            text = {"schema": {"type": "string"}}
            kinds = {"text/csv": text, "application/x-ndjson": text, "application/vnd.apache.parquet": parquet}
            return {"application/json": {"schema": _shape(route.takes, known)}, **kinds}
        case _:
            return {}

"""The OpenAPI 3.1 document, made from the route table and the shapes, so that it cannot lie about either."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin

import msgspec

from procession.api.openapi import answers as openapi_answers
from procession.api.openapi import parameters as openapi_parameters
from procession.api.wire import events, items
from procession.api.wire.tables import Row
from procession.door.contract import BodyKind, Route, Space
from procession.door.paths import PREFIXES
from procession.model.people import SCOPES
from procession.model.rights import PUBLIC, Rule

# What tells a shape from a class of the model with the same name; clients do not see it.
SUFFIX = "Shape"
# Shapes that no row of the route table names: every error, and what a stream of events is made of.
UNNAMED = (items.Error, events.RunEventShape, events.StepEventShape, events.StepProgress, events.LogLines)
REF = openapi_answers.REF
# Stands for the scheme and host that a client uses: addresses of OAuth must be absolute (OpenAPI 3.1, OAuth Flow).
ORIGIN = "https://origin.invalid"
ABOUT = (
    "Paths are case-insensitive, ids and the values of enumerations too, and a trailing slash is accepted. Unknown "
    "keys of a body are ignored. Every status other than success has a body with a message and a supportId. A method "
    "that is not described for a path is answered with 405 and the header Allow."
)
ROW = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
PROCESS_FILE = {
    "process": "Settle",
    "groups": [{"group": "Work", "steps": [{"action": "wait", "name": "Settle", "with": {"seconds": 1}}]}],
}


def document(routes: Iterable[Route], *, version: str) -> dict[str, Any]:
    """The whole document, ready to be encoded."""
    # Pages for people are no part of the API.
    shown = [route for route in routes if route.error_html is None]
    shapes = {kind for route in shown for kind in (*_kinds(route.reply), *_kinds(route.takes))}
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        path = PREFIXES[route.space] + route.pattern
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Procession", "version": version, "description": ABOUT},
        "servers": [{"url": ORIGIN}],
        "paths": paths,
        "components": {
            "schemas": _schemas(frozenset({*shapes, *UNNAMED})),
            "responses": openapi_answers.components(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, "oauth2": _oauth()},
        },
    }


def as_seen_from(origin: str, encoded: bytes) -> bytes:
    """The encoded document for a client who reaches the server at `origin`, which may be any text: it is a header's."""
    # In the encoded text, because the document is made once and asked for from everywhere.
    return encoded.replace(ORIGIN.encode(), msgspec.json.encode(origin)[1:-1])


def _kinds(shape: Any) -> Iterator[type]:
    """The structs that a shape of the route table is made of."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        yield shape
    elif shape != Row:
        for part in get_args(shape):
            yield from _kinds(part)


@cache
def _schemas(kinds: frozenset[type]) -> dict[str, Any]:
    """Of every shape: 20 ms, which each application in a process would pay again."""
    _, components = msgspec.json.schema_components(kinds, ref_template=REF)
    return dict(sorted({**_published(components), "Row": ROW}.items()))


def _published(schema: Any) -> Any:
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


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": _who_may(route.rule),
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()} {route.space} {route.pattern}").strip("_"),
        "tags": [route.pattern.partition("/")[0] if route.space is Space.API else route.space.value],
        "parameters": openapi_parameters.of_route(route),
        "responses": openapi_answers.of_route(route, _shape),
        "security": _security(route.rule),
    }
    if "(deprecated)" in route.summary:
        operation["deprecated"] = True
    if route.rule is not PUBLIC:
        # For tests and tools: the rule in a form that can be compared.
        operation["x-scope"] = route.rule.scope
        operation["x-role"] = route.rule.role or None
    content = _takes(route)
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


def _shape(shape: Any) -> dict[str, Any]:
    if isinstance(shape, UnionType):
        # Not oneOf: the larger of two shapes is also the smaller one.
        return {"anyOf": [_shape(part) for part in get_args(shape)]}
    if shape == Row:
        return {"$ref": REF.format(name="Row")}
    if get_origin(shape) is list:
        return {"type": "array", "items": _shape(get_args(shape)[0])}
    return {"$ref": REF.format(name=shape.__name__.removesuffix(SUFFIX))}


def _takes(route: Route) -> dict[str, Any]:
    match route.body:
        case BodyKind.JSON if route.takes:
            return {"application/json": {"schema": _shape(route.takes)}}
        case BodyKind.FORM:
            fields = {"schema": _shape(route.takes)}
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
            return {"application/json": {"schema": _shape(route.takes)}, **kinds}
        case _:
            return {}

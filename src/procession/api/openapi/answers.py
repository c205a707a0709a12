"""What a route can answer, for openapi.json: derived from what kind of route it is, so that no row can forget one."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from procession.door.contract import BodyKind, Mode, Route, Space
from procession.model.rights import PUBLIC

REF = "#/components/schemas/{name}"
RESPONSE = "#/components/responses/{name}"
JSON = "application/json"

# Why each status is sent; 405 is not here: it is what a method gets that no operation describes.
REASONS = {
    400: "The request is malformed, or not allowed in the present state",
    401: "The access token is missing, unknown, expired or revoked",
    403: "The scope, or the role of the caller, is too small; the message names what is missing",
    404: "It does not exist, or the caller must not see it",
    408: "The body stopped arriving",
    409: "A precondition that the client asked for does not hold",
    412: "The file has changed since the client saw it",
    413: "More than a limit allows",
    415: "The body is not of a kind that can be read here",
    416: "The range begins behind the end",
    429: "Too many attempts, or more than one user may have",
    500: "The server failed; supportId finds the cause in its log",
    503: "The server cannot do this now; the same request may succeed later",
}
HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": "The scheme, and what is wrong (RFC 6750)"},
    416: {"Content-Range": "bytes */ and the size"},
    429: {"Retry-After": "Seconds"},
    503: {"Retry-After": "Seconds"},
}

Shape = Callable[[Any], dict[str, Any]]


def components() -> dict[str, Any]:
    """The answers that routes share, by their names: every status other than success is an Error (T12)."""
    return {_name(status): _refusal(status) for status in REASONS}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _refusal(status: int) -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": REF.format(name="Error")}}}
    return {"description": REASONS[status], "content": content, **_headers(HEADERS.get(status, {}))}


def _headers(texts: dict[str, str]) -> dict[str, Any]:
    if not texts:
        return {}
    return {"headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()}}


def of_route(route: Route, shape: Shape) -> dict[str, Any]:
    """The answers of the route by status."""
    found: dict[str, Any] = {"200": _success(route, shape)}
    if route.is_ranged:
        found["206"] = {**found["200"], "description": "The range that was asked for"}
        found["206"]["headers"] = {**found["200"].get("headers", {}), **_headers({"Content-Range": "Of it"})["headers"]}
        found["304"] = {"description": "The content that the client has is the present one"}
    found |= {str(status): {"$ref": RESPONSE.format(name=_name(status))} for status in refusals(route)}
    return found


def _success(route: Route, shape: Shape) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if route.reply is not None:
        content[JSON] = {"schema": shape(route.reply)}
    for kind in route.media:
        content.setdefault(kind, {"schema": {"type": "object"}} if kind.endswith("json") else {})
    answer: dict[str, Any] = {"description": route.summary, **_headers(_success_headers(route))}
    return {**answer, "content": content} if content else answer


def _success_headers(route: Route) -> dict[str, str]:
    headers = {}
    if "cursor" in route.query:
        headers["Link"] = 'The address of the next page, as rel="next" (RFC 8288); absent on the last'
    if route.is_ranged:
        headers["Accept-Ranges"] = "bytes"
        headers["ETag"] = "A strong validator, where the content can no longer change"
    return headers


def refusals(route: Route) -> tuple[int, ...]:
    """The statuses other than success that this route can answer, smallest first."""
    takes_body = route.body is not BodyKind.NONE or route.mode is Mode.WRITE
    found = {400, 500, 503}  # a malformed query, a failure and a stop can meet every request
    if route.rule is not PUBLIC:
        found |= {401, 403}
        # Ids of the path, of the query and of the body: what they name may not be there.
        if "{" in route.pattern or "process" in route.query or takes_body:
            found.add(404)
    if takes_body:
        found |= {408, 413, 415}
    if route.is_ranged:
        found |= {412, 416}
    if route.is_conditional:
        found.add(412)
    if route.space is Space.OAUTH and route.mode is not Mode.READ:
        found |= {401, 429}
    if route.limit is not None:
        found.add(429)
    return tuple(sorted(found | set(route.statuses)))

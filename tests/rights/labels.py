"""The server's routes, and what this folder calls them."""

from __future__ import annotations

from typing import Any

from procession.api import routes
from procession.door.contract import Route, Space
from procession.oauth import routes as oauth

PLACES = {Space.API: "", Space.ROOT: "/", Space.OAUTH: "/oauth/"}


def label(route: Route) -> str:
    """As the oracle's table calls it: "GET processes/{process}", "POST /oauth/token"."""
    return f"{route.method} {PLACES[route.space]}{route.pattern}"


def every_route() -> tuple[Route, ...]:
    """Of all doors."""
    nothing: Any = None
    return (*routes.ROUTES, *oauth.routes(hashing=nothing))

"""The routes of all doors put together, as one ASGI application."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cache, partial

import procession
from procession.api import bearer, routes
from procession.api.openapi import document as openapi
from procession.clock import Clock
from procession.door.context import HandlerContext
from procession.door.contract import Proof, RequestDatabase, Route, Space
from procession.door.dispatch import Api, Server
from procession.door.encoding import encode
from procession.door.limits import Arriving, UserCounts, UserLimits
from procession.door.parsing import Parsing
from procession.engine.announcements import Announcements
from procession.model import rights
from procession.model.rights import PUBLIC
from procession.operations import rights as rights_operations
from procession.operations.callers import Callers
from procession.operations.resources import Resources
from procession.pages import environment
from procession.web import routes as web
from procession.web import session


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """`more` are the routes of the other doors. `threads` runs listings, `hashing` passwords, `parsing` reads process
    files. The rest is as in HandlerContext.
    """

    more: tuple[Route, ...]
    threads: Executor
    hashing: Executor
    parsing: Executor
    upload_bytes_max: int
    limits: UserLimits = field(default_factory=UserLimits)
    public_url: str = ""
    look_for_mail: Callable[[], None] | None = None


def build(
    database: RequestDatabase,
    resources: Resources,
    *,
    clock: Clock,
    announcements: Announcements,
    settings: ApiSettings,
) -> Api:
    """The ASGI application. Raises ValueError for a route whose rule cannot be asked."""
    table = (*routes.ROUTES, *web.ROUTES, *settings.more)
    # How a caller is proved, by the space of the path.
    proofs: dict[Space, Proof] = {Space.API: partial(bearer.prove, Callers()), Space.ROOT: session.prove}
    # At the start: a route that nobody can be refused at must never be served.
    check(table, proofs)
    context = HandlerContext(
        resources=resources,
        announcements=announcements,
        upload_bytes_max=settings.upload_bytes_max,
        limits=settings.limits,
        arriving=Arriving(settings.limits.upload_bytes_max),
        hashing=settings.hashing,
        parsing=Parsing(settings.parsing),
        look_for_mail=settings.look_for_mail,
        document=cache(partial(_document, table)),
    )
    connected = Server(
        database=database,
        proofs=proofs,
        permit=rights_operations.permit,
        clock=clock.now,
        threads=settings.threads,
        context=context,
        limits=UserCounts(settings.limits),
        public_url=settings.public_url,
        error_html=environment.error,
    )
    return Api(connected, table)


def _document(table: Iterable[Route]) -> bytes:
    # When it is first asked for, and once: it takes tens of milliseconds, for which no start should wait.
    return encode(openapi.document(table, version=procession.__version__))


def check(table: Iterable[Route], proved: Container[Space]) -> None:
    """Raises ValueError for a route whose rule cannot be asked, or where nobody can prove who they are."""
    for route in table:
        rights.check(route.rule, re.findall(r"\{(\w+)\}", route.pattern))
        if route.rule is not PUBLIC and route.space not in proved:
            raise ValueError(f"nobody can prove who they are at {route.method} {route.pattern}")

"""The API put together: every route with its handler, as one ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

import procession
from procession.api import (
    columns,
    files,
    logs,
    openapi,
    processes,
    routes,
    runs,
    server,
    steps,
    table_rows,
    tables,
    wire,
)
from procession.api.contract import BodyKind, Call, Database, Handler, Mode, Reply, Route, Space, StreamHandler
from procession.api.dispatch import Api, Server
from procession.api.parts import Parts
from procession.clock import Clock
from procession.engine.announcements import Announcements
from procession.model.rights import PUBLIC
from procession.operations import permissions
from procession.operations.office import Office
from procession.store.database import Transaction

# What the token endpoint does, given by the door that knows OAuth: fields of the form, the header Authorization or "",
# and the time; gives the answer, or raises an error of its own.
IssueToken = Callable[[Transaction, Mapping[str, str], str, datetime], Mapping[str, Any]]

# Where the handlers of each noun are.
NOUNS: Mapping[str, ModuleType] = {
    "processes": processes,
    "runs": runs,
    "steps": steps,
    "logs": logs,
    "files": files,
    "tables": tables,
    "columns": columns,
    "table_rows": table_rows,
    "server": server,
}


def handler(name: str) -> Handler | StreamHandler:
    """The handler of "noun.verb". Raises KeyError or AttributeError when there is none, before anything is served."""
    noun, _, verb = name.partition(".")
    found: Handler | StreamHandler = getattr(NOUNS[noun], verb)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """`threads` runs listings, `hashing` passwords; `issue_token` is the token endpoint."""

    issue_token: IssueToken
    threads: Executor
    hashing: Executor
    upload_bytes_max: int


def build(
    database: Database, office: Office, *, clock: Clock, announcements: Announcements, settings: ApiSettings
) -> Api:
    """The ASGI application."""
    table = (*routes.table(handler), token_route(settings.issue_token))
    parts = Parts(
        office=office,
        announcements=announcements,
        upload_bytes_max=settings.upload_bytes_max,
        hashing=settings.hashing,
        document=wire.encode(openapi.document(table, version=procession.__version__)),
    )
    connected = Server(
        database=database,
        authenticate=permissions.authenticate,
        permit=permissions.permit,
        clock=clock.now,
        threads=settings.threads,
        parts=parts,
    )
    return Api(connected, table)


def token_route(issue: IssueToken) -> Route:
    """POST /oauth/token: public, because the client's secret is in it."""

    def token(call: Call) -> Reply:
        answer = issue(call.tx, call.body, call.request.headers.get("authorization", ""), call.now)
        return Reply(value=answer, headers={"pragma": "no-cache"})  # RFC 6749 section 5.1; no-store is sent always

    return Route(
        method="POST",
        pattern="token",
        handler=token,
        rule=PUBLIC,
        summary="Get an access token",
        mode=Mode.WRITE,
        space=Space.OAUTH,
        body=BodyKind.FORM,
        reply="Token",
        takes="TokenRequest",
    )

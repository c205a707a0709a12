"""The API put together: every route with its handler, as one ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import procession
from procession.api import files, logs, openapi, processes, routes, runs, server, steps, wire
from procession.api.contract import PUBLIC, BodyKind, Call, Database, Mode, Reply, Route, Space
from procession.api.dispatch import Api, Server
from procession.api.parts import Parts
from procession.clock import Clock
from procession.engine.announcements import Announcements
from procession.operations import permissions
from procession.operations.office import Office
from procession.store.database import Transaction

# What the token endpoint does, given by the door that knows OAuth: fields of the form, the header Authorization or "",
# and the time; gives the answer, or raises an error of its own.
IssueToken = Callable[[Transaction, Mapping[str, str], str, datetime], Mapping[str, Any]]

HANDLERS: routes.Handlers = {
    "processes.listed": processes.listed,
    "processes.create": processes.create,
    "processes.get": processes.get,
    "processes.publish": processes.publish,
    "processes.definition": processes.definition,
    "processes.versions": processes.versions,
    "processes.steps": processes.steps,
    "runs.create": runs.create,
    "runs.of_process": runs.of_process,
    "runs.listed": runs.listed,
    "runs.get": runs.get,
    "runs.start": runs.start,
    "runs.cancel": runs.cancel,
    "runs.request": runs.request,
    "runs.status": runs.status,
    "runs.history": runs.history,
    "steps.of_run": steps.of_run,
    "steps.status": steps.status,
    "steps.restart": steps.restart,
    "steps.restart_plan": steps.restart_plan,
    "steps.log": logs.log,
    "steps.get": steps.get,
    "steps.properties": steps.properties,
    "steps.property": steps.property,
    "steps.change": steps.change,
    "files.metadata": files.metadata,
    "files.rename": files.rename,
    "files.upload": files.upload,
    "files.download": files.download,
    "server.health": server.health,
    "server.openapi": server.openapi,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """`threads` runs listings; `issue_token` is the token endpoint."""

    issue_token: IssueToken
    threads: Executor
    upload_bytes_max: int


def build(
    database: Database, office: Office, *, clock: Clock, announcements: Announcements, settings: ApiSettings
) -> Api:
    """The ASGI application."""
    table = (*routes.table(HANDLERS), token_route(settings.issue_token))
    parts = Parts(
        office=office,
        announcements=announcements,
        upload_bytes_max=settings.upload_bytes_max,
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

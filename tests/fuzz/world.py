"""What the fuzzer meets: the house of tests/api with a run in every state, and the ids with which to ask for them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from procession.clock import ManualClock
from procession.door.limits import UserLimits
from procession.engine.table_workers import TableWorkers
from procession.model.people import SCOPES, UTC_NAME
from procession.operations import applications, uploads
from procession.store.database import Transaction
from tests import approving
from tests.api.house import PROCESS, House, house, table_processes

Ids = Mapping[str, str]
LISTENED_SECONDS = 0.2
UPLOAD = {"file": ("orders.csv", b"id,amount\n1,2.50\n")}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`ids` are of things that stay as they are; `fresh` makes what one operation uses up.

    What is `ruinous` could end the house itself (an administrator's token, the owner's role), and is never asked of
    the things that are `protected`.
    """

    house: House
    ids: Ids
    fresh: Mapping[str, Callable[[House], Ids]]
    ruinous: Set[str]
    protected: Set[str]

    def ids_for(self, label: str) -> Ids:
        """Ids for one request of the operation "POST /path/{run}"."""
        make = self.fresh.get(label)
        return self.ids if make is None else {**self.ids, **make(self.house)}


@contextmanager
def world(folder: Path, clock: ManualClock, table_workers: TableWorkers) -> Iterator[World]:
    # Every request of hours comes in one minute of a clock that stands still.
    limits = UserLimits(new_runs_max=1_000_000, uploads_max=100_000)
    with house(folder, clock, table_workers, limits=limits) as made:
        listed = [made.get(path, who="admin") for path in ("users", "usergroups", "applications")]
        protected = frozenset(str(item["id"]) for items in listed for item in items)
        made.app = impatient(made.app)
        yield World(house=made, ids=_ids(made), fresh=FRESH, ruinous=RUINOUS, protected=protected)


@contextmanager
def alone(folder: Path) -> Iterator[World]:
    """A world with a clock and processes of its own."""
    clock = ManualClock(datetime(2026, 11, 30, 9, 0, tzinfo=UTC))
    with table_processes(folder) as workers, world(folder, clock, workers) as made:
        yield made


HUNG_UP = 499  # nginx's


def impatient(app: Any) -> Any:
    """The application as a client asks it that hangs up on what may last: events, and a log that is followed."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        async def heard() -> Any:
            try:
                return await asyncio.wait_for(receive(), LISTENED_SECONDS)
            except TimeoutError:
                return {"type": "http.disconnect"}

        answer: list[Any] = []

        async def noted(message: Any) -> None:
            answer.append(message)
            await send(message)

        if scope["type"] != "http" or not (scope["path"].endswith("/events") or b"follow" in scope["query_string"]):
            await app(scope, receive, send)
            return
        await app(scope, heard, noted)
        # Who hung up gets no more; the client of these tests asks for an end.
        if not answer:
            await send({"type": "http.response.start", "status": HUNG_UP, "headers": []})
        if not answer or answer[-1]["type"] == "http.response.start" or answer[-1].get("more_body", False):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return asked


def _ids(made: House) -> Ids:
    """Of a finished run, whose steps have logs and whose file is filled before it starts."""
    run = made.new_run()
    found = {"process": made.process, "run": run, "step": made.step(run, "parameters")}
    properties = made.get(f"steps/{found['step']}/properties")
    found["property"] = properties[0]["id"]
    found["file"] = next(item["file"] for item in properties if item["name"] == "Orders")
    made.post(f"files/{found['file']}", files=UPLOAD)
    made.post(f"processruns/{run}/start")
    made.take(run)
    made.finish(run)
    found |= {**new_table(made), **new_member(made), **new_application(made)}
    return {**found, **made.database.write(lambda tx: _application(tx, made))}


def _application(tx: Transaction, made: House) -> Ids:
    login = made.users["admin"].login
    item, secret = applications.create(tx, name="fuzzer", user_login=login, scopes=SCOPES, now=made.clock.now())
    return {"client_id": item.client_id, "client_secret": secret}


def new_run(made: House) -> Ids:
    run = made.new_run()
    step = made.step(run, "parameters")
    properties = made.get(f"steps/{step}/properties")
    file = next(item["file"] for item in properties if item["name"] == "Orders")
    return {"run": run, "step": step, "property": properties[0]["id"], "file": file}


def new_upload(made: House) -> Ids:
    """The administrator's session (no other user sees it) to fill a file, with its only chunk."""
    found = new_run(made)
    # A user has at most so many open.
    made.database.write(lambda tx: uploads.expire(tx, made.clock.now() + timedelta(days=2)))
    sessions = f"files/{found['file']}/uploadsessions"
    session = str(made.post(sessions, who="admin")["uploadSessionId"])
    made.post(f"{sessions}/{session}/chunks/1", who="admin", files=UPLOAD)
    return {**found, "session": session, "chunk": "1"}


def started_run(made: House) -> Ids:
    run = made.new_run(start=True)
    return {"run": run}


def finished_run(made: House) -> Ids:
    run = made.new_run(start=True)
    made.take(run)
    made.finish(run)
    return {"run": run, "step": made.step(run, "settle")}


def asking_run(made: House) -> Ids:
    """Its step waits for people."""
    text = approving.text(f"Process {secrets.token_hex(8)}")
    process = made.ask("POST", "processes", who="editor", content=text).json()["id"]
    run = approving.begun(made, str(process), "editor")
    rows = made.get(f"processruns/{run}/steps?include=all", who="admin")
    return {"run": run, "step": next(str(row["id"]) for row in rows if row["key"] == "ok")}


def new_process(made: House) -> Ids:
    name = f"Process {secrets.token_hex(8)}"
    process = made.post("processes", content=PROCESS.replace("Month end", name))["id"]
    return {"process": str(process), "process name": name}


def new_table(made: House) -> Ids:
    """Of a column and a row."""
    table = made.post("tables", json={"name": f"Table {secrets.token_hex(8)}"})["id"]
    made.post(f"tables/{table}/columns", json={"name": "Amount", "dataType": "Number"})
    made.post(f"tables/{table}/rows", json={"rows": [{"Amount": 12.5}]})
    return {"table": str(table), "column": "Amount"}


def new_user(made: House) -> Ids:
    """A reader of the process."""
    fields = {"firstName": "A", "lastName": "User", "userRole": "Subscriber", "timezone": UTC_NAME}
    user = made.post("users", who="admin", json={"email": f"{secrets.token_hex(8)}@example.com", **fields})["id"]
    made.post(f"users/{user}/permissions/{made.process}", json={"role": "reader"})
    return {"user": str(user), "resource": made.process}


def new_member(made: House) -> Ids:
    """Of a group that can read the process."""
    found = new_user(made)
    group = made.post("usergroups", who="admin", json={"name": f"Group {secrets.token_hex(8)}"})["id"]
    made.post(f"usergroups/{group}/users/{found['user']}", who="admin")
    made.post(f"usergroups/{group}/permissions/{made.process}", json={"role": "reader"})
    return {**found, "group": str(group)}


def new_application(made: House) -> Ids:
    return {"application": str(made.post("applications", who="admin", json={"name": "Nightly"})["id"])}


RUN = "/api/v1/processruns/{run}"
APPLICATION = "/api/v1/applications/{application}"
SESSIONS = "/api/v1/files/{file}/uploadsessions"
_USERS = ("POST /api/v1/users/{user}", "POST /api/v1/users/{user}/passwordlink")
_GRANTS = (
    *(
        f"{method} /api/v1/{holder}/permissions{what}"
        for holder in ("users/{user}", "usergroups/{group}")
        for method, what in (("POST", ""), ("POST", "/{resource}"), ("DELETE", "/{resource}"))
    ),
    "POST /api/v1/usergroups/{group}",
    "DELETE /api/v1/usergroups/{group}",
)
_APPLICATIONS = (f"POST {APPLICATION}", f"POST {APPLICATION}/secret", f"DELETE {APPLICATION}")
FRESH: Mapping[str, Callable[[House], Ids]] = {
    "DELETE /api/v1/tables/{table}": new_table,
    "POST /api/v1/tables/{table}/columns/{column}": new_table,
    "DELETE /api/v1/tables/{table}/columns/{column}": new_table,
    "PUT /api/v1/processes/{process}/definition": new_process,
    "POST /api/v1/requests": new_run,
    f"POST {RUN}/start": new_run,
    f"DELETE {RUN}": new_run,
    "DELETE /api/v1/files/{file}": new_run,
    f"POST {RUN}/cancel": started_run,
    f"POST {RUN}/steps/{{step}}/restartfromhere": finished_run,
    f"GET {RUN}/steps/{{step}}/restartplan": finished_run,
    f"GET {RUN}/steps/{{step}}/approval": asking_run,
    f"POST {RUN}/steps/{{step}}/approval": asking_run,
    "POST /api/v1/steps/{step}/properties/{property}": new_run,
    "POST /api/v1/files/{file}": new_run,
    "POST /api/v1/files/{file}/metadata": new_run,
    f"POST {SESSIONS}": new_run,
    f"POST {SESSIONS}/{{session}}/chunks/{{chunk}}": new_upload,
    f"POST {SESSIONS}/{{session}}/commit": new_upload,
    "DELETE /api/v1/usergroups/{group}/users/{user}": new_member,
    **dict.fromkeys(_GRANTS, new_member),
    **dict.fromkeys(_USERS, new_user),
    **dict.fromkeys(_APPLICATIONS, new_application),
}
RUINOUS = frozenset({*_GRANTS, *_USERS, *_APPLICATIONS})

"""A house with a user for every user role and every role on its resources, and a token for every set of scopes.

Whatever is asked, the world stays as it is: each write is taken back after it has been answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from procession.api import routes
from procession.clock import ManualClock
from procession.door.contract import Route
from procession.door.dispatch import Api
from procession.engine.table_workers import TableWorkers
from procession.model.ids import FileId, UserId, parse_resource
from procession.model.people import Application, Role, User, UserRole
from procession.model.uploads import UploadSession
from procession.oauth import routes as oauth
from procession.operations import applications, consents, people
from procession.serving import application as app
from procession.store import applications as application_store
from procession.store import history, permissions, uploads
from procession.store import people as people_store
from procession.store.database import Database, Transaction
from tests.api.house import House, house
from tests.rights import oracle
from tests.rights.asking import Question, Said, ask
from tests.rights.oracle import Person

ALL = frozenset(oracle.SCOPES)
# Each by itself, all, none, and all but those that would do.
SCOPE_SETS: Mapping[str, frozenset[str]] = {
    "all": ALL,
    "none": frozenset(),
    **{scope: frozenset({scope}) for scope in oracle.SCOPES},
    **{f"all but {scope}": ALL - {scope, *oracle.wider(scope)} for scope in oracle.SCOPES},
}
UPLOAD = {"file": ("orders.csv", b"id,amount\n1,2.50\n")}

T = TypeVar("T")


class _TakenBack(Exception):
    """Undoes an operation that has been carried out."""


class Undone:
    """The real database, whose every write is taken back once its answer is known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> AbstractContextManager[Transaction]:
        return self._database.read()

    def snapshot(self) -> AbstractContextManager[Transaction]:
        return self._database.snapshot()

    def version(self) -> int:
        return self._database.version()

    def submit(self, operation: Callable[[Transaction], T]) -> Future[T]:
        kept: list[T] = []
        future: Future[T] = Future()

        def undone(tx: Transaction) -> None:
            kept.append(operation(tx))
            raise _TakenBack

        def settle(done: Future[None]) -> None:
            error = done.exception()
            if isinstance(error, _TakenBack):
                future.set_result(kept[0])
            else:
                future.set_exception(error or AssertionError("nothing was taken back"))

        self._database.submit(undone).add_done_callback(settle)
        return future


@dataclass(slots=True, kw_only=True)
class World:
    """`ids` are of things by what the probes call them; `sessions` the upload sessions of each person."""

    house: House
    app: Api
    routes: tuple[Route, ...]
    loop: asyncio.Runner
    ids: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    sessions: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    def ask(self, question: Question) -> Said:
        return self.run(ask(self.app, question))

    def forget_callers(self) -> None:
        """Have every token proved again: a rule of this program has changed, which no server sees happen."""
        self.house.database.write(lambda tx: tx.run("UPDATE proof_state SET state = state + 1"))

    def names_of(self, person: Person) -> dict[str, str]:
        """Everything that a probe can name, as this person means it."""
        return {
            **self.ids,
            **self.sessions[person.name],
            "me": person.id,
            "own": person.application,
            "own log": person.log,
        }


def token(person: str, scopes: str) -> str:
    return f"{person}/{scopes}".replace(" ", "-")


@contextmanager
def over(made: House, *, database: Any = None) -> Iterator[World]:
    """The application over the house's database, or another view of it, with nothing in it yet that the house lacks."""
    with ThreadPoolExecutor(2) as threads, asyncio.Runner() as loop:
        settings = app.ApiSettings(
            more=oauth.routes(hashing=threads),
            threads=threads,
            hashing=threads,
            parsing=threads,
            upload_bytes_max=100_000,
        )
        undone: Any = database or Undone(made.database)
        built = app.build(undone, made.resources, clock=made.clock, announcements=made.announcements, settings=settings)
        yield World(house=made, app=built, routes=(*routes.ROUTES, *settings.more), loop=loop)


@contextmanager
def world(folder: Path, table_workers: TableWorkers, clock: ManualClock) -> Iterator[World]:
    with house(folder, clock, table_workers) as made, over(made) as new:
        new.ids = _things(made)
        made.database.write(lambda tx: _settle(tx, new))
        yield new


def _things(made: House) -> dict[str, str]:
    """A run that has not started, with a filled file; one that has finished; the same things of the process itself."""
    template = made.get(f"processes/{made.process}/steps")[0]["id"]
    template_properties = made.get(f"steps/{template}/properties")
    template_file = _file(template_properties, "Orders")
    made.post(f"files/{template_file}", files=UPLOAD)
    run, finished = made.new_run(), made.new_run(start=True)
    made.take(finished)
    made.finish(finished)
    step = made.step(run, "parameters")
    properties = made.get(f"steps/{step}/properties")
    file = _file(properties, "Orders")
    made.post(f"files/{file}", files=UPLOAD)
    found = {"process": made.process, "run": finished, "new run": run, "step": step, "file": file}
    found |= {"template step": template, "template file": template_file, "output file": _file(properties, "Report")}
    found |= {"property": properties[0]["id"], "template property": template_properties[0]["id"]}
    found |= {"action step": made.step(finished, "settle"), "data step": made.step(finished, "parameters")}
    return found | _table(made)


def _file(properties: list[Any], name: str) -> str:
    return str(next(item["file"] for item in properties if item["name"] == name))


def _table(made: House) -> dict[str, str]:
    table = str(made.post("tables", json={"name": "Ledger"})["id"])
    made.post(f"tables/{table}/columns", json={"name": "Amount", "dataType": "Number"})
    made.post(f"tables/{table}/rows", json={"rows": [{"Amount": 12.5}]})
    return {"table": table, "column": "Amount", "chunk": "1"}


def _settle(tx: Transaction, new: World) -> None:
    """Everybody, what they were granted, and those whom others ask about."""
    for user_role in oracle.USER_ROLES:
        for role in ("", *oracle.ROLES):
            for way in ("directly", "by a group") if role else ("",):
                _add_person(tx, new, user_role=user_role, role=role, way=way)
    holder = _user(tx, new, "holder", "Subscriber")
    group = people.create_group(tx, name="Holders", now=new.house.clock.now())
    people_store.add_member(tx, group.id, holder.id)
    for resource in (new.ids["process"], new.ids["table"]):
        permissions.give(tx, parse_resource(resource), Role.EXECUTOR, holder=holder.id)
        permissions.give(tx, parse_resource(resource), Role.READER, holder=group.id)
    above = _user(tx, new, "above", "SVXAdmin")
    new.ids |= {"user": str(holder.id), "group": str(group.id), "above": str(above.id)}
    new.ids |= {"unrelated": str(new.house.users["stranger"].id), "resource": new.ids["process"]}
    new.ids["log"] = _log(tx, new, holder.login)
    application, secret = _registered(tx, new, holder)
    new.ids |= {"application": str(application.id), "client": application.client_id, "secret": secret}
    new.ids["above's"] = str(_application(tx, new, above).id)
    kinds = {"process": "p", "run": "pr", "step": "ds", "file": "f", "table": "mt", "user": "u", "group": "ug"}
    new.ids |= {f"no {name}": f"{prefix}-999999" for name, prefix in kinds.items()}
    new.ids |= {"no application": "c-999999", "no resource": "p-999999", "no action step": "as-999999"}


def _add_person(tx: Transaction, new: World, *, user_role: str, role: str, way: str) -> None:
    name = ".".join(part for part in (user_role, role or "none", way.removeprefix("by a ")) if part).lower()
    user = _user(tx, new, name, user_role)
    holder: Any = user.id
    if way == "by a group":
        holder = people.create_group(tx, name=name, now=new.house.clock.now()).id
        people_store.add_member(tx, holder, user.id)
    for resource in (new.ids["process"], new.ids["table"]) if role else ():
        permissions.give(tx, parse_resource(resource), Role(role), holder=holder)
    application = _application(tx, new, user)
    grants = {"process": role, "table": role} if role else {}
    person = Person(
        name=name,
        user_role=user_role,
        id=str(user.id),
        application=str(application.id),
        log=_log(tx, new, user.login),
        grants=grants,
    )
    new.people[name] = person
    expires_at = new.house.clock.now() + timedelta(days=1)
    for scopes in SCOPE_SETS:
        digest = consents.digest(token(name, scopes))
        application_store.add_token(tx, digest, application, scopes=SCOPE_SETS[scopes], expires_at=expires_at)
    new.sessions[name] = {
        "session": _session(tx, new, user.id, new.ids["file"], f"{user.id.number:032x}"),
        "template session": _session(tx, new, user.id, new.ids["template file"], f"{user.id.number + 2**32:032x}"),
    }


def _user(tx: Transaction, new: World, name: str, role: str) -> User:
    email = f"{name}@example.com"
    now = new.house.clock.now()
    return people.create_user(tx, email=email, first_name="A", last_name="B", role=UserRole(role), now=now)


def _application(tx: Transaction, new: World, user: User) -> Application:
    made, _ = _registered(tx, new, user)
    return made


def _registered(tx: Transaction, new: World, user: User) -> tuple[Application, str]:
    """It can do nothing that a token with the scope for applications could not."""
    scopes = frozenset({"application"})
    return applications.create(tx, name="Own", user_login=user.login, scopes=scopes, now=new.house.clock.now())


def _log(tx: Transaction, new: World, login: str) -> str:
    history.add_log(tx, login, "something has happened", new.house.clock.now())
    row = tx.one("SELECT max(id) FROM log")
    assert row is not None
    return f"log-{row[0]}"


def _session(tx: Transaction, new: World, user: UserId, file: str, digits: str) -> str:
    id = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    now = new.house.clock.now()
    uploads.begin(tx, UploadSession(id=id, target=FileId.parse(file), user=user, created_at=now))
    return id

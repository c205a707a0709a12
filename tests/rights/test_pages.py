"""Every page and form x everybody: the server lets in whom this table says, and nobody else.

As the oracle's, the table is written by hand; nothing of it is imported from the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from procession.door import browser
from procession.model.connections import ConnectionKind
from procession.model.ids import ConnectionId, UserId
from procession.model.rights import PUBLIC
from procession.operations import connections, sessions
from procession.operations.connections import NewConnection
from procession.store import connections as connection_store
from procession.store import sessions as session_store
from procession.store.database import Transaction
from procession.web import routes
from tests.rights import oracle
from tests.rights.asking import Question, Said
from tests.rights.matrix import FEW
from tests.rights.oracle import Demand, Person
from tests.rights.world import ALL, World
from tests.support import one_in

# Method, path | least role on | what the path names | least user role; "public" needs no session.
TABLE = """
GET assets/{asset} | public | |
GET | | |
GET processes/new | | | Designer
POST processes/new | | | Designer
GET processes/new/changes | | | Designer
POST processes/new/publish | | | Designer
GET processes/{process}/edit | editor | process |
POST processes/{process}/edit | editor | process |
GET processes/{process}/edit/changes | editor | process |
POST processes/{process}/edit/publish | editor | process |
POST processes/{process}/edit/try | editor | process |
POST processes/{process}/edit/try-step | editor | process |
POST processes/{process}/edit/fit | editor | process |
GET home/live | | |
GET processes | | |
GET processes/upload | | | Designer
POST processes/upload | | | Designer
GET processes/{process} | reader | process |
GET processes/{process}/upload | editor | process |
POST processes/{process}/upload | editor | process |
GET runs | | |
GET runs.csv | | |
GET runs/live | | |
POST runs/bulk | | |
POST runs/bulk/do | | |
POST runs/{run}/seen | executor | run |
GET runs/{run} | reader | run |
GET runs/{run}/live | reader | run |
GET runs/{run}/results.zip | reader | run |
GET runs/{run}/steps/{step}/log | reader | run |
GET runs/{run}/steps/{step}/plan | executor | run |
POST runs/{run}/steps/{step}/restart | executor | run |
GET runs/{run}/steps/{step}/suggestions | reader | run |
POST runs/{run}/steps/{step}/suggestions | reader | run |
POST runs/{run}/steps/{step}/approval | reader | run |
POST runs/{run}/start | executor | run |
POST runs/{run}/cancel | executor | run |
POST runs/{run}/copy | executor | run |
GET runs/{run}/files/{file}/rows | reader | file |
GET files/{file}/download | reader | file |
GET processes/{process}/new | executor | process |
POST processes/{process}/new | executor | process |
GET runs/{run}/inputs | reader | run |
POST runs/{run}/inputs | executor | run |
POST runs/{run}/files/{file} | executor | file |
GET runs/{run}/files/{file}/preview | reader | file |
GET runs/{run}/files/{file}/uploads | executor | file |
POST runs/{run}/files/{file}/uploads | executor | file |
POST runs/{run}/files/{file}/uploads/{session}/chunks/{chunk} | executor | file |
POST runs/{run}/files/{file}/uploads/{session}/commit | executor | file |
POST runs/{run}/files/{file}/uploads/{session}/end | executor | file |
POST runs/{run}/delete | executor | run |
GET account | | |
POST account | | |
POST account/password | | |
POST account/theme | | |
POST account/sessions | | |
POST account/applications | | |
GET people | | |
POST people/roles | | |
GET people/new | | | ClientAdmin
POST people/new | | | ClientAdmin
GET people/{user} | owner | user |
POST people/{user} | owner | user |
POST people/{user}/link | owner | user |
POST people/{user}/join | owner | user |
POST people/{user}/leave | owner | user |
GET groups/new | | | ClientAdmin
POST groups/new | | | ClientAdmin
GET groups/{group} | reader | group |
POST groups/{group} | owner | group |
POST groups/{group}/add | owner | group |
POST groups/{group}/remove | owner | group |
POST groups/{group}/delete | owner | group |
GET applications | | |
GET applications/new | | |
POST applications/new | | |
GET applications/{application} | owner | application |
POST applications/{application} | owner | application |
POST applications/{application}/secret | owner | application |
POST applications/{application}/delete | owner | application |
GET connections | | |
GET connections/new | | | ClientAdmin
POST connections/new | | | ClientAdmin
GET connections/{connection} | | | ClientAdmin
POST connections/{connection} | | | ClientAdmin
POST connections/{connection}/allow | | | ClientAdmin
POST connections/{connection}/disallow | | | ClientAdmin
POST connections/{connection}/test | | | ClientAdmin
POST connections/{connection}/remove | | | ClientAdmin
GET tables | | |
GET tables/new | | | Designer
POST tables/new | | | Designer
GET tables/{table} | reader | table |
POST tables/{table} | editor | table |
GET tables/{table}/export | reader | table |
POST tables/{table}/columns | editor | table |
GET tables/{table}/import | editor | table |
POST tables/{table}/upload | editor | table |
GET tables/{table}/uploads | editor | table |
POST tables/{table}/uploads | editor | table |
POST tables/{table}/uploads/{session}/chunks/{chunk} | editor | table |
POST tables/{table}/uploads/{session}/commit | editor | table |
POST tables/{table}/uploads/{session}/end | editor | table |
POST tables/{table}/import | editor | table |
POST tables/{table}/delete | owner | table |
GET log | | |
GET log.csv | | |
GET api | | |
"""
# What a path names besides the things of the world.
NAMES = {"connection": "cn-1", "asset": "nothing.css", "session": "00000000-0000-4000-8000-000000000000", "chunk": "1"}
SAMPLE = 3  # of so many visitors `make test` sends one, and those of FEW to each page; `make thorough` sends everybody
LET_IN = {200, 303, 400, 409}  # whoever may ask, and asked for nonsense
# A file is sent to an address that holds the form's token: its body is read as it comes.
UPLOADS = {
    "POST tables/{table}/upload",
    "POST tables/{table}/uploads/{session}/chunks/{chunk}",
    "POST runs/{run}/files/{file}/uploads/{session}/chunks/{chunk}",
}


def rows() -> dict[str, Demand]:
    found = {}
    for line in TABLE.strip().splitlines():
        request, role, of, user_role = (part.strip() for part in line.split("|"))
        is_public = role == "public"
        found[request] = Demand(role="" if is_public else role, of=of, user_role=user_role, is_public=is_public)
    return found


def label(method: str, pattern: str) -> str:
    return f"{method} {pattern}".strip()


@dataclass(frozen=True, slots=True)
class Visitor:
    """`cookie` of a browser that somebody has signed in with."""

    person: Person
    cookie: str


@pytest.fixture(scope="module")
def visitors(everybody: World) -> Iterator[list[Visitor]]:
    database = everybody.house.database
    until = everybody.house.resources.home_clock.most() + timedelta(hours=1)
    found = [Visitor(person, f"session-of-{person.name}".replace(" ", "-")) for person in everybody.people.values()]

    def sign_in(tx: Transaction) -> None:
        for visitor in found:
            session_store.add(tx, sessions._digest(visitor.cookie), UserId.parse(visitor.person.id), until)

    def sign_out(tx: Transaction) -> None:
        for visitor in found:
            session_store.drop(tx, sessions._digest(visitor.cookie))

    database.write(sign_in)
    database.write(lambda tx: make_connection(tx, everybody))
    yield found
    database.write(sign_out)


def make_connection(tx: Transaction, world: World) -> None:
    if connection_store.by_name(tx, "bank") is None:
        options = {"host": "127.0.0.1", "sender": "close@mail.example"}
        wanted = NewConnection(name="bank", kind=ConnectionKind.SMTP, options=options)
        assert connections.add(world.house.act(tx, "admin"), wanted).id == ConnectionId(1)


def ask(world: World, request: str, ids: dict[str, str], cookie: str) -> Said:
    method, _, pattern = request.partition(" ")
    path = "/" + re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], pattern)
    form = f"form={browser.form_token(cookie)}" if cookie else "form=x"
    headers = ((b"cookie", f"{browser.SESSION}={cookie}".encode()),) if cookie else ()
    body = form.encode() if method == "POST" and request not in UPLOADS else b""
    question = Question(
        method=method,
        path=path,
        # Where a file is sent to, the token stands in the address.
        query=form if method == "POST" else "",
        body=body,
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )
    return world.ask(question)


def test_every_page_has_a_row_in_the_table_and_every_row_a_page() -> None:
    assert sorted(label(route.method, route.pattern) for route in routes.ROUTES) == sorted(rows())


def test_a_page_is_public_only_where_the_table_says_so() -> None:
    public = {label(route.method, route.pattern) for route in routes.ROUTES if route.rule is PUBLIC}

    assert public == {request for request, demand in rows().items() if demand.is_public}


def test_everybody_sees_what_the_table_says_and_nothing_else(
    everybody: World, visitors: list[Visitor], is_thorough: bool
) -> None:
    wrong, asked = [], 0
    for request, demand in rows().items():
        if demand.is_public:
            continue
        others = one_in(SAMPLE, (f"{request} by {visitor.person.name}" for visitor in visitors), unless=is_thorough)
        for visitor in visitors:
            if visitor.person.name not in FEW and f"{request} by {visitor.person.name}" not in others:
                continue
            for ids in _choices(everybody, visitor.person, request):
                verdict = oracle.judge((demand,), visitor.person, ALL, ids)
                said = ask(everybody, request, ids, visitor.cookie)
                asked += 1
                expected = {verdict.status} if verdict.status else _let_in(request, ids)
                is_right = said.status in expected
                if not is_right:
                    wrong.append(
                        f"{request} {ids} by {visitor.person.name}: {said.status}, not {verdict.status or 200}"
                    )
                elif verdict.status:
                    assert said.headers["content-type"].startswith("text/html"), request

    assert not wrong, f"{len(wrong)} of {asked}\n" + "\n".join(wrong[:40])
    assert asked >= 100


def _let_in(request: str, ids: dict[str, str]) -> set[int]:
    """The file of the world is the new run's: under another run's address there is none. Nor is there an upload."""
    is_misfit = "{session}" in request or ("runs/{run}/files/{file}" in request and ids["run"] != ids["new run"])
    return {404} if is_misfit else LET_IN


def _choices(world: World, person: Person, request: str) -> Iterator[dict[str, str]]:
    names = {**world.names_of(person), **NAMES}
    places = re.findall(r"\{(\w+)\}", request)
    if {"run", "step"} <= {*places}:
        # A step is of one run; that it is looked for in no other is tried with the page that shows it.
        yield from ({**names, "step": names["action step"], **other} for other in ({}, {"run": names["no run"]}))
        return
    yield names
    if "run" in places:
        yield {**names, "run": names["new run"]}
    for place in places:
        if f"no {place}" in names:
            yield {**names, place: names[f"no {place}"]}


def test_nobody_sees_a_page_without_a_session(everybody: World) -> None:
    ids = {**everybody.ids, **NAMES}
    for request, demand in rows().items():
        said = ask(everybody, request, ids, "")
        if demand.is_public:
            assert said.status == 404
        elif request.startswith("GET"):
            assert (said.status, said.body) == (303, b""), request
        else:
            assert said.status == 401, request


def test_a_form_without_its_token_changes_nothing_for_anybody(everybody: World, visitors: list[Visitor]) -> None:
    admin = next(visitor for visitor in visitors if visitor.person.name == "clientadmin.none")
    ids = {**everybody.names_of(admin.person), **NAMES}
    for request in rows():
        if request.startswith("POST"):
            other = f"{browser.SESSION}={admin.cookie}"
            path = "/" + re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], request.removeprefix("POST "))
            said = everybody.ask(
                Question(method="POST", path=path, body=b"form=x.y", headers=((b"cookie", other.encode()),))
            )
            assert said.status == 403, request

"""What many clients do at the same moment: one effect, one answer, nothing lost."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import httpx2
import pytest

from procession.operations import uploads
from tests.api.house import House
from tests.api.test_files import file_of
from tests.api.test_tables import new_table
from tests.api.test_upload_sessions import begin, content, on_disk, place, send
from tests.api.test_users import JILL
from tests.programs import ECHO

MANY = 50
KEY = {"Idempotency-Key": "0a1b2c"}
Asked = tuple[str, str, dict[str, Any]]
CSV = {"content-type": "text/csv"}


def at_once(home: House, *requests: Asked) -> list[httpx2.Response]:
    async def ask_all() -> list[httpx2.Response]:
        return await asyncio.gather(*(home.ask_async(method, path, **more) for method, path, more in requests))

    return asyncio.run(ask_all())


def the_same(home: House, path: str, **more: Any) -> list[httpx2.Response]:
    """POST it MANY times at once under one key."""
    more["headers"] = {**KEY, **more.get("headers", {})}
    return at_once(home, *[("POST", path, dict(more))] * MANY)


def all_are_one(answers: list[httpx2.Response]) -> Any:
    """Each was answered with 200, and as the others; gives the answer."""
    assert {answer.status_code for answer in answers} == {200}, {answer.text for answer in answers}
    assert len({answer.content for answer in answers}) == 1
    return answers[0].json()


# What is posted, and what lists what it made.
POSTS: list[tuple[str, dict[str, Any], str]] = [
    ("processes/p-1/processruns", {"json": {"start": True}}, "processruns"),
    ("processes", {"content": ECHO % "word"}, "processes"),
    ("tables", {"json": {"name": "Other"}}, "tables"),
    ("users", {"json": {**JILL, "password": "correct horse battery"}, "who": "admin"}, "users"),
    ("usergroups", {"json": {"name": "Auditors"}, "who": "admin"}, "usergroups"),
    ("users/u-5/permissions", {"json": {"resourceId": "p-1", "role": "editor"}}, "users/u-5/permissions"),
    ("tables/{table}/columns", {"json": {"name": "Rate", "dataType": "Number"}}, "tables/{table}/columns"),
    ("tables/{table}/columns/Amount", {"json": {"name": "Sum"}}, "tables/{table}/versions"),
    ("tables/{table}/rows", {"content": b"Amount\n1\n2\n", "headers": CSV}, "tables/{table}/rows"),
]


@pytest.mark.parametrize(("path", "more", "listed"), POSTS, ids=[row[0] for row in POSTS])
def test_many_requests_under_one_key_have_one_effect_and_one_answer(
    home: House, path: str, more: dict[str, Any], listed: str
) -> None:
    table = new_table(home, Amount="Number")
    path, listed = path.format(table=table), listed.format(table=table)
    before = len(home.get(listed, who="admin"))

    all_are_one(the_same(home, path, **more))

    after = home.get(listed, who="admin")
    assert len(after) == before + (2 if path.endswith("/rows") else 1)


def test_a_change_that_changes_nothing_is_remembered_too(home: House) -> None:
    """Else it would undo, when it is sent again, what somebody else has done meanwhile."""
    table = new_table(home, Amount="Number")
    path, body = f"tables/{table}/columns/Amount", {"nullable": True}
    first = home.ask("POST", path, json=body, headers=KEY)
    home.post(path, json={"nullable": False})

    again = home.ask("POST", path, json=body, headers=KEY)

    assert (again.status_code, again.content) == (200, first.content)
    assert home.get(f"tables/{table}/columns")[1]["nullable"] is False


def test_a_key_is_taken_by_one_of_two_bodies(home: House) -> None:
    requests = [("POST", "tables", {"json": {"name": f"T{i % 2}"}, "headers": KEY}) for i in range(MANY)]

    answers = at_once(home, *requests)

    assert len(home.get("tables")) == 1
    assert {answer.status_code for answer in answers} == {200, 400}
    refused = [answer.json()["message"] for answer in answers if answer.status_code == 400]
    assert len(refused) == MANY / 2 and all("used for another body" in message for message in refused)


def test_upserts_at_the_same_time_lose_nothing(home: House) -> None:
    table = new_table(home, name="FixedLengthText", amount="Number")
    home.post(f"tables/{table}/rows", json=[{"name": "all", "amount": 0}])
    before = home.get(f"tables/{table}")["version"]
    rows = [[{"name": f"n{i}", "amount": i}, {"name": "all", "amount": i}] for i in range(1, 13)]
    path = f"tables/{table}/rows?mode=upsert&key=name"

    answers = at_once(home, *(("POST", path, {"json": body}) for body in rows))

    assert [answer.status_code for answer in answers] == [200] * 12
    versions = sorted(answer.json()["version"] for answer in answers)
    assert versions == list(range(before + 1, before + 13))
    got = home.get(f"tables/{table}/rows")
    assert sorted((row["name"], row["amount"]) for row in got)[1:] == sorted((f"n{i}", i) for i in range(1, 13))
    assert len({row["_Record_ID"] for row in got}) == 13
    last = max(range(12), key=lambda place: answers[place].json()["version"])
    assert next(row["amount"] for row in got if row["name"] == "all") == last + 1


def test_a_session_committed_many_times_at_once_is_committed_once(home: House) -> None:
    file = file_of(home, home.new_run())
    for turn in range(5):
        session = begin(home, file)
        for number in (2, 1):
            send(home, file, session, number, b"%d%d" % (turn, number) * 20_000)

        answers = at_once(home, *[("POST", f"files/{file}/uploadsessions/{session}/commit", {})] * 20)

        assert all_are_one(answers)["sizeInBytes"] == 80_000
        assert content(home, file) == b"%d1" % turn * 20_000 + b"%d2" % turn * 20_000
        assert on_disk(home) == []


def test_a_commit_that_another_one_overtakes_is_answered_as_that_one(home: House) -> None:
    file = file_of(home, home.new_run())
    session = begin(home, file)
    send(home, file, session, 1, b"once")
    path, join = f"files/{file}/uploadsessions/{session}/commit", home.resources.chunks.join
    others: list[Any] = []

    def late(*asked: Any) -> Any:
        if not others:
            others.append("one is enough")
            others.append(home.post(path))
        return join(*asked)

    home.resources.chunks.join = late  # type: ignore[method-assign, assignment]

    assert home.post(path) == others[1]
    assert content(home, file) == b"once"


def test_a_chunk_that_races_with_the_commit_is_in_the_file_or_refused(home: House) -> None:
    file = file_of(home, home.new_run())
    for turn in range(8):
        session, late = begin(home, file), f"late {turn}".encode()
        send(home, file, session, 1, b"in time ")
        chunk: Asked = ("POST", place(file, session, 2), {"files": {"file": ("part", late)}})
        commit: Asked = ("POST", f"files/{file}/uploadsessions/{session}/commit", {})

        order = (chunk, commit) if turn % 2 else (commit, chunk)
        answers = dict(zip((request[1] for request in order), at_once(home, *order), strict=True))
        committed, kept = answers[commit[1]], answers[chunk[1]]

        assert {committed.status_code, kept.status_code} <= {200, 400}, (committed.text, kept.text)
        if committed.status_code == 400:
            assert "commit again" in committed.json()["message"] and kept.status_code == 200
            home.post(commit[1])
        assert content(home, file) == b"in time " + (late if kept.status_code == 200 else b"")
        assert on_disk(home) == []


def test_chunks_race_with_the_clean_up_and_nothing_breaks(home: House) -> None:
    """A session that is a day old ends under its chunks: they are kept or refused, never half."""
    file = file_of(home, home.new_run())
    session = begin(home, file)
    home.clock.advance(24 * 3_600 + 1)
    home.renew_tokens()
    paths = [place(file, session, number) for number in range(1, 21)]

    async def together() -> list[Any]:
        tidying = asyncio.to_thread(uploads.tidy, home.database, home.resources.chunks, home.clock.now())
        part = {"file": ("part", b"x")}
        return await asyncio.gather(*(home.ask_async("POST", path, files=part) for path in paths), tidying)

    *answers, _ = asyncio.run(together())

    assert {answer.status_code for answer in answers} <= {200, 404}, {answer.text for answer in answers}
    uploads.sweep(home.database, home.resources.chunks)
    assert on_disk(home) == []


def test_grants_and_suspensions_at_the_same_time_leave_one_row(home: House) -> None:
    roles = itertools.cycle(("reader", "editor", "executor"))
    mate = f"users/u-{home.users['mate'].id.number}"
    grants = [("POST", f"{mate}/permissions/p-1", {"json": {"role": next(roles)}}) for _ in range(20)]
    suspend = ("POST", mate, {"json": {"accountStatus": "Suspended"}, "who": "admin"})

    answers = at_once(home, *grants[:10], suspend, *grants[10:])

    assert {answer.status_code for answer in answers} == {200}
    assert len(home.get(f"{mate}/permissions", who="admin")) == 1
    assert home.ask("GET", "processes", who="mate").status_code == 401

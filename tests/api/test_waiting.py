"""What waits costs nothing while nothing happens, and misses nothing: announced or not, of this process or another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from procession.door import following, lasting
from procession.model.ids import RunId
from procession.model.runs import HistoryKind
from procession.store import history
from procession.store.database import Transaction
from procession.store.sqlite import SqliteDatabase
from tests.api.house import House
from tests.api.test_steps import log_path
from tests.api.test_user_limits import opened
from tests.support import PATIENCE_SECONDS

failed = pytest.fail

KINDS = {
    "poll": ("processruns/{run}/runstatus", "since=99&wait=60"),
    "events": ("processruns/{run}/events", ""),
    "log": ("processruns/{run}/steps/{step}/log", "follow=1"),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "RECHECK_SECONDS", 0.02)
    monkeypatch.setattr(following, "GROWTH_SECONDS", 0.02)


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


def under_way(home: House) -> tuple[str, str]:
    run = home.new_run(start=True)
    home.take(run)
    return run, home.step(run, "parameters")


def counted(home: House) -> Counter[str]:
    """How often the database is looked at from now on, by the kind of look."""
    seen: Counter[str] = Counter()

    def count(name: str, look: Callable[[], Any]) -> Any:
        seen[name] += 1
        return look()

    for name in ("read", "snapshot", "version"):
        setattr(home.database, name, partial(count, name, getattr(home.database, name)))
    return seen


def test_many_that_wait_are_one_look_together(home: House) -> None:
    run, step = under_way(home)
    seen = counted(home)

    async def wait() -> Counter[str]:
        tasks = [(await opened(home, path.format(run=run, step=step), query))[1] for path, query in KINDS.values()]
        await soon(lambda: seen["version"] >= 3)  # the first looks are over
        before = seen.copy()
        await soon(lambda: seen["version"] >= before["version"] + 5)
        looks = seen - before
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return looks

    looks = asyncio.run(wait())

    assert looks["snapshot"] == 0
    assert looks["read"] == looks["version"]  # each of them is a read


async def told(home: House, kind: str, run: str, step: str, act: Callable[[], Awaitable[None]]) -> bytes:
    """What the client is told once `act` was done while it waited."""
    path, query = KINDS[kind]
    revision = str((await home.ask_async("GET", f"processruns/{run}/runstatus")).json()["revision"])
    client, task = await opened(home, path.format(run=run, step=step), query.replace("99", revision))
    seen = counted(home)
    await soon(lambda: seen["version"] >= 3)
    client.sent.clear()
    await act()
    await soon(lambda: any(message.get("body") for message in client.sent))
    task.cancel()
    await asyncio.wait({task})
    return b"".join(message.get("body", b"") for message in client.sent)


@pytest.mark.parametrize("kind", ["poll", "events"])
def test_what_another_process_commits_without_a_word_is_seen(home: House, kind: str) -> None:
    run, step = under_way(home)

    def write(tx: Transaction) -> None:
        history.append(tx, RunId.parse(run), HistoryKind.KILLED, {}, now=home.clock.now(), step=None)

    async def commit() -> None:
        with closing(SqliteDatabase(home.database.path, on_fatal=failed)) as other:
            other.write(write)

    assert b"revision" in asyncio.run(told(home, kind, run, step, commit))


@pytest.mark.parametrize("kind", ["events", "log"])
def test_a_log_that_grows_is_told_to_whoever_follows_it(home: House, kind: str) -> None:
    run, step = under_way(home)
    log = log_path(home, run)

    async def grow() -> None:
        log.write_bytes(b"one\n")
        await asyncio.to_thread(home.announcements.grow, RunId.parse(run))

    assert b"one" in asyncio.run(told(home, kind, run, step, grow))


@pytest.mark.parametrize("kind", KINDS)
def test_what_waits_ends_with_its_token_though_nothing_is_committed(home: House, kind: str) -> None:
    run, step = under_way(home)
    path, query = KINDS[kind]

    async def wait() -> BaseException | None:
        _, task = await opened(home, path.format(run=run, step=step), query)
        home.clock.advance(2 * 86_400)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.wait({task})
        return task.exception()

    error = asyncio.run(wait())

    assert error is None if kind == "poll" else "expired" in str(error)

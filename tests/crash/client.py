"""A client that writes down every answer, and after a crash of the server goes on with the first request without one.

A script is a function of a client. Run again from its beginning, it gets the answers that are written down, without a
request; the first one without an answer is sent again, because nobody knows whether it was carried out. What the server
has acknowledged, the script promises; the promises are asked for at the first request after a crash, and at the end.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers, settings
from procession.operations import applications, passwords
from procession.store import people as people_store
from procession.store.crash import CrashPoint, pass_by
from procession.store.database import Transaction
from tests.api.house import House, house, recovered
from tests.oauth.world import PASSWORD, REDIRECT

START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
NEVER = 2**52  # the tokens of the house outlive every script
Promise = Callable[[], object]


@contextmanager
def opened(home: Path, crash_point: CrashPoint = pass_by) -> Iterator[House]:
    """The application on this home, as a server opens it; table jobs have real processes, from the first on."""
    place = _clear_tables(home)
    bounds = {"readable_paths": (str(home), "/sys/fs/cgroup"), "writable_paths": (str(home),)}
    table_workers = TableWorkers(place, settings(**bounds))
    try:
        with house(home, ManualClock(START), table_workers, crash_point=crash_point, sends_mail=True) as made:
            yield made
    finally:
        table_workers.close()


def recover(home: Path) -> None:
    """What a server does when it starts, and no more."""
    _clear_tables(home)
    with recovered(home, ManualClock(START)):
        pass


def _clear_tables(home: Path) -> Path:
    place = home / "work" / "tables"
    shutil.rmtree(place, ignore_errors=True)
    return place


def furnish(home: Path) -> None:
    """A home with the people of the house; `owner` has a password, and an application that may ask for consent."""
    hashed = passwords.hashed(PASSWORD)

    def operation(tx: Transaction, made: House) -> dict[str, str]:
        people_store.set_password(tx, made.users["owner"].id, hashed)
        tx.run("UPDATE token SET expires_at = ?", NEVER)
        application, secret = applications.create(
            tx, name="Ledger", user_login="owner", scopes={"process_read"}, redirect_uris=(REDIRECT,), now=START
        )
        return {"client_id": application.client_id, "client_secret": secret}

    with opened(home) as made:
        credentials = made.database.write(lambda tx: operation(tx, made))
    (home / "credentials").write_text(json.dumps(credentials))


class Client:
    """`repeats` says whether the request that was answered last may have been carried out before a crash already."""

    def __init__(self, made: House, home: Path) -> None:
        self.house = made
        self.home = home
        self.repeats = False
        self._memory = home / "memory"
        lines = self._memory.read_text().splitlines() if self._memory.exists() else []
        self._known = [json.loads(line) for line in lines]
        self._is_first_life = not self._memory.exists()
        self._memory.touch()
        self._position = 0
        self._is_live = False
        self._promises: dict[str, Promise] = {}

    # --- what a script says

    def ask(self, method: str, path: str, *, who: str = "owner", **more: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {who}", **more.pop("headers", {})}
        return self.request(method, f"/api/v1/{path}", headers=headers, **more)

    def done(self, method: str, path: str, *, who: str = "owner", **more: Any) -> Any:
        """It must be answered with 200; gives what was answered."""
        answer = self.ask(method, path, who=who, **more)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def once(self, path: str, **more: Any) -> Any:
        """POST under a key of its own: after a crash it may be sent twice, and must be answered with 200."""
        key = {"Idempotency-Key": f"key-{self._position}", **more.pop("headers", {})}
        return self.done("POST", path, headers=key, **more)

    def twice(self, path: str, **more: Any) -> Any:
        """once(), then the same again, whether there was a crash or not: it must be answered the same."""
        key = {"Idempotency-Key": f"key-{self._position}", **more.pop("headers", {})}
        first = self.done("POST", path, headers=key, **more)
        assert self.done("POST", path, headers=key, **more) == first
        return first

    def delete(self, path: str, *, who: str = "owner") -> None:
        """What was deleted before a crash is not there any more."""
        answer = self.ask("DELETE", path, who=who)
        assert answer.status_code == 200 or (answer.status_code == 404 and self.repeats), answer.text

    def request(self, method: str, url: str, **more: Any) -> httpx2.Response:
        """Of any door; the answer is written down."""
        known = self._next(f"{method} {url.partition('?')[0]}")
        if known is not None:
            return _response(known)
        answer = asyncio.run(self.house.request_async(method, url, **more))
        self._remember(
            status=answer.status_code,
            headers=answer.headers.multi_items(),
            content=base64.b64encode(answer.content).decode(),
        )
        return answer

    def act(self, name: str, work: Callable[[], object]) -> None:
        """What the server does by itself, at this moment."""
        if self._next(name) is None:
            work()
            self._remember()

    def promise(self, name: str, check: Promise) -> None:
        """From now on `check` raises nothing; it takes the place of what was promised under that name."""
        self._promises[name] = check

    def forget(self, *names: str) -> None:
        for name in names:
            self._promises.pop(name, None)

    def keep_promises(self) -> None:
        for name, check in self._promises.items():
            try:
                check()
            except AssertionError as error:
                raise AssertionError(f"not kept: {name}: {error}") from error

    # --- looks that are not written down

    def look(self, path: str, *, who: str = "owner") -> httpx2.Response:
        return self.house.ask("GET", path, who=who)

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """By a connection of the test's own: it must not trust the code it judges."""
        with closing(sqlite3.connect(f"file:{self.house.database.path}?mode=ro", uri=True)) as db:
            return db.execute(sql, parameters).fetchall()

    # --- memory

    def _next(self, asked: str) -> dict[str, Any] | None:
        self._position += 1
        if self._position <= len(self._known):
            known: dict[str, Any] = self._known[self._position - 1]
            assert known["asked"] == asked, f"the script is not the same: {known['asked']}, then {asked}"
            self.repeats = known["repeats"]
            return known
        self.repeats = not self._is_live and not self._is_first_life
        if self.repeats:
            self.keep_promises()
        self._is_live = True
        self._asked = asked
        return None

    def _remember(self, **answer: Any) -> None:
        line = json.dumps({"asked": self._asked, "repeats": self.repeats, **answer})
        with self._memory.open("a") as file:
            file.write(f"{line}\n")


def _response(known: dict[str, Any]) -> httpx2.Response:
    """The content was kept as it was read: what says how it travelled is left out."""
    content = base64.b64decode(known["content"])
    headers = [(name, value) for name, value in known["headers"] if name != "content-encoding"]
    return httpx2.Response(known["status"], headers=headers, content=content)

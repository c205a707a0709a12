"""An answer that waits does not outlive what allowed it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from procession.model.errors import ProcessionError
from procession.operations import people
from procession.store import applications
from procession.store.database import Transaction
from tests.api.house import House
from tests.support import PATIENCE_SECONDS

Operation = Callable[[Transaction, House], Any]
ENDS: dict[str, Operation] = {
    "revoked": lambda tx, home: applications.revoke_tokens_of_user(tx, home.users["reader"].id, home.clock.now()),
    "password": lambda tx, home: people.set_password(tx, home.users["reader"].id, "x", home.clock.now()),
    "suspended": lambda tx, home: tx.run("UPDATE user_account SET status = 'Suspended' WHERE login = 'reader'"),
    "permission": lambda tx, home: tx.run("DELETE FROM permission WHERE user_id = ?", home.users["reader"].id.number),
}


ENDS_OF_MATE: dict[str, Operation] = {
    "revoked": lambda tx, home: applications.revoke_tokens_of_user(tx, home.users["mate"].id, home.clock.now()),
    "suspended": lambda tx, home: tx.run("UPDATE user_account SET status = 'Suspended' WHERE login = 'mate'"),
}


class Listener:
    """A client that asks for something that lasts, and says when the answer is under way."""

    def __init__(self, home: House, path: str, query: str, *, method: str = "GET", who: str = "reader") -> None:
        self.sent: list[Any] = []
        self._head: dict[str, Any] = {"type": "http", "method": method, "scheme": "http", "path": f"/api/v1/{path}",
                      "query_string": query.encode(), "headers": [(b"authorization", f"Bearer {who}".encode())]}  # fmt: skip
        self.home = home

    async def ask(self) -> None:
        await self.home.app(self._head, self._receive, self._send)

    async def _receive(self) -> Any:
        return await asyncio.get_running_loop().create_future()

    async def _send(self, message: Any) -> None:
        self.sent.append(message)


async def ended(home: House, listener: Listener, end: Operation) -> BaseException | None:
    """How the answer ends, once the caller may no longer have it."""
    heard = asyncio.Event()
    listen = home.announcements.listen

    def noticed(*args: Any, **more: Any) -> Any:
        heard.set()
        return listen(*args, **more)

    home.announcements.listen = noticed  # type: ignore[method-assign]
    task = asyncio.create_task(listener.ask())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await heard.wait()
        assert not task.done()
        home.database.write(lambda tx: end(tx, home))
        await asyncio.wait({task})
    return task.exception()


@pytest.mark.parametrize("end", ENDS)
def test_a_long_poll_is_refused_when_its_token_ends(home: House, end: str) -> None:
    run = home.new_run(start=True)
    listener = Listener(home, f"processruns/{run}/runstatus", "since=99&wait=60")

    assert asyncio.run(ended(home, listener, ENDS[end])) is None

    assert listener.sent[0]["status"] == (404 if end == "permission" else 401)


@pytest.mark.parametrize("path", ["steps/{step}/log", "events"])
@pytest.mark.parametrize("end", ENDS)
def test_what_is_followed_is_cut_when_its_token_ends(home: House, path: str, end: str) -> None:
    run = home.new_run(start=True)
    home.take(run)
    listener = Listener(home, f"processruns/{run}/{path.format(step=home.step(run, 'settle'))}", "follow=1")

    error = asyncio.run(ended(home, listener, ENDS[end]))

    assert isinstance(error, ProcessionError) and error.status in {401, 404}
    assert listener.sent[0]["status"] == 200 and all(message.get("more_body", True) for message in listener.sent)


class Sender(Listener):
    """A client whose body stops in the middle until `rest` is set; `begun` says that it got so far."""

    def __init__(self, home: House, path: str, *, who: str, pieces: tuple[bytes, bytes], query: str = "") -> None:
        super().__init__(home, path, query, method="POST", who=who)
        self.begun, self.rest = asyncio.Event(), asyncio.Event()
        self._pieces = iter((*pieces, None))
        self._head["headers"] += [(b"content-type", b"text/csv")]

    async def _receive(self) -> Any:
        piece = next(self._pieces)
        if piece is None:
            return await asyncio.get_running_loop().create_future()
        if self.begun.is_set():
            await self.rest.wait()
        self.begun.set()
        return {"type": "http.request", "body": piece, "more_body": not self.rest.is_set()}


FORM = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + b"x" * 50_000


@pytest.mark.parametrize("end", ["revoked", "suspended"])
def test_an_upload_under_way_is_refused_when_its_token_ends_and_leaves_nothing(home: House, end: str) -> None:
    run = home.new_run()
    file = home.get(f"steps/{home.step(run, 'parameters')}/properties")[2]["file"]
    sender = Sender(home, f"files/{file}", who="mate", pieces=(FORM, b"\r\n--b--\r\n"))

    async def upload() -> None:
        task = asyncio.create_task(sender.ask())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await sender.begun.wait()
            home.database.write(lambda tx: ENDS_OF_MATE[end](tx, home))
            await task  # the rest of the body never comes

    asyncio.run(upload())

    assert sender.sent[0]["status"] == 401
    assert home.get(f"files/{file}/metadata")["sizeInBytes"] == 0
    assert list((home.database.path.parent / "files" / "incoming").iterdir()) == []


@pytest.mark.parametrize("end", ["revoked", "suspended"])
def test_rows_whose_token_ends_before_they_are_published_are_refused(home: House, end: str) -> None:
    table = home.post("tables", json={"name": "Rates"}, who="admin")["id"]
    home.post(f"tables/{table}/columns", json={"name": "Code", "dataType": "FixedLengthText"}, who="admin")
    mate = str(home.users["mate"].id)
    home.post(f"users/{mate}/permissions", json={"resourceId": table, "role": "editor"}, who="admin")
    version = home.get(f"tables/{table}", who="admin")["version"]
    sender = Sender(home, f"tables/{table}/rows", who="mate", pieces=(b"Code\n", b"NZD\n"))

    async def send() -> None:
        task = asyncio.create_task(sender.ask())
        await sender.begun.wait()
        home.database.write(lambda tx: ENDS_OF_MATE[end](tx, home))
        sender.rest.set()
        await task

    asyncio.run(send())

    assert sender.sent[0]["status"] == 401
    assert home.get(f"tables/{table}", who="admin")["version"] == version


def downloading(home: House) -> tuple[Listener, asyncio.Event]:
    """A client that reads no further than the head of its download, and what is set then."""
    run = home.new_run()
    file = home.get(f"steps/{home.step(run, 'parameters')}/properties")[2]["file"]
    home.post(f"files/{file}", files={"file": ("a.csv", b"x" * 90_000, "text/csv")})
    listener, begun = Listener(home, f"files/{file}", ""), asyncio.Event()

    async def stuck(message: Any) -> None:
        listener.sent.append(message)
        if message["type"] == "http.response.body":
            begun.set()
            await asyncio.get_running_loop().create_future()

    listener._send = stuck  # type: ignore[method-assign]
    return listener, begun


def test_a_download_ends_when_its_client_hangs_up(home: House) -> None:
    listener, begun = downloading(home)

    async def hang_up() -> Any:
        await begun.wait()
        return {"type": "http.disconnect"}

    listener._receive = hang_up  # type: ignore[method-assign]

    async def download() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await listener.ask()

    asyncio.run(download())

    assert begun.is_set()


def test_a_download_under_way_is_cut_when_its_token_ends(home: House) -> None:
    listener, begun = downloading(home)

    async def download() -> BaseException | None:
        task = asyncio.create_task(listener.ask())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await begun.wait()
            home.database.write(lambda tx: ENDS["revoked"](tx, home))
            await asyncio.wait({task})
        return task.exception()

    error = asyncio.run(download())

    assert isinstance(error, ProcessionError) and error.status == 401

"""An answer that waits does not outlive what allowed it (S2 of spec/trust.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from procession.api import dispatch
from procession.model.errors import ProcessionError
from procession.operations import people
from procession.store import applications
from procession.store.database import Transaction
from tests.api.house import House

Operation = Callable[[Transaction, House], Any]
ENDS: dict[str, Operation] = {
    "revoked": lambda tx, home: applications.revoke_tokens_of_user(tx, home.users["reader"].id, home.clock.now()),
    "password": lambda tx, home: people.set_password(tx, home.users["reader"].id, "x", home.clock.now()),
    "suspended": lambda tx, home: tx.run("UPDATE user_account SET status = 'Suspended' WHERE login = 'reader'"),
    "permission": lambda tx, home: tx.run("DELETE FROM permission WHERE user_id = ?", home.users["reader"].id.number),
}


class Listener:
    """A client that asks for something that lasts, and says when the answer is under way."""

    def __init__(self, home: House, path: str, query: str) -> None:
        self.sent: list[Any] = []
        self._head = {"type": "http", "method": "GET", "scheme": "http", "path": f"/api/v1/{path}",
                      "query_string": query.encode(), "headers": [(b"authorization", b"Bearer reader")]}  # fmt: skip
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

    def noticed(*args: Any) -> Any:
        heard.set()
        return listen(*args)

    home.announcements.listen = noticed  # type: ignore[method-assign, assignment]
    task = asyncio.create_task(listener.ask())
    async with asyncio.timeout(dispatch.RECHECK_SECONDS * 10):
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

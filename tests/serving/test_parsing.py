"""Process files are read beside everything else, and no user's files keep out another's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from procession.door.parsing import BYTES_MAX, BYTES_OF_USER_MAX, Parsing
from procession.model.errors import TooMany, Unavailable
from tests.support import PATIENCE_SECONDS

LARGE = BYTES_OF_USER_MAX // 4
USERS_OF_ALL = BYTES_MAX // BYTES_OF_USER_MAX


@pytest.fixture
def parsing() -> Iterator[Parsing]:
    with ThreadPoolExecutor(1) as threads:
        yield Parsing(threads)


class Files:
    """Files that are read until `go`."""

    def __init__(self, parsing: Parsing) -> None:
        self._parsing = parsing
        self.go = threading.Event()
        self.tasks: list[asyncio.Task[str]] = []

    async def read(self, user: str, size: int, *, times: int = 1) -> None:
        for _ in range(times):
            self.tasks.append(asyncio.create_task(self._parsing.run(user, size, partial(self._read, user))))
        await asyncio.sleep(0)

    def _read(self, user: str) -> str:
        assert self.go.wait(10)
        return user

    async def answers(self) -> list[str]:
        self.go.set()
        return await asyncio.gather(*self.tasks)


def test_a_user_may_send_many_small_files_at_once(parsing: Parsing) -> None:
    async def publish() -> list[str]:
        files = Files(parsing)
        await files.read("ada", 300, times=100)
        return await files.answers()

    assert asyncio.run(publish()) == ["ada"] * 100


def test_a_users_large_files_are_refused_and_another_users_are_read(parsing: Parsing) -> None:
    async def publish() -> list[str]:
        files = Files(parsing)
        await files.read("ada", LARGE, times=4)
        with pytest.raises(TooMany, match="other process files of yours"):
            await parsing.run("ada", 1, str)
        await files.read("bob", LARGE)
        return await files.answers()

    assert asyncio.run(publish()) == ["ada"] * 4 + ["bob"]


def test_all_users_files_together_have_an_end(parsing: Parsing) -> None:
    async def publish() -> list[str]:
        files = Files(parsing)
        for number in range(USERS_OF_ALL):
            await files.read(f"user {number}", LARGE, times=4)
        with pytest.raises(Unavailable, match="many process files"):
            await parsing.run("ada", LARGE, str)
        return await files.answers()

    assert len(asyncio.run(publish())) == 4 * USERS_OF_ALL


def test_room_comes_back_when_a_file_is_read_or_refused(parsing: Parsing) -> None:
    def refuse() -> str:
        raise ValueError("line 1")

    async def publish() -> str:
        for _ in range(5):
            with pytest.raises(ValueError, match="line 1"):
                await parsing.run("ada", BYTES_OF_USER_MAX, refuse)
        return await parsing.run("ada", BYTES_OF_USER_MAX, partial(str, "read"))

    assert asyncio.run(publish()) == "read"


def test_a_client_that_hangs_up_leaves_no_room_for_another_file_until_its_own_is_read(parsing: Parsing) -> None:
    async def publish() -> str:
        files = Files(parsing)
        await files.read("ada", BYTES_OF_USER_MAX)
        files.tasks.pop().cancel()
        await asyncio.sleep(0)
        with pytest.raises(TooMany):
            await parsing.run("ada", 1, str)
        files.go.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    return await parsing.run("ada", 1, partial(str, "read"))
                except TooMany:
                    await asyncio.sleep(0)

    assert asyncio.run(publish()) == "read"

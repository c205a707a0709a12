"""Starts a coroutine at once, and makes it a task only if it has to wait (as Python 3.12's eager tasks do)."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Task
from collections.abc import Coroutine, Generator
from typing import Any


def start(loop: AbstractEventLoop, work: Coroutine[Any, Any, None]) -> Task[None] | None:
    """The task of what is left of it; None when it has ended.

    Until its first wait it runs outside any task: asyncio.timeout() and current_task() do not work there. Raises what
    it raises until then.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return loop.create_task(_Begun(work, awaited))


class _Begun(Coroutine[Any, Any, None]):
    """A coroutine under way: the task asks it again for what it waits for already."""

    __slots__ = ("_awaited", "_has_told", "_work")

    def __init__(self, work: Coroutine[Any, Any, None], awaited: object) -> None:
        self._work, self._awaited, self._has_told = work, awaited, False

    def send(self, value: None) -> Any:
        if self._has_told:
            return self._work.send(value)
        self._has_told = True
        return self._awaited

    def throw(self, *error: Any) -> Any:
        self._has_told = True
        return self._work.throw(*error)

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, None, None]:
        raise NotImplementedError("it belongs to one task")

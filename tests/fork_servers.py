"""Fork servers of engines that run in a test's own process, forked too: an interpreter takes a third of a second for both.

What serves is the real one, in a session of its own, with arguments, environment and folder as it would be started; it
has imported earlier what it imports at its first job. Tests of isolation, of shortages, of documents and those that
start a server anew start interpreters.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from socket import socket
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from procession.engine.isolation.connection import ForkServerConnection
from procession.engine.isolation.options import IsolationSettings, Orders
from tests import forking

ROOT = Path(__file__).parents[1]
# As a fork server is started, and what finds the tests is gone before anything is forked.
_START = f"""
import os, sys
sys.path.append({str(ROOT)!r})
from tests import forking
sys.path.remove({str(ROOT)!r})
for name in ("tests", "tests.forking"):
    del sys.modules[name]
import socket
# Past the exit hooks of libraries: DuckDB's print what they leak.
os._exit(forking.main(sys.argv[1], socket.socket(fileno=int(sys.argv[2]))))
"""


@contextmanager
def forked() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ForkServerConnection, "_popen", _fork)
        yield


def make_parents() -> None:
    """In a process whose forks start fork servers: what these fork them from must be there before."""
    for orders in (Orders(settings=IsolationSettings(), user_code=user_code) for user_code in (True, False)):
        environment = ForkServerConnection._environment(SimpleNamespace(_orders=orders))  # type: ignore[arg-type]
        _parent(_kind(orders), tuple(environment.items()))
    ForkServerConnection._popen = _fork  # type: ignore[method-assign,assignment]


def _kind(orders: Orders) -> str:
    return "reaching" if orders.reaching else "user code" if orders.user_code else "built-in"


def _fork(self: Any, number: int) -> forking.Forked:
    orders, environment = self._orders, self._environment()
    arguments = [msgspec.json.encode(orders).decode(), str(forking.KEPT)]
    with Path(os.devnull).open() as nothing:
        return forking.Forked(
            arguments,
            "/",
            (nothing.fileno(), 1, 2, number),
            environment=environment,
            parent=_parent(_kind(orders), tuple(environment.items())),
        )


@cache
def _parent(kind: str, environment: tuple[tuple[str, str], ...]) -> socket:
    return forking.parent([sys.executable, "-P", "-c", _START, kind], dict(environment))

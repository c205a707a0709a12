"""A home with the Echo process, and applications to sign in with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from procession.client import Client, Options
from tests.client.timing import QuickTiming
from tests.programs import ECHO, Running, apply_text, command, serving

SCOPES = "process file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server with an application for the client; `timing` counts the rests of the client instead of taking them."""

    home: Path
    server: Running
    credentials: Any
    timing: QuickTiming

    def client(self, **more: Any) -> Client:
        return Client(
            self.server.address,
            client_id=self.credentials["client_id"],
            client_secret=self.credentials["client_secret"],
            options=replace(Options(timing=self.timing), **more),
        )


@contextmanager
def opened(home: Path, *options: str) -> Iterator[Place]:
    apply_text(home, ECHO % "word")
    made = command(home, "application", "create", "--name", "client", "--scopes", SCOPES, "--json").json
    with serving(home, *options) as server:
        yield Place(home=home, server=server, credentials=made, timing=QuickTiming())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all tests of a file: each test makes runs of its own."""
    with opened(tmp_path_factory.mktemp("client") / "home") as found:
        yield found


@pytest.fixture
def procession(place: Place) -> Iterator[Client]:
    with place.client() as client:
        yield client

"""The fixtures of the tests of the examples."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fork_servers import forked


@pytest.fixture(scope="module", autouse=True)
def servers_are_forked() -> Iterator[None]:
    with forked():
        yield

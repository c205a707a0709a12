"""The fixtures of this door's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.clock import ManualClock
from tests.oauth.world import World, world


@pytest.fixture
def made(tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    with world(tmp_path, clock) as found:
        yield found

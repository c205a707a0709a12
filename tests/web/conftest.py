"""The fixtures of the tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.clock import ManualClock
from tests.api.house import House, house


@pytest.fixture
def home(tmp_path: Path, clock: ManualClock) -> Iterator[House]:
    with house(tmp_path, clock) as made:
        yield made

"""Fixtures for all tests."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from procession import config
from procession.clock import ManualClock


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-docs", action="store_true", help="write the documents that are made of the code anew")


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still on a Monday morning."""
    return ManualClock(datetime(2026, 11, 30, 9, 0, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own PROCESSION_* variables must not decide a test."""
    for name in [name for name in os.environ if name.startswith(config.PREFIX)]:
        monkeypatch.delenv(name)

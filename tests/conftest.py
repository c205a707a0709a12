"""Fixtures for all tests."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from hypothesis import settings

from procession import config
from procession.clock import ManualClock
from procession.operations import passwords

ISOLATION = "PROCESSION_ISOLATION"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-docs", action="store_true", help="write the documents that are made of the code anew")
    parser.addoption("--thorough", action="store_true", help="run what is too long for every change (make thorough)")


def pytest_configure(config: pytest.Config) -> None:
    """Quick examples are the same in every run; thorough ones are new each time, and a failure says how to repeat it."""
    # The tests of scripts run on a machine without namespaces too; those of the walls say what they leave out there.
    os.environ[ISOLATION] = "weak"
    _hash_quickly()
    settings.register_profile("quick", max_examples=20, derandomize=True, deadline=None)
    settings.register_profile("thorough", max_examples=500, deadline=None, print_blob=True, database=None)
    settings.load_profile("thorough" if config.getoption("--thorough") else "quick")


def _hash_quickly() -> None:
    """Forty milliseconds of each sign-in are spent on purpose; tests/operations/test_passwords.py looks at the purpose."""
    passwords.MEMORY_KIB, passwords.PASSES = 8, 1
    passwords.NOBODY = passwords.hashed("of nobody, as ever")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--thorough"):
        return
    is_left_out = {item: item.get_closest_marker("thorough") is not None for item in items}
    items[:] = [item for item in items if not is_left_out[item]]
    config.hook.pytest_deselected(items=[item for item, is_out in is_left_out.items() if is_out])


@pytest.fixture
def is_thorough(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--thorough"))


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still on a Monday morning."""
    return ManualClock(datetime(2026, 11, 30, 9, 0, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own PROCESSION_* variables must not decide a test."""
    for name in [name for name in os.environ if name.startswith(config.PREFIX) and name != ISOLATION]:
        monkeypatch.delenv(name)

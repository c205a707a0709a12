"""Every operation of openapi.json under generated requests: no 5xx, no status, header or shape that it does not name."""

from __future__ import annotations

import logging

import pytest

from tests.fuzz.fuzzer import OAUTH, Found, fuzz
from tests.fuzz.world import World

# What no request can reach here.
UNREACHED = {
    "POST /api/v1/processruns/{run}/steps/{step}/approval": "no fuzzer finds a hash; tests/api/test_approvals decides",
    "GET /api/v1/processruns/{run}/results": "no run of this world has a result; tests/web/test_run_results downloads some",
}
MISSED_MAX = 5  # operations whose few requests at random all have a mistake; the bounds of their fields have none


def test_an_administrator_meets_nothing_that_is_not_described(
    prepared: World, examples: int, caplog: pytest.LogCaptureFixture, is_thorough: bool
) -> None:
    caplog.set_level(logging.ERROR, logger="procession")

    found = fuzz(prepared, who="admin", examples=examples, bounds=is_thorough)

    assert not found.failures, _told(found)
    assert caplog.records == []
    missed = _without_success(found)
    assert UNREACHED.keys() <= missed
    assert len(missed - UNREACHED.keys()) <= (0 if is_thorough else MISSED_MAX), missed


@pytest.mark.thorough  # in make test, tests/rights tries every operation as everybody
def test_a_stranger_meets_nothing_that_is_not_described(
    prepared: World, examples: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, logger="procession")

    found = fuzz(prepared, who="stranger", examples=max(1, examples // 4))

    assert not found.failures, _told(found)
    assert caplog.records == []
    # Where an operation is about one thing, its ids are of things that a stranger must not see.
    assert [label for label, seen in found.statuses.items() if "{run}" in label and seen[200]] == []


def test_an_application_that_asks_for_tokens_meets_nothing_that_is_not_described(
    prepared: World, examples: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, logger="procession")

    found = fuzz(prepared, who="", examples=examples, paths=OAUTH)

    assert not found.failures, _told(found)
    assert caplog.records == []
    assert _without_success(found) == set()


def _without_success(found: Found) -> set[str]:
    return {label for label, seen in found.statuses.items() if not any(200 <= status < 300 for status in seen)}


def _told(found: Found) -> str:
    return "\n\n".join(f"{name}\n{text}" for name, text in found.failures.items())

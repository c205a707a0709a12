"""Crash at every commit around what steps ask of a server: a payment once, or asked for by name, or told apart by its key."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions.reaching.http_server import HttpServer, running
from tests.crashing import at_every_point, finish, in_a_child, why
from tests.engine.test_reaching_actions import Known
from tests.engine.test_reaching_crash import (
    POINTS_MIN,
    QUICK_STRIDE,
    RUN,
    journal,
    opened,
    perform,
    prepare,
    recovered,
    step,
)

pytestmark = pytest.mark.crash

ROWS = b"iban,amount\nDE1,1.50\nDE2,2.50\nDE3,3.50\n"
PAYING: dict[str, Any] = {
    "connection": "share",
    "path": "/pay/{iban}",
    "json": {"amount": "{amount}"},
    "each": {"source": {"file": "${d.given}", "columns": {"amount": {"type": "Money"}, "iban": {"type": "Text"}}}},
}
WAYS: dict[str, dict[str, Any]] = {
    "once": {"method": "POST"},
    "idempotent": {"method": "POST", "idempotent": True},
    "put": {"method": "PUT"},
}


def bank(http: HttpServer, place: Path) -> Known:
    """Each home asks below a path of its own, by which they are told apart."""
    return Known({"share": http.connection(f"/p{place.name}")})


def recover(http: HttpServer, way: str, place: Path) -> None:
    (place / "before").write_text(json.dumps(journal(place)))
    world = opened(bank(http, place), place)
    if recovered(world, place):
        paid = world.step(RUN, "pay")
        if paid.status is StepStatus.FAILED:
            # Only what must not happen twice waits for somebody who looks there.
            assert way == "once", paid.message
            assert "release it by name" in paid.message
            world.restart(RUN, "pay", release=frozenset({"pay"}))
            world.wait(RUN)
        assert world.step(RUN, "pay").status is StepStatus.SUCCESS, world.step(RUN, "pay").message
    world.close()


def check(http: HttpServer, way: str, place: Path, point: str) -> None:
    start = f"/p{place.name}/pay/"
    asked = [one for one in http.asked if one.path.startswith(start)]
    if (place / "has_run").read_text() == "0":
        assert asked == [], point
        return
    counts = Counter(one.path.removeprefix(start) for one in asked)
    assert set(counts) == {"DE1", "DE2", "DE3"}, (point, counts)
    # The same payment has the same key and the same words, whenever it is asked for.
    told = {(one.path, one.headers["idempotency-key"], one.body) for one in asked}
    assert len(told) == 3, (point, told)
    if way == "once":
        before = json.loads((place / "before").read_text())
        done = {row for deed, row, *_ in before if deed == "done"}
        in_doubt = {row for deed, row, *_ in before if deed == "try"} - done
        twice = {number for number, iban in enumerate(sorted(counts), 1) if counts[iban] == 2}
        assert max(counts.values()) <= 2 and twice <= in_doubt, (point, counts, before)


@pytest.mark.parametrize(
    ("way", "stride"),
    [("once", QUICK_STRIDE), *(pytest.param(way, 1, marks=pytest.mark.thorough) for way in WAYS)],
)
def test_every_payment_is_asked_for_once_or_can_be_told_apart(tmp_path: Path, way: str, stride: int) -> None:
    with running() as http:
        place = tmp_path / "model"

        def make() -> None:
            known = bank(http, place)
            prepare(known, place, ROWS, step("call_http", "pay", **PAYING, **WAYS[way]))

        assert finish(in_a_child(tmp_path, make)) == 0, why(tmp_path)

        def begin(place: Path, last: int | None) -> None:
            perform(bank(http, place), place, last)

        crashes = at_every_point(tmp_path, begin, partial(recover, http, way), partial(check, http, way), stride=stride)
    print(f"{crashes} crash points, 0 violations")
    assert crashes >= POINTS_MIN // stride

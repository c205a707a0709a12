"""What is started is stopped: in reverse, each within its deadline, whatever happens to the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from procession.serving.services import Running, Service


def part(name: str, told: list[str], stop: Callable[[], object] | None = None) -> Service:
    return Service(
        name=name,
        start=partial(told.append, f"start {name}"),
        stop=stop or partial(told.append, f"stop {name}"),
        seconds_max=0.2 if stop else 10.0,
    )


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Never set while the test lasts."""
    event = threading.Event()
    yield event
    event.set()


def fail() -> None:
    raise OSError("not today")


def test_parts_start_in_order_and_stop_in_reverse() -> None:
    running, told = Running(), []  # type: ignore[var-annotated]

    for name in ("database", "engine"):
        running.start(part(name, told))

    assert running.stop() == []
    assert told == ["start database", "start engine", "stop engine", "stop database"]


def test_a_part_that_hangs_is_named_and_keeps_no_other_running(hanging: threading.Event) -> None:
    running, told = Running(), []  # type: ignore[var-annotated]
    running.start(part("database", told))
    running.start(part("mail", told, hanging.wait))

    assert running.stop() == ["mail"]
    assert told[-1] == "stop database"


def test_a_part_that_fails_to_stop_is_named_and_keeps_no_other_running() -> None:
    running, told = Running(), []  # type: ignore[var-annotated]
    running.start(part("database", told))
    running.start(part("engine", told, fail))

    assert running.stop() == ["engine"]
    assert told[-1] == "stop database"


def test_a_part_that_does_not_start_is_not_stopped() -> None:
    running, told = Running(), []  # type: ignore[var-annotated]
    running.start(part("database", told))

    with pytest.raises(OSError, match="not today"):
        running.start(Service(name="engine", start=fail, stop=partial(told.append, "stop engine"), seconds_max=10.0))

    running.stop()
    assert told == ["start database", "stop database"]


def test_what_has_stopped_is_not_stopped_again() -> None:
    running, told = Running(), []  # type: ignore[var-annotated]
    running.start(part("database", told))
    running.stop()

    assert running.stop() == []
    assert told == ["start database", "stop database"]

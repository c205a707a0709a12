"""What is started is stopped: in reverse, each within its deadline, whatever happens to the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from procession.serving.services import Service, Services


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
    services, told = Services(), []  # type: ignore[var-annotated]

    for name in ("database", "engine"):
        services.start(part(name, told))

    assert services.stop() == []
    assert told == ["start database", "start engine", "stop engine", "stop database"]


def test_a_part_that_hangs_is_named_and_keeps_no_other_running(hanging: threading.Event) -> None:
    services, told = Services(), []  # type: ignore[var-annotated]
    services.start(part("database", told))
    services.start(part("mail", told, hanging.wait))

    assert services.stop() == ["mail"]
    assert told[-1] == "stop database"


def test_a_part_that_fails_to_stop_is_named_and_keeps_no_other_running() -> None:
    services, told = Services(), []  # type: ignore[var-annotated]
    services.start(part("database", told))
    services.start(part("engine", told, fail))

    assert services.stop() == ["engine"]
    assert told[-1] == "stop database"


def test_a_part_that_does_not_start_is_not_stopped() -> None:
    services, told = Services(), []  # type: ignore[var-annotated]
    services.start(part("database", told))

    with pytest.raises(OSError, match="not today"):
        services.start(Service(name="engine", start=fail, stop=partial(told.append, "stop engine"), seconds_max=10.0))

    services.stop()
    assert told == ["start database", "stop database"]


def test_what_has_stopped_is_not_stopped_again() -> None:
    services, told = Services(), []  # type: ignore[var-annotated]
    services.start(part("database", told))
    services.stop()

    assert services.stop() == []
    assert told == ["start database", "stop database"]

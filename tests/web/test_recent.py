"""What several pages are told is made once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from procession.door.recent import Recent


def test_what_is_asked_for_at_once_is_made_once() -> None:
    recent, made, go = Recent(), [], threading.Event()

    def make() -> str:
        go.wait(5)
        made.append(1)
        return "made"

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(recent.of, "key", make) for _ in range(4)]
        go.set()
        assert [one.result(5) for one in asked] == ["made"] * 4
    assert made == [1]


def test_another_key_is_another_thing() -> None:
    recent = Recent()

    assert (recent.of(("a", 1), lambda: 1), recent.of(("a", 2), lambda: 2), recent.of(("a", 1), lambda: 3)) == (1, 2, 1)


def test_only_the_last_are_kept() -> None:
    recent = Recent(kept_max=2)
    for key in "abc":
        recent.of(key, lambda key=key: key)  # type: ignore[misc]

    assert recent.of("a", lambda: "anew") == "anew"
    assert recent.of("c", lambda: "anew") == "c"


def test_a_failure_is_told_once_and_whoever_waited_makes_it() -> None:
    recent, is_making, go = Recent(), threading.Event(), threading.Event()

    def fails() -> str:
        is_making.set()
        go.wait(5)
        raise ValueError("no")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(recent.of, "key", fails)
        is_making.wait(5)
        second = threads.submit(recent.of, "key", lambda: "made")
        go.set()
        with pytest.raises(ValueError, match="no"):
            first.result(5)
        assert second.result(5) == "made"

"""What several tests need, and no product code does."""

from __future__ import annotations

import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from hypothesis import settings

Answer = TypeVar("Answer")
Item = TypeVar("Item")
LOOK_SECONDS_MIN, LOOK_SECONDS_MAX = 0.005, 0.1
PATIENCE_SECONDS = 60.0  # only a test that fails waits so long: twenty programs may want the same core


def wait_until(condition: Callable[[], Answer], deadline_seconds: float = PATIENCE_SECONDS) -> Answer:
    """The first true answer of `condition`. Raises AssertionError with the last answer when there was none in time.

    Only for what a real process or thread does; everything else has a tick and a ManualClock.
    """
    asked = time.monotonic()
    deadline = asked + deadline_seconds
    rest = threading.Event()
    while not (answer := condition()):
        now = time.monotonic()
        assert now < deadline, f"not within {deadline_seconds:g} s; the last answer was {answer!r}"
        # A command that is asked without a rest takes the core from what is waited for.
        rest.wait(min(max(LOOK_SECONDS_MIN, 3 * (now - asked)), LOOK_SECONDS_MAX))
        asked = time.monotonic()
    return answer


def examples(quick: int) -> settings:
    """So many examples of a property that is slow to try; 500 in `make thorough`, as of every other."""
    profile = settings.get_current_profile_name()
    return settings(max_examples=settings.get_profile(profile).max_examples if profile == "thorough" else quick)


def one_in(number: int, items: Iterable[Item], *, unless: bool = False) -> list[Item]:
    """Of so many one, by what it says of itself: the same in every run, whatever stands before it. All `unless`."""
    return [item for item in items if unless or not zlib.crc32(str(item).encode()) % number]


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for loopback that is its own authority, and its key; both in PEM."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    options = "-x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
    command = ["openssl", "req", *options.split(), "-out", str(cert), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key

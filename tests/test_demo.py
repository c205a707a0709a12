"""`make demo` as a process of its own: however it is ended, it takes its server with it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from procession.engine.isolation import processes
from tests.programs import SOURCE
from tests.support import wait_until

pytestmark = pytest.mark.acceptance

DEMO_SECONDS_MAX = 60
HEARING = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " runpy.run_module('procession.demo', run_name='__main__', alter_sys=True)"
)


@contextmanager
def demonstration(folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """In a process group of its own, as in a terminal; `folder` has what it said in `out`.

    Ctrl-C reaches it also where these tests run in the background, and so ignore it themselves.
    """
    with (folder / "out").open("wb") as out:
        demo = subprocess.Popen(
            [sys.executable, "-c", HEARING],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), "PROCESSION_PORT": "0", **environment},
            stdout=out,
            stderr=out,
            process_group=0,
        )
    try:
        yield demo
    finally:
        if demo.poll() is None:
            demo.terminate()
        demo.wait(DEMO_SECONDS_MAX)
        # A server that was left, which is what these tests are against.
        if (server := server_of(folder)) and is_there(server):
            os.kill(server, signal.SIGKILL)


def server_of(folder: Path) -> int:
    """The pid that the engine's lock names; 0 while there is none."""
    lock = folder / "demo-data" / "engine.lock"
    found = re.search(r"process (\d+)", lock.read_text()) if lock.is_file() else None
    return int(found[1]) if found else 0


def is_there(pid: int) -> bool:
    return processes.started_ticks(pid) is not None


@pytest.mark.parametrize(
    ("number", "is_for_all"),
    [
        (signal.SIGTERM, False),
        pytest.param(signal.SIGINT, False, marks=pytest.mark.thorough),
        (signal.SIGINT, True),
    ],
)
def test_a_demonstration_that_serves_is_ended_with_its_server(tmp_path: Path, number: int, is_for_all: bool) -> None:
    with demonstration(tmp_path) as demo:
        wait_until(lambda: b"until you press Ctrl-C" in (tmp_path / "out").read_bytes(), DEMO_SECONDS_MAX)
        server = server_of(tmp_path)
        assert is_there(server)

        (os.killpg if is_for_all else os.kill)(demo.pid, number)

        assert demo.wait(DEMO_SECONDS_MAX) == 0
        assert not is_there(server)
    assert b"Outcome: Success" in (tmp_path / "out").read_bytes()
    assert b"Traceback" not in (tmp_path / "out").read_bytes()


def test_one_that_is_ended_before_is_no_success(tmp_path: Path) -> None:
    with demonstration(tmp_path, CI="true") as demo:
        server = wait_until(partial(server_of, tmp_path), DEMO_SECONDS_MAX)

        demo.terminate()

        assert demo.wait(DEMO_SECONDS_MAX) == 130
        assert not is_there(server)

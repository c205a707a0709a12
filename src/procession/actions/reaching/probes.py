"""Tries a connection, in a process that ends with the answer: what the other side sends is read in no server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import msgspec

from procession.actions.contract import ConnectionInput
from procession.model.errors import Unavailable

SECONDS_MAX = 60.0
WAIT_SECONDS_MAX = 5.0
# Each takes a process; whoever presses a button ten times waits.
_ONE_AT_A_TIME = threading.Lock()


class ProbeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    works: bool
    message: str


def probe(connection: ConnectionInput) -> ProbeAnswer:
    """Slow: in a thread that may wait. Raises Unavailable while another one is being tried."""
    if not _ONE_AT_A_TIME.acquire(timeout=WAIT_SECONDS_MAX):
        raise Unavailable("another connection is being tried; try again in a moment")
    try:
        return _asked(connection)
    finally:
        _ONE_AT_A_TIME.release()


def _asked(connection: ConnectionInput) -> ProbeAnswer:
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "procession.actions.reaching.probe_program"],
        # Nothing of the server's environment, which holds its secrets; the connection's own come by the pipe alone.
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/nonexistent", "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; we end the child
    ) as process:
        try:
            said, _ = process.communicate(msgspec.json.encode(connection), timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return ProbeAnswer(works=False, message=f"there was no answer within {SECONDS_MAX:g} s")
        except BaseException:
            process.kill()
            raise
    try:
        return msgspec.json.decode(said, type=ProbeAnswer)
    # It ended without a word: over its memory, or by a fault of a library.
    except msgspec.DecodeError:
        return ProbeAnswer(works=False, message="the process that tried it ended without an answer")

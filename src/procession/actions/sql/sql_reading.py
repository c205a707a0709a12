"""Parses SQL in a small process of its own: a parser that takes all memory takes only that process's."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from procession.actions.sql import sql_facts
from procession.model.errors import Unavailable

SECONDS_MAX = 30.0  # for all texts of a file; 2,000,000 characters of SQL take 5
WAIT_SECONDS_MAX = 60.0
# Each takes three seconds of a core, and a file may have a thousand steps.
DEATHS_MAX = 3  # after so many unreadable texts the file is refused

# One process for all callers: each may take a GB.
_ONE_AT_A_TIME = threading.Lock()

Facts = dict[str, Any]


def read(texts: Sequence[str | tuple[str]]) -> list[Facts | None]:
    """sql_facts.facts of each text, and sql_facts.expression of one in a tuple; None: it takes more memory or time than
    SQL should.

    The list ends early after DEATHS_MAX texts of that kind. Raises Unavailable when others are being read for too long,
    and when this machine can start no process.
    """
    if not _ONE_AT_A_TIME.acquire(timeout=WAIT_SECONDS_MAX):
        raise Unavailable("other process files are being checked; try again in a moment")
    try:
        found: list[Facts | None] = []
        # A new process goes on behind the text that ended the last one.
        while len(found) < len(texts) and found.count(None) < DEATHS_MAX:
            found += _facts(texts[len(found) :])
        return found
    except OSError as error:
        raise Unavailable(f"the SQL of the steps cannot be checked now: {error.strerror or error}") from error
    finally:
        _ONE_AT_A_TIME.release()


def _facts(texts: Sequence[str | tuple[str]]) -> list[Facts | None]:
    """Facts of the texts up to the first that killed the process, which is None."""
    import subprocess  # not at the top: fork servers import this module, and would hold it for every step

    with subprocess.Popen(  # noqa: S603 - this Python and our own program
        [sys.executable, "-P", sql_facts.__file__],
        # Nothing of the server's environment, which holds its secrets.
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/nonexistent", "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; we end the child
    ) as process:
        try:
            answers, _ = process.communicate(json.dumps(texts).encode(), timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            answers, _ = process.communicate()
        except BaseException:
            process.kill()
            raise
    # The last line may be torn.
    found: list[Facts | None] = [json.loads(line) for line in answers.splitlines(keepends=True) if line.endswith(b"\n")]
    return found if len(found) == len(texts) else [*found, None]

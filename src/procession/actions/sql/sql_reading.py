"""Parses SQL in a small process of its own: a parser that takes all memory takes only that process's."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from procession.actions.sql import sql_facts
from procession.model.errors import Unavailable

SECONDS_MAX = 30.0  # for all texts of a file; 2,000,000 characters of SQL take 5
WAIT_SECONDS_MAX = 60.0
# Each takes three seconds of a core, and a file may have a thousand steps.
DEATHS_MAX = 3  # after so many unreadable texts the file is refused

# One process for all callers: each may take a GB.
_ONE_AT_A_TIME = threading.Lock()

# A form sends the whole file at each press of a button, and what is found in a text depends on the text alone.
KEPT_MAX = 500  # texts, those asked for last
KEPT_CHARACTERS_MAX = 20_000  # of a text and its facts; a longer one is read again
_KEPT: dict[str, str] = {}  # the facts of a text, both as JSON; only whoever holds the lock may touch it

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
        lines = _lines([json.dumps(text) for text in texts])
    except OSError as error:
        raise Unavailable(f"the SQL of the steps cannot be checked now: {error.strerror or error}") from error
    finally:
        _ONE_AT_A_TIME.release()
    return [None if line is None else json.loads(line) for line in lines]


def _lines(texts: Sequence[str]) -> list[str | None]:
    answers: dict[str, str | None] = {text: _KEPT.pop(text) for text in set(texts) & _KEPT.keys()}
    new = [text for text in dict.fromkeys(texts) if text not in answers]
    found: list[str | None] = []
    # A new process goes on behind the text that ended the last one.
    while len(found) < len(new) and found.count(None) < DEATHS_MAX:
        found += _read_anew(new[len(found) :])
    answers.update(zip(new, found, strict=False))
    _keep(answers)
    return [answers[text] for text in takewhile(answers.__contains__, texts)]


def _keep(answers: Mapping[str, str | None]) -> None:
    for text, line in answers.items():
        # What took too much may find more time and memory when it is asked for again.
        if line is not None and len(text) + len(line) <= KEPT_CHARACTERS_MAX:
            _KEPT[text] = line
    for text in list(_KEPT)[:-KEPT_MAX]:
        del _KEPT[text]


def _read_anew(texts: Sequence[str]) -> list[str | None]:
    """The facts of the texts up to the first that killed the process, which is None."""
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
            answers, _ = process.communicate(f"[{','.join(texts)}]".encode(), timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            answers, _ = process.communicate()
        except BaseException:
            process.kill()
            raise
    # The last line may be torn.
    found: list[str | None] = [line for line in answers.decode().splitlines(keepends=True) if line.endswith("\n")]
    return found if len(found) == len(texts) else [*found, None]

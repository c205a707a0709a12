"""Runs that a step of another run starts: what is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.processes import Value

# Runs below one another, the first one included: deeper, nobody finds what failed.
DEPTH_MAX = 5
ROWS_MAX = 10_000  # of one step, each a run
ROWS_BYTES_MAX = 2**20  # of their keys and of what they give
KEY_CHARACTERS_MAX = 500
AT_ONCE_MAX = 32  # runs of one step: each transaction starts so many at most


class ProcessCall(msgspec.Struct, frozen=True, kw_only=True):
    """What a step asks for.

    `inputs`: by the "step.property" of the called process, constants and "${step.property}" of the calling one.
    `outputs`: the calling one's "step.property" by the called one's.
    """

    process: str  # its name, as the file says it
    inputs: Mapping[str, Any] = {}
    outputs: Mapping[str, str] = {}
    waits: bool = True  # False: the step ends when the run has started
    starts_anew: bool = False  # also where an earlier run of the step with the same inputs has succeeded
    at_once: int = 0  # a run for each of many rows, so many at the same time; 0: a single run
    stops: bool = True  # of rows: none is started any more once one has failed


class CalledRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row for which a run is to be started: `number` is its place in the source, from 1.

    `given` are inputs of the called process, by its "step.property", with the row's values filled in.
    """

    number: int
    key: str  # the same in every try; two rows of a step have different ones
    given: Mapping[str, str | bool | None]


class RowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of a step stand. `failed`: also cancelled, timed out and refused; `kept`: of an earlier try."""

    succeeded: int = 0
    warned: int = 0
    failed: int = 0
    under_way: int = 0
    waiting: int = 0
    left_out: int = 0  # never started, since one before it failed
    kept: int = 0

    @property
    def rows(self) -> int:
        return self.succeeded + self.warned + self.failed + self.under_way + self.waiting + self.left_out

    @property
    def started(self) -> int:
        """By this try of the step."""
        return self.rows - self.waiting - self.left_out - self.kept


class RowsEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How the runs of all rows ended: `first` says which failed first, `remark` what was odd about the rows."""

    counts: RowCounts
    first: str = ""
    remark: str = ""
    missing: tuple[str, ...] = ()  # outputs that a run which succeeded has not, and files that the only one has not
    files: Mapping[str, FileGiven] = {}  # by where they go, "step.property" of the calling process


class FileGiven(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class ChildEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a started run ended.

    `given` is what it left in the outputs, by its own "step.property"; a file that it did not make is not among it.
    """

    run: RunId  # named in the message, so that people find it
    status: RunStatus
    outcome: Outcome | None
    problem: str = ""  # the step that failed first, and its message
    given: Mapping[str, Value | FileGiven] = {}

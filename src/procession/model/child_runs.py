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

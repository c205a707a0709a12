"""Starts the run that a step asks for, or keeps that of an earlier try which came to something."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from procession.actions import references
from procession.engine.step_runs import StepCall
from procession.model import values
from procession.model.child_runs import DEPTH_MAX
from procession.model.errors import Invalid
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import RUN_ACTIVE, Outcome, RunStatus
from procession.model.people import SCOPES, Caller
from procession.model.processes import Flow
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.operations import called_processes, copies, runs
from procession.operations.act import Act
from procession.operations.resources import Resources
from procession.store import approvals, files, people
from procession.store import child_runs as store
from procession.store import runs as run_store
from procession.store import steps as step_store
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRun:
    """One run: the only one of its step, or that of the row with this key, which fills in `cells`."""

    call: StepCall
    key: str = ""
    cells: Mapping[str, str | bool | None] = field(default_factory=dict)

    def reference(self, name: str) -> PropertyRow | None:
        """The property that the input gets; None for a constant, whatever a cell of a row looks like."""
        found = None if name in self.cells else references.parse(self.call.call.inputs[name])
        return None if found is None else self.call.given[found]

    def constant(self, name: str) -> object:
        return self.cells[name] if name in self.cells else self.call.call.inputs[name]

    def sha256(self) -> str:
        """Of the process and of all that it is given."""
        given: dict[str, object] = {}
        for name in self.call.call.inputs:
            row = self.reference(name)
            if row is None:
                # The text "1" is not the number 1.
                given[name] = repr(self.constant(name))
            else:
                given[name] = [values.to_text(row.item.value), row.file and row.file.sha256, row.file and row.file.name]
        # Sorted: the order of a mapping in a file means nothing.
        text = json.dumps([self.call.call.process, given], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def acting(tx: Transaction, call: StepCall, resources: Resources, now: datetime) -> Act:
    """In the name of whoever started the run, as of now: it may have waited for hours."""
    user = people.user(tx, call.user.id) or call.user
    # It is a part of what has begun, which a disk that is nearly full does not end.
    return Act(tx=tx, caller=Caller(user=user, scopes=SCOPES), now=now, resources=replace(resources, reserve=None))


def called(act: Act, call: StepCall) -> ProcessId:
    """The process that is meant. Raises Invalid where it may not be run."""
    found = store.named(act.tx, call.run.process, call.run.version)
    if said := called_processes.trouble(act.tx, found, call.call, act.caller.user):
        raise Invalid(said)
    return found[call.call.process]  # trouble() would have said that it is not there


def begun(act: Act, asked: AskedRun) -> tuple[RunId, dict[str, Any]]:
    """The run, and what the history tells. Raises Invalid, NotFound and Unavailable."""
    call = asked.call
    process = called(act, call)
    # Asked again, although publishing asked: a process below may have a newer version since.
    chain = store.chain(act.tx, call.run.id, limit=DEPTH_MAX)
    _require_shallow(chain, process)
    # Before anything is made: the run of an earlier try may be all that is needed.
    kept = None if call.call.starts_anew else _kept(act.tx, asked, process)
    if kept is not None:
        return kept, {"processRun": str(kept), "isKept": True}
    detail = {"parentRun": str(call.run.id), "parentStep": str(call.step), **({"row": asked.key} if asked.key else {})}
    run = runs.create_told(act, process, _values(asked), detail)
    _copy_files(act, run, asked)
    # Else a run of its own would launder what somebody prepared who is to approve it, there or further up.
    approvals.copy_preparers(act.tx, call.run.id, run.id)
    for above, _ in chain:
        approvals.add_author(act.tx, above, of=run.id)
    runs.start(act, run.id)
    return run.id, {"processRun": str(run.id)}


def _require_shallow(chain: Sequence[tuple[RunId, ProcessId]], process: ProcessId) -> None:
    if process in {one for _, one in chain}:
        raise Invalid("it would run itself: " + " in ".join(f"{one}" for one, _ in chain) + " is a run of it")
    # A chain that was cut off there is as long, and refused as well.
    if len(chain) == DEPTH_MAX:
        raise Invalid(f"there are {DEPTH_MAX} runs below one another already, and no more may be")


def _kept(tx: Transaction, asked: AskedRun, process: ProcessId) -> RunId | None:
    """The run of an earlier try with the same inputs, unless it came to nothing."""
    last = store.latest_of_step(tx, asked.call.step, asked.key)
    # With other inputs its results would be those of another question.
    if last is None or last.child is None or last.inputs != asked.sha256():
        return None
    run = run_store.find(tx, last.child)
    # The name may mean another process since a restart took over a newer version.
    if run is None or run.process != process:
        return None
    # Somebody may have mended it by a restart of its own: it is waited for, not run a second time.
    has_succeeded = run.status is RunStatus.FINISHED and run.outcome is not Outcome.FAILED
    return run.id if has_succeeded or run.status in RUN_ACTIVE else None


def _values(asked: AskedRun) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in asked.call.call.inputs:
        row = asked.reference(name)
        if row is None:
            found[name] = asked.constant(name)
        # Files follow when the run has places for them.
        elif row.file is None:
            found[name] = row.item.value
    return found


def _copy_files(act: Act, run: Run, asked: AskedRun) -> None:
    """By their contents: no byte is copied. Raises Invalid for what takes no file."""
    sources = {name: row for name in asked.call.call.inputs if (row := asked.reference(name)) is not None and row.file}
    # After the run was made: only then its properties have ids of their own.
    rows = step_store.by_reference(act.tx, run.id) if sources else {}
    for name, source in sources.items():
        target = rows.get(name)
        # Checked when the process was published, against a version that may be older than this run's.
        if target is None or target.file is None or target.item.flow is not Flow.INPUT:
            raise Invalid(f'"{asked.call.call.process}" has no input {name} that takes a file')
        assert source.file is not None, "only those are sources"
        # Also an empty one: what the process has there itself is not what was given.
        files.fill(act.tx, target.file.id, name=source.file.name, content=copies.content_of(source))

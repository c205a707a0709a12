"""One step of a draft tried on the samples of its author: those of their last try-out, else of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from procession.actions.tables.contract import FoundByRules
from procession.actions.transforming.seen_stages import SeenStages
from procession.door.contract import StreamCall
from procession.model.ids import ProcessId
from procession.model.processes import Process, Step
from procession.model.steps import PropertyRow
from procession.operations import rule_trials, step_columns, step_trials
from procession.operations.step_trials import TriedStep
from procession.operations.trial_inputs import TrialFile, TrialOf
from procession.store.blobs import Blobs

Tried = tuple[TriedStep, FoundByRules | SeenStages | None]


async def tried(call: StreamCall, process: Process, step: Step) -> Tried:
    """Nothing is kept and nothing is written. Raises Invalid, NotFound, Forbidden, Unavailable."""
    trial = await asyncio.to_thread(_given, call, process, step)
    resources = call.context.resources
    work = resources.trial_workers.call(lambda: rule_trials.run(resources, trial))
    return await asyncio.wrap_future(work)


def in_words(message: str) -> str:
    """A refusal, for the one who looks at the designer."""
    # To the command line it is an option that is missing; here it is a sample.
    if "no file is given" not in message:
        return message
    return f"{message}: try the draft up to a step before it once, and give its files there; they are the samples here"


def _given(call: StreamCall, process: Process, step: Step) -> TrialOf:
    """With the files and values of the designer's last try-out; without one, those that come with the process."""
    with call.database.snapshot() as tx:
        act = call.admit(tx)
        rows = step_columns.samples(act, call.id(ProcessId))
        known = {f"{one.key}.{item.key}": item for one in process.steps for item in one.properties}
        trial = TrialOf(
            process=process,
            step=step,
            files=_files(rows, call.context.resources.blobs),
            # A property of another type than then would get what it cannot hold.
            values={
                row.reference: row.item.value
                for row in rows
                if row.reference in known and known[row.reference].type is row.item.type and row.item.value is not None
            },
        )
        return step_trials.with_home(tx, call.context.resources, act.caller, trial)


def _files(rows: Sequence[PropertyRow], blobs: Blobs) -> dict[str, TrialFile]:
    """By reference, those that have a content."""
    filled = {row.reference: row.file for row in rows if row.file is not None and row.file.sha256 is not None}
    return {
        reference: TrialFile(path=blobs.fetch(str(file.sha256)), name=file.name or "file")
        for reference, file in filled.items()
    }

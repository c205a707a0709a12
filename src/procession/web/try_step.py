"""One step of a draft tried on the samples of its author: what it gives, and what each rule finds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from procession.actions.reading.options import FileOptions
from procession.actions.tables.contract import FoundByRules, RuleFinds
from procession.door.contract import HtmlReply, StreamCall
from procession.model.errors import Forbidden, Invalid, NotFound, Unavailable
from procession.model.figures import compare
from procession.model.ids import ProcessId
from procession.model.lifecycle import StepStatus
from procession.model.processes import Process, Step
from procession.model.steps import PropertyRow
from procession.operations import rule_trials, step_columns, step_trials
from procession.operations.previews import FileReading, FileView
from procession.operations.step_trials import TriedOutput, TriedStep
from procession.operations.trial_inputs import TrialFile, TrialOf
from procession.pages.formats import Reader
from procession.pages.statuses import of_step
from procession.store.blobs import Blobs
from procession.web import edit, preview
from procession.web.forms import Form
from procession.web.page import page, reader
from procession.web.preview import ShownFile

LOG_LINES_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCard:
    """A rule in the order of the step; `finds` is None where it has found nothing."""

    number: int
    name: str
    finds: RuleFinds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCard:
    """A value, or a file as a table of its first rows."""

    name: str
    reference: str
    value: str
    shown: ShownFile | None


async def show(call: StreamCall, form: Form) -> HtmlReply:
    """Nothing is kept and nothing is written. What cannot be tried is said on the designer's own page."""
    draft = edit.draft_of(call)
    reading = await edit.read_draft(call, draft.text)
    if reading.process is None:
        problem = "mend the mistakes first: what has some cannot run"
        return await edit.draft_page(call, draft, problem=problem, form=form)
    # The words of a refusal belong beside the step that its author is looking at.
    try:
        step = step_trials.find_step(reading.process, form.one("step"))
        trial = await asyncio.to_thread(_given, call, reading.process, step)
        resources = call.context.resources
        work = resources.trial_workers.call(lambda: rule_trials.run(resources, trial))
        tried, found = await asyncio.wrap_future(work)
    except (Invalid, NotFound, Forbidden, Unavailable) as error:
        return await edit.draft_page(call, draft, problem=_in_words(error.message), form=form)
    return _page(call, reading.process, step, (tried, found))


def _in_words(message: str) -> str:
    # To the command line it is an option that is missing; here it is a sample.
    if "no file is given" not in message:
        return message
    return f"{message}: try the draft up to a step before it once, and give its files there; they are the samples here"


def _files(rows: Sequence[PropertyRow], blobs: Blobs) -> dict[str, TrialFile]:
    """By reference, those that have a content."""
    filled = {row.reference: row.file for row in rows if row.file is not None and row.file.sha256 is not None}
    return {
        reference: TrialFile(path=blobs.fetch(str(file.sha256)), name=file.name or "file")
        for reference, file in filled.items()
    }


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


def _page(call: StreamCall, process: Process, step: Step, done: tuple[TriedStep, FoundByRules | None]) -> HtmlReply:
    tried, found = done
    look, log = reader(call.caller.user, call.clock()), tried.log.splitlines()
    return page(
        call, call.caller, call.clock(), "tried",
        title=f"Trial of step {step.order} {step.name}",
        entry="/processes",
        here=edit.here(call.id(ProcessId)),
        process_name=process.name,
        step=step,
        tried=tried,
        tag_of_trial=of_step(tried.status, is_over=True),
        is_bad=tried.status is StepStatus.FAILED,
        figures=[(one.name, look.number(one.shown_now)) for one in compare(tried.figures, None)],
        rules=[] if found is None else _cards(step, found),
        columns=() if found is None else found.columns,
        outputs=[_output(one, look) for one in tried.outputs],
        log="\n".join(log[:LOG_LINES_SHOWN]),
    )  # fmt: skip


def _cards(step: Step, found: FoundByRules) -> list[RuleCard]:
    """All rules in their order: one that finds nothing is what its author looks for."""
    rules: Sequence[dict[str, Any]] = step.settings.get("rules", ())
    by_name = {one.rule: one for one in found.rules}
    names = [str(rule.get("name", "")) for rule in rules]
    cards = [RuleCard(number=n, name=name, finds=by_name.get(name)) for n, name in enumerate(names, start=1)]
    # What people decided comes before all rules, by a name that is no rule's.
    others = [RuleCard(number=0, name=one.rule, finds=one) for one in found.rules if one.rule not in names]
    return [*others, *cards]


def _output(one: TriedOutput, look: Reader) -> OutputCard:
    if one.preview is None:
        return OutputCard(name=one.name, reference=one.reference, value=one.value, shown=None)
    # A page shows the remarks on a file only where some step reads it: here that is the trial.
    view = FileView(reading=FileReading(options=FileOptions(file=""), steps=("it",)), preview=one.preview, checks=())
    shown = preview.shown([view], look) or []
    return OutputCard(name=one.name, reference=one.reference, value="", shown=shown[0] if shown else None)

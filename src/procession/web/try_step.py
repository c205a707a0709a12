"""One step of a draft tried on the samples of its author: what it gives, and what each rule finds."""

from __future__ import annotations

from dataclasses import dataclass

from procession.actions.reading.options import FileOptions
from procession.actions.tables.contract import FoundByRules
from procession.door.contract import HtmlReply, StreamCall
from procession.model.errors import Forbidden, Invalid, NotFound, Unavailable
from procession.model.figures import compare
from procession.model.ids import ProcessId
from procession.model.lifecycle import StepStatus
from procession.model.processes import Process, Step
from procession.operations import step_trials
from procession.operations.previews import FileReading, FileView
from procession.operations.step_trials import TriedOutput
from procession.pages.formats import Reader
from procession.pages.statuses import of_step
from procession.web import edit, edit_acts, edit_finds, preview, trying
from procession.web.forms import Form
from procession.web.page import page, reader
from procession.web.preview import ShownFile
from procession.web.trying import Tried

LOG_LINES_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCard:
    """A value, or a file as a table of its first rows."""

    name: str
    reference: str
    value: str
    shown: ShownFile | None


async def show(call: StreamCall, form: Form) -> HtmlReply:
    """Nothing is kept and nothing is written. What cannot be tried is said on the designer's own page."""
    if (refused := await edit_acts.keep(call, form)) is not None:
        return refused
    draft = edit.draft_of(call)
    reading = await edit.read_draft(call, draft.text)
    if reading.process is None:
        problem = "mend the mistakes first: what has some cannot run"
        return await edit.draft_page(call, draft, problem=problem, form=form)
    # The words of a refusal belong beside the step that its author is looking at.
    try:
        step = step_trials.find_step(reading.process, form.one("step"))
        done = await trying.tried(call, reading.process, step)
    except (Invalid, NotFound, Forbidden, Unavailable) as error:
        return await edit.draft_page(call, draft, problem=trying.in_words(error.message), form=form)
    return _page(call, reading.process, step, done)


def _page(call: StreamCall, process: Process, step: Step, done: Tried) -> HtmlReply:
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
        rules=edit_finds.of_rules(step, found) if isinstance(found, FoundByRules) else [],
        outputs=[_output(one, look) for one in tried.outputs],
        log="\n".join(log[:LOG_LINES_SHOWN]),
    )  # fmt: skip


def _output(one: TriedOutput, look: Reader) -> OutputCard:
    if one.preview is None:
        return OutputCard(name=one.name, reference=one.reference, value=one.value, shown=None)
    # A page shows the remarks on a file only where some step reads it: here that is the trial.
    view = FileView(reading=FileReading(options=FileOptions(file=""), steps=("it",)), preview=one.preview, checks=())
    shown = preview.shown([view], look) or []
    return OutputCard(name=one.name, reference=one.reference, value="", shown=shown[0] if shown else None)

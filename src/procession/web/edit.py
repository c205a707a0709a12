"""The designer: a process built and changed without writing YAML, and as text for whoever likes; both are one draft."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from markupsafe import Markup
from msgspec.structs import replace

from procession.actions.contract import Action
from procession.door.contract import HtmlReply, StreamCall
from procession.model import process_file
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.model.process_file import documents, outlines, patching
from procession.model.process_file.documents import FileMistakes
from procession.model.process_file.outlines import OutlinedGroup, OutlinedStep
from procession.model.processes import Process
from procession.operations import drafts, processes
from procession.operations.drafts import ProcessDraft
from procession.operations.step_columns import KnownColumns
from procession.pages import conditions, environment
from procession.pages.formats import Reader
from procession.web import (
    edit_columns,
    edit_fields,
    edit_finds,
    edit_import,
    edit_mistakes,
    edit_names,
    edit_process,
    setting_fields,
)
from procession.web.edit_finds import StepFinds
from procession.web.edit_mistakes import PlacedMistake
from procession.web.edit_names import NameChoices
from procession.web.forms import Form
from procession.web.page import fragment, page, reader
from procession.web.setting_nodes import SettingNode

DIFF_LINES_MAX = 2_000
LINES_AROUND = 2


class DraftReading(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said of a text: its steps, its mistakes, and the process if there are none.

    `order` is a process that runs its steps when those of the text run, as far as that can be read.
    """

    groups: tuple[OutlinedGroup, ...]
    mistakes: tuple[PlacedMistake, ...]
    process: Process | None
    order: Process | None = None

    @property
    def steps(self) -> list[OutlinedStep]:
        return [step for group in self.groups for step in group.steps]


def read(text: str, actions: Mapping[str, Action]) -> DraftReading:
    """As long as a process file takes to read: never in a transaction."""
    try:
        groups = outlines.outline(text)
    except FileMistakes as error:
        return DraftReading(groups=(), mistakes=tuple(edit_mistakes.placed(error.mistakes, [], "", {})), process=None)
    try:
        process = process_file.parse(text, actions=actions)
    except FileMistakes as error:
        steps = [step for group in groups for step in group.steps]
        placed = tuple(edit_mistakes.placed(error.mistakes, steps, text, actions))
        return DraftReading(groups=groups, mistakes=placed, process=None, order=_order_of(text, actions))
    return DraftReading(groups=groups, mistakes=(), process=process, order=process)


def _order_of(text: str, actions: Mapping[str, Action]) -> Process | None:
    try:
        return process_file.parse(patching.dumped(outlines.skeleton(text)), actions=actions)
    except FileMistakes:
        return None


async def show(call: StreamCall) -> HtmlReply:
    """The draft, or the present version to begin one."""
    return await draft_page(call, draft_of(call))


def draft_of(call: StreamCall) -> ProcessDraft:
    with call.database.read() as tx:
        return drafts.find(call.admit(tx), call.find_id(ProcessId))


async def read_draft(call: StreamCall, text: str) -> DraftReading:
    found: DraftReading = await in_thread(call, text, partial(read, text, call.context.resources.actions))
    return found


async def in_thread(call: StreamCall, text: str, work: Callable[[], Any]) -> Any:
    return await call.context.parsing.run(call.caller.user.id, len(text), work)


async def draft_page(
    call: StreamCall, draft: ProcessDraft, *, problem: str = "", form: Form | None = None
) -> HtmlReply:
    reading = await read_draft(call, draft.text)
    order = call.request.query.get("step", "") if form is None else form.one("step")
    # A link to a step that is gone by now must still open the draft.
    step = next((item for item in reading.steps if item.order == order), None) or next(iter(reading.steps), None)
    step = None if order == edit_process.ABOUT else step
    actions = call.context.resources.actions
    step, known, names = await _found(call, draft, reading, step, form)
    return page(
        call,
        call.caller,
        call.clock(),
        "edit",
        title=f"Edit {draft.name}" if draft.process else "New process",
        entry="/processes",
        here=here(draft.process),
        draft=draft,
        seen=seen(draft.text),
        reading=reading,
        places=reading.mistakes,
        step=step,
        fields=None if step is None else _fields(step, reading, (actions, known), form),
        runs_when="" if step is None else _sentence(reading.order, step.order, reader(call.caller.user, call.clock())),
        about=_about(draft.text, reading, form) if order == edit_process.ABOUT and reading.groups else None,
        names=names,
        focus=call.request.query.get("focus", ""),
        lost=_lost(call),
        theirs=_theirs(call, draft),
        moved=_moved(reading, step) if call.request.query.get("moved") else "",
        actions=[(kind, action.title) for kind, action in sorted(actions.items())],
        as_text=call.request.query.get("as") == "text" or not reading.groups,
        marks=_marks(reading),
        lines=_lines(draft.text, step),
        changes=_count_changes(draft),
        problem=problem,
        words=edit_fields,
        status_code=400 if problem else 200,
    )


async def _found(
    call: StreamCall, draft: ProcessDraft, reading: DraftReading, step: OutlinedStep | None, form: Form | None
) -> tuple[OutlinedStep | None, KnownColumns, NameChoices]:
    """The step as its form shows it, and what is known of its sources."""
    known = await edit_columns.known(call, draft.process, step, edit_names.types(reading.steps))
    step, finds = await _finds(call, draft, reading, step, form)
    return step, known, replace(edit_names.choices(reading.steps), **edit_columns.offered(known), finds=finds)


async def _finds(
    call: StreamCall, draft: ProcessDraft, reading: DraftReading, step: OutlinedStep | None, form: Form | None
) -> tuple[OutlinedStep | None, StepFinds]:
    """The same step, and what is found in the samples."""
    # What is no process yet has no samples.
    if step is None or draft.process is None:
        return step, StepFinds()
    is_asked = edit_finds.FINDS in call.request.query if form is None else form.has(edit_finds.FINDS)
    found = await edit_finds.of_step(call, reading.process, (step.order, step.action), is_asked=is_asked)
    if step.action != edit_import.KIND:
        return step, found
    types, sample = edit_names.types(reading.steps), Markup()
    told: tuple[str, ...] = ()
    if form is None and edit_import.PROPOSE in call.request.query:
        wrong = edit_import.mistake(reading.mistakes, step.order, proposes=True)
        step, told = (step, (wrong,)) if wrong else await edit_import.proposed(call, draft.process, step, types)
    if is_asked:
        wrong = edit_import.mistake(reading.mistakes, step.order)
        fits = (
            edit_import.ImportSample(problem=wrong)
            if wrong
            else await edit_import.of_settings(call, draft.process, step.data.get("with"), types)
        )
        sample = Markup(fragment(call, call.caller, call.clock(), "fit", sample=fits).html)  # noqa: S704 - our template
    return step, dataclasses.replace(found, here=here(draft.process), sample=sample, proposed=told)


def _about(text: str, reading: DraftReading, form: Form | None) -> SettingNode:
    mistakes = edit_mistakes.of_process(reading.mistakes)
    return edit_process.fields_of(documents.read(text).data, mistakes, form)


def _lines(text: str, step: OutlinedStep | None) -> list[tuple[int, str, bool]]:
    """The lines of the step and some around it, with their numbers: what the form beside them says."""
    lines = text.splitlines()
    spans = {order: (first, end) for order, first, end in outlines.spans(text)} if step else {}
    first, end = spans.get(step.order, (1, len(lines) + 1)) if step else (1, len(lines) + 1)
    shown = range(max(first - LINES_AROUND, 1), min(end + LINES_AROUND, len(lines) + 1))
    return [(number, lines[number - 1], first <= number < end) for number in shown]


def _marks(reading: DraftReading) -> str:
    """The mistakes for the editor of the text."""
    return msgspec.json.encode(
        [
            {"line": mistake.line, "column": mistake.column, "message": environment.sentence(mistake.message)}
            for mistake in (place.mistake for place in reading.mistakes)
        ]
    ).decode()


def here(process: ProcessId | None) -> str:
    return "/processes/new" if process is None else f"/processes/{process}/edit"


def seen(text: str) -> str:
    """Which text a page was made of: what another tab has kept meanwhile is not written over unseen."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _lost(call: StreamCall) -> int:
    text = call.request.query.get("lost", "")
    # Anybody can write an address, so it is believed only as a small number.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


def _theirs(call: StreamCall, draft: ProcessDraft) -> list[str]:
    """What was published since the draft began."""
    if draft.process is None or not draft.is_behind:
        return []
    with call.database.read() as tx:
        began, _ = processes.definition(tx, draft.process, draft.base_version)
    return diff(began, draft.published)


def _moved(reading: DraftReading, step: OutlinedStep | None) -> str:
    """Where a step stands now, for whoever does not see it."""
    orders = [item.order for item in reading.steps]
    if step is None:
        return ""
    at = orders.index(step.order)
    near = f"after {orders[at - 1]} {reading.steps[at - 1].name}" if at else "the first of all"
    return f"{step.name} is now step {step.order}, {near}."


def _fields(
    step: OutlinedStep, reading: DraftReading, given: tuple[Mapping[str, Action], KnownColumns], form: Form | None
) -> dict[str, Any]:
    actions, known = given
    action, data = actions.get(step.action), step.data
    mistakes, types = edit_mistakes.of_settings(reading.mistakes, step.order), edit_names.types(reading.steps)
    settings = edit_fields.settings_of(action, data, mistakes, types)
    if form is not None and form.has("name") and form.one("of") == f"{step.key} {step.action}":  # what was typed stays
        settings, data = setting_fields.typed(settings, form), _typed_frame(form, data)
    needs = data.get("needs")
    return {
        "data": data,
        "settings": edit_columns.with_doubts(settings, known),
        "wrong": edit_mistakes.of_frame(reading.mistakes, step.order),
        "earlier": [item for item in reading.steps if _before(item.order, step.order)],
        "needs": needs if isinstance(needs, list) else [needs] if isinstance(needs, str) else None,
        "when": edit_fields.when_of(data.get("when")),
        "skip_when": edit_fields.when_of(data.get("skip_when")),
        "retry": data["retry"].get("times", "") if isinstance(data.get("retry"), dict) else "",
        "properties": [item for item in data.get("properties") or [] if isinstance(item, dict)],
        "title": actions[step.action].title if step.action in actions else step.action or "Data",
    }


def _typed_frame(form: Form, data: dict[str, Any]) -> dict[str, Any]:
    try:
        return edit_fields.read_frame(form, data)
    except Invalid:
        return data


def _sentence(process: Process | None, order: str, own: Reader) -> str:
    step = next((item for item in process.steps if item.order == order), None) if process else None
    return "" if process is None or step is None else conditions.of_step(process, step, own)


def _before(one: str, other: str) -> bool:
    # As numbers: as text, 10.1 would come before 2.1.
    return [int(part) for part in one.split(".")] < [int(part) for part in other.split(".")]


def diff(before: str, after: str) -> list[str]:
    """Lines with +, - or a blank before them; bounded."""
    found = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2:]
    return found if len(found) <= DIFF_LINES_MAX else [*found[:DIFF_LINES_MAX], "@@ and more"]


def _count_changes(draft: ProcessDraft) -> int:
    """How many places of the text differ from the present version."""
    return sum(line.startswith("@@") for line in diff(draft.published, draft.text)) if draft.is_kept else 0

"""The designer: a process built and changed without writing YAML, and as text for whoever likes; both are one draft."""

from __future__ import annotations

import asyncio
import difflib
import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from procession.actions.contract import Action
from procession.door.contract import HtmlReply, RedirectReply, StreamCall
from procession.model import process_file
from procession.model.errors import Conflict, Invalid
from procession.model.ids import ProcessId
from procession.model.process_file import editing, outlines
from procession.model.process_file.documents import FileMistakes, Mistake
from procession.model.process_file.outlines import OutlinedGroup, OutlinedStep
from procession.model.processes import Process
from procession.operations import drafts
from procession.operations.drafts import ProcessDraft
from procession.store.database import Transaction
from procession.web import edit_fields
from procession.web.forms import Form
from procession.web.page import page

DIFF_LINES_MAX = 2_000
LINES_AROUND = 2


class DraftReading(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said of a text: its steps, its mistakes, and the process if there are none."""

    groups: tuple[OutlinedGroup, ...]
    mistakes: tuple[Mistake, ...]
    process: Process | None

    @property
    def steps(self) -> list[OutlinedStep]:
        return [step for group in self.groups for step in group.steps]


def read(text: str, actions: Mapping[str, Action]) -> DraftReading:
    """As long as a process file takes to read: never in a transaction."""
    try:
        groups = outlines.outline(text)
    except FileMistakes as error:
        return DraftReading(groups=(), mistakes=error.mistakes, process=None)
    try:
        process = process_file.parse(text, actions=actions)
    except FileMistakes as error:
        return DraftReading(groups=groups, mistakes=error.mistakes, process=None)
    return DraftReading(groups=groups, mistakes=(), process=process)


async def show(call: StreamCall) -> HtmlReply:
    """The draft, or the present version to begin one."""
    return await draft_page(call, draft_of(call))


def draft_of(call: StreamCall) -> ProcessDraft:
    with call.database.read() as tx:
        return drafts.find(call.admit(tx), call.find_id(ProcessId))


async def read_draft(call: StreamCall, text: str) -> DraftReading:
    found: DraftReading = await _thread(call, text, partial(read, text, call.context.resources.actions))
    return found


async def _thread(call: StreamCall, text: str, work: Callable[[], Any]) -> Any:
    return await call.context.parsing.run(call.caller.user.id, len(text), work)


async def draft_page(
    call: StreamCall, draft: ProcessDraft, *, problem: str = "", form: Form | None = None
) -> HtmlReply:
    reading = await read_draft(call, draft.text)
    order = call.request.query.get("step", "") if form is None else form.one("step")
    step = next((item for item in reading.steps if item.order == order), None) or next(iter(reading.steps), None)
    actions = call.context.resources.actions
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
        places=_places(reading, draft.text),
        step=step,
        fields=None if step is None else _fields(step, reading, actions, form),
        actions=[(kind, action.title) for kind, action in sorted(actions.items())],
        as_text=call.request.query.get("as") == "text" or not reading.groups,
        lines=_lines(draft.text, step),
        changes=_count_changes(draft),
        problem=problem,
        words=edit_fields,
        status_code=400 if problem else 200,
    )


def _lines(text: str, step: OutlinedStep | None) -> list[tuple[int, str, bool]]:
    """The lines of the step and some around it, with their numbers: what the form beside them says."""
    lines = text.splitlines()
    spans = {order: (first, end) for order, first, end in outlines.spans(text)} if step else {}
    first, end = spans.get(step.order, (1, len(lines) + 1)) if step else (1, len(lines) + 1)
    shown = range(max(first - LINES_AROUND, 1), min(end + LINES_AROUND, len(lines) + 1))
    return [(number, lines[number - 1], first <= number < end) for number in shown]


def here(process: ProcessId | None) -> str:
    return "/processes/new" if process is None else f"/processes/{process}/edit"


def seen(text: str) -> str:
    """Which text a page was made of: what another tab has kept meanwhile is not written over unseen."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _places(reading: DraftReading, text: str) -> list[tuple[Mistake, str]]:
    """Each mistake with the number of the step that it is in, or ""."""
    spans = outlines.spans(text) if reading.groups else []
    return [
        (mistake, next((order for order, first, end in spans if first <= mistake.line < end), ""))
        for mistake in reading.mistakes
    ]


def _fields(
    step: OutlinedStep, reading: DraftReading, actions: Mapping[str, Action], form: Form | None
) -> dict[str, Any]:
    data = step.data
    settings = edit_fields.settings_of(actions.get(step.action), data)
    if form is not None:  # what was typed stays
        settings = [msgspec.structs.replace(item, text=form.one(f"with.{item.name}")) for item in settings]
    needs = data.get("needs")
    return {
        "settings": settings,
        "earlier": [item for item in reading.steps if _before(item.order, step.order)],
        "needs": needs if isinstance(needs, list) else [needs] if isinstance(needs, str) else None,
        "when": edit_fields.when_of(data.get("when")),
        "skip_when": edit_fields.when_of(data.get("skip_when")),
        "retry": data["retry"].get("times", "") if isinstance(data.get("retry"), dict) else "",
        "properties": [item for item in data.get("properties") or [] if isinstance(item, dict)],
        "title": actions[step.action].title if step.action in actions else step.action or "Data",
    }


def _before(one: str, other: str) -> bool:
    return [int(part) for part in one.split(".")] < [int(part) for part in other.split(".")]


def diff(draft: ProcessDraft) -> list[str]:
    """Lines with +, - or a blank before them; bounded."""
    before, after = draft.published.splitlines(), draft.text.splitlines()
    found = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
    return found if len(found) <= DIFF_LINES_MAX else [*found[:DIFF_LINES_MAX], "@@ and more"]


def _count_changes(draft: ProcessDraft) -> int:
    """How many places of the text differ from the present version."""
    return sum(line.startswith("@@") for line in diff(draft)) if draft.is_kept else 0


async def change(call: StreamCall, form: Form) -> RedirectReply | HtmlReply:
    """One change of the draft, by the button that was pressed."""
    process, draft = call.find_id(ProcessId), draft_of(call)
    if form.one("seen") != seen(draft.text):
        raise Conflict(
            "the draft was changed in another tab or window; reload the page to see it, then change it again"
        )
    order, do = form.one("step"), form.one("do")
    try:
        text, order = await _thread(
            call, draft.text, partial(_changed, draft.text, do, form, call.context.resources.actions)
        )
    except FileMistakes as error:
        return await draft_page(
            call, draft, problem=f"line {error.mistakes[0].line}: {error.mistakes[0].message}", form=form
        )
    except Invalid as error:
        return await draft_page(call, draft, problem=error.message, form=form)

    def operation(tx: Transaction) -> None:
        act = call.admit(tx)
        if do == "drop":
            drafts.drop(act, process)
        else:
            drafts.keep(act, process, text, base_version=draft.base_version)

    await asyncio.wrap_future(call.database.submit(operation))
    lost = editing.lost_comments(draft.text, text) if do not in {"text", "drop"} else 0
    return RedirectReply(location=f"{here(process)}?step={order}{f'&lost={lost}' if lost else ''}#form")


def _changed(text: str, do: str, form: Form, actions: Mapping[str, Action]) -> tuple[str, str]:
    """The text after the change, and the number of the step to show."""
    order = form.one("step")
    match do:
        case "text":
            return form.one("text"), order
        case "step":
            step = next((item for group in outlines.outline(text) for item in group.steps if item.order == order), None)
            if step is None:
                raise Invalid(f"there is no step {order[:20]} any more")
            action = actions.get(step.action)
            return editing.changed(text, order, edit_fields.read_step(form, step.data, action)), order
        case "up" | "down":
            return editing.moved(text, order, is_up=do == "up")
        case "copy":
            return editing.copied(text, order), _next(order)
        case "delete":
            return editing.deleted(text, order), order
        case "add":
            return editing.added(text, order, _new_step(form.one("kind"), text, actions)), _next(order)
        case "drop":
            return text, order
    raise Invalid("press one of the buttons of the page")


def _next(order: str) -> str:
    group, _, place = order.partition(".")
    return f"{group}.{int(place) + 1}"


def _new_step(kind: str, text: str, actions: Mapping[str, Action]) -> dict[str, Any]:
    names = {step.name for group in outlines.outline(text) for step in group.steps}
    title = "Data" if kind == "data" else actions[kind].title if kind in actions else ""
    if not title:
        raise Invalid("choose what kind of step to add")
    name = next(name for name in (f"{title} {number}" for number in range(1, len(names) + 2)) if name not in names)
    if kind == "data":
        return {"data": name, "properties": [{"name": "Amount", "type": "Number", "flow": "INPUT"}]}
    example = actions[kind].examples[0]
    return {"action": kind, "name": name, "with": dict(example.settings)}

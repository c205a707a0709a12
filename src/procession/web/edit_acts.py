"""What the buttons of the designer do to a draft. What was typed into the form goes along with every one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec

from procession.actions.contract import Action
from procession.door.contract import HtmlReply, RedirectReply, StreamCall
from procession.model.errors import Conflict, Invalid
from procession.model.ids import ProcessId
from procession.model.process_file import documents, editing, outlines
from procession.model.process_file.documents import FileMistakes
from procession.operations import drafts
from procession.operations.drafts import ProcessDraft
from procession.pages import environment
from procession.store.database import Transaction
from procession.web import edit, edit_fields, edit_finds, edit_import, edit_names, edit_process, setting_reading
from procession.web.forms import Form
from procession.web.page import page
from procession.web.setting_reading import NONE_PRESSED, RowPress

ANOTHER_TAB = "your draft was changed in another tab or window"


class ChangedDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The text after a change, and where its author goes on: the step, and what has the focus in it."""

    text: str
    order: str
    focus: str = ""
    is_moved: bool = False
    shows: str = ""  # what is made for the page: edit_finds.FINDS, edit_import.PROPOSE
    is_text: bool = False


async def change(call: StreamCall, form: Form) -> RedirectReply | HtmlReply:
    """One change of the draft, by the button that was pressed."""
    found = await _changed(call, form)
    return found if isinstance(found, HtmlReply) else RedirectReply(location=found)


async def keep(call: StreamCall, form: Form) -> HtmlReply | None:
    """What was typed, before a button leads to another page; the page to show where that cannot be kept."""
    found = await _changed(call, form) if form.has("name") else ""
    return found if isinstance(found, HtmlReply) else None


async def _changed(call: StreamCall, form: Form) -> HtmlReply | str:
    """The draft after the button, kept: where its author goes on, or the page that says why it was not."""
    process, draft = call.find_id(ProcessId), edit.draft_of(call)
    do = form.one("do")
    # Before anything is applied: what another tab has kept would be overwritten unseen.
    if form.one("seen") != edit.seen(draft.text):
        return await _conflict(call, draft, form)
    try:
        changed = await edit.in_thread(
            call, draft.text, partial(apply, draft.text, form, call.context.resources.actions)
        )
    except FileMistakes as error:
        first = error.mistakes[0]
        return await edit.draft_page(call, draft, problem=f"line {first.line}: {first.message}", form=form)
    except Invalid as error:
        return await edit.draft_page(call, draft, problem=error.message, form=form)

    def operation(tx: Transaction) -> None:
        act = call.admit(tx)
        if do == "drop":
            drafts.drop(act, process)
        else:
            drafts.keep(act, process, changed.text, base_version=draft.base_version)

    await asyncio.wrap_future(call.database.submit(operation))
    # Whoever edits the text takes comments away on purpose.
    lost = editing.lost_comments(draft.text, changed.text) if do not in {"text", "drop"} else 0
    return edit.here(process) + _address(changed, lost)


async def _conflict(call: StreamCall, draft: ProcessDraft, form: Form) -> HtmlReply:
    """What the button would make of the draft as it is now, for its author to decide. Raises Conflict."""
    work = partial(apply, draft.text, form, call.context.resources.actions)
    try:
        mine = await edit.in_thread(call, draft.text, work)
    # The step is gone, or the text is no longer one that a form can change.
    except (FileMistakes, Invalid):
        raise Conflict(f"{ANOTHER_TAB}; reload the page to see it, then change it again") from None
    return page(
        call,
        call.caller,
        call.clock(),
        "edit-conflict",
        title=environment.sentence(ANOTHER_TAB).rstrip("."),
        entry="/processes",
        here=edit.here(draft.process),
        draft=draft,
        seen=edit.seen(draft.text),
        order=mine.order,
        mine=mine.text,
        diff=edit.diff(draft.text, mine.text),
        status_code=409,
    )


def _address(changed: ChangedDraft, lost: int) -> str:
    said: dict[str, Any] = {"step": changed.order}
    if lost:
        said["lost"] = lost
    if changed.is_moved:
        said["moved"] = 1
    if changed.is_text:
        said["as"] = "text"
    if changed.shows:
        said[changed.shows] = 1
    if changed.focus:
        said["focus"] = changed.focus
    # A browser that is sent to a place in the page gives the focus to nothing else.
    return f"?{urlencode(said)}" + ("" if changed.focus or changed.is_moved or changed.is_text else "#form")


def apply(text: str, form: Form, actions: Mapping[str, Action]) -> ChangedDraft:
    """The draft after the button. Raises Invalid, FileMistakes."""
    order, do = form.one("step"), form.one("do")
    pressed = setting_reading.press_of(do)
    if order == edit_process.ABOUT and do == "step":
        return ChangedDraft(text=_with_frame(text, form), order=order)
    # Before the button's own act: moving a step must not lose what was typed into it.
    if form.has("name") and do != "drop":
        text = with_step(text, form, actions, pressed or NONE_PRESSED)
    shows = edit_finds.FINDS if form.has(edit_finds.FINDS) else ""
    if pressed is not None:
        return ChangedDraft(text=text, order=order, focus=pressed.focus(form), shows=shows)
    match do:
        case "text":
            return ChangedDraft(text=form.one("text"), order=order, is_text=True)
        case "step" | "try" | "sample" if form.has("name"):
            return ChangedDraft(text=text, order=order, shows=shows)
        case edit_finds.FINDS | edit_import.PROPOSE if form.has("name"):
            return ChangedDraft(text=text, order=order, focus=do, shows=do)
        case "up" | "down":
            moved, to = editing.moved(text, order, is_up=do == "up")
            return ChangedDraft(text=moved, order=to, is_moved=True)
        case "split":
            divided, to = editing.split(text, order)
            return ChangedDraft(text=divided, order=to, is_moved=True)
        case "copy":
            return ChangedDraft(text=editing.copied(text, order), order=_next(order))
        case "delete":
            return ChangedDraft(text=editing.deleted(text, order), order=order)
        case "add":
            step = _new_step(form.one("kind"), text, actions)
            return ChangedDraft(text=editing.added(text, order, step), order=_next(order))
        case "drop":
            return ChangedDraft(text=text, order=order)
    raise Invalid("press one of the buttons of the page")


def _with_frame(text: str, form: Form) -> str:
    data = documents.read(text).data
    if not outlines.is_regular(data):
        raise Invalid("the groups of the process cannot be read; edit it as text")
    return editing.framed(text, edit_process.read(form), edit_process.group_names(data, form), edit_process.FRAME_KEYS)


def with_step(text: str, form: Form, actions: Mapping[str, Action], pressed: RowPress = NONE_PRESSED) -> str:
    """The draft with the step as its form says it. Raises Invalid, FileMistakes."""
    order = form.one("step")
    step = next((item for group in outlines.outline(text) for item in group.steps if item.order == order), None)
    if step is None:
        raise Invalid(f"there is no step {order[:20]} any more")
    # The fields of one kind of step would take away what another has.
    if form.has("of") and form.one("of") != f"{step.key} {step.action}":
        raise Invalid(f"step {order[:20]} is another one by now")
    return editing.changed(text, order, edit_fields.read_step(form, step.data, actions.get(step.action), pressed))


def _next(order: str) -> str:
    group, _, place = order.partition(".")
    return f"{group}.{int(place) + 1}"


def _new_step(kind: str, text: str, actions: Mapping[str, Action]) -> dict[str, Any]:
    steps = [step for group in outlines.outline(text) for step in group.steps]
    names = {step.name for step in steps}
    title = "Data" if kind == "data" else actions[kind].title if kind in actions else ""
    if not title:
        raise Invalid("choose what kind of step to add")
    name = next(name for name in (f"{title} {number}" for number in range(1, len(names) + 2)) if name not in names)
    if kind == "data":
        return {"data": name, "properties": [{"name": "Amount", "type": "Number", "flow": "INPUT"}]}
    # An empty form would show nothing but mistakes; an example shows what belongs where.
    example = actions[kind].examples[0]
    return {"action": kind, "name": name, "with": edit_names.fitting(example.settings, edit_names.choices(steps))}

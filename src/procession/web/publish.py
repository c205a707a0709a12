"""What becomes of a draft: tried on files of one's own, looked at beside the present version, published."""

from __future__ import annotations

import asyncio

from procession.door.contract import HtmlReply, RedirectReply, StreamCall
from procession.model.errors import Conflict, Forbidden, Invalid, NotFound
from procession.model.ids import ProcessId
from procession.model.processes import Process, StepKind
from procession.operations import drafts, processes, trials
from procession.operations.drafts import Publication
from procession.web import edit, edit_acts
from procession.web.forms import Form
from procession.web.page import page

VERSION_DIGITS_MAX = 9


async def try_out(call: StreamCall, form: Form) -> RedirectReply | HtmlReply:
    """A run of the draft up to the step that is shown; its page asks for the files."""
    if (refused := await edit_acts.keep(call, form)) is not None:
        return refused
    process, draft = call.id(ProcessId), edit.draft_of(call)
    reading = await edit.read_draft(call, draft.text)
    definition = reading.process
    if definition is None:
        return await edit.draft_page(
            call, draft, problem="mend the mistakes first: what has some cannot run", form=form
        )
    up_to = _first(definition) if form.one("do") == "sample" else form.one("step")
    try:
        run = await asyncio.wrap_future(
            call.database.submit(lambda tx: trials.create(call.admit(tx), process, definition, up_to=up_to))
        )
    except Invalid as error:
        return await edit.draft_page(call, draft, problem=error.message, form=form)
    return RedirectReply(location=f"/runs/{run.id}")


def _first(process: Process) -> str:
    """Where nothing is done yet, but files are asked for."""
    return next((step for step in process.steps if step.kind is StepKind.DATA), process.steps[0]).order


async def changes(call: StreamCall) -> HtmlReply:
    """What publishing would change, and why."""
    return await _changes_page(call)


async def _changes_page(call: StreamCall, *, problem: str = "", comment: str = "") -> HtmlReply:
    draft = edit.draft_of(call)
    reading = await edit.read_draft(call, draft.text)
    remarks = await asyncio.to_thread(_remarks, call, draft.process, reading.process)
    return page(
        call,
        call.caller,
        call.clock(),
        "publish",
        title=f"Publish {draft.name}" if draft.process else "Publish a new process",
        entry="/processes",
        here=edit.here(draft.process),
        draft=draft,
        seen=edit.seen(draft.text),
        reading=reading,
        remarks=remarks,
        diff=edit.diff(draft.published, draft.text),
        problem=problem,
        comment=comment,
        status_code=400 if problem else 200,
    )


def _remarks(call: StreamCall, process: ProcessId | None, definition: Process | None) -> tuple[str, ...]:
    """What publishing would say, while there is time to mend it; of a new process nothing is named yet."""
    if process is None or definition is None:
        return ()
    with call.database.snapshot() as tx:
        try:
            return processes.remarks(call.admit(tx), process, definition)
        except (Invalid, Forbidden, NotFound) as error:
            return (f"publishing will be refused: {error.message}",)


async def publish(call: StreamCall, form: Form) -> RedirectReply | HtmlReply:
    """The draft becomes the next version, over the one that the page has shown."""
    process, draft = call.find_id(ProcessId), edit.draft_of(call)
    # What is published must be what its author has looked at.
    if form.one("seen") != edit.seen(draft.text):
        raise Conflict("the draft was changed in another tab or window; look at the changes again")
    reading = await edit.read_draft(call, draft.text)
    if reading.process is None:
        return await _changes_page(call, problem="mend the mistakes first", comment=form.one("comment"))
    wanted = Publication(
        text=draft.text, definition=reading.process, comment=form.one("comment"), over=_version(form.one("over"))
    )
    try:
        applied = await asyncio.wrap_future(
            call.database.submit(lambda tx: drafts.publish(call.admit(tx), process, wanted))
        )
    # On the same page again: the comment that was typed must not be lost.
    except (Conflict, Invalid) as error:
        return await _changes_page(call, problem=error.message, comment=form.one("comment"))
    return RedirectReply(location=f"/processes/{applied.id}")


def _version(text: str) -> int:
    # Not guessed: the newest version may be one that this author has never seen.
    if not (text.isascii() and text.isdecimal() and len(text) <= VERSION_DIGITS_MAX):
        raise Invalid("reload the page: it does not say which version it shows")
    return int(text)

"""A run is filled in: the form of a new one, what is kept of it, its start, and its end before it was ever started."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from msgspec.structs import replace as with_fields

from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model.errors import Invalid, NotFound
from procession.model.files import clean_name
from procession.model.ids import FileId, ProcessId, RunId
from procession.model.lifecycle import RunStatus
from procession.model.runs import Run
from procession.operations import files, idempotency, inputs, previews, runs, steps, unstarted
from procession.operations.act import Act
from procession.operations.idempotency import KeyedRequest, RepeatedRequest
from procession.operations.inputs import AskedInputs
from procession.store.database import Transaction
from procession.web import fields, input_page, preview, uploads
from procession.web.fields import Typed
from procession.web.forms import Form
from procession.web.input_page import NAME, PageState
from procession.web.page import reader as reader_of
from procession.web.uploads import Received

# What the buttons of the form are called.
DO, START, LATER = "do", "start", "later"
REMOVE, FILL_IN_AS, ONCE = "remove", "as", "once"
ONCE_CHARACTERS_MAX = 100


def new(call: Call) -> HtmlReply:
    """The form, filled in with the process's values, or with those of an earlier run. Nothing is created by a visit."""
    asked = inputs.of_process(call.tx, call.id(ProcessId))
    source = call.request.query.get(FILL_IN_AS)
    state = PageState() if not source else _as_earlier(call.act, asked, RunId.parse(source))
    return _page(call, call.act, asked, state)


def _as_earlier(act: Act, asked: AskedInputs, source: RunId) -> PageState:
    reader = reader_of(act.caller.user, act.now)
    values = unstarted.values_of(act.tx, source, asked.process.id)
    fitting = unstarted.fitting(asked.rows, values)
    typed = Typed(
        values={row.reference: value for row, value in fitting},
        texts={row.reference: fields.shown(row.item, value, reader) for row, value in fitting},
    )
    return PageState(typed=typed, filled_as=runs.find(act.tx, source))


def show_for_run(call: Call, run: Run) -> HtmlReply:
    """The same form, of a run that was kept and not started."""
    state = PageState(has_tried="check" in call.request.query)
    if source := call.request.query.get(FILL_IN_AS):
        unstarted.values_of(call.tx, RunId.parse(source), run.process)  # no other process's run
        state = replace(state, filled_as=runs.find(call.tx, RunId.parse(source)))
    return _page(call, call.act, inputs.of_run(call.tx, run), state)


def _page(call: Call | StreamCall, act: Act, asked: AskedInputs, state: PageState) -> HtmlReply:
    return input_page.reply(call, act, input_page.found(act, asked, state.typed), state)


async def create(call: StreamCall) -> HtmlReply | RedirectReply:
    """The first kept value or file makes the run; a form that only asks for a check makes none."""
    sent = await uploads.received(call)
    if not sent.files and sent.form.one(DO) not in {START, LATER}:
        with call.database.snapshot() as tx:
            return _checked(call, call.admit(tx), sent)
    return await _answer(call, sent, await _submit(call, partial(_create, call=call, sent=sent)))


def _checked(call: StreamCall, act: Act, sent: Received) -> HtmlReply:
    asked = inputs.of_process(act.tx, call.id(ProcessId))
    if source := sent.form.one(FILL_IN_AS):
        state = _as_earlier(act, asked, RunId.parse(source))
    else:
        state = PageState(typed=fields.read(sent.form, asked.rows, reader_of(act.caller.user, act.now)))
    state = replace(state, name=sent.form.one(NAME), name_mistake=_name_mistake(sent.form), refused=sent.refused)
    return _page(call, act, asked, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What one form left in a run."""

    run: RunId
    state: PageState


async def _submit(call: StreamCall, operation: Callable[[Transaction], _Kept]) -> _Kept:
    return await asyncio.wrap_future(call.database.submit(operation))


def _create(tx: Transaction, *, call: StreamCall, sent: Received) -> _Kept:
    act = call.admit(tx)
    run = _made_before(act, call, sent.form) or _make(act, call, sent.form)
    return _keep(act, call, run, sent)


def _keyed(act: Act, form: Form) -> KeyedRequest | None:
    """Each form makes one run, however often it is sent: by a double click, by Back, by a reload."""
    once = form.one(ONCE)
    if not once or len(once) > ONCE_CHARACTERS_MAX:
        return None
    return KeyedRequest(hash=hashlib.sha256(f"new run {act.caller.user.id} {once}".encode()).hexdigest(), asked="")


def _made_before(act: Act, call: StreamCall, form: Form) -> Run | None:
    try:
        idempotency.check(act.tx, _keyed(act, form), act.resources.home_clock.least())
    except RepeatedRequest as repeated:
        try:
            run = runs.find(act.tx, RunId.parse(repeated.answer.decode()))
        except NotFound:
            raise Invalid("the run that this form made was deleted; open the form anew to make another") from None
        if run.process != call.id(ProcessId):
            raise Invalid("this form is of another process; open the form anew") from None
        return run
    return None


def _make(act: Act, call: StreamCall, form: Form) -> Run:
    keyed = _keyed(act, form)
    idempotency.mark(act, keyed)
    run = runs.create(act, call.id(ProcessId), inputs=None)
    idempotency.keep(act.tx, keyed, str(run.id).encode())
    return run


async def keep(call: StreamCall) -> HtmlReply | RedirectReply:
    """What is right is kept, what is not is shown with its mistake; then the run starts, if that was asked."""
    sent = await uploads.received(call)

    def operation(tx: Transaction) -> _Kept:
        act = call.admit(tx)
        return _keep(act, call, runs.find(tx, call.id(RunId)), sent)

    return await _answer(call, sent, await _submit(call, operation))


def _keep(act: Act, call: StreamCall, run: Run, sent: Received) -> _Kept:
    form, asked = sent.form, inputs.of_run(act.tx, run)
    typed = fields.read(form, asked.rows, reader_of(act.caller.user, act.now))
    by_name = {row.reference: row for row in asked.rows}
    for name, value in typed.values.items():
        steps.change(act, by_name[name], with_fields(by_name[name].item, value=value), None)
    for row in asked.rows:
        if row.file is None or not fields.is_asked(row.item):
            continue
        chosen = sent.file(row.reference)
        if chosen is not None and (chosen.content.sha256, chosen.name) != (row.file.sha256, row.file.name):
            files.fill(act, row.file.id, clean_name(chosen.name), chosen.content)
        elif form.one(REMOVE) == row.reference:
            files.empty(act, row.file.id)
    mistake = _name_mistake(form)
    if form.has(NAME) and not mistake:
        unstarted.rename(act, runs.find(act.tx, run.id), form.one(NAME))
    if source := form.one(FILL_IN_AS):
        unstarted.fill_in_as(act, runs.find(act.tx, run.id), RunId.parse(source))
        typed = Typed()
    # After the commit only, or a listener would look and find nothing.
    call.context.announce(act.tx, run.id)
    shown_name = form.one(NAME) if mistake else None
    state = PageState(typed=typed, refused=sent.refused, name=shown_name, name_mistake=mistake)
    return _Kept(run=run.id, state=state)


def _name_mistake(form: Form) -> str:
    name = form.one(NAME).strip()
    if len(name) <= unstarted.NAME_CHARACTERS_MAX and name.isprintable():
        return ""
    return f"The name is one line of at most {unstarted.NAME_CHARACTERS_MAX} characters"


async def _answer(call: StreamCall, sent: Received, kept: _Kept) -> HtmlReply | RedirectReply:
    form, state = sent.form, kept.state
    await _look(call, kept.run, {file.field for file in sent.files}, everything=form.one(DO) == START)
    if form.one(DO) == START:
        obstacles = await _start(call, kept)
        if obstacles is None:
            return RedirectReply(location=f"/runs/{kept.run}")
        state = obstacles
    has_mistakes = bool(state.typed.mistakes or state.refused or state.name_mistake or state.problem)
    # The page of a field that was left shows that field: there is nothing to go to.
    if has_mistakes or form.one(DO) == "field":
        with call.database.snapshot() as tx:
            run = runs.find(tx, kept.run)
            return _page(call, call.admit(tx), inputs.of_run(tx, run), state)
    query = "?check" if state.has_tried else ""
    if source := form.one(FILL_IN_AS):
        query = f"?{FILL_IN_AS}={RunId.parse(source)}"
    return RedirectReply(location=f"/runs/{kept.run}{query}{_place(call, kept.run, form)}")


def _place(call: StreamCall, run: RunId, form: Form) -> str:
    """Where on the page something was done: there the browser is to be again."""
    name = form.one(REMOVE) or form.one(fields.SET).partition("=")[0]
    if not name:
        return ""
    with call.database.read() as tx:
        rows = inputs.of_run(tx, runs.find(tx, run)).rows
    return next((f"#{row.file.id if row.file else row.id}" for row in rows if row.reference == name), "")


async def _look(call: StreamCall, run_id: RunId, names: set[str], *, everything: bool) -> None:
    """Has somebody look at the files that were sent, or before a start at all; then pages and the start know them."""
    if not names and not everything:
        return
    with call.database.snapshot() as tx:
        asked = inputs.of_run(tx, runs.find(tx, run_id))
        questions = previews.questions(tx, call.context.resources, asked.definition, asked.rows)
    wanted: set[FileId] = {row.file.id for row in asked.rows if row.file and (everything or row.reference in names)}
    await preview.looked_at(call, [question for file, question in questions.items() if file in wanted])


async def _start(call: StreamCall, kept: _Kept) -> PageState | None:
    """None: it is started. Else what keeps it from that, which the user can put right."""
    with call.database.snapshot() as tx:
        run = runs.find(tx, kept.run)
        shown = input_page.found(call.admit(tx), inputs.of_run(tx, run), kept.state.typed)
    state = replace(kept.state, has_tried=True)
    has_mistakes = state.typed.mistakes or state.refused or state.name_mistake
    # Started meanwhile, by a double click or by somebody else: its page says what it does.
    if run.status is not RunStatus.NOT_STARTED:
        return None
    if has_mistakes or input_page.missing(shown) or input_page.blocking(shown):
        return state

    def operation(tx: Transaction) -> None:
        runs.start(call.admit(tx), kept.run)
        call.context.announce(tx, kept.run)

    try:
        await asyncio.wrap_future(call.database.submit(operation))
    except Invalid as error:
        return replace(state, problem=error.message)
    return None


async def upload(call: StreamCall) -> HtmlReply | RedirectReply:
    """One file, sent as soon as it was chosen. One that is not taken leaves the old one where it is."""
    sent = await uploads.received(call)
    file_id, run_id = call.id(FileId), call.id(RunId)
    with call.database.read() as tx:
        preview.of_run(files.find(tx, file_id), run_id)
        asked = inputs.of_run(tx, runs.find(tx, run_id))
    name = next((row.reference for row in asked.rows if row.file and row.file.id == file_id), "")
    only = Received(
        form=Form(b""),
        files=[file for file in sent.files if file.field == name],
        refused={name: sent.refused[name]} if name in sent.refused else {},
    )

    def operation(tx: Transaction) -> _Kept:
        act = call.admit(tx)
        return _keep(act, call, runs.find(tx, run_id), only)

    return await _answer(call, only, await _submit(call, operation))


def back(call: Call) -> RedirectReply:
    """The address of the form, which stands in the browser while a mistake is shown, opened by itself."""
    return RedirectReply(location=f"/runs/{call.id(RunId)}")


def delete(call: Call, form: Form) -> Any:
    """Only of a run that was never started; its page is gone, so the way leads to the process."""
    run = runs.find(call.tx, call.id(RunId))
    unstarted.delete(call.act, run.id)
    call.context.announce(call.tx, run.id)
    return RedirectReply(location=f"/processes/{run.process}")

"""The live part of an import's form: what the columns that were typed, and perhaps not kept, make of the sample."""

from __future__ import annotations

from functools import partial

from procession.door.contract import HtmlReply, StreamCall
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.model.process_file.documents import FileMistakes
from procession.web import edit, edit_acts, edit_import, edit_names
from procession.web.edit_import import KIND, ImportSample
from procession.web.forms import Form
from procession.web.page import fragment


async def show(call: StreamCall, form: Form) -> HtmlReply:
    """Nothing is kept. What cannot be read is said in its place."""
    try:
        sample = await _typed(call, edit.draft_of(call).text, form)
    except Invalid as error:
        sample = ImportSample(problem=error.message)
    except FileMistakes as error:
        sample = ImportSample(problem=error.mistakes[0].message)
    return fragment(call, call.caller, call.clock(), "fit", sample=sample)


async def _typed(call: StreamCall, text: str, form: Form) -> ImportSample:
    """By the draft as it would be kept: its mistakes are told in the words that keeping it would tell them in."""
    typed = partial(edit_acts.with_step, text, form, call.context.resources.actions)
    reading = await edit.read_draft(call, await edit.in_thread(call, text, typed))
    step = next((one for one in reading.steps if one.order == form.one("step") and one.action == KIND), None)
    if step is None:
        raise Invalid("the step is another one by now; reload the page")
    if problem := edit_import.mistake(reading.mistakes, step.order):
        return ImportSample(problem=problem)
    return await edit_import.of_settings(
        call, call.id(ProcessId), step.data.get("with"), edit_names.types(reading.steps)
    )

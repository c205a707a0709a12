"""The live part of an import's form: what the columns that were typed, and perhaps not kept, make of the sample."""

from __future__ import annotations

from procession.door.contract import HtmlReply, StreamCall
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.web import edit, edit_fields, edit_import, edit_names, setting_reading
from procession.web.edit_import import KIND, ImportSample
from procession.web.forms import Form
from procession.web.page import fragment


async def show(call: StreamCall, form: Form) -> HtmlReply:
    """Nothing is kept. What cannot be read is said in its place."""
    draft = edit.draft_of(call)
    reading = await edit.read_draft(call, draft.text)
    step = next((one for one in reading.steps if one.order == form.one("step") and one.action == KIND), None)
    try:
        if step is None:
            raise Invalid("the step is another one by now; reload the page")
        settings = setting_reading.read(form, edit_fields.shape_of(call.context.resources.actions.get(KIND)))
        sample = await edit_import.of_settings(call, call.id(ProcessId), settings, edit_names.types(reading.steps))
    except Invalid as error:
        sample = ImportSample(problem=error.message)
    return fragment(call, call.caller, call.clock(), "fit", sample=sample)

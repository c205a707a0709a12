"""An answer as a file of the step, with a name and an ending."""

from __future__ import annotations

from procession.actions import naming, references
from procession.actions.contract import Context, FileOutput
from procession.actions.reaching.call_settings import CallSettings
from procession.actions.reaching.exchanges import HttpAnswer
from procession.actions.reaching.filling import given_of


def file_of(context: Context, answer: HttpAnswer) -> FileOutput:
    settings: CallSettings = context.settings
    assert settings.outputs.body is not None
    present = context.target(references.only([settings.outputs.body])[0]).file_name
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    default = present or f"answer{_ENDINGS.get(kind, '')}"
    given = given_of(context, settings.inputs)
    name = naming.file_name(naming.fill(settings.outputs.name, given)) if settings.outputs.name else default
    return FileOutput(path=str(answer.body), name=name)


def is_measured(answer: HttpAnswer) -> bool:
    """Whether it says where it ends: else one that was cut looks like a whole one (RFC 9112, 6.3 and 8)."""
    packed, sent = (answer.headers.get(f"{name}-encoding", "").lower() for name in ("content", "transfer"))
    is_told = "content-length" in answer.headers or "chunked" in sent or packed not in {"", "identity"}
    return is_told or not answer.size_bytes


_ENDINGS = {
    "application/json": ".json",
    "text/csv": ".csv",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "text/plain": ".txt",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}

"""Settings of send_email: to whom, what it says, what comes along, and which rows are a mail each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from procession.actions import naming, references
from procession.actions.column_names import ColumnName
from procession.actions.reaching.acts import InDoubt
from procession.actions.reaching.call_settings import ConnectionName
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given, Name, ReferenceText
from procession.actions.rows import sources
from procession.actions.rows.sources import Sources
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.table_uses import TableUse

ATTACHMENTS_MAX = 20
ATTACH_MB_MAX = 25  # what common mail servers take, with a third more for base64

_Addresses = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=500)]], msgspec.Meta(max_length=50)]
_ADDRESS = "${step.property}, an address, or {key}; several in one are divided by ;"


class EachRecipient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail for each row, whose cells are {column}."""

    source: Annotated[Sources, msgspec.Meta(description="the rows")]
    to: Annotated[ColumnName, msgspec.Meta(description="the column with the address; several divided by ;")]


class EmailOutputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of the mails."""

    rows: Annotated[
        Target | None,
        msgspec.Meta(description="with each: row, address, status and words of each; kept also where the step fails"),
    ] = None
    sent: Annotated[ReferenceText | None, msgspec.Meta(description="how many mails were handed over")] = None


class SendEmailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connection: ConnectionName
    to: Annotated[_Addresses, msgspec.Meta(description=f"to whom: {_ADDRESS}")] = []
    cc: Annotated[_Addresses, msgspec.Meta(description="who gets a copy that all see, in each mail")] = []
    bcc: Annotated[_Addresses, msgspec.Meta(description="who gets a copy that nobody sees, in each mail")] = []
    reply_to: Annotated[str, msgspec.Meta(max_length=500, description="where answers go; empty: to the sender")] = ""
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=500, description="one line; {key} is filled in")]
    body: Annotated[str, msgspec.Meta(max_length=100_000, description="plain text; {key} is filled in")]
    inputs: Annotated[dict[Name, Given], msgspec.Meta(description="values that are filled in as {key}")] = {}
    attach: Annotated[
        list[ReferenceText],
        msgspec.Meta(max_length=ATTACHMENTS_MAX, description="Files that come along; empty ones do not"),
    ] = []
    attach_max_mb: Annotated[
        int,
        msgspec.Meta(
            ge=1, le=ATTACH_MB_MAX, description="of all files together; what is over becomes a link to the run"
        ),
    ] = 10
    each: Annotated[EachRecipient | None, msgspec.Meta(description="a mail for each row")] = None
    in_doubt: Annotated[
        InDoubt,
        msgspec.Meta(
            description="after a release: whether a mail that may have been sent is sent again, under the same id"
        ),
    ] = "repeat"
    outputs: Annotated[EmailOutputs, msgspec.Meta(description="what is kept of the mails")] = EmailOutputs()


def connection(settings: SendEmailSettings) -> str:
    return settings.connection


def _addresses(settings: SendEmailSettings) -> Iterator[tuple[str, str]]:
    for name in ("to", "cc", "bcc"):
        for number, text in enumerate(getattr(settings, name), start=1):
            yield f"{name}.{number}", text
    if settings.reply_to:
        yield "reply_to", settings.reply_to


def _files(settings: SendEmailSettings) -> tuple[Sources, ...]:
    return () if settings.each is None else (settings.each.source,)


def files_read(settings: SendEmailSettings) -> tuple[FileOptions, ...]:
    return sources.files_of(*_files(settings))


def reads(settings: SendEmailSettings) -> tuple[str, ...]:
    given = [*settings.inputs.values(), *settings.attach, *(text for _, text in _addresses(settings))]
    return tuple(dict.fromkeys((*sources.reads(*_files(settings)), *references.only(given))))


def tables(settings: SendEmailSettings) -> tuple[TableUse, ...]:
    return sources.tables_of(*_files(settings))


def writes(settings: SendEmailSettings) -> tuple[str, ...]:
    rows = settings.outputs.rows
    return (*references.only([settings.outputs.sent]), *([] if rows is None else [exports.reference_of(rows)]))


def check(settings: SendEmailSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found = [said for name, given in settings.inputs.items() for said in references.mistakes(f"inputs.{name}", given)]
    patterns = [("subject", settings.subject), ("body", settings.body)]
    for path, text in _addresses(settings):
        found += references.mistakes(path, text)
        if references.parse(text) is None:
            patterns.append((path, text))
    if settings.each is None:
        # The columns of rows are known only when they are read.
        found += [said for path, text in patterns for said in naming.mistakes(path, text, settings.inputs)]
    else:
        found += sources.mistakes("each.source", settings.each.source)
    if any(character in settings.subject for character in "\r\n"):
        found.append("subject: is one line")
    return (*found, *_of_receivers(settings))


def _of_receivers(settings: SendEmailSettings) -> Iterator[str]:
    if settings.each is None and not settings.to:
        yield "to: nobody would get the mail"
    if settings.each is not None and settings.to:
        yield "to: with each, the column of the rows says to whom; cc gets a copy of every mail"
    if settings.outputs.rows is None:
        return
    if settings.each is None:
        yield "outputs.rows: is for each"
    yield from exports.check("outputs.rows", settings.outputs.rows)
    if exports.tables_of([settings.outputs.rows]):
        yield "outputs.rows: goes to a file, because a step that fails changes no table"

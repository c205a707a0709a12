"""The sheet that is signed: what run it was, what it read, to the byte, and who answers for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from procession.actions import references
from procession.actions.contract import Context, FileInput, TableInput
from procession.actions.reporting import markup, report_settings
from procession.actions.reporting.book_layout import SIGN_OFF_WIDTHS
from procession.actions.reporting.report_settings import ReportSettings
from procession.actions.rows import sources
from procession.actions.rows.work import RowWork

_SIGN = ("Prepared by", "Prepared on", "Reviewed by", "Reviewed on", "Approved by", "Approved on")


def lines(work: RowWork, loaded: dict[str, str]) -> list[tuple[str, str]]:
    """Items and what stands beside them; `loaded` are the sheets by the names of their rows."""
    context = work.context
    settings: ReportSettings = context.settings
    found = [*_run(context)]
    if settings.template is not None:
        found += _file(context, "Template", references.only([settings.template])[0])
    for name, sheet in loaded.items():
        source = next(one.source for one in settings.sheets if one.sheet == sheet)
        assert source is not None
        for options, made in zip(sources.options_of(source), work.loaded[name], strict=True):
            reference = references.only([options.table or options.file])[0]
            found += [*_file(context, f"{sheet}: input", reference), ("Rows", f"{made.rows:,}")]
    return [*found, *((words, "") for words in _SIGN)]


def _run(context: Context) -> Iterator[tuple[str, str]]:
    about = context.about
    if about is not None:
        yield "Process", f"{about.process}, version {about.process_version:,}"
        yield "Run", f"{about.run}: {about.run_name}"
        yield "Started by", about.started_by
    yield "Step", context.step_key
    # Which try of which restart: the same key is in the history of the run.
    yield "Attempt", context.idempotency_key


def _file(context: Context, item: str, reference: str) -> Iterator[tuple[str, str]]:
    value = context.value(reference)
    if isinstance(value, TableInput):
        # A version of a table never changes, so that its number says which rows they were.
        yield item, f"{value.name}, version {value.version:,}"
    elif isinstance(value, FileInput):
        yield item, value.name
        # The hash ties the signature to these bytes, and to no later version of the file.
        with Path(value.path).open("rb") as file:
            yield "SHA-256", hashlib.file_digest(file, "sha256").hexdigest()


def sheet(rows: list[tuple[str, str]]) -> bytes:
    """The sheet as XML, for a book that is not laid out here."""
    columns = "".join(
        f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
        for number, width in enumerate(SIGN_OFF_WIDTHS, start=1)
    )
    lines_ = "".join(
        f'<row r="{number}">{_cell(f"A{number}", item)}{_cell(f"B{number}", value) if value else ""}</row>'
        for number, (item, value) in enumerate(rows, start=1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<worksheet xmlns="{main}"><dimension ref="A1:B{len(rows)}"/><cols>{columns}</cols>'
        f"<sheetData>{lines_}</sheetData></worksheet>"
    ).encode()


def _cell(place: str, text: str) -> str:
    # A name may hold what XML cannot.
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{markup.escaped(shown)}</t></is></c>'


NAME = report_settings.SIGN_OFF

"""document at work: rows as JSON, a PDF of them all or one of each, a name for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from procession.actions import database, expecting, naming, references
from procession.actions.contract import Context, FileInput, FileOutput, StepOutcome, TableInput
from procession.actions.database import quote
from procession.actions.documents import document_settings
from procession.actions.documents.document_settings import DocumentSettings
from procession.actions.documents.typesetting import Typesetter
from procession.actions.problems import Problem
from procession.actions.rows import kinds, work
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.work import RowWork
from procession.actions.writing import archives, csv_cells
from procession.actions.writing.csv_cells import CsvStyle

_SOURCE = "rows"
_EACH_MAX = 10_000  # PDFs of a step: a zip of more is no use to anybody
_ROWS_MAX = 100_000  # in one document, which is a book of thousands of pages
_FILES_BYTES_MAX = 2 << 20  # pictures are data of every document
_DECIMALS_MIN = 2  # of an amount, as people write it
_ROWS_AT_ONCE = 1_000


def run(context: Context) -> StepOutcome:
    return work.perform(context, _document)


def _document(doing: RowWork) -> str:
    context = doing.context
    settings: DocumentSettings = context.settings
    reference = document_settings.writes(settings)[0]
    if (kind := context.target(reference).type) != "File":
        raise Problem(f"the output goes to a {kind}, and a document is a file")
    doing.bind(settings.inputs)
    if settings.source is not None:
        # A template without rows is a letter with the values of inputs.
        doing.load(_SOURCE, settings.source, settings.expect)
        doing.lock()
        expecting.check(context, doing.connection, _SOURCE, settings.expect, doing.warnings)
    # Once, and not for each row: it may have four megabytes.
    template = _file(context, settings.template)
    setter = Typesetter.read(Path(template.path), template.name)
    shared = {"inputs": _json(_inputs(doing)), "files": _json(_pictures(context, settings))}
    path, called, count = (_each if settings.each else _one)(doing, setter, shared)
    doing.warnings.extend(setter.warnings)
    doing.figures["documents"] = count
    doing.outputs[reference] = FileOutput(path=str(path), name=called)
    return f"{count:,} {'document' if count == 1 else 'documents'} written to {called}"


def _file(context: Context, reference: str) -> FileInput:
    value = context.value(references.only([reference])[0])
    if not isinstance(value, FileInput):
        raise Problem(f"{reference} has no file")
    return value


def _inputs(doing: RowWork) -> dict[str, Any]:
    for name, value in doing.values.items():
        if isinstance(value, FileInput | TableInput):
            raise Problem(f"inputs.{name}: {value.called} is no value; name pictures under files")
    # As texts where a number has a fraction, like the amounts of rows.
    return {
        name: value if value is None or isinstance(value, bool | int) else naming.plain(value)
        for name, value in doing.values.items()
    }


def _pictures(context: Context, settings: DocumentSettings) -> dict[str, list[int]]:
    """Bytes as numbers, which Typst's bytes() takes."""
    found, size = {}, 0
    for name, reference in settings.files.items():
        source = _file(context, reference)
        size += source.size_bytes
        if size > _FILES_BYTES_MAX:
            raise Problem(f"files: more than {_FILES_BYTES_MAX >> 20} MiB; make the pictures smaller")
        found[name] = list(Path(source.path).read_bytes())
    return found


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _one(doing: RowWork, setter: Typesetter, shared: Mapping[str, str]) -> tuple[Path, str, int]:
    settings: DocumentSettings = doing.context.settings
    rows = []
    if settings.source is not None:
        if (count := database.count(doing.connection, _SOURCE)) > _ROWS_MAX:
            raise Problem(
                f"{count:,} rows are more than the {_ROWS_MAX:,} that one document shows; say each, or group them"
            )
        rows = list(_rows(doing))
    path = doing.context.folder / database.EXPORT_FOLDER / "document.pdf"
    path.write_bytes(setter.make({**shared, "rows": _json(rows)}))
    name = naming.fill(settings.name or f"{doing.context.step_key}.pdf", doing.values)
    return path, naming.file_name(name), 1


def _each(doing: RowWork, setter: Typesetter, shared: Mapping[str, str]) -> tuple[Path, str, int]:
    settings: DocumentSettings = doing.context.settings
    folder = doing.context.folder / database.EXPORT_FOLDER
    count = database.count(doing.connection, _SOURCE)
    if count > _EACH_MAX:
        raise Problem(f"{count:,} rows would be {count:,} documents, and {_EACH_MAX:,} are the most of a step")
    pattern = settings.name or f"{doing.context.step_key}-{{number}}.pdf"
    members: list[tuple[str, Path]] = []
    names = _names(doing, pattern)
    # Before ten thousand are made, of which two would be one file.
    archives.refuse_twins(names)
    for number, (name, row) in enumerate(zip(names, _rows(doing), strict=True), start=1):
        path = folder / f"document {number}.pdf"
        try:
            path.write_bytes(setter.make({**shared, "row": _json(row)}))
        except Problem as problem:
            # The template is right for the rows before: it is this one's data.
            raise Problem(f"row {number:,}: {problem}") from None
        members.append((name, path))
        # One more than there are: the zip is made behind the last of them.
        doing.context.progress(number / (count + 1), name)
    archives.pack(folder / "documents.zip", members, members_max=_EACH_MAX)
    return folder / "documents.zip", f"{doing.context.step_key}.zip", len(members)


def _names(doing: RowWork, pattern: str) -> list[str]:
    """The name of each row's document. Raises Problem for a key that is neither an input nor a column."""
    there = database.columns(doing.connection, _SOURCE)
    own = {"number": 0, **doing.values}
    wanted = {key: kinds.column(there, key, "name") for key in naming.keys(pattern) if key not in own}
    return [
        naming.file_name(naming.fill(pattern, {**own, "number": number, **{key: row[wanted[key]] for key in wanted}}))
        for number, row in enumerate(_rows(doing), start=1)
    ]


def _rows(doing: RowWork) -> Iterator[dict[str, Any]]:
    """Rows by their columns: amounts as exact texts, dates as 2026-07-31, nothing as none."""
    types = database.columns(doing.connection, _SOURCE)
    shown = ", ".join(_value(name, kind) for name, kind in types.items())
    # By a cursor of its own: names are asked for while rows are read.
    cursor = doing.connection.cursor().execute(f"SELECT {shown} FROM {quote(_SOURCE)}")
    while some := cursor.fetchmany(_ROWS_AT_ONCE):
        yield from (dict(zip(types, row, strict=True)) for row in some)


def _value(name: str, kind: str) -> str:
    """The column as SQL: what JSON can hold without a loss. A number with a fraction would be a binary one there."""
    found = kinds.of(kind)
    if found is ValueKind.TRUTH or (found is ValueKind.NUMBER and kind in _SMALL):
        return quote(name)
    text = csv_cells.text_of(quote(name), kind, CsvStyle(decimal=".", decimals=None, zone="UTC", escapes=False))
    if not kind.startswith("DECIMAL") or kind.endswith(",0)"):
        return text
    # As people write amounts: 1234.50, and 0.1234 where there are more decimals.
    point = f"CASE WHEN contains({text}, '.') THEN '' ELSE '.' END"
    zeros = f"repeat('0', greatest(0, {_DECIMALS_MIN} - length(split_part({text}, '.', 2))))"
    return f"({text}) || {point} || {zeros}"


_SMALL = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})

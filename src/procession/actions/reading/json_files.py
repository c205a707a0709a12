"""Reads JSON files and JSON lines as cells: numbers with all digits, the keys of all records as columns."""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading import json_paths, json_records, rising, tokens
from procession.actions.reading.cells import Cells
from procession.actions.reading.json_rows import RowsTooLarge, RowWriter
from procession.actions.reading.json_source import Source
from procession.actions.reading.json_values import BadJson
from procession.actions.reading.options import FileOptions
from procession.actions.reading.tokens import TokenTable

if TYPE_CHECKING:
    import duckdb

# Only line feeds are counted: a mistake in the last line costs one more reading.
_BUFFER_BYTES = 8 << 20
_TRUNCATED = "the file ends in the middle of it; perhaps it did not arrive whole"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(
    connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions, folder: Path, *, lines: bool
) -> Cells:
    """Raises Problem naming the record or the line."""
    path = _as_utf_8(source, options, folder)
    written = folder / tokens.FILE
    with path.open("rb") as file, written.open("wb") as out:
        # RFC 8259 section 8.1: a parser may ignore the mark, and editors write it.
        if file.read(3) != codecs.BOM_UTF8:
            file.seek(0)
        rows, begin = RowWriter(out), Source(file=file, offset=file.tell())
        try:
            if options.records is not None:
                found = json_paths.of_path(begin, rows, options.records)
            else:
                found = json_records.of_lines(begin, rows) if lines else json_records.of_document(begin, rows)
        except RowsTooLarge as error:
            raise _problem(source, str(error)) from None
        except BadJson as error:
            raise _problem(source, f"{_place_of(begin, rows, path, error, lines=lines)}{_reason(error)}") from None
    columns = columns_of(source, rows, options)
    line_of = rising.numbers(lambda: _filled_lines(path)) if lines else None
    table = TokenTable(source=source, path=written, rows=rows, columns=columns, line_of=line_of)
    return tokens.cells(connection, table, found.remarks, found.warnings)


def _as_utf_8(source: FileInput, options: FileOptions, folder: Path) -> Path:
    """The file itself, or a copy in UTF-8."""
    path = Path(source.path)
    with path.open("rb") as file:
        mark = file.read(3)
    # The mark wins over what is said: it is a fact of the file.
    encoding = "utf-16" if mark.startswith(_UTF_16) else codecs.lookup(options.encoding or "utf-8").name
    if encoding in {"utf-8", "utf-8-sig"}:
        return path
    if mark == codecs.BOM_UTF8:
        raise _problem(source, f"it begins with the byte order mark of UTF-8, and is said to be written in {encoding}")
    copy = folder / "utf-8.json"
    try:
        with path.open(encoding=encoding, newline="") as text, copy.open("w", encoding="utf-8", newline="") as out:
            shutil.copyfileobj(text, out)
    except UnicodeError:
        raise _problem(source, f"it is not written in {encoding}") from None
    return copy


def _problem(source: FileInput, reason: str) -> Problem:
    return Problem(f"{source.called} cannot be read: {reason}")


def _reason(error: Exception) -> str:
    return _TRUNCATED if isinstance(error, BadJson) and error.is_cut else str(error)


def _place_of(begin: Source, rows: RowWriter, path: Path, error: BadJson, *, lines: bool) -> str:
    before = "" if lines else begin.text()[: error.position]
    number = 1 + _line_feeds(path, begin.offset) + before.count("\n")
    if lines:
        return f"line {number}: "
    line = f"line {number}" if number > 1 else ""
    if not begin.has_records:
        return f"{line}: " if line else ""
    return f"record {rows.count + 1}{f' ({line})' if line else ''}: "


def _line_feeds(path: Path, size: int) -> int:
    """Line feeds among the file's first bytes."""
    count = 0
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(size, _BUFFER_BYTES))):
            count += chunk.count(b"\n")
            size -= len(chunk)
    return count


def _filled_lines(path: Path) -> Iterator[int]:
    """The line of each record; lines that are blank count too."""
    with path.open("rb") as file:
        yield from (number for number, line in enumerate(file, 1) if line.strip())


def columns_of(source: FileInput, rows: RowWriter, options: FileOptions) -> list[str]:
    """The keys; for a file without records, the declared ones."""
    if rows.keys:
        return list(rows.keys)
    declared = [heading for heading in options.columns if not heading.isdecimal()]
    if rows.count or not declared:
        what = "its records have no keys" if rows.count else "it holds no records, and so no columns"
        raise _problem(source, f"{what}; where that may be, declare its columns")
    return declared

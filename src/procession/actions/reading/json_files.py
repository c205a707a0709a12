"""JSON files and JSON lines as cells: numbers with all their digits, the keys of all records as columns."""

from __future__ import annotations

import codecs
import shutil
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.contract import FileInput
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import json_records, number_texts
from procession.actions.reading.cells import RELATION, CellColumn, Cells, Kind
from procession.actions.reading.json_rows import BETWEEN, Rows, TooLarge
from procession.actions.reading.json_source import Source
from procession.actions.reading.json_values import MISSING, Unreadable, shown
from procession.actions.reading.options import FileOptions

if TYPE_CHECKING:
    import duckdb

# Tokens by their first character, which is compared faster than it is cut off.
_IS_TEXT = "token < '#'"  # a quote; numbers begin with a digit or a minus
_IS_WORD = "token > ':'"  # true or false
_EXPONENT = 9  # the kind of a number until its exponent is written out; more than every Kind
_DROPPED_MAX = 64  # columns one by one; to drop one takes as long as the table is wide
_COPY = quote("cells of a file, copied")
_BUFFER_BYTES = 8 << 20
_TRUNCATED = "the file ends in the middle of it; perhaps it did not arrive whole"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(
    connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions, folder: Path, *, lines: bool
) -> Cells:
    """Raises Problem naming the record or the line."""
    path = _as_utf_8(source, options, folder)
    tokens = folder / "tokens of a file"
    with path.open("rb") as file, tokens.open("wb") as out:
        if file.read(3) != codecs.BOM_UTF8:
            file.seek(0)
        rows, begin = Rows(out), Source(file=file, offset=file.tell())
        try:
            found = json_records.of_lines(begin, rows) if lines else json_records.of_document(begin, rows)
        except TooLarge as error:
            raise _problem(source, str(error)) from None
        except Unreadable as error:
            raise _problem(source, f"{_place_of(begin, rows, path, error, lines=lines)}{_reason(error)}") from None
    columns = _columns(source, rows, options)
    place = partial(_place, path, columns, lines=lines)
    _load(connection, tokens, rows, len(columns))
    wide = _write_out_exponents(connection, len(columns))
    if wide:
        reason = f"the number has an exponent beyond {number_texts.EXPONENT_MAX}"
        raise _problem(source, f"{place(*wide)}: {reason}")
    kinds = _settle_kinds(connection, len(columns))
    tokens.unlink()
    cells = tuple(CellColumn(heading=key, kind=kind) for key, kind in zip(columns, kinds, strict=True))
    return Cells(
        columns=cells,
        place=place,
        remarks=tuple(found.remarks),
        warnings=tuple(found.warnings),
    )


def _as_utf_8(source: FileInput, options: FileOptions, folder: Path) -> Path:
    """The file itself, or a copy in UTF-8."""
    path = Path(source.path)
    with path.open("rb") as file:
        mark = file.read(3)
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
    return _TRUNCATED if isinstance(error, Unreadable) and error.is_cut else str(error)


def _place_of(begin: Source, rows: Rows, path: Path, error: Unreadable, *, lines: bool) -> str:
    before = "" if lines else begin.text()[: error.position]
    number = 1 + _line_feeds(path, begin.offset) + before.count("\n")
    if lines:
        return f"line {number}: "
    line = f"line {number}" if number > 1 else ""
    if not begin.has_records:
        return f"{line}: " if line else ""
    return f"record {rows.count + 1}{f' ({line})' if line else ''}: "


def _line_feeds(path: Path, size: int) -> int:
    """How many the file's first bytes hold."""
    count = 0
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(size, _BUFFER_BYTES))):
            count += chunk.count(b"\n")
            size -= len(chunk)
    return count


def _place(path: Path, columns: list[str], row: int, column: int, *, lines: bool) -> str:
    """In JSON lines, lines that are blank count too."""
    if not lines:
        return f"record {row + 1}, {shown(columns[column])}"
    with path.open("rb") as file:
        filled = (number for number, line in enumerate(file, 1) if line.strip())
        return f"line {next(islice(filled, row, None), row + 1)}, {shown(columns[column])}"


def _columns(source: FileInput, rows: Rows, options: FileOptions) -> list[str]:
    """The keys; of a file without records those that the process file declares."""
    if rows.keys:
        return list(rows.keys)
    declared = [heading for heading in options.columns if not heading.isdecimal()]
    if rows.count or not declared:
        what = "its records have no keys" if rows.count else "it holds no records, and so no columns"
        raise _problem(source, f"{what}; where that may be, declare its columns")
    return declared


def _load(connection: duckdb.DuckDBPyConnection, tokens: Path, rows: Rows, width: int) -> None:
    """Makes RELATION of the file of tokens, with a column of kinds for each of texts."""
    texts = ", ".join(f"{_text(f'c{number}')} AS t{number}" for number in range(width))
    kinds = ", ".join(f"{_kind(f'c{number}')} AS k{number}" for number in range(width))
    connection.execute(f"CREATE TABLE {quote(RELATION)} AS SELECT {texts}, {kinds} FROM {_tokens(tokens, rows, width)}")


def _write_out_exponents(connection: duckdb.DuckDBPyConnection, width: int) -> tuple[int, int] | None:
    """Row and column of the first exponent that is out of range, None when there is none."""
    # Few files have any: in the statement that loads all columns, this would cost more than all else.
    for number, (_, most) in enumerate(_extremes(connection, width)):
        if most != _EXPONENT:
            continue
        text, is_one = f"t{number}", f"k{number} = {_EXPONENT}"
        test = f"{is_one} AND {number_texts.is_wide(text)}"
        row = connection.execute(f"SELECT min(rowid) FILTER ({test}) FROM {quote(RELATION)}").fetchone()
        assert row is not None
        if row[0] is not None:
            return row[0], number
        change = f"SET {text} = {number_texts.written_out(text)}, k{number} = {Kind.NUMBER:d}"
        connection.execute(f"UPDATE {quote(RELATION)} {change} WHERE {is_one}")
    return None


def _settle_kinds(connection: duckdb.DuckDBPyConnection, width: int) -> list[Kind | None]:
    """The kind of each column; None, and its column of kinds stays, where its cells differ."""
    kinds = [_one_kind(least, most) for least, most in _extremes(connection, width)]
    relation, settled = quote(RELATION), [number for number, kind in enumerate(kinds) if kind is not None]
    if len(settled) <= _DROPPED_MAX:
        for number in settled:
            connection.execute(f"ALTER TABLE {relation} DROP COLUMN k{number}")
    else:
        dropped = ", ".join(f"k{number}" for number in settled)
        connection.execute(f"CREATE TABLE {_COPY} AS SELECT * EXCLUDE ({dropped}) FROM {relation}")
        connection.execute(f"DROP TABLE {relation}")
        connection.execute(f"ALTER TABLE {_COPY} RENAME TO {relation}")
    return kinds


def _extremes(connection: duckdb.DuckDBPyConnection, width: int) -> list[tuple[int | None, int | None]]:
    both = ", ".join(f"min(k{number}), max(k{number})" for number in range(width))
    found = connection.execute(f"SELECT {both} FROM {quote(RELATION)}").fetchone()
    assert found is not None
    return list(zip(found[::2], found[1::2], strict=True))


def _one_kind(least: int | None, most: int | None) -> Kind | None:
    if least is None:
        return Kind.TEXT
    return Kind(least) if least == most else None


def _tokens(path: Path, rows: Rows, width: int) -> str:
    line_bytes = max(rows.line_bytes_max + 2, 2 << 20)
    names = ", ".join(f"c{number}: 'VARCHAR'" for number in range(width))
    return (
        f"read_csv({literal(str(path))}, columns = {{{names}}}, auto_detect = false, header = false, new_line = '\\n',"
        f" delim = {literal(BETWEEN.decode())}, quote = '', escape = '', comment = '', null_padding = true,"
        f" nullstr = ['null', '\"\"', {literal(MISSING.decode())}], max_line_size = {line_bytes},"
        f" buffer_size = {4 * line_bytes})"
    )


def _text(token: str) -> str:
    """What a token says: a text without its quotes and escapes, else the token itself."""
    return (
        f"CASE WHEN {_IS_TEXT} THEN CASE WHEN contains(token, '\\') THEN token->>'$'"
        " ELSE substring(token, 2, length(token) - 2) END ELSE token END"
    ).replace("token", token)


def _kind(token: str) -> str:
    return (
        f"CASE WHEN {_IS_TEXT} THEN {Kind.TEXT:d} WHEN {_IS_WORD} THEN {Kind.TRUTH:d}"
        f" WHEN contains(token, 'e') OR contains(token, 'E') THEN {_EXPONENT}"
        f" WHEN token IS NOT NULL THEN {Kind.NUMBER:d} END::UTINYINT"
    ).replace("token", token)

"""Reads JSON files and JSON lines as cells: numbers with all digits, the keys of all records as columns."""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.contract import FileInput
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import json_records, likely, number_texts
from procession.actions.reading.cells import FAILS, RELATION, CellColumn, Cells, Kind
from procession.actions.reading.json_rows import BETWEEN, RowsTooLarge, RowWriter
from procession.actions.reading.json_source import Source
from procession.actions.reading.json_values import MISSING, BadJson, shown
from procession.actions.reading.options import FileOptions

if TYPE_CHECKING:
    import duckdb

# Tokens by their first character: comparing is faster than cutting it off.
_IS_TEXT = "token < '#'"  # a quote; numbers begin with a digit or a minus
_IS_WORD = "token > ':'"  # true or false
_UNQUOTED = "substring(token, 2, length(token) - 2)"
_UNESCAPED = f"CASE WHEN contains(token, '\\') THEN token->>'$' ELSE {_UNQUOTED} END"
_EXPONENT = 9  # the kind of a number until its exponent is written out; more than every Kind
_DROPPED_MAX = 64  # columns one by one; to drop one takes as long as the table is wide
_COPY = quote("cells of a file, copied")
# Only line feeds are counted: a mistake in the last line costs one more reading.
_BUFFER_BYTES = 8 << 20
_TRUNCATED = "the file ends in the middle of it; perhaps it did not arrive whole"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(
    connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions, folder: Path, *, lines: bool
) -> Cells:
    """Raises Problem naming the record or the line."""
    path = _as_utf_8(source, options, folder)
    tokens = folder / "tokens of a file"  # the next file of the step takes its place
    with path.open("rb") as file, tokens.open("wb") as out:
        # RFC 8259 section 8.1: a parser may ignore the mark, and editors write it.
        if file.read(3) != codecs.BOM_UTF8:
            file.seek(0)
        rows, begin = RowWriter(out), Source(file=file, offset=file.tell())
        try:
            found = json_records.of_lines(begin, rows) if lines else json_records.of_document(begin, rows)
        except RowsTooLarge as error:
            raise _problem(source, str(error)) from None
        except BadJson as error:
            raise _problem(source, f"{_place_of(begin, rows, path, error, lines=lines)}{_reason(error)}") from None
    columns = _columns(source, rows, options)
    line_of = _lines_of(path) if lines else None
    table = _Tokens(source=source, path=tokens, rows=rows, columns=columns, line_of=line_of)
    cells = Cells(columns=(), place=table.place_of, remarks=tuple(found.remarks), warnings=tuple(found.warnings))
    seeming = _seeming(connection, table)
    if seeming is None:
        return _settle(connection, table, cells)
    texts = ", ".join(f"{_sure(f'c{number}', kind, rows)} AS t{number}" for number, kind in enumerate(seeming))
    return replace(
        cells,
        columns=_cell_columns(columns, seeming),
        source=f"(SELECT {texts} FROM {table.sql})",
        load=partial(_settle, connection, table, cells),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    """The records as a file of tokens, a column for each key."""

    source: FileInput
    path: Path
    rows: RowWriter
    columns: list[str]
    line_of: Callable[[int], int] | None  # of JSON lines

    @property
    def sql(self) -> str:
        return _tokens(self.path, self.rows, len(self.columns))

    def place_of(self, row: int, column: int) -> str:
        at = f"record {row + 1}" if self.line_of is None else f"line {self.line_of(row)}"
        return f"{at}, {shown(self.columns[column])}"


def _seeming(connection: duckdb.DuckDBPyConnection, table: _Tokens) -> list[Kind] | None:
    """The kind of each column in the first rows; None if one has several, or there are too many columns."""
    if len(table.columns) > likely.COLUMNS_MAX:
        return None
    listed = ", ".join(_kind(f"c{number}") for number in range(len(table.columns)))
    first = connection.execute(f"SELECT {listed} FROM {table.sql} LIMIT {likely.SAMPLE_ROWS}").fetchall()
    kinds = [{row[number] for row in first} - {None} for number in range(len(table.columns))]
    if any(len(found) > 1 or _EXPONENT in found for found in kinds):
        return None
    return [Kind(*found) if found else Kind.TEXT for found in kinds]


def _settle(connection: duckdb.DuckDBPyConnection, table: _Tokens, cells: Cells) -> Cells:
    width = len(table.columns)
    _load(connection, table)
    wide = _write_out_exponents(connection, width)
    if wide:
        reason = f"the number has an exponent beyond {number_texts.EXPONENT_MAX}"
        raise _problem(table.source, f"{table.place_of(*wide)}: {reason}")
    kinds = _settle_kinds(connection, width)
    return replace(cells, columns=_cell_columns(table.columns, kinds))


def _cell_columns(headings: list[str], kinds: Sequence[Kind | None]) -> tuple[CellColumn, ...]:
    return tuple(CellColumn(heading=heading, kind=kind) for heading, kind in zip(headings, kinds, strict=True))


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


def _lines_of(path: Path) -> Callable[[int], int]:
    """The line of the n-th record, from 0; lines that are blank count too.

    Reads the file once if called in rising order.
    """
    # Read again, for messages only: keeping a line number for each record would cost every file.
    lines, at, line = _filled_lines(path), -1, 0

    def line_of(row: int) -> int:
        nonlocal lines, at, line
        if row < at:
            lines, at = _filled_lines(path), -1
        for found in islice(lines, row - at):
            at, line = at + 1, found
        return line

    return line_of


def _filled_lines(path: Path) -> Iterator[int]:
    with path.open("rb") as file:
        yield from (number for number, line in enumerate(file, 1) if line.strip())


def _columns(source: FileInput, rows: RowWriter, options: FileOptions) -> list[str]:
    """The keys; for a file without records, the declared ones."""
    if rows.keys:
        return list(rows.keys)
    declared = [heading for heading in options.columns if not heading.isdecimal()]
    if rows.count or not declared:
        what = "its records have no keys" if rows.count else "it holds no records, and so no columns"
        raise _problem(source, f"{what}; where that may be, declare its columns")
    return declared


def _load(connection: duckdb.DuckDBPyConnection, table: _Tokens) -> None:
    """Makes RELATION from the file of tokens, with a column of kinds for each column of texts."""
    numbers = range(len(table.columns))
    texts = ", ".join(f"{_text(f'c{number}', table.rows)} AS t{number}" for number in numbers)
    kinds = ", ".join(f"{_kind(f'c{number}')} AS k{number}" for number in numbers)
    connection.execute(f"CREATE TABLE {quote(RELATION)} AS SELECT {texts}, {kinds} FROM {table.sql}")


def _write_out_exponents(connection: duckdb.DuckDBPyConnection, width: int) -> tuple[int, int] | None:
    """Row and column of the first exponent that is out of range, None when there is none."""
    # Few files have exponents: in the statement that loads all columns, this would dominate the cost.
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
    # Above it one copy of the table is cheaper than so many rewritings.
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


def _tokens(path: Path, rows: RowWriter, width: int) -> str:
    line_bytes = max(rows.line_bytes_max + 2, 2 << 20)
    names = ", ".join(f"c{number}: 'VARCHAR'" for number in range(width))
    return (
        f"read_csv({literal(str(path))}, columns = {{{names}}}, auto_detect = false, header = false, new_line = '\\n',"
        f" delim = {literal(BETWEEN.decode())}, quote = '', escape = '', comment = '', null_padding = true,"
        f" nullstr = ['null', '\"\"', {literal(MISSING.decode())}], max_line_size = {line_bytes},"
        f" buffer_size = {4 * line_bytes})"
    )


def _text(token: str, rows: RowWriter) -> str:
    """The text of a token, without quotes and escapes; else the token itself."""
    return f"CASE WHEN {_IS_TEXT} THEN {_UNESCAPED if rows.has_escapes else _UNQUOTED} ELSE token END".replace(
        "token", token
    )


def _sure(token: str, kind: Kind, rows: RowWriter) -> str:
    """The same for a token known to be of that kind."""
    value = "token"
    match kind:
        case Kind.TEXT:
            test, value = _IS_TEXT, _UNESCAPED if rows.has_escapes else _UNQUOTED
        case Kind.NUMBER:
            test = "token < ':' AND token > '#' AND NOT contains(token, 'e') AND NOT contains(token, 'E')"
        case _:
            test = _IS_WORD
    return f"CASE WHEN {test} THEN {value} WHEN token IS NOT NULL THEN {FAILS} END".replace("token", token)


def _kind(token: str) -> str:
    return (
        f"CASE WHEN {_IS_TEXT} THEN {Kind.TEXT:d} WHEN {_IS_WORD} THEN {Kind.TRUTH:d}"
        f" WHEN contains(token, 'e') OR contains(token, 'E') THEN {_EXPONENT}"
        f" WHEN token IS NOT NULL THEN {Kind.NUMBER:d} END::UTINYINT"
    ).replace("token", token)

"""Reads CSV and TSV as cells: every field is text.

`records` says what a file holds. DuckDB, ten times as fast, loads the files that both are known to read alike: those
with one kind of line end and no blanks around quotes. What it refuses is read by `records`, which has the last word.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.contract import FileInput
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import cells, edges, records, text
from procession.actions.reading.cells import COLUMNS_MAX, CellColumn, Cells, Recognised
from procession.actions.reading.options import FileOptions
from procession.actions.reading.records import Dialect, UnevenEnd, Unreadable
from procession.actions.reading.text import Text

if TYPE_CHECKING:
    import duckdb

DELIMITERS = ",;\t|"  # in this order of preference
_SAMPLE_RECORDS = 200  # whole records to try delimiters on
_CHUNK_BYTES = 1 << 20
_NOTHING = 0  # in a rewritten file
_FILLED = "filled cells of a file"
# "" is then an empty text, and nothing between delimiters is no value.
_ONLY_BARE = ", allow_quoted_nulls = false"


def read(connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions, folder: Path) -> Cells:
    """Make the table of cells. Raises Problem naming the file, and the line."""
    file = text.prepare(source, options, folder)
    try:
        dialect = _dialect(file, options)
        table, found = _found(file, dialect, has_header=options.header)
        doubt = _doubt(file, dialect, len(table.first), source.name)
        found = replace(found, warnings=(*found.warnings, doubt)) if doubt else found
        seen = _scan(file, dialect) if table.is_plain else None
        if seen is None or seen.trails:
            return _loaded(connection, table, seen, found)
    except Unreadable as error:
        raise _problem(source, error) from error

    def load() -> Cells:
        try:
            return _loaded(connection, table, seen, found)
        except Unreadable as error:
            raise _problem(source, error) from error

    return replace(found, source=_source(_rows_only(table), dialect, len(table.first), seen.line_end), load=load)


def take(connection: duckdb.DuckDBPyConnection, file: Text, dialect: Dialect, *, has_header: bool) -> Cells:
    """Makes the table of a text in a known dialect. Raises Unreadable."""
    table, found = _found(file, dialect, has_header=has_header)
    _load(connection, table, _scan(file, dialect) if table.is_plain else None)
    return found


def _found(file: Text, dialect: Dialect, *, has_header: bool) -> tuple[_Table, Cells]:
    _, first = next(iter(records.read(file, dialect)), (0, []))
    _check_first(first)
    line_of = records.lines_of(file, dialect, len(first), first=int(has_header))
    found = Cells(
        columns=tuple(CellColumn(heading=heading if has_header else "") for heading in first),
        place=lambda row, column: f"line {line_of(row)}",
        warnings=(file.warning,) if file.warning else (),
        recognised=Recognised(delimiter=dialect.delimiter, encoding=file.encoding),
    )
    return _Table(file=file, dialect=dialect, first=first, has_header=has_header), found


def _problem(source: FileInput, error: Unreadable) -> Problem:
    way = "; where its last line is a total, or a note, say total_row" if isinstance(error, UnevenEnd) else ""
    return Problem(f"{source.called} cannot be read: {error}{way}")


def _check_first(first: list[str]) -> None:
    if not first:
        raise Unreadable("it holds no table: there is nothing but blank lines")
    if len(first) > COLUMNS_MAX:
        raise Unreadable(f"it has {len(first):,} columns; at most {COLUMNS_MAX:,} are read")
    if any("\0" in value for value in first):
        raise Unreadable(
            "its first line holds zero bytes: if it is UTF-16 without a mark, say encoding: utf-16-le (or utf-16-be)"
        )


def _doubt(file: Text, dialect: Dialect, width: int, name: str) -> str:
    """A warning if the given delimiter splits nothing and another one splits everything."""
    if width > 1:
        return ""
    for mark in DELIMITERS:
        found = _widths(file, replace(dialect, delimiter=mark))
        if found and found[0] > 1 and len(set(found)) == 1:
            said, other = (repr(one).replace("'", '"') for one in (dialect.delimiter, mark))
            return f'"{name}" has one column by the delimiter {said}, and {found[0]} by {other}'
    return ""


def _dialect(file: Text, options: FileOptions) -> Dialect:
    if options.delimiter and file.separator and options.delimiter != file.separator:
        raise Unreadable(
            f'its first line says that "{file.separator}" separates the values, and delimiter is "{options.delimiter}"'
        )
    delimiter = options.delimiter or file.separator or delimiter_of(file, options)
    has_total = options.total_row is not None
    return Dialect(delimiter=delimiter, quote=options.quote, trims=options.trim, has_total=has_total)


def delimiter_of(file: Text, options: FileOptions) -> str:
    """The one that gives every record of the sample as many values as the header, the most of them; where none does,
    the one that the header holds most of, or any record: a title above the header holds none."""
    widths = {
        mark: _widths(file, Dialect(delimiter=mark, quote=options.quote, trims=options.trim)) for mark in DELIMITERS
    }
    even = [mark for mark, found in widths.items() if len(set(found)) == 1 and found[0] > 1]
    # Evenness first: a comma inside amounts gives many values, and never equally many.
    return max(even or DELIMITERS, key=lambda mark: (widths[mark][0], max(widths[mark])) if widths[mark] else (0, 0))


def _widths(file: Text, dialect: Dialect) -> list[int]:
    found: list[int] = []
    with suppress(Unreadable):  # a wrong delimiter may break quoting
        for _, values in islice(records.read(file, dialect), _SAMPLE_RECORDS):
            found += [len(values)] if values else []
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    file: Text
    dialect: Dialect
    first: list[str]  # values of the first record
    has_header: bool

    @property
    def is_plain(self) -> bool:
        """Whether DuckDB can read it: it confuses blank lines with empty values, and headers of several lines."""
        marks = (self.dialect.quote, "\n", "\r")
        is_one_line = not (self.has_header and any(mark in value for value in self.first for mark in marks))
        return len(self.first) > 1 and is_one_line


def _loaded(connection: duckdb.DuckDBPyConnection, table: _Table, seen: _Seen | None, found: Cells) -> Cells:
    """The cells without the rows that have none, as a sheet is read: a spreadsheet writes them below its last row."""
    _load(connection, table, seen)
    # Only a line that ends in an empty value can be one; in a table of one column an empty line is a value.
    if len(table.first) == 1 or (seen is not None and not seen.trails):
        return found
    rows = database.count(connection, cells.RELATION)
    filled = f"coalesce({', '.join(f't{number}' for number in range(len(table.first)))}) IS NOT NULL"
    source = quote(cells.RELATION)
    row = connection.execute(f"SELECT count(*) FROM {source} WHERE {filled}").fetchone()
    assert row is not None
    if not (left_out := rows - row[0]):
        return found
    # Made anew, not deleted from: what counts the rows has no gaps.
    connection.execute(f"CREATE TABLE {quote(_FILLED)} AS SELECT * FROM {source} WHERE {filled}")
    connection.execute(f"DROP TABLE {source}")
    connection.execute(f"ALTER TABLE {quote(_FILLED)} RENAME TO {source}")
    said = "1 row without a value is left out" if left_out == 1 else f"{left_out:,} rows without a value are left out"
    return replace(found, remarks=(*found.remarks, said))


def _load(connection: duckdb.DuckDBPyConnection, table: _Table, seen: _Seen | None) -> None:
    import duckdb

    file, dialect, width = table.file, table.dialect, len(table.first)
    if seen is not None:
        with suppress(duckdb.InvalidInputException, duckdb.ConversionException):
            nulls = _ONLY_BARE if dialect.tells_empty else ""
            _copy(connection, _source(_rows_only(table), dialect, width, f"{seen.line_end}{nulls}"))
            rows = database.count(connection, cells.RELATION) + int(table.has_header)
            if seen.agrees(rows, width):
                return
        connection.execute(f"DROP TABLE IF EXISTS {quote(cells.RELATION)}")
    found = (values for _, values in islice(records.table(file, dialect, width), int(table.has_header), None))
    load_values(connection, found, width, file.folder, tells_empty=dialect.tells_empty)


def load_values(
    connection: duckdb.DuckDBPyConnection,
    rows: Iterable[list[str | None]],
    width: int,
    folder: Path,
    *,
    tells_empty: bool = False,
) -> None:
    """Makes the table of these values. Raises Unreadable."""
    import duckdb

    nulls = f", nullstr = '{_NOTHING}'{_ONLY_BARE}" if tells_empty else ""
    path, count = _rewrite(rows, folder)
    # Of a file written by ourselves DuckDB refuses, or loses, nothing but what is too long for it.
    with suppress(duckdb.InvalidInputException):
        _copy(connection, _source(path, Dialect(delimiter=","), width, rf", new_line = '\n'{nulls}"))
        if database.count(connection, cells.RELATION) == count:
            return
    raise Unreadable(f"one of its rows has more than {text.LINE_CHARACTERS_MAX:,} characters")


def _rows_only(table: _Table) -> Path:
    """Cuts the header: DuckDB's own way to skip lines loses another one if they end in CRLF."""
    file = table.file
    if not table.has_header:
        return text.cut(file, file.start)
    with file.path.open(encoding="utf-8", newline="") as lines:
        lines.seek(file.start)
        size = len(lines.readline(text.LINE_CHARACTERS_MAX).encode())
    return text.cut(file, file.start + size)


def _copy(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    connection.execute(f"CREATE TABLE {quote(cells.RELATION)} AS SELECT * FROM {source}")


def _source(path: Path, dialect: Dialect, width: int, how: str) -> str:
    # Leave nothing to DuckDB's sniffer: a CR inside quotes once made it take CR for line ends.
    names = ", ".join(f"'t{number}': 'VARCHAR'" for number in range(width))
    return (
        f"read_csv({literal(str(path))}, columns = {{{names}}}, "
        f"auto_detect = false, header = false, skip = 0{how}, "
        f"delim = {literal(dialect.delimiter)}, "
        f"quote = {literal(dialect.quote)}, escape = {literal(dialect.quote)}, comment = '', null_padding = false, "
        f"ignore_errors = false, strict_mode = true, max_line_size = {text.LINE_CHARACTERS_MAX})"
    )


def _rewrite(rows: Iterable[list[str | None]], folder: Path) -> tuple[Path, int]:
    """Rewrites the values so that DuckDB cannot misread them (all quoted but the mark of no value); counts the rows."""
    path = folder / "rewritten.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow
        count = sum(write([_NOTHING if value is None else value for value in row]) > 0 for row in rows)
    return path, count


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Facts found in the bytes. `trails`: a line ends in an empty value."""

    chunks: Callable[[], Iterator[bytes]]
    edge: bytes
    has_pairs: bool
    has_quotes: bool
    trails: bool

    @property
    def line_end(self) -> str:
        """For read_csv. DuckDB must detect CRLF itself: if it is given, rows are lost."""
        return "" if self.has_pairs else r", new_line = '\n'"

    def agrees(self, rows: int, width: int) -> bool:
        """Whether the count of delimiters fits: DuckDB accepts rows with extra empty values at the end."""
        if not self.trails:
            return True
        return not self.has_quotes and sum(chunk.count(self.edge) for chunk in self.chunks()) == rows * (width - 1)


def _scan(file: Text, dialect: Dialect) -> _Seen | None:
    """None if DuckDB might read it differently: mixed line ends, blanks between a quote and its delimiter."""
    if dialect.trims or dialect.quote == dialect.delimiter or not (dialect.quote + dialect.delimiter).isascii():
        return None
    mark, edge = dialect.quote.encode(), dialect.delimiter.encode()
    ends, has_quotes, trails = set[bytes](), False, False
    for chunk in _lines(file):
        # DuckDB loses a line that is longer than its buffer, without a word.
        if len(chunk) > text.LINE_CHARACTERS_MAX and not chunk.endswith(b"\n"):
            return None
        ends |= edges.line_ends(chunk)
        if mark in chunk:
            has_quotes = True
            trails = trails or edges.trails(chunk, edge + mark * 2)
            if edges.has_blanks(chunk, mark, edge):
                return None
        trails = trails or edges.trails(chunk, edge)
    if len(ends) > 1 or b"\r" in ends:
        return None
    return _Seen(
        chunks=partial(_lines, file), edge=edge, has_pairs=b"\r\n" in ends, has_quotes=has_quotes, trails=trails
    )


def _lines(file: Text) -> Iterator[bytes]:
    """The table in pieces of whole lines."""
    with file.path.open("rb") as source:
        source.seek(file.start)
        while chunk := source.read(_CHUNK_BYTES):
            yield chunk + source.readline(text.LINE_CHARACTERS_MAX)

"""Writes CSV, fixed width, JSON and JSON lines: the lines by DuckDB, what stands around them by us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database, naming
from procession.actions.database import literal, quote
from procession.actions.exporting import encodings, layouts, line_texts
from procession.actions.exporting.layouts import FixedColumn, Layout
from procession.actions.exporting.line_texts import TextCell
from procession.actions.problems import Problem
from procession.actions.rows import kinds
from procession.actions.rows.kinds import ValueKind
from procession.actions.writing import csv_cells
from procession.actions.writing.csv_cells import CsvStyle

if TYPE_CHECKING:
    import duckdb

_TRAILER = "the last line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What a trailer says: SQL over the rows, which may have columns that the file has not."""

    relation: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """What a file is written by. `given` are the values of {key}; `name` the file's, which may say the delimiter."""

    connection: duckdb.DuckDBPyConnection
    layout: Layout
    name: str
    given: Mapping[str, object]

    @property
    def end(self) -> str:
        return "\r\n" if self.layout.line_end == "crlf" else "\n"

    @property
    def delimiter(self) -> str:
        return layouts.delimiter_of(self.layout, self.name)

    def check(self, relation: str, *, is_fixed: bool) -> list[str]:
        """Raises Problem for what the file cannot hold, before anything is written; gives what to warn of."""
        types = database.columns(self.connection, relation)
        if is_fixed:
            for field in self.layout.fixed:
                self._check_field(relation, types, field)
            cells = self._fixed_cells(relation, self.layout.fixed)
            line_texts.refuse_unfit(self.connection, relation, cells, self.layout.fixed)
            return []
        warnings = csv_cells.check_decimals(self.connection, relation, types, self.layout.decimals)
        self._refuse_unquoted(relation, line_texts.csv_cells_of(types, self.layout))
        return list(warnings)

    def _refuse_unquoted(self, relation: str, cells: Sequence[TextCell]) -> None:
        if self.layout.quotes == "none":
            mark = self.layout.quote
            line_texts.refuse_unquoted(self.connection, relation, cells, delimiter=self.delimiter, mark=mark)

    def _check_field(self, relation: str, types: Mapping[str, str], field: FixedColumn) -> None:
        if field.column is not None:
            name = kinds.column(types, field.column, "layout.fixed")
            # It warns where there is no amount, which says nothing of a single field.
            csv_cells.check_decimals(self.connection, relation, {name: types[name]}, field.decimals)

    def write_csv(self, relation: str, path: Path, sums: Sums) -> None:
        """Headings, rows, trailer."""
        types, layout = database.columns(self.connection, relation), self.layout
        cells = line_texts.csv_cells_of(types, layout)
        head = self._heading(list(types)) if layout.header else ""
        tail: list[Path] = []
        # Totals of the rows of this file, where there is one for each value.
        if layout.trailer is not None:
            label = layout.trailer.label
            shown = {} if label is None else {"label": literal(naming.fill(label, self.given))}
            tail = [self._trailer({**shown, **sums.columns}, sums.relation, path)]
        body = self._lines(relation, cells, line_texts.csv_line(cells, layout, self.delimiter), path)
        self._join([self._first_line(), head, body, *tail], path, relation, cells)

    def write_fixed(self, relation: str, path: Path, sums: Sums) -> None:
        """Lines of fields, all as long as each other."""
        cells = self._fixed_cells(relation, self.layout.fixed)
        body = self._lines(relation, cells, self._fixed_line(cells, self.layout.fixed), path)
        tail: list[Path] = []
        if self.layout.trailer is not None:
            tail = [self._fixed_trailer(self.layout.trailer.fixed, sums, path)]
        self._join([self._first_line(), body, *tail], path, relation, cells)

    def write_json(self, relation: str, path: Path, *, is_lines: bool) -> None:
        """One object for each row, each on its line; a list of them unless `is_lines`."""
        types = database.columns(self.connection, relation)
        line = line_texts.json_line(types)
        if not is_lines:
            # The comma stands before the line: which row is the last is known only at the end.
            line = f"concat(CASE WHEN row_number() OVER () > 1 THEN ',' ELSE ' ' END, {line})"
        # Beside the file: the step may write nowhere else.
        body = path.with_suffix(".lines")
        self._copy(f"SELECT {line} FROM {quote(relation)}", body)
        encodings.join([body] if is_lines else ["[\n", body, "]\n"], path, "utf-8")
        body.unlink()

    def _heading(self, names: Sequence[str]) -> str:
        layout, mark = self.layout, self.layout.quote
        # The rules of headings that steps write by themselves, such as those of "ID" and #.
        if mark == '"' and layout.quotes == "needed":
            style = CsvStyle(decimal=".", decimals=None, zone="UTC", escapes=layout.escape_formulas)
            return csv_cells.heading_line(names, style, self.delimiter).removesuffix("\n") + self.end
        shown = [csv_cells.harmless_heading(name) if layout.escape_formulas else name for name in names]
        special = (self.delimiter, mark, "\r", "\n")
        if layout.quotes == "none":
            for name in shown:
                if any(letter in name for letter in special):
                    raise Problem(f'a file without quotes cannot hold the heading "{name}"')
            return self.delimiter.join(shown) + self.end
        is_all = layout.quotes == "all"
        marked = [
            mark + name.replace(mark, mark * 2) + mark if is_all or any(one in name for one in special) else name
            for name in shown
        ]
        return self.delimiter.join(marked) + self.end

    def _first_line(self) -> str:
        return "" if self.layout.first_line is None else naming.fill(self.layout.first_line, self.given) + self.end

    def _make_trailer(self, sums: Mapping[str, str], relation: str) -> None:
        columns = ", ".join(f"{value} AS {quote(name)}" for name, value in sums.items())
        self.connection.execute(f"CREATE OR REPLACE TABLE {quote(_TRAILER)} AS SELECT {columns} FROM {quote(relation)}")

    def _trailer(self, sums: Mapping[str, str], relation: str, path: Path) -> Path:
        self._make_trailer(sums, relation)
        cells = line_texts.csv_cells_of(database.columns(self.connection, _TRAILER), self.layout)
        self._refuse_unquoted(_TRAILER, cells)
        line = line_texts.csv_line(cells, self.layout, self.delimiter)
        return self._lines(_TRAILER, cells, line, path.with_suffix(".last"))

    def _fixed_trailer(self, fields: Sequence[FixedColumn], sums: Sums, path: Path) -> Path:
        # A line of constants alone is a trailer too, and a table needs a column.
        self._make_trailer(sums.columns or {"count": "count(*)"}, sums.relation)
        types = database.columns(self.connection, _TRAILER)
        # Only now is the total known: a sum may be longer than each of its rows.
        for field in fields:
            self._check_field(_TRAILER, types, field)
        cells = self._fixed_cells(_TRAILER, fields)
        line_texts.refuse_unfit(self.connection, _TRAILER, cells, fields)
        return self._lines(_TRAILER, cells, self._fixed_line(cells, fields), path.with_suffix(".last"))

    def _fixed_cells(self, relation: str, fields: Sequence[FixedColumn]) -> list[TextCell]:
        types = database.columns(self.connection, relation)
        constants = ("" if field.value is None else naming.fill(field.value, self.given) for field in fields)
        return [
            line_texts.fixed_cell(field, types, constant, self.layout.zone)
            for field, constant in zip(fields, constants, strict=True)
        ]

    def _fixed_line(self, cells: Sequence[TextCell], fields: Sequence[FixedColumn]) -> str:
        pairs = enumerate(zip(cells, fields, strict=True))
        return f"concat({', '.join(line_texts.filled(f'c{number}', *pair) for number, pair in pairs)})"

    def _lines(self, relation: str, cells: Sequence[TextCell], line: str, path: Path) -> Path:
        """A file with a line for each row, in UTF-8."""
        made = path.with_suffix(f"{path.suffix}.lines")
        texts = ", ".join(f"{cell.text} AS c{number}" for number, cell in enumerate(cells))
        # DuckDB ends every line with a line feed.
        whole = f"{line} || '\r'" if self.layout.line_end == "crlf" else line
        self._copy(f"SELECT {whole} FROM (SELECT {texts} FROM {quote(relation)})", made)
        return made

    def _copy(self, query: str, path: Path) -> None:
        # One column without quotes: every line is written as it was made, whatever is in it.
        self.connection.execute(
            f"COPY ({query}) TO {literal(str(path))} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
        )

    def _join(self, parts: Sequence[str | Path], path: Path, relation: str, cells: Sequence[TextCell]) -> None:
        encoding = self.layout.encoding
        try:
            encodings.join(parts, path, encoding)
        except encodings.Unwritable as error:
            raise encodings.complaint(self.connection, relation, cells, error.letter, encoding) from None
        # The step has a quota, and the lines are in the file now.
        for part in parts:
            if isinstance(part, Path):
                part.unlink()


def sums_of(types: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """The columns of Sums. Raises Problem for a total of what is no exact number."""
    found: dict[str, str] = {}
    if layout.trailer is not None and layout.trailer.count:
        found["count"] = "count(*)"
    if layout.trailer is not None and layout.trailer.total is not None:
        name = kinds.require(types, layout.trailer.total, ValueKind.NUMBER, "layout.trailer.total")
        found["total"] = f"coalesce(sum({quote(name)}), 0)"
    return found

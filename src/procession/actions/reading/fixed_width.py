"""Reads text whose values stand at fixed places of each line; every value is text, without the blanks around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading import delimited, rising, text
from procession.actions.reading.cells import CellColumn, Cells, Recognised
from procession.actions.reading.fitting import shortened
from procession.actions.reading.options import FileOptions, FixedField
from procession.actions.reading.records import Unreadable
from procession.actions.reading.text import Text

if TYPE_CHECKING:
    import duckdb


def read(connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions, folder: Path) -> Cells:
    """Make the table of cells. Raises Problem naming the file, and the line."""
    file = text.prepare(source, options, folder)
    fields, outside = options.fixed, _Outside(options.fixed, is_told=options.others != "drop")
    ends = _Ends(fields)
    try:
        rows = (values for _, values in _lines(file, fields, (outside.look, ends.look)))
        delimited.load_values(connection, rows, len(fields), folder)
    except Unreadable as error:
        raise Problem(f"{source.called} cannot be read: {error}") from error
    if outside.lines and options.others == "refuse":
        raise Problem(f"{source.called} cannot be read: {outside.words}; name it under fixed")
    warning = f"{source.called}: {outside.words}, which is left out; name it under fixed, or say others: drop"
    line_of = rising.numbers(lambda: (line for line, _ in _lines(file, fields)))
    return Cells(
        columns=tuple(CellColumn(heading=field.name) for field in fields),
        place=lambda row, column: f"line {line_of(row)}",
        warnings=(
            *([file.warning] if file.warning else []),
            *([warning] if outside.lines else []),
            *([f"{source.called}: {ends.words}"] if ends.words else []),
        ),
        recognised=Recognised(encoding=file.encoding),
    )


class _Outside:
    """Text that stands in no field: what was forgotten, or a sign before an amount that begins one place too late."""

    def __init__(self, fields: list[FixedField], *, is_told: bool) -> None:
        self._gaps = list(_gaps(fields)) if is_told else []
        self.lines = 0
        self.words = ""

    def look(self, number: int, line: str) -> None:
        for start, end in self._gaps:
            found = line[start:end].strip()
            if found:
                self.lines += 1
                self.words = self.words or f'line {number} has "{shortened(found)}" in no field, from {start + 1:,} on'
                return


class _Ends:
    """Whether the last line ends within its last value, where no other does: what is left of 000123450 is a number too.

    Writers that leave out blanks at the end do so in many lines.
    """

    def __init__(self, fields: list[FixedField]) -> None:
        self._last = max(fields, key=lambda field: field.at + field.size)
        self._end = self._last.at - 1 + self._last.size
        self._whole = self._cut = self._cut_at = self._size = 0

    def look(self, number: int, line: str) -> None:
        is_cut = len(line) < self._end
        self._whole, self._cut = self._whole + (not is_cut), self._cut + is_cut
        self._cut_at, self._size = (number, len(line)) if is_cut else (0, 0)

    @property
    def words(self) -> str:
        if not (self._cut_at and self._cut == 1 and self._whole):
            return ""
        return (
            f'line {self._cut_at}, the last one, ends at {self._size:,} within "{self._last.name}", and no other does; '
            "did the file arrive whole?"
        )


def _gaps(fields: list[FixedField]) -> Iterator[tuple[int, int | None]]:
    """From where to before where there is no field."""
    reached = 0
    for start, end in sorted((field.at - 1, field.at - 1 + field.size) for field in fields):
        if start > reached:
            yield reached, start
        reached = max(reached, end)
    yield reached, None


def _lines(
    file: Text, fields: list[FixedField], looks: Sequence[Callable[[int, str], None]] = ()
) -> Iterator[tuple[int, list[str | None]]]:
    """Each line that is not blank, and its values. Raises Unreadable for one that ends before a value begins."""
    places = [(field.name, field.at - 1, field.at - 1 + field.size) for field in fields]
    # Where the last of them begins: what a writer leaves out at the end of a line are blanks.
    least = max(start for _, start, _ in places)
    try:
        # With Python's line ends: LF, CRLF and CR, also mixed.
        with file.path.open(encoding="utf-8") as source:
            source.seek(file.start)
            for number, line in enumerate(source, start=file.lines_before + 1):
                if len(line) > text.LINE_CHARACTERS_MAX:
                    raise Unreadable(f"line {number} has more than {text.LINE_CHARACTERS_MAX:,} characters")
                shown = line.rstrip("\n\x1a")
                if not shown.strip():
                    continue
                if len(shown) <= least:
                    name, start, _ = min((one for one in places if one[1] >= len(shown)), key=itemgetter(1))
                    raise Unreadable(
                        f'line {number} has {len(shown):,} characters, and "{name}" begins at {start + 1:,}'
                    )
                for look in looks:
                    look(number, shown)
                yield number, [shown[start:end].strip() for _, start, end in places]
    except UnicodeDecodeError as error:
        raise Unreadable(text.wrong_byte(file.path) or "it is not UTF-8") from error

"""The rows of a side: one relation of one source or of several, and where each row came from.

A source is whatever gives a DuckDB relation and says where its rows are; `_read` is the only place that knows which
kinds there are. Rows that an earlier reconciliation left open come back as a source: the columns that it added are told
from the user's by `FIRST_OPEN_ON` and `TIMES_OPEN` standing together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database, references
from procession.actions.contract import Context, FileInput
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import columns
from procession.actions.reading.columns import Relation, WantedRelation
from procession.actions.reading.fitting import Declared
from procession.actions.reconciling.reconcile_settings import SideSource, options_of

if TYPE_CHECKING:
    import duckdb

FIRST_OPEN_ON, TIMES_OPEN = "first_open_on", "times_open"
ADDED = (FIRST_OPEN_ON, TIMES_OPEN, "age_days", "age", "reason", "near_key")  # to the open rows of a side
OURS = "{} (reconcile)"  # what we call a column where the user has one of that name
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_DECIMALS_MIN = 10
_NO_VALUES = ""  # the type of a column that no row of a source fills


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePart:
    """A source that was read: rows `first` to `first + rows - 1` of its side, from 0."""

    file: str
    first: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRows:
    """The relation of a side as read. `added`: what an earlier reconciliation calls its columns, by our names."""

    parts: tuple[SourcePart, ...]
    declared: Mapping[str, Declared]
    currencies: Mapping[str, str]
    zone: str | None
    place: Callable[[int, str], str]
    warnings: tuple[str, ...]
    added: Mapping[str, str]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


def load(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    side: str,
    given: Sequence[SideSource],
    texts: frozenset[str],
) -> tuple[SideRows, list[Relation]]:
    """Make the relation `side`, and texts_of(side) with those of `texts` that are no texts in it; also what each source
    was made as. Raises Problem."""
    names = [side] if len(given) == 1 else [f"source {number} of {side}" for number in range(len(given))]
    # One after the other: two files at once would need twice the memory.
    made = [_read(context, connection, name, one, texts) for name, one in zip(names, given, strict=True)]
    if len(given) > 1:
        _union(connection, side, names, [one.file for one in made], texts)
    # A moment has its day in the zone of its side; two zones would give one moment two days.
    zones = {options_of(one).zone for one in given}
    if len(zones) > 1:
        raise Problem(f"the sources of the {side} side have different zones: give all of them the same")
    firsts = [sum(one.rows for one in made[:number]) for number in range(len(made))]
    parts = [
        SourcePart(file=one.file, first=first, rows=one.rows, sha256=_sha256(context, source))
        for one, first, source in zip(made, firsts, given, strict=True)
    ]
    found = SideRows(
        parts=tuple(parts),
        declared={name: said for one in reversed(made) for name, said in one.declared.items()},
        currencies={name: said for one in reversed(made) for name, said in one.currencies.items()},
        zone=next(iter(zones)),
        place=_place(parts, made),
        warnings=tuple(said for one in made for said in one.warnings),
        added=_added(database.columns(connection, side)),
    )
    return found, made


def _read(
    context: Context, connection: duckdb.DuckDBPyConnection, name: str, source: SideSource, texts: frozenset[str]
) -> Relation:
    from procession.actions.reading import loading

    return loading.load(context, connection, WantedRelation(name=name, texts=texts), options_of(source))


def _sha256(context: Context, source: SideSource) -> str:
    """Of the file, for the sheet that people sign; "" where no report is asked for."""
    # Only the report shows it, and it is a pass over the file.
    if context.settings.outputs.report is None:
        return ""
    options = options_of(source)
    if options.table:
        return ""
    given = context.value(references.only([options.file])[0])
    assert isinstance(given, FileInput)
    with Path(given.path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place(parts: Sequence[SourcePart], made: Sequence[Relation]) -> Callable[[int, str], str]:
    def place(row: int, column: str) -> str:
        number = max(n for n, part in enumerate(parts) if part.first <= row)
        at = made[number].place(row - parts[number].first, column)
        return at if len(parts) == 1 else f"{parts[number].file}, {at}"

    return place


def _added(names: Mapping[str, str]) -> dict[str, str]:
    """What an earlier reconciliation added to its open rows."""
    known = {name: next((n for n in (OURS.format(name), name) if n in names), "") for name in ADDED}
    # One of these names alone may be a column of the user's own.
    if not (known[FIRST_OPEN_ON] and known[TIMES_OPEN]):
        return {}
    return {name: found for name, found in known.items() if found}


def _union(
    connection: duckdb.DuckDBPyConnection, side: str, names: list[str], files: list[str], texts: frozenset[str]
) -> None:
    """The sources one below the other, by the names of their columns. Where sources disagree, texts stay as written."""
    types = [_filled_types(connection, name) for name in names]
    days = {column for kinds in types for column, kind in kinds.items() if kind == "DATE"}
    types = [_as_days(connection, name, kinds, days) for name, kinds in zip(names, types, strict=True)]
    _refuse_spellings(side, types, files)
    wanted = {
        column: _common({kinds[column] for kinds in types if column in kinds}) for kinds in types for column in kinds
    }
    unions = [
        ", ".join(f"{_value(connection, name, column, wanted[column], kinds)} AS {quote(column)}" for column in wanted)
        for name, kinds in zip(names, types, strict=True)
    ]
    selects = [
        f"SELECT {chosen} FROM {_with_texts(connection, name)}" for chosen, name in zip(unions, names, strict=True)
    ]
    connection.execute(f"CREATE TABLE {quote(side)} AS {' UNION ALL '.join(selects)}")
    kept = [column for column in wanted if column in texts and wanted[column] != "VARCHAR"]
    if kept:
        written = [
            f"SELECT {', '.join(f'{_text(connection, name, column, kinds)} AS {quote(column)}' for column in kept)} "
            f"FROM {_with_texts(connection, name)}"
            for name, kinds in zip(names, types, strict=True)
        ]
        connection.execute(f"CREATE TABLE {quote(columns.texts_of(side))} AS {' UNION ALL '.join(written)}")
    for name in names:
        database.drop(connection, name)
        connection.execute(f"DROP TABLE IF EXISTS {quote(columns.texts_of(name))}")


def _filled_types(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    """A column that no row fills has no type of its own, whatever the reader called it."""
    types = database.columns(connection, name)
    filled = ", ".join(f"count({quote(column)}) > 0" for column in types)
    row = connection.execute(f"SELECT {filled} FROM {quote(name)}").fetchone()
    assert row is not None
    return {column: kind if has else _NO_VALUES for (column, kind), has in zip(types.items(), row, strict=True)}


def _as_days(
    connection: duckdb.DuckDBPyConnection, name: str, kinds: Mapping[str, str], days: set[str]
) -> dict[str, str]:
    """Moments that are days in truth, where another source has days.

    Else a row that is carried forward would not be the one that its file holds once more.
    """
    found = dict(kinds)
    for column in [column for column, kind in kinds.items() if kind == "TIMESTAMP" and column in days]:
        if database.holds_days(connection, name, column):
            found[column] = "DATE"
    return found


def _refuse_spellings(side: str, types: Sequence[Mapping[str, str]], files: Sequence[str]) -> None:
    """SQL takes "Amount" for "amount"; two sources that differ so would give one column or two, as it happens."""
    seen: dict[str, tuple[str, str]] = {}
    for kinds, file in zip(types, files, strict=True):
        for column in kinds:
            first, where = seen.setdefault(column.casefold(), (column, file))
            if first != column:
                raise Problem(
                    f'the {side} side has the column "{first}" in {where} and "{column}" in {file}: '
                    "give both the same name by columns"
                )


def _common(kinds: set[str]) -> str:
    """One type for all; texts where they differ in more than their digits."""
    found = kinds - {_NO_VALUES}
    if len(found) < 2:
        return next(iter(found), "VARCHAR")
    if all(kind.startswith("DECIMAL") or kind in {"BIGINT", "HUGEINT", "INTEGER"} for kind in found):
        # All decimals that there are: an amount of more than ten is refused, and must not be rounded before.
        return f"DECIMAL(38,{max([_DECIMALS_MIN, *(int(size[1]) for size in map(_DECIMAL.match, found) if size)])})"
    return "VARCHAR"


def _value(connection: duckdb.DuckDBPyConnection, name: str, column: str, wanted: str, kinds: Mapping[str, str]) -> str:
    if not kinds.get(column):
        return f"NULL::{wanted}"
    if wanted == "VARCHAR":
        return _text(connection, name, column, kinds)
    return f"CAST(t.{quote(column)} AS {wanted})"


def _text(connection: duckdb.DuckDBPyConnection, name: str, column: str, kinds: Mapping[str, str]) -> str:
    """The column as its file writes it, as far as that is known."""
    if not kinds.get(column):
        return "NULL::VARCHAR"
    if column in _texts(connection, name):
        return f"w.{quote(column)}"
    text = f"CAST(t.{quote(column)} AS VARCHAR)"
    return (
        f"rtrim(rtrim({text}, '0'), '.')"
        if kinds[column].startswith("DECIMAL") and ",0)" not in kinds[column]
        else text
    )


def _texts(connection: duckdb.DuckDBPyConnection, name: str) -> Mapping[str, str]:
    known = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    return database.columns(connection, columns.texts_of(name)) if columns.texts_of(name) in known else {}


def _with_texts(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    if not _texts(connection, name):
        return f"{quote(name)} t"
    return f"{quote(name)} t POSITIONAL JOIN {quote(columns.texts_of(name))} w"


def sources_in_words(parts: Sequence[SourcePart]) -> Iterator[str]:
    """Each source with its rows, for people."""
    yield from (f"{part.file} ({part.rows:,} row{'s' if part.rows != 1 else ''})" for part in parts)

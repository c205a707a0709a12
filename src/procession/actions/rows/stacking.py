"""Rows of several files one below the other, by the names of their columns and only where these are of one kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.rows import kinds

if TYPE_CHECKING:
    import duckdb

    from procession.actions.reading.columns import Relation

_FILES_NAMED = 3  # in a warning


@dataclass(slots=True, kw_only=True)
class _Known:
    """A column, as the first file that has values in it has it. `wanted` is the type of all its numbers, if any is."""

    name: str
    type: str
    file: str
    wanted: str = ""


def stack(connection: duckdb.DuckDBPyConnection, name: str, parts: Mapping[str, str]) -> list[str]:
    """Makes the table `name` of the parts, a relation and its file each, which then go; gives what to warn of.

    Raises Problem for a column that is of one kind here and of another there: DuckDB would make texts of both, and
    1.10 would become 1.1000.
    """
    columns = {part: database.columns(connection, part) for part in parts}
    days = {column.lower() for types in columns.values() for column, type_ in types.items() if type_ == "DATE"}
    for part, types in columns.items():
        for column in [column for column, type_ in types.items() if type_ == "TIMESTAMP" and column.lower() in days]:
            # Beside days of a file, those of a managed table are days again.
            types[column] = "DATE" if database.holds_days(connection, part, column) else "TIMESTAMP"
    empty = {part: _empty(connection, part, columns[part]) for part in parts}
    known: dict[str, _Known] = {}
    # The first file with a value in a column says what it is; all others must agree.
    for part, file in parts.items():
        for column, type_ in columns[part].items():
            if column not in empty[part]:
                first = known.setdefault(column.lower(), _Known(name=column, type=type_, file=file))
                _refuse_unlike(first, column, type_, file)
    # Told and not refused: banks add columns, and last month's file lacks them.
    warnings = [*_lacking(parts, columns)]
    _agree_on_decimals(known, columns, empty)
    shown = (_select(part, columns[part], empty[part], known) for part in parts)
    connection.execute(f"CREATE TABLE {quote(name)} AS {' UNION ALL BY NAME '.join(shown)}")
    # Twice the rows would count against the step's memory.
    for part in parts:
        database.drop(connection, part)
    return warnings


def refuse_currencies(parts: Sequence[Relation]) -> None:
    """Raises Problem for a column of Money that is in one currency here and in another there.

    Each file has said its own with its amounts, of which only the numbers are kept.
    """
    known: dict[str, tuple[str, str]] = {}
    for part in parts:
        for column, currency in part.currencies.items():
            first, file = known.setdefault(column.lower(), (currency, part.file))
            if currency != first:
                raise Problem(
                    f'the column "{column}" is in {first} in {file} and in {currency} in {part.file}; '
                    "a column of Money has one currency"
                )


def as_one(parts: Sequence[Relation]) -> Relation:
    """What is known of several that were put below each other, for words about them."""
    notes, currencies = dict[str, str](), dict[str, str]()
    for part in reversed(parts):
        notes.update(part.notes)
        currencies.update(part.currencies)
    files, rows = _files([part.file for part in parts]), sum(part.rows for part in parts)
    # What was said of each has been said, and where a cell is, nobody asks of all together.
    return replace(parts[0], file=files, rows=rows, notes=notes, currencies=currencies, warnings=(), remarks=())


def _empty(connection: duckdb.DuckDBPyConnection, part: str, columns: Mapping[str, str]) -> frozenset[str]:
    """Columns without a value, whose type says nothing."""
    counts = ", ".join(f"count({quote(column)})" for column in columns)
    row = connection.execute(f"SELECT {counts} FROM {quote(part)}").fetchone()
    assert row is not None
    return frozenset(column for column, count in zip(columns, row, strict=True) if count == 0)


def _refuse_unlike(first: _Known, column: str, type_: str, file: str) -> None:
    one, other = kinds.of(first.type), kinds.of(type_)
    if one is not other:
        raise Problem(
            f'the column "{column}" is {one.value} in {first.file} and {other.value} in {file}; '
            "say its type under columns of both"
        )


def _agree_on_decimals(
    known: Mapping[str, _Known], columns: Mapping[str, Mapping[str, str]], empty: Mapping[str, frozenset[str]]
) -> None:
    for key, first in known.items():
        types = [
            type_
            for part, own in columns.items()
            for column, type_ in own.items()
            if column.lower() == key and column not in empty[part]
        ]
        first.wanted = kinds.with_all_decimals(types)


def _select(part: str, columns: Mapping[str, str], empty: frozenset[str], known: Mapping[str, _Known]) -> str:
    chosen = []
    for column, type_ in columns.items():
        first = known.get(column.lower())
        # An empty column comes as text, and would make texts of the amounts in other files.
        value = f"CAST(NULL AS {first.type})" if first is not None and column in empty else quote(column)
        wanted = type_ if type_ == "DATE" else first.wanted if first is not None else ""
        if wanted and column not in empty:
            value = f"CAST({value} AS {wanted})"
        chosen.append(f"{value} AS {quote(first.name if first is not None else column)}")
    return f"SELECT {', '.join(chosen)} FROM {quote(part)}"


def _lacking(parts: Mapping[str, str], columns: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Columns that not every file has: their cells are empty in the rows of the others."""
    names = {part: {column.lower(): column for column in columns[part]} for part in parts}
    # From the last file to the first, so that the first one's spelling is told.
    every = {key: column for part in reversed(list(parts)) for key, column in names[part].items()}
    for key, column in every.items():
        without = [parts[part] for part in parts if key not in names[part]]
        if without:
            yield f'{_files(without)} {"has" if len(without) == 1 else "have"} no column "{column}"'


def _files(names: Sequence[str]) -> str:
    left = len(names) - _FILES_NAMED
    return " and ".join([*names[:_FILES_NAMED], *([f"{left:,} more files"] if left > 1 else names[_FILES_NAMED:])])

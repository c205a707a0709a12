"""Kinds of columns, in the user's words: what can be added, compared and put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum

from procession.actions import values
from procession.actions.problems import Problem
from procession.actions.sql.sql_complaints import listed
from procession.model.nearest import nearest

_WHOLE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?\Z")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)\Z")
_DIGITS_MAX = 38


class ValueKind(Enum):
    """The value is how a message calls it."""

    NUMBER = "a number"
    BINARY = "a binary number"  # DOUBLE of a Parquet file: no amount
    TEXT = "text"
    DATE = "a date"
    MOMENT = "a moment"
    ZONED = "a moment with a zone"
    TRUTH = "true or false"
    OTHER = "of another kind"


_KINDS = {
    "DOUBLE": ValueKind.BINARY,
    "FLOAT": ValueKind.BINARY,
    "VARCHAR": ValueKind.TEXT,
    "DATE": ValueKind.DATE,
    "TIMESTAMP": ValueKind.MOMENT,
    "TIMESTAMP_NS": ValueKind.MOMENT,
    "TIMESTAMP WITH TIME ZONE": ValueKind.ZONED,
    "BOOLEAN": ValueKind.TRUTH,
}


def of(type_: str) -> ValueKind:
    """The kind of a DuckDB type."""
    if type_.startswith("DECIMAL") or _WHOLE.match(type_):
        return ValueKind.NUMBER
    return _KINDS.get(type_, ValueKind.OTHER)


def with_all_decimals(types: Iterable[str]) -> str:
    """The type for numbers of these types together; empty where DuckDB's own choice keeps each of them.

    Where 38 digits are too few for all that may be there it gives decimals up: 1.2345 becomes 1.23 beside a
    DECIMAL(38,2), and every sum of amounts is such a one. With this type, what does not fit is an error.
    """
    sizes = [(int(found[1]), int(found[2])) for type_ in types if (found := _DECIMAL.match(type_))]
    scale = max((scale for _, scale in sizes), default=0)
    before = max((width - scale for width, scale in sizes), default=0)
    return f"DECIMAL({_DIGITS_MAX},{scale})" if before + scale > _DIGITS_MAX else ""


def in_words(cells: Iterable[object], *, none: str = "empty") -> str:
    """Cells of a row, for a message."""
    return ", ".join(none if cell is None else _in_words(cell) for cell in cells)


def _in_words(cell: object) -> str:
    return f"{values.trimmed(cell):f}" if isinstance(cell, Decimal) else str(cell)


def as_text(sql: str, type_: str) -> str:
    """SQL of a value as people write it: 4000 of a Number, and not the ten zeros that its type adds."""
    text = f"CAST({sql} AS VARCHAR)"
    is_padded = type_.startswith("DECIMAL") and not type_.endswith(",0)")
    return f"rtrim(rtrim({text}, '0'), '.')" if is_padded else text


def column(columns: Iterable[str], wanted: str, where: str) -> str:
    """The column of that name, in any case, as it is written. Raises Problem naming those that there are."""
    # In any case, as SQL takes them: a heading that changed to capitals is the same column.
    names = list(columns)
    by_name = {name.lower(): name for name in names}
    if (found := by_name.get(wanted.lower())) is not None:
        return found
    near = nearest(wanted.lower(), by_name)
    meant = f', did you mean "{by_name[near]}"?' if near else "; there are:"
    raise Problem(f'{where}: there is no column "{wanted}"{meant} {"" if near else listed(names)}'.rstrip())


def require(columns: Mapping[str, str], wanted: str, kind: ValueKind, where: str) -> str:
    """The same for a column that must be of this kind. Raises Problem."""
    found = column(columns, wanted, where)
    if of(columns[found]) is not kind:
        raise Problem(f'{where}: the column "{found}" is {of(columns[found]).value}, and {kind.value} is wanted here')
    return found

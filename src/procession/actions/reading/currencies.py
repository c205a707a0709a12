"""The currency that texts of a Money column name. The number alone is kept, so a column has one currency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading.cells import RELATION, Cells, Kind
from procession.actions.reading.fitting import Declared

if TYPE_CHECKING:
    import duckdb


def find(
    connection: duckdb.DuckDBPyConnection, cells: Cells, columns: Mapping[str, Declared], intro: str = ""
) -> dict[str, str]:
    """By name, the currency of each column that has one. Raises Problem, behind `intro`, where there are several.

    A text that is no amount names none.
    """
    found: dict[str, str] = {}
    for name, column in columns.items():
        if column.type != "Money" or Kind.TEXT not in column.kinds:
            continue
        firsts = connection.execute(
            f"SELECT {_named(column.text)} AS currency, min(rowid) FROM {quote(RELATION)} "
            f"WHERE regexp_matches({column.text}, '[A-Z€$£¥]') AND {column.value} IS NOT NULL "
            "GROUP BY currency ORDER BY min(rowid) LIMIT 2"
        ).fetchall()
        if len(firsts) > 1:
            said = " and ".join(f"{currency} ({cells.place(row, column.number)})" for currency, row in firsts)
            raise Problem(
                f'{intro}the column "{column.heading}" holds several currencies: {said}; a column of Money has one'
            )
        if firsts:
            found[name] = firsts[0][0]
    return found


def _named(text: str) -> str:
    """SQL of the currency in a text; a code says more than a symbol beside it."""
    symbol = f"replace(replace(regexp_extract({text}, '[€$£¥]'), '€', 'EUR'), '£', 'GBP')"
    return f"coalesce(nullif(regexp_extract({text}, '[A-Z]{{3}}'), ''), {symbol})"

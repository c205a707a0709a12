"""Control totals: what the columns of amounts of a relation add up to, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions import database, values
from procession.actions.database import quote
from procession.model.figures import Figure

if TYPE_CHECKING:
    import duckdb

# As figures in and out: a step keeps at most 200.
COLUMNS_MAX = 90
_NAME_CHARACTERS_MAX = 180  # with the prefix, less than a figure's name may have


def of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, Decimal]:
    """The total of each column of amounts; none of a column whose total has more than 38 digits."""
    import duckdb

    # Exact types only: the sum of binary numbers depends on the order in which threads add them.
    amounts = [name for name, type_ in database.columns(connection, relation).items() if type_.startswith("DECIMAL")]
    try:
        return _of(connection, relation, amounts)
    except duckdb.OutOfRangeException:
        # Long numbers of documents, declared as Number: nobody wants their sum, and the step is right without it.
        found = dict[str, Decimal]()
        for name in amounts:
            with suppress(duckdb.OutOfRangeException):
                found |= _of(connection, relation, [name])
        return found


def _of(connection: duckdb.DuckDBPyConnection, relation: str, amounts: Sequence[str]) -> dict[str, Decimal]:
    if not amounts:
        return {}
    sums = ", ".join(f"coalesce(sum({quote(name)}), 0)" for name in amounts)
    row = connection.execute(f"SELECT {sums} FROM {quote(relation)}").fetchone()
    assert row is not None
    return {name: Decimal(str(total)) for name, total in zip(amounts, row, strict=True)}


def figures(found: Mapping[str, Decimal], prefix: str) -> dict[str, Figure]:
    """The same as figures of a step, such as total_out.amount."""
    named = list(found.items())[:COLUMNS_MAX]
    return {f"{prefix}.{name}": values.trimmed(total) for name, total in named if len(name) <= _NAME_CHARACTERS_MAX}

"""Values that stand where nothing was found: exactly what their column takes, or refused."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions.contract import FileInput, InputValue, TableInput
from procession.actions.problems import Problem
from procession.actions.rows import kinds
from procession.actions.rows.kinds import ValueKind

if TYPE_CHECKING:
    import duckdb


def fitting(
    connection: duckdb.DuckDBPyConnection, default: InputValue, name: str, type_: str, where: str
) -> str | None:
    """The default as a text that CAST makes the value of its column, None for no value. Raises Problem.

    DuckDB would round 0.5 to 1 for a column of whole numbers.
    """
    kind = kinds.of(type_)
    # A file would be written as the place where the server keeps it.
    if isinstance(default, FileInput | TableInput):
        raise Problem(f'{where}: {default.called} is no value of "{name}"')
    # As everywhere an empty text is no value: a field of the designer that somebody emptied holds it.
    if default == "" and kind is not ValueKind.TEXT:
        return None
    wrong = Problem(f'{where}: "{default}" is no value of "{name}", which is {kind.value}')
    if kind is ValueKind.TEXT:
        if not isinstance(default, str):
            raise wrong
        return default
    if kind is ValueKind.NUMBER and not (isinstance(default, int | Decimal) and not isinstance(default, bool)):
        raise wrong
    row = connection.execute(f"SELECT CAST(TRY_CAST($d AS {type_}) AS VARCHAR)", {"d": str(default)}).fetchone()
    if row is None or row[0] is None or (kind is ValueKind.NUMBER and Decimal(row[0]) != Decimal(str(default))):
        raise wrong
    return str(default)

"""The first of a client's rows, as they would be in the table, beside what the records hold that they would change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.tables import conversion, sources
from procession.actions.tables.contract import RowsSettings, Sample, SampleRow
from procession.actions.tables.requests import SentRows
from procession.actions.tables.sources import RECORD

if TYPE_CHECKING:
    import duckdb

NUMBER = "n"  # of the row in the request, from 1
TYPED, MATCHED = "typed", "matched"  # relations: the given rows in their types; which of them change which records


def take(connection: duckdb.DuckDBPyConnection, rows: SentRows, settings: RowsSettings) -> Sample:
    """Rows that change a record come first: these are what a mistake would cost."""
    texts = ", ".join(f"{conversion.to_text(column, f't.f{column.field}')}" for column in rows.columns)
    found = connection.execute(
        f"SELECT t.{NUMBER}, m.record, {texts} FROM {TYPED} t LEFT JOIN {MATCHED} m ON m.{NUMBER} = t.{NUMBER}"
        f" ORDER BY m.record IS NULL, t.{NUMBER} LIMIT {settings.sample}"
    ).fetchall()
    before = _present(connection, rows, settings, [row[1] for row in found if row[1] is not None])
    return Sample(
        columns=tuple(column.name for column in rows.columns),
        rows=tuple(
            SampleRow(number=number, record=record, values=tuple(values), before=before.get(record))
            for number, record, *values in found
        ),
    )


def _present(
    connection: duckdb.DuckDBPyConnection, rows: SentRows, settings: RowsSettings, records: Iterable[int]
) -> dict[int | None, tuple[str | None, ...]]:
    """What these records hold, by their ids."""
    ids = ", ".join(str(int(record)) for record in records)
    if not ids:
        return {}
    texts = ", ".join(conversion.to_text(column, quote(column.name)) for column in rows.columns)
    source = sources.rows_of(connection, settings.contents.columns, settings.contents.parts)
    found = connection.execute(f"SELECT {RECORD}, {texts} FROM {source} WHERE {RECORD} IN ({ids})").fetchall()
    return {int(record): tuple(values) for record, *values in found}

"""A table's files as one relation: the same rows by whatever layout, and as many as there are for whoever plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from procession.actions.database import literal, quote
from procession.actions.tables import sources
from procession.actions.tables.contract import PartFile
from procession.actions.tables.sources import LAYOUTS_MAX
from procession.model.columns import RECORD_COLUMN, Column, ColumnType

if TYPE_CHECKING:
    import duckdb

AMOUNT = Column(field=2, name="Amount", type=ColumnType.MONEY)
REGION = Column(field=3, name="Region", type=ColumnType.TEXT, length=10, initial="none", default="none")
ROWS = 1_000


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    with duckdb.connect() as made:
        yield made


def part(connection: Any, folder: Path, first: int, columns: tuple[Column, ...]) -> PartFile:
    """A file of ROWS rows, as a job writes it."""
    values = {1: "i", 2: "(i / 2)::DECIMAL(19,4)", 3: "'r' || i"}
    shown = ", ".join(f"{values.get(one.field, 'NULL::VARCHAR')} AS {quote(one.name)}" for one in columns)
    path = folder / f"{first}.parquet"
    query = f"SELECT {shown} FROM range({first}, {first + ROWS}) t(i)"
    _, count = sources.write(connection, query, columns, path)
    return PartFile(number=first, path=str(path), rows=count)


def test_each_file_is_planned_for_as_many_rows_as_it_has(connection: Any, tmp_path: Path) -> None:
    """Taken for one row each, five million were built into memory beside the hundred that were looked up."""
    columns = (RECORD_COLUMN, AMOUNT, REGION)
    parts = [part(connection, tmp_path, first, columns) for first in (1, 5_001)]
    relation = sources.rows_of(connection, columns, parts)

    (told,) = connection.execute(f"EXPLAIN SELECT * FROM {relation}").fetchall()

    assert "~2,000 rows" in told[1], told[1]


def test_files_of_several_layouts_give_what_the_version_says(connection: Any, tmp_path: Path) -> None:
    parts = [
        # Of before the column, of before it was renamed, and of now.
        part(connection, tmp_path, 1, (RECORD_COLUMN, replace(AMOUNT, name="Net"))),
        part(connection, tmp_path, 2_001, (RECORD_COLUMN, replace(REGION, name="Amount"), replace(AMOUNT, name="Net"))),
        part(connection, tmp_path, 4_001, (RECORD_COLUMN, AMOUNT, REGION)),
    ]
    columns = (RECORD_COLUMN, AMOUNT, REGION)

    relation = sources.rows_of(connection, columns, parts, with_path=True)

    query = f"SELECT *, {quote(sources.PATH)} AS p FROM {relation} WHERE _Record_ID IN (10, 2010, 4010) ORDER BY 1"
    found = [(row[0], row[1], row[2], row[-1]) for row in connection.execute(query).fetchall()]
    assert found == [
        (10, Decimal("5.0000"), "none", parts[0].path),
        (2_010, Decimal("1005.0000"), "r2010", parts[1].path),
        (4_010, Decimal("2005.0000"), "r4010", parts[2].path),
    ]
    assert connection.execute(f"SELECT count(*) FROM {relation}").fetchone() == (3 * ROWS,)


def test_a_column_of_another_type_is_read_as_the_version_says(connection: Any, tmp_path: Path) -> None:
    made = part(connection, tmp_path, 1, (RECORD_COLUMN, AMOUNT))
    as_number = replace(AMOUNT, type=ColumnType.NUMBER)

    relation = sources.rows_of(connection, (RECORD_COLUMN, as_number), [made])

    assert connection.execute(f"SELECT typeof(Amount), Amount FROM {relation} WHERE _Record_ID = 3").fetchone() == (
        "DECIMAL(38,10)",
        Decimal("1.5"),
    )


def test_many_layouts_are_one_select(connection: Any, tmp_path: Path) -> None:
    """Of 500 columns each is a statement of 30 kB."""
    parts = [
        part(connection, tmp_path, 1 + number * ROWS, (RECORD_COLUMN, replace(AMOUNT, name=f"a{number}")))
        for number in range(LAYOUTS_MAX + 1)
    ]

    relation = sources.rows_of(connection, (RECORD_COLUMN, AMOUNT), parts)

    assert relation.count("SELECT") == 1
    total = connection.execute(f"SELECT count(*), sum(Amount) FROM {relation}").fetchone()
    count = ROWS * len(parts)
    assert total == (count, Decimal(count * (count + 1)) / 4)


def test_a_name_with_a_quote_is_a_name(connection: Any, tmp_path: Path) -> None:
    odd = replace(AMOUNT, name="a \"b\" 'c'")
    made = part(connection, tmp_path, 1, (RECORD_COLUMN, odd))

    relation = sources.rows_of(connection, (RECORD_COLUMN, odd), [made])

    assert connection.execute(f"SELECT sum({quote(odd.name)}) FROM {relation}").fetchone() == (Decimal("250250"),)
    assert literal(made.path) in relation

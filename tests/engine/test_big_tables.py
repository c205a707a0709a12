"""A table of a million rows is changed within the memory of a table job, whose joins are planned for what there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from procession.actions.tables.contract import Mode
from procession.model.ids import TableId
from procession.operations import table_rows
from tests.engine import tables
from tests.engine.world import World

pytestmark = pytest.mark.thorough

ROWS = 1_000_000
KINDS: dict[str, Any] = {
    **{"Month": "FixedLengthText", "Account": "FixedLengthText", "Ref": "FixedLengthText", "Amount": "Money"},
    **{"Rate": "Number", "Day": "Datetime", "Open": "TrueFalse", "Text": "FixedLengthText", "Seven": "Number"},
}
QUERY = f"""SELECT '2026-' || lpad((i % 12 + 1)::VARCHAR, 2, '0') AS Month, 'A' || (i % 9973) AS Account,
    i::VARCHAR AS Ref, (i % 1000000 / 100)::DECIMAL(19, 4) AS Amount, (i * 1.5)::DECIMAL(38, 10) AS Rate,
    TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND AS Day, i % 3 = 0 AS Open, 'the text of line ' || i AS Text,
    (i % 17)::DECIMAL(38, 10) AS Seven FROM range({ROWS}) t(i)"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with tables.world_with_workers(tmp_path_factory.mktemp("big")) as made:
        yield made


def written(world: World, table: TableId, query: str, mode: Mode = "append", key: str = "") -> int:
    """How many rows the table has then."""
    with world.resources.table_workers.temporary_folder() as place:
        path = Path(place) / "rows.parquet"
        duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        request = table_rows.RowsRequest(path=path, format="parquet", mode=mode, key=(key,) if key else ())
        return table_rows.write(tables.work(world), table, request).present.version.rows


def test_a_month_of_a_million_rows_is_replaced_and_a_tenth_of_them_changed(world: World) -> None:
    """It "needs more memory than it may use": all that stayed was built into memory beside the month."""
    table = tables.make(world, "Ledger", **KINDS)

    assert written(world, table, QUERY) == ROWS
    assert written(world, table, f"SELECT * FROM ({QUERY}) WHERE Month = '2026-03'", "replace_where", "Month") == ROWS
    changed = f"SELECT Ref, (Amount + 1)::DECIMAL(19, 4) AS Amount FROM ({QUERY}) WHERE Seven < 2"
    assert written(world, table, changed, "upsert", "Ref") == ROWS

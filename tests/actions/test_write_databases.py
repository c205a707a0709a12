"""write_database into every kind of database alike: rows as the mode says, and the same again is the same."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions import mariadb, test_write_database, test_write_mariadb
from tests.actions.test_write_mariadb import WrittenMaria
from tests.actions.written import AFTER, MODES, NEW_ROWS, Written, parquet, rows_of


@pytest.fixture(params=["postgres", pytest.param("mariadb", marks=mariadb.needed)])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Written:
    server = request.getfixturevalue(request.param)
    if request.param == "postgres":
        return Written(server, tmp_path, test_write_database.LEDGER)
    return WrittenMaria(server, tmp_path, test_write_mariadb.LEDGER + test_write_mariadb.FIRST)


@pytest.mark.parametrize("mode", MODES)
def test_rows_are_written_as_the_mode_says(written: Written, mode: str) -> None:
    played = written.write(rows_of(mode), **MODES[mode])

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert written.rows() == AFTER[mode]
    gone = ", 2 before them replaced" if mode == "replace_where" else ""
    assert played.outcome.message == f'2 rows written to {written.into} of the connection "erp"{gone}'


@pytest.mark.parametrize("mode", ["upsert", "replace_where", "batch"])
def test_the_same_again_is_the_same(written: Written, mode: str) -> None:
    for _ in range(2):
        assert written.write(rows_of(mode), **MODES[mode]).outcome.status is StepStatus.SUCCESS

    assert written.rows() == AFTER[mode]


def test_a_batch_is_marked_with_its_run_and_step_and_replaces_only_its_own(written: Written) -> None:
    written.write(NEW_ROWS, **MODES["batch"])
    written.write(b"entry,account,amount\n6,0420,1\n", **MODES["batch"])

    assert written.rows(f"SELECT entry, batch FROM {written.into} WHERE batch IS NOT NULL") == [(6, "pr-1/as-1")]
    assert len(written.rows()) == 4


def test_many_rows_are_written_and_counted(written: Written) -> None:
    rows = parquet(
        "SELECT n::INTEGER AS entry, 'a' AS account, (n / 4)::DECIMAL(19,4) AS amount FROM range(10, 25010) t(n)"
    )

    played = written.write(rows, mode="append")

    assert played.outcome.message == f'25,000 rows written to {written.into} of the connection "erp"'
    sql = f"SELECT count(*), sum(amount) FROM {written.into} WHERE entry > 9"
    assert written.rows(sql) == [(25_000, Decimal(sum(range(10, 25_010))) / 4)]

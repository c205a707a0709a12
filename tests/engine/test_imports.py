"""import_table on managed tables: a month imported twice, rejects of a step that fails, files that were appended before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.model.ids import RunId, TableId
from procession.model.lifecycle import StepStatus
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import data, item, process
from tests.engine.test_step_tables import ended, workers
from tests.engine.world import World

__all__ = ["workers"]  # a fixture

JANUARY = "account,amount\n0400,120.00\n0410,-11.90\n"
COLUMNS = {"account": {"type": "Text"}, "amount": {"type": "Money"}}


@pytest.fixture
def world(tmp_path: Path, workers: Any) -> Iterator[World]:
    made = World(tmp_path, isolation=OPEN, workers=workers)
    made.engine.start()
    yield made
    made.close()


def ledger(world: World) -> TableId:
    return managed.make(world, "Ledger", account="FixedLengthText", amount="Money", period="FixedLengthText")


def importing(mode: str, name: str = "Importing") -> str:
    key = {"key": ["period"]} if mode == "replace_where" else {}
    settings = {
        "source": "${d.file}",
        "columns": COLUMNS,
        "add": {"period": "${d.period}"},
        "output": {"to": "${table:Ledger}", "mode": mode, **key},
        "rejects": {"to": "${d.rejects}"},
    }
    inputs = data(
        "d", item("file", "File", "INPUT"), item("period", "String", "INPUT"), item("rejects", "File", "NONE")
    )
    return process(inputs, {"action": "import_table", "name": "i", "key": "add", "with": settings}, name=name)


def imported(world: World, mode: str, content: str = JANUARY, period: str = "01") -> tuple[RunId, StepStatus, str]:
    run = world.create(world.apply(importing(mode)), {"d.period": period}).id
    path = world.home / "bank.csv"
    path.write_text(content)
    world.upload(run, "d.file", path)
    world.start(run)
    return (run, *ended(world, run))


def rows(world: World, table: TableId) -> list[tuple[str, str, str]]:
    return [(row["account"], str(row["amount"]), row["period"]) for row in managed.rows(world, table)]


def test_a_month_that_is_imported_twice_is_there_once_and_other_months_stay(world: World) -> None:
    table = ledger(world)

    for content, period in ((JANUARY, "01"), (JANUARY, "02"), (JANUARY + "0420,5\n", "01")):
        _, status, message = imported(world, "replace_where", content, period)
        assert status is StepStatus.SUCCESS, message

    assert sorted(rows(world, table)) == [
        ("0400", "120", "01"),
        ("0400", "120", "02"),
        ("0410", "-11.9", "01"),
        ("0410", "-11.9", "02"),
        ("0420", "5", "01"),
    ]


def test_a_file_that_was_appended_before_is_a_warning_until_its_rows_are_replaced(world: World) -> None:
    table = ledger(world)
    first = imported(world, "append")
    version = managed.version(world, table)

    second = imported(world, "append")
    other = imported(world, "append", JANUARY + "0420,5\n")
    replaced = imported(world, "replace")
    after = imported(world, "append", JANUARY)

    assert first[1] is StepStatus.SUCCESS
    assert second[1] is StepStatus.WARNING
    told = f'bank.csv was in a run that appended rows to the table "Ledger" before (version {version})'
    assert told in second[2]
    assert [one[1] for one in (other, replaced, after)] == [StepStatus.SUCCESS] * 3
    assert len(rows(world, table)) == 4


def test_too_many_rejects_write_no_row_of_a_table_and_are_kept(world: World) -> None:
    table = ledger(world)

    run, status, message = imported(world, "append", JANUARY + "0420,x\n")

    assert status is StepStatus.FAILED
    assert "1 row does not fit the columns (bank.csv, line 4" in message
    assert rows(world, table) == []
    assert world.value(run, "d.rejects") == (
        b'file,line,column,value,reason\nbank.csv,4,amount,x,"is not Money (at most 15 digits and 4 decimals; decimal '
        b'mark ""."")"\n'
    )

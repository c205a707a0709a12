"""What people reported of tables that jobs write, in other software, tried on ours; each with its report."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.model.ids import TableId
from procession.model.lifecycle import StepStatus
from procession.operations import tables
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import data, item, process
from tests.engine.test_step_tables import ended, ledger, sql, workers
from tests.engine.test_table_writes import READ, amounts, to, writing
from tests.engine.world import World

__all__ = ["workers"]  # a fixture


@pytest.fixture
def world(tmp_path: Path, workers: Any) -> Iterator[World]:
    made = World(tmp_path, isolation=OPEN, workers=workers)
    made.engine.start()
    yield made
    made.close()


def months(world: World) -> TableId:
    rows = ({"month": "05", "amount": 1}, {"month": "06", "amount": 2})
    return managed.make(world, "Ledger", *rows, month="FixedLengthText", amount="Money", note="FixedLengthText")


def once(work: Any) -> Any:
    """Does it the first time only."""
    done = threading.Event()

    def maybe() -> None:
        if not done.is_set():
            done.set()
            work()

    return maybe


def test_a_commit_that_lost_a_race_keeps_every_table_of_the_step(world: World) -> None:
    """estuary/connectors#4751, turbolytics/sql-flow#208: the retry used the stale table, and failed for good."""
    first, second = ledger(world, 1), managed.make(world, "Other", amount="Money")
    outputs = {"a": to("append"), "b": to("append", name="Other")}
    world.tables.after_prepare = once(lambda: managed.write(world, second, [{"amount": 77}]))
    code = "CREATE TABLE a AS SELECT 5 AS amount; CREATE TABLE b AS SELECT 6 AS amount"

    run = world.begin(process(sql("add", code, {}, outputs)))

    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert (amounts(world, first), amounts(world, second)) == ([1, 5], [77, 6])


def test_an_append_that_was_late_adds_its_rows_once(world: World) -> None:
    """redpanda-data/connect#4591: the files of a first try were registered twice."""
    table = ledger(world, 1)
    world.tables.after_prepare = once(lambda: managed.write(world, table, [{"amount": 77}]))

    run = world.begin(writing("SELECT 5 AS amount", "append"))

    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert amounts(world, table) == [1, 77, 5]
    with world.db.read() as tx:
        contents = [part.content.sha256 for part in tables.snapshot(tx, table).parts]
    assert len(contents) == len(set(contents))


def test_an_append_to_a_table_that_was_replaced_meanwhile_does_not_bring_old_rows_back(world: World) -> None:
    """delta-io/delta#550, Altinity/ice#158."""
    table = ledger(world, 1)
    world.tables.after_prepare = once(lambda: managed.write(world, table, [{"amount": 77}], mode="replace"))

    run = world.begin(writing("SELECT 5 AS amount", "append"))

    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert amounts(world, table) == [77, 5]


def test_two_that_replace_the_rows_of_one_key_leave_those_of_one(world: World) -> None:
    """delta-io/delta-rs#3622: the second took away what the first had added to other keys, too."""
    table = months(world)
    rows = [{"month": "06", "amount": 8}, {"month": "07", "amount": 9}]
    world.tables.after_prepare = once(lambda: managed.write(world, table, rows, "replace_where", ["month"]))

    run = world.begin(writing("SELECT '06' AS month, 3 AS amount, 'x' AS note", "replace_where", "month"))

    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert sorted((row["month"], row["amount"]) for row in managed.rows(world, table)) == [
        ("05", 1),
        ("06", 3),
        ("07", 9),
    ]


@pytest.mark.parametrize("mode", ["upsert", "replace_where"])
def test_a_key_without_a_value_is_refused_and_not_added_again(world: World, mode: str) -> None:
    """dbt-labs/dbt-core#7873, dbt-labs/dbt-core#5691, dbt-labs/dbt-adapters#159: each run added it once more."""
    table = months(world)

    run = world.begin(writing("SELECT NULL::VARCHAR AS month, 3 AS amount, 'x' AS note", mode, "month"))

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert 'row 1, "month"' in message
    assert len(managed.rows(world, table)) == 2


def test_a_key_that_comes_twice_in_an_upsert_is_refused_with_its_row(world: World) -> None:
    """dbt-labs/dbt-core#1556, dbt-labs/dbt-core#10432: "duplicate row", and which nobody knew."""
    months(world)
    text = "SELECT '06' AS month, unnest([3, 4]) AS amount"

    run = world.begin(writing(text, "upsert", "month"))

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert "row 2 has the same key as a row before it" in message


def test_a_column_that_the_table_lacks_is_refused(world: World) -> None:
    """databricks/dbt-databricks#567: it was dropped, and no error occurred."""
    months(world)

    run = world.begin(writing("SELECT '06' AS month, 3 AS amount, 1 AS rate", "append"))

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert 'has no column "rate"' in message


@pytest.mark.parametrize(("mode", "key"), [("replace", ()), ("replace_where", ("month",))])
def test_a_column_that_the_new_rows_lack_is_told(world: World, mode: str, key: tuple[str, ...]) -> None:
    """dbt-labs/dbt-core#1132, dbt-labs/docs.getdbt.com#9755: its values were lost in silence."""
    months(world)

    run = world.begin(writing("SELECT '06' AS month, 3 AS amount", mode, *key))

    status, message = ended(world, run)
    assert status is StepStatus.WARNING
    assert 'the new rows do not name "note", which get no value' in message


def test_a_replacement_by_no_rows_empties_the_table_and_says_so(world: World) -> None:
    """apache/hudi#9811, apache/tajo#254, apache/carbondata#1838: the old rows stayed."""
    table = ledger(world, 1)
    text = "SELECT amount FROM ledger WHERE amount > 5"

    run = world.begin(process(sql("add", text, READ, {"result": to("replace")})))

    assert (ended(world, run)[0], managed.rows(world, table)) == (StepStatus.WARNING, [])
    assert '0 rows for the table "Ledger": it is empty now' in ended(world, run)[1]


def test_no_rows_for_a_key_replace_none_and_that_is_told(world: World) -> None:
    """apache/paimon#9353: nothing was deleted, and nothing was said."""
    table = months(world)
    text = "SELECT month, amount, note FROM ledger WHERE amount > 5"

    run = world.begin(process(sql("add", text, READ, {"result": to("replace_where", "month")})))

    assert (ended(world, run)[0], len(managed.rows(world, table))) == (StepStatus.WARNING, 2)
    assert '0 rows for the table "Ledger": none of its rows was replaced' in ended(world, run)[1]


def test_a_step_that_expects_no_rows_is_not_warned_of_none(world: World) -> None:
    ledger(world, 1)
    step = sql("add", "SELECT amount FROM ledger WHERE amount > 5", READ, {"result": to("replace")})
    step["with"]["expect"] = {"rows": {"at_least": 0}}

    run = world.begin(process(step))

    assert ended(world, run)[0] is StepStatus.SUCCESS


def test_many_small_appends_leave_few_files(world: World) -> None:
    """duckdb/ducklake#536: 2,555 files of one row each."""
    table = ledger(world)

    for number in range(40):
        managed.write(world, table, [{"amount": number}])

    with world.db.read() as tx:
        assert len(tables.snapshot(tx, table).parts) <= 6


def test_amounts_come_back_to_the_last_digit(world: World) -> None:
    """baserow/baserow#1152: decimals were cut off."""
    table = ledger(world)
    text = "SELECT unnest([5.25, 0.0001, -123456789012345.6789::DECIMAL(19,4)]) AS amount"

    run = world.begin(writing(text, "append"))

    assert ended(world, run)[0] is StepStatus.SUCCESS
    shown = "SELECT string_agg(amount::VARCHAR, ' ' ORDER BY amount) FROM ledger"
    again = world.begin(
        process(data("d", item("t", "Text")), sql("add", shown, READ, {"result": "${d.t}"}), name="Again")
    )
    ended(world, again)
    assert world.value(again, "d.t") == "-123456789012345.6789 0.0001 5.2500"
    assert len(managed.rows(world, table)) == 3

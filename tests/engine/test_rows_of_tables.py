"""Every action of rows takes managed tables where it takes files, and writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.engine.table_workers import TableWorkers
from procession.model.ids import RunId
from procession.model.lifecycle import StepStatus
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import StepText, data, item, process
from tests.engine.world import World


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    with managed.processes(tmp_path_factory.getbasetemp()) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, workers: TableWorkers) -> Iterator[World]:
    made = World(tmp_path, isolation=OPEN, workers=workers)
    made.engine.start()
    yield made
    made.close()


def step(action: str, **settings: Any) -> StepText:
    return {"action": action, "name": action, "key": action, "with": settings}


def played(world: World, *steps: StepText) -> RunId:
    run = world.begin(process(data("d", item("count", flow="OUTPUT")), *steps))
    world.wait(run)
    return run


CODE, MONEY = "FixedLengthText", "Money"


def checked() -> StepText:
    known = {"source": "${table:Ledger}", "column": "account"}
    rules = [{"name": "Known", "column": "account", "in": known}]
    return step("validate", source="${table:Ledger}", rules=rules, outputs={"count": "${d.count}"})


def mapped() -> StepText:
    return step(
        "map_values",
        source="${table:Ledger}",
        rules={"table": "${table:Mapping}"},
        match=["account"],
        give={"to": "line"},
        default="Other",
        outputs={"result": {"to": "${table:Mapped}", "mode": "replace"}},
    )


def totalled() -> StepText:
    return step(
        "transform",
        source=["${table:Mapped}", "${table:Nothing}"],
        steps=[{"group": {"by": ["line"], "sum": ["amount"]}}],
        output={"to": "${table:Totals}", "mode": "upsert", "key": ["line"]},
    )


def test_a_month_end_is_done_from_table_to_table(world: World) -> None:
    lines = [{"account": account, "amount": amount} for account, amount in (("4010", 120), ("4020", 60), ("0815", 1))]
    managed.make(world, "Ledger", *lines, account=CODE, amount=MONEY)
    managed.make(world, "Mapping", {"account": "4*", "to": "Revenue"}, account=CODE, to=CODE)
    made = managed.make(world, "Mapped", account=CODE, amount=MONEY, line=CODE)
    totals = managed.make(world, "Totals", line=CODE, amount=MONEY)
    managed.make(world, "Nothing", line=CODE, amount=MONEY, account=CODE)

    run = played(world, checked(), mapped(), totalled())

    assert world.statuses(run) == {
        "d": StepStatus.SUCCESS,
        "validate": StepStatus.SUCCESS,
        "map_values": StepStatus.WARNING,
        "transform": StepStatus.SUCCESS,
    }, [world.step(run, key).message for key in ("validate", "map_values", "transform")]
    assert [row["line"] for row in managed.rows(world, made)] == ["Revenue", "Revenue", "Other"]
    assert {row["line"]: row["amount"] for row in managed.rows(world, totals)} == {"Revenue": 180, "Other": 1}


@pytest.mark.parametrize(
    ("kept", "kinds"),
    [
        ("2026-01-31T00:00:00", (StepStatus.SUCCESS, b"on\n2026-01-30\n2026-01-31\n")),
        ("2026-01-31T12:00:00", (StepStatus.FAILED, None)),
    ],
)
def test_days_of_a_file_and_of_a_table_stand_below_each_other(
    world: World, kept: str, kinds: tuple[StepStatus, bytes | None]
) -> None:
    """A table keeps days as moments at midnight; a moment with a time is no day."""
    managed.make(world, "Kept", {"on": kept}, on="Datetime")
    made = step(
        "run_sql",
        sql="SELECT DATE '2026-01-30' AS \"on\"",
        outputs={"result": {"to": "${d.file}", "as": "days.parquet"}},
    )
    below = step(
        "transform",
        source=["${d.file}", "${table:Kept}"],
        steps=[{"sort": ["on"]}],
        output={"to": "${d.out}", "as": "out.csv"},
    )

    run = world.begin(process(data("d", item("file", "File"), item("out", "File")), made, below))
    world.wait(run)

    assert (world.step(run, "transform").status, world.value(run, "d.out")) == kinds, world.step(
        run, "transform"
    ).message


def test_rows_are_counted_against_those_of_a_table_and_a_table_stands_in_a_list(world: World) -> None:
    """The catalogue's own example of validate, and what it says of the inputs of run_sql."""
    for name, count in (("Now", 3), ("Before", 4), ("Long ago", 2)):
        managed.make(world, name, *({"line": str(number)} for number in range(count)), line=CODE)
    rules = [
        {"name": f"Like {name}", "rows": {"against": f"${{table:{name}}}", "within_percent": 25}, "otherwise": "warn"}
        for name in ("Before", "Long ago")
    ]
    counting = step("validate", source="${table:Now}", rules=rules)
    adding = step(
        "run_sql",
        inputs={"stacked": ["${table:Now}", {"table": "${table:Before}"}]},
        sql="SELECT count(*) FROM stacked",
        outputs={"result": "${d.count}"},
    )

    run = played(world, adding, counting)

    assert world.value(run, "d.count") == 7, world.step(run, "run_sql").message
    assert world.step(run, "validate").status is StepStatus.WARNING
    said = world.step(run, "validate").message
    assert '"Like Long ago" (there are 3 rows, more than 25 % away from 2)' in said
    assert "Like Before" not in said

"""The close of a year's months in one home: tables carried from run to run, and every figure computed again in Python."""

from __future__ import annotations

import calendar
import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from procession.model.ids import ProcessId, RunId, TableId
from procession.model.lifecycle import StepStatus
from procession.store import history
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.world import World

EXAMPLE = Path(__file__).parents[2] / "examples" / "month-end-close"
DATA = EXAMPLE / "data"
MONTHS = [f"1993-{month:02}" for month in range(1, 13)]
MONTHS_IN_QUICK = 4
ROUNDED = "Rounding of interest"


def make_tables(world: World) -> dict[str, TableId]:
    text = "FixedLengthText"
    ledger = managed.make(
        world,
        "Branch ledger",
        period=text,
        trans_id=text,
        account_id=text,
        booked_on="Datetime",
        report_line=text,
        frequency=text,
        amount="Money",
        source_line="Number",
    )
    return {
        "ledger": ledger,
        "balances": managed.make(world, "Branch balances", account_id=text, balance="Money", period=text),
        "close": managed.make(world, "Branch close", period=text, report_line=text, lines="Number", amount="Money"),
    }


def run_month(world: World, process: ProcessId, month: str) -> RunId:
    last = calendar.monthrange(1993, int(month[-2:]))[1]
    inputs = {"parameters.month": month, "parameters.first": f"{month}-01", "parameters.last": f"{month}-{last}"}
    run = world.create(process, inputs).id
    world.upload(run, "files.transactions", DATA / f"transactions-{month}.csv")
    world.upload(run, "files.accounts", DATA / "accounts.csv")
    world.upload(run, "files.rules", DATA / "report-lines.csv")
    world.start(run)
    world.wait(run)
    return run


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """The home after a run for each month."""
    months = MONTHS if request.config.getoption("--thorough") else MONTHS[:MONTHS_IN_QUICK]
    place = tmp_path_factory.mktemp("year")
    with managed.processes(place) as workers:
        world = World(place, isolation=OPEN, workers=workers)
        world.engine.start()
        tables = make_tables(world)
        process = world.apply((EXAMPLE / "process.yaml").read_text())
        runs = {month: run_month(world, process, month) for month in months}
        yield {"world": world, "tables": tables, "runs": runs, "process": process}
        world.close()


def lines(month: str) -> list[dict[str, str]]:
    with (DATA / f"transactions-{month}.csv").open(newline="") as file:
        return [{k: v.strip() for k, v in row.items()} for row in csv.DictReader(file, delimiter=";")]


def signed(row: dict[str, str]) -> Decimal:
    return Decimal(row["amount"]) * (1 if row["type"] == "PRIJEM" else -1)


def report_line(row: dict[str, str]) -> str:
    """By words and not by the table of rules."""
    kind, operation, symbol = row["type"], row["operation"], row["k_symbol"]
    if kind == "PRIJEM":
        if symbol == "UROK":
            return "Interest"
        return "Cash deposits" if operation == "VKLAD" else "Pensions" if symbol == "DUCHOD" else "Transfers in"
    if kind == "VYBER" or operation == "VYBER":
        named = {"SLUZBY": "Fees", "SANKC. UROK": "Penalty interest"} if kind == "VYDAJ" else {}
        return named.get(symbol, "Cash withdrawals")
    return {"SIPO": "Household", "UVER": "Loans", "POJISTNE": "Insurance"}.get(symbol, "Transfers out")


def year(months: Iterable[str]) -> tuple[dict[tuple[str, str], tuple[int, Decimal]], dict[str, dict[str, Decimal]]]:
    """Of each month and report line the lines and their total, and the balance of each account at each month's end."""
    close: dict[tuple[str, str], tuple[int, Decimal]] = {}
    balances: dict[str, dict[str, Decimal]] = {}
    present: dict[str, Decimal] = {}
    for month in months:
        counts, totals = Counter[str](), defaultdict[str, Decimal](Decimal)
        by_account: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in lines(month):
            counts[report_line(row)] += 1
            totals[report_line(row)] += signed(row)
            by_account[row["account_id"]].append(row)
        for account, rows in by_account.items():
            computed = present.get(account, Decimal(0)) + sum(map(signed, rows))
            last = max(row["date"] for row in rows)
            stated = [Decimal(row["balance"]) for row in rows if row["date"] == last]
            present[account] = min((abs(balance - computed), balance) for balance in stated)[1]
            if present[account] != computed:
                counts[ROUNDED] += 1
                totals[ROUNDED] += present[account] - computed
        close |= {(month, line): (counts[line], totals[line]) for line in counts}
        balances[month] = dict(present)
    return close, balances


def test_each_month_ends_well_and_proves_itself(closed: dict[str, Any]) -> None:
    world, before = closed["world"], Decimal(0)
    _, balances = year(closed["runs"])
    for month, run in closed["runs"].items():
        # A rule that fits nothing, a rounding that is matched by tolerance: neither is a failure.
        statuses = {key: (step.status, step.message) for key, step in world.steps(run).items()}
        assert {status for status, _ in statuses.values()} <= {StepStatus.SUCCESS, StepStatus.WARNING}, statuses
        opening, moved, closing, left_over, still_open = (
            world.value(run, f"results.{name}") for name in ("opening", "movements", "closing", "left_over", "open")
        )
        assert (opening, closing) == (before, sum(balances[month].values()))
        assert (opening + moved - closing, left_over, still_open) == (0, 0, 0)
        before = closing


def test_the_close_of_the_year_is_what_python_computes(closed: dict[str, Any]) -> None:
    found = managed.rows(closed["world"], closed["tables"]["close"])

    expected, _ = year(closed["runs"])
    assert {
        (row["period"], row["report_line"]): (row["lines"], Decimal(str(row["amount"]))) for row in found
    } == expected
    assert len(found) == len(expected)


def test_the_balances_of_every_month_are_what_python_computes(closed: dict[str, Any]) -> None:
    found = managed.rows(closed["world"], closed["tables"]["balances"])

    _, expected = year(closed["runs"])
    assert {(row["period"], row["account_id"]): Decimal(str(row["balance"])) for row in found} == {
        (month, account): balance for month, accounts in expected.items() for account, balance in accounts.items()
    }


def test_every_line_of_the_year_is_in_the_ledger_once_with_where_it_is_from(closed: dict[str, Any]) -> None:
    found = managed.rows(closed["world"], closed["tables"]["ledger"])

    wanted = {
        (row["trans_id"], signed(row), number)
        for month in closed["runs"]
        for number, row in enumerate(lines(month), start=2)
    }
    assert {(row["trans_id"], Decimal(str(row["amount"])), row["source_line"]) for row in found} == wanted
    assert len(found) == len(wanted)


def test_figures_of_each_step_are_kept_and_agree_from_step_to_step(closed: dict[str, Any]) -> None:
    world = closed["world"]
    month, run = list(closed["runs"].items())[-1]
    with world.db.read() as tx:
        attempts = history.attempts_of_run(tx, run)
    keys = {step.id: key for key, step in world.steps(run).items()}
    figures = {keys[one.step]: one.figures for one in attempts}

    given = lines(month)
    total = sum(Decimal(row["amount"]) for row in given)
    assert figures["import"] == {
        "rejected": 0,
        "rows_in": len(given),
        "rows_out": len(given),
        "total_out.amount": total,
        "total_out.balance": sum(Decimal(row["balance"]) for row in given),
    }
    for key in ("join", "map"):
        assert figures[key]["total_out.amount"] == total
    assert figures["sign"]["total_out.signed"] == figures["post"]["total_out.amount"] == sum(map(signed, given))


def test_a_month_that_is_closed_again_changes_nothing(closed: dict[str, Any]) -> None:
    world, tables = closed["world"], closed["tables"]

    def contents() -> list[list[tuple[Any, ...]]]:
        return [
            sorted(
                tuple(value for name, value in row.items() if name != "_Record_ID")
                for row in managed.rows(world, table)
            )
            for table in tables.values()
        ]

    before = contents()

    run = run_month(world, closed["process"], MONTHS[2])

    assert world.value(run, "results.left_over") == 0
    assert contents() == before

"""The example on its data: two half-years, one after the other with what stays open, are what one run over both is."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from procession.engine.table_workers import TableWorkers
from procession.model.ids import RunId, TableId
from procession.model.lifecycle import StepStatus
from tests.actions.reconciling import judging
from tests.actions.reconciling.judging import Verdict
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.world import World
from tests.examples import bank_reconciliation
from tests.examples.bank_reconciliation import DATA, PERIODS

PROCESS = (DATA.parent / "process.yaml").read_text()
TABLES: dict[str, dict[str, Any]] = runpy.run_path(str(DATA.parent / "tables.py"))["TABLES"]


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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files made again, and `truth`."""
    folder = tmp_path_factory.mktemp("made")
    bank_reconciliation.make(folder)
    return folder


class Office:
    """The tables of the example, and runs of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.left = managed.make(world, "Open left", **TABLES["Open left"])
        self.right = managed.make(world, "Open right", **TABLES["Open right"])
        self.decisions = managed.make(world, "Decisions", **TABLES["Decisions"])
        self.process = world.apply(PROCESS)

    def run(self, books: Path, bank: Path, as_of: str) -> RunId:
        run = self.world.create(self.process, {"parameters.as_of": as_of}).id
        self.world.upload(run, "files.books", books)
        self.world.upload(run, "files.bank", bank)
        self.world.start(run)
        self.world.wait(run)
        step = self.world.step(run, "match")
        assert step.status in {StepStatus.SUCCESS, StepStatus.WARNING}, step.message
        return run

    def periods(self, folder: Path = DATA) -> list[RunId]:
        return [
            self.run(folder / f"books-{number}.csv", folder / f"bank-{number}.sta", f"{end}")
            for number, end in enumerate(PERIODS, start=1)
        ]

    def open(self, table: TableId, key: str) -> list[dict[str, Any]]:
        return sorted(managed.rows(self.world, table), key=lambda row: str(row[key]))

    def matches(self, *runs: RunId) -> list[tuple[object, ...]]:
        """Rule and ids of each match."""
        query = (
            "SELECT rule, list_sort(list(left_entry_id))::VARCHAR AS l, list_sort(list(right_bank_reference))::VARCHAR AS r "
            "FROM read_csv(?, all_varchar = true) GROUP BY rule, match"
        )
        files = [str(self.file(run, "results.matched")) for run in runs]
        return sorted(row for file in files for row in duckdb.connect().execute(query, [file]).fetchall())

    def file(self, run: RunId, reference: str) -> Path:
        content = self.world.value(run, reference)
        assert isinstance(content, bytes)
        path = self.world.home / f"{run}-{reference}.csv"
        path.write_bytes(content)
        return path

    def judged(self, folder: Path, truth: Path, *runs: RunId) -> Verdict:
        """As score.py of the ledgers judges: Parquet under the ledgers' own names."""
        connection = duckdb.connect()
        matched = []
        for number, run in enumerate(runs):
            matched.append(folder / f"matched-{number}.parquet")
            connection.execute(
                "COPY (SELECT * RENAME (right_bank_reference AS right_line_id, right_amount AS right_paid) FROM "
                f"read_csv('{self.file(run, 'results.matched')}', all_varchar = true)) TO '{matched[-1]}' (FORMAT parquet)"
            )
        for side, rows in (
            ("left", self.open(self.left, "entry_id")),
            ("right", self.open(self.right, "bank_reference")),
        ):
            keys = [str(row["entry_id" if side == "left" else "bank_reference"]) for row in rows]
            paid = [str(row["amount"]) for row in rows]
            names = ("entry_id", "amount") if side == "left" else ("line_id", "paid")
            connection.execute(
                f"COPY (SELECT unnest(?) AS {names[0]}, unnest(?) AS {names[1]}) TO '{folder / side}.parquet' (FORMAT parquet)",
                [keys, paid],
            )
        return judging.judge(truth, matched, folder / "left.parquet", folder / "right.parquet")


def test_the_data_is_what_its_script_makes(made: Path) -> None:
    for file in sorted(DATA.iterdir()):
        assert file.read_bytes() == (made / file.name).read_bytes(), file.name


def test_two_periods_are_what_one_run_over_both_is(world: World, made: Path, tmp_path: Path) -> None:
    office = Office(world)
    runs = office.periods()
    apart = office.matches(*runs)
    verdict = office.judged(tmp_path, made / "truth" / "truth.parquet", *runs)
    left, right = office.open(office.left, "entry_id"), office.open(office.right, "bank_reference")

    books, bank = tmp_path / "books.csv", tmp_path / "bank.sta"
    first, second = ((DATA / f"books-{number}.csv").read_text() for number in (1, 2))
    books.write_text(first + second.partition("\n")[2])
    bank.write_bytes((DATA / "bank-1.sta").read_bytes() + (DATA / "bank-2.sta").read_bytes())
    for table in (office.left, office.right):
        managed.write(world, table, [], mode="replace")
    whole = office.run(books, bank, str(PERIODS[-1]))

    assert office.matches(whole) == apart
    assert (verdict.missed, verdict.wrong, verdict.lost) == ({}, {}, 0)
    assert verdict.rows > 2_000
    ids = [[row[key] for row in rows] for key, rows in (("entry_id", left), ("bank_reference", right))]
    again = [office.open(office.left, "entry_id"), office.open(office.right, "bank_reference")]
    assert [[row[key] for row in rows] for key, rows in zip(("entry_id", "bank_reference"), again, strict=True)] == ids


def test_what_stays_open_keeps_when_it_was_first_open_and_grows_old(world: World) -> None:
    office = Office(world)

    office.periods()

    aged = {(row["first_open_on"][:10], row["times_open"], row["age"]) for row in office.open(office.left, "entry_id")}
    assert ("2026-06-30", 2, "over 90") in aged
    assert ("2026-12-31", 1, "31 to 60") in aged


def test_a_decision_takes_a_row_out_of_what_is_open(world: World) -> None:
    office = Office(world)
    office.periods()
    before = [row["entry_id"] for row in office.open(office.left, "entry_id")]
    key = before[0]
    managed.write(world, office.decisions, [{"decision": "close", "left_key": key, "comment": "written off"}])

    again = office.run(DATA / "books-2.csv", DATA / "bank-2.sta", "2026-12-31")

    # What the period's files hold once more is what was carried forward, and counts once.
    assert [row["entry_id"] for row in office.open(office.left, "entry_id")] == before[1:]
    assert world.step(again, "match").status is StepStatus.WARNING


def test_a_statement_that_lost_an_entry_carries_nothing_forward(world: World, tmp_path: Path) -> None:
    office = Office(world)
    whole = (DATA / "bank-1.sta").read_bytes()
    lost = whole[: whole.index(b":61:")] + whole[whole.index(b":61:", whole.index(b":61:") + 1) :]
    (tmp_path / "bank.sta").write_bytes(lost)
    run = world.create(office.process, {"parameters.as_of": "2026-06-30"}).id
    world.upload(run, "files.books", DATA / "books-1.csv")
    world.upload(run, "files.bank", tmp_path / "bank.sta")

    world.start(run)
    world.wait(run)

    assert world.step(run, "bank").status is StepStatus.FAILED
    assert "opening balance" in world.step(run, "bank").message
    assert office.open(office.left, "entry_id") == []

"""Two ledgers at the edges of every rule: what belongs together is found by the rule that it should be, and no trap is
taken; in any order, on any number of threads, in little memory, from any format, and month by month."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.actions.reconciling import hostile, hostile_pairs, hostile_sums
from tests.actions.reconciling.books import BooksRun, reconcile_books
from tests.actions.reconciling.hostile import MONTHS, SIDES, Books
from tests.actions.reconciling.hostile_judging import judge, matches

KINDS = (*hostile_pairs.KINDS, *hostile_sums.KINDS)


def made(folder: Path, rows: int, seed: int) -> Books:
    folder.mkdir(exist_ok=True)
    books = hostile.make(KINDS, rows, seed)
    books.write(folder)
    return books


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def books(folder):
    return made(folder, 2_000, 1)


def run(books: Path, folder: Path, suffix: str = "parquet", **more: object) -> BooksRun:
    return reconcile_books(folder, [books / f"left.{suffix}"], [books / f"right.{suffix}"], **more)


def assert_right(books: Books, *runs: BooksRun) -> None:
    judged = judge(books, *runs)

    assert (judged.missed, judged.wrong, judged.lost) == ({}, {}, [])
    assert matches(*runs)


def test_every_case_is_judged_as_a_controller_would(books, folder, tmp_path):
    assert_right(books, run(folder, tmp_path / "run"))


def test_csv_is_judged_like_parquet(books, folder, tmp_path):
    assert_right(books, run(folder, tmp_path / "run", "csv"))


def ends() -> list[date]:
    return [hostile.first_of(number + 1) - timedelta(days=1) for number in range(MONTHS)]


def month_by_month(folder: Path, tmp_path: Path) -> list[BooksRun]:
    """Each run reads its month and what the run before has left open."""
    runs: list[BooksRun] = []
    for number, end in enumerate(ends(), start=1):
        sides = [[folder / f"{side}-{number}.parquet"] for side in SIDES]
        if runs:
            sides = [[runs[-1].file(f"only_{side}"), *new] for side, new in zip(SIDES, sides, strict=True)]
        runs.append(reconcile_books(tmp_path / str(number), *sides, as_of=end.isoformat()))
    return runs


@pytest.mark.thorough
def test_twelve_months_with_what_is_carried_forward_are_one_year(books, folder, tmp_path):
    runs = month_by_month(folder, tmp_path)

    assert_right(books, *runs)
    for side, day in (("left", "booked_on"), ("right", "value_on")):
        found = (
            duckdb.connect()
            .execute(
                f"SELECT {day}, first_open_on, times_open, age_days FROM read_parquet(?)",
                [str(runs[-1].file(f"only_{side}"))],
            )
            .fetchall()
        )
        assert Counter(found) == Counter(_carried(row.day) for row in _open(books, side, runs))


def _open(books: Books, side: str, runs: list[BooksRun]) -> list[hostile.Row]:
    """What is on the side and in no match; of rows that stand for one another, the last ones."""
    matched = Counter(stand for (_, stands), count in matches(*runs).items() for stand in stands * count)
    found = []
    for row in books.rows:
        if row.side == SIDES.index(side) and matched[row.stand] == 0:
            found.append(row)
        else:
            matched[row.stand] -= row.side == SIDES.index(side)
    return found


def _carried(day: date) -> tuple[date, date, int, int]:
    """The day, since which month end its row is open, at how many, and how old it is."""
    seen = [end for end in ends() if end >= day]
    return day, seen[0], len(seen), (ends()[-1] - day).days


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("rows", [10_000, 100_000])
def test_many_cases_are_judged_like_a_few(tmp_path, rows, seed):
    assert_right(made(tmp_path, rows, seed), run(tmp_path, tmp_path / "run"))


@pytest.mark.thorough
def test_order_threads_and_memory_change_no_match(tmp_path):
    books = made(tmp_path / "1", 10_000, 4)
    books.random = random.Random(5)  # noqa: S311 - another order of the same rows
    (tmp_path / "2").mkdir()
    books.write(tmp_path / "2")
    runs = [
        run(
            tmp_path / order,
            tmp_path / f"{order}-{threads}-{megabytes}",
            threads=threads,
            memory_bytes_max=megabytes << 20,
        )
        for order, threads, megabytes in (("1", 1, 1024), ("1", 4, 1024), ("2", 2, 1024), ("2", 2, 300))
    ]

    for one in runs:
        assert_right(books, one)

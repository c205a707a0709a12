"""Two ledgers with planted differences: everything planted is found, no trap is matched, every cent is where it was."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from bench.plain import duckdb_books

from procession.actions.reconciling import results
from procession.model.lifecycle import StepStatus
from tests.actions.reconciling import ledgers
from tests.actions.reconciling.books import OUTPUTS, BooksRun, judge, reconcile_books
from tests.actions.reconciling.ledgers import Plan

SPLIT = date(2026, 6, 30)


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    folder = tmp_path_factory.mktemp("books")
    ledgers.write(ledgers.make(Plan(rows=10_000)), folder, formats=("parquet", "csv"), split=SPLIT)
    return folder


@pytest.fixture(scope="module")
def whole(books, tmp_path_factory):
    return run(books, tmp_path_factory.mktemp("whole") / "run")


def run(books: Path, folder: Path, **more) -> BooksRun:
    return reconcile_books(folder, [books / "left.parquet"], [books / "right.parquet"], **more)


def matches(made: BooksRun) -> list[tuple[str, ...]]:
    """Each match as its rule and the ids of its rows, in no order of ours."""
    query = """
        SELECT rule, list(left_entry_id ORDER BY left_entry_id)::VARCHAR, list(right_line_id ORDER BY right_line_id)::VARCHAR
        FROM read_parquet(?) GROUP BY match, rule ORDER BY ALL
    """
    return duckdb.connect().execute(query, [str(made.file("matched"))]).fetchall()


def assert_right(books: Path, *runs: BooksRun) -> None:
    verdict = judge(books, *runs)

    assert (verdict.missed, verdict.wrong, verdict.lost) == ({}, {}, 0)
    assert verdict.rows > 0


def test_everything_planted_is_found_and_no_trap_is_matched(books, whole):
    assert_right(books, whole)


def test_plain_sql_written_by_hand_gives_the_same_six_files(books, whole, tmp_path):
    """What the bench holds us against does the same work."""
    duckdb_books.write(str(books), str(tmp_path))

    for name in OUTPUTS:
        ours, plain = whole.file(name), tmp_path / f"{name}.parquet"
        assert rows(ours) == rows(plain), name


def rows(file: Path) -> list[tuple[object, ...]]:
    return duckdb.connect().execute("FROM read_parquet(?)", [str(file)]).fetchall()


def test_csv_gives_the_same_as_parquet(books, whole, tmp_path):
    made = reconcile_books(tmp_path / "run", [books / "left.csv"], [books / "right.csv"])

    assert matches(made) == matches(whole)


def test_two_periods_give_what_one_run_gives(books, tmp_path):
    first = reconcile_books(
        tmp_path / "1", [books / "left-1.parquet"], [books / "right-1.parquet"], as_of=SPLIT.isoformat()
    )
    left, right = (
        [first.file("only_left"), books / "left-2.parquet"],
        [first.file("only_right"), books / "right-2.parquet"],
    )
    second = reconcile_books(tmp_path / "2", left, right, as_of="2026-12-31")

    assert_right(books, first, second)


def test_the_order_of_rows_threads_and_memory_change_no_match(books, whole, tmp_path):
    """But for which of two twins is taken, which the order of the rows decides."""
    shuffled = [tmp_path / f"{side}.parquet" for side in ("left", "right")]
    for path in shuffled:
        query = f"COPY (FROM '{books / path.name}' ORDER BY hash(columns(*)::VARCHAR)) TO '{path}' (FORMAT parquet)"
        duckdb.connect().execute(query.replace("columns(*)", "entry_id" if path.stem == "left" else "line_id"))

    made = reconcile_books(tmp_path / "run", shuffled[:1], shuffled[1:], memory_bytes_max=500 << 20)

    assert_right(books, made)
    apart = set(matches(made)) ^ set(matches(whole))
    assert all(rule == "Exact" for rule, *_ in apart)
    assert len(apart) <= 2 * 10  # double postings


@pytest.mark.parametrize("threads", [1, 4])
def test_the_number_of_threads_changes_no_match(books, whole, tmp_path, threads):
    assert matches(run(books, tmp_path / "run", threads=threads)) == matches(whole)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("rows", [100_000, 1_000_000])
def test_large_books_are_as_right_as_small_ones(tmp_path, rows, seed):
    ledgers.write(ledgers.make(Plan(rows=rows, seed=seed)), tmp_path)

    assert_right(tmp_path, run(tmp_path, tmp_path / "run"))


@pytest.mark.thorough
def test_little_memory_changes_no_match(tmp_path):
    ledgers.write(ledgers.make(Plan(rows=100_000, seed=4)), tmp_path)

    made = run(tmp_path, tmp_path / "little", memory_bytes_max=(300 << 20) * 10 // 6)

    assert matches(made) == matches(run(tmp_path, tmp_path / "much"))


def test_matches_that_come_in_another_order_are_written_once_more(books, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "is_in_order", lambda *_: False)

    made = run(books, tmp_path / "run")

    assert [rows(made.file(name)) for name in OUTPUTS] == [rows(whole.file(name)) for name in OUTPUTS]


def test_a_file_in_another_order_is_told(tmp_path):
    connection, path = duckdb.connect(), tmp_path / "matched.parquet"
    connection.execute("CREATE TABLE match_lines AS SELECT range AS match, 7 * range % 100 AS place FROM range(100)")
    order = "COPY (SELECT match FROM match_lines ORDER BY {}) TO '{}' (FORMAT parquet)"

    connection.execute(order.format("place", path))
    assert results.is_in_order(connection, str(path))
    connection.execute(order.format("CASE WHEN place < 2 THEN 1 - place ELSE place END", path))
    assert not results.is_in_order(connection, str(path))


@pytest.mark.thorough
@pytest.mark.parametrize(("outputs", "memory"), [("parquet", 1 << 30), ("parquet", 240 << 20), ("csv", 1 << 30)])
def test_pairs_stand_in_the_order_of_the_left_side(tmp_path, outputs, memory):
    """A file of several row groups, by several threads, and with a join that is larger than the memory."""
    ledgers.write(ledgers.make(Plan(rows=400_000, seed=5)), tmp_path)

    written = {"outputs": {"matched": {"to": "${o.matched}", "as": f"matched.{outputs}"}}}
    made = run(tmp_path, tmp_path / "run", threads=4, memory_bytes_max=memory, **written)

    [file] = (made.folder / "export").iterdir()
    assert made.outcome.status is not StepStatus.FAILED, made.outcome.message
    found = duckdb.connect().execute(f"SELECT left_entry_id FROM read_{outputs}(?)", [str(file)]).fetchall()
    pairs = [key for [key] in found][:300_000]
    assert pairs == sorted(pairs)

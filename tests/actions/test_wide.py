"""Wide files: what is asked of a table grows with its columns, and so does the time of each statement."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from procession.actions import database, messages
from procession.actions.databases.arriving import rows_at_once
from procession.actions.kinds import export, import_table, transform
from procession.actions.reading.cells import COLUMNS_MAX
from tests.actions.context import Played, play

ROWS = 3


class Counting:
    """A connection that keeps what it is asked."""

    def __init__(self, real: Any, asked: list[str]) -> None:
        self._real, self._asked = real, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, query: str, *values: Any) -> Any:
        self._asked.append(query)
        return self._real.execute(query, *values)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    statements: list[str] = []
    real: Callable[..., Any] = database.connect
    monkeypatch.setattr(database, "connect", lambda *given: Counting(real(*given), statements))
    return statements


def wide(columns: int, total: str = "") -> bytes:
    head = ",".join(f"c{number}" for number in range(columns))
    kinds = ("{0}.{0}5", "name {0}", "2026-01-0{0}", "Z{0} 2")
    rows = [",".join(kinds[n % 4].format(row) for n in range(columns)) for row in range(1, ROWS + 1)]
    last = [",".join(total if n % 4 == 0 else "" for n in range(columns))] if total else []
    return "\n".join([head, *rows, *last, ""]).encode()


def imported(folder: Path, columns: int, total: str = "") -> Played:
    folder.mkdir()
    source = {"file": "${f.a}", **({"total_row": "check"} if total else {})}
    values = {"f.a": ("a.csv", wide(columns, total))}
    return play(import_table.ACTION, folder, {"source": source, "output": "${o.rows}"}, values)


@pytest.mark.parametrize("total", [pytest.param("", marks=pytest.mark.thorough), "6.75"])
def test_a_wide_file_is_not_asked_about_column_by_column(tmp_path: Path, asked: list[str], total: str) -> None:
    # More than the guess in one pass takes: the way that asks.
    narrow, few = imported(tmp_path / "a", 240, total), len(asked)
    played, more = imported(tmp_path / "b", 480, total), len(asked) - few

    assert narrow.outcome.message == played.outcome.message == f"{ROWS} rows of a.csv imported"
    assert more - few < 480 // 4
    assert not [query for query in asked if "SELECT *" in query and "LIMIT" in query]


def test_a_wrong_total_of_a_wide_file_is_told_with_its_column(tmp_path: Path) -> None:
    played = imported(tmp_path / "a", 240, "6.70")

    assert 'the total of "c0" is 6.70 in line 5, and the rows before it add up to 6.75' in played.outcome.message


def texts(columns: int) -> bytes:
    head = ",".join(f"c{number}" for number in range(columns))
    return f"{head}\n{','.join(['=1', 'a b', '007', '1.50'][number % 4] for number in range(columns))}\n".encode()


def exported(folder: Path, columns: int) -> Played:
    folder.mkdir()
    settings = {"source": "${f.a}", "output": {"to": "${o.rows}", "as": "b.csv"}, "layout": {"escape_formulas": False}}
    return play(export.ACTION, folder, settings, {"f.a": ("a.csv", texts(columns))})


@pytest.mark.parametrize("columns", [300, pytest.param(2_400, marks=pytest.mark.thorough)])
def test_a_wide_file_comes_out_as_it_went_in(tmp_path: Path, columns: int) -> None:
    played = exported(tmp_path / "a", columns)

    [head, row] = csv.reader(io.StringIO(played.outputs["o.rows"].decode()))
    # 1.50 is an amount here, and amounts are written without the zeros that pad them.
    assert head == [f"c{number}" for number in range(columns)]
    assert row == [["=1", "a b", "007", "1.5"][number % 4] for number in range(columns)]


def test_wide_rows_are_planned_without_what_costs_the_square_of_their_columns(tmp_path: Path, asked: list[str]) -> None:
    exported(tmp_path / "a", 20)
    narrow = [query for query in asked if "disabled_optimizers" in query]
    exported(tmp_path / "b", 120)

    assert not narrow
    assert any("disabled_optimizers" in query for query in asked)


def test_a_statement_over_many_columns_has_no_filter_for_each(tmp_path: Path, asked: list[str]) -> None:
    lines = "".join(f"k,h{number},{number}\n" for number in range(120))
    pivot = {"pivot": {"name": "n", "value": "v"}}
    days = f"{','.join(f'd{number}' for number in range(120))}\n{','.join(['2026-01-31'] * 120)}\n"
    wide_days = {"source": "${f.a}", "output": {"to": "${o.rows}", "as": "b.csv"}}

    (tmp_path / "a").mkdir()
    played = play(transform.ACTION, tmp_path / "a", {"source": "${f.a}", "steps": [pivot], "output": "${o.rows}"},
                  {"f.a": ("a.csv", f"k,n,v\n{lines}".encode())})  # fmt: skip
    (tmp_path / "b").mkdir()
    play(export.ACTION, tmp_path / "b", wide_days, {"f.a": ("a.csv", days.encode())})

    assert played.outcome.message == "120 rows became 1"
    assert max(query.count("FILTER") for query in asked) <= 4 * 24


def test_columns_that_become_rows_are_not_a_statement_each(tmp_path: Path, asked: list[str]) -> None:
    names = [f"m{number}" for number in range(120)]
    data = f"k,{','.join(names)}\nA,{','.join(names)}\nB,{',' * 119}\n"
    unpivot = {"unpivot": {"columns": names, "name": "n", "value": "v"}}
    settings = {"source": "${f.a}", "steps": [unpivot], "output": "${o.rows}"}

    played = play(transform.ACTION, tmp_path, settings, {"f.a": ("a.csv", data.encode())})

    rows = list(csv.reader(io.StringIO(played.outputs["o.rows"].decode())))
    assert rows == [["k", "n", "v"], *(["A", one, one] for one in names), *(["B", one, ""] for one in names)]
    assert not [query for query in asked if "UNION ALL" in query]


@pytest.mark.parametrize(("columns", "rows"), [(0, 10_000), (1, 10_000), (100, 10_000), (1_000, 1_000), (2_000_000, 1)])
def test_a_batch_of_another_database_has_fewer_rows_where_they_are_wide(columns: int, rows: int) -> None:
    assert rows_at_once(columns) == rows


def test_warnings_without_room_in_the_message_are_counted_and_kept_in_the_log(tmp_path: Path) -> None:
    values = {f"f.a{number}": (f"part {number}.csv", f"a,c{number}\n1,2\n".encode()) for number in range(50)}
    source = [f"${{{reference}}}" for reference in values]
    settings = {"source": source, "steps": [{"sort": ["a"]}], "output": "${o.rows}"}

    played = play(transform.ACTION, tmp_path, settings, values)

    message = played.outcome.message
    assert 'part 0.csv and part 1.csv and part 2.csv and 46 more files have no column "c49"' in message
    assert len(message) <= messages.CHARACTERS_MAX
    assert message.endswith("more warnings are in the log")
    assert 'have no column "c0"' in played.context.logged


def test_a_parquet_file_with_too_many_columns_is_refused_before_it_is_read(tmp_path: Path, asked: list[str]) -> None:
    arrow, parquet = map(importlib.import_module, ("pyarrow", "pyarrow.parquet"))
    path = tmp_path / "wide.parquet"
    # DuckDB takes four times as long to write it.
    parquet.write_table(arrow.table({f"c{number}": [1] for number in range(COLUMNS_MAX + 1)}), path)

    played = play(import_table.ACTION, tmp_path, {"source": "${f.a}", "output": "${o.rows}"},
                  {"f.a": ("wide.parquet", path.read_bytes())})  # fmt: skip

    assert played.outcome.message == (
        'the file "wide.parquet" cannot be read: it has 16,385 columns; at most 16,384 are read'
    )
    assert len(asked) <= 2

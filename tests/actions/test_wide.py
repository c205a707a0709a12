"""Wide files: what is asked of a table grows with its columns, and so does the time of each statement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from procession.actions import database
from procession.actions.kinds import import_table
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


@pytest.mark.parametrize("total", ["", "6.75"])
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

"""What a reconciliation made of the hostile books, against what their cases expect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.actions.reconciling.books import BooksRun
from tests.actions.reconciling.hostile import NAMES, SIDES, Books, Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Matches by kind: `missed` were expected and not made, `wrong` made and not expected. `lost`: rows that are in no
    result or in two, or with another amount."""

    missed: dict[str, list[Match]]
    wrong: dict[str, list[Match]]
    lost: list[str]


def judge(books: Books, *runs: BooksRun) -> Judged:
    """The matches of all runs, and what the last one left open."""
    made = matches(*runs)
    return Judged(
        missed=_by_kind(books, books.expected - made),
        wrong=_by_kind(books, made - books.expected),
        lost=_lost(books, runs),
    )


def matches(*runs: BooksRun) -> Counter[Match]:
    """The rule of each match, and what its rows stand for."""
    found: Counter[Match] = Counter()
    for run in runs:
        for rule, ids in _read(
            run.file("matched"),
            "rule, list_filter(list(left_entry_id) || list(right_line_id), lambda one: one IS NOT NULL)",
            "GROUP BY match, rule",
        ):
            found[rule, tuple(sorted(int(one.rpartition("-")[2]) for one in ids))] += 1
    return found


def _by_kind(books: Books, some: Counter[Match]) -> dict[str, list[Match]]:
    found: dict[str, list[Match]] = {}
    for match in some.elements():
        for kind in sorted({books.kind_of[stand] for stand in match[1]}):
            found.setdefault(kind, []).append(match)
    return found


def _lost(books: Books, runs: Sequence[BooksRun]) -> list[str]:
    given = Counter((row.side, row.stand, row.amount) for row in books.rows)
    for side, name in enumerate(SIDES):
        key, amount = NAMES[side][0], NAMES[side][5]
        open_rows = _read(runs[-1].file(f"only_{name}"), f"{key}, {amount}")
        matched = [
            row
            for run in runs
            for row in _read(run.file("matched"), f"{name}_{key}, {name}_{amount}", f"WHERE {name}_{key} IS NOT NULL")
        ]
        given.subtract((side, int(one.rpartition("-")[2]), value) for one, value in (*open_rows, *matched))
    return [f"{one}: {count}" for one, count in given.items() if count]


def _read(path: Path, columns: str, rest: str = "") -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(f"SELECT {columns} FROM read_parquet(?) {rest}", [str(path)]).fetchall()

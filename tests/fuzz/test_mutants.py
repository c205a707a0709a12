"""Damaged files (S4): refused, or read as a second reader reads them. `python -m bench S4` tries thousands, and bombs."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession.actions.problems import Problem
from tests.actions.reading.relation import read
from tests.fuzz import second_readers
from tests.fuzz.mutants import Mutant, mutants, originals
from tests.fuzz.second_readers import Rows, Verdict, verdict

MUTANTS, MUTANTS_THOROUGH = 64, 2_400


def ours(folder: Path, mutant: Mutant) -> tuple[Rows | None, bool]:
    """The rows, None where it is refused, and whether a warning was given."""
    try:
        found = read(folder, mutant.content, mutant.name)
    except Problem:
        return None, False
    return [tuple(found.types), *(tuple(cell or "" for cell in row) for row in found.rows)], bool(found.warnings)


def tables(folder: Path) -> dict[str, Rows]:
    read_by_ours = ((one.name, ours(folder, one)[0]) for one in originals())
    return {name: rows for name, rows in read_by_ours if rows is not None}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_damaged_file_is_refused_or_read_as_others_read_it(tmp_path: Path, is_thorough: bool) -> None:
    whole = tables(tmp_path)
    found = {}
    for mutant in mutants(MUTANTS_THOROUGH if is_thorough else MUTANTS):
        rows, is_warned = ours(tmp_path, mutant)
        if not is_warned:
            found[f"{mutant.name} {mutant.number}"] = verdict(mutant, rows, whole)

    assert [name for name, one in found.items() if one is Verdict.PARTIAL] == []
    assert {Verdict.REFUSED, Verdict.SAME} == set(found.values())


def test_every_kind_of_table_is_read_alike_by_both(tmp_path: Path) -> None:
    whole = tables(tmp_path)

    assert whole.keys() == {one.name for one in originals()} - {"h.zip"}
    for one in originals():
        if one.name.rpartition(".")[2] in {"csv", "json", "jsonl", "xlsx", "ods"}:
            assert second_readers.are_same(whole[one.name], second_readers.read(one.name, one.content))


def test_a_lost_row_would_be_noticed(tmp_path: Path) -> None:
    whole = tables(tmp_path)

    for one in originals():
        if one.name in whole:
            assert verdict(one, whole[one.name][:-1], whole) is Verdict.PARTIAL

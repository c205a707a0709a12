"""reconcile finds what an independent reading of its rules finds, on rows made to be mistaken for one another."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.actions.reconciling.oracle import Books
from tests.actions.reconciling.test_rules import (
    BATCHES,
    CHARGES,
    MISTYPED,
    NO_REFERENCE,
    REVERSALS,
    TOGETHER,
    WINDOW,
)
from tests.actions.reconciling.world import EXACT, reconciled

RULES: tuple[dict[str, Any], ...] = (EXACT, WINDOW, BATCHES, CHARGES, REVERSALS, MISTYPED, NO_REFERENCE, TOGETHER)
OTHERS: tuple[dict[str, Any], ...] = (
    {**WINDOW, "name": "Only", "choose": "only"},
    {"name": "No text", "equal": ["account"], "days": 2, "choose": "nearest"},
    {**NO_REFERENCE, "name": "Nearest", "choose": "nearest"},
    {**BATCHES, "name": "Nearly", "tolerance": 0.5, "percent": 1},
    {**CHARGES, "name": "Percent", "tolerance": 0, "days": 3},
    {**MISTYPED, "name": "One edit", "alike": {"column": "ref", "edits": 1}},
    {**TOGETHER, "name": "Two", "items": 2},
    {**TOGETHER, "name": "Three", "items": 3, "days": [-3, 3]},
)
REFERENCES = ("", "", "INV-2026-00017", "INV-2026-00071", "inv202600017", "INV-2026-00018", "RENT-1", "1.10", "1.1")
AMOUNTS = ("101.37", "212.95", "314.32", "-101.37", "101.40", "415.69", "516.00", "30", "20", "10", "-314.32", "0", "")


def rows(dice: random.Random, count: int) -> list[tuple[str, ...]]:
    return [
        (
            dice.choice("ab"),
            dice.choice(REFERENCES),
            f"2026-01-{dice.randint(1, 12):02}",
            dice.choice(AMOUNTS),
        )
        for _ in range(count)
    ]


def matches(made, left, right) -> Counter[object]:
    """Each match as the rule and what its rows hold: of rows that are the same in all, either may be taken."""
    return Counter((rule, tuple(sorted(left[n] for n in ours)), tuple(sorted(right[n] for n in theirs)))
                   for rule, ours, theirs in made)  # fmt: skip


def places(ids: str) -> tuple[int, ...]:
    return tuple(int(one[1:]) for one in ids.split("+") if one)


@pytest.mark.parametrize("seed", range(8))
def test_the_rules_find_what_they_promise(seed, is_thorough):
    dice = random.Random(seed)  # noqa: S311 - rows, not secrets
    for turn in range(20 if is_thorough else 1):
        left, right = (rows(dice, dice.randint(4, 30)) for _ in range(2))
        rules = dice.sample(RULES + OTHERS, dice.randint(1, 8))
        books = Books(left, right)
        for rule in rules:
            books.apply(rule)
        with tempfile.TemporaryDirectory() as folder:
            made = reconciled(
                Path(folder),
                [f"l{n},{','.join(row)}" for n, row in enumerate(left)],
                [f"r{n},{','.join(row)}" for n, row in enumerate(right)],
                *rules,
            )
            found = [(rule, places(ours), places(theirs)) for rule, ours, theirs in made.matches]

        assert matches(found, left, right) == matches(books.matched, left, right), (seed, turn, rules)

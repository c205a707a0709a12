"""reconcile where there is too much of something: candidates of a row, digits of a sum; and where there is nothing."""

from __future__ import annotations

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions.reconciling.test_rules import BATCHES, NO_REFERENCE
from tests.actions.reconciling.world import EXACT, reconciled

MANY = [f"{n},a,REF-{n * 7919},2026-01-03,5" for n in range(100, 125)]
ONE = ["7,a,,2026-01-03,5"]


@pytest.mark.parametrize(("left", "right"), [(MANY, ONE), (ONE, MANY), (MANY, [f"{n}{ONE[0]}" for n in range(1, 26)])])
def test_no_row_is_suggested_more_than_ten_times_and_all_say_that_they_have_candidates(tmp_path, left, right):
    made = reconciled(tmp_path, left, right, NO_REFERENCE)

    for side in ("left", "right"):
        ids = [row[f"{side}_id"] for row in made.rows("suggested")]
        assert max(map(ids.count, ids)) <= 10
        assert set(made.open(side).values()) == {"several candidates"}
    assert made.suggestions


def test_a_sum_of_more_digits_than_there_are_is_refused_in_words(tmp_path):
    left = [f"{n},a,x,2026-01-03,{'9' * 28}" for n in range(3)]

    made = reconciled(tmp_path, left, ["7,a,x,2026-01-03,1"])

    assert made.played.outcome.status is StepStatus.FAILED
    assert made.message == "the amounts of the left file add up to more than 28 digits"


@pytest.mark.parametrize("blank", [" ", "\u00a0 \u00a0"])
def test_blanks_are_no_reference(tmp_path, blank):
    left = [f"1,a,{blank},2026-01-03,5", f"2,b,{blank},2026-01-03,2", f"3,b,{blank},2026-01-03,3"]
    right = [f"7,a,{blank},2026-01-03,5", f"8,b,{blank},2026-01-03,5"]

    made = reconciled(tmp_path, left, right, EXACT, BATCHES, NO_REFERENCE)

    assert made.matches == [("No reference", "1", "7")]


def test_a_day_without_its_neighbours_is_a_batch_of_its_own(tmp_path):
    left = [f"{n},a,terminal,2026-01-0{n},{n}.50" for n in (1, 2, 3)]
    right = [f"{n}{half},a,terminal,2026-01-0{n},{amount}" for n in (1, 2, 3) for half, amount in ((1, n), (2, 0.5))]

    made = reconciled(tmp_path, left, right, {**BATCHES, "days": 0})

    assert [found[1:] for found in made.matches] == [("1", "11+12"), ("2", "21+22"), ("3", "31+32")]


def test_a_pair_is_in_one_total_where_only_its_right_row_says_which(tmp_path):
    rule = {"name": "Equal", "equal": ["account"], "days": 0}

    made = reconciled(tmp_path, ["1,a,,2026-01-03,5"], ["7,a,fees,2026-01-03,5"], rule, totals_by="ref")

    totals = {row["ref"]: (row["left_total"], row["right_total"]) for row in made.rows("summary")}
    assert totals == {"All": ("5", "5"), "fees": ("5", "5")}

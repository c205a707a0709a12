"""reconcile, whatever the rows are: nothing is lost, and the order of the rows decides nothing but between twins."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.actions.reconciling.test_rules import BATCHES, CHARGES, NO_REFERENCE, REVERSALS, TOGETHER, WINDOW
from tests.actions.reconciling.world import EXACT, Reconciled, reconciled

RULES = (EXACT, WINDOW, BATCHES, CHARGES, REVERSALS, NO_REFERENCE, TOGETHER)
# Few values of each, so that rows are often alike, near or the sum of others.
ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["x", "y", ""]),
        st.integers(1, 9).map("2026-01-{:02d}".format),
        st.sampled_from(["101.37", "212.95", "314.32", "-101.37", "101.40", ""]),
    ),
    max_size=8,
)


EXAMPLES = settings().max_examples // 5  # each is two reconciliations of seven rules


def play(left, right) -> Reconciled:
    with tempfile.TemporaryDirectory() as folder:
        one, other = (
            [f"{prefix}{n},{','.join(row)}" for n, row in enumerate(rows)]
            for prefix, rows in (("l", left), ("r", right))
        )
        return reconciled(Path(folder), one, other, *RULES)


@given(left=ROWS, right=ROWS, seed=st.integers(0, 99))
@settings(max_examples=EXAMPLES)
def test_nothing_is_lost_or_wrong_and_the_order_of_rows_decides_nothing(left, right, seed):
    dice = random.Random(seed)  # noqa: S311 - the order of rows
    shuffled = [dice.sample(rows, len(rows)) for rows in (left, right)]

    made = play(left, right)

    assert contents(made, left, right) == contents(play(*shuffled), *shuffled)
    assert_whole(made, "left", [f"l{n}" for n in range(len(left))], left)
    assert_whole(made, "right", [f"r{n}" for n in range(len(right))], right)
    assert_allowed(made)


def contents(made: Reconciled, left, right) -> Counter[object]:
    """Each match as what its rows hold."""

    def held(ids, rows):
        return tuple(sorted(rows[int(one[1:])] for one in ids.split("+") if one))

    return Counter((rule, held(ids, left), held(others, right)) for rule, ids, others in made.matches)


def assert_whole(made: Reconciled, side: str, ids: list[str], rows) -> None:
    """Every row is matched once, or open with a reason; what is suggested is open."""
    matched = [row[f"{side}_id"] for row in made.rows("matched") if row[f"{side}_id"]]
    still = made.open(side)
    assert sorted(matched + list(still)) == sorted(ids)
    assert all(still.values())
    assert {row[f"{side}_id"] for row in made.rows("suggested")} - {""} <= set(still)
    everything = [row for row in made.rows("summary") if row["line"] == "Everything"]
    total = sum((Decimal(row[3]) for row in rows if row[3]), Decimal(0))
    assert sum(Decimal(row[f"{side}_total"]) for row in everything) == total


def assert_allowed(made: Reconciled) -> None:
    """No pair that its rule does not allow."""
    for row in made.rows("matched"):
        if row["left_id"] and row["right_id"]:
            assert row["left_account"] == row["right_account"]
        if row["rule"] in {"Exact", "Window"}:
            assert Decimal(row["left_amount"]) == Decimal(row["right_amount"])
            assert row["left_ref"] == row["right_ref"] != ""
        if row["rule"] == "No reference":
            assert "" in {row["left_ref"], row["right_ref"]}

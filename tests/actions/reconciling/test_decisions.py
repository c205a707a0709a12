"""reconcile: what people decided comes before all rules."""

from __future__ import annotations

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions.reconciling.world import EXACT, lines, reconciled

LEFT = ["1,a,x,2026-01-03,5", "2,a,y,2026-01-03,6", "3,a,z,2026-01-03,7"]
RIGHT = ["7,a,x,2026-01-03,5", "8,b,v,2026-01-03,2", "9,b,w,2026-01-03,4"]
SUBSETS = {"name": "Set", "match": "subsets", "equal": ["account"], "empty": "ref", "days": 5}
HEADINGS = "decision,left_key,right_key,comment"


def decided(folder, *decisions, left=LEFT, right=RIGHT, rule=EXACT):
    files = {"f.d": ("decisions.csv", lines(decisions, HEADINGS))}
    return reconciled(folder, left, right, rule, files=files, decisions="${f.d}")


def test_rows_that_people_matched_are_one_match_over_however_many_pairs(tmp_path):
    made = decided(tmp_path, "match,2,8,two transfers", "match,2,9,two transfers")

    assert made.matches == [("Exact", "1", "7"), ("By hand", "2", "8+9")]
    assert [row["comment"] for row in made.rows("matched")] == ["", "two transfers", "two transfers"]
    assert "1 only left, 0 only right" in made.message


def test_a_pair_that_people_ruled_out_is_made_by_no_rule(tmp_path):
    made = decided(tmp_path, "never,1,7,")

    assert made.matches == []
    assert list(made.open("left")) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "rule",
    [
        {**EXACT, "match": "groups"},
        {**EXACT, "tolerance": 1},
        {"name": "No reference", "equal": ["account"], "empty": "ref", "days": 5},
        {**SUBSETS, "outcome": "matched"},
    ],
    ids=["groups", "tolerance", "only", "subsets"],
)
def test_no_kind_of_rule_makes_a_pair_that_people_ruled_out(tmp_path, rule):
    left = ["1,a,x,2026-01-03,101.37", "2,a,x,2026-01-03,212.95"]
    right = [f"7,a,{'x' if 'empty' not in rule else ''},2026-01-03,{'314.32' if 'match' in rule else '101.37'}"]

    (tmp_path / "free").mkdir()
    assert decided(tmp_path / "free", left=left, right=right, rule=rule).matches
    assert decided(tmp_path, "never,1,7,", left=left, right=right, rule=rule).matches == []


def test_the_twin_of_a_row_that_people_ruled_out_takes_its_place(tmp_path):
    left = ["1,a,x,2026-01-03,5", "2,a,x,2026-01-03,5"]

    made = decided(tmp_path, "never,1,7,", left=left, right=["7,a,x,2026-01-03,5"])

    assert made.matches == [("Exact", "2", "7")]


@pytest.mark.parametrize("rule", [EXACT, {**EXACT, "days": 3}])
def test_twins_of_which_people_ruled_a_pair_out_pair_crosswise(tmp_path, rule):
    left, right = ([f"{n},a,x,2026-01-03,5" for n in side] for side in ((1, 2), (7, 8)))

    made = decided(tmp_path, "never,1,7,", left=left, right=right, rule=rule)

    assert [found[1:] for found in made.matches] == [("1", "8"), ("2", "7")]


def test_three_twins_pair_across_what_people_ruled_out(tmp_path):
    left, right = ([f"{n},a,x,2026-01-03,5" for n in side] for side in ((1, 2, 3), (7, 8, 9)))

    made = decided(tmp_path, "never,1,7,", "never,1,8,", "never,2,9,", "never,3,9,", left=left, right=right)

    assert [found[1:] for found in made.matches] == [("1", "9"), ("2", "8"), ("3", "7")]


@pytest.mark.parametrize(("said", "row"), [("12", "0012"), (" 12", "12"), ("a12", "A12")])
def test_a_decision_whose_key_is_not_quite_that_of_a_row_is_told(tmp_path, said, row):
    made = decided(tmp_path, f'never,"{said}",7,', left=[f"{row},a,x,2026-01-03,5"])

    assert made.matches == [("Exact", row, "7")]
    assert (
        f'1 decisions count for nothing: they name rows by keys that are not quite theirs, such as "{said}" for "{row}"'
        in made.message
    )


def test_of_two_sets_of_items_the_one_that_is_not_ruled_out_is_taken(tmp_path):
    amounts = ("101.37", "212.95", "100.31", "214.01")
    left = [f"{n},a,x{n},2026-01-03,{amount}" for n, amount in enumerate(amounts, start=1)]
    right, rule = ["7,a,,2026-01-03,314.32"], {**SUBSETS, "outcome": "matched"}
    (tmp_path / "free").mkdir()

    assert decided(tmp_path / "free", left=left, right=right, rule=rule).matches == []
    assert decided(tmp_path, "never,3,7,", left=left, right=right, rule=rule).matches == [("Set", "1+2", "7")]


def test_a_row_that_people_closed_is_open_no_more_and_in_the_totals(tmp_path):
    made = decided(tmp_path, "close,3,,written off", "close,,9,bank error")

    assert list(made.open("left")) == ["2"]
    closed = [(row["comment"], row["difference"]) for row in made.rows("matched") if row["rule"] == "Closed by hand"]
    assert closed == [("written off", "7"), ("bank error", "-4")]
    assert made.message.startswith("1 matched, 1 only left, 1 only right; left 18 and right 11 differ by 7")
    summary = {row["line"]: row["left_total"] for row in made.rows("summary")}
    assert (summary["Matched"], summary["Closed by hand"], summary["Only left"]) == ("5", "7", "6")


@pytest.mark.parametrize(
    ("decisions", "said"),
    [
        (["mach,1,7,"], 'line 2: "mach" is none of match, never, close, open; did you mean "match"?'),
        ([",1,7,"], 'line 2: "" is none of match, never, close'),
        (["open,,,"], "line 2: open needs a key"),
        (["match,1,,"], "line 2: match needs left_key and right_key"),
        (["close,1,7,"], "line 2: close needs one key, and the other empty"),
        (["match,2,8,", "close,2,,"], 'both close and match the key "2"'),
        (["never,2,8,", "match,2,8,"], 'both match "2" with "8" and say that they never match'),
    ],
)
def test_decisions_that_mean_nothing_or_two_things_are_refused(tmp_path, decisions, said):
    made = decided(tmp_path, *decisions)

    assert made.played.outcome.status is StepStatus.FAILED
    assert said in made.message


def test_decisions_on_rows_that_are_gone_are_old_and_half_of_one_is_told(tmp_path):
    made = decided(tmp_path, "match,77,88,", "match,2,99,")

    assert made.matches == [("Exact", "1", "7")]
    assert "1 decisions to match find only one of their two rows, such as 2 with 99; it stays open" in made.message


def test_a_decision_that_was_taken_back_is_none_and_may_stand_beside_a_newer_one(tmp_path):
    made = decided(tmp_path, "open,1,7,a mistake", "open,3,,not written off after all", "match,3,9,it is this one")

    assert made.matches == [("Exact", "1", "7"), ("By hand", "3", "9")]
    assert [row["comment"] for row in made.rows("matched")] == ["", "it is this one"]


def test_suggestions_name_rows_by_their_keys_as_they_are_written(tmp_path):
    left = ["2026.10,a,x,2026-01-03,5", "2026.11,a,y,2026-01-03,6.50"]
    right = ["7.00,a,x,2026-01-02,5", "8.50,a,x,2026-01-04,5"]

    rule = {"name": "Near", "equal": ["account", "ref"], "days": 5}
    made = decided(tmp_path, left=left, right=right, rule=rule)

    assert [(row["left_id"], row["right_id"]) for row in made.rows("suggested")] == [
        ("2026.10", "7.00"),
        ("2026.10", "8.50"),
    ]

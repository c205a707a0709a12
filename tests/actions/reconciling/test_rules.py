"""reconcile: what each kind of rule matches, and what it leaves to a person."""

from __future__ import annotations

from functools import partial

import pytest

from procession.actions.reconciling import collisions, work
from procession.actions.reconciling.items import Hashing
from procession.actions.reconciling.matching import MatchingRule
from procession.model.lifecycle import StepStatus
from tests.actions.reconciling.world import EXACT, reconciled

WINDOW = {"name": "Window", "equal": ["account", "ref"], "days": [-1, 5]}
BATCHES = {"name": "Batches", "match": "groups", "equal": ["account", "ref"], "days": [-1, 5]}
CHARGES = {"name": "Charges", "equal": ["account", "ref"], "tolerance": 0.5, "percent": 0.5, "days": [-1, 5]}
REVERSALS = {"name": "Reversals", "match": "reversals", "equal": ["account", "ref"], "days": 10}
MISTYPED = {"name": "Mistyped", "equal": ["account"], "alike": {"column": "ref", "edits": 2}, "days": [-1, 5]}
NO_REFERENCE = {"name": "No reference", "equal": ["account"], "empty": "ref", "days": [-1, 5]}
TOGETHER = {
    "name": "Together", "match": "subsets", "equal": ["account"], "empty": "ref", "days": [0, 5], "outcome": "matched",
}  # fmt: skip


def matched_alone(folder, pairs, rule):
    """Which pairs of references and amounts are matched, each in an account of its own: a run for each takes longer."""
    left = [f"{n},a{n},{ref},2026-01-03,{amount}" for n, ((ref, amount), _) in enumerate(pairs)]
    right = [f"{n},a{n},{ref},2026-01-04,{amount}" for n, (_, (ref, amount)) in enumerate(pairs)]
    found = reconciled(folder, left, right, rule).matches
    assert all(of_left == of_right for _, of_left, of_right in found)
    return [pairs[int(number)] for number in sorted((number for _, number, _ in found), key=int)]


def test_days_are_those_of_the_right_less_those_of_the_left(tmp_path):
    days = ["01", "02", "03", "08", "09"]  # -2, -1, 0, 5 and 6
    left, right = [f"{day},a{day},x,2026-01-03,5" for day in days], [f"{day},a{day},x,2026-01-{day},5" for day in days]

    assert reconciled(tmp_path, left, right, WINDOW).matches == [("Window", day, day) for day in ("02", "03", "08")]


def test_a_standing_payment_goes_to_the_nearest_day(tmp_path):
    left = ["1,a,rent,2026-01-03,5", "2,a,rent,2026-01-06,5"]
    right = ["8,a,rent,2026-01-06,5", "7,a,rent,2026-01-04,5"]

    assert reconciled(tmp_path, left, right, WINDOW).matches == [("Window", "1", "7"), ("Window", "2", "8")]


def test_a_tie_of_the_nearest_is_no_choice_and_is_suggested(tmp_path):
    left, right = ["1,a,x,2026-01-03,5"], ["7,a,x,2026-01-02,5", "8,a,x,2026-01-04,5"]

    made = reconciled(tmp_path, left, right, WINDOW)

    assert made.matches == []
    assert made.suggestions == [("Window", "1", "7"), ("Window", "1", "8")]
    assert made.open("left") == {"1": "several candidates"}
    assert "1 left rows have several equally good partners" in made.message


def test_a_row_whose_best_choices_are_tied_stays_open_although_one_of_them_prefers_another(tmp_path):
    """1 is as near to 7 as to 8; 8 is nearer to 2. When 2 has 8, 1 has 7 alone."""
    left = ["1,a,x,2026-01-05,5", "2,a,x,2026-01-07,5"]
    right = ["7,a,x,2026-01-04,5", "8,a,x,2026-01-06,5"]
    rule = {**WINDOW, "days": 1}

    made = reconciled(tmp_path, left, [*right, "9,a,x,2026-01-08,5"], rule)

    assert made.matches == []
    assert len(made.open("left")) == 2


def test_rows_that_a_rule_cannot_tell_apart_pair_one_by_one_with_whatever_comes(tmp_path):
    left = ["1,a,x,2026-01-03,5", "2,a,x,2026-01-03,5", "3,a,x,2026-01-03,5"]
    right = ["7,a,x,2026-01-04,5", "8,a,x,2026-01-05,5"]

    made = reconciled(tmp_path, left, right, WINDOW)

    assert made.matches == [("Window", "1", "7"), ("Window", "2", "8")]
    assert made.open("left") == {"3": "booked twice?"}


def test_a_group_is_all_rows_of_a_key_whose_sums_are_equal(tmp_path):
    left = [
        "1,1:n,b,2026-01-03,30",
        "2,n:1,b,2026-01-03,10", "3,n:1,b,2026-01-03,20",
        "4,n:m,b,2026-01-03,10", "5,n:m,b,2026-01-03,25",
        "6,a part too late,b,2026-01-03,30",
        "7,a part missing,b,2026-01-03,30",
        "8,1:1 is no group,b,2026-01-03,30",
        "9,no reference,,2026-01-03,30",
    ]  # fmt: skip
    right = [
        "1,1:n,b,2026-01-03,10", "2,1:n,b,2026-01-05,20",
        "3,n:1,b,2026-01-05,30",
        "4,n:m,b,2026-01-05,30", "5,n:m,b,2026-01-05,5",
        "6,a part too late,b,2026-01-03,10", "7,a part too late,b,2026-01-09,20",
        "8,a part missing,b,2026-01-03,10", "9,a part missing,c,2026-01-03,20",
        "10,1:1 is no group,b,2026-01-03,30",
        "11,no reference,,2026-01-03,10", "12,no reference,,2026-01-03,20",
    ]  # fmt: skip

    matches = reconciled(tmp_path, left, right, BATCHES).matches

    assert sorted(matches) == [("Batches", "1", "1+2"), ("Batches", "2+3", "3"), ("Batches", "4+5", "4+5")]


def test_a_group_has_as_many_lines_as_its_longer_side_and_its_difference_once(tmp_path):
    rule = {**BATCHES, "tolerance": 0.05, "book_to": "6990"}
    left, right = ["1,a,b,2026-01-03,30.02"], ["7,a,b,2026-01-03,10", "8,a,b,2026-01-05,20"]

    made = reconciled(tmp_path, left, right, rule)

    shown = [(row["match"], row["difference"], row["left_id"], row["right_id"]) for row in made.rows("matched")]
    assert shown == [("1", "0.02", "1", "7"), ("1", "", "", "8")]
    assert made.rows("differences") == [
        {"match": "1", "rule": "Batches", "book_to": "6990", "left_key": "1", "right_key": "7", "difference": "0.02"}
    ]


def test_the_larger_of_both_limits_counts_and_the_percentage_is_of_the_left(tmp_path):
    within = [("10.00", "10.50"), ("1000.00", "1005.00"), ("1005.01", "1000.00"), ("-1000.00", "-1005.00")]
    beyond = [("10.00", "10.51"), ("1000.00", "1005.01")]
    pairs = [(("x", left), ("x", right)) for left, right in [*within, *beyond]]

    assert matched_alone(tmp_path, pairs, CHARGES) == pairs[: len(within)]


def test_a_reversal_is_matched_with_what_it_takes_back_on_each_side(tmp_path):
    left = ["1,a,x,2026-01-03,5", "2,a,x,2026-01-09,-5", "3,a,y,2026-01-03,5", "4,a,y,2026-01-20,-5"]
    right = ["7,a,z,2026-01-03,-5", "8,a,z,2026-01-03,5"]

    made = reconciled(tmp_path, left, right, REVERSALS)

    assert made.matches == [("Reversals", "1+2", ""), ("Reversals", "", "7+8")]
    assert list(made.open("left")) == ["3", "4"]


def test_two_reversals_that_are_as_near_stay_open(tmp_path):
    left = ["1,a,x,2026-01-05,5", "2,a,x,2026-01-04,-5", "3,a,x,2026-01-06,-5"]

    assert reconciled(tmp_path, left, ["7,b,x,2026-01-01,1"], REVERSALS).matches == []


def test_a_reference_may_be_mistyped_by_two_edits_and_a_fifth_of_its_length(tmp_path):
    alike = [
        ("INV-2026-0001234", "INV-2026-0001243"),
        ("INV-2026-0001234", "inv20260001234"),
        ("INV-2026-0001234", "INV-2026-000124"),
        ("Größe 12345", "GRÖSSE 12345"),
        ("ЖДЖД-12345678", "ZДZД-12345678"),
        ("Größe-123456", "größe 123456"),
    ]
    others = [
        ("INV-2026-0001234", "INV-2026-0009876"),
        ("INV-1", "INV-2"),
        ("INV-2026-0001234", ""),
        ("Größe 1234", "GRÖSSE 1234"),
        ("ЖДЖД-12345678", "ZDZД-12345678"),
    ]
    pairs = [((left, "5"), (right, "5")) for left, right in [*alike, *others]]

    assert matched_alone(tmp_path, pairs, MISTYPED) == pairs[: len(alike)]


def test_a_mistyped_reference_as_near_to_two_is_suggested_for_both(tmp_path):
    left = ["1,a,INV-2026-0001231,2026-01-03,5", "2,a,INV-2026-0001232,2026-01-03,5"]

    made = reconciled(tmp_path, left, ["7,a,INV-2026-000123,2026-01-03,5"], MISTYPED)

    assert made.matches == []
    assert [found[1:] for found in made.suggestions] == [("1", "7"), ("2", "7")]


def test_a_rule_without_a_reference_wants_it_empty_on_one_side_at_least(tmp_path):
    pairs = [
        ((left, "5"), (right, "5")) for left, right in [("INV-1", ""), ("", ""), ("", "CRN-9"), ("INV-1", "CRN-9")]
    ]

    assert matched_alone(tmp_path, pairs, NO_REFERENCE) == pairs[:3]


@pytest.mark.parametrize("rule", [NO_REFERENCE, {"name": "Amount", "equal": ["amount"], "days": 5}])
def test_a_nearer_day_decides_nothing_between_two_people(tmp_path, rule):
    left = ["1,a,Ann,2026-01-05,5", "2,a,Bob,2026-01-04,5"]

    made = reconciled(tmp_path, left, ["7,a,,2026-01-05,5"], rule)

    assert made.matches == []
    assert made.open("left") == {"1": "several candidates", "2": "several candidates"}


def test_a_row_pays_the_only_set_of_items_that_gives_its_amount(tmp_path):
    left = ["1,a,x,2026-01-03,101.37", "2,a,y,2026-01-04,212.95", "3,a,z,2026-01-05,300.04", "4,b,z,2026-01-05,99.99"]

    made = reconciled(tmp_path, left, ["7,a,,2026-01-05,401.41"], TOGETHER)

    assert made.matches == [("Together", "1+3", "7")]


def test_subsets_are_suggested_unless_the_rule_says_that_they_match(tmp_path):
    left = ["1,a,x,2026-01-03,101.37", "2,a,y,2026-01-04,212.95"]
    rule = {key: value for key, value in TOGETHER.items() if key != "outcome"}

    made = reconciled(tmp_path, left, ["7,a,,2026-01-05,314.32"], rule)

    assert made.matches == []
    assert made.suggestions == [("Together", "1+2", "7")]
    assert made.open("right") == {"7": "suggested"}


@pytest.mark.parametrize(
    ("left", "right", "why"),
    [
        (["101.37", "212.95", "151.16", "163.16"], "314.32", "several sets of items give the amount"),
        (["100", "200", "150"], "300", "so many items give such an amount by chance"),
        (["314.32", "101.37", "212.95"], "314.32", "several sets of items give the amount"),
    ],
    ids=["two sets", "round amounts", "one item too"],
)
def test_a_sum_that_proves_nothing_is_suggested(tmp_path, left, right, why):
    made = reconciled(
        tmp_path, [f"{n},a,x{n},2026-01-03,{one}" for n, one in enumerate(left)], [f"7,a,,2026-01-05,{right}"], TOGETHER
    )

    assert made.matches == []
    assert {row["why"] for row in made.rows("suggested") if row["why"]} == {why}


def test_an_item_that_two_rows_may_have_paid_goes_to_neither(tmp_path):
    left = ["1,a,x,2026-01-03,101.37", "2,a,y,2026-01-03,212.95", "3,a,z,2026-01-03,517.81"]

    made = reconciled(tmp_path, left, ["7,a,,2026-01-05,314.32", "8,a,,2026-01-05,619.18"], TOGETHER)

    assert made.matches == []
    assert len(made.suggestions) == 2


def test_an_item_that_is_all_of_another_row_is_no_part_of_one(tmp_path):
    """What 8 pays can only be 1, so 7 may not have it."""
    left = ["1,a,x,2026-01-03,101.37", "2,a,y,2026-01-08,212.95"]

    made = reconciled(tmp_path, left, ["7,a,,2026-01-08,314.32", "8,a,,2026-01-03,101.37"], TOGETHER)

    assert made.matches == []


def test_pools_that_are_too_large_are_told_and_not_looked_through(tmp_path):
    left = [f"{n},a,x{n},2026-01-03,{n}.37" for n in range(100, 141)]

    made = reconciled(tmp_path, left, ["7,a,,2026-01-05,401.11"], TOGETHER)

    assert made.matches == []
    assert "did not look through the items of 1 rows" in made.message


def test_equal_amounts_by_the_dozen_end_quickly_and_without_a_match(tmp_path):
    left = [f"{n},a,x{n},2026-01-03,10.01" for n in range(40)]

    made = reconciled(tmp_path, left, ["7,a,,2026-01-05,40.04"], TOGETHER)

    assert made.matches == []
    assert "did not look through" in made.message


def test_a_rule_sees_only_rows_of_its_conditions(tmp_path):
    rule = {**EXACT, "where": {"left": "amount < 0 AND ref LIKE 'x%'", "right": "amount < 0"}}
    left = ["1,a,x,2026-01-03,-5", "2,a,x,2026-01-03,5", "3,a,y,2026-01-03,-5"]

    made = reconciled(tmp_path, left, [line.replace(",a,", ",a,", 1) for line in left], rule)

    assert made.matches == [("Exact", "1", "1")]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("(SELECT true)", "is not one condition"),
        ("amount", "is not one condition"),
        ("true); DROP TABLE pairs; --", "is no condition"),
        ("amonut > 5", "amonut"),
        ("count(*) > 1", "aggregate"),
        ("current_setting('temp_directory') <> ref", "current_setting is not available here"),
        ("ref IN (SELECT 'x')", "is not one condition"),
        ("EXISTS (FROM pairs)", "is not one condition"),
        ("true) LIMIT (1", "is not one condition"),
        ("true) GROUP BY (1", "is not one condition"),
        ("true), (true", "is not one condition"),
        ("true) UNION SELECT (true", "is not one condition"),
    ],
)
def test_a_condition_is_one_condition_and_nothing_else(tmp_path, condition, said):
    made = reconciled(tmp_path, ["1,a,x,2026-01-03,5"], [], {**EXACT, "where": {"left": condition}})

    assert made.played.outcome.status.value == "Failed"
    assert said in made.message


def test_a_reference_is_found_as_a_whole_word_of_the_other_sides_text(tmp_path):
    rule = {"name": "Word", "equal": ["account"], "word_of": {"reference": "ref", "text": "ref"}, "days": [-1, 5]}
    left = ["1,a,INV-1234,2026-01-03,5", "2,a,INV-123,2026-01-03,6", "3,a,7,2026-01-03,7"]
    right = ["7,a,your inv-1234 thanks,2026-01-04,5", "8,a,INV-1234 INV-1239,2026-01-04,6", "9,a,no 7,2026-01-04,7"]

    assert reconciled(tmp_path, left, right, rule).matches == [("Word", "1", "7")]


@pytest.mark.parametrize("rule", [CHARGES, TOGETHER])
def test_too_many_candidates_fail_and_name_the_worst_keys(tmp_path, rule):
    left = [f"{n},a,,2026-01-03,{n + 1}" for n in range(7_072)]

    made = reconciled(tmp_path, left, left, {**rule, "equal": ["account"]})

    assert f'the rule "{rule["name"]}" would have to look at 50,013,184 pairs of rows with equal keys' in made.message
    assert ('Most have "a": 50,013,184' in made.message) == (rule is CHARGES)


@pytest.mark.parametrize("refs", [("x", "y"), ("", "x")])
def test_two_rows_that_differ_in_the_reference_are_no_twins_to_one_without(tmp_path, refs):
    left = [f"{n},a,{ref},2026-01-03,5" for n, ref in enumerate(refs)]

    made = reconciled(tmp_path, left, ["7,a,,2026-01-03,5"], {**NO_REFERENCE, "choose": "nearest"})

    assert made.matches == []
    assert set(made.open("left").values()) == {"several candidates"}


@pytest.mark.parametrize(("attempts", "said"), [
    ((Hashing(bits=0), Hashing(salt=1)), "0 matched, 1 only left, 1 only right"),
    ((Hashing(bits=0),), "different values had one hash each time; nothing was published"),
])  # fmt: skip
@pytest.mark.parametrize("rule", [EXACT, {**EXACT, "match": "groups"}])
def test_values_of_one_hash_are_not_taken_for_equal(tmp_path, attempts, said, rule):
    left, right = ["1,a,x,2026-01-03,5"], ["7,a,y,2026-01-03,5"]
    if "match" in rule:
        right = ["7,a,y,2026-01-03,2", "8,a,y,2026-01-03,3"]
        said = said.replace("1 only right", "2 only right")

    made = reconciled(tmp_path, left, right, rule, run=partial(work.run, attempts=attempts))

    assert made.message.startswith(said)


@pytest.mark.parametrize("settings", [
    {"outputs": {"matched": {"to": "${o.matched}", "as": "matched.parquet"}}},
    {"outputs": {"summary": "${o.summary}"}},
    # A limit is held against what is right.
    {"fail_when": {"only_left": 1}},
])  # fmt: skip
def test_a_false_match_is_found_out_whatever_is_written(tmp_path, settings):
    left, right = ["1,a,x,2026-01-03,5", "2,a,z,2026-01-03,6"], ["7,a,y,2026-01-03,5", "8,a,z,2026-01-03,6"]
    attempts = (Hashing(bits=0), Hashing(salt=1))

    made = reconciled(tmp_path, left, right, EXACT, run=partial(work.run, attempts=attempts), **settings)

    assert made.message.startswith("1 matched, 1 only left, 1 only right")


def test_a_rule_that_allows_no_difference_is_held_to_it_by_the_totals(tmp_path, monkeypatch):
    monkeypatch.setattr(MatchingRule, "is_within", lambda *_: "true")

    made = reconciled(tmp_path, ["1,a,x,2026-01-03,5"], ["7,a,x,2026-01-03,2", "8,a,x,2026-01-03,1"], BATCHES)

    assert made.message.startswith('the matches of the rule "Batches", which allows no difference, differ by 2')
    assert made.played.outcome.status is StepStatus.FAILED


def test_a_condition_that_speaks_like_a_collision_ends_the_step(tmp_path):
    rule = {**EXACT, "where": {"left": f"error('{collisions.TOLD}') IS NULL"}}

    made = reconciled(tmp_path, ["1,a,x,2026-01-03,5"], ["7,a,x,2026-01-03,5"], rule)

    assert made.played.outcome.status is StepStatus.FAILED
    assert collisions.TOLD in made.message

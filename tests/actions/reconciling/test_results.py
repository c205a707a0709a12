"""reconcile: reasons, ages, what is carried forward, totals, the report and what is warned of."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import openpyxl
import pytest

from procession.model.lifecycle import StepStatus
from tests.actions.reconciling.world import EXACT, HEADINGS, lines, reconciled

WINDOW = {"name": "Window", "equal": ["account", "ref"], "days": [-1, 5]}
CHARGES = {**WINDOW, "name": "Charges", "tolerance": 0.5, "book_to": "6990"}


@pytest.mark.parametrize(
    ("right", "reason", "near"),
    [
        ("7,a,x,2026-01-03,7.5", "amount differs by 2.50", "7"),
        ("7,a,x,2026-01-20,5", "17 days apart", "7"),
        ("7,b,x,2026-01-03,5", "other account", "7"),
        ("7,a,y,2026-01-03,5", "other ref", "7"),
        ("7,a,y,2026-02-03,5", "nothing on the other side", ""),
        ("7,b,y,2026-01-03,6", "nothing on the other side", ""),
        ("7,a,x,2026-01-03,", "nothing on the other side", ""),
    ],
)
def test_an_open_row_says_what_is_nearest_and_why_it_is_none(tmp_path, right, reason, near):
    made = reconciled(tmp_path, ["1,a,x,2026-01-03,5"], [right], WINDOW)

    assert made.open("left") == {"1": reason}
    assert made.open("left", "near_key") == {"1": near}


@pytest.mark.parametrize(
    "settings",
    [
        {"decisions": "${f.d}", "files": {"f.d": ("d.csv", lines(["never,1,7"], "decision,left_key,right_key"))}},
        {"where": {"right": "amount > 9"}},
        {"days": [1, 5]},
        {"match": "groups"},
    ],
)
@pytest.mark.parametrize("days", [{}, pytest.param({"days": 0}, marks=pytest.mark.thorough)])
def test_of_two_equal_rows_none_says_that_there_is_nothing_on_the_other_side(tmp_path, settings, days):
    rule = {"name": "Equal", "equal": ["account", "ref"], **days}
    whole = {name: settings[name] for name in ("decisions", "files") if name in settings}

    made = reconciled(
        tmp_path, ["1,a,x,2026-01-03,5"], ["7,a,x,2026-01-03,5"], rule if whole else rule | settings, **whole
    )

    assert made.open("left") == {"1": "equal, but no rule pairs them"}
    assert made.open("right", "near_key") == {"7": "1"}


def test_rows_that_a_rule_may_not_pair_for_their_texts_are_not_called_equal(tmp_path):
    rule = {"name": "No reference", "equal": ["account"], "empty": "ref"}

    made = reconciled(tmp_path, ["1,a,x,2026-01-03,5"], ["7,a,y,2026-01-03,5"], rule)

    assert made.open("left") == {"1": "nothing on the other side"}


def test_no_row_has_more_than_ten_suggestions_of_several_rules(tmp_path):
    near = {"equal": ["account"], "tolerance": 1, "choose": "only"}
    rules = [{**near, "name": ref, "where": {"right": f"ref = '{ref}'"}} for ref in "xy"]
    right = [f"{ref}{n},a,{ref},2026-01-03,5.{n:02}" for ref in "xy" for n in range(1, 12)]

    made = reconciled(tmp_path, ["1,a,z,2026-01-03,5"], right, *rules)

    assert [rule for rule, *_ in made.suggestions] == ["x"] * 10
    assert set(made.open("right").values()) == {"several candidates"}


def test_a_row_without_an_amount_says_so(tmp_path):
    assert reconciled(tmp_path, ["1,a,x,2026-01-03,"], []).open("left") == {"1": "no amount"}


def test_open_rows_have_an_age_from_the_day_that_is_given(tmp_path):
    left = [
        "1,a,x,2026-01-31,1",
        "2,a,y,2026-01-01,2",
        "3,a,z,2025-12-31,3",
        "4,a,v,2025-06-30,4",
        "5,a,w,2026-02-01,5",
    ]

    made = reconciled(tmp_path, left, [], as_of="2026-01-31")

    assert made.open("left", "age_days") == {"1": "0", "2": "30", "3": "31", "4": "215", "5": "-1"}
    assert made.open("left", "age") == {"1": "0 to 30", "2": "0 to 30", "3": "31 to 60", "4": "over 90", "5": "later"}
    assert set(made.open("left", "first_open_on").values()) == {"2026-01-31"}
    assert set(made.open("left", "times_open").values()) == {"1"}


def carried(folder, month, as_of, left, right, before=None):
    """One month, with what the month before left open."""
    given = {} if before is None else {"f.lo": before["left"], "f.ro": before["right"]}
    settings: dict[str, Any] = {"left": ["${f.l}", "${f.lo}"], "right": ["${f.r}", "${f.ro}"]} if before else {}
    (folder / month).mkdir()
    made = reconciled(folder / month, left, right, WINDOW, files=given, as_of=as_of, **settings)
    outputs = made.played.outputs
    return made, {side: (f"{side}-open.csv", outputs[f"o.only_{side}"]) for side in ("left", "right")}


def test_what_is_carried_forward_keeps_when_it_was_first_open_and_how_often(tmp_path):
    left = ["1,a,1.10,2026-01-30,5", "2,a,2.20,2026-01-10,7"]
    one, before = carried(tmp_path, "january", "2026-01-31", left, [])
    two, after = carried(tmp_path, "february", "2026-02-28", ["3,b,9,2026-02-03,9"], ["8,a,1.10,2026-02-02,5"], before)
    three, _ = carried(tmp_path, "march", "2026-03-31", [], ["9,c,4,2026-03-02,4"], after)

    assert one.matches == []
    assert two.matches == [("Window", "1", "8")]
    assert two.open("left", "times_open") == {"3": "1", "2": "2"}
    assert three.open("left", "first_open_on") == {"3": "2026-02-28", "2": "2026-01-31"}
    assert three.open("left", "times_open") == {"3": "2", "2": "3"}
    assert list(three.rows("only_left")[0]) == [
        *HEADINGS.split(","), "first_open_on", "times_open", "age_days", "age", "reason", "near_key",
    ]  # fmt: skip


def test_a_row_carried_forward_that_comes_again_counts_once_and_keeps_its_history(tmp_path):
    row = "2,a,2.20,2026-01-10,7.00"
    _, before = carried(tmp_path, "january", "2026-01-31", [row], [])
    two, _ = carried(tmp_path, "february", "2026-02-28", [row], ["8,b,x,2026-02-02,5"], before)

    assert two.open("left", "first_open_on") == {"2": "2026-01-31"}
    assert two.open("left", "times_open") == {"2": "2"}
    assert "1 rows of the left side were given twice" in two.message


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ([",a,x,2026-01-01,5"], "1 rows of the left side have no key"),
        (["1,a,x,2026-01-01,5", ",a,y,2026-01-01,5", "2,a,z,2026-01-01,5"], "1 rows of the left side have no key"),
        (
            ["1,a,x,2026-01-01,5", "3,a,y,2026-01-01,5", "3,a,y,2026-01-01,5"],
            "1 rows of the left side were given twice",
        ),
        (
            ["3,a,y,2026-01-01,5", "1,a,x,2026-01-01,5", "3,a,y,2026-01-01,5"],
            "1 rows of the left side were given twice",
        ),
    ],
)
def test_keys_that_are_missing_or_come_twice_are_told_in_any_order(tmp_path, left, said):
    assert said in reconciled(tmp_path, left, ["8,b,x,2026-02-02,5"]).message


def test_users_columns_of_our_names_are_theirs(tmp_path):
    content = lines(["1,a,x,2026-01-03,5,late", "2,b,y,2026-01-03,5,"], HEADINGS + ",reason")

    made = reconciled(tmp_path, [], [], files={"f.l": ("left.csv", content)})

    assert made.open("left") == {"1": "late", "2": ""}
    assert set(made.open("left", "reason (reconcile)").values()) == {"nothing on the other side"}


def test_sources_of_one_side_are_one_below_the_other_and_keep_their_places(tmp_path):
    more = {"f.l2": ("second.csv", lines(["3,a,z,2026-01-03,many"]))}

    made = reconciled(tmp_path, ["1,a,x,2026-01-03,5"], [], files=more, left=["${f.l}", "${f.l2}"])

    assert made.message.startswith('the left file, second.csv, line 2, column "amount": "many" is not an amount')


def test_a_reference_that_is_a_number_in_one_source_and_a_text_in_another_stays_as_written(tmp_path):
    more = {"f.l2": ("second.csv", lines(["3,a,z7,2026-01-03,6"]))}
    left, right = ["1,a,1.10,2026-01-03,5"], ["8,a,1.10,2026-01-03,5", "9,a,z7,2026-01-03,6"]

    made = reconciled(tmp_path, left, right, files=more, left=["${f.l}", "${f.l2}"])

    assert made.matches == [("Exact", "1", "8"), ("Exact", "3", "9")]


def test_overlapping_sources_count_a_row_once_and_say_so(tmp_path):
    more = {"f.l2": ("second.csv", lines(["1,a,x,2026-01-03,5", "3,a,z,2026-01-03,6"]))}

    made = reconciled(tmp_path, ["1,a,x,2026-01-03,5"], [], files=more, left=["${f.l}", "${f.l2}"])

    assert list(made.open("left")) == ["1", "3"]
    assert made.played.outcome.status is StepStatus.WARNING
    assert "1 rows of the left side were given twice" in made.message


def test_one_key_with_two_contents_is_refused_with_both_places(tmp_path):
    made = reconciled(tmp_path, ["1,a,x,2026-01-03,5", "2,a,y,2026-01-03,5", "1,a,x,2026-01-03,6"], [])

    assert made.played.outcome.status is StepStatus.FAILED
    assert made.message.startswith('the left side has the key "1" twice, with different content: line 2 and line 4')


def test_totals_are_by_currency_and_never_added_over_two(tmp_path):
    headings = "id,ccy,ref,day,amount"
    left = lines(["1,EUR,x,2026-01-03,5", "2,USD,y,2026-01-03,7"], headings)
    right = lines(["8,EUR,x,2026-01-03,5"], headings)
    rule = {"name": "Exact", "equal": ["ccy", "ref"]}

    made = reconciled(tmp_path, [], [], rule, files={"f.l": ("l.csv", left), "f.r": ("r.csv", right)}, currency="ccy")

    everything = [row for row in made.rows("summary") if row["line"] == "Everything"]
    assert [(row["currency"], row["left_total"], row["right_total"]) for row in everything] == [
        ("EUR", "5", "5"), ("USD", "7", "0"),
    ]  # fmt: skip
    assert "EUR left and right balance at 5, USD left 7 and right 0 differ by 7" in made.message


def test_a_match_of_two_currencies_is_told(tmp_path):
    headings = "id,ccy,ref,day,amount"
    files = {
        "f.l": ("l.csv", lines(["1,EUR,x,2026-01-03,5"], headings)),
        "f.r": ("r.csv", lines(["8,USD,x,2026-01-03,5"], headings)),
    }

    made = reconciled(tmp_path, [], [], {"name": "Exact", "equal": ["ref"]}, files=files, currency="ccy")

    assert "1 matches hold rows of several currencies" in made.message


@pytest.mark.parametrize(
    ("warn", "said"),
    [
        ({"older_than": 30}, "1 open rows are older than 30 days"),
        ({"open_amount": 6}, "1 open rows have an amount of more than 6"),
        ({"older_than": 31}, ""),
        ({"open_amount": 7}, ""),
    ],
)
def test_what_is_old_or_large_is_warned_of_when_it_is_asked_for(tmp_path, warn, said):
    left = ["1,a,x,2025-12-31,-7", "2,a,y,2026-01-31,5", "3,b,z,2026-01-31,1"]

    made = reconciled(tmp_path, left, ["9,b,z,2026-01-31,1"], as_of="2026-01-31", warn=warn)

    assert (made.played.outcome.status is StepStatus.WARNING) == bool(said)
    assert made.message.endswith(said)


@pytest.mark.parametrize(
    "total",
    ["Summe,,,,30", ",,,2026-01-31,30", "Saldo,,,,-30", "9,a,Total EUR,2026-01-31,30", "9,,ИТОГО,2026-01-31,30"],
)
def test_a_total_among_the_rows_is_told_with_its_line(tmp_path, total):
    """It doubles what the side adds up to."""
    made = reconciled(tmp_path, ["1,a,x,2026-01-03,10", "2,a,y,2026-01-04,20", total], ["7,a,x,2026-01-03,10"])

    assert "the left side counts what looks like a total as a row: line 4" in made.message


def test_totals_of_sections_and_of_all_are_told_each(tmp_path):
    left = ["1,a,x,2026-01-03,10", "2,a,y,2026-01-04,20", ",,Summe,,30", "3,b,x,2026-01-03,1", "4,b,y,2026-01-04,2",
            ",,Summe,,3", ",,Gesamtsumme,,33"]  # fmt: skip

    made = reconciled(tmp_path, left, ["7,a,x,2026-01-03,10"])

    assert "what looks like a total as a row: line 4, line 7, line 8" in made.message


@pytest.mark.parametrize("row", ["9,a,TOTAL Energies,2026-01-31,31", "9,a,z,2026-01-31,30", ",,,2026-01-31,31"])
def test_a_row_that_is_no_sum_is_a_row(tmp_path, row):
    made = reconciled(tmp_path, ["1,a,x,2026-01-03,10", "2,a,y,2026-01-04,20", row], ["7,a,x,2026-01-03,10"])

    assert "looks like a total" not in made.message


def test_the_report_holds_totals_rules_rows_and_lines_to_sign(tmp_path):
    left = ["1,a,x,2026-01-03,5.20", "2,a,y,2026-01-03,7", "3,a,z,2026-01-03,1"]
    outputs = {"report": "${o.x}"}

    made = reconciled(
        tmp_path, left, ["7,a,x,2026-01-03,5"], EXACT, CHARGES, outputs=outputs, as_of="2026-01-31", totals_by="account"
    )

    book = openpyxl.load_workbook(io.BytesIO(made.played.outputs["o.x"]))
    assert book.sheetnames == [
        *("Summary", "Sign-off", "Rules", "Matched", "Suggested", "Only left", "Only right", "Ages", "Differences"),
    ]  # fmt: skip
    signed = {row[0].value: row[1].value for row in book["Sign-off"].iter_rows()}
    assert signed["As of"] == "2026-01-31"
    assert signed["Left: rows in"] == "3"
    assert signed["Left: rows matched or closed"] == "1"
    assert len(str(signed["SHA-256"])) == 64
    assert {"Prepared by", "Reviewed on"} <= set(signed)
    assert [cell.value for cell in book["Rules"][3]][:6] == ["2", "Charges", "pairs", "account, ref", "0.5", "-1 to 5"]


def test_equal_sides_give_an_equal_report(tmp_path):
    books = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made = reconciled(tmp_path / name, ["1,a,x,2026-01-03,5"], [], outputs={"report": "${o.x}"})
        books.append(made.played.outputs["o.x"])

    assert books[0] == books[1]
    assert zipfile.ZipFile(io.BytesIO(books[0])).testzip() is None


def test_the_sign_of_one_side_may_be_turned_and_texts_cleaned(tmp_path):
    columns = {
        "account": {"clean": ["no_leading_zeros"]},
        "ref": {"clean": ["trim", "upper", {"pattern": "INV-?([0-9]+)"}]},
        "amount": {"sign": "opposite"},
        "day": {},
        "id": {},
    }

    made = reconciled(
        tmp_path,
        ["1,007, inv-12 late,2026-01-03,5"],
        ["7,7,INV12,2026-01-03,-5", "8,7,INV13,2026-01-03,5"],
        columns=columns,
    )

    assert made.matches == [("Exact", "1", "7")]
    assert "left 5 and right 0 differ by 5" in made.message


def test_a_text_that_cleaning_leaves_nothing_of_is_equal_to_nothing(tmp_path):
    columns = {"account": {}, "ref": {"clean": ["digits"]}, "amount": {}, "day": {}, "id": {}}

    made = reconciled(tmp_path, ["1,a,none,2026-01-03,5"], ["7,a,n/a,2026-01-03,5"], columns=columns)

    assert made.matches == []

"""reconcile: what identifies a row, and what is said of the rows that stay open."""

from __future__ import annotations

import duckdb
import pytest

from procession.actions.kinds import reconcile
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

EXACT = {"name": "Exact", "equal": ["key"]}
NEAR = {"name": "Near", "equal": ["key"], "tolerance": 1}
OUTPUTS = {"matched": "${o.m}", "only_left": "${o.l}", "only_right": "${o.r}", "summary": "${o.s}"}


def match(folder, left_text, right_text, *rules, **settings):
    """Each side is text of a CSV file."""
    given = {"left": "${f.l}", "right": "${f.r}", "amount": "amount", "rules": list(rules or (EXACT,))}
    files = {"f.l": ("left.csv", left_text.encode()), "f.r": ("right.csv", right_text.encode())}
    return play(reconcile.ACTION, folder, given | {"outputs": OUTPUTS} | settings, files)


@pytest.mark.parametrize("name", ["rowid", "ROWID"])
@pytest.mark.parametrize("numbers", [("5", "5"), ("1", "0"), ("", "1"), ("x", "y")])
def test_a_column_called_rowid_is_a_column_like_any_other(tmp_path, name, numbers):
    one, two = numbers

    played = match(tmp_path, f"{name},key,amount\n{one},a,1\n{two},b,2\n", "key,amount\nb,2\nc,4\n")

    assert played.outcome.message.startswith("1 matched, 1 only left, 1 only right; left 3 and right 6 differ")
    headings = f"match,rule,difference,left_{name},left_key,left_amount,right_key,right_amount"
    assert played.outputs["o.m"].decode() == f"{headings}\n1,Exact,0,{two},b,2,b,2\n"
    assert played.outputs["o.l"].decode() == f"{name},key,amount,reason\n{one},a,1,nothing on the other side\n"


def test_a_wrong_amount_is_found_in_its_row_beside_a_column_called_rowid(tmp_path):
    played = match(tmp_path, "rowid,key,amount\n0,a,1\n0,b,two\n", "key,amount\na,1\n")

    assert 'line 3, column "amount": "two"' in played.outcome.message


def test_rows_that_different_rules_leave_undecided_are_counted_together(tmp_path):
    left = "key,account,amount\na,,5\n,x,7\n"
    right = "key,account,amount\na,,4\na,,6\n,x,6\n,x,8\n"
    by_account = {"name": "Account", "equal": ["account"], "tolerance": 1}

    played = match(tmp_path, left, right, NEAR, by_account, fail_when={"undecided": 1})

    assert played.outcome.status is StepStatus.FAILED
    assert played.outcome.message.startswith("undecided is 2, and fail_when allows at most 1")


def test_a_row_that_a_later_rule_decides_is_not_undecided(tmp_path):
    right = "key,account,amount\na,x,4\na,y,6\n"
    by_account = {"name": "Account", "equal": ["account"], "tolerance": 1}

    played = match(tmp_path, "key,account,amount\na,x,5\n", right, NEAR, by_account, fail_when={"undecided": 0})

    assert played.outcome.status is StepStatus.SUCCESS
    assert played.outcome.message.startswith("1 matched, 0 only left, 1 only right")


def test_an_open_row_is_booked_twice_only_once_whatever_rules_matched_its_like(tmp_path):
    played = match(tmp_path, "key,amount\na,5\na,5\na,5\n", "key,amount\na,5\na,5.5\n", EXACT, NEAR)

    assert played.outcome.message.endswith("; 1 open rows look booked twice: a row like them is matched")


def by_purpose(played):
    """(purpose, left total, right total) of all that came in for each purpose, as the summary says."""
    lines = [line.split(",") for line in played.outputs["o.s"].decode().splitlines()]
    return [(line[0], line[3], line[5]) for line in lines if line[1] == "Everything" and line[0] != "All"]


def test_one_purpose_has_one_line_whatever_else_stands_in_its_column(tmp_path):
    """The left column is one of whole numbers, the right one is not."""
    left, right = "key,centre,amount\na,10,5\n", "key,centre,amount\nc,10,1\nd,10.5,6\n"

    played = match(tmp_path, left, right, totals_by="centre")

    assert by_purpose(played) == [("10", "5", "1"), ("10.5", "0", "6")]


def test_purposes_that_are_declared_as_numbers_are_the_same_by_value(tmp_path):
    columns = {"centre": {"type": "Number"}}
    sides = {side: {"file": f"${{f.{side[0]}}}", "columns": columns} for side in ("left", "right")}
    left, right = "key,centre,amount\na,10,5\n", "key,centre,amount\nc,10.00,1\nd,10.50,6\n"

    played = match(tmp_path, left, right, totals_by="centre", **sides)

    assert by_purpose(played) == [("10", "5", "1"), ("10.5", "0", "6")]


def test_a_small_difference_is_shown_with_its_digits(tmp_path):
    played = match(tmp_path, "key,amount\na,5\n", "key,amount\na,5.0000000001\n")

    assert played.outcome.message.endswith(
        "left 5.0000000000 and right 5.0000000001 differ by -0.0000000001; nothing matched"
    )


def test_amounts_of_two_sources_are_not_rounded_before_they_are_looked_at(tmp_path):
    """Alone the first was refused; beside another source its last decimals went, and it was matched."""
    fine, plain = tmp_path / "fine.parquet", b"key,amount\nb,1\n"
    duckdb.execute(f"COPY (SELECT 'a' AS key, 1.000000000000000001::DECIMAL(38,18) AS amount) TO '{fine}'")
    settings = {
        "left": ["${f.l}", "${f.m}"],
        "right": "${f.r}",
        "amount": "amount",
        "rules": [{"name": "Exact", "equal": ["key"]}],
        "outputs": {"matched": "${o.m}"},
    }
    files = {"f.l": ("l.parquet", fine.read_bytes()), "f.m": ("m.csv", plain), "f.r": ("r.csv", b"key,amount\na,1\n")}

    played = play(reconcile.ACTION, tmp_path / "step", settings, files)

    assert played.outcome.message == "the left file has an amount of more than 28 digits or ten decimals"

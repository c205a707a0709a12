"""reconcile says why little matches, where that may be a mistake."""

from __future__ import annotations

import pytest

from procession.actions.kinds import reconcile
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

TEXT, NUMBER, MONEY = {"type": "Text"}, {"type": "Number"}, {"type": "Money"}
GERMAN = {"type": "Date", "pattern": "%d.%m.%Y"}
DATETIME = {"type": "Datetime"}


def match(folder, left, right, *, said=(None, None), zones=(None, None), rules=({"name": "Exact", "equal": ["key"]},)):
    """Each side is (key, amount) rows with 1 for the amount left out; `said`: what `key` is declared as."""
    sides = {}
    for side, declared, zone in zip(("left", "right"), said, zones, strict=True):
        columns = {"columns": {"key": declared}} if declared else {}
        sides[side] = {"file": f"${{f.{side}}}", **columns, **({"zone": zone} if zone else {})}
    settings = {**sides, "amount": "amount", "rules": list(rules), "outputs": {"matched_count": "${o.n}"}}
    files = {f"f.{side}": (f"{side}.csv", rows(given)) for side, given in (("left", left), ("right", right))}
    played = play(reconcile.ACTION, folder, settings, files)
    return played.outputs.get("o.n"), played.outcome.status, played.outcome.message


def rows(given):
    lines = [row if isinstance(row, tuple) else (row, 1) for row in given]
    return "key;amount\n".replace(";", "\t").encode() + "".join(f"{key}\t{amount}\n" for key, amount in lines).encode()


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ("0012", "12", (TEXT, NUMBER)),
        ("0012", "12", (None, NUMBER)),
        ("0012", "12", (TEXT, None)),
        ("0012", "12", (None, None)),
        ("31.01.2026", "31.1.2026", (GERMAN, None)),
        ("31.01.2026", "2026-01-31", (GERMAN, TEXT)),
        ("1.234,5", "1234.50", ({"type": "Money", "decimal": ",", "thousands": "."}, TEXT)),
        ("inv-1", "INV-1", (None, None)),
        ("INV-1 ", "INV-1", (TEXT, TEXT)),
        ("INV\u00a01", "INV 1", (TEXT, TEXT)),
        ("M\u00fcller", "Mu\u0308ller", (TEXT, TEXT)),
    ],
)
def test_one_value_in_two_spellings_is_told_with_both(tmp_path, left, right, said):
    matched, status, message = match(tmp_path, [left, "same"][: 1 + (said == (TEXT, TEXT))], [right], said=said)

    assert (matched, status) == (0, StepStatus.WARNING)
    assert "1 left row stays open only by spelling:" in message
    assert "are not equal as texts" in message


def test_what_nobody_sees_is_told_by_its_code(tmp_path):
    _, _, message = match(tmp_path, ["INV\u00a01"], ["INV 1"], said=(TEXT, TEXT))

    assert r'"INV\u00a01" in the left column "key" and "INV 1" in the right column' in message
    assert "they differ only in what nobody sees; nothing matched" in message


def test_blanks_at_an_end_are_what_trim_takes_away(tmp_path):
    _, _, message = match(tmp_path, ["INV 1\u00a0"], ["INV 1"], said=(TEXT, TEXT))

    assert "they differ only in what nobody sees; trim: true takes blanks from both ends" in message


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (["a", ("007", 5)], ["a", ("7", 6)], (None, None)),
        (["a", "007"], ["a", "7"], (TEXT, TEXT)),
        (["a", "x"], ["a", "y"], (None, None)),
        (["007", "7"], ["007", "7"], (None, None)),
    ],
    ids=["another amount", "texts on both sides", "others", "both there"],
)
def test_nothing_is_said_of_keys_that_are_meant_to_differ(tmp_path, left, right, said):
    matched, status, message = match(tmp_path, left, right, said=said)

    assert matched
    assert status is StepStatus.SUCCESS, message


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        (["", ""], ["a", "b"], 'the column "key" of the left file is empty in all rows, and equals nothing'),
        (["a"], [""], 'the column "key" of the right file is empty in all rows'),
        ([("a", "")], ["a"], "no row of the left file has an amount, so nothing can match"),
        (["a"], ["b"], "nothing matched"),
        ([("a", -1), ("b", 2)], ["a", ("b", -2)], "nothing matched; 2 left rows would, if one side had the opposite"),
    ],
)
def test_a_reconciliation_without_a_match_says_why(tmp_path, left, right, told):
    matched, status, message = match(tmp_path, left, right)

    assert (matched, status) == (0, StepStatus.WARNING)
    assert told in message


@pytest.mark.parametrize("said", [None, DATETIME])
@pytest.mark.parametrize(
    ("zone", "matched", "is_told"), [(None, 0, True), ("UTC", 0, False), ("Europe/Berlin", 1, False)]
)
def test_a_moment_with_a_zone_is_what_clocks_of_its_file_s_zone_show(tmp_path, said, zone, matched, is_told):
    left, right = ["2026-01-31T10:00:00Z"], ["2026-01-31 11:00:00"]

    found, _, message = match(tmp_path, left, right, said=(said, said), zones=(zone, None))

    assert found == matched
    assert ("have a zone, and the other side has none" in message) == is_told


def test_moments_that_have_zones_on_both_sides_need_no_more(tmp_path):
    left, right = ["2026-01-31T10:00:00Z"], ["2026-01-31T12:00:00+02:00"]

    assert match(tmp_path, left, right, said=(DATETIME, DATETIME))[:2] == (1, StepStatus.SUCCESS)


@pytest.mark.parametrize(("right", "is_refused"), [("USD 10", True), ("EUR 10", False), ("10", False)])
def test_amounts_of_two_currencies_are_not_compared(tmp_path, right, is_refused):
    sides = {side: {"file": f"${{f.{side}}}", "columns": {"amount": MONEY}} for side in ("left", "right")}
    settings = {**sides, "amount": "amount", "rules": [{"name": "Exact", "equal": ["key"]}]}
    files = {"f.left": b"key,amount\na,EUR 10\n", "f.right": f"key,amount\na,{right}\n".encode()}

    outcome = play(reconcile.ACTION, tmp_path, settings, files).outcome

    assert (outcome.status is StepStatus.FAILED) == is_refused
    assert ("amounts of two currencies cannot be compared" in outcome.message) == is_refused

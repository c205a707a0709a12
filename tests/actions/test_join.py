"""join: every row finds its partner or is told; none is lost, and none multiplies unsaid."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.kinds import join
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play
from tests.support import examples

TEXT = {"k": {"type": "Text"}}


def joined(folder: Path, rows: str, looked_up: str, **settings: object) -> Played:
    given: Mapping[str, object] = {
        "left": {"file": "${f.l}", "columns": TEXT},
        "right": {"file": "${f.r}", "columns": TEXT},
        "on": ["k"],
        "take": {"region": None},
        "outputs": {"result": "${o.result}", "unmapped": "${o.unmapped}"},
    }
    files = {"f.l": ("l.csv", rows.encode()), "f.r": ("r.csv", looked_up.encode())}
    return play(join.ACTION, folder, {**given, **settings}, files)


def rows_of(played: Played, output: str = "result") -> list[str]:
    assert played.outcome.status is not StepStatus.FAILED, played.outcome.message
    lines: list[str] = played.outputs[f"o.{output}"].decode().splitlines()
    return lines[1:]


LEFT = "k,amount\n01,5.50\n02,7\n,1\n09,2\n01,-5.50\n"
RIGHT = "k,region\n01,North\n02,\n,Nowhere\n"


def test_rows_stay_in_their_order_and_an_empty_key_fits_nothing(tmp_path):
    played = joined(tmp_path, LEFT, RIGHT, take={"region": "none"})

    # A partner whose cell is empty is a partner: the default is for keys that nobody knows.
    assert rows_of(played) == ["01,5.5,North", "02,7,", ",1,none", "09,2,none", "01,-5.5,North"]
    assert rows_of(played, "unmapped") == ["09,1", ",1"]
    assert "2 rows have a key that the right side lacks (09; empty)" in played.outcome.message
    assert "total of amount: 10 before and after" in played.context.logged


def test_rows_without_a_partner_are_dropped_or_stop_the_step(tmp_path):
    dropped = joined(tmp_path / "a", LEFT, RIGHT, unmatched="drop")
    failed = joined(tmp_path / "b", LEFT, RIGHT, unmatched="fail")

    assert rows_of(dropped) == ["01,5.5,North", "02,7,", "01,-5.5,North"]
    assert "and are left out" in dropped.outcome.message
    assert failed.outcome.message.endswith("(09; empty); nothing was published")


@pytest.mark.parametrize(
    ("expect", "left", "right", "said"),
    [
        ("many_to_one", "k\n01\n", "k,region\n01,a\n01,b\n", "the right side has more than one row for a key (01 in 2 rows)"),
        ("one_to_one", "k\n01\n01\n", "k,region\n01,a\n", "the left side has more than one row for a key (01 in 2 rows)"),
        ("one_to_many", "k\n01\n01\n", "k,region\n01,a\n", "the left side has more than one row"),
    ],
)  # fmt: skip
def test_rows_that_would_multiply_are_refused_with_their_keys(tmp_path, expect, left, right, said):
    played = joined(tmp_path, left, right, expect=expect)

    assert played.outcome.status is StepStatus.FAILED
    assert said in played.outcome.message
    assert f"{expect} was expected" in played.outcome.message


def test_a_double_key_that_nobody_asks_for_does_no_harm(tmp_path):
    assert rows_of(joined(tmp_path, "k\n01\n", "k,region\n01,a\n02,b\n02,c\n")) == ["01,a"]


def test_one_row_may_have_several_partners_where_that_is_said(tmp_path):
    played = joined(tmp_path, "k\n01\n02\n", "k,region\n02,b\n01,x\n01,a\n", expect="one_to_many")

    assert rows_of(played) == ["01,x", "01,a", "02,b"]


RATES = "k,valid_from,region\nEUR,2026-01-01,old\nEUR,2026-03-01,new\nEUR,,never\n"


def test_of_several_days_the_latest_that_is_not_after(tmp_path):
    left = "k,on\nEUR,2026-02-28\nEUR,2026-03-01\nEUR,2025-12-31\n"

    played = joined(tmp_path, left, RATES, as_of={"left": "on", "right": "valid_from"})

    assert rows_of(played) == ["EUR,2026-02-28,old", "EUR,2026-03-01,new", "EUR,2025-12-31,"]
    assert "1 rows of the right side have no valid_from" in played.outcome.message
    # EUR is there, and not yet.
    assert "1 row has a key that the right side lacks up to its day (EUR)" in played.outcome.message


def test_two_rows_for_one_day_are_refused(tmp_path):
    twice = RATES + "EUR,2026-03-01,newer\n"

    played = joined(tmp_path, "k,on\nEUR,2026-03-01\n", twice, as_of={"left": "on", "right": "valid_from"})

    assert "the right side has more than one row for a key (EUR in 2 rows)" in played.outcome.message


@pytest.mark.parametrize(
    ("left", "right", "settings", "said"),
    [
        ("k\n1\n", "k,region\n1,a\n", {"right": "${f.r}"}, '"k" of the left side is text and "k" of the right side a number'),
        ("k,region\n1,a\n", "k,region\n1,a\n", {}, 'the left side has a column "region" itself; say {as: another name}'),
        ("k\n1\n", "k,regoin\n1,a\n", {}, 'take: there is no column "region", did you mean "regoin"?'),
        ("k\n1\n", "k,region\n1,2.5\n", {"take": {"region": "none"}}, '"none" is no value of "region", which is a number'),
        ("k,on\n1,x\n", RATES, {"as_of": {"left": "on", "right": "region"}}, 'the column "on" is text, and no day'),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(tmp_path, left, right, settings, said):
    played = joined(tmp_path, left, right, **settings)

    assert played.outcome.status is StepStatus.FAILED
    assert said in played.outcome.message


def test_keys_that_nobody_sees_the_difference_of_are_told(tmp_path):
    played = joined(tmp_path, "k\nab \n", "k,region\nAB,x\n")

    assert '"ab " and "AB" differ only in case, blanks' in played.outcome.message


def test_a_column_may_be_called_as_our_own_are(tmp_path):
    left, right = "rows,rowid,k,n\n5,9,01,2\n", "rowid,k,row,region,key\n7,01,3,a,4\n"

    played = joined(tmp_path, left, right, on=[{"left": "k", "right": "k"}], take={"region": None, "row": None})

    assert rows_of(played) == ["5,9,01,2,a,3"]


def test_a_join_of_all_with_all_is_refused_before_it_is_made(tmp_path):
    rows = "k,n\n" + "a,1\n" * 3_000

    played = joined(tmp_path, rows, "k,region\n" + "a,x\n" * 3_000)

    assert "rows would multiply" in played.outcome.message


@pytest.mark.parametrize("cell", ["2026-01-31", "2.5"])
def test_an_empty_text_is_no_default(tmp_path, cell):
    played = joined(tmp_path, "k\n01\n02\n", f"k,region\n01,{cell}\n", take={"region": ""})

    assert rows_of(played) == [f"01,{cell}", "02,"]


def test_a_default_of_another_kind_is_refused_in_words(tmp_path):
    played = joined(tmp_path, "k\n01\n", "k,region\n01,2026-01-31\n", take={"region": "none"})

    assert played.outcome.message == 'take: "none" is no value of "region", which is a date'


KEYS = st.sampled_from(["a", "b", "c", "d", None])


@examples(8)
@given(
    left=st.lists(st.tuples(KEYS, st.integers(-999, 999)), min_size=1, max_size=30),
    right=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 9), min_size=1),
)
def test_no_row_is_lost_and_none_doubled(tmp_path_factory, left, right):
    lines = "k,amount\n" + "".join(f"{key or ''},{Decimal(cents) / 100}\n" for key, cents in left)
    looked_up = "k,region\n" + "".join(f"{key},r{value}\n" for key, value in right.items())

    found = rows_of(joined(tmp_path_factory.mktemp("j"), lines, looked_up))

    assert len(found) == len(left)
    for line, (key, cents) in zip(found, left, strict=True):
        cells = line.split(",")
        assert (cells[0], Decimal(cells[1]) * 100) == (key or "", cents)
        assert cells[2] == (f"r{right[key]}" if key in right else "")

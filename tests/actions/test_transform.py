"""transform: what each step does to the rows, what it refuses, and what it says of rows and values that go."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.kinds import transform
from procession.actions.transforming.transform_settings import TransformSettings
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play
from tests.support import examples

LEDGER = """\
account,cost_center,amount,booked_on,status
0400,10,120.00,2026-01-05,posted
0400,20,60.50,2026-01-19,posted
0410,,500.00,2026-01-20,void
0410,10,-11.90,2026-02-02,
"""
COLUMNS = {
    "account": {"type": "Text"},
    "cost_center": {"type": "Text"},
    "amount": {"type": "Money"},
    "booked_on": {"type": "Date"},
    "status": {"type": "Text"},
}


def transformed(folder: Path, steps: list[object], rows: str = LEDGER, **more: object) -> Played:
    source: object = {"file": "${f.a}", "columns": COLUMNS} if rows is LEDGER else "${f.a}"
    settings = {"source": source, "steps": steps, "output": "${o.rows}", **more}
    return play(transform.ACTION, folder, settings, {"f.a": ("a.csv", rows.encode()), "p.x": Decimal("60.5")})


def rows_of(played: Played) -> list[str]:
    assert played.outcome.status is not StepStatus.FAILED, played.outcome.message
    lines: list[str] = played.outputs["o.rows"].decode().splitlines()
    return lines


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        ([{"filter": "amount >= $x"}], ["0400,10,120,2026-01-05,posted", "0400,20,60.5,2026-01-19,posted",
                                        "0410,,500,2026-01-20,void"]),
        ([{"select": ["account", {"Amount": "money"}]}], ["account,money", "0400,120", "0400,60.5", "0410,500",
                                                           "0410,-11.9"]),
        ([{"group": {"by": ["account"], "sum": ["amount"], "min": ["booked_on"], "count": "lines"}}],
         ["account,amount,booked_on,lines", "0400,180.5,2026-01-05,2", "0410,488.1,2026-01-20,2"]),
        ([{"group": {"sum": ["amount"]}}], ["amount", "668.6"]),
        ([{"select": ["account", "amount"]}, {"sort": ["-account", "amount"]}],
         ["account,amount", "0410,-11.9", "0410,500", "0400,60.5", "0400,120"]),
        ([{"derive": {"half": "div_money(amount, 2)", "twice": "half * 4", "account": "'x' || account"}},
          {"select": ["account", "half", "twice"]}],
         ["account,half,twice", "x0400,60,240", "x0400,30.25,121", "x0410,250,1000", "x0410,-5.95,-23.8"]),
        ([{"select": ["account", "cost_center", "amount"]}, {"pivot": {"name": "account", "value": "amount"}}],
         ["cost_center,0400,0410", "10,120,-11.9", "20,60.5,", ",,500"]),
        ([{"select": ["account", "cost_center"]}, {"derive": {"a": "1", "b": "2"}},
          {"unpivot": {"columns": ["a", "b"], "name": "which", "value": "n"}}, {"filter": "account = '0410'"}],
         ["account,cost_center,which,n", "0410,,a,1", "0410,,b,2", "0410,10,a,1", "0410,10,b,2"]),
    ],
)  # fmt: skip
def test_a_step_does_one_thing(tmp_path, steps, lines):
    found = rows_of(transformed(tmp_path, steps, inputs={"x": "${p.x}"}))

    assert found[-len(lines) :] == lines


def test_a_value_of_another_step_is_calculated_with(tmp_path):
    steps = [{"derive": {"more": "amount + $x", "twice": "more * 2"}}, {"select": ["twice"]}]

    assert rows_of(transformed(tmp_path, steps, inputs={"x": "${p.x}"}))[1] == "361"


def test_a_value_that_looks_at_other_rows_moves_none(tmp_path):
    rows = "k,v,w\nb,20,2\na,5,1\nb,100,4\na,30,3\n"
    derived = {"part": "share_out(10.00, v, pool := k)", "before": "lag(v) OVER (ORDER BY w)", "v": "v + 1"}

    played = transformed(tmp_path, [{"derive": derived}], rows)

    wanted = ["k,v,w,part,before", "b,21,2,1.67,5", "a,6,1,1.43,", "b,101,4,8.33,30", "a,31,3,8.57,20"]
    assert rows_of(played) == wanted


def test_a_function_of_a_list_has_parameters_of_its_own(tmp_path):
    steps = [{"derive": {"sum": "list_sum(list_transform([amount], lambda y: y + 1))"}}, {"select": ["sum"]}]

    assert rows_of(transformed(tmp_path, steps))[1] == "121"


def test_a_filter_says_how_many_rows_it_could_not_decide(tmp_path):
    """SQL: an empty status is neither void nor not void. Such rows went without a word."""
    played = transformed(tmp_path, [{"filter": "status <> 'void'"}, {"group": {"count": "n"}}])

    assert rows_of(played) == ["n", "2"]
    assert played.outcome.status is StepStatus.WARNING
    assert "step 1, filter: 1 row is left out because the condition is neither true nor false" in played.outcome.message
    assert "amount 668.60 before, 180.50 after" in played.context.logged


@pytest.mark.parametrize(("keep", "amount"), [("first", "1"), ("last", "3")])
def test_of_duplicates_one_stays_in_its_place(tmp_path, keep, amount):
    rows = "id,amount\na,1.5\nb,9\n,4\na,3.5\n,4\n"

    played = transformed(tmp_path, [{"dedupe": {"by": ["id"], "keep": keep}}], rows)

    # Two rows without an id are not the same row.
    assert sorted(rows_of(played)[1:]) == sorted([f"a,{amount}.5", "b,9", ",4", ",4"])
    assert rows_of(played)[1:].index(",4") == (2 if keep == "first" else 1)
    assert "1 duplicate is removed (amount" in played.outcome.message


def test_an_order_says_which_of_the_duplicates_stays(tmp_path):
    rows = "id,loaded,v\na,2,x\na,3,y\na,1,z\nb,1,w\n"

    newest = transformed(tmp_path, [{"dedupe": {"by": ["id"], "order": ["-loaded"]}}], rows)

    assert rows_of(newest)[1:] == ["a,3,y", "b,1,w"]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"filter": "amuont > 0"}], 'step 1, filter: there is no column "amuont" here'),
        ([{"filter": "amount"}], "step 1, filter: this is a number, and a condition is wanted"),
        ([{"derive": {"x": "amount / 3"}}], "write div_money(a, b) for a / b"),
        ([{"derive": {"x": "CAST(amount * (15/100) AS DECIMAL(19,2))"}}], "/ and avg make a binary number"),
        ([{"filter": "false"}, {"select": ["account", "amount"]}, {"pivot": {"name": "account", "value": "amount"}}],
         "there are no rows, so there are no columns"),
        ([{"derive": {"x": "sqrt(amount)"}}], 'this makes a binary number of "amount"'),
        ([{"derive": {"x": "div_money(amount, 0)"}}], "div_money divides"),
        ([{"derive": {"x": "CAST(account || 'x' AS INTEGER)"}}], "step 1, derive x"),
        ([{"group": {"by": ["acount"]}}], 'there is no column "acount", did you mean "account"?'),
        ([{"group": {"sum": ["status"]}}], 'the column "status" is text, and a number is wanted here'),
        ([{"pivot": {"name": "status", "value": "amount"}}], 'rows without a "status": 1; filter them before'),
        ([{"filter": "status IS NOT NULL"}, {"pivot": {"name": "amount", "value": "status", "columns_max": 2}}],
         "more than 2 values"),
        ([{"select": ["account", "cost_center", "status"]}, {"derive": {"cost_center": "'k'"}},
          {"filter": "status IS NOT NULL"}, {"pivot": {"name": "cost_center", "value": "status"}}],
         '2 rows have a "status" for account 0400, cost_center k'),
        ([{"unpivot": {"columns": ["amount", "status"], "name": "n", "value": "v"}}], "columns of one kind become"),
        ([{"select": ["account", {"amount": "account"}]}], '"account" is named twice'),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_with_its_step(tmp_path, steps, said):
    played = transformed(tmp_path, steps)

    assert played.outcome.status is StepStatus.FAILED
    assert said in played.outcome.message
    assert played.outcome.outputs == {}


def test_values_that_get_lost_are_a_warning_unless_null_was_meant(tmp_path):
    lost = transformed(tmp_path, [{"derive": {"next": "lead(amount) OVER (ORDER BY booked_on)"}}])
    meant = transformed(tmp_path / "b", [{"derive": {"n": "nullif(status, 'void')"}}])

    assert "step 1, derive next: 1 value is empty although the cells that it" in lost.outcome.message.replace(
        "they", "it"
    )
    assert meant.outcome.status is StepStatus.SUCCESS


def test_a_text_compared_with_a_number_is_a_warning(tmp_path):
    played = transformed(tmp_path, [{"filter": "account = 400"}])

    assert '"007" equals 7' in played.outcome.message


def test_files_are_stacked_by_the_names_of_their_columns(tmp_path):
    settings = {"source": ["${f.a}", "${f.b}"], "steps": [{"select": ["id", "amount"]}], "output": "${o.rows}"}
    files = {"f.a": ("a.csv", b"id,amount\n1,2.5\n"), "f.b": ("b.csv", b"amount,id,more\n3.25,2,x\n")}

    played = play(transform.ACTION, tmp_path, settings, files)

    assert rows_of(played) == ["id,amount", "1,2.5", "2,3.25"]
    assert 'a.csv has no column "more"' in played.outcome.message


def test_a_column_of_two_kinds_is_refused_and_one_without_a_value_fits_all(tmp_path):
    settings = {"source": ["${f.a}", "${f.b}"], "steps": [{"sort": ["ref"]}], "output": "${o.rows}"}
    unlike = {"f.a": ("a.csv", b"ref,n\n1.10,1\n"), "f.b": ("b.csv", b"ref,n\n007,1\n")}
    empty = {"f.a": ("a.csv", b"ref,n\n,1\n"), "f.b": ("b.csv", b"ref,n\n1.10,2\n")}

    refused = play(transform.ACTION, tmp_path / "a", settings, unlike)
    taken = play(transform.ACTION, tmp_path / "b", settings, empty)

    assert refused.outcome.message == (
        'the column "ref" is a number in a.csv and text in b.csv; say its type under columns of both'
    )
    assert rows_of(taken) == ["ref,n", "1.1,2", ",1"]


def test_the_rows_of_more_files_follow(tmp_path):
    settings = {
        "source": "${f.a}",
        "steps": [{"filter": "n > 1"}, {"union": ["${f.b}"]}, {"sort": ["-n"]}],
        "output": "${o.rows}",
    }
    files = {"f.a": ("a.csv", b"id,n\na,1\nb,2\n"), "f.b": ("b.csv", b"n,id\n9,c\n0,d\n")}

    assert rows_of(play(transform.ACTION, tmp_path, settings, files)) == ["id,n", "c,9", "b,2", "d,0"]


def test_the_result_must_be_as_expected(tmp_path):
    wanted = {"total": {"column": "amount", "equals": 668.61}}

    played = transformed(tmp_path, [{"sort": ["amount"]}], expect=wanted)

    assert played.outcome.message == (
        'the column "amount" adds up to 668.60, and 668.61 was expected; nothing was published'
    )


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({}, "steps.1: does nothing; write one thing in each step"),
        ({"filter": "a", "sort": ["a"]}, "steps.1: does filter and sort at once"),
        ({"group": {}}, "steps.1.group: says nothing"),
        ({"group": {"by": ["a"], "sum": ["A"]}}, '"A" would be two columns of one name'),
        ({"select": [{"a": "b", "c": "d"}]}, "steps.1.select: write one {column: new name}"),
        ({"unpivot": {"columns": ["a"], "name": "x", "value": "X"}}, 'steps.1.unpivot: name and value are both "x"'),
    ],
)
def test_mistakes_of_a_step_are_told_when_it_is_applied(step, said):
    settings = msgspec.convert({"source": "${f.a}", "steps": [step], "output": "${o.rows}"}, TransformSettings)

    assert any(said in found for found in transform.ACTION.check(settings))


def test_a_source_that_is_no_reference_is_told_when_it_is_applied():
    settings = msgspec.convert({"source": ["a.csv"], "steps": [{"sort": ["a"]}], "output": "${o.x}"}, TransformSettings)

    assert transform.ACTION.check(settings)[0].startswith('source.1: "a.csv" is no file; write ${step.property}')


CELLS = st.one_of(st.none(), st.integers(-10_000, 10_000))


@examples(8)
@given(rows=st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), CELLS), min_size=1, max_size=30))
def test_groups_add_up_to_what_came_in(tmp_path_factory, rows):
    text = "k,amount\n" + "".join(f"{key},{'' if cents is None else Decimal(cents) / 100}\n" for key, cents in rows)
    settings = {
        "source": {"file": "${f.a}", "columns": {"k": {"type": "Text"}, "amount": {"type": "Money"}}},
        "steps": [{"group": {"by": ["k"], "sum": ["amount"], "count": "n"}}],
        "output": "${o.rows}",
    }

    played = play(transform.ACTION, tmp_path_factory.mktemp("g"), settings, {"f.a": text.encode()})

    found = {line.split(",")[0]: line.split(",")[1:] for line in rows_of(played)[1:]}
    for key in {key for key, _ in rows}:
        cents = [c or 0 for k, c in rows if k == key]
        assert Decimal(found[key][0]) == Decimal(sum(cents)) / 100
        assert int(found[key][1]) == len(cents)
    assert list(found) == sorted(found)


SUMMED = {"group": {"by": ["account"], "sum": ["amount"], "max": ["rate"]}}
RATED = "account,amount,rate\n0400,120.25,0.123456\n"


def test_numbers_that_become_one_column_keep_their_decimals_beside_a_sum(tmp_path):
    """DuckDB would take 0.123456 to the four decimals of a sum."""
    turned = [SUMMED, {"unpivot": {"columns": ["amount", "rate"], "name": "what", "value": "is"}}]
    values = {"f.a": ("a.csv", RATED.encode()), "f.b": ("b.csv", b"account,amount\n0500,0.98765\n")}
    joined = {"source": "${f.a}", "steps": [SUMMED, {"union": ["${f.b}"]}], "output": "${o.rows}"}

    assert rows_of(transformed(tmp_path / "1", turned, RATED))[1:] == ["0400,amount,120.25", "0400,rate,0.123456"]
    found = rows_of(play(transform.ACTION, tmp_path / "2", joined, values))
    assert found[1:] == ["0400,120.25,0.123456", "0500,0.98765,"]


def test_numbers_become_headings_as_people_write_them(tmp_path):
    given = {"file": "${f.a}", "columns": {"year": {"type": "Number"}, "amount": {"type": "Money"}}}
    settings = {"source": given, "steps": [{"pivot": {"name": "year", "value": "amount"}}], "output": "${o.rows}"}
    values = {"f.a": ("a.csv", b"k,year,amount\na,2026,1\na,2027.5,2\n")}

    assert rows_of(play(transform.ACTION, tmp_path, settings, values)) == ["k,2026,2027.5", "a,1,2"]


def test_files_below_each_other_keep_their_decimals_beside_long_numbers(tmp_path):
    values = {"f.a": ("a.csv", b"id,n\n1,12345678901234567890\n"), "f.b": ("b.csv", b"id,n\n2,0.25\n")}
    settings = {"source": ["${f.a}", "${f.b}"], "steps": [{"sort": ["id"]}], "output": "${o.rows}"}

    found = rows_of(play(transform.ACTION, tmp_path, settings, values))

    assert found[1:] == ["1,12345678901234567890", "2,0.25"]


@pytest.mark.parametrize("name", ["rowid", "ROWID"])
def test_a_column_called_rowid_is_a_text_like_any_other(tmp_path, name):
    """A last row of totals is looked for by the numbers of the rows, for which this column stood."""
    given = {"file": "${f.a}", "columns": {name: {"type": "Text"}, "amount": {"type": "Money"}}}
    settings = {"source": given, "steps": [{"sort": ["-amount"]}], "output": "${o.rows}"}
    values = {"f.a": ("a.csv", f"{name},amount\nA,1\nB,2.5\n".encode())}

    assert rows_of(play(transform.ACTION, tmp_path, settings, values)) == [f"{name},amount", "B,2.5", "A,1"]

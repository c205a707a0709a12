"""validate: what each rule finds, what it refuses to compare, and what is kept of a step that fails."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.contract import OutputTarget
from procession.actions.kinds import validate
from procession.actions.validating.validate_settings import ValidateSettings
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play
from tests.support import examples

COLUMNS = {"id": {"type": "Text"}, "k": {"type": "Text"}, "amount": {"type": "Money"}, "day": {"type": "Date"}}
OUTPUTS = {"exceptions": "${o.exceptions}", "good": "${o.good}", "count": "${o.count}"}


def checked(folder: Path, rows: str, *rules: object, known: str = "code\n", **settings: object) -> Played:
    named = [{"name": f"Rule {number}", **rule} for number, rule in enumerate(rules, start=1)]  # type: ignore[dict-item]
    head = rows.split("\n", 1)[0].split(",")
    columns = {name: said for name, said in COLUMNS.items() if name in head}
    given = {
        "source": {"file": "${f.a}", "columns": columns},
        "rules": named,
        "outputs": OUTPUTS,
        "inputs": {"most": "${p.most}"},
        **settings,
    }
    values = {"f.a": ("a.csv", rows.encode()), "f.k": ("k.csv", known.encode()), "p.most": Decimal(100)}
    return play(validate.ACTION, folder, given, values, {"o.count": OutputTarget(type="Number")})


def exceptions(played: Played) -> list[tuple[str, str, str]]:
    """Row, value and words of each."""
    lines = csv.DictReader(io.StringIO(played.outputs["o.exceptions"].decode()))
    return [(line["row"], line["value"], line["words"]) for line in lines]


IN = {"in": {"source": {"file": "${f.k}", "columns": {"code": {"type": "Text"}}}, "column": "code"}}


@pytest.mark.parametrize(
    ("rows", "rule", "found"),
    [
        ("id,k\n1,a\n2,\n3, \n", {"column": "k", "is": "filled"}, [("2", "", "is empty"), ("3", " ", "is empty")]),
        ("id,k\n1,a\n2,\n", {"column": "k", "is": "empty"}, [("1", "a", "is filled")]),
        ("id,k\n1,AB-1\n2,ab-1\n3,\n", {"column": "k", "matches": "[A-Z]+-[0-9]"},
         [("2", "ab-1", "does not match [A-Z]+-[0-9]")]),
        ("id,k\n1,a\n2,c\n3,\n", {"column": "K", "one_of": ["a", "b"]}, [("2", "c", "is none of a, b")]),
        ("id,amount\n1,1\n2,2.5\n", {"column": "amount", "one_of": [1, 2]}, [("2", "2.5", "is none of 1, 2")]),
        ("id,k\n1,01\n2,1\n3,\n", {"column": "k", **IN}, [("2", "1", "is not known")]),
        ("id,amount\n1,1\n2,100\n3,100.01\n4,\n", {"column": "amount", "between": [2, "${p.most}"]},
         [("1", "1", "is not from 2 to 100"), ("3", "100.01", "is not from 2 to 100")]),
        ("id,day\n1,2026-01-31\n2,2026-02-01\n", {"column": "day", "between": [None, "2026-01-31"]},
         [("2", "2026-02-01", "is not to 2026-01-31")]),
        ("id,k\n1,abc\n2,abcd\n", {"column": "k", "at_most_characters": 3}, [("2", "abcd", "has 4 characters, more than 3")]),
        ("id,k\n1,a\n2,a\n3,b\n4,\n5,\n", {"unique": ["k"]},
         [("1", "a", "is in 2 rows, first in row 1"), ("2", "a", "is in 2 rows, first in row 1")]),
        ("k,amount\na,5\na,-5\nb,5\nb,-4.99\n", {"balance": {"by": ["k"], "column": "amount"}},
         [("", "0.01", "k b adds up to 0.01")]),
        ("k,amount\na,5\na,-4.99\n", {"balance": {"by": ["k"], "column": "amount", "tolerance": 0.01}}, []),
        ("id,amount\n1,5\n2,0.5\n", {"total": {"column": "amount", "equals": "${p.most}"}},
         [("", "5.5", "amount adds up to 5.50, and 100.00 was expected")]),
        ("id,k\n1,a\n", {"rows": {"at_least": 2}}, [("", "1", "there are 1 rows, and at least 2 were expected")]),
        ("id,k\n1,a\n", {"rows": {"against": "${p.most}", "within_percent": 20}},
         [("", "1", "there are 1 rows, more than 20 % away from 100")]),
        ("id,amount\n1,99\n2,101\n3,\n", {"where": "amount <= $most"},
         [("2", "", "is not so"), ("3", "", "cannot be decided: a cell is empty")]),
    ],
)  # fmt: skip
def test_a_rule_finds_what_breaks_it(tmp_path, rows, rule, found):
    played = checked(tmp_path, rows, rule, known="code\n01\n02\n")

    assert exceptions(played) == found, played.outcome.message
    assert played.outputs["o.count"] == len(found)
    assert played.outcome.status is (StepStatus.FAILED if found else StepStatus.SUCCESS)


def test_a_step_that_fails_keeps_its_exceptions_and_not_the_good_rows(tmp_path):
    played = checked(tmp_path, "id,k\n1,a\n2,\n", {"column": "k", "is": "filled"})

    assert played.outcome.status is StepStatus.FAILED
    assert set(played.outputs) == {"o.exceptions", "o.count"}
    assert played.outcome.message == '1 rule is broken: "Rule 1" (line 3: is empty)'


def test_a_group_that_does_not_balance_has_no_good_rows(tmp_path):
    rule = {"balance": {"by": ["k"], "column": "amount"}, "otherwise": "warn"}

    played = checked(tmp_path, "id,k,amount\n1,a,5\n2,b,7\n3,a,-5\n4,b,-6\n5,,1\n6,,\n", rule)

    assert played.outputs["o.good"] == b"id,k,amount\n1,a,5\n3,a,-5\n"


def test_a_warning_goes_on_with_the_rows_that_break_nothing(tmp_path):
    played = checked(tmp_path, "id,k\n1,a\n2,\n3,b\n", {"column": "k", "is": "filled", "otherwise": "warn"}, key=["id"])

    assert played.outcome.status is StepStatus.WARNING
    assert played.outputs["o.good"] == b"id,k\n1,a\n3,b\n"
    assert played.outputs["o.exceptions"].splitlines()[1] == b"Rule 1,warn,2,2,k,,is empty"


def test_a_key_that_is_called_as_our_columns_are_keeps_beside_them(tmp_path):
    rows = "value,row,k\nv1,7,\n"

    played = checked(tmp_path, rows, {"column": "k", "is": "filled"}, key=["value", "row"])

    assert played.outputs["o.exceptions"].splitlines() == [
        b"rule,severity,row,key value,key row,column,value,words",
        b"Rule 1,fail,1,v1,7,k,,is empty",
    ]


@pytest.mark.parametrize(
    ("rows", "rule", "said"),
    [
        ("id,k\n1,a\n", {"column": "j", "is": "filled"}, 'the rule "Rule 1": there is no column "j"'),
        ("id,k\n1,a\n", {"column": "k", "between": [1, 2]}, "between takes numbers and days"),
        ("id,amount\n1,1\n", {"column": "amount", "one_of": ["x"]}, '"x" cannot be compared with a number'),
        ("id,amount\n1,1\n", {"column": "amount", **IN}, 'is a number and "code" of the known values text'),
        ("id,k\n1,a\n", {"column": "k", "matches": "("}, 'the rule "Rule 1":'),
        ("id,k\n1,a\n", {"total": {"column": "k", "equals": 1}}, 'the column "k" is text, and a number is wanted here'),
        ("id,amount\n1,1\n", {"where": "amount"}, "this is a number, and a condition is wanted"),
    ],
)
def test_what_cannot_be_checked_is_a_mistake_and_no_exception(tmp_path, rows, rule, said):
    played = checked(tmp_path, rows, rule, known="code\n01\n")

    assert said in played.outcome.message
    assert played.outputs == {}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"name": "a"}, "rules.1: says nothing; write one thing in each rule"),
        ({"name": "a", "is": "filled"}, "rules.1: is needs a column"),
        ({"name": "a", "column": "k", "unique": ["k"]}, "rules.1.column: means nothing with unique"),
        ({"name": "a", "column": "k", "is": "filled", "one_of": [1]}, "rules.1: says is and one_of"),
        ({"name": "a", "rows": {"against": 5}}, "against and within_percent go together"),
        ({"name": "a", "rows": {}}, "rules.1.rows: says nothing"),
        ({"name": "a", "column": "k", "between": [None, None]}, "rules.1.between: has neither end"),
    ],
)
def test_mistakes_of_a_rule_are_told_when_it_is_applied(rule, said):
    settings = msgspec.convert({"source": "${f.a}", "rules": [rule]}, ValidateSettings)

    assert any(said in found for found in validate.ACTION.check(settings))


@pytest.mark.parametrize(("otherwise", "is_told"), [("fail", True), ("warn", False)])
def test_exceptions_that_a_failing_step_could_not_keep_are_told_when_it_is_applied(otherwise, is_told):
    rule = {"name": "a", "column": "k", "is": "filled", "otherwise": otherwise}
    outputs = {"exceptions": {"to": "${table:Exceptions}", "mode": "append"}}
    settings = msgspec.convert({"source": "${f.a}", "rules": [rule], "outputs": outputs}, ValidateSettings)

    assert ("outputs.exceptions: goes to a file" in "".join(validate.ACTION.check(settings))) is is_told


def test_places_of_several_files_name_the_file(tmp_path):
    settings = {
        "source": ["${f.a}", "${f.b}"],
        "rules": [{"name": "Filled", "column": "k", "is": "filled"}],
        "outputs": {"exceptions": "${o.x}"},
    }
    files = {"f.a": ("a.csv", b"id,k\n1,a\n"), "f.b": ("b.csv", b"id,k\n2,b\n3,\n")}

    played = play(validate.ACTION, tmp_path, settings, files)

    assert "(line 3 of b.csv: is empty)" in played.outcome.message


CELLS = st.sampled_from(["", "a", "b", "c", "ab"])


@examples(8)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20))
def test_good_rows_and_rows_with_exceptions_are_all_rows(tmp_path_factory, rows):
    text = "n,k,id\n" + "".join(f"{n},{k},{i}\n" for n, (k, i) in enumerate(rows, start=1))
    rules = ({"column": "k", "is": "filled", "otherwise": "warn"}, {"column": "id", "one_of": ["a", "b"], "otherwise": "warn"},
             {"unique": ["k", "id"], "otherwise": "warn"})  # fmt: skip

    played = checked(tmp_path_factory.mktemp("v"), text, *rules)

    bad = {int(row) for row, _, _ in exceptions(played)}
    good = {int(line.split(b",")[0]) for line in played.outputs["o.good"].splitlines()[1:]}
    assert bad | good == set(range(1, len(rows) + 1))
    assert not bad & good
    wanted = {
        n
        for n, (k, i) in enumerate(rows, start=1)
        if not k or i not in {"a", "b", ""} or ((k or i) and rows.count((k, i)) > 1)
    }
    assert bad == wanted


def test_numbers_are_looked_at_as_people_write_them(tmp_path):
    """4000 of a Number, and not 4000.0000000000."""
    rules = [
        {"name": "Four digits", "column": "account", "matches": "[0-9]{4}"},
        {"name": "Short", "column": "account", "at_most_characters": 4},
    ]
    given = {"file": "${f.a}", "columns": {"account": {"type": "Number"}}}
    settings = {"source": given, "rules": rules, "outputs": {"exceptions": "${o.exceptions}"}}

    played = play(validate.ACTION, tmp_path, settings, {"f.a": ("a.csv", b"account\n4000\n40.5\n")})

    assert exceptions(played) == [("2", "40.5", "does not match [0-9]{4}")]

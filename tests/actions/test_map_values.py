"""map_values: which rule fits, which one wins, and what is told of values and rules that find nothing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.kinds import map_values
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play
from tests.support import examples


def mapped(folder: Path, rows: str, rules: str, **settings: object) -> Played:
    given = {
        "source": "${f.s}",
        "rules": "${f.r}",
        "match": ["account"],
        "give": {"to": "line"},
        "outputs": {"result": "${o.result}", "unmapped": "${o.unmapped}", "unused": "${o.unused}"},
    }
    files = {"f.s": ("s.csv", rows.encode()), "f.r": ("r.csv", rules.encode())}
    return play(map_values.ACTION, folder, {**given, **settings}, files)


def rows_of(played: Played, output: str = "result") -> list[str]:
    assert played.outcome.status is not StepStatus.FAILED, played.outcome.message
    lines: list[str] = played.outputs[f"o.{output}"].decode().splitlines()
    return lines[1:]


def line(folder: Path, account: str, *rules: str, **settings: object) -> str:
    """What one account is mapped to."""
    listed = "account,to\n" + "".join(f"{rule}\n" for rule in rules)
    return rows_of(mapped(folder, f"account,x\n{account},1\n", listed, **settings))[0].split(",")[-1]


@pytest.mark.parametrize(
    ("account", "rules", "wanted"),
    [
        ("4010", ["4010,own", "4*,any"], "own"),
        ("4010", ["4*,wide", "40*,near"], "near"),
        ("4010", ["*,all", "4000-4099,range"], "range"),
        ("4010", ["4000-4999,wide", "4000-4099,near"], "near"),
        ("4010", ["4000-4099,wide", "4000-4050,near"], "near"),
        ("4010", [",all"], "all"),
        ("40100", ["4000-4999,range", "x,y"], ""),
        ("0042", ["0040\u20130049,range"], "range"),
        ("A-1", ["A-1,own", "A*,any"], "own"),
        ("4010", ["4011,no"], ""),
        ("4010", ["4*,wide", "4000-4099,near"], "near"),
        ("40A5", ["4000-4999,range", "x,y"], ""),
        ("", ["4010,no", ",all"], "all"),
        ("1144", ["1*,wide", "1000-1199,near"], "near"),
        ("4010", ["4000-4999,wide", "4000-4499,near"], "near"),
    ],
)
def test_the_rule_that_says_most_wins(tmp_path, account, rules, wanted):
    assert line(tmp_path, account, *rules) == wanted


@pytest.mark.parametrize(("account", "rule"), [("4010 ", "4010"), ("ab-1", "AB-1")])
def test_a_value_that_only_looks_like_a_rule_and_falls_to_a_wider_one_is_told(tmp_path, account, rule):
    played = mapped(tmp_path, f"account\n{account}\n{rule}\n", f"account,to\n{rule},own\n*,any\n")

    assert rows_of(played) == [f"{account},any", f"{rule},own"]
    assert played.outcome.status is StepStatus.WARNING
    assert f'"{account}" and "{rule}" differ only in case, blanks or signs unseen' in played.outcome.message


def test_the_least_priority_comes_first(tmp_path):
    rules = "account,to,p\n4010,own,2\n4*,first,1\n,last,\n"

    assert rows_of(mapped(tmp_path, "account\n4010\n5000\n", rules, priority="p")) == ["4010,first", "5000,last"]


def test_two_rules_that_fit_equally_are_refused_with_both(tmp_path):
    played = mapped(
        tmp_path, "account,center\n4010,1\n", "account,center,to\n4*,,a\n,1*,b\n", match=["account", "center"]
    )

    assert played.outcome.message == (
        "two rules fit 4010, 1 equally well: rule 1 (4*, any) and rule 2 (any, 1*); give one of them a priority, or say "
        "more in it"
    )


@pytest.mark.parametrize("other", ["1999-2050", "19*"])
def test_a_value_at_the_limit_of_two_ranges_is_refused(tmp_path, other):
    rules = f"account,to\n1000-1999,a\n{other},b\n" if other != "19*" else "account,to\n1950-2100,a\n19*,b\n"
    played = mapped(tmp_path, "account\n1999\n", rules)

    first = "1950-2100" if other == "19*" else "1000-1999"
    assert played.outcome.message == (
        f"two rules fit 1999, and neither lies within the other: rule 1 ({first}) and rule 2 ({other}); give one of them "
        "a priority, or mend their limits"
    )
    # With a priority somebody has said which one is meant.
    told = rules.replace("to\n", "to,p\n").replace(",a\n", ",a,2\n").replace(",b\n", ",b,1\n")
    assert rows_of(mapped(tmp_path / "told", "account\n1999\n", told, priority="p")) == ["1999,b"]


@pytest.mark.parametrize(
    "rule", ["4000..4999", "4???", ">=4000", '"4000,4001"', "4000:4999", "40xx", "40%", "4000 to 4999"]
)
def test_a_pattern_in_another_spelling_is_told_where_it_fits_nothing(tmp_path, rule):
    played = mapped(tmp_path, "account\n4010\n", f"account,to\n{rule},a\n*,rest\n")

    assert played.outcome.status is StepStatus.WARNING
    assert "rule 1 fits nothing" in played.outcome.message and rule.strip('"') in played.outcome.message
    # It may be what a value is, or be said to be one.
    for number, more in enumerate(({}, {"exact": ["account"]})):
        own = mapped(tmp_path / str(number), f"account\n{rule}\n", f"account,to\n{rule},a\n", **more)
        assert rows_of(own)[0].endswith(",a") and "fits nothing" not in own.outcome.message


def test_a_tie_of_three_is_found_where_only_the_second_differs(tmp_path):
    assert (
        "rule 1 (4010) and rule 2 (4010)"
        in mapped(tmp_path, "account\n4010\n", "account,to\n4010,a\n4010,b\n4010,a\n").outcome.message
    )


def test_rules_that_give_the_same_may_tie(tmp_path):
    assert line(tmp_path, "4010", "4010,a", "4010,a") == "a"


def test_rules_hold_for_a_time(tmp_path):
    rules = "account,to,valid_from,valid_to\n4010,old,,2026-02-28\n4010,new,2026-03-01,\n"
    rows = "account,day\n4010,2026-02-28\n4010,2026-03-01\n4010,\n"

    found = rows_of(mapped(tmp_path, rows, rules, on={"date": "day"}))

    assert found == ["4010,2026-02-28,old", "4010,2026-03-01,new", "4010,,"]


def test_values_without_a_rule_are_told_with_the_nearest(tmp_path):
    played = mapped(tmp_path, "account\n4O10\n4O10\n4010\n", "account,to\n4010,a\n9999,b\n", default="open")

    assert rows_of(played) == ["4O10,open", "4O10,open", "4010,a"]
    assert rows_of(played, "unmapped") == ["4O10,2,4010; 9999"]
    assert rows_of(played, "unused") == ["9999,b"]
    assert played.outcome.status is StepStatus.WARNING
    assert played.outcome.message == (
        "3 rows, 1 of them mapped; 1 rule not used; 2 rows have values that no rule fits (4O10)"
    )


def test_a_code_is_the_same_as_number_and_as_text(tmp_path):
    assert rows_of(mapped(tmp_path, "account\n4010\n42\n", "account,to\n4010,a\n4*,b\n")) == ["4010,a", "42,b"]


@pytest.mark.parametrize(
    ("rows", "rules", "settings", "said"),
    [
        ("account\n4.5\n", "account,to\n4,a\n", {}, '"account" holds 4.5'),
        ("account\n4010\n", "account,to\n4999-4000,a\n", {}, '"4999-4000" in "account" is no range'),
        ("account\n4010\n", "account,to\n400-4999,a\n", {}, "equally many digits"),
        ("account\n4019\n", "account,to\n4*9,a\n", {}, '"4*9" in "account": * stands at the end only'),
        ("account,line\n4010,x\n", "account,to\n4010,a\n", {}, 'the rows have a column "line" already'),
        ("acount\n4010\n", "account,to\n4010,a\n", {}, 'there is no column "account", did you mean "acount"?'),
        ("account\n4010\n", "account,to\n4010,1\n", {"default": "x"}, '"x" is no value of "line", which is a number'),
        ("account\n4010\n", "account,to\n4010,a\n", {"on": {"date": "account"}}, "and no day"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, rows, rules, settings, said):
    played = mapped(tmp_path, rows, rules, **settings)

    assert played.outcome.status is StepStatus.FAILED
    assert said in played.outcome.message


@pytest.mark.parametrize("default", [0.5, "${f.r}"])
def test_a_default_is_what_its_column_takes_or_refused(tmp_path, default):
    played = mapped(tmp_path, "account\nx\n", "account,to\n4010,1\n", default=default)

    assert 'is no value of "line"' in played.outcome.message
    assert str(tmp_path) not in played.outcome.message


def test_rules_may_have_a_column_called_rule(tmp_path):
    assert rows_of(mapped(tmp_path, "account\n4010\n", "rule,account,to\nR1,4*,a\n")) == ["4010,a"]


def test_marks_are_plain_where_that_is_said(tmp_path):
    assert line(tmp_path, "40-50", "40-50,own", "41*,x", exact=["account"]) == "own"
    assert line(tmp_path / "b", "41*", "40-50,own", "41*,x", exact=["account"]) == "x"


CODES = st.text("012", min_size=1, max_size=3)
RULES = st.one_of(CODES, CODES.map(lambda code: f"{code}*"), st.just("*"),
                  st.tuples(st.integers(0, 22), st.integers(0, 22)).map(lambda ends: f"{min(ends):02d}-{max(ends):02d}"))  # fmt: skip


def _says(rule: str, code: str) -> tuple[int, float] | None:
    """How much a rule says of a code that it fits: a second, plain way to find out."""
    if rule == "*":
        return (0, 0)
    if rule.endswith("*"):
        return (1, len(rule) - 1) if code.startswith(rule[:-1]) else None
    if "-" in rule:
        low, high = rule.split("-")
        inside = len(code) == 2 and low <= code <= high
        return (1, round(2 - math.log10(int(high) - int(low) + 1), 6)) if inside else None
    return (1, 1_000_000) if rule == code else None


def _of(rule: str, code: str) -> set[str]:
    """All codes of the length of this one that a rule fits."""
    return {other for number in range(10 ** len(code)) if (other := f"{number:0{len(code)}d}") and _says(rule, other)}


def _is_crossed(rule: str, other: str, code: str) -> bool:
    if "-" not in rule + other or "*" in (rule, other):
        return False
    one, two = _of(rule, code), _of(other, code)
    return not one <= two and not two <= one


@examples(8)
@given(codes=st.lists(CODES, min_size=1, max_size=8), rules=st.lists(RULES, min_size=1, max_size=8, unique=True))
def test_the_joins_find_what_a_look_at_each_rule_finds(tmp_path_factory, codes, rules):
    text = "account,to\n" + "".join(f'"{rule}",r{number}\n' for number, rule in enumerate(rules))
    wanted = []
    for code in codes:
        fits = {rule: says for rule in rules if (says := _says(rule, code)) is not None}
        best = [rule for rule in fits if fits[rule] == max(fits.values())]
        crossed = [rule for rule in fits if best and _is_crossed(rule, min(best, key=rules.index), code)]
        wanted.append([*best, *crossed])

    declared = {"account": {"type": "Text"}}
    played = play(
        map_values.ACTION,
        tmp_path_factory.mktemp("m"),
        {
            "source": {"file": "${f.s}", "columns": declared},
            "rules": {"file": "${f.r}", "columns": declared},
            "match": ["account"],
            "give": {"to": "line"},
            "outputs": {"result": "${o.result}"},
        },
        {"f.s": ("s.csv", ("account\n" + "".join(f"{c}\n" for c in codes)).encode()), "f.r": ("r.csv", text.encode())},
    )

    if any(len(best) > 1 for best in wanted):
        assert played.outcome.message.startswith("two rules fit")
        return
    assert [row.split(",")[1] for row in rows_of(played)] == [f"r{rules.index(b[0])}" if b else "" for b in wanted]

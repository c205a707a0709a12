"""reconcile: mistakes in its settings are told when the process file is applied, with the name that was meant."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from procession import actions
from procession.actions.kinds import reconcile
from procession.actions.reconciling import condition_texts
from procession.actions.reconciling.reconcile_settings import ReconcileSettings
from procession.model import process_file
from procession.model.process_file.documents import FileMistakes

RULE = {"name": "Exact", "equal": ["account", "ref"], "days": 0}
COLUMNS: dict[str, Any] = {name: {} for name in ("account", "ref", "day", "amount", "id")}
BASE = {
    "left": "${f.l}",
    "right": ["${f.r}", "${f.s}"],
    "columns": COLUMNS,
    "amount": "amount",
    "date": "day",
    "key": "id",
}


def check(rule=None, **settings):
    given = BASE | {"rules": [RULE | (rule or {})]} | settings
    converted = msgspec.convert(given, ReconcileSettings)
    together = condition_texts.check_together([converted])[0]
    return [*reconcile.ACTION.check(converted), *(f"{path}: {said}" for path, said in together)]


def test_settings_without_a_mistake_have_none():
    assert check() == []
    assert check({"where": {"left": "amount < 0 -- fees"}}) == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"equal": ["acount"]}, 'rules[0].equal[0]: "acount" is not among the columns (account, ref, day, amount, id); '
         'did you mean "account"?'),
        ({"empty": "reff"}, 'rules[0].empty: "reff" is not among the columns'),
        ({"alike": {"column": "rof"}}, 'rules[0].alike.column: "rof" is not among'),
        ({"tolerance": -1}, "rules[0].tolerance: must be zero or more"),
        ({"percent": float("inf")}, "rules[0].percent: must be zero or more"),
        ({"days": [5, -1]}, "rules[0].days: the first is more than the last; write [-1, 5]"),
        ({"days": -2}, "rules[0].days: -2 is no distance; write 2, or the first and the last, as in [-2, 0]"),
        ({"match": "reversals", "days": [0, 5]}, "rules[0].days: reversals take one number"),
        ({"match": "groups", "choose": "only"}, "rules[0].choose: means nothing for match: groups; it is for pairs"),
        ({"match": "reversals", "tolerance": 1}, "rules[0].tolerance: means nothing for match: reversals; it is for groups"),
        ({"sides": ["left"]}, "rules[0].sides: means nothing for match: pairs; it is for reversals and subsets"),
        ({"match": "subsets"}, "rules[0].empty: subsets need the column that the one row has empty"),
        ({"empty": "ref"}, "rules[0].empty: ref is among equal too, and what is empty equals nothing"),
        ({"alike": {"column": "ref"}}, "rules[0].alike: ref is among equal too, where no edit is allowed"),
        ({"equal": ["account"], "empty": "ref", "choose": "nearest"}, "rules[0].choose: a rule without a reference"),
        ({"equal": ["account"], "empty": "ref", "alike": {"column": "ref"}}, "rules[0].alike: a rule takes either empty or"),
        ({"book_to": "6990"}, "rules[0].book_to: means nothing without a tolerance or percent"),
        ({"match": "reversals", "sides": ["left", "left"]}, "rules[0].sides: left is there twice"),
        ({"where": {"left": "amount <"}}, "rules[0].where.left: is no condition: "),
        ({"where": {"right": "true); SELECT (1"}}, "rules[0].where.right: is not one condition"),
        ({"where": {"left": "amount > $most"}}, "rules[0].where.left: is not one condition"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_rule_is_told_at_its_place(rule, said):
    assert any(mistake.startswith(said) for mistake in check(rule)), check(rule)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"amount": "amounts"},
            'amount: "amounts" is not among the columns (account, ref, day, amount, id); did you mean',
        ),
        ({"left": [{"file": "${f.l}", "encoding": "klingon"}]}, 'left[0].encoding: "klingon" is not a known encoding'),
        ({"decisions": {"file": "${f.d}", "zone": "Mars"}}, 'decisions.zone: "Mars" is no zone'),
        ({"decisions": "${f.d}", "key": None}, "decisions: needs key"),
        ({"ages": [60, 30]}, "ages: must grow, as in [30, 60]"),
        ({"as_of": "31.01.2026"}, 'as_of: "31.01.2026" is no date such as 2026-11-30'),
        ({"warn": {"older_than": 30}}, "warn.older_than: needs as_of"),
        ({"warn": {"open_amount": -1}}, "warn.open_amount: must be zero or more"),
        ({"outputs": {"ages": "${o.a}"}}, "outputs.ages: needs as_of"),
        ({"outputs": {"differences": "${o.a}"}}, "outputs.differences: no rule has a tolerance"),
        (
            {"columns": COLUMNS | {"ref": {"sign": "opposite"}}},
            "columns.ref.sign: is for the column of amounts, amount",
        ),
        ({"columns": COLUMNS | {"day": {"clean": ["trim"]}}}, "columns.day.clean: is for texts"),
        ({"columns": COLUMNS | {"ref": {"clean": [{"pattern": "INV"}]}}}, 'columns.ref.clean: "INV" has no group'),
        ({"columns": COLUMNS | {"ref": {"clean": [{"pattern": "(("}]}}}, 'columns.ref.clean: "((" is no regular'),
        ({"columns": COLUMNS | {"ref": {"clean": [{"pattern": "(?=a)(b)"}]}}}, "columns.ref.clean: "),
        ({"date": None}, 'rules[0].days: needs "date", the column that holds the date'),
    ],
)
def test_a_mistake_in_the_settings_is_told_at_its_place(settings, said):
    found = check({"days": 5}, **settings)

    assert any(mistake.startswith(said) for mistake in found), found


@pytest.mark.parametrize(
    "settings",
    [
        {"columns": {"ref": {"clean": ["shout"]}}},
        {"rules": [RULE | {"alike": {"column": "x", "edits": 4}}]},
        {"left": []},
    ],
)
def test_what_no_setting_can_be_is_refused_by_its_type(settings):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(BASE | {"rules": [RULE]} | settings, reconcile.ACTION.settings)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ('["${files.books}", "${files.before}"]', ""),
        ('["${files.books}", {file: "${files.before}", delimeter: ";"}]', "delimeter"),
        ('["${files.books}", 7]', "bank.yaml:9:"),
    ],
)
def test_a_process_file_may_have_several_sources_and_tells_a_mistake_at_its_place(left, said):
    """msgspec ended the process that read such a file."""
    text = f"""
process: Bank
groups:
  - group: All
    steps:
      - data: Files
        properties: [{{name: Books, type: File, flow: INPUT}}, {{name: Before, type: File, flow: INPUT}}]
      - action: reconcile
        with: {{left: {left}, right: "${{files.books}}", amount: paid, rules: [{{name: Same, equal: [ref]}}]}}
"""
    found = ""
    try:
        process_file.parse(text, file="bank.yaml", actions=actions.registry())
    except FileMistakes as error:
        found = "; ".join(map(str, error.mistakes))

    assert bool(found) is bool(said)
    assert said in found

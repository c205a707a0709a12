"""A decision as a table: what it shows and a browser sends back is what the file said, to the letter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession import actions
from procession.model.errors import Invalid
from procession.model.process_file import documents, editing, patching
from procession.web import edit_names, setting_fields, setting_reading, setting_shapes
from procession.web.forms import FIELDS_MAX, Form
from procession.web.setting_reading import RowPress
from tests.support import examples
from tests.web import sent
from tests.web.test_setting_forms import macros

SHAPE = setting_shapes.of_settings(actions.registry()["decide"].settings)
TYPES = {"r.count": "Number", "r.entity": "String", "r.ok": "CheckBox", "r.path": "Dropdown", "r.due": "Decimal"}
RULES = """process: p
groups:
  - group: g
    steps:
      - action: decide
        name: x
        with:
          rules:  # in this order
            - name: Large
              when: {all: [{at_least: {value: 100, property: r.count}}, {equals: {property: r.entity, value: "0042"}}]}
              set: {r.path: controller, r.due: 2.50}
            - when: {all: [{equals: {property: r.ok, value: true}}]}  # a list of one
              set: {r.path: review}
            - name: Odd
              when: {any: [{failed: match}, {equals: {property: r.entity, value: NZ}}]}
              set: {r.path: review}
          otherwise: {r.path: none}
          output: ${r.rule}
"""
_VALUES = st.sampled_from(
    ["a", "0042", "1", "yes", '"', '"1"', "", " x", "null", True, False, None, 0, 7, 10**20]
) | st.decimals("-1e6", "1e6", places=2, allow_nan=False)
_NAMES = st.sampled_from([*TYPES, "r.unknown", "with blank", ""])
_PART = st.builds(
    lambda atom, name, value: {atom: {"property": name, "value": value}},
    st.sampled_from(["equals", "not_equals", "at_least", "failed"]),
    _NAMES,
    _VALUES,
)
_WHENS = _PART | st.builds(lambda parts: {"all": parts}, st.lists(_PART, max_size=3)) | st.just({"failed": "x"})
_SETS = st.dictionaries(_NAMES, _VALUES, max_size=3)
_RULE = st.fixed_dictionaries({"when": _WHENS, "set": _SETS}, optional={"name": _VALUES, "more": _VALUES}) | _VALUES
_SETTINGS = st.fixed_dictionaries(
    {"rules": st.lists(_RULE, max_size=4) | st.none()}, optional={"otherwise": st.none() | _SETS, "output": _VALUES}
)


def form_of(settings: dict[str, Any], types: dict[str, str]) -> sent.Sent:
    node = setting_fields.of_step(SHAPE, settings, {}, types)
    names = edit_names.NameChoices(all=(), writable=())
    return sent.fields(f'<form id="form">{macros().fields(node, names, "")}</form>', "form")


def read(given: sent.Sent, pressed: RowPress = setting_reading.NONE_PRESSED) -> dict[str, Any]:
    pairs = [(name, value) for name, values in given.items() for value in values]
    return setting_reading.read(Form.of(pairs), SHAPE, pressed)


def table(**changed: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the file says, and what it says after these fields were changed."""
    step = documents.read(RULES).data["groups"][0]["steps"][0]["with"]
    given = form_of(step, TYPES)
    names = {name: name.replace("__", ".") for name in changed}
    assert all(name in given for name in names.values())
    return step, read(given | {names[name]: [value] for name, value in changed.items()})


@examples(40)
@given(settings=_SETTINGS, types=st.sampled_from([TYPES, {}]))
def test_a_table_sent_back_unchanged_leaves_the_file_as_it_is(settings: dict[str, Any], types: dict[str, str]) -> None:
    step = {"action": "decide", "name": "x", "with": settings}
    text = "# mine\n" + patching.dumped({"process": "p", "groups": [{"group": "g", "steps": [step]}]})
    told = documents.read(text).data["groups"][0]["steps"][0]

    again = read(form_of(told["with"], types))

    assert patching.same(again, told["with"]), (again, told["with"])
    assert editing.changed(text, "1.1", {**told, "with": again}) == text


def test_a_cell_that_is_changed_changes_its_rule_and_no_other() -> None:
    before, after = table(with__rules__0__when__c0="250")

    assert after["rules"][0]["when"]["all"][0] == {"at_least": {"property": "r.count", "value": 250}}
    assert after["rules"][0]["when"]["all"][1] == before["rules"][0]["when"]["all"][1]
    assert patching.same(after["rules"][1:], before["rules"][1:])
    said = editing.changed(RULES, "1.1", {"action": "decide", "name": "x", "with": after})
    assert [line for line in said.split("\n") if line not in RULES.split("\n")] != []
    assert "# in this order" in said and "# a list of one" in said


def test_columns_are_what_the_rules_ask_and_set_and_the_rest_stays_yaml() -> None:
    step, _ = table()
    given = form_of(step, TYPES)

    assert given["with.rules.c0.of"] == ["r.count Number"] and given["with.rules.c0.is"] == ["at_least"]
    assert given["with.rules.c2.of"] == ["r.ok CheckBox"] and given["with.rules.1.when.c2"] == ["yes"]
    assert given["with.rules.0.set.s1"] == ["2.50"] and given["with.otherwise.set.s0"] == ["none"]
    assert given["with.rules.2.when"][0].startswith("any:")


def test_a_new_condition_is_typed_by_its_property() -> None:
    _, after = table(
        with__rules__c3__of="r.entity String",
        with__rules__c3__is="not_equals",
        with__rules__1__when__c3="0012",
        with__rules__s2__of="r.ok CheckBox",
        with__otherwise__set__s2="no",
    )

    assert after["rules"][1]["when"]["all"] == [
        {"equals": {"property": "r.ok", "value": True}},
        {"not_equals": {"property": "r.entity", "value": "0012"}},
    ]
    assert after["otherwise"] == {"r.path": "none", "r.ok": False}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"with__rules__1__when__c3": "5"}, "Rule 2: “5” stands in a column without a property"),
        (
            {"with__rules__c1__of": "r.count Number", "with__rules__c1__is": "at_least"},
            "Rule 1: two columns are about r.count in the same way; empty Condition 2",
        ),
        ({"with__rules__0__when__c0": "1,250"}, "r.count: “1,250” can be"),
    ],
)
def test_what_could_be_lost_or_mistaken_is_refused(changed: dict[str, str], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        table(**changed)

    assert said in caught.value.message


def test_rules_are_moved_and_dragged_and_the_last_row_stays() -> None:
    step, _ = table()
    given = form_of(step, TYPES)

    up = read(given, RowPress(verb="up", place="with.rules.1"))
    dragged = read(given, RowPress(verb="move", place="with.rules.0", value="2"))

    assert [rule.get("name") for rule in up["rules"]] == [None, "Large", "Odd"]
    assert [rule.get("name") for rule in dragged["rules"]] == [None, "Odd", "Large"]
    assert dragged["otherwise"] == step["otherwise"]


def test_a_table_of_hundreds_of_rules_is_a_table_and_a_larger_one_says_why_it_is_none() -> None:
    def rules(count: int) -> dict[str, Any]:
        asked = {
            "all": [
                {"equals": {"property": "r.entity", "value": "0042"}},
                {"at_least": {"property": "r.count", "value": 5}},
            ]
        }
        rule = {"name": "x", "when": asked, "set": {"r.path": "review", "r.due": 2}}
        return {"rules": [{**rule, "name": f"Rule {number}"} for number in range(count)], "output": "${r.rule}"}

    large, too_large = rules(250), rules(500)
    shown = form_of(large, TYPES)

    assert shown["with.rules.249.name"] == ["Rule 249"] and "with.rules.raw" not in shown
    assert len(shown) < FIELDS_MAX and patching.same(read(shown), large)
    assert "with.rules.raw" in form_of(too_large, TYPES)

"""Process files: all mistakes at once, values that never change silently, and the way back to text."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procession import actions
from procession.model import definitions, process_file, versions
from procession.model.process_file import documents, rendering
from procession.model.process_file import schema as file_schema
from procession.model.process_file.documents import FileMistakes
from procession.model.processes import (
    AlertWhen,
    Atom,
    AtomKind,
    Effect,
    Flow,
    Join,
    Junction,
    Process,
    Property,
    PropertyType,
    Retry,
    Step,
    StepKind,
    SystemVariable,
)
from procession.model.table_uses import TableUse


class _Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    code: str = ""
    inputs: dict[str, Any] = {}
    outputs: dict[str, str] = {}
    times: int = 0


def _reads(given: _Settings) -> tuple[str, ...]:
    return tuple(str(text)[2:-1] for text in given.inputs.values())


def _writes(given: _Settings) -> tuple[str, ...]:
    return tuple(text[2:-1] for text in given.outputs.values())


def _tables(given: _Settings) -> tuple[TableUse, ...]:
    return ()


def _check(given: _Settings) -> tuple[str, ...]:
    return ("code must not be bad",) if given.code == "bad" else ()


def _never(given: _Settings) -> bool:
    return False


def _none(given: _Settings) -> tuple[()]:
    return ()


def _none_among(given: _Settings, among: Any) -> tuple[()]:
    return ()


def _check_together(steps: Sequence[Any]) -> list[tuple[()]]:
    return [() for _ in steps]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Action:
    settings: type[msgspec.Struct] = _Settings
    reads: Callable[[Any], tuple[str, ...]] = _reads
    writes: Callable[[Any], tuple[str, ...]] = _writes
    tables: Callable[[Any], tuple[TableUse, ...]] = _tables
    effect: Effect = Effect.IDEMPOTENT
    effect_of: Callable[[Any], Effect] | None = None
    check: Callable[[Any], tuple[str, ...]] = _check
    check_together: Callable[[Any], Any] = _check_together
    needs_no_process: bool = False
    check_among: Callable[[Any, Any], Any] = _none_among
    conditions: Callable[[Any], tuple[documents.Path, ...]] = _none
    assigns: Callable[[Any], tuple[Any, ...]] = _none
    gathers: Callable[[Any], bool] = _never


ACTIONS = {"work": _Action(), "wait": _Action()}


def parse(text: str) -> Process:
    return process_file.parse(text, file="a.yaml", actions=ACTIONS)


def _effect_of(given: _Settings) -> Effect:
    return Effect.ONCE if given.code == "send" else Effect.PURE


def mistakes(text: str) -> list[str]:
    with pytest.raises(FileMistakes) as caught:
        parse(text)
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (
            '{less: {property: p.rows, value: "10"}}',
            'letters of a String, where 9 is more than 10; make "Rows" a Number',
        ),
        ("{less: {property: p.rows, value: 2026-01}}", ""),
        ("{equals: {property: p.rows, value: 10}}", ""),
        ("{at_most: {property: p.now, value: 2026-11-30}}", "compares a moment of UTC"),
        ("{equals: {property: p.now, value: 2026-11-30}}", "compares a moment of UTC"),
        ("{less: {property: p.now, value: 30.11.2026}}", "compares a moment of UTC"),
        ("{less: {property: p.now, value: 2026-11-30}}", ""),
        ("{at_most: {property: p.now, value: 2026-11-30T12:00:00}}", ""),
    ],
)
def test_texts_are_not_compared_for_what_they_do_not_mean(condition: str, said: str) -> None:
    text = f"""
process: A
groups:
  - group: G
    steps:
      - data: P
        properties:
          - {{name: Rows, type: String}}
          - {{name: Now, type: SystemVariable, variable: CURRENT_DATE_TIME}}
      - {{action: work, when: {condition}}}
"""
    if said:
        assert said in mistakes(text)[0]
    else:
        parse(text)


GOOD = """
process: Close
alert: {email: close@example.com, when: always}
time_limit: 2h
concurrency: 2
groups:
  - group: Inputs
    steps:
      - data: Parameters
        properties:
          - {name: Month, type: String, flow: INPUT, required: true, value: 1993-12}
          - {name: Tolerance, type: Decimal, decimal_points: 2, value: 0.01}
          - {name: Account, type: String, value: 010}
          - {name: Answer, type: Dropdown, options: [yes, no], value: no}
          - {name: Due, type: Datepicker, value: 30-Nov-2026}
          - {name: Result, type: File, flow: OUTPUT}
          - {name: Who, type: SystemVariable, variable: USERNAME}
  - group: Work
    steps:
      - action: work
        name: First
        with: {inputs: {month: "${parameters.month}"}, outputs: {result: "${parameters.result}"}}
      - action: wait
        needs: [first]
        when: {all: [{succeeded: first}, {at_least: {property: parameters.tolerance, value: 0.010}}]}
        skip_when: {not: {updated: parameters.result}}
        time_limit: 1h30m
        retry: {times: 3, wait: 10s, backoff: 1.5}
        effect: once
"""


def test_a_good_file() -> None:
    process = parse(GOOD)

    assert (process.time_limit_seconds, process.runs_at_once, process.alert_when) == (7200.0, 2, AlertWhen.ALWAYS)
    values = {item.key: item.value for _, item in process.properties()}
    assert values == {
        "month": "1993-12",
        "tolerance": Decimal("0.01"),
        "account": "010",
        "answer": "no",
        "due": "2026-11-30",
        "result": None,
        "who": None,
    }
    last = process.steps[-1]
    assert (last.key, last.order, last.group, last.needs) == ("wait", "2.2", "Work", ("first",))
    assert (last.time_limit_seconds, last.effect) == (5400.0, Effect.ONCE)
    assert last.retry == Retry(times=3, wait_seconds=10.0, backoff=1.5)
    assert isinstance(last.when, Junction)
    assert last.when.parts[1] == Atom(kind=AtomKind.AT_LEAST, subject="parameters.tolerance", value=Decimal("0.01"))


def test_two_outputs_of_a_step_cannot_go_to_one_property() -> None:
    found = mistakes(
        GOOD.replace('{result: "${parameters.result}"}', '{a: "${parameters.result}", b: "${parameters.result}"}')
    )

    assert found == ["a.yaml:22:96: another output goes to ${parameters.result} too, and only one of them would stay"]


def test_a_key_given_thirty_thousand_times_is_told_at_once() -> None:
    began = time.process_time()

    found = mistakes("process: X\n" + "process: X\n" * 30_000)

    assert len(found) == documents.MISTAKES_MAX
    assert time.process_time() - began < 5


def test_ten_mistakes_are_reported_at_once_with_their_places() -> None:
    text = """\
process: Close
descripton: x
time_limit: soon
groups:
  - group: A
    steps:
      - data: Inputs
        properties:
          - {name: N, type: Nummer}
          - {name: D, type: Decimal, decimal_points: 2, value: 0.015}
          - {name: I, type: String, flow: INPUT}
      - action: wrok
      - action: work
        needs: [nobody, later]
        with: {times: many, inputs: {a: "${inputs.nope}"}}
      - action: work
        key: later
        with: {inputs: {a: "${inputs.nn}", t: "${table:T}"}, outputs: {b: "${inputs.i}"}}
        when: {suceeded: work}
"""

    assert mistakes(text) == [
        'a.yaml:2:1: a process file has no "descripton"; did you mean "description"?',
        'a.yaml:3:13: time_limit must be a duration such as 90s, 10m, 2h or 1d, at most 366d, not "soon"',
        "a.yaml:9:29: type must be one of Dropdown, Text, String, Number, Decimal, CheckBox, SystemVariable, "
        'Datepicker, File, not "Nummer"; did you mean "Number"?',
        'a.yaml:10:64: property "D" must have at most 2 decimal places, not 0.015',
        'a.yaml:12:17: there is no action "wrok"; did you mean "work"?',
        'a.yaml:14:17: there is no step with the key "nobody"',
        'a.yaml:14:25: step "later" is not before this step; a step can only wait for steps above it',
        "a.yaml:15:23: times: Expected int, got str",
        'a.yaml:18:28: there is no property "inputs.nn"; did you mean "inputs.n"?',
        'a.yaml:18:47: "${table:T}": this action takes no managed table here; use a property',
        'a.yaml:18:75: "inputs.i" is an INPUT; a step can only write properties whose flow is OUTPUT or NONE',
        'a.yaml:19:16: a condition cannot say "suceeded"; did you mean "succeeded"?',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a.yaml:1:1: a process file must be a mapping with process,"),
        ("process: @x", "a.yaml:1:10: this is not YAML:"),
        ("process: a\nprocess: b\ngroups: []", 'a.yaml:2:1: the key "process" is there twice'),
        ("process: &a x\ngroups: []", "a.yaml:1:10: anchors (&) and aliases (*)"),
        ("process: !!python/name:os.system\ngroups: []", "a.yaml:1:10: tags (!)"),
        ("process: a\n---\nprocess: b", "a.yaml:2:1: there must be one document"),
        ("process: a\x00", "a.yaml:1:11: this is not YAML"),
        ("[" * 5000, "a.yaml:1:42: values may be nested"),
        ("process: a\ngroups: []\n? [b]\n: c", "a.yaml:3:3: a key must be text"),
        ("process: a", 'a.yaml:1:1: a process file needs "groups"'),
        ("process: a\ngroups: [{group: g, steps: [{key: x}]}]", 'a.yaml:2:29: a step needs either "data"'),
        ("process: a\ngroups: [{group: g, steps: [5]}]", "a.yaml:2:29: an action step must be a mapping"),
        (
            "process: a\ngroups: [{group: g, steps: [{data: x}, {data: x}]}]",
            'a.yaml:2:40: step 1.1 has the key "x" already; give this step another "key"',
        ),
        (
            "process: a\ngroups: [{group: g, steps: [{action: work, with: {code: bad}}]}]",
            "a.yaml:2:50: code must not be bad",
        ),
    ],
)
def test_one_mistake(text: str, expected: str) -> None:
    assert mistakes(text)[0].startswith(expected), mistakes(text)


@pytest.mark.parametrize(("name", "is_told"), [("close-{month}.csv", True), ("{month}.csv", True), ("'a' 'b'", False)])
def test_a_brace_of_a_name_is_told_to_stand_in_quotes(name: str, *, is_told: bool) -> None:
    (said,) = mistakes(f"process: {{as: {name}}}")

    assert said.endswith('a text with { in it must stand in quotes: "name-{key}.csv"') == is_told


def test_json_is_a_process_file_too() -> None:
    text = '{"process": "P", "groups": [{"group": "G", "steps": [{"data": "D", "enabled": false}]}]}'

    assert parse(text).steps[0].enabled is False


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12).filter(str.strip)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
_AMOUNTS = st.decimals(-(10**9), 10**9, places=2, allow_nan=False, allow_infinity=False).map(
    lambda d: d + Decimal("0.00")
)


def _property(number: int, draw: st.DrawFn) -> Property:
    kind = draw(st.sampled_from(PropertyType))
    make: dict[PropertyType, Callable[[], dict[str, Any]]] = {
        PropertyType.DROPDOWN: lambda: {"options": ("yes", "1", "null"), "value": draw(st.sampled_from(["yes", "1"]))},
        PropertyType.DECIMAL: lambda: {"decimal_points": 2, "value": draw(_AMOUNTS) or Decimal("0.00")},
        PropertyType.NUMBER: lambda: {"value": draw(st.none() | st.integers(-(10**37), 10**37))},
        PropertyType.CHECK_BOX: lambda: {"value": draw(st.none() | st.booleans())},
        PropertyType.SYSTEM_VARIABLE: lambda: {"variable": draw(st.sampled_from(SystemVariable))},
        PropertyType.DATEPICKER: lambda: {"value": draw(st.none() | st.dates().map(str))},
        PropertyType.FILE: lambda: {},
    }
    more = make.get(kind, lambda: {"value": draw(st.none() | _TEXTS)})()
    flow = draw(st.sampled_from(Flow))
    return Property(key=f"p{number}", name=draw(_NAMES), type=kind, flow=flow, mouseover=draw(_TEXTS), **more)


@st.composite
def _processes(draw: st.DrawFn) -> Process:
    data = Step(
        key="d",
        name=draw(_NAMES),
        kind=StepKind.DATA,
        order="1.1",
        group="G",
        properties=tuple(_property(number, draw) for number in range(draw(st.integers(0, 4)))),
    )
    asked = st.builds(Atom, kind=st.sampled_from([AtomKind.FAILED, AtomKind.SKIPPED]), subject=st.just("d"))
    tree = st.recursive(
        asked,
        lambda parts: st.builds(
            Junction, join=st.sampled_from([Join.ALL, Join.ANY]), parts=st.lists(parts, min_size=1).map(tuple)
        ),
        max_leaves=3,
    )
    action = Step(
        key=draw(
            st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True).filter(lambda key: key != "d" and key[0] != "-")
        ),
        name=draw(_NAMES),
        kind=StepKind.ACTION,
        order="2.1",
        group=draw(_NAMES),
        action="work",
        enabled=draw(st.booleans()),
        settings=draw(st.fixed_dictionaries({}, optional={"code": _TEXTS, "times": st.integers(-5, 5)})),
        needs=draw(st.sampled_from([None, (), ("d",)])),
        when=draw(st.none() | tree),
        skip_when=draw(st.none() | tree),
        time_limit_seconds=draw(st.none() | st.integers(1, 10**6).map(lambda tenths: tenths / 10)),
        retry=draw(st.none() | st.builds(Retry, times=st.integers(1, 9), backoff=st.sampled_from([1.0, 2.0, 2.5]))),
        effect=draw(st.sampled_from(Effect)),
    )
    return Process(name=draw(_NAMES), description=draw(_TEXTS), alert_sms=draw(_TEXTS), steps=(data, action))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(_processes())
def test_text_and_definition_give_the_same_process_again(process: Process) -> None:
    settled = parse(rendering.to_yaml(process))
    stored = definitions.definition_json(process)

    assert settled == process
    assert definitions.definition_from_json(stored) == process
    assert definitions.definition_json(settled) == stored


def test_the_names_in_settings_keep_their_order() -> None:
    """It is that of the columns of a file, and of what is calculated from what."""
    text = (
        "process: P\ngroups: [{group: G, steps: [{data: D, properties: [{name: v, type: Number}]}, "
        "{action: work, name: a, with: {inputs: {%s}}}]}]"
    )
    first, other = (parse(text % ", ".join(f'{name}: "${{d.v}}"' for name in names)) for names in ("zam", "amz"))

    stored = definitions.definition_from_json(definitions.definition_json(first))

    assert list(stored.steps[1].settings["inputs"]) == ["z", "a", "m"]
    assert definitions.definition_json(first) != definitions.definition_json(other)
    assert versions.changes(first, other) == ['step 1.2 "a": its settings']
    assert versions.changes(first, stored) == []


def test_the_schema_knows_the_keys_of_the_file_and_the_settings_of_each_action() -> None:
    schema = file_schema.schema(ACTIONS)

    assert set(schema["properties"]) == set(process_file.PROCESS_KEYS)
    assert set(schema["$defs"]["data_step"]["properties"]) == set(process_file.DATA_KEYS)
    assert set(schema["$defs"]["action_step"]["properties"]) == set(process_file.ACTION_KEYS)
    assert {f"{kind}_settings" for kind in ACTIONS} <= set(schema["$defs"])
    assert msgspec.json.decode(msgspec.json.encode(schema)) == schema


def test_an_effect_that_depends_on_the_settings_is_written_down_when_the_file_is_read() -> None:
    text = "process: P\ngroups: [{group: G, steps: [{action: work, name: a, with: {code: send}}, {action: work, name: b, with: {code: get}}, {action: work, name: c, effect: idempotent, with: {code: send}}]}]"

    steps = process_file.parse(text, file="a.yaml", actions={"work": _Action(effect_of=_effect_of)}).steps

    assert [step.effect for step in steps] == [Effect.ONCE, Effect.PURE, Effect.IDEMPOTENT]


def test_a_step_that_names_no_effect_has_the_usual_one_of_its_action() -> None:
    text = "process: P\ngroups: [{group: G, steps: [{action: run_sql, name: a, with: {sql: SELECT 1}}, {action: run_sql, name: b, effect: once, with: {sql: SELECT 1}}]}]"

    steps = process_file.parse(text, actions=actions.registry()).steps

    assert [step.effect for step in steps] == [Effect.PURE, Effect.ONCE]


@pytest.mark.parametrize(
    "email", ["close", "close@", "a@b c@d", "Ada <ada@example.com>", "a@b.c\\r\\nBcc: e@f.g", "é@b.c"]
)
def test_an_alert_to_what_is_no_address_is_a_mistake_when_it_is_applied(email: str) -> None:
    (found,) = mistakes(f'process: P\nalert: {{email: "{email}"}}\ngroups: []\n')

    assert found.startswith("a.yaml:2:")
    assert "is no mail address such as close@example.com; several are separated by commas" in found


def test_an_alert_may_go_to_several_addresses() -> None:
    process = parse('process: P\nalert: {email: "a@example.com, b@example.com;c@example.com"}\ngroups: []\n')

    assert process.alert_email == "a@example.com, b@example.com;c@example.com"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (r'{"process": "Close \ud83d\udcb6"}', "Close \U0001f4b6"),
        (r'{"process": "C:\\ud83d\\udcb6"}', r"C:\ud83d\udcb6"),
    ],
)
def test_json_may_write_a_character_as_two_escapes(text, name):
    assert documents.read(text).data["process"] == name

"""decide: the first rule that holds, what cannot be told, and mistakes that are found when a file is applied."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from procession import actions
from procession.actions.in_engine import EngineContext
from procession.actions.kinds import decide
from procession.model import process_file
from procession.model.conditions import Facts
from procession.model.lifecycle import StepStatus
from procession.model.process_file.documents import FileMistakes
from procession.model.processes import Process, Property, PropertyType, Value
from tests.engine.steps import data, item, process, wait
from tests.engine.steps import decide as decision

ACTIONS = actions.registry()
DATA = data(
    "d",
    item("amount", "Decimal", decimal_points=2),
    item("count"),
    item("given", flow="INPUT"),
    item("text", "String"),
    item("way", "Dropdown", options=["review", "none"]),
    item("on", "Datepicker"),
    item("ok", "CheckBox"),
    item("file", "File"),
    item("who", "SystemVariable", variable="USERNAME"),
)


def applied(*steps: dict[str, Any]) -> Process:
    return process_file.parse(process(DATA, *steps), actions=ACTIONS)


def mistakes(*steps: dict[str, Any]) -> list[tuple[Any, str]]:
    with pytest.raises(FileMistakes) as caught:
        applied(*steps)
    return [(mistake.path[4:], mistake.message) for mistake in caught.value.mistakes]


def decided(
    *rules: tuple[Any, dict[str, Any]],
    values: dict[str, Value] | None = None,
    ends: dict[str, StepStatus] | None = None,
    **more: Any,
) -> Any:
    """What the engine gets of a step with these rules."""
    steps = [wait(key) for key in ends or {}]
    made = applied(*steps, decision("way", *rules, **more))
    properties: dict[str, Property] = {f"{step.key}.{one.key}": one for step, one in made.properties()}
    kept = {name: None for name, one in properties.items() if one.type is not PropertyType.FILE}
    settings = msgspec.convert(dict(made.steps[-1].settings), decide.DecideSettings)
    facts = Facts(
        ends=ends or {}, causes={}, values={**kept, **(values or {})}, updated=set(), may_read_properties=True
    )
    return decide.perform(EngineContext(settings=settings, facts=facts, properties=properties))


def at_least(reference: str, value: object) -> dict[str, Any]:
    return {"at_least": {"property": reference, "value": value}}


def equals(reference: str, value: object) -> dict[str, Any]:
    return {"equals": {"property": reference, "value": value}}


def test_the_first_rule_that_holds_decides() -> None:
    rules = [(at_least("d.count", 10), {"d.text": "ten"}), (at_least("d.count", 5), {"d.text": "five"})]

    assert decided(*rules, values={"d.count": 12}).outputs == {"d.text": "ten"}
    assert decided(*rules, values={"d.count": 5}).outputs == {"d.text": "five"}
    assert decided(*rules, values={"d.count": 4}, otherwise={"d.text": "few"}).outputs == {"d.text": "few"}


def test_money_is_compared_as_it_is_written() -> None:
    rule = (equals("d.amount", 0.1), {"d.text": "a tenth"})

    assert decided(rule, values={"d.amount": Decimal("0.10")}).outputs == {"d.text": "a tenth"}


def test_a_rule_that_cannot_be_told_decides_nothing() -> None:
    """To go on to the next rule would pay what nobody has counted."""
    rules = [(at_least("d.count", 10), {"d.text": "review"})]

    outcome = decided(*rules, values={"d.count": None}, otherwise={"d.text": "pay"})

    assert (outcome.status, outcome.outputs) == (StepStatus.FAILED, {})
    assert outcome.message == "rule 1 cannot be told: d.count is empty"


def test_a_rule_before_it_tells_what_is_empty() -> None:
    rules = [(equals("d.count", ""), {"d.text": "count first"}), (at_least("d.count", 10), {"d.text": "review"})]

    assert decided(*rules).outputs == {"d.text": "count first"}


def test_a_rule_about_a_skipped_step_cannot_be_told() -> None:
    outcome = decided(({"failed": "a"}, {"d.text": "bad"}), ends={"a": StepStatus.SKIPPED}, otherwise={"d.text": "ok"})

    assert outcome.message == "rule 1 cannot be told: step a is Skipped"


def test_without_an_answer_it_says_what_the_values_were() -> None:
    rules = [
        ({"all": [equals("d.text", "AU"), at_least("d.count", 1)]}, {"d.way": "review"}),
        ({"not": {"warned": "a"}}, {"d.way": "none"}),
        ({"updated": "d.file"}, {"d.way": "none"}),
    ]

    outcome = decided(*rules, values={"d.text": "NZ", "d.count": 3}, ends={"a": StepStatus.WARNING})

    assert outcome.message == (
        'no rule holds, and nothing is set otherwise: d.text is "NZ", d.count is 3, step a is Warning,'
        " d.file is not new"
    )


@pytest.mark.parametrize(
    ("rule", "path", "message"),
    [
        ((equals("d.cuont", 1), {"d.text": "x"}), ("with", "rules", 0, "when", "equals", "property"), '"d.count"?'),
        ((equals("d.count", "x"), {"d.text": "x"}), ("with", "rules", 0, "when", "equals", "value"), "a number"),
        (({"suceeded": "a"}, {"d.text": "x"}), ("with", "rules", 0, "when", "suceeded"), '"succeeded"?'),
        (({"succeeded": "b"}, {"d.text": "x"}), ("with", "rules", 0, "when", "succeeded"), "no step"),
        (({"succeeded": "way"}, {"d.text": "x"}), ("with", "rules", 0, "when", "succeeded"), "not before"),
        ((equals("d.count", 1), {"d.way": "reveiw"}), ("with", "rules", 0, "set", "d.way"), 'one of "review"'),
        ((equals("d.count", 1), {"d.count": "x"}), ("with", "rules", 0, "set", "d.count"), "a number"),
        ((equals("d.count", 1), {"d.amount": 0.001}), ("with", "rules", 0, "set", "d.amount"), "2 decimal places"),
        ((equals("d.count", 1), {"d.on": "31.12.2026"}), ("with", "rules", 0, "set", "d.on"), "a date"),
        ((equals("d.count", 1), {"d.ok": "maybe"}), ("with", "rules", 0, "set", "d.ok"), "true or false"),
        ((equals("d.count", 1), {"d.file": "x"}), ("with", "rules", 0, "set", "d.file"), "is a file"),
        ((equals("d.count", 1), {"d.given": 1}), ("with", "rules", 0, "set", "d.given"), "an INPUT"),
        ((equals("d.count", 1), {"d.who": "me"}), ("with", "rules", 0, "set", "d.who"), "system variable"),
        ((equals("d.count", 1), {"d.txet": "x"}), ("with", "rules", 0, "set", "d.txet"), 'did you mean "d.text"?'),
        ((equals("d.count", 1), {"d.text": "${d.count}"}), ("with", "rules", 0, "set"), "would not be looked up"),
        ((at_least("d.ok", True), {"d.text": "x"}), ("with", "rules", 0, "when", "at_least", "property"), "a CheckBox"),
        (([], {"d.text": "x"}), ("with", "rules", 0, "when"), "a condition must be"),
    ],
)
def test_a_mistake_is_told_when_the_file_is_applied(rule: Any, path: Any, message: str) -> None:
    ((place, said),) = mistakes(wait("a"), decision("way", rule))

    assert place == path, said
    assert message in said


def test_a_text_without_quotes_that_would_change_is_refused() -> None:
    """1.10 without quotes is kept as the number 1.1, which no text equals."""
    text = json.dumps(json.loads(process(DATA, decision("way", (equals("d.text", "1.10"), {"d.text": "x"})))))

    with pytest.raises(FileMistakes, match="must be text"):
        process_file.parse(text.replace('"1.10"', "1.10"), actions=ACTIONS)
    assert process_file.parse(text, actions=ACTIONS).step("way")


@pytest.mark.parametrize("word", ["retry", "time_limit"])
def test_what_would_do_nothing_is_refused(word: str) -> None:
    value: Any = {"times": 1} if word == "retry" else "5m"

    ((_, said),) = mistakes(decision("way", (equals("d.count", 1), {"d.text": "x"}), **{word: value}))

    assert "takes none" in said


def test_the_name_of_a_rule_must_fit_where_it_goes() -> None:
    rule = (equals("d.count", 1), {"d.text": "x"})
    step = decision("way", rule, rule)
    step["with"]["output"] = "${d.way}"

    assert {said for _, said in mistakes(step)} == {
        f'property "way" must be one of "review", "none", not "rule {number}"' for number in (1, 2)
    }


def test_two_rules_of_one_name_are_refused() -> None:
    step = decision("way", (equals("d.count", 1), {"d.text": "x"}), (equals("d.count", 2), {"d.text": "y"}))
    step["with"]["rules"][0]["name"] = "rule 2"

    ((place, said),) = mistakes(step)

    assert "is taken" in said
    assert place == ("with", "rules", 1, "name")


def test_a_rule_about_output_is_refused_where_it_sets_it_too() -> None:
    step = decision("way", (equals("d.count", 1), {"d.text": "x"}))
    step["with"]["output"] = "${d.text}"

    ((_, said),) = mistakes(step)

    assert "gets the name of the rule already" in said


def test_five_hundred_rules_are_decided_at_once() -> None:
    rules = [(equals("d.count", number), {"d.text": str(number)}) for number in range(500)]

    assert decided(*rules, values={"d.count": 499}).outputs == {"d.text": "499"}

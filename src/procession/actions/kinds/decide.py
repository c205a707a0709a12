"""decide: a decision table: the first rule whose condition holds sets properties, which later steps ask about.

Pure, and performed by the engine: it sets all it sets in the transaction that ends the step, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from procession.actions import references
from procession.actions.contract import Action, Example, OutputTarget, StepOutcome
from procession.actions.in_engine import Assigned, EngineContext
from procession.actions.in_engine import in_the_engine as run
from procession.actions.references import Given, ReferenceText
from procession.model import condition_trees, conditions
from procession.model.lifecycle import StepStatus
from procession.model.processes import Atom, AtomKind, Effect

RULES_MAX = 500
SET_MAX = 50
VALUES_SHOWN_MAX = 20  # in the message of a table without an answer
OTHERWISE = "otherwise"

Values = Annotated[dict[str, Given], msgspec.Meta(min_length=1, max_length=SET_MAX)]


class DecisionRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table."""

    name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=200, description="what it is called in the message and in output")
    ] = ""
    when: Annotated[
        Any,
        msgspec.Meta(description="the condition, as `when` of a step: equals, at_least, all, any, not, ..."),
    ]
    set: Annotated[
        Values, msgspec.Meta(description="properties, as step.property, and the constants that they are given")
    ]


class DecideSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rules: Annotated[
        list[DecisionRule],
        msgspec.Meta(
            min_length=1,
            max_length=RULES_MAX,
            description="the rows; the first one that holds decides",
            extra_json_schema={"x-decisions": True},
        ),
    ]
    otherwise: Annotated[
        Values | None, msgspec.Meta(description="what is set when no rule holds; left out, the step fails then")
    ] = None
    output: Annotated[
        ReferenceText | None,
        msgspec.Meta(description='property that gets the name of the rule, "rule 2", or "otherwise"'),
    ] = None


def perform(context: EngineContext) -> StepOutcome:
    """Decides by the first rule that holds. One that cannot be told decides nothing: what follows it might be wrong."""
    settings: DecideSettings = context.settings
    asked: list[Atom] = []
    for number, rule in enumerate(settings.rules, start=1):
        condition = condition_trees.of_plain(rule.when, context.properties)
        asked += conditions.atoms(condition)
        verdict = conditions.judge(condition, context.facts)
        # Not the next rule: it may be meant for the cases in which this one does not hold.
        if verdict.truth is None:
            return _failed(f"{_called(rule, number)} cannot be told", conditions.atoms(condition), context)
        if verdict.truth:
            return _set(settings, rule.set, _called(rule, number))
    if settings.otherwise is not None:
        return _set(settings, settings.otherwise, OTHERWISE)
    return _failed("no rule holds, and nothing is set otherwise", asked, context)


def _set(settings: DecideSettings, given: dict[str, Given], called: str) -> StepOutcome:
    outputs: dict[str, Any] = dict(given)
    if settings.output is not None:
        outputs[_output(settings)] = called
    shown = ", ".join(f"{reference} = {_shown(value)}" for reference, value in given.items())
    return StepOutcome(status=StepStatus.SUCCESS, message=f"{called}: {shown}", outputs=outputs)


def _failed(why: str, asked: Iterator[Atom] | list[Atom], context: EngineContext) -> StepOutcome:
    """What the values were, so that nobody has to look for them."""
    found = list(dict.fromkeys(_found(atom, context) for atom in asked))
    more = [f"and {len(found) - VALUES_SHOWN_MAX} more"] if len(found) > VALUES_SHOWN_MAX else []
    message = f"{why}: {', '.join([*found[:VALUES_SHOWN_MAX], *more])}"
    return StepOutcome(status=StepStatus.FAILED, message=message)


def _found(atom: Atom, context: EngineContext) -> str:
    if atom.kind in conditions.STEP_ATOMS:
        end = context.facts.ends[atom.subject]
        return f"step {atom.subject} {'did not run' if end is StepStatus.CANCELLED else f'is {end}'}"
    if atom.kind is AtomKind.UPDATED:
        return f"{atom.subject} is {'new' if atom.subject in context.facts.updated else 'not new'}"
    return f"{atom.subject} is {_shown(context.facts.values.get(atom.subject))}"


def _shown(value: object) -> str:
    match value:
        case None | "":
            return "empty"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value[:60]}"'
        case _:
            return str(value)


def _called(rule: DecisionRule, number: int) -> str:
    return rule.name or f"rule {number}"


def _output(settings: DecideSettings) -> str:
    return references.parse(settings.output) or ""


def reads(settings: DecideSettings) -> tuple[str, ...]:
    found = (subject for rule in settings.rules for subject in condition_trees.subjects(rule.when))
    return tuple(dict.fromkeys(name for word, name in found if word not in conditions.STEP_ATOMS))


def writes(settings: DecideSettings) -> tuple[str, ...]:
    output = [] if settings.output is None else [_output(settings)]
    return tuple(dict.fromkeys([*(assigned.reference for assigned in _constants(settings)), *output]))


def conditions_at(settings: DecideSettings) -> tuple[tuple[str | int, ...], ...]:
    return tuple(("rules", place, "when") for place in range(len(settings.rules)))


def assigns(settings: DecideSettings) -> tuple[Assigned, ...]:
    """Also the names of rules: a Dropdown may lack the option, a Number takes none."""
    found = list(_constants(settings))
    if settings.output is not None:
        names = [_called(rule, number) for number, rule in enumerate(settings.rules, start=1)]
        names += [OTHERWISE] if settings.otherwise is not None else []
        found += [Assigned(place=("output",), reference=_output(settings), value=name) for name in names]
    return tuple(found)


def _constants(settings: DecideSettings) -> Iterator[Assigned]:
    for place, rule in enumerate(settings.rules):
        for reference, value in rule.set.items():
            yield Assigned(place=("rules", place, "set", reference), reference=reference, value=value)
    for reference, value in (settings.otherwise or {}).items():
        yield Assigned(place=(OTHERWISE, reference), reference=reference, value=value)


def check(settings: DecideSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    return tuple(_mistakes(settings))


def _mistakes(settings: DecideSettings) -> Iterator[str]:
    for assigned in _constants(settings):
        place = ".".join(map(str, assigned.place[:-1])).replace("rules.", "rules[", 1).replace(".set", "].set")
        # It would be set as it stands, and look like a mistake of whoever reads it.
        if isinstance(assigned.value, str) and assigned.value.startswith("${"):
            yield f"{place}: a rule sets constants; {assigned.value[:80]} would not be looked up"
        if settings.output is not None and assigned.reference == _output(settings):
            yield f"{place}: {assigned.reference} gets the name of the rule already, by output"
    names = [_called(rule, number) for number, rule in enumerate(settings.rules, start=1)]
    for number, name in enumerate(names):
        if name in names[:number] or name == OTHERWISE:
            yield f'rules[{number}].name: "{name}" is taken; give this rule another name'


EXAMPLE = Example(
    settings={
        "rules": [
            {
                "name": "Large",
                "when": {"at_least": {"property": "results.open_amount", "value": 10000}},
                "set": {"results.path": "controller"},
            },
            {
                "name": "Some",
                "when": {"all": [{"at_least": {"property": "results.count", "value": 1}}]},
                "set": {"results.path": "review"},
            },
        ],
        "otherwise": {"results.path": "none"},
        "output": "${results.rule}",
    },
    inputs={"results.open_amount": 120, "results.count": 3},
    targets={"results.path": OutputTarget(type="Dropdown"), "results.rule": OutputTarget(type="String")},
    expected={"results.path": "review", "results.rule": "Some"},
    message='Some: results.path = "review"',
)
NO_ANSWER = Example(
    settings={
        "rules": [
            {"when": {"equals": {"property": "results.entity", "value": "AU"}}, "set": {"results.currency": "AUD"}},
            {"when": {"equals": {"property": "results.entity", "value": "NZ"}}, "set": {"results.currency": "NZD"}},
        ]
    },
    inputs={"results.entity": "SG"},
    targets={"results.currency": OutputTarget(type="String")},
    expected={},
    status=StepStatus.FAILED,
    message='no rule holds, and nothing is set otherwise: results.entity is "SG"',
)

ACTION = Action(
    kind=condition_trees.DECIDE,
    effect=Effect.PURE,
    title="Decide by rules",
    settings=DecideSettings,
    run=run,
    perform=perform,
    reads=reads,
    writes=writes,
    conditions=conditions_at,
    assigns=assigns,
    check=check,
    examples=(EXAMPLE, NO_ANSWER),
)

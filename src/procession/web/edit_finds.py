"""What the cards of a step find in the samples, beside them in the form. It costs a trial, so it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from procession.actions.tables.contract import FoundByRules, RuleFinds
from procession.actions.transforming.seen_stages import SeenStage, SeenStages
from procession.door.contract import StreamCall
from procession.model.errors import Forbidden, Invalid, NotFound, Unavailable
from procession.model.lifecycle import StepStatus
from procession.model.processes import Process, Step
from procession.operations import step_trials
from procession.web import edit_import, trying

FINDS = "finds"  # in the query of the designer, and the button that asks for it
# The lists whose cards can say what they find, and what the button says.
PLACES = {
    "reconcile": ("with.rules", "See what each rule finds"),
    "transform": ("with.steps", "See the rows before and after each step"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTable:
    """Some rows as texts, None for an empty cell; `title` is what a reader of the screen hears."""

    title: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str | None]]
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFinds:
    """A card's number from 1 and name; what it found, "" for nothing; what stays for those behind it."""

    number: int = 0
    name: str = ""
    said: str = ""
    stays: str = ""
    tables: tuple[FoundTable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinds:
    """`at` is the list whose cards can say it, `ask` its button; `cards` by name of their field, where they were asked.

    `problem` says why there are none, `remarks` on which rows they are made.
    """

    at: str = ""
    ask: str = ""
    is_asked: bool = False
    cards: Mapping[str, CardFinds] = field(default_factory=dict)
    problem: str = ""
    remarks: tuple[str, ...] = ()
    here: str = ""  # of the designer, for what is looked at while somebody types
    sample: Markup = Markup()  # noqa: RUF009  # of an import: the part of the page that says which rows fit
    proposed: tuple[str, ...] = ()  # what is proposed in its form and not kept yet


async def of_step(call: StreamCall, process: Process | None, given: tuple[str, str], *, is_asked: bool) -> StepFinds:
    """Of a step of a draft, by its number and the kind of its action; `process` is None for a draft with mistakes."""
    order, kind = given
    if kind == edit_import.KIND:
        return StepFinds(at="with.columns", ask="See which rows fit", is_asked=is_asked)
    if kind not in PLACES:
        return StepFinds()
    at, ask = PLACES[kind]
    if not is_asked:
        return StepFinds(at=at, ask=ask)
    try:
        if process is None:
            raise Invalid("mend the mistakes first: what has some cannot run")
        step = step_trials.find_step(process, order)
        tried, found = await trying.tried(call, process, step)
    # Whoever writes a rule goes on with it, whatever cannot be said of it now.
    except (Invalid, NotFound, Forbidden, Unavailable) as error:
        return StepFinds(at=at, ask=ask, is_asked=True, problem=trying.in_words(error.message))
    if found is None:
        problem = tried.message if tried.status is StepStatus.FAILED else "there is nothing to show"
        return StepFinds(at=at, ask=ask, is_asked=True, problem=problem, remarks=tried.remarks)
    listed = of_stages(found) if isinstance(found, SeenStages) else of_rules(step, found)
    cards = {f"{at}.{card.number - 1}": card for card in listed if card.number}
    return StepFinds(at=at, ask=ask, is_asked=True, cards=cards, remarks=tried.remarks)


def of_stages(found: SeenStages) -> list[CardFinds]:
    """Each step of a transform, with the first rows that it was given and that it has made of them."""
    return [
        CardFinds(
            number=number,
            said=f"{after.rows:,} {'row' if after.rows == 1 else 'rows'}",
            stays=f"of {before.rows:,} before it",
            tables=(_rows(before, "Before"), _rows(after, "After")),
        )
        for number, (before, after) in enumerate(pairwise(found.stages), start=1)
    ]


def _rows(stage: SeenStage, caption: str) -> FoundTable:
    return FoundTable(title=f"{caption}: first rows", columns=stage.columns, lines=stage.first, caption=caption)


def of_rules(step: Step, found: FoundByRules) -> list[CardFinds]:
    """All rules in their order: one that finds nothing is what its author looks for."""
    rules: Sequence[dict[str, Any]] = step.settings.get("rules", ())
    by_name = {one.rule: one for one in found.rules}
    names = [str(rule.get("name", "")) for rule in rules]
    # What people decided comes before all rules, by a name that is no rule's.
    ordered = [(0, one.rule) for one in found.rules if one.rule not in names]
    return list(_cards([*ordered, *enumerate(names, start=1)], by_name, found))


def _cards(
    ordered: Sequence[tuple[int, str]], by_name: Mapping[str, RuleFinds], found: FoundByRules
) -> Iterator[CardFinds]:
    """With what each leaves to those behind it."""
    left, right = (sum(one.took[side] for one in found.rules) + found.left[side] for side in (0, 1))
    for number, name in ordered:
        finds = by_name.get(name)
        left, right = (left, right) if finds is None else (left - finds.took[0], right - finds.took[1])
        yield CardFinds(
            number=number,
            name=name,
            said="" if finds is None else f"{finds.count:,} {'suggested' if finds.suggests else 'matched'}",
            stays=f"{left:,} left and {right:,} right still open",
            tables=()
            if finds is None
            else (FoundTable(title=f"First of {name}", columns=found.columns, lines=finds.lines),),
        )

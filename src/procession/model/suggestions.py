"""Suggestions of a step, and the rows of decisions that come of what a person wants: pure.

A pair has one row of decisions, which a newer decision takes the place of; the versions of the table keep the older.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Literal

import msgspec

from procession.model.errors import Conflict, Invalid

ROWS_MAX = 100  # of a suggestion that a person decides about by looking at it
PAIRS_MAX = 400  # that one refusal rules out
# What the table of decisions has to have, all of them texts but the last, which may be a text too.
COLUMNS = ("decision", "left_key", "right_key", "comment", "decided_by", "decided_at")
SideName = Literal["left", "right"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionSource:
    """Where a step's suggestions are, and the table of what people decide about them.

    `output` is the "step.property" of the file. `columns` are headings of it, left and right, of what is compared; the
    first pair names the rows and the second holds the amounts. `table` is the name of the table, "" where there is
    none. `problem` says why nobody can decide about them.
    """

    output: str = ""
    table: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()  # of these columns, for people
    escapes: bool = False  # formulas, where the file is a CSV
    problem: str = ""


class Decided(StrEnum):
    """What a row of decisions says; OPEN is one that was taken back."""

    MATCH = "match"
    NEVER = "never"
    CLOSE = "close"
    OPEN = "open"


class Show(StrEnum):
    """Which suggestions are asked for."""

    OPEN = "open"
    DECIDED = "decided"
    ALL = "all"


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table; `record` is its id. Texts as they stand in the table, so `decision` may be any."""

    record: int
    decision: str
    left_key: str | None = None
    right_key: str | None = None
    comment: str | None = None
    by: str | None = None
    at: str | None = None

    @property
    def pair(self) -> tuple[str | None, str | None]:
        return self.left_key, self.right_key


class SuggestedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of one side: the values of the columns that are compared, as written; the key first, then the amount."""

    side: SideName
    values: tuple[str | None, ...]

    @property
    def key(self) -> str | None:
        return self.values[0]


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """What may belong together. `decisions` are all that touch one of its rows; `rows_count` may be more than `rows`.

    `difference` is left less right, as a number's text.
    """

    number: int
    rule: str
    why: str
    difference: str
    rows: tuple[SuggestedRow, ...]
    rows_count: int
    decisions: tuple[DecisionRow, ...] = ()

    def of(self, side: SideName) -> list[SuggestedRow]:
        return [row for row in self.rows if row.side == side]

    def keys(self, side: SideName) -> list[str]:
        return [row.key for row in self.of(side) if row.key]

    @property
    def standing(self) -> list[DecisionRow]:
        """Decisions that count."""
        return [row for row in self.decisions if row.decision in {Decided.MATCH, Decided.NEVER, Decided.CLOSE}]

    @property
    def seal(self) -> str:
        """Of the decisions that a person sees beside it: another one is news to them."""
        said = "|".join(f"{row.record} {row.decision} {row.pair}" for row in self.decisions)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def has_pair(self, row: DecisionRow) -> bool:
        """Whether the decision is on rows of this suggestion alone."""
        left, right = {*self.keys("left"), None}, {*self.keys("right"), None}
        return row.left_key in left and row.right_key in right


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A page of suggestions, and how many there are. `problem` says why they cannot be read."""

    suggestions: tuple[Suggestion, ...] = ()
    total: int = 0
    undecided: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person wants of a suggestion, and why; `seal` is of what they saw. `closes`: rows, for CLOSE."""

    number: int
    decided: Decided
    reason: str
    seal: str
    closes: tuple[tuple[SideName, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """A row to write, in place of the records `replaces`."""

    decision: Decided
    left_key: str | None
    right_key: str | None
    comment: str
    replaces: tuple[int, ...] = ()


def decide(found: Sequence[Suggestion], choices: Sequence[Choice]) -> list[NewDecision]:
    """The rows that the choices make; none for what is decided so already, as after a second click.

    Raises Conflict where others decided meanwhile, and Invalid for choices that contradict each other or what stands.
    """
    # By what is there now: a number that is gone means another file than the one that was seen.
    by_number = {one.number: one for one in found}
    pairs = [(by_number[choice.number], choice) for choice in choices if choice.number in by_number]
    if len(pairs) < len(choices):
        raise Conflict("the step has suggested anew meanwhile; look at its suggestions again")
    _refuse_twice(pairs)
    made = [row for one, choice in pairs for row in _of(one, choice)]
    # Two suggestions may share a pair: it is one decision.
    return list({(row.left_key, row.right_key): row for row in made}.values())


def _refuse_twice(pairs: Iterable[tuple[Suggestion, Choice]]) -> None:
    """Two accepted suggestions with a row in common would become one match, which nobody has seen."""
    taken: dict[tuple[SideName, str], int] = {}
    for one, choice in pairs:
        for row in _taken(one, choice):
            if taken.setdefault(row, one.number) != one.number:
                raise Invalid(
                    f"{row[1]} is accepted or closed in suggestion {taken[row]} and again in {one.number}; choose one"
                )


def _taken(one: Suggestion, choice: Choice) -> Iterator[tuple[SideName, str]]:
    if choice.decided is Decided.CLOSE:
        yield from choice.closes
    elif choice.decided is Decided.MATCH:
        for row in one.rows:
            yield row.side, row.key or ""


def _of(one: Suggestion, choice: Choice) -> Iterator[NewDecision]:
    _check(one, choice)
    wanted = dict.fromkeys(_pairs(one, choice), choice.decided)
    present: dict[tuple[str | None, str | None], list[DecisionRow]] = {}
    for row in one.decisions:
        present.setdefault(row.pair, []).append(row)
    # All that a person sees beside it, and no more: that is what they take back.
    if choice.decided is Decided.OPEN:
        wanted = dict.fromkeys((row.pair for row in one.standing), Decided.OPEN)
    # What says so already stays as it is, with who said it first.
    new = {pair: said for pair, said in wanted.items() if not _say(present.get(pair, ()), said)}
    undone = {row.pair: Decided.OPEN for row in _undone(one, choice) if row.pair not in wanted}
    if (new or undone) and choice.seal != one.seal:
        raise Conflict(_news(one))
    for (left, right), said in {**new, **undone}.items():
        yield NewDecision(
            decision=said,
            left_key=left,
            right_key=right,
            comment=choice.reason,
            replaces=tuple(row.record for row in present.get((left, right), ())),
        )


def _say(rows: Sequence[DecisionRow], said: Decided) -> bool:
    return bool(rows) and all(row.decision == said for row in rows)


def _check(one: Suggestion, choice: Choice) -> None:
    name = f"suggestion {one.number}"
    if one.rows_count > len(one.rows):
        raise Invalid(f"{name} has {one.rows_count:,} rows, too many to be decided here; write them into the table")
    if any(not row.key for row in one.rows):
        raise Invalid(f"{name} has a row without a key, which no decision can name")
    if choice.decided in {Decided.MATCH, Decided.NEVER} and not (one.of("left") and one.of("right")):
        raise Invalid(f"the rows of {name} are all on one side: no pair can be made of them; close each instead")
    if choice.decided is Decided.NEVER and len(one.of("left")) * len(one.of("right")) > PAIRS_MAX:
        raise Invalid(f"{name} has more than {PAIRS_MAX} pairs, too many to be refused here; write them into the table")
    if choice.decided is Decided.CLOSE and not choice.closes:
        raise Invalid(f"tick the rows of {name} that are to be closed")
    # A form may say anything; what is closed must be among what was seen.
    if not {*choice.closes} <= {(row.side, row.key) for row in one.rows}:
        raise Conflict(f"{name} has other rows now; look at it again")
    _check_standing(one, choice)


def _check_standing(one: Suggestion, choice: Choice) -> None:
    """What stands and would contradict: the next run would fail over it."""
    for row in one.standing:
        is_close = row.decision == Decided.CLOSE
        touched = {("left", row.left_key), ("right", row.right_key)}
        if choice.decided is Decided.MATCH and (is_close or (row.decision == Decided.MATCH and not one.has_pair(row))):
            raise Invalid(f"{_said(row)}; take that back before you accept suggestion {one.number}")
        if choice.decided is Decided.CLOSE and row.decision == Decided.MATCH and not touched.isdisjoint(choice.closes):
            raise Invalid(f"{_said(row)}; take that back before you close it")


def _pairs(one: Suggestion, choice: Choice) -> Iterable[tuple[str | None, str | None]]:
    lefts, rights = one.keys("left"), one.keys("right")
    match choice.decided:
        case Decided.MATCH:
            # Each row once with a row of the other side: pairs that share a row become one match.
            return dict.fromkeys([(lefts[0], right) for right in rights] + [(left, rights[0]) for left in lefts])
        case Decided.NEVER:
            return product(lefts, rights)
        case Decided.CLOSE:
            return [(key, None) if side == "left" else (None, key) for side, key in choice.closes]
        case Decided.OPEN:
            return ()


def _undone(one: Suggestion, choice: Choice) -> Iterator[DecisionRow]:
    """What stands on this suggestion alone and is another decision than the newer one."""
    # A pair that both match and never match fails the next run.
    other = {Decided.MATCH: Decided.NEVER, Decided.NEVER: Decided.MATCH}.get(choice.decided)
    return (row for row in one.standing if row.decision == other and one.has_pair(row))


def _news(one: Suggestion) -> str:
    said = _said(one.standing[-1]) if one.standing else "somebody took a decision back"
    return f"suggestion {one.number} was decided meanwhile: {said}; nothing was written, look at it again"


def _said(row: DecisionRow) -> str:
    who = row.by or "somebody"
    if row.decision == Decided.CLOSE:
        return f"{who} closed {row.left_key or row.right_key}"
    return f"{who} {'matched' if row.decision == Decided.MATCH else 'refused'} {row.left_key} with {row.right_key}"

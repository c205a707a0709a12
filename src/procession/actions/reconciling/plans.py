"""What the settings of reconcile mean for the rows at hand: columns with numbers, rules with amounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions import references
from procession.actions.contract import Context
from procession.actions.problems import Problem
from procession.actions.reconciling import conditions
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.reconcile_settings import PatternPart, ReconcileSettings
from procession.actions.reconciling.rule_settings import ColumnPair, RuleSettings
from procession.actions.reconciling.sides import SIDES, Pair

if TYPE_CHECKING:
    import duckdb

Given = str | ColumnPair


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePlan:
    """`keys`: each compared column once; the others are the N of a column among them, None where it is not given."""

    settings: ReconcileSettings
    keys: Sequence[Pair]
    dates: Sequence[Pair]
    amount: Pair
    is_opposite: bool

    def key(self, given: Given | None) -> int | None:
        return None if given is None else self.keys.index(pair(self.settings, given))

    def day(self, given: Given | None) -> int | None:
        return None if given is None else self.dates.index(pair(self.settings, given))


def make(settings: ReconcileSettings) -> ReconcilePlan:
    # `columns` may call the amounts anything; their sign is that of the column named as the amount.
    amount = settings.columns.get(settings.amount) if isinstance(settings.amount, str) else None
    dates = [settings.date, *(rule.date for rule in settings.rules)]
    return ReconcilePlan(
        settings=settings,
        keys=_pairs(settings, _keys(settings)),
        dates=_pairs(settings, dates),
        amount=pair(settings, settings.amount),
        is_opposite=amount is not None and amount.sign == "opposite",
    )


def hashed(plan: ReconcilePlan) -> list[int]:
    """The N of the columns that rows are compared and summed by: all but a key that only names rows."""
    return list(dict.fromkeys(plan.keys.index(one) for one in _pairs(plan.settings, _compared(plan.settings))))


def _keys(settings: ReconcileSettings) -> Iterable[Given | None]:
    yield from (*_compared(settings), settings.key)


def _compared(settings: ReconcileSettings) -> Iterable[Given | None]:
    for rule in settings.rules:
        yield from rule.equal
        yield rule.empty
        yield rule.alike.column if rule.alike else None
    yield from (settings.currency, settings.totals_by)


def _pairs(settings: ReconcileSettings, given: Iterable[Given | None]) -> list[Pair]:
    return list(dict.fromkeys(pair(settings, one) for one in given if one is not None))


def pair(settings: ReconcileSettings, given: Given) -> Pair:
    if isinstance(given, ColumnPair):
        return Pair(given.left, given.right, name=given.left)
    said = settings.columns.get(given)
    if said is None:
        return Pair(given, given, name=given)
    clean = tuple((step.pattern,) if isinstance(step, PatternPart) else step for step in said.clean)
    return Pair(said.left or given, said.right or given, clean, name=given)


def columns_of(plan: ReconcilePlan, side: str) -> frozenset[str]:
    """Columns whose texts as written are looked at."""
    words = [rule.word_of for rule in plan.settings.rules if rule.word_of is not None]
    own = {word.reference if word.side == side else word.text for word in words}
    return frozenset({key.of(side) for key in plan.keys} | own)


def rules(
    context: Context, connection: duckdb.DuckDBPyConnection, plan: ReconcilePlan, ledgers: Ledgers
) -> list[MatchingRule]:
    """Raises Problem for an amount that is none, and for a condition that is more."""
    return [_rule(context, connection, plan, ledgers, number) for number in range(1, len(plan.settings.rules) + 1)]


def _rule(
    context: Context, connection: duckdb.DuckDBPyConnection, plan: ReconcilePlan, ledgers: Ledgers, number: int
) -> MatchingRule:
    given = plan.settings.rules[number - 1]
    # One column twice, by two names, is one.
    keys = tuple(dict.fromkeys(_known(plan.key(column)) for column in given.equal))
    made = MatchingRule(
        number=number,
        name=given.name,
        kind=given.match,
        keys=keys,
        tolerance=decimal(context, given.tolerance, f'the tolerance of the rule "{given.name}"'),
        percent=decimal(context, given.percent, f'the percent of the rule "{given.name}"'),
        empty=plan.key(given.empty),
        alike=None if given.alike is None else (_known(plan.key(given.alike.column)), given.alike.edits),
        where=_where(connection, given, ledgers),
        sides=tuple(given.sides or (("right", "left") if given.match == "subsets" else SIDES)),
        items=given.items or 4,
        suggests=(given.outcome or ("suggested" if given.match == "subsets" else "matched")) == "suggested",
        book_to=given.book_to or "",
    )
    if given.word_of is not None:
        _check_word(ledgers, given)
        made = replace(made, word=(given.word_of.side, given.word_of.reference, given.word_of.text))
    return replace(_dated(plan, given, made), only=_is_only(ledgers, given, made))


def _known(number: int | None) -> int:
    assert number is not None
    return number


def _dated(plan: ReconcilePlan, given: RuleSettings, made: MatchingRule) -> MatchingRule:
    """A rule that names a date, and no days, asks for the same day."""
    day, days = plan.day(given.date or plan.settings.date), given.days
    if day is None or (days is None and given.date is None):
        return made
    least, most = days if isinstance(days, list) else (-(days or 0), days or 0)
    return replace(made, day=day, days=(least, most))


def _is_only(ledgers: Ledgers, given: RuleSettings, made: MatchingRule) -> bool:
    """Without a reference, a nearer day or amount is no evidence that rows belong together."""
    if given.choose is not None or made.kind != "pairs":
        return given.choose == "only"
    compares_text = any(ledgers.is_text(key) for key in made.keys)
    return given.empty is not None or not (compares_text or made.alike or made.word)


def _check_word(ledgers: Ledgers, given: RuleSettings) -> None:
    word = given.word_of
    assert word is not None
    for one in ledgers.sides:
        column = word.reference if one.name == word.side else word.text
        if column not in one.types:
            raise Problem(f'the {one.name} file has no column "{column}" (it has {", ".join(one.types)})')


def _where(
    connection: duckdb.DuckDBPyConnection, given: RuleSettings, ledgers: Ledgers
) -> tuple[str | None, str | None]:
    if given.where is None:
        return None, None
    found = [
        None
        if (text := getattr(given.where, one.name)) is None
        else conditions.narrow(connection, one, text, f'where.{one.name} of the rule "{given.name}"')
        for one in ledgers.sides
    ]
    return found[0], found[1]


def decimal(context: Context, given: float | str, what: str) -> Decimal:
    """Raises Problem for what is no amount."""
    value = references.resolve(context, given)
    try:
        # By its text: the float behind 0.1 has more digits than anybody wrote.
        number = Decimal(str(value))
    except ArithmeticError:
        raise Problem(f"{what} is not a number: {value}") from None
    if not (number.is_finite() and number >= 0):
        raise Problem(f"{what} must be zero or more, and is {value}")
    return number


def as_of(context: Context) -> date | None:
    """The day as of which rows are open. Raises Problem for what is no date."""
    given = context.settings.as_of
    if given is None:
        return None
    value = references.resolve(context, given)
    try:
        # A Datepicker has a time too, which is midnight.
        return date.fromisoformat(str(value)[: references.DATE_CHARACTERS])
    except ValueError:
        raise Problem(f"as_of is no date such as 2026-11-30: {value}") from None

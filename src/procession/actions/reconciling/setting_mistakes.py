"""Mistakes in the settings of reconcile, told when a process file is applied and in the user's words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date

from procession.actions import expecting, references
from procession.actions.reconciling.reconcile_settings import (
    FILES,
    PatternPart,
    ReconcileSettings,
    sources,
)
from procession.actions.reconciling.rule_settings import ColumnPair, RuleSettings
from procession.actions.rows import sources as row_sources
from procession.actions.writing import exports

# Options of a rule that mean something for some kinds of rules only.
_FOR = {
    "tolerance": {"pairs", "groups"},
    "percent": {"pairs", "groups"},
    "empty": {"pairs", "subsets"},
    "alike": {"pairs"},
    "word_of": {"pairs"},
    "sides": {"reversals", "subsets"},
    "items": {"subsets"},
    "choose": {"pairs"},
    "book_to": {"pairs", "groups"},
}
_NOT_LINEAR = re.compile(r"\(\?(<?[=!]|P=)|\\[1-9]")  # what an expression that is safe on any text cannot have


def check(settings: ReconcileSettings) -> tuple[str, ...]:
    found: list[str] = []
    for path, given in sources(settings).items():
        found += row_sources.mistakes(path, given)
    found += [*_outputs(settings), *_columns(settings), *_whole(settings)]
    for number, rule in enumerate(settings.rules):
        found += [f"rules[{number}].{said}" for said in _rule(settings, rule)]
    return tuple(found)


def _outputs(settings: ReconcileSettings) -> Iterator[str]:
    outputs = settings.outputs
    for name in FILES:
        target = getattr(outputs, name)
        yield from exports.check(f"outputs.{name}", target) if target is not None else ()
    if outputs.report is not None:
        yield from exports.check("outputs.report", outputs.report, frozenset({".xlsx"}))
    if outputs.ages is not None and settings.as_of is None:
        yield "outputs.ages: needs as_of, the day from which ages are counted"
    if outputs.differences is not None and not any(rule.tolerance or rule.percent for rule in settings.rules):
        yield "outputs.differences: no rule has a tolerance or percent, so there will be none"


def _whole(settings: ReconcileSettings) -> Iterator[str]:
    if expecting.asks(settings.expect):
        yield "expect: a reconciliation takes `rows: {at_least: 0}` and nothing else; see fail_when"
    if settings.totals_by is not None and settings.outputs.summary is None and settings.outputs.report is None:
        yield "totals_by: means nothing without the outputs summary or report, where these totals stand"
    if settings.decisions is not None and settings.key is None:
        yield "decisions: needs key, the column that names the rows which were decided"
    if settings.warn.older_than is not None and settings.as_of is None:
        yield "warn.older_than: needs as_of, the day from which ages are counted"
    if list(settings.ages) != sorted(set(settings.ages)):
        yield f"ages: must grow, as in {sorted(set(settings.ages))}"
    if settings.as_of is not None and references.parse(settings.as_of) is None and not _is_date(settings.as_of):
        yield f'as_of: "{settings.as_of}" is no date such as 2026-11-30, and no ${{step.property}}'
    for path, amount in (
        ("fail_when.difference", settings.fail_when.difference),
        ("warn.open_amount", settings.warn.open_amount),
    ):
        if not isinstance(amount, str | None) and not _is_amount(amount):
            yield f"{path}: must be zero or more"


def _is_date(text: str) -> bool:
    try:
        return len(text) == references.DATE_CHARACTERS and date.fromisoformat(text) is not None
    except ValueError:
        return False


def _is_amount(given: float | str | None) -> bool:
    return isinstance(given, str) or (given is not None and 0 <= given < float("inf"))


def _columns(settings: ReconcileSettings) -> Iterator[str]:
    for name, column in settings.columns.items():
        if column.sign == "opposite" and name != settings.amount:
            yield f"columns.{name}.sign: is for the column of amounts, {_shown(settings.amount)}"
        if column.clean and name in {settings.amount, settings.date}:
            yield f"columns.{name}.clean: is for texts; amounts and days are compared by their values"
        for part in column.clean:
            if isinstance(part, PatternPart) and (wrong := _pattern(part.pattern)):
                yield f"columns.{name}.clean: {wrong}"
    for path in ("amount", "date", "key", "currency", "totals_by"):
        yield from _known(settings, path, getattr(settings, path))


def _pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        return f'"{pattern}" is no regular expression: {error}'
    if not groups:
        return f'"{pattern}" has no group: put what counts into brackets, as in INV-([0-9]+)'
    if _NOT_LINEAR.search(pattern):
        return f'"{pattern}" looks ahead, behind or back, which is not available here'
    return ""


def _known(settings: ReconcileSettings, path: str, given: str | ColumnPair | None) -> Iterator[str]:
    """Where `columns` names columns, a name that is not among them is a slip."""
    names = settings.columns
    if not names or not isinstance(given, str) or given in names:
        return
    yield f'{path}: "{given}" is not among the columns ({", ".join(names)}){_perhaps(given, names)}'


def _perhaps(word: str, known: Collection[str]) -> str:
    # Not at the top: every process for user code imports this module.
    from procession.model.nearest import nearest

    found = nearest(word, known)
    return f'; did you mean "{found}"?' if found else ""


def _shown(given: str | ColumnPair) -> str:
    return f"{given.left} / {given.right}" if isinstance(given, ColumnPair) else given


def _rule(settings: ReconcileSettings, rule: RuleSettings) -> Iterator[str]:
    yield from _limits(rule)
    yield from _days(settings, rule)
    for number, column in enumerate(rule.equal):
        yield from _known(settings, f"equal[{number}]", column)
    yield from _known(settings, "date", rule.date)
    yield from _known(settings, "empty", rule.empty)
    yield from _known(settings, "alike.column", rule.alike.column) if rule.alike else ()
    defaults = RuleSettings(name=rule.name, equal=rule.equal)
    for option, kinds in _FOR.items():
        if rule.match not in kinds and getattr(rule, option) != getattr(defaults, option):
            yield f"{option}: means nothing for match: {rule.match}; it is for {_listed(sorted(kinds))}"
    yield from _compared(rule)


def _limits(rule: RuleSettings) -> Iterator[str]:
    for name in ("tolerance", "percent"):
        if not _is_amount(getattr(rule, name)):
            yield f"{name}: must be zero or more"
    if rule.book_to is not None and not (rule.tolerance or rule.percent):
        yield "book_to: means nothing without a tolerance or percent: there is no difference to book"


def _days(settings: ReconcileSettings, rule: RuleSettings) -> Iterator[str]:
    days = rule.days
    if days is not None and days != 0 and rule.date is None and settings.date is None:
        yield 'days: needs "date", the column that holds the date'
    if isinstance(days, int) and days < 0:
        yield f"days: {days} is no distance; write {-days}, or the first and the last, as in [{days}, 0]"
    if isinstance(days, list) and days[0] > days[1]:
        yield f"days: the first is more than the last; write [{days[1]}, {days[0]}]"
    if isinstance(days, list) and rule.match == "reversals":
        yield "days: reversals take one number, the most days between a row and its reversal"


def _compared(rule: RuleSettings) -> Iterator[str]:
    # Without a reference, the nearest amount is no evidence that two rows belong together.
    if rule.choose == "nearest" and rule.empty is not None:
        yield "choose: a rule without a reference takes only rows without another candidate"
    if rule.match == "subsets" and rule.empty is None:
        yield "empty: subsets need the column that the one row has empty, such as its reference"
    if rule.empty is not None and rule.empty in rule.equal:
        yield f"empty: {_shown(rule.empty)} is among equal too, and what is empty equals nothing"
    if rule.alike is not None and rule.alike.column in rule.equal:
        yield f"alike: {_shown(rule.alike.column)} is among equal too, where no edit is allowed"
    together = [name for name in ("empty", "alike", "word_of") if getattr(rule, name) is not None]
    if len(together) > 1:
        yield f"{together[1]}: a rule takes either {' or '.join(together)}"
    if rule.sides is not None and len(set(rule.sides)) < len(rule.sides):
        yield f"sides: {rule.sides[0]} is there twice"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)

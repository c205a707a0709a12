"""Where a reconciliation puts what it suggests, and which table takes what people decide about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import references
from procession.actions.reconciling import reconcile_settings
from procession.actions.reconciling.reconcile_settings import ReconcileSettings
from procession.actions.writing import exports
from procession.model import table_uses
from procession.model.suggestions import SuggestionSource

if TYPE_CHECKING:
    from procession.actions.reconciling.plans import Given
    from procession.actions.reconciling.sides import Pair


def source(settings: ReconcileSettings) -> SuggestionSource | None:
    """None where the step suggests nothing, or keeps no decisions."""
    target, given = settings.outputs.suggested, settings.decisions
    if target is None or given is None:
        return None
    options, decisions = exports.options_of(target), reconcile_settings.options_of(given)
    output, table = references.parse(options.to) or "", table_uses.name_of(decisions.table) or ""
    if problem := _problem(settings, is_file=bool(output), is_table=bool(table), is_old=decisions.version is not None):
        return SuggestionSource(output=output, table=table, problem=problem)
    columns = _columns(settings)
    return SuggestionSource(
        output=output,
        table=table,
        columns=tuple((f"left_{pair.left}", f"right_{pair.right}") for pair in columns),
        names=tuple(pair.name for pair in columns),
        escapes=options.escape_formulas and Path(options.as_ or ".csv").suffix.lower() == ".csv",
    )


def _problem(settings: ReconcileSettings, *, is_file: bool, is_table: bool, is_old: bool) -> str:
    if not is_file:
        return "the suggestions of this step go to a table; let `suggested` go to a file, to decide about them here"
    if not is_table:
        return 'the decisions of this step are a file; name a table, decisions: "${table:...}", to decide here'
    if is_old:
        return "this step reads the decisions of a version of their own; what is decided here would never count"
    # Rows have no other name that lasts until the next month.
    if settings.key is None:
        return "this step names no `key`, and a decision names rows by theirs"
    return ""


def _columns(settings: ReconcileSettings) -> list[Pair]:
    """The key, the amount, the day, and then what the rules compare, in their order."""
    # Every process for user code imports this module, and none of them reads files.
    from procession.actions.reconciling import plans

    given: list[Given | None] = [settings.key, settings.amount, settings.date, settings.currency]
    for rule in settings.rules:
        given += [*rule.equal, rule.empty, rule.alike.column if rule.alike else None]
    pairs = [plans.pair(settings, one) for one in given if one is not None]
    # A key that is an amount as well stands in both places: the first two have a meaning.
    return [*pairs[:2], *(pair for pair in dict.fromkeys(pairs[2:]) if pair not in pairs[:2])]

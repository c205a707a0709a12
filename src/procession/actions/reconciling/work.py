"""What a reconcile step does: its sources loaded, its rules applied in order, its results and report written."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions import database, expecting, messages, values
from procession.actions.contract import Context, OutputValue, StepOutcome
from procession.actions.problems import Problem
from procession.actions.reconciling import (
    ages,
    cautions,
    collisions,
    control_totals,
    decisions,
    differences,
    doubts,
    items,
    ledgers,
    matching,
    outputs,
    passes,
    plans,
    reasons,
    reconcile_settings,
    results,
    sources,
    spellings,
    subtotals,
    suggestions,
)
from procession.actions.reconciling import sides as sides_
from procession.actions.reconciling.found import Found
from procession.actions.reconciling.items import Hashing
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.plans import ReconcilePlan
from procession.actions.reconciling.reconcile_settings import ReconcileSettings, sources_of
from procession.actions.reconciling.sides import SIDES, Side
from procession.model.lifecycle import StepStatus

if TYPE_CHECKING:
    import duckdb

# A collision of 64 bits was never seen, but texts can be made to have one; no text has one under three salts.
ATTEMPTS = (Hashing(), Hashing(salt=1), Hashing(salt=2))
_AGAIN = f"{collisions.TOLD}; all rules are applied again with another salt\n"


def run(context: Context, attempts: Sequence[Hashing] = ATTEMPTS, *, threads: int = database.THREADS) -> StepOutcome:
    """The matches are the same for any `attempts` of which one succeeds, and for any number of threads."""
    import duckdb

    connection = database.connect(context.folder, context.memory_bytes_max, threads)
    tried: list[Hashing] = []
    try:
        reconcile_settings.refuse_options(context)
        # The files of tables are named by it.
        with contextlib.chdir(context.folder):
            found = reconcile(context, connection, attempts)
            tried = list(attempts[: attempts.index(found.hashing) + 1])
            written = outputs.write(context, connection, found)
    except Problem as problem:
        return StepOutcome(status=StepStatus.FAILED, message=str(problem))
    except duckdb.Error as error:  # memory or disk, or a collision
        # Before anything was matched, a user's own condition has said these words.
        if not tried or not collisions.told(error):
            return _failed(context, error)
    else:
        return _outcome(context, found, written)
    finally:
        connection.close()
    # Nothing was published yet, and all that was found may be wrong.
    context.log(_AGAIN)
    return run(context, attempts[len(tried) :], threads=threads)


def _failed(context: Context, error: duckdb.Error) -> StepOutcome:
    context.log(f"{database.hide(str(error), database.places(context.folder))}\n")
    return StepOutcome(status=StepStatus.FAILED, message=database.complaint(error, database.places(context.folder)))


def _outcome(context: Context, found: Found, written: Mapping[str, OutputValue]) -> StepOutcome:
    return StepOutcome(
        status=StepStatus.WARNING if found.warnings else StepStatus.SUCCESS,
        message=messages.joined(context, _summary(found), found.warnings),
        outputs=written,
        figures=found.figures,
    )


def _summary(found: Found) -> str:
    figures = found.figures
    counts = f"{figures['matched']:,} matched, {figures['only_left']:,} only left, {figures['only_right']:,} only right"
    if figures["suggested"]:
        counts += f", {figures['suggested']:,} suggested"
    if found.by_currency:
        return f"{counts}; {', '.join(_balance(*line) for line in found.by_currency)}"
    return f"{counts}; {_balance('', *(figures[name] for name in ('left_total', 'right_total', 'difference')))}"


def _balance(currency: str, left: int | Decimal, right: int | Decimal, difference: int | Decimal) -> str:
    shown, other, apart = values.alike(left, right, difference)
    before = f"{currency} " if currency else ""
    if difference == 0:
        return f"{before}left and right balance at {shown}"
    return f"{before}left {shown} and right {other} differ by {apart}"


def reconcile(context: Context, connection: duckdb.DuckDBPyConnection, attempts: Sequence[Hashing]) -> Found:
    """All relations made and checked, nothing written."""
    settings: ReconcileSettings = context.settings
    plan, warnings = plans.make(settings), list[str]()
    sides = _load(context, connection, plan, warnings)
    given = None if settings.decisions is None else decisions.load(context, connection, settings.decisions)
    # Between our reading of files and the user's conditions.
    database.lock(connection, context.folder, database.table_files())
    as_of = plans.as_of(context)
    compared = ledgers.settle(
        connection, sides, keys=plan.keys, dates=plan.dates, amount=(plan.amount, plan.is_opposite)
    )
    rules = plans.rules(context, connection, plan, compared)
    warnings += items.find_given_twice(connection, compared, plan.key(settings.key))
    warnings += _decided(connection, compared, given, plan)
    hashing = _match(context, connection, compared, rules, (plans.hashed(plan), attempts))
    found = Found(ledgers=compared, rules=rules, plan=plan, hashing=hashing, as_of=as_of, warnings=warnings)
    _explain(context, connection, found, sides)
    _make_results(context, connection, found)
    return found


def _load(
    context: Context, connection: duckdb.DuckDBPyConnection, plan: ReconcilePlan, warnings: list[str]
) -> tuple[Side, Side]:
    settings: ReconcileSettings = context.settings

    def load(name: str, given: Sequence[reconcile_settings.SideSource]) -> Side:
        made, each = sources.load(context, connection, name, given, plans.columns_of(plan, name))
        warnings.extend(made.warnings)
        # A month in which nothing was left open carries an empty file forward.
        empty = [one for one in each if not one.rows]
        if len(empty) == len(each):
            for one in empty:
                expecting.check_rows(settings.expect, one, warnings)
        return sides_.side(connection, name, made)

    return load("left", sources_of(settings.left)), load("right", sources_of(settings.right))


def _decided(
    connection: duckdb.DuckDBPyConnection, compared: Ledgers, given: Side | None, plan: ReconcilePlan
) -> list[str]:
    connection.execute("CREATE TABLE never (left_row INTEGER, right_row INTEGER)")
    connection.execute("CREATE TABLE comments (side INTEGER, row INTEGER, comment VARCHAR)")
    key = plan.key(plan.settings.key)
    return [] if given is None or key is None else list(decisions.find(connection, compared, given, key))


def _match(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    compared: Ledgers,
    rules: Sequence[MatchingRule],
    hashes: tuple[Collection[int], Sequence[Hashing]],
) -> Hashing:
    """Applies all rules; again with another salt where different values had one hash."""
    hashed, attempts = hashes
    for hashing in attempts:
        items.drop(connection)
        items.make(connection, compared, hashing, hashed)
        matching.begin(connection)
        if context.settings.decisions is not None:
            decisions.apply(connection)
        for rule in rules:
            context.progress(rule.number / (len(rules) + 3), rule.name)
            said = passes.apply(connection, compared, rule)
            context.log(f"rule {rule.number}, {rule.name}: {said}\n")
        if not collisions.found(connection, compared, rules, in_pairs=not _guards(context, compared)):
            return hashing
        context.log(_AGAIN)
    raise Problem(f"{collisions.TOLD} each time; nothing was published")


def _guards(context: Context, compared: Ledgers) -> bool:
    """Whether the values of pairs are compared as the pairs are written, before anything follows from them."""
    settings: ReconcileSettings = context.settings
    is_written = settings.outputs.matched is not None or settings.outputs.report is not None
    limits = settings.fail_when
    # A limit would judge counts that are wrong; and texts that stand beside their rows cost another join.
    is_limited = any(getattr(limits, name) is not None for name in limits.__struct_fields__)
    return is_written and not is_limited and not any(one.texts for one in compared.sides)


def _explain(context: Context, connection: duckdb.DuckDBPyConnection, found: Found, sides: tuple[Side, Side]) -> None:
    """What is to be said of the rows, before anything is made of them."""
    settings: ReconcileSettings = context.settings
    currency = found.plan.key(settings.currency)
    found.warnings.extend(
        [
            *spellings.warnings(connection, found.ledgers, found.rules),
            *doubts.warnings(connection, found.ledgers, found.rules),
            *subtotals.warnings(connection, found.ledgers, _naming(found)),
            *cautions.warnings(connection, found.rules, currency),
        ]
    )


def _naming(found: Found) -> list[int]:
    """Columns that name rows and documents, not what many rows have: the key, and the last texts of the rules."""
    settings: ReconcileSettings = found.plan.settings
    key = found.plan.key(settings.key)
    last = [rule.keys[-1] for rule in found.rules if rule.kind == "pairs" and found.ledgers.is_text(rule.keys[-1])]
    named = [
        key,
        *(rule.empty for rule in found.rules),
        *(rule.alike[0] for rule in found.rules if rule.alike),
        *last[:1],
    ]
    return list(dict.fromkeys(number for number in named if number is not None))


def _make_results(context: Context, connection: duckdb.DuckDBPyConnection, found: Found) -> None:
    settings: ReconcileSettings = context.settings
    context.progress(0.8, "Results")
    key, day = found.plan.key(settings.key), found.plan.day(settings.date)
    by = found.plan.key(settings.currency), found.plan.key(settings.totals_by)
    # Last: a suggestion of which a later rule took a row is none any more.
    suggested = suggestions.make(connection)
    # Before limits and outputs: nothing is published of a reconciliation that lost a row.
    control_totals.make(connection, *by)
    totals = control_totals.check(connection)
    control_totals.check_rules(connection, found.rules)
    control_totals.summarise(connection, found.ledgers, found.rules, found.hashing, by)
    reasons.make(connection, found.ledgers, found.rules)
    ages.make(connection, found.ledgers, day, found.as_of, key)
    # Without a day as of which rows are open, nobody can ask for their ages.
    if found.as_of is not None:
        ages.classify(connection, settings.ages)
        ages.summarise(connection, by[0])
    results.number_matches(connection, found.ledgers, found.rules)
    guards = _guards(context, found.ledgers)
    is_kept = outputs.keeps_matched(context)
    results.show_matched(connection, found.ledgers, found.rules, is_guarded=guards, is_sorted=is_kept)
    results.show_suggested(connection, found.ledgers, found.rules)
    results.show_open(connection, found.ledgers, key, found.as_of)
    differences.make(connection, found.ledgers, found.rules, (by[0], key))
    found.figures.update({"matched": results.count_matches(connection), "suggested": suggested, **totals})
    found.figures.update({f"only_{side}": database.count(connection, f"{side}_open") for side in SIDES})
    found.figures["undecided"] = matching.undecided(connection)
    if by[0] is not None:
        found.by_currency.extend(control_totals.by_currency(connection))
    limit = settings.warn.open_amount
    amount = None if limit is None else plans.decimal(context, limit, "warn.open_amount")
    found.warnings.extend(cautions.asked(connection, settings.warn, amount, suggested))

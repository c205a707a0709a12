"""What a reconcile step does: its files loaded, its rules applied in order, its results and report written."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions import database, expecting, references, relations, values
from procession.actions.contract import Context, FileOutput, OutputValue, StepOutcome
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading.options import FileOptions
from procession.actions.reconciling import control_totals, doubts, ledgers, matching, reconcile_settings, spellings
from procession.actions.reconciling.ledgers import Pair, Side
from procession.actions.reconciling.reconcile_settings import (
    FILES,
    ColumnPair,
    OutputSettings,
    ReconcileSettings,
    RuleSettings,
)
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.lifecycle import StepStatus

if TYPE_CHECKING:
    import duckdb

_REPORT_SHEETS = {"Summary": "summary", "Matched": "matched", "Only left": "only_left", "Only right": "only_right"}


def run(context: Context) -> StepOutcome:
    import duckdb

    connection = database.connect(context.folder, context.memory_bytes_max)
    try:
        reconcile_settings.refuse_options(context)
        # The files of tables are named by it.
        with contextlib.chdir(context.folder):
            sides, warnings = _load(context, connection)
        database.lock(connection, context.folder)
        open_twins, undecided = _match(context, connection, sides, warnings)
        _make_results(context, connection)
        # Before limits and outputs: nothing is published of a reconciliation that lost a row.
        totals = control_totals.check(connection)
        figures: dict[str, int | Decimal] = {
            name: database.count(connection, name) for name in ("matched", "only_left", "only_right")
        }
        figures |= totals
        _check_limits(context, figures | {"undecided": undecided})
        outputs = _write(context, connection, figures, warnings)
    except Problem as problem:
        return StepOutcome(status=StepStatus.FAILED, message=str(problem))
    except duckdb.Error as error:  # memory or disk
        context.log(f"{database.hide(str(error), database.places(context.folder))}\n")
        return StepOutcome(status=StepStatus.FAILED, message=database.complaint(error, database.places(context.folder)))
    finally:
        connection.close()
    if undecided:
        warnings.append(f"{undecided:,} left rows have several equally good partners and stay open")
    if open_twins:
        warnings.append(f"{open_twins:,} open rows look booked twice: a row like them is matched")
    return StepOutcome(
        status=StepStatus.WARNING if warnings else StepStatus.SUCCESS,
        message="; ".join([_summary(figures), *warnings]),
        outputs=outputs,
        figures={**figures, "undecided": undecided},
    )


def _summary(figures: Mapping[str, int | Decimal]) -> str:
    counts = f"{figures['matched']:,} matched, {figures['only_left']:,} only left, {figures['only_right']:,} only right"
    left, right, apart = values.alike(figures["left_total"], figures["right_total"], figures["difference"])
    if figures["difference"] == 0:
        return f"{counts}; left and right balance at {left}"
    return f"{counts}; left {left} and right {right} differ by {apart}"


def _check_limits(context: Context, figures: Mapping[str, int | Decimal]) -> None:
    """Raises Problem where fail_when says so."""
    settings: ReconcileSettings = context.settings
    for name in settings.fail_when.__struct_fields__:
        given = getattr(settings.fail_when, name)
        if given is None:
            continue
        most = _number(context, given, f"fail_when.{name}")
        # Whatever its sign: too much is as wrong as too little.
        if abs(Decimal(figures[name])) > most:
            found, allowed = values.alike(figures[name], most)
            raise Problem(
                f"{name.replace('_', ' ')} is {found}, and fail_when allows at most {allowed}; nothing was published"
            )


def _load(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[tuple[Side, Side], list[str]]:
    from procession.actions.reading import loading

    settings: ReconcileSettings = context.settings
    keys, warnings = _keys(settings), list[str]()

    def load(side: str, given: str | FileOptions) -> Side:
        options = relations.source_of(given)
        texts = frozenset(pair.of(side) for pair in keys)
        made = loading.load(context, connection, side, options, texts=texts)
        warnings.extend(made.warnings)
        expecting.check_rows(settings.expect, made, warnings)
        return ledgers.side(connection, side, made, options.zone)

    # One after the other: two files at once would need twice the memory.
    return (load("left", settings.left), load("right", settings.right)), warnings


def _match(
    context: Context, connection: duckdb.DuckDBPyConnection, sides: tuple[Side, Side], warnings: list[str]
) -> tuple[int, int]:
    """Open rows that look booked twice, and left rows that could not be decided."""
    settings: ReconcileSettings = context.settings
    keys = _keys(settings)
    dates = [_pair(rule.date) for rule in settings.rules if rule.date is not None]
    # A column that one rule compares as a date is a date for all of them.
    ledgers.prepare(connection, sides, keys=keys, dates=dates, amount=_pair(settings.amount))
    matching.begin(connection)
    applied: list[matching.MatchingRule] = []
    for number, rule in enumerate(settings.rules, start=1):
        prepared = _rule(context, rule, number, keys)
        context.progress(number / (len(settings.rules) + 2), rule.name)
        found = matching.apply(connection, prepared)
        left = 0 if prepared.is_exact else matching.ambiguous(connection, prepared)
        more = f"; {left:,} left rows have several equally good partners and stay unmatched" if left else ""
        context.log(f"rule {number}, {rule.name}: {found:,} pairs{more}\n")
        applied.append(prepared)
    warnings += [
        *spellings.warnings(connection, sides, keys, applied),
        *doubts.warnings(connection, sides, keys, applied),
    ]
    return matching.twins(connection, applied), matching.undecided(connection)


def _keys(settings: ReconcileSettings) -> list[Pair]:
    """The columns that any rule, or the control totals by one of them, compare."""
    equal = [column for rule in settings.rules for column in rule.equal]
    # Each gets a key column once, whatever number of rules compare it.
    others = [*(rule.date for rule in settings.rules), *(rule.empty for rule in settings.rules), settings.totals_by]
    return list(dict.fromkeys(_pair(column) for column in (*equal, *others) if column is not None))


def _pair(column: str | ColumnPair) -> Pair:
    return Pair(column.left, column.right) if isinstance(column, ColumnPair) else Pair(column, column)


def _rule(context: Context, rule: RuleSettings, number: int, keys: list[Pair]) -> matching.MatchingRule:
    return matching.MatchingRule(
        number=number,
        keys=tuple(keys.index(_pair(column)) for column in rule.equal),
        tolerance=_number(context, rule.tolerance, f'the tolerance of the rule "{rule.name}"'),
        date=None if rule.date is None else keys.index(_pair(rule.date)),
        days=rule.days,
        empty=None if rule.empty is None else keys.index(_pair(rule.empty)),
        only=(rule.choose or ("only" if rule.empty is not None else "nearest")) == "only",
    )


def _number(context: Context, given: float | str, what: str) -> Decimal:
    value = references.resolve(context, given)
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise Problem(f"{what} is not a number: {value}") from None
    if not (number.is_finite() and number >= 0):
        raise Problem(f"{what} must be zero or more, and is {value}")
    return number


def _make_results(context: Context, connection: duckdb.DuckDBPyConnection) -> None:
    """The relations matched, only_left, only_right (in the order of the files) and summary."""
    settings: ReconcileSettings = context.settings
    (left, left_row), (right, right_row) = (ledgers.numbered(connection, side, side[0]) for side in ledgers.SIDES)
    connection.execute(f"""
        CREATE TABLE matched AS
        SELECT t.name AS rule, lk.amount - rk.amount AS difference, {_prefixed(connection, "left")},
            {_prefixed(connection, "right")}
        FROM pairs p
        JOIN {left} ON {left_row} = p.left_row JOIN {right} ON {right_row} = p.right_row
        JOIN left_keys lk ON lk.row = p.left_row JOIN right_keys rk ON rk.row = p.right_row
        JOIN (VALUES {", ".join(f"({n}, {database.literal(r.name)})" for n, r in enumerate(settings.rules, start=1))})
            t(number, name) ON t.number = p.rule
        ORDER BY p.left_row
    """)
    for side in ledgers.SIDES:
        connection.execute(f"CREATE TABLE only_{side}_rows AS SELECT row FROM {side}_open")
        source, row = ledgers.numbered(connection, side, "s")
        connection.execute(
            f"CREATE TABLE only_{side} AS SELECT s.* FROM {source} "
            f"SEMI JOIN only_{side}_rows o ON o.row = {row} ORDER BY {row}"
        )
    by = None if settings.totals_by is None else _pair(settings.totals_by)
    key = None if by is None else _keys(settings).index(by)
    control_totals.make(connection, [rule.name for rule in settings.rules], key, "" if by is None else by.left)


def _prefixed(connection: duckdb.DuckDBPyConnection, side: str) -> str:
    names = database.columns(connection, side)
    return ", ".join(f"{side[0]}.{quote(name)} AS {quote(f'{side}_{name}')}" for name in names)


def _write(
    context: Context, connection: duckdb.DuckDBPyConnection, figures: Mapping[str, int | Decimal], warnings: list[str]
) -> dict[str, OutputValue]:
    from procession.actions.writing import files

    wanted: OutputSettings = context.settings.outputs
    outputs: dict[str, OutputValue] = {}
    for name in FILES:
        target = getattr(wanted, name)
        if target is not None:
            outputs[exports.reference_of(target)] = files.write(
                context, connection, name, target, default=f"{name}.csv", warnings=warnings
            )
    for name, figure in figures.items():
        reference = references.parse(getattr(wanted, name if isinstance(figure, Decimal) else f"{name}_count"))
        if reference is not None:
            outputs[reference] = values.trimmed(figure)
    if wanted.report is not None:
        context.progress(0.9, "Report")
        outputs[exports.reference_of(wanted.report)] = _report(context, connection, wanted.report, warnings)
    return outputs


def _report(context: Context, connection: duckdb.DuckDBPyConnection, target: Target, warnings: list[str]) -> FileOutput:
    from procession.actions.writing import workbooks

    name = exports.file_name(context, target, f"{context.step_key}.xlsx")
    path = context.folder / database.EXPORT_FOLDER / "report.xlsx"
    notes = workbooks.write(connection, path, _REPORT_SHEETS, exports.options_of(target).zone)
    warnings += [f"{name}: {text}" for text in notes.warnings]
    for text in notes.remarks:
        context.log(f"{name}: {text}\n")
    return FileOutput(path=str(path), name=name if name.lower().endswith(".xlsx") else f"{name}.xlsx")

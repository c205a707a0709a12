"""reconcile: pairs the rows of two files one to one by ordered rules, and proves that the totals balance.

A rule sees only what the rules before it have left. Two rows pair when the columns of `equal` are equal, the amounts
differ by at most `tolerance` (nothing, unless given) and the dates by at most `days`. Rows that a rule cannot tell
apart pair in the order of the files, as many as there are on both sides. With a tolerance, a pair is made only where
each row is the other's single best choice; a tie is left unmatched, for a person to look at.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import msgspec

from procession.actions import control_totals, database, exports, ledgers, matching, references, relations, workbooks
from procession.actions.contract import Action, Context, Example, FileOutput, Outcome, OutputTarget, OutputValue
from procession.actions.database import quote
from procession.actions.exports import Target
from procession.actions.ledgers import Pair
from procession.actions.problems import Problem
from procession.actions.references import ReferenceText
from procession.actions.relations import FileOptions
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect

if TYPE_CHECKING:
    import duckdb

RULES_MAX = 50
DAYS_MAX = 366
FILES = ("matched", "only_left", "only_right", "summary")  # outputs that are one relation each
_REPORT_SHEETS = {"Summary": "summary", "Matched": "matched", "Only left": "only_left", "Only right": "only_right"}

Column = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class ColumnPair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column that is called differently on the two sides."""

    left: Column
    right: Column


class RuleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    equal: Annotated[list[Column | ColumnPair], msgspec.Meta(min_length=1, max_length=20)]
    tolerance: float | int | ReferenceText = 0
    date: Column | ColumnPair | None = None
    days: Annotated[int, msgspec.Meta(ge=0, le=DAYS_MAX)] = 0


class OutputSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each one may be left out. The first four are files of any format, `report` is XLSX, the rest are numbers."""

    matched: Target | None = None
    only_left: Target | None = None
    only_right: Target | None = None
    summary: Target | None = None
    report: Target | None = None
    matched_count: ReferenceText | None = None
    only_left_count: ReferenceText | None = None
    only_right_count: ReferenceText | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    left: ReferenceText | FileOptions
    right: ReferenceText | FileOptions
    amount: Column | ColumnPair
    rules: Annotated[list[RuleSettings], msgspec.Meta(min_length=1, max_length=RULES_MAX)]
    totals_by: Column | ColumnPair | None = None
    outputs: OutputSettings = OutputSettings()


def run(context: Context) -> Outcome:
    import duckdb

    connection = database.connect(context.folder, context.memory_bytes_max)
    try:
        _load(context, connection)
        database.lock(connection, context.folder)
        _match(context, connection)
        _make_results(context, connection)
        control_totals.check(connection)
        counts = {name: database.count(connection, name) for name in ("matched", "only_left", "only_right")}
        outputs = _write(context, connection, counts)
    except Problem as problem:
        return Outcome(status=StepStatus.FAILED, message=str(problem))
    except duckdb.Error as error:  # memory or disk
        context.log(f"{database.hide(str(error), database.places(context.folder))}\n")
        return Outcome(status=StepStatus.FAILED, message=database.complaint(error, database.places(context.folder)))
    finally:
        connection.close()
    said = f"{counts['matched']:,} matched, {counts['only_left']:,} only left, {counts['only_right']:,} only right"
    return Outcome(status=StepStatus.SUCCESS, message=f"{said}; the totals balance", outputs=outputs)


def _load(context: Context, connection: duckdb.DuckDBPyConnection) -> None:
    settings: Settings = context.settings
    for side, given in (("left", settings.left), ("right", settings.right)):
        relations.load(context, connection, side, given if isinstance(given, FileOptions) else FileOptions(file=given))


def _match(context: Context, connection: duckdb.DuckDBPyConnection) -> None:
    settings: Settings = context.settings
    dates = [_pair(rule.date) for rule in settings.rules if rule.date is not None]
    keys = list(dict.fromkeys([_pair(column) for rule in settings.rules for column in rule.equal] + dates))
    # A column that one rule compares as a date is a date for all of them.
    ledgers.prepare(connection, keys=keys, dates=dates, amount=_pair(settings.amount))
    matching.begin(connection)
    for number, rule in enumerate(settings.rules, start=1):
        prepared = _rule(context, rule, number, keys)
        context.progress(number / (len(settings.rules) + 2), rule.name)
        found = matching.apply(connection, prepared)
        left = 0 if prepared.is_exact else matching.ambiguous(connection, prepared)
        undecided = f"; {left:,} left rows have several equally good partners and stay unmatched" if left else ""
        context.log(f"rule {number}, {rule.name}: {found:,} pairs{undecided}\n")


def _pair(column: str | ColumnPair) -> Pair:
    return Pair(column.left, column.right) if isinstance(column, ColumnPair) else Pair(column, column)


def _rule(context: Context, rule: RuleSettings, number: int, keys: list[Pair]) -> matching.Rule:
    return matching.Rule(
        number=number,
        keys=tuple(keys.index(_pair(column)) for column in rule.equal),
        tolerance=_tolerance(context, rule),
        date=None if rule.date is None else keys.index(_pair(rule.date)),
        days=rule.days,
    )


def _tolerance(context: Context, rule: RuleSettings) -> Decimal:
    value = references.resolve(context, rule.tolerance)
    try:
        tolerance = Decimal(str(value))
    except ArithmeticError:
        raise Problem(f'the tolerance of the rule "{rule.name}" is not a number: {value}') from None
    if not (tolerance.is_finite() and tolerance >= 0):
        raise Problem(f'the tolerance of the rule "{rule.name}" must be zero or more, and is {value}')
    return tolerance


def _make_results(context: Context, connection: duckdb.DuckDBPyConnection) -> None:
    """The relations matched, only_left, only_right (in the order of the files) and summary."""
    settings: Settings = context.settings
    connection.execute(f"""
        CREATE TABLE matched AS
        SELECT t.name AS rule, lk.amount - rk.amount AS difference, {_prefixed(connection, "left")},
            {_prefixed(connection, "right")}
        FROM pairs p
        JOIN left_rows l ON l.row = p.left_row JOIN right_rows r ON r.row = p.right_row
        JOIN left_keys lk ON lk.row = p.left_row JOIN right_keys rk ON rk.row = p.right_row
        JOIN (VALUES {", ".join(f"({n}, {database.literal(r.name)})" for n, r in enumerate(settings.rules, start=1))})
            t(number, name) ON t.number = p.rule
        ORDER BY p.left_row
    """)
    for side in ledgers.SIDES:
        connection.execute(f"CREATE TABLE only_{side}_rows AS SELECT row FROM {side}_open")
        connection.execute(
            f"CREATE TABLE only_{side} AS SELECT * EXCLUDE (row) FROM {side}_rows "
            f"SEMI JOIN only_{side}_rows USING (row) ORDER BY row"
        )
    by = None if settings.totals_by is None else _pair(settings.totals_by)
    _check_totals_by(connection, by)
    control_totals.make(connection, [rule.name for rule in settings.rules], by)


def _prefixed(connection: duckdb.DuckDBPyConnection, side: str) -> str:
    names = [name for name in database.columns(connection, f"{side}_rows") if name != "row"]
    return ", ".join(f"{side[0]}.{quote(name)} AS {quote(f'{side}_{name}')}" for name in names)


def _check_totals_by(connection: duckdb.DuckDBPyConnection, by: Pair | None) -> None:
    for side in ledgers.SIDES:
        if by is not None and by.of(side) not in database.columns(connection, f"{side}_rows"):
            raise Problem(f'the {side} file has no column "{by.of(side)}" to make totals by')


def _write(context: Context, connection: duckdb.DuckDBPyConnection, counts: dict[str, int]) -> dict[str, OutputValue]:
    wanted: OutputSettings = context.settings.outputs
    outputs: dict[str, OutputValue] = {}
    warnings: list[str] = []
    for name in FILES:
        target = getattr(wanted, name)
        if target is not None:
            outputs[exports.reference_of(target)] = exports.write(
                context, connection, name, target, default=f"{name}.csv", warnings=warnings
            )
    for name, count in counts.items():
        reference = references.parse(getattr(wanted, f"{name}_count"))
        if reference is not None:
            outputs[reference] = count
    if wanted.report is not None:
        context.progress(0.9, "Report")
        outputs[exports.reference_of(wanted.report)] = _report(context, connection, wanted.report)
    return outputs


def _report(context: Context, connection: duckdb.DuckDBPyConnection, target: Target) -> FileOutput:
    name = exports.file_name(context, target, f"{context.step_key}.xlsx")
    path = context.folder / database.EXPORT_FOLDER / "report.xlsx"
    workbooks.write(connection, path, _REPORT_SHEETS)
    return FileOutput(path=str(path), name=name if name.lower().endswith(".xlsx") else f"{name}.xlsx")


def reads(settings: Settings) -> tuple[str, ...]:
    sides = [given.file if isinstance(given, FileOptions) else given for given in (settings.left, settings.right)]
    return references.only([*sides, *(rule.tolerance for rule in settings.rules)])


def writes(settings: Settings) -> tuple[str, ...]:
    targets = [getattr(settings.outputs, name) for name in settings.outputs.__struct_fields__]
    return references.only(exports.options_of(target).to for target in targets if target is not None)


def check(settings: Settings) -> tuple[str, ...]:
    found: list[str] = []
    for side, given in (("left", settings.left), ("right", settings.right)):
        found += relations.check(side, given) if isinstance(given, FileOptions) else ()
    for name in FILES:
        target = getattr(settings.outputs, name)
        found += exports.check(f"outputs.{name}", target) if target is not None else ()
    if settings.outputs.report is not None:
        found += exports.check("outputs.report", settings.outputs.report, frozenset({".xlsx"}))
    for number, rule in enumerate(settings.rules):
        found += _check_rule(f"rules[{number}]", rule)
    return tuple(found)


def _check_rule(path: str, rule: RuleSettings) -> tuple[str, ...]:
    if not isinstance(rule.tolerance, str) and not 0 <= rule.tolerance < float("inf"):
        return (f"{path}.tolerance: must be zero or more",)
    if rule.days and rule.date is None:
        return (f'{path}.days: needs "date", the column that holds the date',)
    return ()


EXAMPLE = Example(
    settings={
        "left": "${files.ledger}",
        "right": {"file": "${files.bank}", "delimiter": ";"},
        "amount": {"left": "amount", "right": "paid"},
        "rules": [
            {"name": "Exact", "equal": [{"left": "invoice", "right": "reference"}]},
            {
                "name": "Rounding",
                "equal": [{"left": "invoice", "right": "reference"}],
                "tolerance": "${parameters.cents}",
            },
        ],
        "outputs": {
            "only_left": "${files.unpaid}",
            "summary": {"to": "${files.summary}", "as": "summary.csv"},
            "matched_count": "${files.matched}",
        },
    },
    inputs={
        "files.ledger": ("ledger.csv", b"invoice,amount\n007,100.00\n008,20.00\n009,5.50\n"),
        "files.bank": ("bank.csv", b"reference;paid\n008;20.01\n007;100.00\n"),
        "parameters.cents": Decimal("0.01"),
    },
    targets={
        "files.unpaid": OutputTarget(type="File"),
        "files.summary": OutputTarget(type="File"),
        "files.matched": OutputTarget(type="Number"),
    },
    expected={
        "files.unpaid": b"invoice,amount\n009,5.5\n",
        "files.summary": b"""\
line,left_count,left_total,right_count,right_total,difference
Exact,1,100,1,100,0
Rounding,1,20,1,20.01,-0.01
Matched,2,120,2,120.01,-0.01
Only left,1,5.5,0,0,5.5
Everything,3,125.5,2,120.01,5.49
""",
        "files.matched": 2,
    },
    message="2 matched, 1 only left, 0 only right; the totals balance",
)

ACTION = Action(
    kind="reconcile",
    effect=Effect.PURE,
    title="Reconcile two files",
    settings=Settings,
    run=run,
    reads=reads,
    writes=writes,
    examples=(EXAMPLE,),
    check=check,
)

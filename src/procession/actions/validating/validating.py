"""validate at work: every rule finds the rows that break it, and the step ends as the worst of them says."""

from __future__ import annotations

from procession.actions import database
from procession.actions.contract import Context, StepOutcome
from procession.actions.database import literal, quote
from procession.actions.expecting import Expect, Rows
from procession.actions.problems import ShownProblem
from procession.actions.rows import kinds, work
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork
from procession.actions.validating import validate_settings
from procession.actions.validating.rules import KNOWN, RULES, SOURCE, CheckedRows
from procession.actions.validating.validate_settings import ValidateSettings
from procession.actions.writing import exports

_SHOWN_RULES, _SHOWN_ROWS = 10, 3
_ANY = Expect(rows=Rows(at_least=0))


def run(context: Context) -> StepOutcome:
    return work.perform(context, _validate)


def _validate(doing: RowWork) -> str:
    settings: ValidateSettings = doing.context.settings
    for name, target in validate_settings.targets(settings).items():
        exports.refuse(doing.context, name, target, f"{name}.csv")
    doing.bind(settings.inputs)
    # No row breaks no rule: of a file that ran empty nobody would hear, unless a rule counts its rows.
    counts = any(rule.rows is not None for rule in settings.rules)
    rows = doing.load(SOURCE, settings.source, _ANY if counts else Expect())
    for number, rule in enumerate(settings.rules, start=1):
        if rule.known is not None:
            doing.load(KNOWN.format(number), rule.known, Expect())
    doing.lock()
    doing.connection.execute(
        f'CREATE TABLE broken (rule INTEGER, {ROW} BIGINT, "column" VARCHAR, "value" VARCHAR, words VARCHAR); '
        f"CREATE TABLE apart ({ROW} BIGINT)"
    )
    for number, rule in enumerate(settings.rules, start=1):
        doing.context.progress(number / (len(settings.rules) + 1), rule.name)
        RULES[rule.says[0]](CheckedRows(work=doing, rule=rule, number=number))
    broken = _broken(doing, settings)
    _make_exceptions(doing, settings)
    count = database.count(doing.connection, "exceptions")
    good = database.count(doing.connection, "good")
    # Before the step may fail: how many exceptions there were is what people compare.
    doing.figures.update({"rows_in": rows, "rows_out": good, "exceptions": count, "rules_broken": len(broken)})
    doing.total(SOURCE, "total_in")
    _publish(doing, settings, ("exceptions", "count"))
    # After the exceptions are written: they are what the step fails with.
    fails = [number for number in broken if settings.rules[number - 1].otherwise == "fail"]
    told = _told(doing, settings, broken)
    if fails:
        raise ShownProblem(told)
    # Only where nothing failed: no later step must go on with part of a broken file.
    _publish(doing, settings, ("good",))
    if count:
        doing.warnings.append(told)
    rules = f"{len(settings.rules):,} {'rule' if len(settings.rules) == 1 else 'rules'}"
    return f"{rows:,} rows looked at by {rules}"


def _broken(doing: RowWork, settings: ValidateSettings) -> dict[int, int]:
    """How many exceptions there are of each rule that is broken, those that fail first."""
    found = dict(doing.connection.execute("SELECT rule, count(*) FROM broken GROUP BY rule").fetchall())
    order = sorted(found, key=lambda number: (settings.rules[number - 1].otherwise != "fail", number))
    return {number: found[number] for number in order}


def _make_exceptions(doing: RowWork, settings: ValidateSettings) -> None:
    """Makes `exceptions`, by rule and row, with the key of the row, and `good`, the rows without any that balance."""
    there = database.columns(doing.connection, SOURCE)
    keys = [kinds.column(there, name, "key") for name in settings.key]
    # Beside each other in one file, and a reader must know which is which.
    ours = {"rule", "severity", "row", "column", "value", "words"}
    # A key of the user's keeps its name unless it is one of ours.
    shown = "".join(f"s.{quote(key)} AS {quote(f'key {key}' if key.lower() in ours else key)}, " for key in keys)
    rules = ", ".join(
        f"({number}, {literal(rule.name)}, {literal(rule.otherwise)})"
        for number, rule in enumerate(settings.rules, start=1)
    )
    source = numbered(doing.connection, SOURCE)
    doing.connection.execute(
        f'CREATE TABLE exceptions AS SELECT t.name AS rule, t.severity, b.{ROW} + 1 AS "row", {shown}'
        f'b."column", b."value", b.words FROM broken b JOIN (VALUES {rules}) t(number, name, severity) '
        f"ON t.number = b.rule LEFT JOIN {source} s ON s.{ROW} = b.{ROW} ORDER BY b.rule, b.{ROW} NULLS FIRST, b.words"
    )
    doing.connection.execute(
        f"CREATE TABLE good AS SELECT s.* EXCLUDE ({ROW}) FROM {source} s "
        f"ANTI JOIN (SELECT {ROW} FROM broken UNION SELECT {ROW} FROM apart) b ON b.{ROW} = s.{ROW} ORDER BY s.{ROW}"
    )


def _publish(doing: RowWork, settings: ValidateSettings, names: tuple[str, ...]) -> None:
    for name, target in validate_settings.targets(settings).items():
        if name == "count" and name in names:
            doing.outputs[exports.reference_of(target)] = database.count(doing.connection, "exceptions")
        elif name in names:
            doing.publish(name, target, default=f"{name}.csv")


def _told(doing: RowWork, settings: ValidateSettings, broken: dict[int, int]) -> str:
    """Which rules are broken, how often, and where first."""
    there = database.columns(doing.connection, SOURCE)
    first = next(iter(there))
    said = []
    for number, count in list(broken.items())[:_SHOWN_RULES]:
        rows = doing.connection.execute(
            f"SELECT {ROW}, words, coalesce(\"column\", '') FROM broken WHERE rule = {number} "
            f"ORDER BY {ROW} NULLS FIRST, words LIMIT {_SHOWN_ROWS}"
        ).fetchall()
        # Of several columns, or none, the first stands for the row.
        where = [
            words if row is None else f"{doing.place(SOURCE, row, name if name in there else first)}: {words}"
            for row, words, name in rows
        ]
        more = f"; and {count - len(rows):,} more" if count > len(rows) else ""
        said.append(f'"{settings.rules[number - 1].name}" ({"; ".join(where)}{more})')
    left = len(broken) - len(said)
    rules = "1 rule is broken" if len(broken) == 1 else f"{len(broken):,} rules are broken"
    return f"{rules}: {', '.join(said)}{f' and {left:,} more' if left else ''}"

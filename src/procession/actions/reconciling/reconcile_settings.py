"""Settings of reconcile: sides, rules, limits, outputs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from procession.actions import expecting, references, relations
from procession.actions.contract import Context
from procession.actions.expecting import Expect
from procession.actions.reading.options import FileOptions
from procession.actions.references import PlaceText, ReferenceText
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.table_uses import TableUse

# Each goes over all that is left.
RULES_MAX = 50
# Dates a year apart are no pair, and the candidates grow with the days.
DAYS_MAX = 366
FILES = ("matched", "only_left", "only_right", "summary")  # outputs that are one relation each

Column = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class ColumnPair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column that is called differently on the two sides."""

    left: Annotated[Column, msgspec.Meta(description="its name on the left")]
    right: Annotated[Column, msgspec.Meta(description="its name on the right")]


class RuleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="what the report calls it")]
    equal: Annotated[
        list[Column | ColumnPair],
        msgspec.Meta(min_length=1, max_length=20, description="columns that must be equal"),
    ]
    tolerance: Annotated[
        float | int | ReferenceText, msgspec.Meta(description="by how much the amounts may differ")
    ] = 0
    date: Annotated[
        Column | ColumnPair | None, msgspec.Meta(description="a column of dates that must be near each other")
    ] = None
    days: Annotated[int, msgspec.Meta(ge=0, le=DAYS_MAX, description="by how many days the dates may differ")] = 0
    empty: Annotated[
        Column | ColumnPair | None,
        msgspec.Meta(description="a column, such as a reference, that must be empty on one side at least"),
    ] = None
    choose: Annotated[
        Literal["nearest", "only"] | None,
        msgspec.Meta(description="with several candidates: the nearest, or none (the default with `empty`)"),
    ] = None


class OutputSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each one may be left out. The first four are files or tables, `report` is XLSX, the rest are numbers."""

    matched: Annotated[Target | None, msgspec.Meta(description="the pairs, with the rule that matched them")] = None
    only_left: Annotated[Target | None, msgspec.Meta(description="rows of the left without a partner")] = None
    only_right: Annotated[Target | None, msgspec.Meta(description="rows of the right without a partner")] = None
    summary: Annotated[Target | None, msgspec.Meta(description="control totals by rule")] = None
    report: Annotated[Target | None, msgspec.Meta(description="all of it as a workbook")] = None
    matched_count: Annotated[ReferenceText | None, msgspec.Meta(description="how many pairs")] = None
    only_left_count: Annotated[ReferenceText | None, msgspec.Meta(description="how many rows only on the left")] = None
    only_right_count: Annotated[ReferenceText | None, msgspec.Meta(description="how many rows only on the right")] = (
        None
    )
    left_total: Annotated[ReferenceText | None, msgspec.Meta(description="the amounts of the left")] = None
    right_total: Annotated[ReferenceText | None, msgspec.Meta(description="the amounts of the right")] = None
    difference: Annotated[ReferenceText | None, msgspec.Meta(description="left total less right total")] = None


class FailWhen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step fails, and publishes nothing, when a figure is above its limit (whatever its sign)."""

    difference: Annotated[
        float | int | ReferenceText | None, msgspec.Meta(description="of the totals of left and right")
    ] = None
    only_left: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="rows only on the left")
    ] = None
    only_right: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="rows only on the right")
    ] = None
    undecided: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="rows with several equal candidates")
    ] = None


class ReconcileSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    left: Annotated[PlaceText | FileOptions, msgspec.Meta(description="the one file or table")]
    right: Annotated[PlaceText | FileOptions, msgspec.Meta(description="the other file or table")]
    amount: Annotated[Column | ColumnPair, msgspec.Meta(description="the column of amounts")]
    rules: Annotated[
        list[RuleSettings],
        msgspec.Meta(min_length=1, max_length=RULES_MAX, description="tried in this order on what is left"),
    ]
    totals_by: Annotated[
        Column | ColumnPair | None, msgspec.Meta(description="control totals also for each value of this column")
    ] = None
    fail_when: Annotated[FailWhen, msgspec.Meta(description="what stops the process")] = FailWhen()
    expect: Annotated[Expect, msgspec.Meta(description="`rows: {at_least: 0}` allows files without rows")] = Expect()
    outputs: Annotated[OutputSettings, msgspec.Meta(description="where the results go")] = OutputSettings()


def reads(settings: ReconcileSettings) -> tuple[str, ...]:
    sides = relations.named((settings.left, settings.right))
    limits = [settings.fail_when.difference]
    return references.only([*sides, *(rule.tolerance for rule in settings.rules), *limits])


def files_read(settings: ReconcileSettings) -> tuple[FileOptions, ...]:
    """The sides that are files, read as the step reads them."""
    sides = (relations.source_of(given) for given in (settings.left, settings.right))
    return tuple(side for side in sides if side.file)


def tables(settings: ReconcileSettings) -> tuple[TableUse, ...]:
    return (*relations.tables_of((settings.left, settings.right)), *exports.tables_of(_targets(settings)))


def writes(settings: ReconcileSettings) -> tuple[str, ...]:
    return references.only(exports.options_of(target).to for target in _targets(settings))


def _targets(settings: ReconcileSettings) -> list[Target]:
    targets = (getattr(settings.outputs, name) for name in settings.outputs.__struct_fields__)
    return [target for target in targets if target is not None]


def check(settings: ReconcileSettings) -> tuple[str, ...]:
    found: list[str] = []
    for side, given in (("left", settings.left), ("right", settings.right)):
        found += relations.check(side, given) if isinstance(given, FileOptions) else ()
    for name in FILES:
        target = getattr(settings.outputs, name)
        found += exports.check(f"outputs.{name}", target) if target is not None else ()
    if settings.outputs.report is not None:
        found += exports.check("outputs.report", settings.outputs.report, frozenset({".xlsx"}))
    if expecting.asks(settings.expect):
        found.append("expect: a reconciliation takes `rows: {at_least: 0}` and nothing else; see fail_when")
    if settings.totals_by is not None and settings.outputs.summary is None and settings.outputs.report is None:
        found.append("totals_by: means nothing without the outputs summary or report, where these totals stand")
    for number, rule in enumerate(settings.rules):
        found += _check_rule(f"rules[{number}]", rule)
    return tuple(found)


def refuse_options(context: Context) -> None:
    """Raises Problem for an output option that has no effect on its kind of file."""
    outputs: OutputSettings = context.settings.outputs
    for name in FILES:
        if (target := getattr(outputs, name)) is not None:
            exports.refuse(context, name, target, f"{name}.csv")


def _check_rule(path: str, rule: RuleSettings) -> tuple[str, ...]:
    if not isinstance(rule.tolerance, str) and not 0 <= rule.tolerance < float("inf"):
        return (f"{path}.tolerance: must be zero or more",)
    # Without a reference, the nearest amount is no evidence that two rows belong together.
    if rule.choose == "nearest" and rule.empty is not None:
        return (f"{path}.choose: a rule without a reference takes only rows without another candidate",)
    if rule.days and rule.date is None:
        return (f'{path}.days: needs "date", the column that holds the date',)
    return ()

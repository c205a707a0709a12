"""What a process file says about a reconciliation: sides, rules, limits, outputs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from procession.actions import exports, references, relations
from procession.actions.expecting import Expect
from procession.actions.exports import Target
from procession.actions.reading.options import FileOptions
from procession.actions.references import ReferenceText

RULES_MAX = 50
DAYS_MAX = 366
FILES = ("matched", "only_left", "only_right", "summary")  # outputs that are one relation each

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
    empty: Annotated[
        Column | ColumnPair | None,
        msgspec.Meta(description="a column, such as a reference, that must be empty on one side at least"),
    ] = None
    choose: Annotated[
        Literal["nearest", "only"] | None,
        msgspec.Meta(description="with several candidates: the nearest, or none (the default with `empty`)"),
    ] = None


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
    left_total: ReferenceText | None = None
    right_total: ReferenceText | None = None
    difference: Annotated[ReferenceText | None, msgspec.Meta(description="left total less right total")] = None


class FailWhen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step fails, and publishes nothing, when a figure is above its limit (whatever its sign)."""

    difference: float | int | ReferenceText | None = None
    only_left: Annotated[int, msgspec.Meta(ge=0)] | None = None
    only_right: Annotated[int, msgspec.Meta(ge=0)] | None = None
    undecided: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    left: ReferenceText | FileOptions
    right: ReferenceText | FileOptions
    amount: Column | ColumnPair
    rules: Annotated[list[RuleSettings], msgspec.Meta(min_length=1, max_length=RULES_MAX)]
    totals_by: Column | ColumnPair | None = None
    fail_when: FailWhen = FailWhen()
    expect: Expect = Expect()
    outputs: OutputSettings = OutputSettings()


def reads(settings: Settings) -> tuple[str, ...]:
    sides = [given.file if isinstance(given, FileOptions) else given for given in (settings.left, settings.right)]
    limits = [settings.fail_when.difference]
    return references.only([*sides, *(rule.tolerance for rule in settings.rules), *limits])


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
    if rule.choose == "nearest" and rule.empty is not None:
        return (f"{path}.choose: a rule without a reference takes only rows without another candidate",)
    if rule.days and rule.date is None:
        return (f'{path}.days: needs "date", the column that holds the date',)
    return ()

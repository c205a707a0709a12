"""Settings of reconcile: sides, columns, rules, limits, outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import msgspec

from procession.actions import references, relations
from procession.actions.column_names import LeftColumn, NewColumn, RightColumn
from procession.actions.contract import Context
from procession.actions.expecting import Expect
from procession.actions.reading.options import FileOptions
from procession.actions.reconciling.rule_settings import Amount, Column, ColumnPair, RuleSettings
from procession.actions.references import ReferenceText
from procession.actions.rows.sources import Source
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.table_uses import TableUse

# Each goes over all that is left.
RULES_MAX = 50
SOURCES_MAX = 50  # of a side
AGES_MAX = 12
# Outputs that are one relation each.
FILES = ("matched", "suggested", "only_left", "only_right", "summary", "ages", "differences")
COUNTS = ("matched", "suggested", "only_left", "only_right")  # each also as a number, in `..._count`

Cleaning = Literal["trim", "upper", "alphanumeric", "digits", "no_leading_zeros"]
SideSource = Source
Several = Annotated[list[SideSource], msgspec.Meta(min_length=1, max_length=SOURCES_MAX)]


class PatternPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a text."""

    pattern: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=200, description="a regular expression; its first group is what counts"),
    ]


class ComparedColumn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the two sides call a column, and how it is compared."""

    left: Annotated[LeftColumn | None, msgspec.Meta(description="its name on the left; the same if left out")] = None
    right: Annotated[RightColumn | None, msgspec.Meta(description="its name on the right; the same if left out")] = None
    clean: Annotated[
        Annotated[list[Cleaning | PatternPart], msgspec.Meta(max_length=10)],
        msgspec.Meta(description="what is done with the texts of both sides, in this order, before they are compared"),
    ] = []
    sign: Annotated[
        Literal["same", "opposite"],
        msgspec.Meta(description="opposite: the right amount is compared with its sign turned"),
    ] = "same"


class OutputSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each one may be left out. Relations are files of any format or tables, `report` is XLSX, the rest are numbers."""

    matched: Annotated[Target | None, msgspec.Meta(description="what belongs together, with the rule that said so")] = (
        None
    )
    suggested: Annotated[Target | None, msgspec.Meta(description="what may belong together, and why; still open")] = (
        None
    )
    only_left: Annotated[Target | None, msgspec.Meta(description="rows of the left without a partner, and why")] = None
    only_right: Annotated[Target | None, msgspec.Meta(description="rows of the right without a partner, and why")] = (
        None
    )
    summary: Annotated[Target | None, msgspec.Meta(description="control totals by rule")] = None
    ages: Annotated[Target | None, msgspec.Meta(description="open rows and their amounts by age")] = None
    differences: Annotated[
        Target | None, msgspec.Meta(description="the differences of matches, one a row, with where to book them")
    ] = None
    report: Annotated[Target | None, msgspec.Meta(description="all of it as a workbook")] = None
    matched_count: Annotated[ReferenceText | None, msgspec.Meta(description="how many matches")] = None
    suggested_count: Annotated[ReferenceText | None, msgspec.Meta(description="how many suggestions")] = None
    only_left_count: Annotated[ReferenceText | None, msgspec.Meta(description="how many rows only on the left")] = None
    only_right_count: Annotated[ReferenceText | None, msgspec.Meta(description="how many rows only on the right")] = (
        None
    )
    left_total: Annotated[ReferenceText | None, msgspec.Meta(description="the amounts of the left")] = None
    right_total: Annotated[ReferenceText | None, msgspec.Meta(description="the amounts of the right, as compared")] = (
        None
    )
    difference: Annotated[ReferenceText | None, msgspec.Meta(description="left total less right total")] = None


class FailWhen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step fails, and publishes nothing, when a figure is above its limit (whatever its sign)."""

    difference: Annotated[Amount | None, msgspec.Meta(description="of the totals of left and right")] = None
    only_left: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="rows only on the left")
    ] = None
    only_right: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="rows only on the right")
    ] = None
    undecided: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="left rows with several equal candidates")
    ] = None


class WarnOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ends the step as Warning, with everything published."""

    older_than: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=100_000)] | None,
        msgspec.Meta(description="an open row that is older than so many days"),
    ] = None
    open_amount: Annotated[
        Amount | None, msgspec.Meta(description="an open row whose amount is larger, whatever its sign")
    ] = None
    suggested: Annotated[bool, msgspec.Meta(description="anything for a person to decide")] = False


class ReconcileSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    left: Annotated[
        SideSource | Several, msgspec.Meta(description="the one side: a file, or several one below the other")
    ]
    right: Annotated[
        SideSource | Several, msgspec.Meta(description="the other side: a file, or several one below the other")
    ]
    columns: Annotated[
        dict[NewColumn, ComparedColumn],
        msgspec.Meta(
            description="one name for each column that is compared; without it, columns are named as in the files"
        ),
    ] = {}
    amount: Annotated[Column | ColumnPair, msgspec.Meta(description="the column of amounts")]
    date: Annotated[
        Column | ColumnPair | None, msgspec.Meta(description="the column of days, for rules with `days` and for ages")
    ] = None
    key: Annotated[
        Column | ColumnPair | None,
        msgspec.Meta(description="what names a row of its side; no two rows may have the same"),
    ] = None
    currency: Annotated[
        Column | ColumnPair | None, msgspec.Meta(description="the column of currencies: totals are made for each")
    ] = None
    rules: Annotated[
        list[RuleSettings],
        msgspec.Meta(min_length=1, max_length=RULES_MAX, description="tried in this order on what is left"),
    ]
    decisions: Annotated[
        SideSource | None,
        msgspec.Meta(
            description="what people decided: rows of decision (match, never, close; open: taken back), left_key, "
            "right_key, comment"
        ),
    ] = None
    as_of: Annotated[
        Annotated[str, msgspec.Meta(max_length=200)] | None,
        msgspec.Meta(description="the day as of which rows are open: a date, or ${step.property} with one"),
    ] = None
    ages: Annotated[
        Annotated[
            list[Annotated[int, msgspec.Meta(ge=0, le=100_000)]], msgspec.Meta(min_length=1, max_length=AGES_MAX)
        ],
        msgspec.Meta(description="last days of the classes of ages"),
    ] = msgspec.field(default_factory=lambda: [30, 60, 90])
    totals_by: Annotated[
        Column | ColumnPair | None, msgspec.Meta(description="control totals also for each value of this column")
    ] = None
    warn: Annotated[WarnOf, msgspec.Meta(description="what ends the step as Warning")] = WarnOf()
    fail_when: Annotated[FailWhen, msgspec.Meta(description="what stops the process")] = FailWhen()
    expect: Annotated[Expect, msgspec.Meta(description="`rows: {at_least: 0}` allows files without rows")] = Expect()
    outputs: Annotated[OutputSettings, msgspec.Meta(description="where the results go")] = OutputSettings()


def sources_of(given: SideSource | list[SideSource]) -> tuple[SideSource, ...]:
    """The sources of a side, in order."""
    return tuple(given) if isinstance(given, list) else (given,)


def options_of(source: SideSource) -> FileOptions:
    return relations.source_of(source)


def sources(settings: ReconcileSettings) -> Mapping[str, SideSource]:
    """All that is read, by its place in the settings."""
    found = dict[str, SideSource]()
    for side, given in (("left", settings.left), ("right", settings.right)):
        many = sources_of(given)
        found |= {f"{side}[{n}]" if isinstance(given, list) else side: one for n, one in enumerate(many)}
    return found if settings.decisions is None else found | {"decisions": settings.decisions}


def reads(settings: ReconcileSettings) -> tuple[str, ...]:
    files = relations.named(sources(settings).values())
    limits = [settings.fail_when.difference, settings.warn.open_amount, settings.as_of]
    amounts = [given for rule in settings.rules for given in (rule.tolerance, rule.percent)]
    return references.only([*files, *amounts, *limits])


def files_read(settings: ReconcileSettings) -> tuple[FileOptions, ...]:
    """All files, read as the step reads them."""
    return tuple(options for options in map(options_of, sources(settings).values()) if options.file)


def tables(settings: ReconcileSettings) -> tuple[TableUse, ...]:
    given = sources(settings).values()
    return (*relations.tables_of(given), *exports.tables_of(targets(settings.outputs)))


def targets(outputs: OutputSettings) -> Iterator[Target]:
    return iter(exports.targets_of(outputs).values())


def writes(settings: ReconcileSettings) -> tuple[str, ...]:
    return references.only(exports.options_of(target).to for target in targets(settings.outputs))


def refuse_options(context: Context) -> None:
    """Raises Problem for an output option that has no effect on its kind of file."""
    outputs: OutputSettings = context.settings.outputs
    for name in FILES:
        if (target := getattr(outputs, name)) is not None:
            exports.refuse(context, name, target, f"{name}.csv")

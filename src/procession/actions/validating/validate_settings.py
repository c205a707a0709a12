"""Settings of validate: the rows, and rules that each say one thing of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import references
from procession.actions.column_names import ColumnName
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given, Name
from procession.actions.rows import sources
from procession.actions.rows.expressions import Expression
from procession.actions.rows.sources import Sources
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model import table_uses
from procession.model.table_uses import TableUse

RULES_MAX = 200
# What a rule may say of the cells of its column, and of all rows.
OF_CELLS = ("is_", "matches", "one_of", "in_", "between", "at_most_characters")
OF_ROWS = ("unique", "balance", "total", "rows", "where")


class KnownValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values of another file's column."""

    source: Annotated[Sources, msgspec.Meta(description="the file with the values that are known")]
    column: Annotated[ColumnName, msgspec.Meta(description="its column")]


class Balance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amounts that add up to nothing in each group, as the lines of a journal do."""

    by: Annotated[list[ColumnName], msgspec.Meta(min_length=1, max_length=10, description="columns that make a group")]
    column: Annotated[ColumnName, msgspec.Meta(description="the amounts")]
    tolerance: Annotated[float, msgspec.Meta(ge=0, description="by how much a group may be off")] = 0


class ExpectedTotal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a column adds up to, exactly."""

    column: Annotated[ColumnName, msgspec.Meta(description="the amounts")]
    equals: Annotated[Given, msgspec.Meta(description="the total, to the last digit")]


class RowCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rows there are."""

    at_least: Annotated[Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="so many, or more")] = None
    at_most: Annotated[Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="so many, or fewer")] = None
    against: Annotated[
        Given,
        msgspec.Meta(
            description="the number to compare with, such as that of last month; of a table, that of its rows"
        ),
    ] = None
    within_percent: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=1000)] | None,
        msgspec.Meta(description="by how much it may differ from it"),
    ] = None


class ValidationRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A name, and one thing that must be so. An empty cell breaks only what asks for a filled one."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="what people call it")]
    column: Annotated[ColumnName | None, msgspec.Meta(description="whose cells are looked at")] = None
    is_: Annotated[Literal["filled", "empty"] | None, msgspec.Meta(description="filled or empty")] = msgspec.field(
        name="is", default=None
    )
    matches: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None,
        msgspec.Meta(description="a regular expression for the whole cell"),
    ] = None
    one_of: Annotated[
        Annotated[list[str | int | float], msgspec.Meta(min_length=1, max_length=1000)] | None,
        msgspec.Meta(description="the values that there may be"),
    ] = None
    in_: Annotated[KnownValues | None, msgspec.Meta(description="values that another file has")] = msgspec.field(
        name="in", default=None
    )
    between: Annotated[
        Annotated[list[Given], msgspec.Meta(min_length=2, max_length=2)] | None,
        msgspec.Meta(description="the least and the greatest, both included; null for no end"),
    ] = None
    at_most_characters: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None, msgspec.Meta(description="the longest text that there may be")
    ] = None
    unique: Annotated[
        Annotated[list[ColumnName], msgspec.Meta(min_length=1, max_length=20)] | None,
        msgspec.Meta(description="columns in which no two rows are equal"),
    ] = None
    balance: Annotated[Balance | None, msgspec.Meta(description="amounts that add up to nothing in each group")] = None
    total: Annotated[ExpectedTotal | None, msgspec.Meta(description="what a column adds up to")] = None
    rows: Annotated[RowCount | None, msgspec.Meta(description="how many rows there are")] = None
    where: Annotated[Expression | None, msgspec.Meta(description="a condition that is true for every row")] = None
    otherwise: Annotated[
        Literal["fail", "warn"], msgspec.Meta(description="how the step ends where a row breaks the rule")
    ] = "fail"

    @property
    def says(self) -> list[str]:
        """What it says; one thing in a rule that is right."""
        return [name for name in (*OF_CELLS, *OF_ROWS) if getattr(self, name) is not None]

    @property
    def known(self) -> Sources | None:
        """Rows that it compares with."""
        if self.in_ is not None:
            return self.in_.source
        against = None if self.rows is None else self.rows.against
        return str(against) if table_uses.name_of(against) else None


class ValidateOutputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the rows go."""

    exceptions: Annotated[
        Target | None, msgspec.Meta(description="each broken rule with its row; written also where the step fails")
    ] = None
    good: Annotated[Target | None, msgspec.Meta(description="the rows that break no rule, of groups that balance")] = (
        None
    )
    count: Annotated[Target | None, msgspec.Meta(description="a property for the number of exceptions")] = None


class ValidateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: Annotated[Sources, msgspec.Meta(description="the rows")]
    key: Annotated[
        list[ColumnName],
        msgspec.Meta(max_length=10, description="columns by which people know a row, for the exceptions"),
    ] = []
    rules: Annotated[
        list[ValidationRule], msgspec.Meta(min_length=1, max_length=RULES_MAX, description="what must be so")
    ]
    inputs: Annotated[dict[Name, Given], msgspec.Meta(description="values that conditions call $name")] = {}
    outputs: Annotated[ValidateOutputs, msgspec.Meta(description="where the rows go")] = ValidateOutputs()


def targets(settings: ValidateSettings) -> dict[str, Target]:
    return exports.targets_of(settings.outputs)


def _values(settings: ValidateSettings) -> Iterator[tuple[str, Given]]:
    """Every value that may be a reference, with its setting."""
    for name, given in settings.inputs.items():
        yield f"inputs.{name}", given
    for number, rule in enumerate(settings.rules, start=1):
        for given in rule.between or []:
            yield f"rules.{number}.between", given
        if rule.total is not None:
            yield f"rules.{number}.total.equals", rule.total.equals
        if rule.rows is not None and rule.known is None:
            yield f"rules.{number}.rows.against", rule.rows.against


def _known(settings: ValidateSettings) -> list[Sources]:
    return [rule.known for rule in settings.rules if rule.known is not None]


def files_read(settings: ValidateSettings) -> tuple[FileOptions, ...]:
    """Every file, read as the step reads it."""
    return sources.files_of(settings.source, *_known(settings))


def reads(settings: ValidateSettings) -> tuple[str, ...]:
    values = references.only(given for _, given in _values(settings))
    return tuple(dict.fromkeys((*sources.reads(settings.source, *_known(settings)), *values)))


def tables(settings: ValidateSettings) -> tuple[TableUse, ...]:
    return (*sources.tables_of(settings.source, *_known(settings)), *exports.tables_of(targets(settings).values()))


def writes(settings: ValidateSettings) -> tuple[str, ...]:
    return tuple(exports.reference_of(target) for target in targets(settings).values())


def check(settings: ValidateSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found = [*sources.mistakes("source", settings.source)]
    for name, target in targets(settings).items():
        found += exports.check(f"outputs.{name}", target)
    # They are wanted most where the step fails, and a step that fails changes no table.
    wanted = [] if settings.outputs.exceptions is None else [settings.outputs.exceptions]
    if exports.tables_of(wanted) and any(rule.otherwise == "fail" for rule in settings.rules):
        found.append("outputs.exceptions: goes to a file, because a step that fails changes no table")
    for path, given in _values(settings):
        found += references.mistakes(path, given)
    for number, rule in enumerate(settings.rules, start=1):
        found += _of_rule(f"rules.{number}", rule)
    # The exceptions name a rule by nothing else.
    names = [rule.name.lower() for rule in settings.rules]
    twice = next((rule.name for rule in settings.rules if names.count(rule.name.lower()) > 1), None)
    return tuple(found) if twice is None else (*found, f'rules: two are called "{twice}"')


def _of_rule(path: str, rule: ValidationRule) -> Iterator[str]:
    # By the names of the file: is_ and in_ are called so for Python's sake.
    said = [name.rstrip("_") for name in rule.says]
    if len(said) != 1:
        yield f"{path}: says {' and '.join(said) or 'nothing'}; write one thing in each rule"
        return
    of_cells = rule.says[0] in OF_CELLS
    if of_cells and rule.column is None:
        yield f"{path}: {said[0]} needs a column"
    if not of_cells and rule.column is not None:
        yield f"{path}.column: means nothing with {said[0]}"
    if rule.in_ is not None:
        yield from sources.mistakes(f"{path}.in.source", rule.in_.source)
    if rule.rows is not None:
        yield from _of_count(f"{path}.rows", rule.rows)
    if rule.between is not None and rule.between[0] is None and rule.between[1] is None:
        yield f"{path}.between: has neither end"


def _of_count(path: str, said: RowCount) -> Iterator[str]:
    if (said.against is None) is not (said.within_percent is None):
        yield f"{path}: against and within_percent go together"
    if said.at_least is None and said.at_most is None and said.against is None:
        yield f"{path}: says nothing; write at_least, at_most or against"


def expressions(settings: ValidateSettings) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Every condition with its setting and the values that it may name."""
    for number, rule in enumerate(settings.rules, start=1):
        if rule.where is not None:
            yield f"rules.{number}.where", rule.where, frozenset(settings.inputs)

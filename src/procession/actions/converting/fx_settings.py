"""Settings of calculate_fx: which amounts, into which currency, by which rates, and how they are rounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import references
from procession.actions.column_names import RatesColumn, SourceColumn
from procession.actions.reading.options import FileOptions
from procession.actions.rows import sources
from procession.actions.rows.sources import Sources
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.table_uses import TableUse

DAYS_MAX = 5
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$", description="three capital letters")]


class RateColumns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rates: one of `from` is `rate` of `to`."""

    source: Annotated[Sources, msgspec.Meta(description="the file of rates")]
    from_: Annotated[RatesColumn, msgspec.Meta(description="column with the currency that is converted")] = (
        msgspec.field(name="from", default="from")
    )
    to: Annotated[RatesColumn, msgspec.Meta(description="column with the currency it becomes")] = "to"
    on: Annotated[RatesColumn, msgspec.Meta(description="column with the day of the rate")] = "on"
    rate: Annotated[RatesColumn, msgspec.Meta(description="column with the rate")] = "rate"


class Rounding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each amount is rounded once, after it was multiplied or divided."""

    places: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=4)] | None,
        msgspec.Meta(description="decimals of the result; those of the currency if left out: 2 of EUR, 0 of JPY"),
    ] = None
    way: Annotated[
        Literal["half_even", "half_up"],
        msgspec.Meta(description="a half goes to the even digit, or away from 0"),
    ] = "half_even"


class Residual(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What rounding leaves over in a group goes into its largest row, so that a journal stays balanced."""

    by: Annotated[
        list[SourceColumn], msgspec.Meta(min_length=1, max_length=10, description="columns that make a group")
    ]
    into: Annotated[Literal["largest"], msgspec.Meta(description="the row that takes it")] = "largest"


class FxSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: Annotated[Sources, msgspec.Meta(description="the rows")]
    amount: Annotated[SourceColumn, msgspec.Meta(description="column with the amount")] = "amount"
    currency: Annotated[SourceColumn, msgspec.Meta(description="column with its currency")] = "currency"
    date: Annotated[SourceColumn, msgspec.Meta(description="column with the day that says which rate")] = "date"
    # One pattern: of two texts in a union only one would be looked at.
    to: Annotated[
        str,
        msgspec.Meta(
            pattern=f"^[A-Z]{{3}}$|{references.PATTERN}",
            description="the currency of the result: EUR, ${step.property}",
        ),
    ]
    rates: Annotated[RateColumns, msgspec.Meta(description="where the rates are")]
    rule: Annotated[
        Literal["on_the_day", "last_before", "month_average", "month_end"],
        msgspec.Meta(description="which rate: of the day, the last one until it, or of its month"),
    ] = "on_the_day"
    days_max: Annotated[int, msgspec.Meta(ge=0, le=366, description="how many days older a rate may be")] = DAYS_MAX
    via: Annotated[
        list[Currency], msgspec.Meta(max_length=10, description="currencies to cross where there is no rate")
    ] = []
    round: Annotated[Rounding, msgspec.Meta(description="how the result is rounded")] = Rounding()
    residual: Annotated[Residual | None, msgspec.Meta(description="where what rounding leaves over goes")] = None
    warn_percent: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=1000)] | None,
        msgspec.Meta(description="warn of a rate that differs by more from the one before it"),
    ] = None
    output: Annotated[Target, msgspec.Meta(description="the file that takes the rows")]


def reads(settings: FxSettings) -> tuple[str, ...]:
    files = sources.reads(settings.source, settings.rates.source)
    return tuple(dict.fromkeys((*files, *references.only([settings.to]))))


def files_read(settings: FxSettings) -> tuple[FileOptions, ...]:
    """Every file, read as the step reads it."""
    return sources.files_of(settings.source, settings.rates.source)


def tables(settings: FxSettings) -> tuple[TableUse, ...]:
    return (*sources.tables_of(settings.source, settings.rates.source), *exports.tables_of([settings.output]))


def writes(settings: FxSettings) -> tuple[str, ...]:
    return (exports.reference_of(settings.output),)


def check(settings: FxSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    return (
        *sources.mistakes("source", settings.source),
        *sources.mistakes("rates.source", settings.rates.source),
        *exports.check("output", settings.output),
        *_useless(settings),
    )


def _useless(settings: FxSettings) -> Iterator[str]:
    # Told when the file is applied: at month end nobody remembers what days_max was for.
    if settings.to in settings.via:
        yield f"via: {settings.to} is what the amounts become, and cannot be crossed"
    if settings.rule not in {"last_before", "month_end"} and settings.days_max != DAYS_MAX:
        yield f"days_max: means nothing with {settings.rule}; it is for last_before and month_end"

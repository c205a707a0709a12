"""calculate_fx at work: a rate for each currency and day that occurs, and each amount multiplied and rounded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from procession.actions import database, references
from procession.actions.contract import Context, StepOutcome
from procession.actions.converting import fx_totals, multiplying
from procession.actions.converting.fx_settings import FxSettings
from procession.actions.converting.rates import PLACES, Rate, RateTable, Way, rounded
from procession.actions.database import quote
from procession.actions.expecting import Expect
from procession.actions.problems import Problem
from procession.actions.rows import kinds, work
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork
from procession.actions.writing import exports
from procession.model import currencies

SOURCE, RATES = "source", "rates"
_NAMED = 10
_DAYS = frozenset({ValueKind.DATE, ValueKind.MOMENT})
_CONVERTED = "DECIMAL(38,4)"
# With blanks, so that no column of a file is likely to have the name.
_WHOLE, _PART, _PARTS = (quote(f"{what} of the rate") for what in ("whole part", "rest", "denominator"))
_EXACT = f"{_WHOLE}, {_PART}, {_PARTS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fx:
    """The columns of the rows, as they are written there, and the currency that all become."""

    work: RowWork
    settings: FxSettings
    amount: str
    currency: str
    date: str
    to: str

    @property
    def converted(self) -> str:
        return f"{self.amount}_{self.to.lower()}"


def run(context: Context) -> StepOutcome:
    return work.perform(context, _convert)


def _convert(doing: RowWork) -> str:
    settings: FxSettings = doing.context.settings
    default = f"{doing.context.step_key}.csv"
    exports.refuse(doing.context, "output", settings.output, default)
    rows = doing.load(SOURCE, settings.source, Expect())
    doing.load(RATES, settings.rates.source, Expect())
    doing.lock()
    for text in multiplying.MACROS:
        doing.connection.execute(text)
    fx = _columns(doing, settings)
    _refuse_incomplete(fx)
    table = RateTable(_rates(fx))
    found = _find(fx, table)
    _make(fx)
    if settings.residual is not None:
        _balance(fx, settings.residual.by)
    _warn(fx, table)
    fx_totals.tell(doing, currency=fx.currency, amount=fx.amount, converted=fx.converted, to=fx.to)
    doing.connection.execute(f"CREATE TABLE result AS SELECT * EXCLUDE ({_EXACT}) FROM converted")
    gave = doing.publish("result", settings.output, default=default)
    doing.figures.update({"rows_in": rows, "rows_out": gave, "rates": found})
    return f"{rows:,} rows in {fx.to}, by {found:,} {'rate' if found == 1 else 'rates'}"


def _columns(doing: RowWork, settings: FxSettings) -> _Fx:
    there = database.columns(doing.connection, SOURCE)
    to = references.resolve(doing.context, settings.to)
    if not (isinstance(to, str) and len(to) == 3 and to.isascii() and to.isupper()):
        raise Problem(f'to: "{to}" is no currency; write three capital letters, such as EUR')
    fx = _Fx(
        work=doing,
        settings=settings,
        amount=kinds.require(there, settings.amount, ValueKind.NUMBER, "source"),
        currency=kinds.require(there, settings.currency, ValueKind.TEXT, "source"),
        date=_day(there, settings.date, "source"),
        to=to,
    )
    taken = {name.lower() for name in there}
    # Refused and not renamed: the next step names them.
    for name in (fx.converted, "rate", "rate_on", "rate_source"):
        if name.lower() in taken:
            raise Problem(f'source: the rows have a column "{name}" already, which this step adds; rename it before')
    return fx


def _day(columns: dict[str, str], name: str, where: str) -> str:
    found = kinds.column(columns, name, where)
    if kinds.of(columns[found]) not in _DAYS:
        raise Problem(
            f'{where}: the column "{found}" is {kinds.of(columns[found]).value}, and a day is wanted; say Date under '
            "columns, with its pattern"
        )
    return found


def _refuse_incomplete(fx: _Fx) -> None:
    """Amounts that nobody could convert: without a currency or a day, or finer than money is."""
    for column, what in ((fx.currency, "currency"), (fx.date, "day")):
        condition = f"{quote(fx.amount)} IS NOT NULL AND {quote(column)} IS NULL"
        if count := _count(fx, condition):
            found = f'{count:,} {"amounts have" if count > 1 else "amount has"} no {what} in "{column}"'
            raise Problem(f"source: {found} ({_first(fx, condition, column)})")
    amount = quote(fx.amount)
    if _count(fx, f"{amount} <> TRY_CAST({amount} AS DECIMAL(19,4)) OR (TRY_CAST({amount} AS DECIMAL(19,4)) IS NULL "
              f"AND {amount} IS NOT NULL)"):  # fmt: skip
        raise Problem(f'source: "{fx.amount}" holds amounts of more than 4 decimals, or of more than 15 digits')


def _first(fx: _Fx, condition: str, column: str) -> str:
    """Where the first such row is."""
    rows = numbered(fx.work.connection, SOURCE)
    row = fx.work.connection.execute(f"SELECT min({ROW}) FROM {rows} WHERE {condition}").fetchone()
    assert row is not None
    return fx.work.place(SOURCE, row[0], column)


def _count(fx: _Fx, condition: str, relation: str = SOURCE) -> int:
    row = fx.work.connection.execute(f"SELECT count(*) FROM {quote(relation)} WHERE {condition}").fetchone()
    assert row is not None
    return int(row[0])


def _rates(fx: _Fx) -> list[tuple[str, str, date, Decimal]]:
    """In the order of their days. Raises Problem for two on one day, and for one that is no rate."""
    connection, said = fx.work.connection, fx.settings.rates
    there = database.columns(connection, RATES)
    source, target = (kinds.require(there, name, ValueKind.TEXT, "rates") for name in (said.from_, said.to))
    on, rate = _day(there, said.on, "rates"), kinds.column(there, said.rate, "rates")
    rows = connection.execute(
        f"SELECT trim({quote(source)}), trim({quote(target)}), CAST({quote(on)} AS DATE), "
        f"CAST({quote(rate)} AS VARCHAR) FROM {numbered(connection, RATES)} ORDER BY {quote(on)}, {ROW}"
    ).fetchall()
    known: dict[tuple[str, str, date], Decimal] = {}
    found: list[tuple[str, str, date, Decimal]] = []
    for one in rows:
        if None in one:
            raise Problem(f"rates: a line is not complete ({kinds.in_words(one)})")
        value = _rate(one)
        # Which of two rates holds must not depend on their order in the file.
        if (other := known.setdefault(one[:3], value)) != value:
            raise Problem(f"rates: two rates for {one[0]} to {one[1]} on {one[2]}: {other} and {value}")
        found.append((one[0], one[1], one[2], value))
    return found


def _rate(line: Sequence[Any]) -> Decimal:
    """Of its text: a column with twelve decimals is one of texts, because no number of ours has more than ten."""
    try:
        value = Decimal(line[3])
    except InvalidOperation:
        value = Decimal("NaN")
    # A rate of nothing makes nothing of an amount, and its inverse cannot be.
    if not (value.is_finite() and value > 0):
        raise Problem(f"rates: {kinds.in_words(line)} is no rate: it must be a number that is more than 0")
    if value != rounded(value):
        raise Problem(f"rates: {kinds.in_words(line)} has more than {PLACES} decimals")
    return value


def _find(fx: _Fx, table: RateTable) -> int:
    """Makes `found`, the rate for each currency and day of the rows; gives how many.

    Raises Problem naming those without a rate.
    """
    connection, settings = fx.work.connection, fx.settings
    way = Way(rule=settings.rule, days_max=settings.days_max, via=settings.via)
    # A million rows have a few thousand of them: rates are looked up in Python, where decimals are exact.
    asked = connection.execute(
        f"SELECT DISTINCT {quote(fx.currency)} AS c, CAST({quote(fx.date)} AS DATE) AS d FROM {quote(SOURCE)} "
        f"WHERE {quote(fx.amount)} IS NOT NULL ORDER BY c, d"
    ).fetchall()
    rates: dict[tuple[str, date], Rate] = {}
    without = []
    for currency, day in asked:
        rate = table.find(currency.strip(), fx.to, day, way)
        if rate is None:
            without.append(f"{currency} on {day}")
        else:
            rates[currency, day] = rate
    # All at once: whoever maintains the rates can then add them in one go.
    if without:
        more = f" and {len(without) - _NAMED:,} more" if len(without) > _NAMED else ""
        raise Problem(f"there is no rate to {fx.to} for {', '.join(without[:_NAMED])}{more} ({settings.rule})")
    connection.execute(
        "CREATE TABLE found (currency VARCHAR, day DATE, whole HUGEINT, part HUGEINT, parts HUGEINT, rate VARCHAR, "
        "rate_on DATE, how VARCHAR)"
    )
    lines = [[*key, *multiplying.split(rate), f"{rate.shown:f}", rate.on, rate.how] for key, rate in rates.items()]
    if lines:
        connection.executemany("INSERT INTO found VALUES (?, ?, ?, ?, ?, ?, ?, ?)", lines)
    return len(lines)


def _make(fx: _Fx) -> None:
    """Makes `converted`, the rows in their order, with the number of each."""
    amount = f"CAST(CAST(s.{quote(fx.amount)} AS DECIMAL(19,4)) * 10000 AS HUGEINT)"
    # Rows without an amount stay, and say that they have no rate.
    fx.work.connection.execute(
        f"CREATE TABLE converted AS SELECT s.* EXCLUDE ({ROW}), "
        f"{_times(fx, amount, 'f.whole, f.part, f.parts')} AS {quote(fx.converted)}, "
        f"CAST(f.rate AS DECIMAL(38,{PLACES})) AS rate, f.rate_on, f.how AS rate_source, "
        f"f.whole AS {_WHOLE}, f.part AS {_PART}, f.parts AS {_PARTS} "
        f"FROM {numbered(fx.work.connection, SOURCE)} s LEFT JOIN found f ON f.currency = s.{quote(fx.currency)} "
        f"AND f.day = CAST(s.{quote(fx.date)} AS DATE) AND s.{quote(fx.amount)} IS NOT NULL ORDER BY s.{ROW}"
    )


def _times(fx: _Fx, amount: str, rate: str) -> str:
    """SQL of an amount in ten-thousandths by a rate of three columns, rounded once."""
    said = fx.settings.round
    # A yen has no hundredths: nobody could pay what would be left of it.
    places = currencies.decimals_of(fx.to) if said.places is None else said.places
    unit, is_even = 10 ** (4 - places), str(said.way == "half_even").lower()
    product = f'"times rate"({amount}, {rate}, {unit}, {is_even}) * {unit}'
    return f"CAST(CAST({product} AS DECIMAL(38,0)) * 0.0001::DECIMAL(5,4) AS {_CONVERTED})"


def _balance(fx: _Fx, by: Sequence[str]) -> None:
    """What rounding left over in a group of one rate goes into its largest row."""
    connection, there = fx.work.connection, database.columns(fx.work.connection, SOURCE)
    keys = [quote(kinds.column(there, name, "residual.by")) for name in by]
    total = f"CAST(sum(CAST({quote(fx.amount)} AS DECIMAL(19,4))) * 10000 AS HUGEINT)"
    # By numbers: a column of the user's may be called as ours are.
    named = ", ".join(f"{key} AS k{at}" for at, key in enumerate(keys))
    connection.execute(
        f"CREATE TABLE sums AS SELECT {named}, count(DISTINCT rate) AS rates, {total} AS total, "
        f"any_value({_WHOLE}) AS whole, any_value({_PART}) AS part, any_value({_PARTS}) AS parts, "
        f"sum({quote(fx.converted)}) AS made "
        f"FROM converted WHERE rate IS NOT NULL GROUP BY {', '.join(keys)}"
    )
    mixed = _count(fx, "rates > 1", "sums")
    if mixed:
        # There is no single rate by which the sum could be known better than by its rows.
        groups = f"{mixed:,} groups of {', '.join(by)} have" if mixed > 1 else f"1 group of {', '.join(by)} has"
        fx.work.warnings.append(f"{groups} more than one rate; what rounding left over stays there")
    value = f"c.{quote(fx.converted)}"
    partition = ", ".join(f"c.{key}" for key in keys)
    # A cent distorts the largest amount least.
    largest = f"row_number() OVER (PARTITION BY {partition} ORDER BY abs({value}) DESC NULLS LAST, c.{ROW}) = 1"
    same = " AND ".join(f"c.{key} IS NOT DISTINCT FROM r.k{at}" for at, key in enumerate(keys))
    connection.execute(
        f"CREATE TABLE balanced AS SELECT c.* EXCLUDE ({ROW}) REPLACE ("
        f"CASE WHEN {largest} THEN {value} + coalesce(r.left_over, 0) ELSE {value} END AS {quote(fx.converted)}) "
        f"FROM {numbered(connection, 'converted')} c LEFT JOIN (SELECT *, "
        f"{_times(fx, 'total', 'whole, part, parts')} - made AS left_over FROM sums WHERE rates = 1) r ON {same} "
        f"ORDER BY c.{ROW}"
    )
    connection.execute("DROP TABLE converted")
    connection.execute("ALTER TABLE balanced RENAME TO converted")


def _warn(fx: _Fx, table: RateTable) -> None:
    if ways := list(table.contradictions()):
        source, target, day, rate, other = ways[0]
        fx.work.warnings.append(
            f"rates: {source} to {target} on {day} is {rate}, and {other} by the rate of {target} to {source}; each is "
            f"taken for its own way{f' (and {len(ways) - 1:,} more)' if len(ways) > 1 else ''}"
        )
    for source, target, month, days in sorted(table.one_sided)[:3]:
        fx.work.warnings.append(
            f"rates: the average of {source} to {target} in {month} is without {days} "
            f"{'day' if days == 1 else 'days'} on which there is only a rate of {target} to {source}"
        )
    fx.work.warnings.extend(fx_totals.rounded_rates(fx.work, RATES, fx.settings.rates.rate, (fx.amount, fx.converted)))
    _warn_of_age(fx)
    if fx.settings.warn_percent is not None:
        found = list(table.jumps(Decimal(str(fx.settings.warn_percent))))
        told = [f"{source} to {target} on {day}: {was} became {now}" for source, target, day, was, now in found[:3]]
        if found:
            more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
            fx.work.warnings.append(f"rates moved by more than {fx.settings.warn_percent} % ({'; '.join(told)}{more})")


def _warn_of_age(fx: _Fx) -> None:
    if fx.settings.rule in {"last_before", "month_end"}:
        day = f"CAST({quote(fx.date)} AS DATE)"
        wanted = f"last_day({day})" if fx.settings.rule == "month_end" else day
        row = fx.work.connection.execute(
            f"SELECT count(*), max(date_diff('day', rate_on, {wanted})) FROM converted WHERE rate_on < {wanted} "
            f"AND rate_source <> 'same currency'"
        ).fetchone()
        if row and row[0]:
            days = "1 day" if row[1] == 1 else f"{row[1]} days"
            amounts = "1 amount has" if row[0] == 1 else f"{row[0]:,} amounts have"
            fx.work.warnings.append(f"{amounts} a rate that is older than its day, by up to {days}")

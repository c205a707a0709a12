"""Rates of exchange: the one that holds for a currency on a day, and how it came about.

Rates are fractions, so that 0.09 at 1.2 to the unit is 0.075 and not less: an inverse that is rounded first would make
a half of a cent less than a half. They are shown to 18 places, a half to the even digit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

PLACES = 18
_APART_PERCENT = 5
_EXACT = Context(prec=76, rounding=ROUND_HALF_EVEN)
_UNIT = Decimal(1).scaleb(-PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`on` is the day of the rate, of a cross the older one; `how` is told with every row."""

    exact: Fraction
    on: date
    how: str

    @property
    def shown(self) -> Decimal:
        return rounded(_decimal(self.exact))


@dataclass(slots=True)
class _Pair:
    """Of two currencies, in the order of their days."""

    days: list[date] = field(default_factory=list)
    rates: list[Decimal] = field(default_factory=list)

    def of_month(self, day: date) -> Sequence[date]:
        """The days of a month that have a rate."""
        first, behind = _month(self.days, day)
        return self.days[first:behind]


class RateTable:
    """The rates of a file."""

    def __init__(self, rows: Iterable[tuple[str, str, date, Decimal]]) -> None:
        """Of from, to, day and rate, in the order of the days."""
        self._pairs: dict[tuple[str, str], _Pair] = {}
        # Of averages that were asked for: from, to, month, days that only the other way has.
        self.one_sided: set[tuple[str, str, str, int]] = set()
        for source, target, day, rate in rows:
            pair = self._pairs.setdefault((source, target), _Pair())
            # A file that says the same twice says it once; two different ones were refused before.
            if not (pair.days and pair.days[-1] == day):
                pair.days.append(day)
                pair.rates.append(rate)

    def find(self, source: str, target: str, day: date, way: Way) -> Rate | None:
        """The rate from one currency to another: direct, inverse, or by the first of `via` that has both."""
        if source == target:
            return Rate(exact=Fraction(1), on=day, how="same currency")
        if found := self._straight(source, target, day, way):
            return found
        for middle in way.via:
            # Never by way of one of the two: that would be the rate that there is not.
            first = self._straight(source, middle, day, way) if middle not in {source, target} else None
            second = self._straight(middle, target, day, way) if first is not None else None
            if first is not None and second is not None:
                on = min(first.on, second.on)
                return Rate(exact=first.exact * second.exact, on=on, how=f"crossed by {middle}")
        return None

    def _straight(self, source: str, target: str, day: date, way: Way) -> Rate | None:
        direct, inverse = (self._found(*pair, day, way) for pair in ((source, target), (target, source)))
        if direct and inverse and way.rule == "month_average":
            self._note_other_days(source, target, day)
        # Of one day the rate as published comes first; an older one holds no longer.
        is_newer = direct and inverse and inverse[1] > direct[1] and way.rule != "month_average"
        if direct and not is_newer:
            return Rate(exact=direct[0], on=direct[1], how="direct")
        return Rate(exact=1 / inverse[0], on=inverse[1], how="inverse") if inverse else None

    def _found(self, source: str, target: str, day: date, way: Way) -> tuple[Fraction, date] | None:
        pair = self._pairs.get((source, target))
        return way.of(pair.days, pair.rates, day) if pair else None

    def _note_other_days(self, source: str, target: str, day: date) -> None:
        there, back = (set(self._pairs[pair].of_month(day)) for pair in ((source, target), (target, source)))
        if back - there:
            self.one_sided.add((source, target, f"{day:%Y-%m}", len(back - there)))

    def contradictions(self) -> Iterable[tuple[str, str, date, Decimal, Decimal]]:
        """Days with a rate for each way, where one is not about the inverse of the other: from, to, day, both."""
        for (source, target), pair in sorted(self._pairs.items()):
            back = self._pairs.get((target, source)) if source < target else None
            turned = {} if back is None else dict(zip(back.days, back.rates, strict=True))
            for day, rate in zip(pair.days, pair.rates, strict=True):
                # More than buying and selling, or rounding, make of it.
                if day in turned and abs(_EXACT.multiply(rate, turned[day]) - 1) * 100 > _APART_PERCENT:
                    yield source, target, day, rate, _shown(1 / Fraction(turned[day]))

    def jumps(self, percent: Decimal) -> Iterable[tuple[str, str, date, Decimal, Decimal]]:
        """Rates that differ by more than so many percent from the one before: from, to, day, before, then."""
        for (source, target), pair in sorted(self._pairs.items()):
            for number in range(1, len(pair.days)):
                before, now = pair.rates[number - 1], pair.rates[number]
                if abs(now - before) * 100 > percent * before:
                    yield source, target, pair.days[number], before, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Which of the rates of a pair holds on a day."""

    rule: str
    days_max: int
    via: Sequence[str] = ()

    def of(self, days: Sequence[date], rates: Sequence[Decimal], day: date) -> tuple[Fraction, date] | None:
        """The rate and its day."""
        if self.rule == "month_average":
            return _average(days, rates, day)
        last = _month_end(day) if self.rule == "month_end" else day
        at = bisect_right(days, last) - 1
        # A rate that is too old counts as none, so that a gap in the file is seen.
        oldest = last if self.rule == "on_the_day" else last - timedelta(self.days_max)
        return (Fraction(rates[at]), days[at]) if at >= 0 and days[at] >= oldest else None


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _month(days: Sequence[date], day: date) -> tuple[int, int]:
    """Where the days of a month begin, and the place behind the last of them."""
    return bisect_left(days, day.replace(day=1)), bisect_right(days, _month_end(day))


def _average(days: Sequence[date], rates: Sequence[Decimal], day: date) -> tuple[Fraction, date] | None:
    first, behind = _month(days, day)
    if first == behind:
        return None
    total = sum((Fraction(rate) for rate in rates[first:behind]), Fraction(0))
    return total / (behind - first), days[behind - 1]


def _shown(rate: Fraction) -> Decimal:
    return _decimal(rate).quantize(Decimal("0.000001"))


def _decimal(rate: Fraction) -> Decimal:
    return _EXACT.divide(Decimal(rate.numerator), Decimal(rate.denominator))


def rounded(rate: Decimal) -> Decimal:
    """To 18 places."""
    return _EXACT.quantize(rate, _UNIT)

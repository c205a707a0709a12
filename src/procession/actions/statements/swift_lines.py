"""A statement line (:61:) and a balance (:60F:, :62F:) of MT940, as the SWIFT User Handbook has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from procession.actions.statements import amounts

# Value date, entry date, mark, third letter of the currency, amount, type, reference, then the bank's behind //.
# Banks leave out the type, or write more than the 16 letters of a reference.
# An amount with groups of digits is none: of 1.234,56 and 1'234,56 the front alone looks like one.
_LINE = re.compile(
    r"([0-9]{6})([0-9]{4}|\s{4})?\s?([RE]?[CD])([A-Z])?\s?((?>[0-9]{1,15}(?:[.,][0-9]{0,6})?))(?![.,'\u2019])\s?"
    r"([A-Z][A-Z0-9 ]{3})?((?:(?!//).)*)(?://(.*))?"
)
_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]{1,15}(?:[.,][0-9]{0,6})?)")
_FLOOR = re.compile(r"([A-Z]{3})[CD ]?[0-9]{1,15}(?:[.,][0-9]{0,6})?")
_SUM = re.compile(r"([0-9]{1,7})([A-Z]{3})([0-9]{1,15}(?:[.,][0-9]{0,6})?)")
# Or only the word under which the :86: has it.
_NO_REFERENCE = frozenset({"", "NONREF", "NOREF", "EREF", "EREF+", "KREF", "KREF+", "MREF", "MREF+", "PREF", "MARF"})
_BEFORE_OPENING_DAYS_MAX = 31
# Credits add. The reversal of a credit takes away, that of a debit gives back; expected ones have not happened.
_SIGNS = {"C": 1, "D": -1, "RC": -1, "RD": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class SwiftLine:
    """A :61:; `mark` is C, D, RC, RD, EC or ED, `entry` MMDD or empty. The amount is signed.

    `is_moved` where the value date does not exist, and the last of February is taken."""

    value_on: date
    is_moved: bool
    entry: str
    mark: str
    amount: Decimal
    code: str
    reference: str
    bank_reference: str
    more: str

    @property
    def is_booked(self) -> bool:
        return self.mark in _SIGNS


@dataclass(frozen=True, slots=True, kw_only=True)
class SwiftBalance:
    on: date
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SwiftSum:
    """A :90D: or :90C:: how many entries there are, and their sum without a sign."""

    count: int
    currency: str
    total: Decimal


def line(lines: list[str]) -> SwiftLine:
    """Raises ValueError."""
    found = _LINE.fullmatch(lines[0].strip())
    if found is None:
        raise ValueError(f'"{lines[0][:60]}" is no statement line (:61:)')
    amount, value_on = amounts.plain(found[5]), amounts.value_day(found[1])
    return SwiftLine(
        value_on=value_on,
        is_moved=f"{value_on:%y%m%d}" != found[1],
        entry=(found[2] or "").strip(),
        mark=found[3],
        amount=amount * _SIGNS.get(found[3], 1),
        code=(found[6] or "").strip(),
        reference=_reference(found[7]),
        bank_reference=_reference(found[8] or ""),
        more=" ".join(one.strip() for one in lines[1:] if one.strip()),
    )


def _reference(text: str) -> str:
    return "" if text.strip() in _NO_REFERENCE else text.strip()


def booked_on(one: SwiftLine, opening_on: date | None) -> date:
    """The entry date, of which the bank leaves out the year: the nearest one to the value date. Raises ValueError.

    Where that lies more than a month before the statement begins, an entry was valued long ago, and it is the year
    after. Without an entry date it is the value date: banks leave it out where both are the same (SWIFT, field 61).
    """
    if not one.entry:
        return one.value_on
    near = [day for year in (-1, 0, 1) if (day := _in_year(one.value_on.year + year, one.entry)) is not None]
    if not near:
        raise ValueError(f'"{one.entry}" is no day as MMDD')
    found = min(near, key=lambda day: abs(day - one.value_on))
    if opening_on is not None and found < opening_on - timedelta(days=_BEFORE_OPENING_DAYS_MAX):
        return next((day for day in near if day >= opening_on), found)
    return found


def _in_year(year: int, entry: str) -> date | None:
    try:
        return date(year, int(entry[:2]), int(entry[2:]))
    except ValueError:  # the 29th of February, in most years
        return None


def balance(text: str) -> SwiftBalance:
    """Raises ValueError."""
    found = _BALANCE.fullmatch(text.replace(" ", ""))
    if found is None:
        raise ValueError(f'"{text[:40]}" is no balance')
    amount = amounts.plain(found[4])
    return SwiftBalance(
        on=amounts.short_day(found[2]), currency=found[3], amount=amount if found[1] == "C" else -amount
    )


def floor_currency(text: str) -> str:
    """The currency of a floor limit (:34F:), which is an interim report's only mention of it. Raises ValueError."""
    found = _FLOOR.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text[:40]}" is no floor limit (:34F:)')
    return found[1]


def sum_of_entries(text: str) -> SwiftSum:
    """Raises ValueError."""
    found = _SUM.fullmatch(text.replace(" ", ""))
    if found is None:
        raise ValueError(f'"{text[:40]}" is no number and sum of entries')
    return SwiftSum(count=int(found[1]), currency=found[2], total=amounts.plain(found[3]))

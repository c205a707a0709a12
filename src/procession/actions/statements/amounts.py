"""Amounts and days as banks write them, exact or refused."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from procession.model import currencies

WHOLE_DIGITS_MAX, DECIMALS_MAX = 15, 4  # DECIMAL(19,4), as the Money of tables
_LEAST = Decimal(1).scaleb(-DECIMALS_MAX)
# Bounded: of a number of a megabyte Python would make a Decimal before anybody looks at it.
_PLAIN = re.compile(r"([0-9]{1,18})(?:[.,]([0-9]{0,18}))?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3}){1,5}\.[0-9]{1,9}|[0-9]{1,3}(?:\.[0-9]{3}){1,5},[0-9]{1,9}")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T[0-9:.]{5,20})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?")
_FEBRUARY_DAYS = 28
_CENTURY = 80  # two digits from here on are of the 20th century, as SWIFT has it


def plain(text: str) -> Decimal:
    """An amount without a sign and with one decimal mark, a point or a comma. Raises ValueError."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text[:40]}" is no amount')
    return bounded(Decimal(f"{found[1]}.{found[2] or 0}"), text)


def signed(text: str) -> Decimal:
    """The same with a sign in front or behind, and with groups of digits where the text can mean one number only."""
    digits = text.strip()
    negative = digits.startswith("-") or digits.endswith("-")
    digits = digits.removeprefix("-").removesuffix("-") if negative else digits.removeprefix("+")
    if _GROUPED.fullmatch(digits):
        digits = digits.replace("," if digits.rfind(".") > digits.rfind(",") else ".", "")
    amount = plain(digits) if not digits.startswith(".") else plain(f"0{digits}")
    return -amount if negative else amount


def bounded(amount: Decimal, text: str) -> Decimal:
    """The amount as Money holds it. Raises ValueError where it would be rounded or does not fit."""
    if amount.adjusted() >= WHOLE_DIGITS_MAX:
        raise ValueError(f'"{text[:40]}" has more than {WHOLE_DIGITS_MAX} digits')
    exact = amount.quantize(_LEAST)
    if exact != amount:
        raise ValueError(f'"{text[:40]}" has more than {DECIMALS_MAX} decimals')
    return exact


def minor_units(text: str, currency: str) -> Decimal:
    """An amount in the currency's smallest unit, with a sign or without. Raises ValueError."""
    digits = text.strip().removeprefix("+").removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > WHOLE_DIGITS_MAX + 10:
        raise ValueError(f'"{text[:40]}" is no whole number')
    amount = bounded(Decimal(digits).scaleb(-currencies.decimals_of(currency)), text)
    return -amount if text.strip().startswith("-") else amount


def short_day(text: str) -> date:
    """A day as YYMMDD. Raises ValueError."""
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        raise ValueError(f'"{text[:20]}" is no day as YYMMDD')
    year = int(text[:2])
    return _day(text, (1900 if year >= _CENTURY else 2000) + year, int(text[2:4]), int(text[4:]))


def value_day(text: str) -> date:
    """The same of a value date; of the 29th or 30th of a February without it, the last day. Raises ValueError.

    Interest counts every month as 30 days, and German banks write such days into their statements.
    """
    try:
        return short_day(text)
    except ValueError:
        if text[2:] in {"0229", "0230"}:
            return short_day(f"{text[:4]}01") + timedelta(days=_FEBRUARY_DAYS - 1 + (int(text[:2]) % 4 == 0))
        raise


# A statement has a hundred thousand entries, and a few days.
@lru_cache(maxsize=1024)
def iso_day(text: str) -> date:
    """The day of an ISO date or moment, as it was written: in the bank's own zone. Raises ValueError."""
    found = _DAY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text[:40]}" is no day as YYYY-MM-DD')
    return _day(text, int(found[1]), int(found[2]), int(found[3]))


def long_day(text: str) -> date:
    """A day as YYYYMMDD. Raises ValueError."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        raise ValueError(f'"{text[:20]}" is no day as YYYYMMDD')
    return _day(text, int(text[:4]), int(text[4:6]), int(text[6:]))


def _day(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f'"{text[:40]}" is a day that does not exist') from None

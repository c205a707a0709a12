"""The text of what a sheet stores: numbers are binary fractions, dates and times are numbers of days."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from decimal import Decimal

from procession.actions.reading.cells import Kind
from procession.actions.reading.sheets.formats import Shows

WITHOUT_VALUE = "a formula without a stored value"
FAULT = -1  # the kind of a cell that has no value: its text says why
Value = tuple[int, str]  # a Kind or FAULT, and the text

DAY_MILLISECONDS = 86_400_000
_DAYS_MAX = 2_958_466  # 10000-01-01
TIME_DAYS_MAX = 366  # a time of day of more than a year of hours is a moment whose day the format hides
_LEAP_BUG_DAY = 60  # 1900-02-29, which never was, but Excel counts it
EPOCH_1904_DAYS = 1_462
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_PLAIN_DIGITS = 15  # whole numbers up to here are their own shortest text
_ISO = re.compile(r"(?:(\d{4}-\d\d-\d\d)(?:T|\Z))?(?:T?(\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?Z?\Z", re.ASCII)


def number_text(text: str) -> str | None:
    """The shortest decimal text of the double that `text` writes, without exponent; None when it is no number."""
    if text.isdigit() and text.isascii() and len(text) <= _PLAIN_DIGITS and text[0] != "0":
        return text
    # float() takes 1_000 for a number; no sheet means one by it.
    if "_" in text:
        return None
    try:
        return double_text(float(text))
    except ValueError:
        return None


def double_text(number: float) -> str | None:
    if not math.isfinite(number):
        return None
    text = repr(number)
    if "e" in text:
        text = format(Decimal(text), "f")
    text = text.removesuffix(".0")
    # As a sheet shows it.
    return "0" if text == "-0" else text


def shown(text: str, what: Shows, *, is_1904: bool) -> Value:
    """A number cell by what its format shows."""
    number = number_text(text)
    if number is None:
        return FAULT, f'"{text[:40]}" is not a number'
    if what is Shows.NUMBER:
        return Kind.NUMBER, number
    return serial(float(text), what, is_1904=is_1904)


def serial(days: float, what: Shows, *, is_1904: bool) -> Value:
    """A number of days as a date, moment, time or duration. Fractions are taken to the millisecond, as Excel does."""
    if abs(days) >= _DAYS_MAX:
        return FAULT, f"{number_text(repr(days))} is shown as a date and is none"
    if what is Shows.DURATION:
        return Kind.TEXT, clock(round(days * DAY_MILLISECONDS))
    whole, milliseconds = divmod(round(days * DAY_MILLISECONDS), DAY_MILLISECONDS)
    if what is Shows.TIME and days < TIME_DAYS_MAX:
        return Kind.TEXT, clock(round(days * DAY_MILLISECONDS))
    # Excel shows day 0 as the 0th of January 1900: a time of day is meant, whatever the format.
    if whole == 0 and milliseconds and not is_1904:
        return Kind.TEXT, clock(milliseconds)
    day = _day(whole, is_1904=is_1904)
    if day is None:
        return FAULT, f"{double_text(days)} is shown as a date and is none"
    if milliseconds == 0:
        return Kind.DATE, day
    return Kind.MOMENT, f"{day} {clock(milliseconds)}"


def iso(text: str) -> Value:
    """A cell of ISO 8601 text, as strict workbooks and OpenDocument have them."""
    found = _ISO.match(text.strip())
    day, clock = found.groups() if found else (None, None)
    try:
        if day is None and clock is None:
            raise ValueError
        moment = datetime.fromisoformat(f"{day or '2000-01-01'}T{_to_microseconds(clock or '00:00')}")
    except ValueError:
        return FAULT, f'"{text[:40]}" is not a date'
    tail = f".{moment.microsecond:06}" if moment.microsecond else ""
    if day is None:
        return Kind.TEXT, f"{moment:%H:%M:%S}{tail}"
    if f"{moment:%H:%M:%S}{tail}" == "00:00:00":
        return Kind.DATE, day
    return Kind.MOMENT, f"{day} {moment:%H:%M:%S}{tail}"


def unescaped(text: str) -> str:
    """Text with _xHHHH_ for characters that XML cannot hold. A lone surrogate stays as it is written."""
    if "_x" not in text:
        return text
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    # Two escapes may be the halves of one character (a surrogate pair).
    plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text if "\ufffd" in plain or "\0" in plain else plain


def clock(milliseconds: int) -> str:
    """Hours, which may be many, minutes and seconds, with six decimals where there is a fraction."""
    sign = "-" if milliseconds < 0 else ""
    seconds, rest = divmod(abs(milliseconds), 1_000)
    tail = f".{rest:03}000" if rest else ""
    return f"{sign}{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{tail}"


def _day(days: int, *, is_1904: bool) -> str | None:
    """The date of a whole number of days; None where Excel shows none, or the 29th of February 1900."""
    if days < (0 if is_1904 else 1) or (days == _LEAP_BUG_DAY and not is_1904):
        return None
    # Counted from 1899-12-30, which is right after the leap day that never was; before it, one day is missing.
    days += EPOCH_1904_DAYS if is_1904 else days < _LEAP_BUG_DAY
    if days >= _DAYS_MAX:
        return None
    return (date(1899, 12, 30) + timedelta(days=days)).isoformat()


def _to_microseconds(clock: str) -> str:
    """The clock with at most six decimals, which is what a moment holds."""
    whole, point, fraction = clock.partition(".")
    return whole + point + fraction[:6].ljust(6, "0") if point else whole

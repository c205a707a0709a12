"""Numbers, sizes, times and days as a person reads them: in their zone, in their language's numbers, never rounded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?\Z")
_UNITS = ("B", "kB", "MB", "GB", "TB")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(text: str, *, separator: str = ",", mark: str = ".") -> str:
    """A decimal number as it is stored, with thousands apart; all its decimals stay. Another text is given back.

    The minus is the hyphen of ASCII: a copied cell is a number in a spreadsheet.
    """
    found = _NUMBER.match(text)
    if found is None:
        return text
    sign, digits, decimals = found.groups()
    return sign + f"{int(digits):,}".replace(",", separator) + (f"{mark}{decimals}" if decimals else "")


def duration(seconds: float | None) -> str:
    """Of seconds: "0 s", "41 s", "4 min 07 s", "2 h 00 min"; "" for None."""
    if seconds is None:
        return ""
    left = int(seconds)
    if left < 60:
        return f"{left} s"
    if left < 3_600:
        return f"{left // 60} min {left % 60:02d} s"
    return f"{left // 3_600:,} h {left % 3_600 // 60:02d} min"


def day(value: date) -> str:
    """ "3 Dec 2026"."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads a page: their zone, how they read numbers, and the moment of it."""

    zone: ZoneInfo
    now: datetime
    separator: str = ","  # of thousands
    mark: str = "."  # of decimals

    def number(self, text: str) -> str:
        """A decimal number as it is stored; see number()."""
        return number(text, separator=self.separator, mark=self.mark)

    def whole(self, count: int) -> str:
        """A count of things."""
        return self.number(str(count))

    def size(self, count: int) -> str:
        """Of bytes: "56 B", "84.2 kB"."""
        value, unit = float(count), 0
        while value >= 999.95 and unit < len(_UNITS) - 1:
            value, unit = value / 1000, unit + 1
        return f"{self.number(f'{value:.1f}')} {_UNITS[unit]}" if unit else f"{count} B"

    def day(self, value: datetime) -> str:
        """The day of a moment in this zone, with its weekday: "Thursday 3 December 2026"."""
        own = value.astimezone(self.zone)
        return f"{own:%A} {own.day} {own:%B %Y}"

    def moment(self, value: datetime | None, *, seconds: bool = False, alone: bool = False) -> Markup:
        """ "today 09:41", "yesterday 17:30", otherwise with the date; `alone` begins with a capital.

        The title and the attribute say it in UTC, for whoever compares it with a log. On paper there is no today:
        `data-day` is what is printed instead.
        """
        if value is None:
            return Markup()
        own = value.astimezone(self.zone)
        clock = f"{own:%H:%M:%S}" if seconds else f"{own:%H:%M}"
        text, lasting = f"{self._day(own.date())} {clock}", f"{day(own.date())} {clock}"
        shown = text[:1].upper() + text[1:] if alone else text
        return self._marked(value, shown, "" if text == lasting else lasting)

    def day_only(self, value: datetime) -> str:
        """The day of a moment in this zone: "3 Dec 2026"."""
        return day(value.astimezone(self.zone).date())

    def clock(self, value: datetime) -> Markup:
        """The time of a day that is told already: "09:41:07"."""
        return self._marked(value, f"{value.astimezone(self.zone):%H:%M:%S}")

    def _day(self, value: date) -> str:
        today = self.now.astimezone(self.zone).date()
        near = {today: "today", today - timedelta(days=1): "yesterday"}
        return near.get(value) or day(value)

    @staticmethod
    def _marked(value: datetime, text: str, lasting: str = "") -> Markup:
        exact = value.astimezone(UTC)
        printed = Markup(' data-day="{}"').format(lasting) if lasting else ""
        return Markup('<time datetime="{}" title="{} UTC"{}>{}</time>').format(
            f"{exact:%Y-%m-%dT%H:%M:%S}Z", f"{exact:%Y-%m-%d %H:%M:%S}", printed, text
        )

"""What the columns of a sample may be declared as, for a person to look at: what can be read in two ways stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from procession.actions.tables.contract import ProposedColumn

# A few words among numbers are what a sample is looked at for: the rest says what the column is.
SHARE_MIN = 0.95
_DIGITS_MAX = 15  # longer numbers are names of things, as the numbers of accounts are
_MARKS = ((".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"))
_PATTERNS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d.%m.%y")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?\Z"
)
_NAME = re.compile(r"0[0-9]")  # 0042 is no number, though it looks like one


def propose(heading: str, values: Iterable[str | None]) -> ProposedColumn:
    """Of one column, by its values as they are written; empty ones say nothing."""
    given = [text for value in values if value is not None and (text := value.strip())]
    if not given:
        return ProposedColumn(heading=heading, type="Text", note="it has no value in the sample")
    if {text.lower() for text in given} <= {"true", "false"}:
        return ProposedColumn(heading=heading, type="TrueFalse")
    return _number(heading, given) or _time(heading, given) or ProposedColumn(heading=heading, type="Text")


def _most(given: Sequence[str], fitting: Sequence[str]) -> bool:
    return len(fitting) >= SHARE_MIN * len(given)


def _number(heading: str, given: Sequence[str]) -> ProposedColumn | None:
    found = [(marks, fits) for marks in _MARKS if _most(given, fits := [text for text in given if _is(text, *marks)])]
    if not found:
        return None
    if any(_NAME.match(text.lstrip("-+(")) for text in given):
        return ProposedColumn(heading=heading, type="Text", note="zeros at the front would be lost in a number")
    (decimal, thousands), fits = found[0]
    if max(len(re.sub(r"[^0-9]", "", text)) for text in fits) > _DIGITS_MAX:
        return ProposedColumn(heading=heading, type="Text", note="so many digits are a name, and no amount")
    others = [marks for marks, _ in found if marks[0] != decimal]
    # A blank or an apostrophe is never a decimal mark: 1 234 is one number by all of them.
    odd = next((text for text in fits if "." in text or "," in text), "")
    if others and odd:
        return ProposedColumn(heading=heading, type="Text", note=f"“{odd[:40]}” can be two numbers; say which")
    return _written(heading, decimal, thousands, fits)


def _is(text: str, decimal: str, thousands: str) -> bool:
    whole = rf"([0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    return re.fullmatch(rf"[-+(]?{whole}(?:{re.escape(decimal)}[0-9]+)?[)-]?", text) is not None


def _written(heading: str, decimal: str, thousands: str, fits: Sequence[str]) -> ProposedColumn:
    decimals = {len(re.sub(r"[)-]$", "", text).partition(decimal)[2]) for text in fits}
    return ProposedColumn(
        heading=heading,
        type="Money" if max(decimals) == 2 else "Number",
        decimal=decimal if decimals != {0} and decimal != "." else None,
        thousands=thousands if any(thousands in text for text in fits) else None,
    )


def _time(heading: str, given: Sequence[str]) -> ProposedColumn | None:
    if _most(given, [text for text in given if _DAY.match(text)]):
        return ProposedColumn(heading=heading, type="Date")
    if _most(given, [text for text in given if _MOMENT.match(text)]):
        return ProposedColumn(heading=heading, type="Datetime")
    found = [pattern for pattern in _PATTERNS if _most(given, [text for text in given if _is_day(text, pattern)])]
    if len(found) > 1:
        said = f"“{given[0][:40]}” can be two days ({' and '.join(found)}); say which"
        return ProposedColumn(heading=heading, type="Text", note=said)
    return ProposedColumn(heading=heading, type="Date", pattern=found[0]) if found else None


def _is_day(text: str, pattern: str) -> bool:
    with suppress(ValueError):
        datetime.strptime(text, pattern)
        return True
    return False

"""Numbers as people type them, with either mark: read where they can mean one thing, asked back where two."""

from __future__ import annotations

import re
from decimal import Decimal

# Spaces of every kind and apostrophes only ever group; "1 234,56", "1'234.56".
_GROUPING = re.compile("(?<=[0-9])[ \u00a0\u2009\u202f'\u2019](?=[0-9]{3}(?![0-9]))")
_SIGNED = re.compile(r"([-+\u2212]?)\s*([0-9.,]+)\Z")
_GROUPED = re.compile(r"[0-9]{1,3}([.,])[0-9]{3}(?:\1[0-9]{3})*\Z")
_PLAIN = re.compile(r"[0-9]*\.?[0-9]+\.?\Z")


class Ambiguous(ValueError):
    """One mark before three digits: it groups thousands for some and begins the decimals for others."""

    def __init__(self, grouped: str, fraction: str) -> None:
        super().__init__()
        self.grouped = grouped  # "1234"
        self.fraction = fraction  # "1.234"


def plain(text: str) -> str:
    """ "1234.5" of "1,234.5", "1.234,5", "1 234,5" or "1234.5". Raises Ambiguous, and ValueError for no number."""
    found = _SIGNED.match(_GROUPING.sub("", text.strip()))
    if found is None:
        raise ValueError
    sign = "-" if found[1] in {"-", "\u2212"} else ""
    digits = found[2]
    marks = [mark for mark in ",." if mark in digits]
    if len(marks) == 2:
        # The last one begins the decimals, and can only do so once.
        decimal = max(marks, key=digits.rindex)
        whole, _, fraction = digits.rpartition(decimal)
        return sign + _joined(_ungrouped(whole), fraction)
    if marks and digits.count(marks[0]) > 1:
        return sign + _ungrouped(digits)
    if marks and _GROUPED.match(digits) and not digits.startswith("0"):
        grouped, fraction = digits.replace(marks[0], ""), digits.replace(marks[0], ".")
        raise Ambiguous(sign + grouped, sign + fraction)
    whole, _, fraction = digits.replace(",", ".").partition(".")
    return sign + _joined(whole, fraction)


def _ungrouped(digits: str) -> str:
    if digits.isdecimal():
        return digits
    if not _GROUPED.match(digits):
        raise ValueError
    return re.sub("[.,]", "", digits)


def _joined(whole: str, fraction: str) -> str:
    text = f"{whole}.{fraction}" if fraction else whole
    if not _PLAIN.match(text):
        raise ValueError
    return text


def shown(value: int | Decimal, *, separator: str = ",", mark: str = ".") -> str:
    """As it stands in a field: with thousands apart, but where plain() would then ask which mark is meant."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    whole, _, fraction = text.partition(".")
    grouped = f"{int(whole):,}".replace(",", separator)
    if whole.startswith("-") and not grouped.startswith("-"):
        grouped = f"-{grouped}"
    typed = f"{grouped}{mark}{fraction}" if fraction else grouped
    try:
        plain(typed)
    except Ambiguous:
        return f"{whole}{mark}{fraction}" if fraction else whole
    return typed

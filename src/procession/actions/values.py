"""Fits a step's result to the type of its property, or says in plain words why it does not fit."""

from __future__ import annotations

import math
import numbers
from datetime import date, datetime
from decimal import Decimal

from procession.actions.contract import OutputValue

# A Number of the API is whole; amounts are Decimals.
_WHOLE = frozenset({"Number"})
_NUMERIC = frozenset({"Number", "Decimal"})
_DIGITS_MAX = 400  # before and after the point: more than a double has, and too few to fill memory


class DoesNotFit(ValueError):
    """The text says what the value is and what was wanted."""


def fit(value: object, property_type: str) -> OutputValue:
    """The value as the pipe carries it. Raises DoesNotFit.

    Numbers become int or Decimal, dates ISO text. A Number takes whole numbers and a Decimal any, both also as text;
    a CheckBox takes true and false; the other types take text, numbers and dates. Files are not for this function.
    """
    plain = _plain(value)
    if plain is None:
        return None
    if property_type == "CheckBox":
        return _truth(plain)
    if property_type in _NUMERIC:
        return _number(plain, whole=property_type in _WHOLE)
    if isinstance(plain, bool):
        raise DoesNotFit(f"{plain} is true or false, and a {property_type} was wanted")
    return plain if isinstance(plain, str) else f"{plain:f}" if isinstance(plain, Decimal) else str(plain)


def trimmed(value: int | Decimal) -> int | Decimal:
    """The number without trailing zeros."""
    if isinstance(value, int):
        return value
    text = f"{value:f}"  # normalize() would round to the 28 digits of Python's decimal context
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def alike(*numbers: int | Decimal) -> list[str]:
    """Numbers of one message, with equally many decimals: 1,234.50 and 0.01. A single decimal is an amount without its
    last zero.
    """
    short = [Decimal(trimmed(number)) for number in numbers]
    decimals = max(len(f"{number:f}".partition(".")[2]) for number in short)
    return [f"{number:,.{2 if decimals == 1 else decimals}f}" for number in short]


def _plain(value: object) -> str | int | Decimal | bool | None:
    match value:
        # Before the numbers, because a bool is one for Python.
        case None | bool():
            return value
        case str():
            return _kept_text(value)
        # datetime is a date too, and isoformat() is right for both.
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return _finite(value)
        case numbers.Integral():  # includes numpy's integers
            return int(_finite(Decimal(int(value))))
        case numbers.Real():
            return _finite(Decimal(repr(float(value)))) if math.isfinite(value) else _finite(Decimal(str(float(value))))
    raise DoesNotFit(f"a {type(value).__name__} cannot be kept; use text, a number, true or false, a date or a file")


def writable(text: str) -> str:
    """Replaces what UTF-8 cannot encode, such as surrogates in file names from Python's os module."""
    return text.encode("utf-8", "replace").decode()


def _kept_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DoesNotFit(f"character {error.start + 1} of the text is half of a pair (a surrogate) alone") from None
    if "\0" in text:
        raise DoesNotFit(f"character {text.index(chr(0)) + 1} of the text is a NUL character")
    return text


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        # NaN and infinity have no text that every database reads.
        raise DoesNotFit(f"{number} is not a number that can be kept")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < -_DIGITS_MAX or number.adjusted() > _DIGITS_MAX:
        raise DoesNotFit(f"a number with more than {_DIGITS_MAX} digits before or after the point cannot be kept")
    return number


def _truth(plain: str | int | Decimal | bool) -> bool:
    if isinstance(plain, bool):
        return plain
    raise DoesNotFit(f'"{plain}" is neither true nor false')


def _number(plain: str | int | Decimal | bool, *, whole: bool) -> int | Decimal:
    if isinstance(plain, bool):
        raise DoesNotFit(f"{plain} is true or false, and a number was wanted")
    try:
        number = _finite(Decimal(plain))
    except ArithmeticError:
        raise DoesNotFit(f'"{str(plain)[:80]}" is not a number') from None
    if not whole:
        return number
    # int() of a hostile exponent such as 1e999999 would take for ever.
    if number.adjusted() > 18 or number != number.to_integral_value():
        raise DoesNotFit(f"{plain} is not a whole number of at most 18 digits")
    return int(number)

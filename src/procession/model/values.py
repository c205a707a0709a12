"""Property values from the API, the process file or a step, checked and normalised by type.

In the model a Datepicker is ISO text ("2026-11-30"), a Number an int or a Decimal, a Decimal a Decimal with exactly the
property's decimal points, a CheckBox a bool. Money never becomes a float: a float is read by its shortest decimal text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Context, Decimal, InvalidOperation

from procession.model.errors import Invalid
from procession.model.processes import Flow, Property, PropertyType, Value

TEXT_CHARACTERS_MAX = 100_000  # a note, not a document: documents are files
DIGITS_MAX = 38  # what a DECIMAL of DuckDB and of PostgreSQL's common drivers holds exactly
OPTIONS_SHOWN_MAX = 10  # in a message
SHOWN_CHARACTERS_MAX = 60  # of a wrong value, in a message

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(T00:00(:00(\.0+)?)?Z?)?\Z", re.ASCII)
_SLASHED_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{4})\Z", re.ASCII)
_NAMED_DATE = re.compile(r"(\d{2})-([A-Za-z]{3})-(\d{4})\Z", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BOOLS = {"true": True, "false": False}
# Python's default of 28 digits would round without a word.
_EXACT = Context(prec=2 * DIGITS_MAX)


def normalise(item: Property, raw: object) -> Value:
    """`raw` as a value of this property. Raises Invalid, naming the property and what was expected.

    None is no value, and so is "" for every type but Text, String and SystemVariable, where it is kept.
    """
    # Before the type is looked at: every property can be empty.
    if raw is None:
        return None
    try:
        value = _READERS[item.type](item, raw)
    except ValueError as error:
        raise Invalid(f'property "{item.name}" {error}') from None
    return value


def is_missing(item: Property, value: Value) -> bool:
    """Whether a required INPUT is empty. (A File's value is any text once it has bytes, else None.)"""
    return item.required and item.flow is Flow.INPUT and (value is None or value == "")


def to_text(value: Value) -> str | None:
    """The value as the store keeps it. from_text reads it back."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def from_text(item_type: PropertyType, text: str | None) -> Value:
    """The inverse of to_text."""
    if text is None:
        return None
    match item_type:
        case PropertyType.CHECK_BOX:
            return _BOOLS[text]
        case PropertyType.NUMBER:
            return Decimal(text) if "." in text else int(text)
        case PropertyType.DECIMAL:
            return Decimal(text)
        case _:
            return text


def check_text(text: str) -> str:
    """Returns the text. Raises ValueError if a database cannot hold it or it exceeds the limit."""
    if len(text) > TEXT_CHARACTERS_MAX:
        raise ValueError(f"must have at most {TEXT_CHARACTERS_MAX:,} characters, not {len(text):,}")
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must be valid Unicode")
    return text


def read_number(raw: object) -> Decimal:
    """The finite number that an int, a Decimal, a float (by its shortest text) or a text means. Raises ValueError."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | str):
        raise ValueError(f"must be a number, not {_shown(raw)}")
    try:
        number = raw if isinstance(raw, Decimal) else Decimal(_number_text(raw))
    except InvalidOperation:
        raise ValueError(f"must be a number, not {_shown(raw)}") from None
    if not number.is_finite():
        raise ValueError(f"must be a finite number, not {_shown(raw)}")
    return _plain(number)


def _number_text(raw: float | str) -> str:
    # Before str(): it raises above 4,300 digits, and takes long below.
    if isinstance(raw, int) and raw.bit_length() > 4 * DIGITS_MAX:
        raise ValueError(f"must have at most {DIGITS_MAX} digits")
    # A float by its shortest text: 0.1 means 0.1, not its 55 binary digits.
    text = str(raw).strip()
    if len(text) > TEXT_CHARACTERS_MAX or not (_NUMBER.match(text) or isinstance(raw, float)):
        raise ValueError(f"must be a number, not {_shown(raw)}")
    return text


def _plain(number: Decimal) -> Decimal:
    """Without exponent and without a negative zero."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # finite
    # Minus zero would be shown, and compare unequal as a text.
    if not any(digits):
        return Decimal(0)
    if max(len(digits) + exponent, len(digits), -exponent) > DIGITS_MAX:
        raise ValueError(f"must have at most {DIGITS_MAX} digits")
    if exponent > 0:
        return Decimal((sign, digits + (0,) * exponent, 0))
    return number


def _number(item: Property, raw: object) -> Value:
    if raw == "":
        return None
    number = read_number(raw)
    # So that 5.0 of a spreadsheet and 5 are the same value, and the same text.
    return int(number) if number == number.to_integral_value() else number


def _decimal(item: Property, raw: object) -> Value:
    """With exactly the property's decimal points. Adds zeros, and refuses to round a digit away."""
    if raw == "":
        return None
    number = read_number(raw)
    if item.decimal_points is None:
        return number
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # read_number gives finite numbers
    wanted = item.decimal_points + exponent  # how many zeros to add; fewer than none: digits to drop
    # Zeros may go, digits may not: rounding money is for a step to decide.
    if wanted < 0 and any(digits[wanted:] if -wanted <= len(digits) else digits):
        raise ValueError(f"must have at most {item.decimal_points} decimal places, not {_shown(raw)}")
    if len(digits) + wanted > DIGITS_MAX:
        raise ValueError(f"must have at most {DIGITS_MAX} digits")
    return number.quantize(Decimal(1).scaleb(-item.decimal_points), context=_EXACT)


def _check_box(item: Property, raw: object) -> Value:
    if isinstance(raw, bool):
        return raw
    if raw == "":
        return None
    if isinstance(raw, str) and raw.strip().lower() in _BOOLS:
        return _BOOLS[raw.strip().lower()]
    raise ValueError(f"must be true or false, not {_shown(raw)}")


def _text(item: Property, raw: object) -> Value:
    """Text, or the digits of an int. Refuses a float: 1.10 has already become 1.1 in it."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(int(read_number(raw)))
    if not isinstance(raw, str):
        raise ValueError(f"must be text, not {_shown(raw)}")
    return check_text(raw)


def _dropdown(item: Property, raw: object) -> Value:
    text = _text(item, raw)
    if text in item.options:
        return text
    if text == "":
        return None
    options = ", ".join(f'"{option}"' for option in item.options[:OPTIONS_SHOWN_MAX])
    options += ", ..." if len(item.options) > OPTIONS_SHOWN_MAX else ""
    raise ValueError(f"must be one of {options}, not {_shown(raw)}")


def _datepicker(item: Property, raw: object) -> Value:
    """ISO, dd-MMM-yyyy or dd/MM/yyyy (docs/wire.md, Values); a time of day is only accepted when it is midnight."""
    if raw == "":
        return None
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw.isoformat()
    parts = _date_parts(raw.strip()) if isinstance(raw, str) else None
    try:
        if parts is None:
            raise ValueError
        return date(*parts).isoformat()
    except ValueError:
        raise ValueError(
            f"must be a date such as 2026-11-30, 30-Nov-2026 or 30/11/2026 (day first), not {_shown(raw)}"
        ) from None


def _date_parts(text: str) -> tuple[int, int, int] | None:
    if found := _ISO_DATE.match(text):
        return int(found[1]), int(found[2]), int(found[3])
    # Day first, as the documents say; an American date above 12 is refused, below it nobody can tell.
    if found := _SLASHED_DATE.match(text):
        return int(found[3]), int(found[2]), int(found[1])
    if (found := _NAMED_DATE.match(text)) and found[2].lower() in _MONTHS:
        return int(found[3]), _MONTHS.index(found[2].lower()) + 1, int(found[1])
    return None


def _file(item: Property, raw: object) -> Value:
    # Bytes go another way, with a hash and a limit of their own.
    raise ValueError("is a file: upload its content instead of setting a value")


def _shown(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str):
        return f'"{raw[:SHOWN_CHARACTERS_MAX]}{"..." if len(raw) > SHOWN_CHARACTERS_MAX else ""}"'
    if isinstance(raw, int | float | Decimal):
        return str(raw)[:SHOWN_CHARACTERS_MAX]
    if isinstance(raw, dict):
        return "an object"
    return "a list" if isinstance(raw, list) else f"a {type(raw).__name__}"


_READERS: dict[PropertyType, Callable[[Property, object], Value]] = {
    PropertyType.DROPDOWN: _dropdown,
    PropertyType.TEXT: _text,
    PropertyType.STRING: _text,
    PropertyType.NUMBER: _number,
    PropertyType.DECIMAL: _decimal,
    PropertyType.CHECK_BOX: _check_box,
    PropertyType.SYSTEM_VARIABLE: _text,
    PropertyType.DATEPICKER: _datepicker,
    PropertyType.FILE: _file,
}

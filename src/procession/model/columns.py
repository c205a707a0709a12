"""A managed table's columns: their types, which values fit them, and how a client's words name one (docs/wire.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from procession.model.errors import Invalid, NotFound

RECORD_ID = "_Record_ID"
RECORD_FIELD = 1  # the first column of every table
LENGTH_DEFAULT = 255  # default length of a FixedLengthText, in characters
# Longer texts are files.
LENGTH_MAX = 8_000
# Each is a field of every Parquet file, read at each change.
COLUMNS_MAX = 500
SHOWN_CHARACTERS_MAX = 80  # of a refused value, in the message
# Number is DECIMAL(38,10), Money DECIMAL(19,4): exact, never a binary fraction.
WHOLE_DIGITS, DECIMALS = {"Number": 28, "Money": 15}, {"Number": 10, "Money": 4}
ZONE = r"(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.{decimals})?)?"
_MOMENT = rf" *[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T]{_TIME}{ZONE}?)? *"
# The only form of a Datetime. ISO 8601 allows more, but 20250205 may just as well be a number.
# Zeros may follow six decimals: this API writes dates with seven.
MOMENT = _MOMENT.replace("{decimals}", "[0-9]{1,6}0*")
_FINER = re.compile(_MOMENT.replace("{decimals}", "[0-9]+"))
# Bounded: Decimal() of a megabyte of digits takes its time. No exponent: 1e3 in a file of accounts is a code.
_PLAIN = re.compile(r"[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})\Z")


class ColumnType(StrEnum):
    NUMBER = "Number"
    TEXT = "FixedLengthText"
    TRUE_FALSE = "TrueFalse"
    DATETIME = "Datetime"
    MONEY = "Money"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`field` is its id in every Parquet file, for life: names and places may change.

    `default` is what a new row gets that names no value, `initial` what rows have that were there before the column;
    both are texts as canonical() gives them.
    """

    field: int
    name: str
    type: ColumnType
    length: int | None = None  # characters, of a FixedLengthText
    nullable: bool = True
    default: str | None = None
    initial: str | None = None

    @property
    def is_record_id(self) -> bool:
        return self.field == RECORD_FIELD


RECORD_COLUMN = Column(field=RECORD_FIELD, name=RECORD_ID, type=ColumnType.NUMBER, nullable=False)


def type_of(given: object) -> ColumnType:
    """The type that a client names, any case; decimal is an old word for Number. Raises Invalid."""
    if isinstance(given, str):
        wanted = given.strip().lower()
        for kind in ColumnType:
            if wanted == kind.lower() or (wanted == "decimal" and kind is ColumnType.NUMBER):
                return kind
    raise Invalid(f"dataType is {shown(given)}, but it can only be {', '.join(ColumnType)}")


def find(columns: Iterable[Column], text: str) -> Column:
    """The column named in a path: exact match, else any case, else with "_" for a space. Raises NotFound, Invalid."""
    every = tuple(columns)
    # From the narrowest on, so that a column whose name is written exactly is never ambiguous.
    for key in (str, str.casefold, _spaceless):
        found = [column for column in every if key(column.name) == key(text)]
        if len(found) == 1:
            return found[0]
        if found:
            names = " and ".join(f'"{column.name}"' for column in found)
            raise Invalid(f'"{text[:SHOWN_CHARACTERS_MAX]}" can mean {names}; write the spaces as %20')
    raise NotFound(f'the table has no column "{text[:SHOWN_CHARACTERS_MAX]}"')


def _spaceless(name: str) -> str:
    return name.casefold().replace(" ", "_")


def canonical(column: Column, given: object) -> str | None:
    """The value as its column's text, None for null. Raises Invalid with what is wrong, for "... " + the message."""
    if given is None:
        return None
    match column.type:
        case ColumnType.TEXT:
            return _text(column, given)
        case ColumnType.TRUE_FALSE:
            return _truth(given)
        case ColumnType.DATETIME:
            return _moment(given)
        case ColumnType.NUMBER | ColumnType.MONEY:
            return _number(column.type, given)


def _text(column: Column, given: object) -> str:
    if not isinstance(given, str):
        raise Invalid(f"{shown(given)} is not a text")
    if "\0" in given:
        raise Invalid("the text holds a NUL character")
    try:
        # Parquet and PostgreSQL hold UTF-8, in which half a pair cannot be written.
        given.encode()
    except UnicodeEncodeError:
        raise Invalid("the text holds half of a character (a lone surrogate)") from None
    assert column.length is not None
    if len(given) > column.length:
        raise Invalid(f"{shown(given)} has {len(given)} characters, more than {column.length}")
    return given


def _truth(given: object) -> str:
    if isinstance(given, str) and given.strip().lower() in {"true", "false"}:
        return given.strip().lower()
    if not isinstance(given, bool):
        raise Invalid(f"{shown(given)} is neither true nor false")
    return "true" if given else "false"


def _moment(given: object) -> str:
    at = _read_moment(given) if isinstance(given, str) and re.fullmatch(MOMENT, given) else None
    if at is None:
        raise Invalid(f"{shown(given)} {why_no_moment(given)}")
    return at.isoformat(sep=" ")


def _read_moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip())
        # Columns have no zone: of two offsets the moments must still compare.
        return at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def why_no_moment(given: object) -> str:
    """Why the text is not a Datetime."""
    if isinstance(given, str) and _FINER.fullmatch(given) and _read_moment(given) and not re.fullmatch(MOMENT, given):
        return "is finer than a microsecond, the finest that is kept"
    return "is not a date such as 2025-02-05 or 2025-02-05T22:40:19Z"


def _number(kind: ColumnType, given: object) -> str:
    # Never a float: by the time it is one, 0.1 is another number.
    if isinstance(given, bool) or not isinstance(given, int | Decimal | str):
        raise Invalid(f"{shown(given)} is not a number")
    if isinstance(given, str) and not _PLAIN.match(given.strip()):
        raise Invalid(f"{shown(given)} is not a number")
    try:
        number = Decimal(given.strip() if isinstance(given, str) else given)
    except InvalidOperation:
        raise Invalid(f"{shown(given)} is not a number") from None
    # The adjusted exponent is asked before the number is written out: 1e999999999 would be a gigabyte of zeros.
    if not number.is_finite() or (number and number.adjusted() >= WHOLE_DIGITS[kind]):
        raise Invalid(f"{shown(given)} is out of range: a {kind} has at most {WHOLE_DIGITS[kind]} digits")
    text = format(number, "f")
    whole, _, decimals = text.partition(".")
    # 1.50 and 1.5 are one value: keys and filters compare these texts.
    decimals = decimals.rstrip("0")
    if len(decimals) > DECIMALS[kind]:
        raise Invalid(f"{shown(given)} is too fine: a {kind} has at most {DECIMALS[kind]} decimal places")
    return f"{whole}.{decimals}" if decimals else whole


def shown(given: object) -> str:
    """A refused value as a message shows it."""
    text = f'"{given}"' if isinstance(given, str) else str(given)[:1000]
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 3] + "..."

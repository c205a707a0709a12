"""Types of MariaDB as columns: exact, or as the database writes them, or refused in words."""

from __future__ import annotations

from dataclasses import dataclass

from pymysql.constants import FIELD_TYPE, FLAG

from procession.actions.databases.arriving import NUMBER, TEXT, ArrivingKind
from procession.actions.problems import Problem

_DIGITS_MAX = 38
_WHOLE = {
    FIELD_TYPE.TINY: ("TINYINT", "SMALLINT"),
    FIELD_TYPE.SHORT: ("SMALLINT", "INTEGER"),
    FIELD_TYPE.INT24: ("INTEGER", "INTEGER"),
    FIELD_TYPE.LONG: ("INTEGER", "BIGINT"),
    # 18,446,744,073,709,551,615 has 20 digits.
    FIELD_TYPE.LONGLONG: ("BIGINT", "DECIMAL(20,0)"),
    FIELD_TYPE.YEAR: ("SMALLINT", "SMALLINT"),
}
_TEXTS = frozenset(
    {
        FIELD_TYPE.VARCHAR,
        FIELD_TYPE.VAR_STRING,
        FIELD_TYPE.STRING,
        FIELD_TYPE.TINY_BLOB,
        FIELD_TYPE.BLOB,
        FIELD_TYPE.MEDIUM_BLOB,
        FIELD_TYPE.LONG_BLOB,
    }
)
_NO_DAY = "is no day of the calendar; write NULL, or such a day, in the statement: NULLIF({name}, 0)"
_NO_TIME = "is a duration and no time of a day; write TIME_TO_SEC({name}), or CAST({name} AS CHAR), in the statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentColumn:
    """A column as the protocol tells of it: `length` in bytes of its longest text."""

    name: str
    code: int
    flags: int
    is_binary: bool
    length: int
    decimals: int

    @property
    def is_unsigned(self) -> bool:
        return bool(self.flags & FLAG.UNSIGNED)


def kind_of(column: SentColumn) -> ArrivingKind:
    """What the column becomes. Raises Problem."""
    if column.code in _WHOLE:
        return ArrivingKind(type=_WHOLE[column.code][column.is_unsigned])
    if column.code in _TEXTS:
        return ArrivingKind(type="BLOB", made="unhex({cell})") if column.is_binary else TEXT
    match column.code:
        case FIELD_TYPE.NEWDECIMAL | FIELD_TYPE.DECIMAL:
            return _decimal(column)
        case FIELD_TYPE.DOUBLE:
            return ArrivingKind(type="DOUBLE")
        case FIELD_TYPE.DATE | FIELD_TYPE.NEWDATE:
            return _moment("DATE", "{cell}", column.name)
        case FIELD_TYPE.DATETIME:
            return _moment("TIMESTAMP", "{cell}", column.name)
        case FIELD_TYPE.TIMESTAMP:
            # In UTC, in which the session is.
            return _moment("TIMESTAMP WITH TIME ZONE", "({cell} || '+00')", column.name)
        case FIELD_TYPE.TIME:
            wrong = "NOT regexp_full_match({cell}, '([01][0-9]|2[0-3]):.*')"
            return ArrivingKind(type="TIME", wrong=wrong, words=_NO_TIME.format(name=column.name))
        case FIELD_TYPE.BIT:
            return _bits(column)
        case FIELD_TYPE.NULL:
            return TEXT
    raise _refused(column)


def _bits(column: SentColumn) -> ArrivingKind:
    # Of max(b) the server sends digits, of min(b) OVER () bits: 257 is not told from the three letters that it is.
    if column.flags & FLAG.BINARY:
        raise Problem(f'the column "{column.name}" is worked out of bits; write it as a number: max(b + 0)')
    whole = "CAST('0x' || {cell} AS UBIGINT)"
    if column.length == 1:
        return ArrivingKind(type="BOOLEAN", made=f"{whole} <> 0")
    return ArrivingKind(type="DECIMAL(20,0)", made=whole)


def _refused(column: SentColumn) -> Problem:
    if column.code == FIELD_TYPE.FLOAT:
        # 16777217 would come as 16777200.
        return Problem(
            f'the column "{column.name}" is FLOAT, of which the server sends six digits; write CAST({column.name} AS'
            " DOUBLE) or ROUND it"
        )
    return Problem(
        f'the column "{column.name}" is of a type that is not known here; write ST_AsText or CAST it to CHAR'
    )


def _decimal(column: SentColumn) -> ArrivingKind:
    # The longest text has a sign, unless there is none, and a point, unless it has no decimals.
    digits = column.length - (column.decimals > 0) - (not column.is_unsigned)
    if digits > _DIGITS_MAX or column.decimals > digits:
        return NUMBER
    return ArrivingKind(type=f"DECIMAL({digits},{column.decimals})", wrong=NUMBER.wrong, words=NUMBER.words)


def _moment(kind: str, made: str, name: str) -> ArrivingKind:
    """0000-00-00 and 2026-02-00 are values of theirs; whatever we made of them would be another day."""
    wrong = f"{{cell}} LIKE '0000%' OR {{cell}} IS NOT NULL AND TRY_CAST({made} AS {kind}) IS NULL"
    return ArrivingKind(type=kind, made=f"CAST({made} AS {kind})", wrong=wrong, words=_NO_DAY.format(name=name))

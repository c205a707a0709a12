"""Types of PostgreSQL as columns: exact, or as the database writes them, or refused in words."""

from __future__ import annotations

from procession.actions.databases.arriving import NUMBER, TEXT, ArrivingKind
from procession.actions.problems import Problem

_NUMERIC, _MONEY = 1700, 790
_HEADER_BYTES = 4  # that a type's modifier counts too
_DIGITS_MAX = 38
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-2][0-9]:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
_ENDLESS = "is no date of the years 1 to 9999; write NULL, or such a date, in the statement"


def _moments(kind: str, pattern: str) -> ArrivingKind:
    return ArrivingKind(type=kind, wrong=f"NOT regexp_full_match({{cell}}, '{pattern}')", words=_ENDLESS)


# By the ids of PostgreSQL's own types, which never change. All others are text as the database writes them: enums,
# uuid, json, arrays such as {1,2}, intervals such as P1Y2M, ranges, addresses.
_KINDS = {
    16: ArrivingKind(type="BOOLEAN"),
    # Bytes come as \x and two digits each.
    17: ArrivingKind(type="BLOB", made="unhex(substr({cell}, 3))"),
    20: ArrivingKind(type="BIGINT"),
    21: ArrivingKind(type="SMALLINT"),
    23: ArrivingKind(type="INTEGER"),
    26: ArrivingKind(type="BIGINT"),
    # By the shortest text of each: a real of 0.1 is 0.1.
    700: ArrivingKind(type="DOUBLE"),
    701: ArrivingKind(type="DOUBLE"),
    1082: _moments("DATE", _DATE),
    1083: ArrivingKind(
        type="TIME", wrong="{cell} LIKE '24:%'", words="is no time of a day; 24:00:00 is 00:00:00 of the next"
    ),
    1114: _moments("TIMESTAMP", f"{_DATE} {_TIME}"),
    # In UTC, in which the session is.
    1184: _moments("TIMESTAMP WITH TIME ZONE", rf"{_DATE} {_TIME}\+00"),
}


def kind_of(name: str, oid: int, modifier: int) -> ArrivingKind:
    """What the column becomes. Of a domain both are those of its type. Raises Problem."""
    if oid == _MONEY:
        # Its text is in the server's currency, and how many decimals it has stands nowhere.
        raise Problem(
            f'the column "{name}" is of the type money, whose decimals depend on the server; write {name}::numeric'
        )
    if oid == _NUMERIC:
        return _numeric(modifier)
    return _KINDS.get(oid, TEXT)


def _numeric(modifier: int) -> ArrivingKind:
    if modifier < _HEADER_BYTES:
        return NUMBER
    digits, scale = ((modifier - _HEADER_BYTES) >> 16) & 0xFFFF, (modifier - _HEADER_BYTES) & 0x7FF
    # A scale below zero or beyond the digits is allowed there, and means nothing here.
    if digits > _DIGITS_MAX or scale > digits:
        return NUMBER
    return ArrivingKind(type=f"DECIMAL({digits},{scale})", wrong=NUMBER.wrong, words=NUMBER.words)

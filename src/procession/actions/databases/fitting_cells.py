"""Cells on their way into a column of PostgreSQL: as the text that it reads, or refused before anything is sent.

The database itself would round numbers, cut blanks and understand "tomorrow"; it is only asked what it alone knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from procession.actions.database import quote
from procession.actions.databases.targets import TargetColumn
from procession.actions.problems import Problem

_HEADER_BYTES = 4  # that a type's modifier counts too
_NUMBERS = re.compile(r"DECIMAL\(\d+,\d+\)|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT")
_BINARY = frozenset({"DOUBLE", "FLOAT"})
_WHOLE = {21: "SMALLINT", 23: "INTEGER", 20: "BIGINT"}
_ISO_DATE, _ISO_MOMENT = r"\d{4}-\d{2}-\d{2}", r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_SECONDS_DECIMALS = 6  # of the finest moment that PostgreSQL keeps
_OFFSET = r"(Z|[+-]\d{2}(:?\d{2})?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FittingCell:
    """`text` is SQL for what is sent, `wrong` SQL that is true for a cell that does not fit, `words` why."""

    text: str
    wrong: str
    words: str


def fit(name: str, kind: str, column: TargetColumn) -> FittingCell:
    """How the column `name` of the rows, of DuckDB's type `kind`, goes into the column. Raises Problem."""
    cell = quote(name)
    if kind == "TIMESTAMP_NS":
        raise Problem(f'the column "{name}" has moments finer than a microsecond, the finest that the table keeps')
    # By the ids of PostgreSQL's own types, which never change.
    make = _MAKERS.get(column.oid)
    if make is None:
        # What only the database can read: it says so with the line.
        return FittingCell(text=f"CAST({cell} AS VARCHAR)", wrong=_has_nul(cell), words=_nul)
    return make(name, kind, column)


_nul = "holds a NUL character, which no text of the database can"


def _has_nul(cell: str) -> str:
    return f"contains(CAST({cell} AS VARCHAR), chr(0))"


def _refuse(name: str, kind: str, column: TargetColumn) -> Problem:
    return Problem(f'the column "{name}" is {kind}, and "{column.name}" of the table is {column.words}')


def _is_number(name: str, kind: str, column: TargetColumn) -> str:
    """The cell as text; a text must be a number to the last character, without zeros before it."""
    if kind != "VARCHAR" and not _NUMBERS.fullmatch(kind):
        raise _refuse(name, kind, column)
    return f"CAST({quote(name)} AS VARCHAR)"


def _whole(name: str, kind: str, column: TargetColumn) -> FittingCell:
    text = _is_number(name, kind, column)
    # 3.00 of an amount is 3, and the database would not read it as a whole number.
    whole = f"split_part({text}, '.', 1)"
    wrong = (
        f"NOT regexp_full_match({text}, '-?(0|[1-9]\\d*)(\\.0*)?') OR TRY_CAST({whole} AS {_WHOLE[column.oid]}) IS NULL"
    )
    return FittingCell(text=whole, wrong=wrong, words=f"does not fit {column.words}")


def _numeric(name: str, kind: str, column: TargetColumn) -> FittingCell:
    text = _is_number(name, kind, column)
    # 1e-07 of a binary fraction is a number too, and is written out by the database.
    pattern = r"-?\d+(\.\d+)?(e[-+]?\d+)?" if kind in _BINARY else r"-?(0|[1-9]\d*)(\.\d+)?"
    wrong = f"NOT regexp_full_match({text}, '{pattern}')"
    if column.modifier >= _HEADER_BYTES:
        packed = column.modifier - _HEADER_BYTES
        digits, scale = (packed >> 16) & 0xFFFF, packed & 0x7FF
        if scale > digits:  # below zero, or beyond the digits: only the database knows what it keeps
            raise Problem(f'the column "{column.name}" of the table is {column.words}, which rounds what it is given')
        plain = f"CAST(TRY_CAST({text} AS DECIMAL(38,18)) AS VARCHAR)" if kind in _BINARY else text
        fine = f"length(rtrim(split_part({plain}, '.', 2), '0')) > {scale}"
        long = f"length(ltrim(split_part(ltrim({plain}, '-'), '.', 1), '0')) > {digits - scale}"
        wrong = f"{wrong} OR {fine} OR {long}"
        if kind in _BINARY:
            wrong = f"{wrong} OR {plain} IS NULL OR CAST({plain} AS DOUBLE) <> {quote(name)}"
    return FittingCell(text=text, wrong=wrong, words=f"does not fit {column.words} without being rounded or cut")


def _binary(name: str, kind: str, column: TargetColumn) -> FittingCell:
    text = _is_number(name, kind, column)
    binary = "FLOAT" if column.oid == 700 else "DOUBLE"
    if kind == binary or (kind == "FLOAT" and binary == "DOUBLE"):
        return FittingCell(text=text, wrong="false", words="")
    again = f"CAST(TRY_CAST({text} AS {binary}) AS VARCHAR)"
    same = (
        f"CAST({again} AS DOUBLE) = {quote(name)}"
        if kind == "DOUBLE"
        else f"TRY_CAST({again} AS DECIMAL(38,10)) = TRY_CAST({text} AS DECIMAL(38,10))"
    )
    return FittingCell(text=text, wrong=f"({same}) IS NOT TRUE", words=f"is no {column.words} without being rounded")


def _text(name: str, kind: str, column: TargetColumn) -> FittingCell:
    cell = quote(name)
    text = f"CAST({cell} AS VARCHAR)"
    wrong = _has_nul(cell)
    words = _nul
    if column.modifier >= _HEADER_BYTES:
        most = column.modifier - _HEADER_BYTES
        wrong, words = (
            f"{wrong} OR length({text}) > {most}",
            f"has more than the {most} characters of {column.words}, or a NUL",
        )
    return FittingCell(text=text, wrong=wrong, words=words)


def _truth(name: str, kind: str, column: TargetColumn) -> FittingCell:
    text = f"CAST({quote(name)} AS VARCHAR)"
    if kind not in {"BOOLEAN", "VARCHAR"}:
        raise _refuse(name, kind, column)
    return FittingCell(text=text, wrong=f"lower({text}) NOT IN ('true', 'false')", words="is neither true nor false")


def _date(name: str, kind: str, column: TargetColumn) -> FittingCell:
    cell, words = quote(name), "is no date such as 2026-01-31"
    text = f"CAST({cell} AS VARCHAR)"
    if kind == "DATE":
        return FittingCell(text=text, wrong=f"NOT isfinite({cell}) OR year({cell}) NOT BETWEEN 1 AND 9999", words=words)
    if kind == "TIMESTAMP":
        wrong = f"NOT isfinite({cell}) OR date_trunc('day', {cell}) <> {cell} OR year({cell}) NOT BETWEEN 1 AND 9999"
        return FittingCell(
            text=f"CAST(CAST({cell} AS DATE) AS VARCHAR)", wrong=wrong, words="has a time, and the column takes days"
        )
    if kind != "VARCHAR":
        raise _refuse(name, kind, column)
    wrong = f"NOT regexp_full_match({text}, '{_ISO_DATE}') OR TRY_CAST({text} AS DATE) IS NULL"
    return FittingCell(text=text, wrong=wrong, words=words)


def _moment(name: str, kind: str, column: TargetColumn) -> FittingCell:
    """A moment without a zone is taken as one of UTC where the column has one, and never the other way round."""
    cell, has_zone = quote(name), column.oid == 1184
    text = f"CAST({cell} AS VARCHAR)"
    moment = f"TRY_CAST({cell} AS {'TIMESTAMP WITH TIME ZONE' if has_zone else 'TIMESTAMP'})"
    wrong = f"{moment} IS NULL OR NOT isfinite({moment}) OR year({moment}) NOT BETWEEN 1 AND 9999"
    if kind == "VARCHAR":
        offset = f"{_OFFSET}?" if has_zone else ""
        wrong = f"NOT regexp_full_match({text}, '{_ISO_DATE}|{_ISO_MOMENT}{offset}') OR {wrong}"
    elif kind not in {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS"} and not (
        has_zone and kind.startswith("TIMESTAMP WITH")
    ):
        raise _refuse(name, kind, column)
    if 0 <= column.modifier < _SECONDS_DECIMALS:
        wrong = f"{wrong} OR epoch_us({moment}) % {10 ** (_SECONDS_DECIMALS - column.modifier)} <> 0"
    return FittingCell(text=text, wrong=wrong, words=f"is no moment that {column.words} keeps as it is")


def _bytes(name: str, kind: str, column: TargetColumn) -> FittingCell:
    # What files and tables hold are texts, numbers and moments: of bytes nobody would know how they are written.
    raise _refuse(name, kind, column)


def _money(name: str, kind: str, column: TargetColumn) -> FittingCell:
    raise Problem(f'the column "{column.name}" of the table is money, whose decimals depend on the server')


_MAKERS: dict[int, Callable[[str, str, TargetColumn], FittingCell]] = {
    16: _truth,
    17: _bytes,
    **dict.fromkeys(_WHOLE, _whole),
    25: _text,
    1042: _text,
    1043: _text,
    **dict.fromkeys((700, 701), _binary),
    1082: _date,
    **dict.fromkeys((1114, 1184), _moment),
    1700: _numeric,
    790: _money,
}

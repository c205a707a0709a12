"""Cells on their way into a column of a database: as the text that it reads, or refused before anything is sent.

The database itself would round numbers, cut blanks and understand "tomorrow"; it is only asked what it alone knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from procession.actions.database import literal, quote
from procession.actions.databases.targets import Holds, TargetColumn
from procession.actions.problems import Problem

_NUMBERS = re.compile(r"DECIMAL\(\d+,\d+\)|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT")
_BINARY = frozenset({"DOUBLE", "FLOAT"})
_ISO_DATE, _ISO_MOMENT = r"\d{4}-\d{2}-\d{2}", r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_ISO_TIME = r"\d{2}:\d{2}:\d{2}(\.\d{1,6})?"
_SECONDS_DECIMALS = 6  # of the finest moment that there is
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
    make = _MAKERS.get(column.holds)
    if make is not None:
        return make(name, kind, column)
    # What only the database can read: it says so with the line.
    text, wrong, words = f"CAST({cell} AS VARCHAR)", _has_nul(cell), _nul
    if column.pattern:
        wrong, words = f"NOT regexp_full_match({text}, {literal(column.pattern)})", f"is no value of {column.words}"
    return FittingCell(text=text, wrong=wrong, words=words)


_nul = "holds a NUL character, which is no part of a text"


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
    if kind == "BOOLEAN" and column.takes_truth:
        return FittingCell(text=f"CAST(CAST({quote(name)} AS INTEGER) AS VARCHAR)", wrong="false", words="")
    text = _is_number(name, kind, column)
    # 3.00 of an amount is 3, and the database would not read it as a whole number.
    whole = f"split_part({text}, '.', 1)"
    wrong = f"NOT regexp_full_match({text}, '-?(0|[1-9]\\d*)(\\.0*)?') OR TRY_CAST({whole} AS {column.whole}) IS NULL"
    return FittingCell(text=whole, wrong=wrong, words=f"does not fit {column.words}")


def _numeric(name: str, kind: str, column: TargetColumn) -> FittingCell:
    text = _is_number(name, kind, column)
    # 1e-07 of a binary fraction is a number too, and is written out by the database.
    pattern = r"-?\d+(\.\d+)?(e[-+]?\d+)?" if kind in _BINARY else r"-?(0|[1-9]\d*)(\.\d+)?"
    wrong = f"NOT regexp_full_match({text}, '{pattern}')"
    if column.digits is not None and column.decimals is not None:
        digits, scale = column.digits, column.decimals
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
    binary = "FLOAT" if column.is_single else "DOUBLE"
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
    if column.characters is not None:
        wrong = f"{wrong} OR length({text}) > {column.characters}"
        words = f"has more than the {column.characters} characters of {column.words}, or a NUL"
    if column.drops_blanks:
        wrong, words = f"{wrong} OR {text} LIKE '% '", f"{words}, or a blank at its end, which {column.words} drops"
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
    cell, has_zone = quote(name), column.has_zone
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
    wrong = f"{wrong}{_finer(moment, column)}"
    # In UTC, in which the session is, and not every database reads an offset.
    text = f"CAST(CAST({moment} AS TIMESTAMP) AS VARCHAR)"
    return FittingCell(text=text, wrong=wrong, words=f"is no moment that {column.words} keeps as it is")


def _time(name: str, kind: str, column: TargetColumn) -> FittingCell:
    if kind not in {"TIME", "VARCHAR"}:
        raise _refuse(name, kind, column)
    time = f"TRY_CAST({quote(name)} AS TIME)"
    written = f"regexp_full_match(CAST({quote(name)} AS VARCHAR), '{_ISO_TIME}')"
    wrong = f"NOT {written} OR {time} IS NULL{_finer(time, column)}"
    return FittingCell(
        text=f"CAST({time} AS VARCHAR)", wrong=wrong, words=f"is no time that {column.words} keeps as it is"
    )


def _finer(moment: str, column: TargetColumn) -> str:
    if column.decimals is None or column.decimals >= _SECONDS_DECIMALS:
        return ""
    return f" OR epoch_us({moment}) % {10 ** (_SECONDS_DECIMALS - column.decimals)} <> 0"


def _bytes(name: str, kind: str, column: TargetColumn) -> FittingCell:
    # What files and tables hold are texts, numbers and moments: of bytes nobody would know how they are written.
    raise _refuse(name, kind, column)


def _money(name: str, kind: str, column: TargetColumn) -> FittingCell:
    raise Problem(f'the column "{column.name}" of the table is money, whose decimals depend on the server')


_MAKERS: dict[Holds, Callable[[str, str, TargetColumn], FittingCell]] = {
    Holds.TRUTH: _truth,
    Holds.BYTES: _bytes,
    Holds.WHOLE: _whole,
    Holds.TEXT: _text,
    Holds.BINARY: _binary,
    Holds.DATE: _date,
    Holds.MOMENT: _moment,
    Holds.TIME: _time,
    Holds.NUMBER: _numeric,
    Holds.MONEY: _money,
}

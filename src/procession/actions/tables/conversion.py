"""Values of a managed table in DuckDB: texts that fit a column, what does not fit, and how values are shown.

All texts of requests go through here, so that a number is never rounded and a time zone never dropped on the way.
"""

from __future__ import annotations

from procession.actions.database import literal, quote
from procession.model.columns import DECIMALS, MOMENT, WHOLE_DIGITS, ZONE, Column, ColumnType, why_no_moment

_TYPES = {
    ColumnType.NUMBER: "DECIMAL(38,10)",
    ColumnType.TEXT: "VARCHAR",
    ColumnType.TRUE_FALSE: "BOOLEAN",
    ColumnType.DATETIME: "TIMESTAMP",
    ColumnType.MONEY: "DECIMAL(19,4)",
}
# A time zone can lead out of the years that a date is written with.
_FIRST, _LAST = "TIMESTAMP '0001-01-01'", "TIMESTAMP '9999-12-31 23:59:59.999999'"


def sql_type(column: Column) -> str:
    """Its type in DuckDB and in the Parquet files."""
    return "BIGINT" if column.is_record_id else _TYPES[column.type]


def from_text(column: Column, text: str) -> str:
    """The SQL value of the SQL text `text`; NULL for one that does not fit."""
    if column.type is ColumnType.TEXT:
        return text
    if column.type is ColumnType.DATETIME:
        # A cast to TIMESTAMP drops an offset without a word, and one to TIMESTAMPTZ takes the zone of this process
        # where there is none.
        with_zone = f"make_timestamp(epoch_us(TRY_CAST(trim({text}) AS TIMESTAMPTZ)))"
        return f"CASE WHEN {_has_zone(text)} THEN {with_zone} ELSE TRY_CAST(trim({text}) AS TIMESTAMP) END"
    return f"TRY_CAST(trim({text}) AS {sql_type(column)})"


def _has_zone(text: str) -> str:
    # Behind a time of day: the "-31" of a date is none.
    return rf"regexp_matches({text}, ':[0-9.]+{ZONE}\s*$')"


def misfits(column: Column, text: str) -> str:
    """An SQL condition: this text is not NULL and does not fit the column exactly."""
    if column.type is ColumnType.TEXT:
        return f"(length({text}) > {column.length} OR contains({text}, chr(0)))"
    value = from_text(column, text)
    wrong = f"{value} IS NULL OR NOT regexp_full_match({text}, {literal(_pattern(column))})"
    if column.type is ColumnType.DATETIME:
        wrong = f"{wrong} OR {value} NOT BETWEEN {_FIRST} AND {_LAST}"
    return f"({text} IS NOT NULL AND ({wrong}))"


def _pattern(column: Column) -> str:
    match column.type:
        case ColumnType.TRUE_FALSE:
            return r"\s*(?i:true|false)\s*"
        case ColumnType.DATETIME:
            return MOMENT
        case _ if column.is_record_id:
            return r"\s*[0-9]{1,18}\s*"
        case _:
            digits, decimals = WHOLE_DIGITS[column.type], DECIMALS[column.type]
            return rf"\s*[+-]?(0*[0-9]{{1,{digits}}}(\.[0-9]{{0,{decimals}}}0*)?|\.[0-9]{{1,{decimals}}}0*)\s*"


def why(column: Column, text: object) -> str:
    """What a value that does not fit should have been; `text` is the value."""
    match column.type:
        case ColumnType.TEXT:
            return f"is not a text of at most {column.length} characters"
        case ColumnType.TRUE_FALSE:
            return "is neither true nor false"
        case ColumnType.DATETIME:
            return why_no_moment(text)
        case _ if column.is_record_id:
            return "is not the number of a record"
        case _:
            digits, decimals = WHOLE_DIGITS[column.type], DECIMALS[column.type]
            return f"is not a {column.type} (at most {digits} digits and {decimals} decimal places)"


def to_text(column: Column, value: str) -> str:
    """The SQL text of an SQL value: the shortest that says it exactly."""
    match column.type:
        case ColumnType.TEXT:
            return value
        case ColumnType.DATETIME:
            iso = f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%f')"
            return f"CASE WHEN {iso} LIKE '%000' THEN left({iso}, 23) ELSE {iso} END"
        case ColumnType.TRUE_FALSE:
            return f"CAST({value} AS VARCHAR)"
        case _ if column.is_record_id:
            return f"CAST({value} AS VARCHAR)"
        case _:
            return f"rtrim(rtrim(CAST({value} AS VARCHAR), '0'), '.')"


def constant(column: Column, text: str | None) -> str:
    """A canonical text (model/columns) as an SQL value of the column's type."""
    return f"CAST({'NULL' if text is None else literal(text)} AS {sql_type(column)})"


def named(column: Column) -> str:
    return quote(column.name)

"""SQL that converts a cell's text to a value, or NULL. Nothing is rounded, completed or guessed here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from procession.actions.database import literal
from procession.actions.reading import patterns
from procession.actions.reading.cells import Kind
from procession.actions.reading.options import Type

SQL_TYPES = {
    "Text": "VARCHAR",
    "Number": "DECIMAL(38,10)",
    "Money": "DECIMAL(19,4)",
    "Date": "DATE",
    "Datetime": "TIMESTAMP",
    "TrueFalse": "BOOLEAN",
}
ZONED_TYPE = "TIMESTAMP WITH TIME ZONE"
_TRIED = {"Number": "BIGINT", "Money": "DECIMAL(17,2)"}  # in 64 bits: as most numbers, and most amounts, are written
DIGITS = {"Number": (28, 10), "Money": (15, 4)}  # before and behind the decimal mark
_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(8199) || chr(8239) || chr(65279)"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6}0*)?)?"
_ZONE = r"(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)"
DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
MOMENT = rf"{DAY}[ T]{_TIME}"
ZONED = rf"{DAY}[ T]{_TIME} ?{_ZONE}"
# A zone, a pattern or a typed file can lead beyond four-digit years.
_FIRST, _LAST = "TIMESTAMP '0001-01-01'", "TIMESTAMP '9999-12-31 23:59:59.999999'"
BINARY_DIGITS = 15  # decimal digits that a double always keeps; one with more was computed
_CURRENCY = r"([A-Z]{3}|[€$£¥])"
_SYMBOL_AND_CODE = ("€", "EUR"), ("£", "GBP"), ("[$¥]", "[A-Z]{3}")
_MINUS = "\u2212"
_SUCH_AS = {"Date": "such as 2026-11-30", "Datetime": "such as 2026-11-30 or 2026-11-30T22:40:19.123456Z"}
_ONE_OF_BOTH = {
    True: "with a zone, as in the first value, such as 2026-11-30T22:40:19Z",
    False: "without a zone, as in the first value, such as 2026-11-30T22:40:19",
}
_GROUPS = {" ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a file writes its values."""

    decimal: str = "."
    thousands: str | None = None
    pattern: str | None = None  # of dates
    zone: str = "UTC"
    currency: bool = True  # whether texts may name it
    zoned: bool | None = None  # whether moments have a zone; None: both are taken, in UTC

    def sql_type(self, wanted: Type) -> str:
        return ZONED_TYPE if wanted == "Datetime" and self.zoned else SQL_TYPES[wanted]

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as SQL writes them."""
        return self.thousands is None and self.decimal == "."


def trimmed(text: str) -> str:
    """Without blanks at both ends; NULL where nothing is left."""
    return f"nullif(trim({text}, {_BLANKS}), '')"


def number_pattern(style: Style) -> str:
    """A number as in "Columns nobody declared" of docs/reading.md: converting it loses nothing."""
    whole = r"(0|[1-9][0-9]*)"
    if style.thousands:
        group = _group(style.thousands)
        whole = rf"(0|[1-9][0-9]*|[1-9][0-9]{{0,2}}({group}[0-9]{{3}})+)"
    return rf"-?{whole}({re.escape(style.decimal)}[0-9]+)?"


def _group(mark: str) -> str:
    return _GROUPS.get(mark, re.escape(mark))


def plain(text: str, style: Style) -> str:
    """SQL that rewrites a match of number_pattern with a point and without groups."""
    if style.thousands:
        text = f"regexp_replace({text}, {literal(_group(style.thousands))}, '', 'g')"
    return text if style.decimal == "." else f"replace({text}, {literal(style.decimal)}, '.')"


def take(kind: Kind, wanted: Type, text: str, style: Style, *, is_binary: bool = False) -> str:
    """SQL of the value of a cell's text; NULL unless it is exactly of the type."""
    match wanted:
        case "Text":
            return text
        case "TrueFalse":
            fits = kind in {Kind.TRUTH, Kind.TEXT}
            return (
                f"TRY_CAST(CASE WHEN lower({text}) IN ('true', 'false') THEN {text} END AS BOOLEAN)" if fits else "NULL"
            )
        case "Date" | "Datetime":
            return _time(kind, wanted, text, style)
        case _:
            return _number(kind, wanted, text, style, is_binary=is_binary)


def _number(kind: Kind, wanted: str, text: str, style: Style, *, is_binary: bool) -> str:
    whole, decimals = DIGITS[wanted]
    if kind is Kind.NUMBER:
        # The shortest text of a number: what its cast adds behind it are zeros.
        tried = f"TRY_CAST({text} AS {_TRIED[wanted]})"
        usual = f"WHEN starts_with({tried}::VARCHAR, {text}) THEN {tried}::{SQL_TYPES[wanted]}"
        if is_binary:
            value = f"TRY_CAST({text} AS DECIMAL(38,10))"
            fits = f"TRY_CAST({value} AS {SQL_TYPES[wanted]}) = {value} AND ({_is_residue(text)})"
            return f"CASE {usual} WHEN {fits} THEN {value}::{SQL_TYPES[wanted]} END"
        exact = _exactly(text, rf"-?[0-9]{{1,{whole}}}(\.[0-9]{{0,{decimals}}}0*)?", text, wanted)
        return f"CASE {usual} ELSE {exact} END"
    return _usual(text, wanted, style, _number_text(wanted, text, style)) if kind is Kind.TEXT else "NULL"


def _usual(text: str, wanted: str, style: Style, other: str) -> str:
    """The usual spelling, by a cast and its way back, which takes a third of the time of patterns; else `other`."""
    if style.thousands:
        return other
    tried = f"TRY_CAST({plain(text, style)} AS {_TRIED[wanted]})"
    back = f"{tried}::VARCHAR" if style.decimal == "." else f"replace({tried}::VARCHAR, '.', {literal(style.decimal)})"
    # DuckDB would take the first mark of 1.50 for a decimal mark where that is a comma.
    return f"CASE WHEN {back} = {text} THEN {tried}::{SQL_TYPES[wanted]} ELSE {other} END"


def _number_text(wanted: str, text: str, style: Style) -> str:
    if style.is_plain:
        # the usual form, which DuckDB reads as it is
        bare = _exactly(text, rf"[+-]?{_body(wanted, style, 0)}", text, wanted)
        return f"coalesce({bare}, {_dressed(wanted, text, style)})"
    return _dressed(wanted, text, style)


def _body(wanted: str, style: Style, least: int) -> str:
    """The digits of a number, with so many of them at least behind a decimal mark that is there."""
    whole, decimals = DIGITS[wanted]
    mark = re.escape(style.decimal)
    rest = rf"{mark}[0-9]{{{least},{decimals}}}0*"
    body = rf"(0*[0-9]{{1,{whole}}}({rest})?|{mark}[0-9]{{1,{decimals}}}0*)"
    return rf"({body}|[0-9]{{1,3}}({_group(style.thousands)}[0-9]{{3}})+({rest})?)" if style.thousands else body


def _is_residue(text: str) -> str:
    """SQL condition: at most ten decimals, or more digits than anybody types."""
    digits = f"length(replace(ltrim({text}, '-0.'), '.', ''))"
    return f"NOT contains({text}, '.') OR length({text}) - instr({text}, '.') <= 10 OR {digits} > {BINARY_DIGITS}"


def _dressed(wanted: str, text: str, style: Style) -> str:
    """Also with signs of all kinds, brackets, groups and, for Money, a currency."""
    mark, body = re.escape(style.decimal), _body(wanted, style, 0)
    # 5,- is five euros on a price tag, and nobody's minus five.
    forms = rf"([+\-{_MINUS}]?{body}|{_body(wanted, style, 1)}[\-{_MINUS}]|\({body}\))"
    if wanted == "Money" and style.currency:
        both = "|".join(f"{symbol} ?{forms} ?{code}" for symbol, code in _SYMBOL_AND_CODE)
        inside = rf"[+\-{_MINUS}]{_CURRENCY} ?{body}|\({_CURRENCY} ?{body}\)|\({body} ?{_CURRENCY}\)"
        forms = rf"(({_CURRENCY} ?)?{forms}|{forms} ?{_CURRENCY}|{both}|{inside})"
    bare = f"replace(regexp_replace({text}, {literal(f'[^0-9{mark}]')}, '', 'g'), {literal(style.decimal)}, '.')"
    signed = f"CASE WHEN regexp_matches({text}, '[(\\-{_MINUS}]') THEN '-' ELSE '' END || {bare}"
    return _exactly(text, forms, f"({signed})", wanted)


def _exactly(text: str, pattern: str, number: str, wanted: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, {literal(pattern)}) THEN TRY_CAST({number} AS {SQL_TYPES[wanted]}) END"


def _time(kind: Kind, wanted: Type, text: str, style: Style) -> str:
    found = _any_time(kind, wanted, text, style)
    kept = f"CASE WHEN {found} BETWEEN {_FIRST} AND {_LAST} THEN {found} END"
    if kind is not Kind.TEXT or wanted != "Date" or style.pattern:
        return kept
    # The usual spelling by a cast and its way back, as with numbers.
    tried = f"TRY_CAST({text} AS DATE)"
    return f"CASE WHEN strlen({text}) = 10 AND {tried}::VARCHAR = {text} THEN {tried} ELSE {kept} END"


def _any_time(kind: Kind, wanted: Type, text: str, style: Style) -> str:
    type_ = style.sql_type(wanted)
    if kind in {Kind.DATE, Kind.MOMENT}:
        return f"TRY_CAST({text} AS TIMESTAMP)::{type_}" if type_ != ZONED_TYPE else "NULL"
    if kind is not Kind.TEXT:
        return "NULL"
    if style.pattern:
        found = by_pattern(text, style.pattern)
        return f"({_clock(found, wanted, style) if patterns.has_zone(style.pattern) else found})::{type_}"
    local = f"WHEN regexp_full_match({text}, '{DAY}') OR regexp_full_match({text}, '{MOMENT}') " + (
        f"THEN TRY_CAST({text} AS TIMESTAMP)"
    )
    close = f"regexp_replace({text}, ' ([Z+-])', '\\1')"  # DuckDB takes no blank before the zone
    at = _clock(f"TRY_CAST({close} AS TIMESTAMPTZ)", wanted, style)
    zoned = f"WHEN regexp_full_match({text}, '{ZONED}') THEN {at}"
    cases = [local] if style.zoned is False else [zoned] if type_ == ZONED_TYPE else [local, zoned]
    return f"(CASE {' '.join(cases)} END)::{type_}"


def _clock(moment: str, wanted: Type, style: Style) -> str:
    """SQL of what a clock shows at a moment with a zone; the moment itself where its column keeps the zone."""
    if style.sql_type(wanted) == ZONED_TYPE:
        return moment
    return f"{moment} AT TIME ZONE {literal(style.zone if wanted == 'Date' else 'UTC')}"


def by_pattern(text: str, pattern: str) -> str:
    """SQL of the moment of a text of the pattern, in its zone if it has one; NULL for any other."""
    text = trimmed(text)
    fits = f"regexp_full_match({text}, {literal(patterns.written(pattern))})"
    return f"(CASE WHEN {fits} THEN try_strptime({text}, {literal(pattern)}) END)"


def expected(wanted: Type, style: Style) -> str:
    """What a value of that type looks like, for a message."""
    match wanted:
        case "Number" | "Money":
            whole, decimals = DIGITS[wanted]
            marks = f'decimal mark "{style.decimal}"' + (f', groups by "{style.thousands}"' if style.thousands else "")
            return f"{wanted} (at most {whole} digits and {decimals} decimals; {marks})"
        case "Date" | "Datetime":
            return f"{wanted} ({style.pattern or _such_as(wanted, style)})"
        case _:
            return f"{wanted} (true or false)" if wanted == "TrueFalse" else wanted


def _such_as(wanted: str, style: Style) -> str:
    return _SUCH_AS[wanted] if wanted == "Date" or style.zoned is None else _ONE_OF_BOTH[style.zoned]

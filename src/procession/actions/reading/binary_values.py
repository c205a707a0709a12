"""SQL of numbers that their file has as binary fractions (DOUBLE): without a text in between, where that is exact."""

from __future__ import annotations

WHOLE, SHORT = "BIGINT", "DECIMAL(18,4)"  # what an `exact` column holds


def is_whole(value: str) -> str:
    return f"({value} = trunc({value}) AND abs({value}) < 1e15)"


def is_short(value: str) -> str:
    """At most four decimals: no two texts of 15 digits are the same double, so one that leads back is its text."""
    return f"(abs({value}) < 1e11 AND TRY_CAST({value} AS {SHORT})::DOUBLE = {value})"


def text(value: str, exact: str) -> str:
    """The shortest decimal text of a DOUBLE that is finite, without exponent and without -0."""
    shown, whole = f"CAST({value} AS VARCHAR)", f"WHEN {is_whole(value)} THEN CAST({value} AS BIGINT)::VARCHAR"
    if exact:
        return f"CASE {whole} ELSE {shown} END"
    # DuckDB writes an exponent below 1e-4 and from 1e16 on, behind which all 17 digits are whole.
    digits, power = (
        f"replace(ltrim(split_part({shown}, 'e', 1), '-'), '.', '')",
        f"split_part({shown}, 'e', 2)::INTEGER",
    )
    below, beyond = f"'0.' || repeat('0', -{power} - 1) || {digits}", f"rpad({digits}, {power} + 1, '0')"
    written_out = f"CASE WHEN {value} < 0 THEN '-' ELSE '' END || CASE WHEN {power} < 0 THEN {below} ELSE {beyond} END"
    no_point = f"WHEN ends_with({shown}, '.0') THEN left({shown}, length({shown}) - 2)"
    return f"CASE {whole} WHEN contains({shown}, 'e') THEN {written_out} {no_point} ELSE {shown} END"


def rest(value: str) -> str:
    """The text of a DOUBLE that number() does not take; else NULL."""
    return f"CASE WHEN NOT ({is_whole(value)} OR {is_short(value)}) THEN {text(value, '')} END"


def number(value: str, exact: str, kind: str, other: str) -> str:
    """A DOUBLE as a decimal type with at least 15 digits before the point and 4 behind it, or as BIGINT.

    `other` is taken where that is not proved to be its shortest text.
    """
    if exact:
        return f"{value}::{exact}::{kind}"
    return (
        f"CASE WHEN {value} IS NULL THEN NULL WHEN {is_whole(value)} THEN {value}::{WHOLE}::{kind} "
        f"WHEN {is_short(value)} THEN {value}::{SHORT}::{kind} ELSE {other} END"
    )

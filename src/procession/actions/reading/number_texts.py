"""SQL that writes numbers without exponents, and binary fractions by their shortest text."""

from __future__ import annotations

import re

from procession.actions.database import quote

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
EXPONENT_MAX = 400  # beyond every double; 1e999999999 is ten characters here and a gigabyte of digits written out


def written_out(text: str) -> str:
    """SQL text of a number without its exponent and trailing zeros: 1.50e1 is 15.

    Not for one that is_wide().
    """
    # By texts and not by arithmetic: no type holds 400 digits exactly.
    pattern, names = "^(-?)0*([0-9]*)[.]?([0-9]*)[eE]([-+]?[0-9]+)$", "['sign', 'whole', 'rest', 'power']"
    # With blanks, so that no column is likely to have the name: a column comes before the fields of a parameter.
    part = quote("part of the number")
    digits, point = f"({part}.whole || {part}.rest)", f"(length({part}.whole) + {part}.power::INTEGER)"
    shifted = (
        f"CASE WHEN {point} <= 0 THEN '0.' || repeat('0', -{point}) || {digits}"
        f" WHEN {point} >= length({digits}) THEN {digits} || repeat('0', {point} - length({digits})) || '.'"
        f" ELSE left({digits}, {point}) || '.' || substring({digits}, {point} + 1) END"
    )
    plain = rf"{part}.sign || rtrim(rtrim(regexp_replace({shifted}, '^0+([0-9])', '\1'), '0'), '.')"
    return f"list_transform([regexp_extract({text}, '{pattern}', {names})], lambda {part}: {plain})[1]"


def is_wide(text: str) -> str:
    """An SQL condition: the exponent of this SQL text of a number is out of range."""
    power = f"TRY_CAST(regexp_extract({text}, '[eE](.*)$', 1) AS INTEGER)"
    # NULL where the exponent itself is too long for an INTEGER.
    return f"coalesce(abs({power}) > {EXPONENT_MAX}, true)"


def of_binary(value: str) -> str:
    """The shortest decimal text of an SQL DOUBLE or FLOAT: 20000000.01, 1; 1e-07 is still to be written_out()."""
    text = f"({value})::VARCHAR"
    whole = f"WHEN ends_with({text}, '.0') THEN left({text}, length({text}) - 2)"
    return f"CASE WHEN {value} = 0 THEN '0' {whole} ELSE {text} END"


def signed_binary(value: str) -> str:
    """The same written out, but -0 keeps its sign."""
    text = f"({value})::VARCHAR"
    return (
        f"CASE WHEN contains({text}, 'e') THEN {written_out(text)}"
        f" WHEN ends_with({text}, '.0') THEN left({text}, length({text}) - 2) ELSE {text} END"
    )


def of_decimal(value: str, kind: str) -> str:
    """The text of an SQL DECIMAL, with the zero that DuckDB omits: it writes .5 and .00."""
    text, found = f"CAST({value} AS VARCHAR)", _DECIMAL.fullmatch(kind)
    is_bare = found is not None and found[1] == found[2]
    return rf"regexp_replace({text}, '^(-?)[.]', '\10.')" if is_bare else text

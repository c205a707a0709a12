"""SQL functions for money and days that exist in every step of rows, exact to the last digit.

DuckDB's own `/`, avg and round of a DECIMAL make binary numbers of it, or round a half away from zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

# A half goes to the even digit, as in IEC 60559: what is rounded up and what is rounded down are even in the long run.
# All in whole numbers: 10^19 ten-thousandths times 10^10 is less than 2^127.
_HALF_EVEN = """
CREATE MACRO "half even"(n, d) AS
    n // d + CASE WHEN 2 * (n % d) > d OR (2 * (n % d) = d AND (n // d) % 2 = 1) THEN 1 ELSE 0 END
"""
_DIV_MONEY = """
CREATE MACRO div_money(a, b) AS CASE
    WHEN typeof(a) IN ('DOUBLE', 'FLOAT', 'VARCHAR') OR typeof(b) IN ('DOUBLE', 'FLOAT', 'VARCHAR')
        THEN error('div_money takes amounts, and not ' || typeof(a) || ' and ' || typeof(b))
    WHEN a IS NULL OR b IS NULL THEN NULL
    WHEN b = 0 THEN error('div_money divides ' || a::VARCHAR || ' by zero')
    WHEN a::DECIMAL(19,4) <> a THEN error('div_money takes amounts of at most 4 decimals, and not ' || a::VARCHAR)
    WHEN b::DECIMAL(28,10) <> b THEN error('div_money divides by at most 10 decimals, and not by ' || b::VARCHAR)
    ELSE CAST(sign(a)::HUGEINT * sign(b)::HUGEINT * "half even"(
        CAST(abs(a::DECIMAL(19,4)) * 10000 AS HUGEINT) * 10000000000,
        nullif(CAST(abs(b::DECIMAL(28,10))::DECIMAL(38,10) * 10000000000 AS HUGEINT), 0)  -- all branches are computed
    ) AS DECIMAL(38,0)) * 0.0001::DECIMAL(5,4)
END
"""
_MONEY = r"""
CREATE MACRO money(t) AS CASE
    WHEN t IS NULL OR trim(t::VARCHAR) = '' THEN NULL
    WHEN regexp_full_match(trim(t::VARCHAR), '[-+]?[0-9]{1,15}([.][0-9]{0,4}0*)?') THEN trim(t::VARCHAR)::DECIMAL(19,4)
    WHEN regexp_full_match(trim(t::VARCHAR), '[0-9]{1,15}([.][0-9]{1,4}0*)?-')
        THEN -(rtrim(trim(t::VARCHAR), '-')::DECIMAL(19,4))
    WHEN regexp_full_match(trim(t::VARCHAR), '[(][0-9]{1,15}([.][0-9]{0,4}0*)?[)]')
        THEN -(trim(trim(t::VARCHAR), '()')::DECIMAL(19,4))
    ELSE error('money: "' || t::VARCHAR || '" is no amount of at most 4 decimals such as 1234.50, 7.00- or (45.10)')
END
"""
# Mondays to Fridays from a to b, both included, negative where b is before a: as NETWORKDAYS of spreadsheets counts.
_WORKING_DAYS = """
CREATE MACRO "working days up to"(d) AS
    5 * (date_diff('day', DATE '0001-01-01', d::DATE) // 7)
    + least(date_diff('day', DATE '0001-01-01', d::DATE) % 7 + 1, 5)
"""
_BETWEEN = """
CREATE MACRO working_days(a, b) AS CASE
    WHEN a::DATE <= b::DATE THEN "working days up to"(b::DATE) - "working days up to"(a::DATE - 1)
    ELSE -("working days up to"(a::DATE) - "working days up to"(b::DATE - 1))
END
"""
# What all up to a row get, less what all before it get, each rounded to cents: the parts add up, whatever the weights.
# The heaviest first, so that rows of one weight alone could change places, which `first` decides.
_UP_TO = """
CREATE MACRO "share up to"(cents, weights, every) AS (2 * cents * weights + every) // nullif(2 * every, 0)
"""
_WEIGHT = """
CREATE MACRO "weight of a share"(w) AS CASE
    WHEN typeof(w) IN ('DOUBLE', 'FLOAT', 'VARCHAR') THEN error('share_out takes exact weights, and not ' || typeof(w))
    WHEN w IS NULL THEN error('share_out: a weight is empty; write 0 for no share')
    WHEN w < 0 THEN error('share_out: the weight ' || w::VARCHAR || ' is less than 0')
    WHEN w::DECIMAL(28,4) <> w THEN error('share_out takes weights of at most 4 decimals, and not ' || w::VARCHAR)
    ELSE CAST(w::DECIMAL(28,4)::DECIMAL(38,4) * 10000 AS HUGEINT)
END
"""
_CENTS = """
CREATE MACRO "cents of a total"(t) AS CASE
    WHEN typeof(t) IN ('DOUBLE', 'FLOAT', 'VARCHAR') THEN error('share_out takes an amount, and not ' || typeof(t))
    WHEN t::DECIMAL(19,2) <> t THEN error('share_out shares whole cents, and not ' || t::VARCHAR)
    ELSE CAST(t::DECIMAL(19,2)::DECIMAL(38,2) * 100 AS HUGEINT)
END
"""
_EVERY = 'sum("weight of a share"(weight)) OVER (PARTITION BY pool)'
_SO_FAR = (
    'sum("weight of a share"(weight)) OVER (PARTITION BY pool ORDER BY weight DESC, first ROWS UNBOUNDED PRECEDING)'
)
_SHARE_OUT = f"""
CREATE MACRO share_out(total, weight, pool := NULL, first := NULL) AS CASE
    WHEN min(total) OVER (PARTITION BY pool) <> max(total) OVER (PARTITION BY pool)
        OR count(total) OVER (PARTITION BY pool) NOT IN (0, count(*) OVER (PARTITION BY pool))
        THEN error('share_out: rows that share one total have several')
    WHEN total IS NULL THEN NULL
    WHEN {_EVERY} = 0 AND total <> 0 THEN error('share_out: the weights add up to zero, and ' || total::VARCHAR
        || ' is to be shared')
    ELSE CAST(sign(total)::HUGEINT * coalesce(
        "share up to"(abs("cents of a total"(total)), {_SO_FAR}, {_EVERY})
        - "share up to"(abs("cents of a total"(total)), {_SO_FAR} - "weight of a share"(weight), {_EVERY}), 0)
        AS DECIMAL(38,0)) * 0.01::DECIMAL(3,2)
END
"""
_MONTH_END = "CREATE MACRO month_end(d) AS last_day(d::DATE)"
NAMES = ("money", "div_money", "share_out", "month_end", "working_days")
_TEXTS = (_HALF_EVEN, _DIV_MONEY, _MONEY, _UP_TO, _WEIGHT, _CENTS, _SHARE_OUT, _WORKING_DAYS, _BETWEEN, _MONTH_END)


def make(connection: duckdb.DuckDBPyConnection) -> None:
    """Adds money, div_money, share_out, month_end and working_days."""
    # After the files are loaded and before the lock: nothing can be made afterwards that users could not undo.
    for text in _TEXTS:
        connection.execute(text)

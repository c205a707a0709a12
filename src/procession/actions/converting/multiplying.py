"""An amount by a rate, exactly and rounded once, in the whole numbers of SQL."""

from __future__ import annotations

from fractions import Fraction

from procession.actions.converting.rates import PLACES, Rate

# The amount is a whole number of ten-thousandths, the rate its whole part and a fraction below 1. An amount has at most
# 19 digits and a denominator 18, so that no product leaves the 127 bits.
_PARTS_MAX = 10**PLACES
_TIMES = """
CREATE MACRO "times rate"(a, whole, part, parts, unit, is_even) AS sign(a)::HUGEINT * "rounded"(
    abs(a)::HUGEINT * whole + (abs(a)::HUGEINT * part) // parts,
    (abs(a)::HUGEINT * part) % parts, parts, unit::HUGEINT, is_even)
"""
_ROUNDED = """
CREATE MACRO "rounded"(n, rest, parts, unit, is_even) AS n // unit + CASE
    WHEN 2 * ((n % unit) * parts + rest) > unit * parts THEN 1
    WHEN 2 * ((n % unit) * parts + rest) < unit * parts THEN 0
    WHEN is_even THEN (n // unit) % 2 ELSE 1 END
"""
MACROS = (_ROUNDED, _TIMES)  # in this order: the one calls the other


def split(rate: Rate) -> tuple[int, int, int]:
    """The whole part of a rate, and the rest as a fraction of whole numbers."""
    # Only of rates that have more digits than any that is published, such as a cross of two averages.
    exact = rate.exact if rate.exact.denominator <= _PARTS_MAX else Fraction(rate.shown)
    whole, part = divmod(exact.numerator, exact.denominator)
    return whole, part, exact.denominator

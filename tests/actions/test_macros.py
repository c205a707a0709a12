"""money, div_money, month_end and working_days, each beside Python's own arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.rows import macros
from tests.support import examples

EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
AMOUNTS = st.integers(-(10**19) + 1, 10**19 - 1).map(lambda n: Decimal(n) / 10_000)
DIVISORS = st.integers(1, 10**20).flatmap(
    lambda n: st.sampled_from([Decimal(n).scaleb(-10), -Decimal(n).scaleb(-10), Decimal(n % 97 + 1)])
)
DAYS = st.dates(date(1980, 1, 1), date(2080, 1, 1))


@pytest.fixture(scope="module")
def made() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        macros.make(connection)
        yield connection


def asked(made: duckdb.DuckDBPyConnection, expression: str, *values: object) -> object:
    row = made.execute(f"SELECT {expression}", list(values)).fetchone()
    assert row is not None
    return row[0]


@examples(100)
@given(amount=AMOUNTS, by=DIVISORS)
def test_an_amount_is_divided_to_the_nearest_and_a_half_to_the_even(made, amount, by):
    wanted = EXACT.quantize(EXACT.divide(amount, by), Decimal("0.0001"))
    if abs(wanted) < Decimal(10) ** 33:
        assert asked(made, "div_money($1::DECIMAL(19,4), $2::DECIMAL(28,10))", str(amount), str(by)) == wanted


@pytest.mark.parametrize(
    ("amount", "by", "wanted"),
    [("0.0001", "2", "0"), ("0.0003", "2", "0.0002"), ("-0.0003", "2", "-0.0002"), ("10", "4", "2.5"), ("1", "3", "0.3333")],
)  # fmt: skip
def test_a_half_goes_to_the_even_digit(made, amount, by, wanted):
    assert asked(made, "div_money($1::DECIMAL(19,4), $2::DECIMAL(19,4))", amount, by) == Decimal(wanted)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("div_money(1.5::DOUBLE, 2)", "takes amounts, and not DOUBLE"),
        ("div_money(1, 0)", "divides 1 by zero"),
        ("div_money(1.23456, 2)", "at most 4 decimals"),
        ("money('1,5')", '"1,5" is no amount'),
        ("money('1.23456')", "is no amount"),
        ("money('EUR 10')", "is no amount"),
        ("money('1e3')", "is no amount"),
    ],
)
def test_what_would_be_rounded_or_guessed_is_refused(made, expression, said):
    with pytest.raises(duckdb.Error, match=said):
        asked(made, expression)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1234.50", "1234.50"), ("7.00-", "-7"), ("(45.10)", "-45.10"), ("1.23450000", "1.2345"), (" 5 ", "5"), ("", None)],
)  # fmt: skip
def test_an_amount_is_read_as_it_is_written(made, text, wanted):
    assert asked(made, "money($1)", text) == (None if wanted is None else Decimal(wanted))


@examples(100)
@given(first=DAYS, days=st.integers(-60, 60))
def test_working_days_are_mondays_to_fridays(made, first, days):
    last = first + timedelta(days)
    low, high = min(first, last), max(first, last)
    counted = sum((low + timedelta(n)).weekday() < 5 for n in range((high - low).days + 1))
    assert asked(made, "working_days($1, $2)", first, last) == (counted if days >= 0 else -counted)


def test_a_month_ends_with_its_last_day(made):
    assert asked(made, "month_end(DATE '2024-02-03')") == date(2024, 2, 29)

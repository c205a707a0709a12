"""money, div_money, share_out, month_end and working_days, each beside Python's own arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.kinds import run_sql, transform
from procession.actions.rows import macros
from tests.actions.context import play
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


@examples(30)
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


@examples(30)
@given(first=DAYS, days=st.integers(-60, 60))
def test_working_days_are_mondays_to_fridays(made, first, days):
    last = first + timedelta(days)
    low, high = min(first, last), max(first, last)
    counted = sum((low + timedelta(n)).weekday() < 5 for n in range((high - low).days + 1))
    assert asked(made, "working_days($1, $2)", first, last) == (counted if days >= 0 else -counted)


def test_a_month_ends_with_its_last_day(made):
    assert asked(made, "month_end(DATE '2024-02-03')") == date(2024, 2, 29)


WEIGHTS = st.lists(st.integers(0, 10**9).map(lambda n: Decimal(n) / 10_000), min_size=1, max_size=30)


@examples(30)
@given(cents=st.integers(-(10**12), 10**12), weights=WEIGHTS)
def test_shares_add_up_and_each_is_within_a_cent_of_its_own(made, cents, weights):
    if not any(weights):
        weights = [*weights, Decimal(1)]
    total, every = Decimal(cents) / 100, sum(weights)
    listed = ", ".join(f"({n}, {weight:f}::DECIMAL(19,4))" for n, weight in enumerate(weights))

    parts = made.execute(
        f"SELECT w, share_out({total:f}::DECIMAL(19,4), w, first := n) FROM (VALUES {listed}) t(n, w) ORDER BY n"
    ).fetchall()

    assert sum(part for _, part in parts) == total
    for weight, part in parts:
        share = EXACT.divide(total * weight, every)
        assert abs(part - share) < Decimal("0.01")
        assert (part == 0) if weight == 0 else (part * total >= 0)
    # By the same rule in Python: what all up to a row get, less what all before it get.
    order = sorted(range(len(weights)), key=lambda n: (-weights[n], n))
    reached, so_far = 0, Decimal(0)
    for n in order:
        so_far += weights[n]
        up_to = int(2 * abs(cents) * so_far * 10_000 + every * 10_000) // int(2 * every * 10_000)
        assert abs(parts[n][1]) * 100 == up_to - reached
        reached = up_to


def test_a_pool_is_shared_among_its_own_rows(made):
    rows = "(VALUES ('a', 10.00, 1), ('a', 10.00, 2), ('b', -0.01, 5), ('b', -0.01, 5)) t(p, total, w)"

    parts = made.execute(f"SELECT p, share_out(total, w, pool := p) FROM {rows} ORDER BY ALL").fetchall()

    assert parts == [("a", Decimal("3.33")), ("a", Decimal("6.67")), ("b", Decimal("-0.01")), ("b", Decimal("0.00"))]


@pytest.mark.parametrize("count", [200_000])
def test_many_rows_of_one_weight_are_shared_alike_by_any_number_of_threads(made, count):
    query = (
        "SELECT sum(s), md5(string_agg(s::VARCHAR, ' ' ORDER BY n)) FROM (SELECT range AS n, "
        f"share_out(1000.01, 1 + range % 3, first := range) AS s FROM range({count}))"
    )

    found = {made.execute(f"SET threads = {threads}").execute(query).fetchone() for threads in (1, 2, 4)}

    assert {total for total, _ in found} == {Decimal("1000.01")}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("total", "weights", "said"),
    [
        ("1.001", "(1)", "shares whole cents, and not 1.001"),
        ("1.5::DOUBLE", "(1)", "takes an amount, and not DOUBLE"),
        ("1", "(1), (NULL)", "a weight is empty"),
        ("1", "(1), (-1)", "the weight -1 is less than 0"),
        ("1", "(0), (0)", "the weights add up to zero, and 1 is to be shared"),
        ("1", "(0.00001)", "at most 4 decimals"),
        ("1", "(1::DOUBLE)", "exact weights, and not DOUBLE"),
        ("w", "(1), (2)", "rows that share one total have several"),
        ("nullif(w, 2)", "(1), (2)", "rows that share one total have several"),
    ],
)
def test_what_cannot_be_shared_exactly_is_refused(made, total, weights, said):
    with pytest.raises(duckdb.Error, match=said):
        made.execute(f"SELECT share_out({total}, w) FROM (VALUES {weights}) t(w)").fetchall()


def test_nothing_is_shared_as_nothing(made):
    assert made.execute(
        "SELECT share_out(0, w), share_out(NULL::DECIMAL(19,4), w) FROM (VALUES (0)) t(w)"
    ).fetchall() == [(Decimal("0.00"), None)]


@pytest.mark.parametrize("kind", ["run_sql", "transform"])
def test_over_behind_share_out_is_told_in_our_words(tmp_path, kind):
    """The catalogue calls it a window, and DuckDB said "Window function macro bodies must contain exactly one"."""
    part = "share_out(CAST(10 AS DECIMAL(19,4)), w) OVER (PARTITION BY k)"
    settings: dict[str, dict[str, Any]] = {
        "run_sql": {"inputs": {"t": "${f.t}"}, "sql": f"SELECT {part} FROM t", "outputs": {"result": "${o.r}"}},
        "transform": {"source": "${f.t}", "steps": [{"derive": {"x": part}}], "output": "${o.r}"},
    }

    played = play(
        {"run_sql": run_sql.ACTION, "transform": transform.ACTION}[kind],
        tmp_path,
        settings[kind],
        {"f.t": ("t.csv", b"k,w\na,1\nb,2\n")},
    )

    assert "share_out takes pool := column in place of OVER" in played.outcome.message

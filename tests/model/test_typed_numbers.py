"""Numbers as people type them."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from procession.model import typed_numbers
from procession.model.typed_numbers import Ambiguous


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1234.567", "1234.567"),
        ("1234,567", "1234.567"),
        ("0,125", "0.125"),
        ("1 234 567", "1234567"),
        ("1\u202f234,50", "1234.50"),
        ("1'234'567.89", "1234567.89"),
        ("1.234.567", "1234567"),
        ("-1,234,567.1", "-1234567.1"),
        ("\u22125", "-5"),
        ("+ 5", "5"),
        (".5", ".5"),
        ("5.", "5"),
    ],
)
def test_what_can_mean_one_number_is_that_number(typed: str, plain: str) -> None:
    assert typed_numbers.plain(typed) == plain


@pytest.mark.parametrize(
    "typed", ["", "-", ".", "abc", "1,23,4", "1.2.3", "12,34.5", "1,2345.6", "1 23", "5 EUR", "(5)", "5-", "1e5", "--5", "1,234.567.8", "\u0663"]
)  # fmt: skip
def test_what_is_no_number_is_none(typed: str) -> None:
    with pytest.raises(ValueError) as caught:
        typed_numbers.plain(typed)
    assert not isinstance(caught.value, Ambiguous)


@pytest.mark.parametrize(
    ("typed", "grouped", "fraction"), [("1,234", "1234", "1.234"), ("-12.000", "-12000", "-12.000")]
)
def test_what_can_mean_two_is_asked_back(typed: str, grouped: str, fraction: str) -> None:
    with pytest.raises(Ambiguous) as caught:
        typed_numbers.plain(typed)
    assert (caught.value.grouped, caught.value.fraction) == (grouped, fraction)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_what_a_field_shows_is_read_back_as_it_was(value: Decimal) -> None:
    shown = typed_numbers.shown(value)
    assume(not re.fullmatch(r"-?[1-9][0-9]{0,2}\.[0-9]{3}", shown))

    assert Decimal(typed_numbers.plain(shown)) == value


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_a_whole_number_is_shown_so_that_it_is_never_asked_back(value: int) -> None:
    assert int(typed_numbers.plain(typed_numbers.shown(value))) == value


@given(st.text(alphabet="0123456789.,' -", max_size=14))
def test_no_text_is_read_as_a_number_that_decimal_does_not_take(typed: str) -> None:
    try:
        plain = typed_numbers.plain(typed)
    except ValueError:
        return
    # Not a digit is lost or added on the way.
    assert re.sub(r"\D", "", plain) == re.sub(r"\D", "", typed)
    assert Decimal(plain).is_finite()

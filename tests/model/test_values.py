"""What a value means for each type of property."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.model import values
from procession.model.errors import Invalid
from procession.model.processes import Flow, Property, PropertyType


def item(kind: str, **more: Any) -> Property:
    return Property(key="x", name="X", type=PropertyType(kind), **more)


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("Datepicker", "2026-11-30", "2026-11-30"),
        ("Datepicker", "30-Nov-2026", "2026-11-30"),
        ("Datepicker", "30/11/2026", "2026-11-30"),
        ("Datepicker", "2026-11-30T00:00:00.0000000", "2026-11-30"),
        ("Datepicker", "", None),
        ("CheckBox", True, True),
        ("CheckBox", "False", False),
        ("Number", 5, 5),
        ("Number", "5.0", 5),
        ("Number", "1e3", 1000),
        ("Number", 0.1, Decimal("0.1")),
        ("Number", " -7 ", -7),
        ("Number", "-0", 0),
        ("Decimal", "1.20", Decimal("1.20")),
        ("Decimal", 1e21, Decimal(10**21)),
        ("String", "010", "010"),
        ("String", 10, "10"),
        ("String", "", ""),
        ("Text", None, None),
    ],
)
def test_accepted(kind: str, raw: object, expected: object) -> None:
    value = values.normalise(item(kind), raw)

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("kind", "raw", "message"),
    [
        ("Datepicker", "11/30/2026", "must be a date such as 2026-11-30"),
        ("Datepicker", "2026-02-30", "must be a date"),
        ("Datepicker", "2026-11-30T10:00:00", "must be a date"),
        ("Datepicker", 20261130, "must be a date"),
        ("CheckBox", 1, "must be true or false, not 1"),
        ("CheckBox", "yes", 'must be true or false, not "yes"'),
        ("Number", True, "must be a number, not true"),
        ("Number", "NaN", "must be a number"),
        ("Number", float("inf"), "must be a finite number"),
        ("Number", float("nan"), "must be a finite number"),
        ("Number", Decimal("sNaN"), "must be a finite number"),
        ("Number", "1e999", "must have at most 38 digits"),
        ("Number", 10**4000, "must have at most 38 digits"),
        ("Number", "1,000", "must be a number"),
        ("Number", "٣", "must be a number"),
        ("Number", [], "must be a number, not a list"),
        ("String", 1.1, "must be text, not 1.1"),
        ("String", "a\0b", "must not contain the character NUL"),
        ("String", "\ud800", "must be valid Unicode"),
        ("String", "x" * 100_001, "must have at most 100,000 characters, not 100,001"),
        ("String", {}, "must be text, not an object"),
        ("File", "a.csv", "is a file: upload its content"),
    ],
)
def test_refused(kind: str, raw: object, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        values.normalise(item(kind), raw)

    assert caught.value.message.startswith(f'property "X" {message}')


def test_a_decimal_gets_its_decimal_points_but_is_never_rounded() -> None:
    amount = item("Decimal", decimal_points=2)

    assert str(values.normalise(amount, "1")) == "1.00"
    assert str(values.normalise(amount, "0.0100")) == "0.01"
    assert str(values.normalise(amount, 0.1)) == "0.10"
    with pytest.raises(Invalid, match="at most 2 decimal places"):
        values.normalise(amount, "0.015")
    with pytest.raises(Invalid, match="at most 38 digits"):
        values.normalise(amount, "9" * 37)


def test_a_dropdown_takes_its_options_only() -> None:
    choice = item("Dropdown", options=("a", "b"))

    assert values.normalise(choice, "a") == "a"
    assert values.normalise(choice, "") is None
    with pytest.raises(Invalid, match='must be one of "a", "b", not "c"'):
        values.normalise(choice, "c")


def test_only_a_required_input_can_be_missing() -> None:
    wanted = item("String", flow=Flow.INPUT, required=True)

    assert values.is_missing(wanted, None)
    assert values.is_missing(wanted, "")
    assert not values.is_missing(wanted, "x")
    assert not values.is_missing(item("Number", flow=Flow.INPUT, required=True), 0)
    assert not values.is_missing(item("CheckBox", flow=Flow.INPUT, required=True), False)
    assert not values.is_missing(item("String", flow=Flow.OUTPUT, required=True), None)


_RAW = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.dates().map(str)
    | st.decimals(allow_nan=False, allow_infinity=False).map(str)
)


@given(st.sampled_from(PropertyType), st.none() | st.integers(0, 12), _RAW)
def test_a_value_is_refused_in_words_or_comes_back_from_its_text(
    kind: PropertyType, points: int | None, raw: object
) -> None:
    one = item(kind, decimal_points=points, options=("a",))
    try:
        value = values.normalise(one, raw)
    except Invalid as error:
        assert error.message.startswith('property "X" ')
        return

    back = values.from_text(kind, values.to_text(value))

    assert (back, type(back), str(back)) == (value, type(value), str(value))
    assert values.normalise(one, value if kind is not PropertyType.FILE else None) == value


@given(st.decimals(-(10**20), 10**20, places=2))
def test_an_amount_is_never_changed(amount: Decimal) -> None:
    assert values.normalise(item("Decimal", decimal_points=2), str(amount)) == amount

"""What clients send, in all their spellings, and what is refused with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.api.wire import properties as properties_wire
from procession.api.wire import reading
from procession.door.bodies import parse_form, parse_json
from procession.model.errors import Invalid
from procession.model.processes import Flow, Property, PropertyType
from tests.api.golden import example


def item(kind: PropertyType, **more: Any) -> Property:
    return Property(key="k", name="K", type=kind, options=("a", "b"), **more)


def test_a_scope_of_the_wrong_type_is_not_every_scope() -> None:
    fields = parse_form(b'{"scope": {}, "client_id": null, "more": [1]}', "application/json")

    assert fields == {"scope": "{}", "more": "[1]"}


def test_the_documented_update_changes_what_it_names() -> None:
    body = {key.lower(): value for key, value in example("Update data step property")["request"].items()}

    after = properties_wire.changed(item(PropertyType.NUMBER), body)

    assert (after.name, after.flow, after.value) == ("Start date changed", Flow.INPUT, 10)
    assert after.mouseover == "1.3 Start date changed"


def test_an_empty_change_changes_nothing() -> None:
    before = item(PropertyType.DECIMAL, value=Decimal("1.20"))

    assert properties_wire.changed(before, {}) == before


@pytest.mark.parametrize(
    ("kind", "given_value", "value"),
    [
        (PropertyType.NUMBER, "12", 12),
        (PropertyType.NUMBER, Decimal("12.0"), 12),
        (PropertyType.DECIMAL, 3, Decimal(3)),
        (PropertyType.DECIMAL, Decimal("0.10"), Decimal("0.10")),
        (PropertyType.CHECK_BOX, "TRUE", True),
        (PropertyType.DROPDOWN, "b", "b"),
        (PropertyType.DATEPICKER, "05-Feb-2025", "2025-02-05"),
        (PropertyType.DATEPICKER, "05/02/2025", "2025-02-05"),
        (PropertyType.DATEPICKER, "2025-02-05T00:00:00", "2025-02-05"),
        (PropertyType.NUMBER, Decimal("1.5"), Decimal("1.5")),
        (PropertyType.STRING, 5, "5"),
        (PropertyType.STRING, "", ""),
        (PropertyType.NUMBER, "", None),
        (PropertyType.STRING, None, None),
    ],
)
def test_a_value_takes_the_type_of_its_property(kind: PropertyType, given_value: Any, value: Any) -> None:
    got = properties_wire.value(item(kind), given_value)

    assert (type(got), got) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "given_value"),
    [
        (PropertyType.NUMBER, True),
        (PropertyType.NUMBER, "NaN"),
        (PropertyType.NUMBER, 10**40),
        (PropertyType.DECIMAL, [1]),
        (PropertyType.CHECK_BOX, 1),
        (PropertyType.DROPDOWN, "c"),
        (PropertyType.DATEPICKER, "31/02/2025"),
        (PropertyType.DATEPICKER, "2025-02-05T10:00:00"),
        (PropertyType.STRING, "a\0b"),
        (PropertyType.TEXT, {"a": 1}),
    ],
)
def test_a_value_of_another_type_is_refused(kind: PropertyType, given_value: Any) -> None:
    with pytest.raises(Invalid):
        properties_wire.value(item(kind), given_value)


def test_too_many_decimal_places_are_refused_not_rounded() -> None:
    with pytest.raises(Invalid, match="at most 2 decimal places"):
        properties_wire.value(item(PropertyType.DECIMAL, decimal_points=2), Decimal("0.015"))


@pytest.mark.parametrize(
    "text", ["2025-02-05", "2025-02-05T00:00:00", "2025-02-05T00:00:00Z", "2025-02-05T10:00:00 10:00"]
)
def test_a_filter_date_is_utc_unless_it_says_otherwise(text: str) -> None:
    assert reading.moment(text, field="createdAfter") == datetime(2025, 2, 5, tzinfo=UTC)


@given(st.sampled_from(PropertyType), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_any_json_value_is_taken_or_refused(kind: PropertyType, given_value: Any) -> None:
    try:
        properties_wire.changed(item(kind), {"value": given_value})
    except Invalid as error:
        assert len(error.message) < 500


@given(st.binary())
def test_any_body_is_an_object_or_refused(raw: bytes) -> None:
    try:
        assert isinstance(parse_json(raw), dict)
    except Invalid as error:
        assert error.message


def test_a_token_request_may_be_a_form_or_json() -> None:
    form = parse_form(b"grant_type=client_credentials&Scope=a+b", "application/x-www-form-urlencoded")

    assert form == {"grant_type": "client_credentials", "scope": "a b"}
    assert parse_form(b'{"grant_type": "client_credentials", "scope": "a b"}', "text/plain") == form

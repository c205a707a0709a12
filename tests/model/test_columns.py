"""Values of managed tables: exact, in one form, or refused with what is wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from procession.model import columns
from procession.model.columns import Column, ColumnType
from procession.model.errors import Invalid, NotFound


def column(kind: ColumnType, name: str = "Value", length: int | None = None) -> Column:
    return Column(field=2, name=name, type=kind, length=length)


@pytest.mark.parametrize(
    ("kind", "given", "text"),
    [
        (ColumnType.NUMBER, 7, "7"),
        (ColumnType.NUMBER, Decimal("1.50"), "1.5"),
        (ColumnType.NUMBER, Decimal("1E+3"), "1000"),
        (ColumnType.NUMBER, " +007.0 ", "7"),
        (ColumnType.NUMBER, ".5", "0.5"),
        (ColumnType.NUMBER, "9" * 28 + ".0123456789", "9" * 28 + ".0123456789"),
        (ColumnType.MONEY, Decimal("-0.0001"), "-0.0001"),
        (ColumnType.TRUE_FALSE, " TRUE ", "true"),
        (ColumnType.TRUE_FALSE, False, "false"),
        (ColumnType.DATETIME, "2025-02-05", "2025-02-05 00:00:00"),
        (ColumnType.DATETIME, "2025-02-05T22:40:19.1234560Z", "2025-02-05 22:40:19.123456"),
        (ColumnType.DATETIME, "2025-02-05 22:40+13:00", "2025-02-05 09:40:00"),
        (ColumnType.DATETIME, "2024-02-29T00:00", "2024-02-29 00:00:00"),
        (ColumnType.TEXT, " kept ", " kept "),
        (ColumnType.TEXT, "", ""),
        (ColumnType.MONEY, None, None),
    ],
)
def test_a_value_has_one_text(kind: ColumnType, given: object, text: str | None) -> None:
    assert columns.canonical(column(kind, length=20), given) == text


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        (ColumnType.NUMBER, True, "is not a number"),
        (ColumnType.NUMBER, 1.5, "is not a number"),
        (ColumnType.NUMBER, "1,000", "is not a number"),
        (ColumnType.NUMBER, "1e3", "is not a number"),
        (ColumnType.NUMBER, "NaN", "is not a number"),
        (ColumnType.NUMBER, "\u0661", "is not a number"),
        (ColumnType.NUMBER, Decimal("Infinity"), "out of range: a Number has at most 28 digits"),
        (ColumnType.NUMBER, 10**28, "out of range: a Number has at most 28 digits"),
        (ColumnType.MONEY, 10**15, "out of range: a Money has at most 15 digits"),
        (ColumnType.MONEY, "0.00001", "too fine: a Money has at most 4 decimal places"),
        (ColumnType.NUMBER, Decimal("1E-11"), "too fine: a Number has at most 10 decimal places"),
        (ColumnType.TRUE_FALSE, 1, "neither true nor false"),
        (ColumnType.TRUE_FALSE, "yes", "neither true nor false"),
        (ColumnType.DATETIME, "20250205", "is not a date such as"),
        (ColumnType.DATETIME, "2025-02-30", "is not a date such as"),
        (ColumnType.DATETIME, "05/02/2025", "is not a date such as"),
        (ColumnType.DATETIME, "2025-02-05T24:00", "is not a date such as"),
        (ColumnType.DATETIME, "0001-01-01T00:00+14:00", "is not a date such as"),
        (ColumnType.DATETIME, "2025-02-05T22:40:19.1234567Z", "finer than a microsecond"),
        (ColumnType.DATETIME, 20250205, "is not a date such as"),
        (ColumnType.TEXT, 7, "is not a text"),
        (ColumnType.TEXT, "a\0b", "holds a NUL character"),
        (ColumnType.TEXT, "\ud83d", "half of a character"),
        (ColumnType.TEXT, "x" * 21, "has 21 characters, more than 20"),
    ],
)
def test_nothing_is_rounded_guessed_or_cut(kind: ColumnType, given: object, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        columns.canonical(column(kind, length=20), given)


def test_a_refused_value_is_shown_short() -> None:
    assert columns.shown("x" * 500) == '"' + "x" * 76 + "..."
    assert columns.shown(7) == "7"


@pytest.mark.parametrize(
    ("given", "kind"),
    [("number", ColumnType.NUMBER), (" DECIMAL ", ColumnType.NUMBER), ("fixedLengthText", ColumnType.TEXT)],
)
def test_a_type_is_named_in_any_case(given: str, kind: ColumnType) -> None:
    assert columns.type_of(given) is kind


@pytest.mark.parametrize("given", ["", "text", None, 7, ["Number"]])
def test_an_unknown_type_is_answered_with_those_there_are(given: object) -> None:
    with pytest.raises(Invalid, match="can only be Number, FixedLengthText, TrueFalse, Datetime, Money"):
        columns.type_of(given)


def test_a_path_names_a_column_exactly_or_nearly() -> None:
    known = [column(ColumnType.NUMBER, name) for name in ("Net Amount", "net amount", "Gross Amount")]

    assert columns.find(known, "net amount").name == "net amount"
    assert columns.find(known, "GROSS_amount").name == "Gross Amount"
    with pytest.raises(Invalid, match='can mean "Net Amount" and "net amount"; write the spaces as %20'):
        columns.find(known, "net_amount")
    with pytest.raises(NotFound, match='has no column "Tax"'):
        columns.find(known, "Tax")

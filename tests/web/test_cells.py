"""Cells of tables: exact, aligned, in the reader's language of numbers, and never mistaken for one another."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.model import columns
from procession.model.columns import RECORD_COLUMN, Column, ColumnType
from procession.model.errors import Invalid
from procession.pages.formats import Reader
from procession.web import cells
from procession.web.listing import PageOfList, page_of

NOW = datetime(2026, 12, 3, 9, 0, tzinfo=UTC)
POINT = Reader(zone=ZoneInfo("UTC"), now=NOW)
COMMA = Reader(zone=ZoneInfo("UTC"), now=NOW, separator=".", mark=",")
SPACE = Reader(zone=ZoneInfo("UTC"), now=NOW, separator="\u00a0", mark=",")
READERS = st.sampled_from([POINT, COMMA, SPACE])


def column(kind: ColumnType, name: str = "x") -> Column:
    return Column(field=2, name=name, type=kind, length=255 if kind is ColumnType.TEXT else None)


def texts(kind: ColumnType, *values: str | None, look: Reader = POINT) -> list[str]:
    shown = cells.rows([column(kind)], [[value] for value in values], look)
    return [row[0].text for row in shown]


@pytest.mark.parametrize(
    ("kind", "values", "shown"),
    [
        (ColumnType.NUMBER, ["1.6120", "0", "-0.02145"], ["1.61200", "0.00000", "-0.02145"]),
        (ColumnType.NUMBER, ["7", "2026"], ["7", "2026"]),
        (ColumnType.NUMBER, ["7.5", "2026"], ["7.5", "2,026.0"]),
        (ColumnType.MONEY, ["3", "-88410"], ["3.00", "-88,410.00"]),
        (ColumnType.MONEY, ["0.1234", "5"], ["0.1234", "5.0000"]),
        (ColumnType.DATETIME, ["2026-11-30T00:00:00.000"], ["30 Nov 2026"]),
        (ColumnType.DATETIME, ["2026-11-30T09:05:00.000"], ["30 Nov 2026 09:05:00"]),
        (ColumnType.DATETIME, ["2026-11-30T09:05:00.000001"], ["30 Nov 2026 09:05:00.000001"]),
        (ColumnType.TRUE_FALSE, ["true", "false"], ["Yes", "No"]),
        (ColumnType.TEXT, ["1234567", "007", ""], ["1234567", "007", '""']),
        (ColumnType.TEXT, ["  ", " x "], ['"  "', " x "]),
    ],
)
def test_a_value_is_shown_as_it_is(kind: ColumnType, values: list[str], shown: list[str]) -> None:
    assert texts(kind, *values) == shown


@pytest.mark.parametrize("kind", [*ColumnType])
def test_no_value_is_told_from_every_value(kind: ColumnType) -> None:
    ((empty,),) = cells.rows([column(kind)], [[None]], POINT)

    assert (empty.text, empty.is_empty) == ("", True)


@pytest.mark.parametrize(("kind", "value"), [(ColumnType.NUMBER, "0"), (ColumnType.TEXT, ""), (ColumnType.TEXT, " ")])
def test_nothing_much_is_a_value_all_the_same(kind: ColumnType, value: str) -> None:
    shown = cells.cell(column(kind), value, POINT)

    assert shown.text
    assert not shown.is_empty


def test_zero_is_quiet_and_a_negative_amount_is_not_red() -> None:
    (zero,), (negative,) = cells.rows([column(ColumnType.MONEY)], [["0"], ["-1"]], POINT)

    assert (zero.kind, negative.kind) == ("num nil", "num")


def test_an_id_has_no_separators() -> None:
    assert cells.cell(RECORD_COLUMN, "1234567", COMMA).text == "1234567"


def test_what_is_cut_says_how_much() -> None:
    shown = cells.cell(column(ColumnType.TEXT), "x" * 1_000, POINT)

    assert (len(shown.text), shown.cut) == (cells.TEXT_CHARACTERS_MAX, 800)


@given(
    number=st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14),
    look=READERS,
)
def test_what_is_shown_is_read_back_as_the_same_number(number: object, look: Reader) -> None:
    stored = columns.canonical(column(ColumnType.MONEY), str(number))
    assert stored is not None

    shown = cells.cell(column(ColumnType.MONEY), stored, look).text

    assert columns.canonical(column(ColumnType.MONEY), cells.number(shown, look)) == stored


@given(text=st.text(max_size=12), look=READERS)
def test_what_is_no_number_is_asked_back_and_nothing_else_happens(text: str, look: Reader) -> None:
    try:
        found = cells.number(text, look)
    except Invalid as error:
        assert "as you write them" in error.message
    else:
        assert columns.canonical(column(ColumnType.NUMBER), found) is not None


@pytest.mark.parametrize(
    ("kind", "given_text", "stored"),
    [
        (ColumnType.TRUE_FALSE, " YES ", "true"),
        (ColumnType.TRUE_FALSE, "no", "false"),
        (ColumnType.DATETIME, " 2026-11-30 ", "2026-11-30"),
        (ColumnType.TEXT, " x ", " x "),
        (ColumnType.NUMBER, "1,000", "1000"),
    ],
)
def test_what_is_typed_to_find_something(kind: ColumnType, given_text: str, stored: str) -> None:
    assert cells.typed(column(kind), given_text, POINT) == stored


@pytest.mark.parametrize(
    ("kind", "words"),
    [(ColumnType.TEXT, "text of 255"), (ColumnType.MONEY, "money"), (ColumnType.TRUE_FALSE, "yes or no")],
)
def test_a_column_is_described_in_words(kind: ColumnType, words: str) -> None:
    assert cells.described(column(kind)) == words


def _page(query: dict[str, str], count: int = 60) -> PageOfList[int]:
    return page_of(list(range(count)), query)


def test_a_list_is_paged_and_keeps_its_filter() -> None:
    second = _page({"q": "a b", "page": "2", "said": "x"})

    assert (second.first, second.last, second.total) == (26, 50, 60)
    assert (second.back, second.following) == ("?q=a+b&page=1", "?q=a+b&page=3")
    assert (_page({}).back, _page({"page": "3"}).following) == ("", "")


@pytest.mark.parametrize("number", ["", "0", "-1", "x", "1e3", "99999999999", "٣", "4"])
def test_a_page_that_is_none_shows_one_that_is(number: str) -> None:
    assert _page({"page": number}).items
    assert _page({"page": number}, count=0).items == []

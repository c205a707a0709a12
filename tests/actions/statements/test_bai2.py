"""BAI2: totals of three levels, lines that go on, and signs that the type says."""

from __future__ import annotations

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions.statements import bank
from tests.actions.statements.bank import Month
from tests.actions.statements.statements import parse


def account(
    *rows: str, total: int, currency: str = "USD", group: str = "1", modifier: str = "2", lines: int = 0
) -> bytes:
    """A file of one account of these rows; `lines` are those that its trailer says beyond the true ones."""
    count = len(rows) + 1 + lines
    return "\n".join([
        "01,BANK,US,260201,0600,1,80,,2/", f"02,US,BANK,{group},260131,1400,{currency},{modifier}/", *rows,
        f"49,{total},{count}/", f"98,{total},1,{count + 2}/", f"99,{total},1,{count + 4}/", "",
    ]).encode()  # fmt: skip


@pytest.mark.parametrize(
    ("code", "amount"), [("399", "1"), ("475", "-1"), ("720", "1"), ("760", "-1"), ("920", "1"), ("975", "-1")]
)
def test_the_type_says_whether_money_came_in(tmp_path, code, amount):
    parsed = parse(tmp_path, account("03,A,,/", f"16,{code},100,Z,BANK,REF,text/", total=100))

    assert parsed.column("amount") == [amount]


def test_what_is_no_money_is_no_row(tmp_path):
    parsed = parse(tmp_path, account("03,A,,/", "16,890,,,,,see below/", "16,399,100,,,,x/", total=100))

    assert (parsed.column("text"), parsed.column("code")) == (["x"], ["399"])


@pytest.mark.parametrize("code", ["000", "850", "010", "abc", "12"])
def test_a_type_that_says_nothing_of_money_is_refused(tmp_path, code):
    parsed = parse(tmp_path, account("03,A,,/", f"16,{code},100,,,,x/", total=100))

    assert (parsed.status, "neither a credit nor a debit" in parsed.message) == (StepStatus.FAILED, True)


@pytest.mark.parametrize(
    ("currency", "amount"), [("USD", "123.45"), ("JPY", "12345"), ("BHD", "12.345"), ("CLF", "1.2345")]
)
def test_an_amount_has_the_decimals_of_its_currency(tmp_path, currency, amount):
    parsed = parse(tmp_path, account("03,A,,/", "16,399,12345,,,,x/", total=12345, currency=currency))

    assert (parsed.column("amount"), parsed.column("currency")) == ([amount], [currency])


@pytest.mark.parametrize(
    ("funds", "value"),
    [("0", ""), ("Z", ""), ("S,100,0,0", ""), ("V,260203,1200", "2026-02-03"), ("D,2,0,60,1,40", "")],
)
def test_funds_of_every_kind_leave_the_references_in_their_place(tmp_path, funds, value):
    parsed = parse(
        tmp_path, account("03,A,,/", f"16,399,100,{funds},BANK,REF,text, with/slashes, and commas/", total=100)
    )

    row = parsed.rows[0]
    assert (row["value_on"], row["reference"]) == (value, "REF")
    assert row["text"] == "text, with/slashes, and commas"


def test_records_go_on_wherever_a_line_ends(tmp_path):
    file = account(
        "03,A,USD,010,100,,,015/", "88,350,,,400", "88,50,1,Z,,/", "16,399,300/", "88,V,260203,,BANK/", "88,REF,text goes",
        "88,/on/", "16,699,50,,,,x", total=100 + 350 + 50 + 300 + 50,
    )  # fmt: skip

    parsed = parse(tmp_path, file, also=["bank_reference"])

    assert parsed.status is StepStatus.SUCCESS, parsed.message
    row = parsed.rows[0]
    assert (row["amount"], row["value_on"], row["bank_reference"]) == ("3", "2026-02-03", "BANK")
    assert (row["reference"], row["text"]) == ("REF", "text goes /on")
    assert [(one["kind"], one["amount"]) for one in parsed.balances] == [("opening", "1"), ("closing", "3.5")]


@pytest.mark.parametrize(
    ("spoilt", "by", "said"),
    [
        ("49,20000,3/", "49,20001,3/", "the trailer (49) says 20,001 for its amounts, and they are 20,000"),
        ("49,20000,3/", "49,20000,5/", "the trailer (49) says 5 for its lines, and they are 3"),
        ("98,20000,1,5/", "98,20000,2,5/", "the trailer (98) says 2 for its accounts, and they are 1"),
        ("98,20000,1,5/", "98,1,1,5/", "the trailer (98) says 1 for its amounts"),
        ("99,20000,1,7/", "99,20000,1,9/", "the trailer (99) says 9 for its lines, and they are 7"),
        ("99,20000,1,7/", "99,,1,7/", "has no number for its amounts"),
        ("99,20000,1,7/\r\n", "", "did it arrive whole?"),
        ("98,20000,1,5/\r\n", "", "stands here before"),
        ("03,A", "16,399,1/\r\n03,A", "without its 03 before it"),
        ("49,", "47,", "begins with no record code"),
        ("2/\r\n02", "1/\r\n02", "this reads version 2"),
        ("02,US,BANK,1", "02,US,BANK,2", "deletes what was sent before"),
        ("260131", "261331", "a day that does not exist"),
        ("010,10000", "010,1x000", "is no whole number"),
        ("010,10000", "10,10000", "is no type of three digits"),
    ],
)
def test_what_does_not_add_up_is_refused_with_its_line(tmp_path, spoilt, by, said):
    whole = bank.bai2(Month(account="A")).decode()
    assert spoilt in whole

    parsed = parse(tmp_path, whole.replace(spoilt, by, 1).encode())

    assert parsed.status is StepStatus.FAILED
    assert said in parsed.message
    assert not parsed.played.outputs


def test_a_group_that_was_sent_as_a_test_is_left_out_and_told(tmp_path):
    test = account("03,A,,/", "16,399,100,,,,x/", total=100, group="4")

    parsed = parse(tmp_path, bank.bai2(Month(account="B")) + test)

    assert (parsed.status, parsed.rows) == (StepStatus.WARNING, [])
    assert "1 group was sent as a test" in parsed.message


def test_an_interim_report_need_not_add_up_to_the_day(tmp_path):
    parsed = parse(tmp_path, account("03,A,,010,5,,,015,900,,/", "16,399,100,,,,x/", total=1005, modifier="3"))

    assert (parsed.status, parsed.column("statement")) == (StepStatus.SUCCESS, ["2026-01-31 1400"])


def test_an_account_that_a_group_has_twice_is_both(tmp_path):
    file = (
        "01,B,U,260201,0600,1,,,2/\n02,U,B,1,260131,,USD,2/\n03,A,,/\n16,399,100,,,,x/\n49,100,3/\n"
        "03,A,,/\n16,399,100,,,,x/\n49,100,3/\n98,200,2,8/\n99,200,1,10/\n"
    )

    parsed = parse(tmp_path, file.encode())

    assert parsed.column("statement") == ["2026-01-31", "2026-01-31 (2)"]

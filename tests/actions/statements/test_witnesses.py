"""The libraries that read one format each find the same amounts, days and balances in a whole statement."""

from __future__ import annotations

import io
from decimal import Decimal

import mt940
import pytest
from bai2 import bai2
from ofxparse import OfxParser

from tests.actions.statements import bank
from tests.actions.statements.bank import Month, Moved
from tests.actions.statements.statements import Parsed, parse

MONTH = Month(
    moved=[
        Moved(amount=Decimal("1234567.89"), text="one"),
        Moved(amount=Decimal("-0.01"), text="two", is_reversal=True),
        Moved(amount=Decimal("-250.00"), text="three"),
    ]
)


def amounts(parsed: Parsed) -> list[Decimal]:
    return [Decimal(row["amount"]) for row in parsed.rows]


def test_mt_940_agrees(tmp_path):
    file = bank.swift(MONTH)

    (witness,) = mt940.parse_statements(file, options=mt940.Options.all())
    parsed = parse(tmp_path, file)

    assert [one.data["amount"].amount for one in witness] == amounts(parsed)
    assert [str(one.data["entry_date"]) for one in witness] == parsed.column("booked_on")
    assert witness.data["final_closing_balance"].amount.amount == Decimal(parsed.balances[-1]["amount"])


def test_bai2_agrees(tmp_path):
    file = bank.bai2(MONTH)

    # A 03 that goes on in a line 88 it reads wrongly (ministryofjustice/bai2#50).
    whole = file.decode().replace("015/\r\n88,", "015,")
    ((account,),) = (group.children for group in bai2.parse_from_string(whole, check_integrity=False).children)
    parsed = parse(tmp_path, file)

    # It gives whole cents, without a sign.
    assert [Decimal(one.amount) / 100 for one in account.children] == [abs(one) for one in amounts(parsed)]
    assert [one.text for one in account.children] == parsed.column("text")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # it calls Beautiful Soup by old names
def test_ofxparse_agrees(tmp_path):
    file = bank.ofx(MONTH)

    witness = OfxParser.parse(io.BytesIO(file)).account.statement
    parsed = parse(tmp_path, file)

    assert [one.amount for one in witness.transactions] == amounts(parsed)
    assert witness.balance == Decimal(parsed.balances[-1]["amount"])

"""One statement, written in every format by a writer of the tests' own, reads as the same rows, to the cent."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import given
from hypothesis import strategies as st

from procession.model.lifecycle import StepStatus
from tests.actions.statements import bank
from tests.actions.statements.bank import Month, Moved
from tests.actions.statements.statements import parse

CENTS = st.integers(min_value=-(10**13), max_value=10**13).map(lambda cents: Decimal(cents) / 100)
DAYS = st.integers(min_value=0, max_value=31).map(lambda days: date(2025, 12, 31) + timedelta(days=days))
# What all formats can write: no line ends, no slash at the end, no code word of one of them.
WORDS = st.text(alphabet="abcXYZ 0123456789.,-+äöß&<'\"é", min_size=1, max_size=60).map(lambda text: f"t {text} e")
REFERENCES = st.text(alphabet="ABC0123456789-", min_size=1, max_size=14).map(lambda text: f"R{text}")
MOVED = st.builds(
    Moved, amount=CENTS, booked_on=DAYS, value_on=DAYS, reference=REFERENCES, text=WORDS, is_reversal=st.booleans()
)
MONTHS = st.lists(
    st.builds(Month, moved=st.lists(MOVED, max_size=5), opening=CENTS, number=st.just(1)), min_size=1, max_size=3
).map(lambda months: [_chained(months, number) for number in range(len(months))])

WRITERS = {
    "MT940": bank.swift,
    "camt.053.001.02": lambda *months: bank.camt(*months, version=2),
    "camt.053.001.08": bank.camt,
    "BAI2": bank.bai2,
    "OFX": bank.ofx,
    "OFX in XML": lambda *months: bank.ofx(*months, is_xml=True),
}


def _chained(months: list[Month], number: int) -> Month:
    """Of an account of its own, so that they need not follow each other."""
    month = months[number]
    return Month(moved=month.moved, opening=month.opening, number=number + 1, account=f"ACCOUNT{number}")


@given(writer=st.sampled_from(sorted(WRITERS)), months=MONTHS)
def test_a_statement_reads_as_it_was_written(writer: str, months: list[Month]):
    parsed = parse(Path(mkdtemp()), WRITERS[writer](*months), also=["bank_reference"])

    assert parsed.status is StepStatus.SUCCESS, parsed.message
    # OFX gives the day in the bank's zone; BAI2 has the day of the statement for all.
    wanted = [
        (
            month.account,
            month.currency,
            str(month.closing_on if writer == "BAI2" else one.booked_on),
            str(one.value_on),
            one.amount,
            one.reference,
            " ".join(one.text.split()),
            number,
        )
        for month in months
        for number, one in enumerate(month.moved, start=1)
    ]
    assert [
        (
            row["account"],
            row["currency"],
            row["booked_on"],
            row["value_on"],
            Decimal(row["amount"]),
            row["bank_reference" if "camt" in writer else "reference"],
            row["text"].removeprefix("'"),
            int(row["line"]),
        )
        for row in parsed.rows
    ] == wanted
    closing = [Decimal(row["amount"]) for row in parsed.balances if row["kind"] == "closing"]
    assert closing == [month.closing for month in months]


@given(
    writer=st.sampled_from(["MT940", "camt.053.001.02", "camt.053.001.08", "BAI2"]),
    month=st.builds(Month, moved=st.lists(MOVED, min_size=1, max_size=5), opening=CENTS),
    cents=st.integers(1, 10**9),
)
def test_a_statement_that_does_not_add_up_by_any_amount_is_refused(writer: str, month: Month, cents: int):
    wrong = Month(moved=month.moved, opening=month.opening, said_closing=month.closing + Decimal(cents) / 100)

    parsed = parse(Path(mkdtemp()), WRITERS[writer](wrong))

    assert parsed.status is StepStatus.FAILED
    assert "opening balance" in parsed.message
    assert not parsed.played.outputs

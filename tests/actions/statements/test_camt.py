"""CAMT: what is booked, and how a collective entry becomes rows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions.statements.bank import IBAN, Moved, camt_amount, camt_balance, camt_entry
from tests.actions.statements.statements import parse

TEN = Moved(amount=Decimal("-10.00"))


def message(
    *entries: str, opening: str = "0", closing: str = "-10.00", more: str = "", kind: str = "053", head: str = ""
) -> bytes:
    outer, inner = {"052": ("BkToCstmrAcctRpt", "Rpt"), "053": ("BkToCstmrStmt", "Stmt")}[kind]
    on = TEN.booked_on
    balances = (
        camt_balance("OPBD", Decimal(opening), on) + camt_balance("CLBD", Decimal(closing), on) if opening else ""
    )
    return (
        f'<?xml version="1.0"?><d:Document xmlns="urn:x" xmlns:d="urn:x"><{outer}>{head}<{inner}><Id>S</Id>'
        f"<CreDtTm>2026-01-31T20:00:00</CreDtTm><Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{balances}{more}{''.join(entries)}</{inner}></{outer}></d:Document>"
    ).encode()


def share(amount: str, currency: str = "EUR", more: str = "") -> str:
    return f"<TxDtls>{camt_amount(Decimal(amount), currency)}{more}</TxDtls>"


def test_a_collective_entry_is_a_row_for_each_transaction_or_one(tmp_path):
    file = message(camt_entry(TEN, details=share("-4.00") + share("-6.00")))

    details, booked = parse(tmp_path, file), parse(tmp_path, file, entries="booked")

    assert (details.status, details.column("amount"), details.column("line")) == (
        StepStatus.SUCCESS,
        ["-4", "-6"],
        ["1", "2"],
    )
    assert (booked.status, booked.column("amount")) == (StepStatus.SUCCESS, ["-10"])


def test_transactions_that_do_not_add_up_to_their_entry_leave_it_whole_and_are_told(tmp_path):
    parsed = parse(tmp_path, message(camt_entry(TEN, details=share("-4.00") + share("-5.00"))))

    assert (parsed.status, parsed.column("amount")) == (StepStatus.WARNING, ["-10"])
    assert "1 collective entry was left whole" in parsed.message


def test_what_charges_make_of_the_difference_is_a_row_of_its_own(tmp_path):
    charges = '<Chrgs><Rcrd><Amt Ccy="EUR">0.60</Amt></Rcrd><Rcrd><Amt Ccy="EUR">0.40</Amt></Rcrd></Chrgs>'
    details = share("-4.00", more=charges) + share("-5.00")

    parsed = parse(tmp_path, message(camt_entry(TEN, details=details)), also=["charges"])

    assert (parsed.status, parsed.column("amount")) == (StepStatus.SUCCESS, ["-4", "-5", "-1"])
    assert (parsed.rows[2]["text"], parsed.column("charges")) == ("Charges", ["1", "", ""])


def test_one_transaction_of_a_batch_is_not_the_whole_of_it(tmp_path):
    batch = "<Btch><PmtInfId>RUN-7</PmtInfId><NbOfTxs>3</NbOfTxs></Btch>"
    party = "<RltdPties><Cdtr><Nm>Ann</Nm></Cdtr></RltdPties>"
    file = message(camt_entry(TEN, details=batch + share("-4.00", more=party)))

    details, booked = parse(tmp_path, file), parse(tmp_path, file, entries="booked")

    assert (details.status, booked.status) == (StepStatus.WARNING, StepStatus.SUCCESS)
    assert "1 collective entry was left whole" in details.message
    for parsed in (details, booked):
        assert [(row["amount"], row["party"], row["reference"]) for row in parsed.rows] == [("-10", "", "RUN-7")]


def test_what_is_said_of_a_collective_entry_is_not_said_of_each_transaction(tmp_path):
    of_entry = (
        '<Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">1.00</TtlChrgsAndTaxAmt></Chrgs>'
        '<AmtDtls><InstdAmt><Amt Ccy="USD">12.00</Amt></InstdAmt></AmtDtls><NtryDtls>'
    )
    also = ["charges", "original_amount"]

    def read(details: str):
        entry = camt_entry(TEN, details=details).replace("<NtryDtls>", of_entry)
        return parse(tmp_path, message(entry), also=also)

    several, one = read(share("-4.00") + share("-5.00")), read(share("-10.00"))

    assert several.column("amount") == ["-4", "-5", "-1"]
    assert (several.column("charges"), several.column("original_amount")) == ([""] * 3, [""] * 3)
    assert (one.column("charges"), one.column("original_amount")) == (["1"], ["-12"])


@pytest.mark.parametrize("currencies", [("EUR", "USD"), ("USD", "EUR")])
def test_charges_in_another_currency_are_not_added_up_with_these(tmp_path, currencies):
    records = "".join(f'<Rcrd><Amt Ccy="{one}">{"1.5" if one == "EUR" else "7"}</Amt></Rcrd>' for one in currencies)

    parsed = parse(
        tmp_path, message(camt_entry(TEN, details=share("-10.00", more=f"<Chrgs>{records}</Chrgs>"))), also=["charges"]
    )

    assert (parsed.status, parsed.column("charges")) == (StepStatus.SUCCESS, ["1.5"])


def test_a_transaction_in_another_currency_counts_as_it_was_booked(tmp_path):
    details = (
        '<TxDtls><Amt Ccy="USD">11.00</Amt><AmtDtls><InstdAmt><Amt Ccy="USD">11.00</Amt></InstdAmt>'
        '<TxAmt><Amt Ccy="EUR">9.50</Amt></TxAmt></AmtDtls></TxDtls>'
    )

    parsed = parse(tmp_path, message(camt_entry(TEN, details=details)), also=["original_amount", "original_currency"])

    row = parsed.rows[0]
    assert (row["amount"], row["currency"]) == ("-10", "EUR")
    assert (row["original_amount"], row["original_currency"]) == ("-11", "USD")


def test_transactions_of_which_one_is_not_told_in_the_currency_leave_their_entry_whole(tmp_path):
    parsed = parse(tmp_path, message(camt_entry(TEN, details=share("-4.00") + share("-6.00", "USD"))))

    assert (parsed.status, parsed.column("amount")) == (StepStatus.WARNING, ["-10"])


@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR"])
@pytest.mark.parametrize("version", [2, 8])
def test_what_is_only_announced_is_no_row(tmp_path, status, version):
    parsed = parse(tmp_path, message(camt_entry(TEN), camt_entry(TEN, version=version, status=status)))

    assert (parsed.status, len(parsed.rows)) == (StepStatus.SUCCESS, 1)
    assert "1 more are not booked yet" in parsed.message


def test_a_reversal_has_the_sign_of_what_the_money_did_and_the_other_party(tmp_path):
    back = Moved(amount=Decimal("10.00"), is_reversal=True)
    details = "<TxDtls><RltdPties><Dbtr><Nm>We</Nm></Dbtr><Cdtr><Nm>Shop</Nm></Cdtr></RltdPties></TxDtls>"

    parsed = parse(tmp_path, message(camt_entry(back, details=details), closing="10.00"))

    assert [(row["amount"], row["party"]) for row in parsed.rows] == [("10", "Shop")]


def test_a_bank_whose_reversals_say_what_they_take_back_is_told_how_to_say_so(tmp_path):
    file = message(camt_entry(TEN), camt_entry(Moved(amount=Decimal("-4.00"), is_reversal=True)), closing="-6.00")

    as_booked, turned = parse(tmp_path, file), parse(tmp_path, file, reversals="turned")

    assert as_booked.status is StepStatus.FAILED
    assert "with its reversals the other way it adds up" in as_booked.message
    assert (turned.status, turned.column("amount")) == (StepStatus.SUCCESS, ["-10", "4"])


@pytest.mark.parametrize(
    ("codes", "is_right"),
    [
        ([("PRCD", "5"), ("CLBD", "-5")], True),
        ([("OPBD", "5"), ("ITBD", "-5")], True),
        ([("ITBD", "5"), ("ITBD", "-5")], True),
        ([("ITBD", "5"), ("CLBD", "-5")], True),
        ([("PRCD", "9"), ("OPBD", "5"), ("CLBD", "-5"), ("CLAV", "70")], True),
        ([("ITBD", "5"), ("ITBD", "-6")], False),
        ([("PRCD", "5"), ("CLBD", "-6")], False),
    ],
)
def test_any_pair_of_opening_and_closing_balance_must_add_up(tmp_path, codes, is_right):
    balances = "".join(camt_balance(code, Decimal(amount), TEN.booked_on) for code, amount in codes)

    parsed = parse(tmp_path, message(camt_entry(TEN), opening="", more=balances))

    assert (parsed.status is StepStatus.SUCCESS) == is_right, parsed.message


def test_a_report_within_the_day_need_not_add_up_to_the_balance_of_the_day(tmp_path):
    balances = "".join(camt_balance(code, Decimal(7), TEN.booked_on) for code in ("OPBD", "ITBD"))

    parsed = parse(tmp_path, message(camt_entry(TEN), opening="", more=balances, kind="052"))

    assert (parsed.status, len(parsed.rows)) == (StepStatus.SUCCESS, 1)


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        ("<TtlNtries><NbOfNtries>1</NbOfNtries><Sum>10.00</Sum></TtlNtries>", ""),
        ("<TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries>", "TtlNtries NbOfNtries 2.00, and its entries say 1"),
        ("<TtlDbtNtries><Sum>10.01</Sum></TtlDbtNtries>", "TtlDbtNtries Sum 10.01, and its entries say 10.00"),
        ("<TtlCdtNtries><NbOfNtries>0</NbOfNtries><Sum>0</Sum></TtlCdtNtries>", ""),
    ],
)
def test_a_summary_must_be_that_of_the_entries(tmp_path, summary, said):
    parsed = parse(tmp_path, message(camt_entry(TEN), more=f"<TxsSummry>{summary}</TxsSummry>"))

    assert (parsed.status is StepStatus.FAILED) == bool(said), parsed.message
    assert said.replace("2.00", "2") in parsed.message


def test_a_summary_of_all_pages_is_not_that_of_one(tmp_path):
    pages = "<GrpHdr><MsgPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></MsgPgntn></GrpHdr>"
    more = "<TxsSummry><TtlNtries><NbOfNtries>9</NbOfNtries></TtlNtries></TxsSummry>"

    assert parse(tmp_path, message(camt_entry(TEN), more=more, head=pages)).status is StepStatus.SUCCESS


@pytest.mark.parametrize(
    ("spoilt", "by", "said"),
    [
        ("DBIT", "DEBT", "neither credit nor debit"),
        (">10.00<", ">-10.00<", "is no amount"),
        (">10.00<", ">1e1<", "is no amount"),
        (">10.00<", ">10.00001<", "more than 4 decimals"),
        ("<Dt>2026-01-31</Dt></BookgDt>", "<Dt>2026-02-31</Dt></BookgDt>", "a day that does not exist"),
        ("<Dt>2026-01-31</Dt></BookgDt>", "<Dt>31.01.2026</Dt></BookgDt>", "is no day"),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_with_its_number(tmp_path, spoilt, by, said):
    file = message(camt_entry(TEN), camt_entry(TEN).replace(spoilt, by, 1), opening="")

    parsed = parse(tmp_path, file)

    assert parsed.status is StepStatus.FAILED
    assert parsed.message.startswith('entry 2 of statement 1 of the file "f0.txt":')
    assert said in parsed.message


def test_an_entry_without_a_booking_date_has_none_and_is_told(tmp_path):
    file = message(camt_entry(TEN).replace("<BookgDt><Dt>2026-01-31</Dt></BookgDt>", ""))

    parsed = parse(tmp_path, file)

    assert (parsed.status, parsed.column("booked_on")) == (StepStatus.WARNING, [""])


def test_the_day_of_a_moment_is_that_of_the_bank(tmp_path):
    assert parse(tmp_path, message(camt_entry(TEN))).column("value_on") == ["2026-01-31"]  # 23:30 at -05:00


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8-sig"])
def test_a_message_is_read_in_the_encoding_that_it_says(tmp_path, encoding):
    said = "utf-8" if encoding == "utf-8-sig" else encoding
    text = message(camt_entry(Moved(amount=Decimal("-10.00"), text="für Müller"))).decode()

    parsed = parse(tmp_path, text.replace('"1.0"', f'"1.0" encoding="{said}"').encode(encoding))

    assert parsed.column("text") == ["für Müller"]

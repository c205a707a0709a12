"""OFX and QFX: days as the bank has them, amounts that can mean one number only, downloads that overlap."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions.statements import bank
from tests.actions.statements.bank import Month, Moved
from tests.actions.statements.statements import parse

HEADER = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n"


def download(*transactions: str, currency: str = "USD", header: str = HEADER, more: str = "") -> bytes:
    body = "".join(
        f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260131<FITID>{n}{one}</STMTTRN>" for n, one in enumerate(transactions)
    )
    return (
        f"{header}<OFX><STMTRS><CURDEF>{currency}<BANKACCTFROM><ACCTID>A</BANKACCTFROM><BANKTRANLIST>{body}</BANKTRANLIST>"
        f"<LEDGERBAL><BALAMT>1<DTASOF>20260131</LEDGERBAL></STMTRS>{more}</OFX>"
    ).encode()


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("-12.30", "-12.3"), ("+12.30", "12.3"), ("12,30", "12.3"), ("1,234.56", "1234.56"), ("1.234,56", "1234.56"), ("-.5", "-0.5"),
        ("12.30-", "-12.3"), ("1234567.89", "1234567.89"), ("NULL", "0"), ("12,345,678.90", "12345678.9"),
    ],
)  # fmt: skip
def test_an_amount_is_what_it_says(tmp_path, text, amount):
    parsed = parse(tmp_path, download(f"<TRNAMT>{text}"))

    assert (parsed.status, parsed.column("amount")) == (StepStatus.SUCCESS, [amount])


def test_a_balance_that_may_be_another_is_refused(tmp_path):
    parsed = parse(tmp_path, download("<TRNAMT>1.00").replace(b"<BALAMT>1<", b"<BALAMT>1,234<"))

    assert parsed.status is StepStatus.FAILED
    assert '"1,234" may be a number with a fraction or one of thousands' in parsed.message


@pytest.mark.parametrize(
    "text", ["1,234", "1.2.3", "12,34.56", "abc", "1e5", "--1", "1 2", "\u0661", "9" * 16, "1.23456", "NaN"]
)
def test_an_amount_that_may_be_another_is_refused(tmp_path, text):
    parsed = parse(tmp_path, download("<TRNAMT>1.00", f"<TRNAMT>{text}"))

    assert parsed.status is StepStatus.FAILED
    assert parsed.message.startswith('transaction 2 of statement 1 of the file "f0.txt":')


@pytest.mark.parametrize(
    "posted", ["20260131235959.000[-5:EST]", "20260131000000[+9:JST]", "20260131120000.000 GMT", "20260131"]
)
def test_the_day_is_that_of_the_banks_zone(tmp_path, posted):
    file = download("<TRNAMT>1.00").replace(b"<DTPOSTED>20260131", f"<DTPOSTED>{posted}".encode())

    assert parse(tmp_path, file).column("booked_on") == ["2026-01-31"]


@pytest.mark.parametrize("left_out", ["TRNAMT", "DTPOSTED"])
def test_a_transaction_without_what_it_needs_is_refused(tmp_path, left_out):
    file = download("<TRNAMT>1.00").replace(f"<{left_out}>".encode(), b"<OTHER>")

    parsed = parse(tmp_path, file)

    assert (parsed.status, f"it has no {left_out}" in parsed.message) == (StepStatus.FAILED, True)


def test_a_transaction_without_a_number_is_a_row_all_the_same(tmp_path):
    parsed = parse(tmp_path, download("<TRNAMT>1.00").replace(b"<FITID>0", b"<FITID>"))

    assert (parsed.status, parsed.column("reference")) == (StepStatus.SUCCESS, [""])


def test_letters_and_signs_are_what_the_bank_meant(tmp_path):
    name = "<TRNAMT>1.00<NAME>AT&amp;T &lt;Müller&gt; &#38; A & B<MEMO><![CDATA[a <b> &amp; c]]>"

    for file in (
        download(name).decode().encode("cp1252"),
        download(name, header='<?xml version="1.0" encoding="utf-8"?>'),
    ):
        parsed = parse(tmp_path, file)
        assert (parsed.column("party"), parsed.column("text")) == (["AT&T <Müller> & A & B"], ["a <b> &amp; c"])


def test_a_file_that_is_utf_8_and_says_otherwise_is_read_and_told(tmp_path):
    parsed = parse(tmp_path, download("<TRNAMT>1.00<NAME>Müßiggang GmbH, Köln"))

    assert (parsed.status, parsed.column("party")) == (StepStatus.WARNING, ["Müßiggang GmbH, Köln"])
    assert "says that it is written in cp1252, and is UTF-8" in parsed.message


@pytest.mark.parametrize(
    "said", ["ENCODING:ISO-8859-1", "ENCODING:WINDOWS-1252", "ENCODING:USASCII\nCHARSET:8859-1", "CHARSET:1252"]
)
def test_encodings_that_banks_say_are_known(tmp_path, said):
    file = download("<TRNAMT>1.00<NAME>Ü", header=f"\n\nOFXHEADER:100\n{said}\n\n").decode().encode("cp1252")

    assert parse(tmp_path, file).column("party") == ["Ü"]


def test_an_unknown_encoding_is_refused_and_can_be_said(tmp_path):
    file = download("<TRNAMT>1.00<NAME>Ü", header="OFXHEADER:100\nENCODING:KLINGON\n\n").decode().encode("cp1252")

    refused, said = parse(tmp_path, file), parse(tmp_path, file, encoding="cp1252")

    assert (refused.status, "KLINGON" in refused.message) == (StepStatus.FAILED, True)
    assert said.column("party") == ["Ü"]


def test_overlapping_downloads_give_each_transaction_once(tmp_path):
    twice = [Moved(amount=Decimal("-5.00"), text="coffee")] * 2
    january = Month(moved=twice)
    longer = Month(moved=[*twice, Moved(amount=Decimal("-7.00"))], closing_on=date(2026, 2, 28))
    # Some banks give two equal purchases one number.
    files = [bank.ofx(month).replace(b"<FITID>1-1", b"<FITID>1-0") for month in (january, longer)]

    parsed = parse(tmp_path, *files)

    assert (parsed.status, parsed.column("amount")) == (StepStatus.WARNING, ["-5", "-5", "-7"])
    assert "2 transactions were given twice by overlapping files" in parsed.message


def test_one_number_of_two_things_is_both(tmp_path):
    file = download("<TRNAMT>-10.00", "<TRNAMT>-0.30").replace(b"<FITID>1", b"<FITID>0")

    assert parse(tmp_path, file, file).column("amount") == ["-10", "-0.3"]


def test_what_is_pending_is_no_row(tmp_path):
    pending = "<BANKTRANLISTP><STMTTRNP><TRNAMT>-9.00<NAME>later</STMTTRNP></BANKTRANLISTP>"
    file = download("<TRNAMT>1.00").replace(b"<LEDGERBAL>", f"{pending}<LEDGERBAL>".encode())

    parsed = parse(tmp_path, file)

    assert (parsed.column("amount"), "1 more are not booked yet" in parsed.message) == (["1"], True)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (download("<TRNAMT>1.00")[:-6], "ends without </OFX>"),
        (f"{HEADER}<OFX><SONRS><STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>Signon invalid</STATUS></SONRS></OFX>".encode(),
         "the bank answered with an error (15500): Signon invalid"),
        (f"{HEADER}<OFX><INVSTMTRS></INVSTMTRS></OFX>".encode(), "holds a statement of investments"),
        (f"{HEADER}<OFX></OFX>".encode(), "holds no statement of an account"),
    ],
)  # fmt: skip
def test_what_is_no_whole_statement_is_refused(tmp_path, file, said):
    parsed = parse(tmp_path, file)

    assert (parsed.status, said in parsed.message) == (StepStatus.FAILED, True), parsed.message


def test_a_file_of_one_line_is_read_in_pieces(tmp_path):
    file = download(*[f"<TRNAMT>-{n}.10<NAME>Shop number {n}<MEMO>{'x' * 50}" for n in range(3000)])

    parsed = parse(tmp_path, file.replace(b"\n", b"\r\n", 6))

    assert parsed.column("party") == [f"Shop number {n}" for n in range(3000)]

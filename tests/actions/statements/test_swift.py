"""MT940 and MT942, in the shapes that banks write."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions.statements import bank
from tests.actions.statements.bank import Month, Moved
from tests.actions.statements.statements import Parsed, parse


def statement(
    *lines: str, account: str = "NL77ABNA0574908765", opening: str = "C251231EUR0,", closing: str = ""
) -> bytes:
    """One statement of these lines; left out, the closing balance is the opening one."""
    head = [":20:REF", f":25:{account}", ":28C:1/1", f":60F:{opening}"]
    return "\n".join([*head, *lines, f":62F:{closing or opening}", "-", ""]).encode()


def only_row(parsed: Parsed) -> dict[str, str]:
    assert parsed.status is StepStatus.SUCCESS, parsed.message
    (row,) = parsed.rows
    return row


@pytest.mark.parametrize(
    ("mark", "amount"), [("C", "5"), ("D", "-5"), ("RC", "-5"), ("RD", "5"), ("CR", "5"), ("RDR", "5"), ("DD", "-5")]
)
def test_a_reversal_of_a_credit_takes_away_and_one_of_a_debit_gives_back(tmp_path, mark, amount):
    letter = "C" if not amount.startswith("-") else "D"

    parsed = parse(tmp_path, statement(f":61:260131{mark}5,00NTRFX", closing=f"{letter}260131EUR5,"))

    assert only_row(parsed)["amount"] == amount


@pytest.mark.parametrize(
    ("value", "entry", "opening", "wanted"),
    [
        ("260102", "1231", "251230", "2025-12-31"),  # booked in the old year, valued in the new one
        ("251231", "0102", "251230", "2026-01-02"),
        ("250301", "1215", "251214", "2025-12-15"),  # valued long ago
        ("240228", "0229", "240227", "2024-02-29"),
        ("260131", "", "260130", "2026-01-31"),
        ("260131", "    ", "260130", "2026-01-31"),
        ("990104", "1231", "981230", "1998-12-31"),
    ],
)
def test_the_year_of_an_entry_date_is_that_of_its_statement(tmp_path, value, entry, opening, wanted):
    line = f":61:{value}{entry}C1,00NTRFX"

    parsed = parse(tmp_path, statement(line, opening=f"C{opening}EUR0,", closing=f"C{opening}EUR1,"))

    assert only_row(parsed)["booked_on"] == wanted


@pytest.mark.parametrize("value", ["260230", "260229"])
def test_the_30th_of_february_of_a_value_date_is_its_last_day_and_told(tmp_path, value):
    parsed = parse(tmp_path, statement(f":61:{value}0301C1,00NTRFX", closing="C260301EUR1,"))

    assert parsed.status is StepStatus.WARNING
    assert "a day that February does not have" in parsed.message
    assert parsed.rows[0]["value_on"] == "2026-02-28"


@pytest.mark.parametrize(
    "line", [":61:261301C1,NTRFX", ":61:2601011332C1,NTRFX", ":61:260101X1,NTRFX", ":61:260101CEUR"]
)
def test_a_line_that_is_none_is_named(tmp_path, line):
    parsed = parse(tmp_path, statement(line))

    assert parsed.status is StepStatus.FAILED
    assert 'of the file "f0.txt"' in parsed.message
    assert parsed.message.startswith("line ")


def test_several_statements_of_a_file_keep_their_balances(tmp_path):
    months = [Month(account="A"), Month(account="B", opening=Decimal("-7.50"), moved=[Moved(amount=Decimal("1.25"))])]

    parsed = parse(tmp_path, bank.swift(*months))

    assert [(row["account"], row["kind"], row["amount"]) for row in parsed.balances] == [
        ("A", "opening", "100"), ("A", "closing", "100"), ("B", "opening", "-7.5"), ("B", "closing", "-6.25"),
    ]  # fmt: skip


def test_pages_of_one_message_follow_each_other(tmp_path):
    pages = (
        ":20:R\n:25:A\n:28C:7/1\n:60F:C260101EUR0,\n:61:260102C1,NTRFX\n:62M:C260102EUR1,\n"
        ":28C:7/2\n:60M:C260102EUR1,\n:61:260103C2,NTRFX\n:62F:C260103EUR3,\n-\n"
    )

    parsed = parse(tmp_path, pages.encode())

    assert (parsed.status, parsed.message) == (StepStatus.SUCCESS, "2 statements, 2 transactions")
    assert parsed.column("account") == ["A", "A"]
    assert parsed.column("statement") == ["2026-01-02 7/1", "2026-01-03 7/2"]


def test_the_envelope_of_swift_and_lines_between_messages_are_no_fields(tmp_path):
    first, second = (statement(f":61:260131C{n},NTRFX", account=f"A{n}", closing=f"C260131EUR{n},") for n in (1, 2))
    text = (
        b"{1:F01BANKDEFFAXXX0000000000}{2:I940BANKDEFFXXXXN}{4:\r\n" + first[:-3] + b"\n-}{5:{CHK:0}}\r\n"
        b"ABNANL2A\n940\n" + second
    )

    parsed = parse(tmp_path, text)

    assert [(row["account"], row["amount"]) for row in parsed.rows] == [("A1", "1"), ("A2", "2")]


def test_what_stands_behind_the_closing_balance_is_not_about_the_last_entry(tmp_path):
    text = statement(":61:260131C1,NTRFX", ":86:invoice", closing="C260131EUR1,\n:86:about the statement")

    assert only_row(parse(tmp_path, text))["text"] == "invoice"


def test_the_german_form_is_taken_apart(tmp_path):
    about = (
        ":86:166?00GUTSCHRIFT?109310?20EREF+E2E-1?21KREF+K-7?22SVWZ+Rechnung 4711 vom 12.01",
        ".2026 Danke?23 sehr?30COBADEFF?31DE89370400440532013000?32Maier & Soehne Handelsgesel?33lschaft mbH?60 Ende",
    )

    row = only_row(parse(tmp_path, statement(":61:260131C1,NTRFKREF+", *about, closing="C260131EUR1,")))

    assert (row["code"], row["end_to_end_id"], row["reference"]) == ("166", "E2E-1", "K-7")
    assert (row["party"], row["party_account"]) == ("Maier & Soehne Handelsgesellschaft mbH", "DE89370400440532013000")
    assert row["text"] == "Rechnung 4711 vom 12.01.2026 Danke sehr Ende"


def test_code_words_between_slashes_are_taken_apart(tmp_path):
    about = (
        ":86:/TRTP/SEPA OVERBOEKING/IBAN/NL91ABNA0417164300/BIC/ABNANL2A/NAME/",
        "J. DOE/REMI/FACTUUR 1/EREF/NOTPROVIDED",
    )

    row = only_row(parse(tmp_path, statement(":61:260131C1,NTRFNONREF//B1", *about, closing="C260131EUR1,")))

    assert (row["party"], row["party_account"], row["text"]) == ("J. DOE", "NL91ABNA0417164300", "FACTUUR 1")
    assert (row["end_to_end_id"], row["reference"], row["code"]) == ("", "", "NTRF")


def test_a_text_that_looks_like_a_field_stays_in_its_text(tmp_path):
    text = statement(":61:260131C1,NTRFX", ":86:meeting at", ":12:30 h", ":99:and more", closing="C260131EUR1,")

    # 12 is a field of SWIFT, and no bank writes a time there.
    assert only_row(parse(tmp_path, text))["text"] in {"meeting at :99:and more", "meeting at"}


def test_a_statement_that_ends_in_the_middle_is_refused(tmp_path):
    whole = statement(":61:260131C1,NTRFX", ":61:260131D1,NTRFX")

    parsed = parse(tmp_path, whole[: whole.index(b":61:260131D")])

    assert parsed.status is StepStatus.FAILED
    assert "no closing balance" in parsed.message


def test_sums_of_an_interim_report_must_be_those_of_its_entries(tmp_path):
    report = ":20:R\n:25:A\n:28C:1/1\n:34F:EUR0,\n:13D:2601311815+0100\n:61:260131C1,5NTRFX\n:61:260131ED9,NTRFX\n:90C:1EUR{}\n-\n"

    right, wrong = (parse(tmp_path, report.format(total).encode()) for total in ("1,50", "1,60"))

    assert (right.status, right.message) == (
        StepStatus.SUCCESS, "1 statement, 1 transaction; 1 more are not booked yet, or no money, and left out",
    )  # fmt: skip
    assert wrong.status is StepStatus.FAILED
    assert "says 1 credits of 1.60, and there are 1 of 1.50" in wrong.message


def test_a_balance_in_another_currency_is_refused(tmp_path):
    parsed = parse(tmp_path, statement(closing="C260131USD0,"))

    assert "the balance is in USD, and the statement in EUR" in parsed.message


def test_one_byte_letters_are_read_as_what_is_said_and_else_refused(tmp_path):
    text = statement(":61:260131C1,NTRFX", ":86:für Müller", closing="C260131EUR1,").decode().encode("cp1252")

    said, unsaid = parse(tmp_path, text, encoding="cp1252"), parse(tmp_path, text)

    assert only_row(said)["text"] == "für Müller"
    assert (unsaid.status, unsaid.message) == (
        StepStatus.FAILED,
        'the file "f0.txt" cannot be read: it is not UTF-8 (the byte 0xFC in line 6); say its encoding, such as cp1252,'
        ' or in Excel, save it as "CSV UTF-8"',
    )


def test_the_day_of_a_statement_tells_equal_numbers_of_two_years_apart(tmp_path):
    months = [Month(number=1, closing_on=date(year, 1, 31)) for year in (2025, 2026)]

    parsed = parse(tmp_path, bank.swift(*months))

    assert {row["statement"] for row in parsed.balances} == {"2025-01-31 1/1", "2026-01-31 1/1"}


def test_a_bank_s_own_reference_does_not_stand_for_one_that_is_missing(tmp_path):
    text = statement(":61:260131C1,NTRFNONREF//BANK-1", closing="C260131EUR1,")

    row = only_row(parse(tmp_path, text, also=["bank_reference"]))

    assert (row["reference"], row["bank_reference"]) == ("", "BANK-1")

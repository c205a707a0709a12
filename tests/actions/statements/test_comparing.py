"""Statements beside each other: given twice, missing, of accounts that nobody named; and rows for managed tables."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from procession.actions.contract import TABLE, OutputTarget
from procession.actions.kinds.parse_statement import ACTION
from procession.actions.statements import statement_settings
from procession.actions.statements.statement_settings import StatementSettings
from procession.model.columns import Column, ColumnType
from procession.model.lifecycle import StepStatus
from tests.actions.context import play
from tests.actions.statements import bank
from tests.actions.statements.bank import Month, Moved
from tests.actions.statements.statements import parse

ONE = [Moved(amount=Decimal("1.00"))]
BOOKED = [Month(moved=ONE), Month(number=2, opening=Decimal("101.00"), closing_on=date(2026, 2, 28))]


@pytest.mark.parametrize("writer", [bank.swift, bank.camt, bank.bai2])
def test_a_statement_given_twice_counts_once_and_is_told(tmp_path, writer):
    parsed = parse(tmp_path, writer(*BOOKED), writer(BOOKED[0]))

    assert (parsed.status, parsed.column("amount")) == (StepStatus.WARNING, ["1"])
    assert "1 statement was given twice, counted once" in parsed.message
    assert 'of the file "f1.txt"' in parsed.message


@pytest.mark.parametrize("writer", [bank.swift, bank.camt, bank.bai2])
def test_a_statement_given_twice_with_other_rows_is_refused_with_both_places(tmp_path, writer):
    other = Month(moved=[Moved(amount=Decimal("1.00"), text="other")])

    parsed = parse(tmp_path, writer(BOOKED[0]), writer(other))

    assert parsed.status is StepStatus.FAILED
    assert "says different things" in parsed.message
    assert 'of the file "f0.txt", and' in parsed.message
    assert not parsed.played.outputs


@pytest.mark.parametrize(
    ("numbers", "openings", "said"),
    [
        ([1, 2], ["100", "101"], ""),
        ([1, 3], ["100", "101"], "between statement 1/1 and 3/1 there is a gap"),
        ([1, 3], ["100", "150"], "ends with 101, and the next, \"2026-02-28 3/1\", begins with 150"),
        ([5, 5, 6], ["100", "101", "102"], "the statement number 5/1 is there twice"),
        ([0, 0, 0], ["100", "101", "102"], ""),  # a bank that does not count
        ([31, 59], ["100", "101"], ""),  # the day of the year
        ([26031, 26059], ["100", "101"], ""),
    ],
)  # fmt: skip
def test_a_gap_in_the_numbers_or_the_balances_is_told(tmp_path, numbers, openings, said):
    days = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]
    months = [
        Month(number=number, opening=Decimal(f"{opening}.00"), closing_on=day, moved=ONE)
        for number, opening, day in zip(numbers, openings, days, strict=False)
    ]

    # The order of the files is none of the statements.
    parsed = parse(tmp_path, *(bank.swift(month) for month in reversed(months)))

    assert (parsed.status is StepStatus.WARNING) == bool(said), parsed.message
    assert said in parsed.message


def test_numbers_begin_anew_with_a_year(tmp_path):
    old = Month(number=12, closing_on=date(2025, 12, 31), moved=ONE)
    new = Month(number=1, opening=Decimal("101.00"), moved=ONE)

    assert parse(tmp_path, bank.camt(old, new)).status is StepStatus.SUCCESS


def test_accounts_that_nobody_named_are_told_and_kept(tmp_path):
    files = [bank.swift(Month(moved=ONE)), bank.swift(Month(account="OTHER", moved=ONE))]

    parsed = parse(tmp_path, *files, accounts=["de89 3704 0044 0532 0130 00"])

    assert (parsed.status, len(parsed.rows)) == (StepStatus.WARNING, 2)
    assert parsed.message.endswith("not among the accounts: OTHER")


def test_a_statement_without_balances_is_told_and_a_notice_is_not(tmp_path):
    bare = bank.swift(Month(moved=ONE)).decode().splitlines()
    lines = [line for line in bare if not line.startswith((":60F:", ":62F:"))]

    statement, notice = (
        parse(tmp_path, "\n".join(lines).encode()),
        parse(tmp_path, bank.camt(Month(moved=ONE), message="054")),
    )

    assert "no balances, so nothing proves that all entries are there" in statement.message
    assert notice.status is StepStatus.SUCCESS


def test_a_notice_beside_the_statement_of_its_account_is_told(tmp_path):
    parsed = parse(tmp_path, bank.camt(Month(moved=ONE)), bank.camt(Month(moved=ONE), message="054"))

    assert parsed.status is StepStatus.WARNING
    assert "(camt.053 and camt.054)" in parsed.message


def test_files_of_several_formats_are_one_result(tmp_path):
    files = [
        writer(Month(account=name, moved=ONE))
        for name, writer in (("A", bank.swift), ("B", bank.bai2), ("C", bank.ofx))
    ]

    parsed = parse(tmp_path, *files, also=["file"])

    assert [(row["account"], row["file"]) for row in parsed.rows] == [("A", "f0.txt"), ("B", "f1.txt"), ("C", "f2.txt")]


def test_figures_are_counts_and_totals_by_currency(tmp_path):
    parsed = parse(tmp_path, bank.swift(Month(moved=ONE), Month(account="X", currency="USD", moved=ONE * 2)))

    assert parsed.played.outcome.figures == {
        "statements": 2, "transactions": 3, "not_booked": 0, "total.EUR": Decimal("1"), "total.USD": Decimal("2"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expect", "status"),
    [
        ({"rows": {"at_least": 2}}, StepStatus.FAILED),
        ({"total": {"column": "amount", "equals": 1}}, StepStatus.SUCCESS),
        ({"total": {"column": "amount", "equals": 2}, "otherwise": "warn"}, StepStatus.WARNING),
    ],
)
def test_what_is_expected_of_the_transactions_is_checked(tmp_path, expect, status):
    assert parse(tmp_path, bank.swift(BOOKED[0]), expect=expect).status is status


@pytest.mark.parametrize("moved", [ONE, []])
def test_rows_go_into_a_managed_table(tmp_path, moved):
    names = ["account", "currency", "booked_on", "value_on", "amount", "reference", "end_to_end_id", "party", "party_account",
             "text", "code", "statement", "line"]  # fmt: skip
    types = {
        "amount": ColumnType.MONEY,
        "booked_on": ColumnType.DATETIME,
        "value_on": ColumnType.DATETIME,
        "line": ColumnType.NUMBER,
    }
    columns = [
        Column(field=n, name=name, type=types.get(name, ColumnType.TEXT)) for n, name in enumerate(names, start=1)
    ]
    to = {"to": "${table:Bank}", "mode": "upsert", "key": ["account", "statement", "line"]}

    played = play(
        ACTION, tmp_path, {"files": ["${files.f}"], "outputs": {"transactions": to}}, {"files.f": bank.swift(Month(moved=moved))},
        {"table:Bank": OutputTarget(type=TABLE, file_name="Bank", columns=tuple(columns))},
    )  # fmt: skip

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert played.outputs["table:Bank"].startswith(b"PAR1")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"files": ["${a.b}", "${a.b}"]}, "files: a property is named twice"),
        ({"also": ["file", "file"]}, "also: a column is named twice"),
        ({"encoding": "klingon"}, '"klingon" is not a known encoding'),
        ({"encoding": "cp1252", "format": "camt"}, "means nothing for camt"),
    ],
)
def test_mistakes_are_told_when_the_file_is_applied(settings, said):
    import msgspec

    whole = {"files": ["${a.b}"], "outputs": {"transactions": "${a.c}"}, **settings}

    (found,) = statement_settings.check(msgspec.convert(whole, StatementSettings))

    assert said in found


@pytest.mark.parametrize(
    ("account", "is_told"),
    [
        ("37040044/0532013000", True),
        ("37040044/532013000", True),
        ("0532013000", True),
        ("37040044/0532013001", False),
        ("37040045/0532013000", False),
        ("13000", False),
    ],
)
def test_one_account_in_two_formats_and_under_two_names_is_told(tmp_path, account, is_told):
    """MT940 of German banks names the codes of bank and account where CAMT has the IBAN: all entries were there twice."""
    parsed = parse(tmp_path, bank.swift(Month(moved=ONE, account=account)), bank.camt(Month(moved=ONE)))

    said = f"several kinds of files of one account, whose entries may be in both: {bank.IBAN} (MT940 and camt.053)"
    assert (said in parsed.message) == is_told


def test_an_encoding_is_for_the_files_that_do_not_say_theirs(tmp_path):
    moved = [Moved(amount=Decimal("1.00"), text="Müller")]
    swift = bank.swift(Month(moved=moved)).decode().encode("cp1252")
    camt = bank.camt(Month(moved=moved, account="NL77ABNA0574908765"))

    both = parse(tmp_path, swift, camt, encoding="cp1252")

    assert both.column("text") == ["Müller", "Müller"]
    assert "encoding: means nothing" in parse(tmp_path, camt, encoding="cp1252").message

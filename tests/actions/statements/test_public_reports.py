"""What people reported of other programs that read statements, tried here; each with the repository and the number."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec
import pytest

from procession.actions.statements import statement_settings
from procession.actions.statements.statement_settings import StatementSettings
from procession.model.lifecycle import StepStatus
from tests.actions.statements import bank
from tests.actions.statements.bank import Month, Moved, camt_entry
from tests.actions.statements.statements import parse
from tests.actions.statements.test_camt import TEN, message
from tests.actions.statements.test_swift import only_row, statement


@pytest.mark.parametrize(
    ("line", "opening", "booked_on"),
    [
        ("2601011230C27,98NMSCNONREF//2025-12-30", "251230", "2025-12-30"),  # wolph/mt940#121
        ("1412310105C27,98N570NONREF", "141230", "2015-01-05"),  # wolph/mt940#17
        ("2101071231C27,98NSECNONREF//O/427544477", "201230", "2020-12-31"),  # a-fas/mt940js#52
        ("1901310201CR27,98NMSCNONREF", "190101", "2019-02-01"),  # railslove/cmxl#28
        ("1912310102CR27,98N062NONREF", "191230", "2020-01-02"),  # programmersdigest/MT940Parser#4
        ("1812171217RDR27,98N068NONREF", "181216", "2018-12-17"),  # a-fas/mt940js#8
    ],
)
def test_the_year_of_an_entry(tmp_path, line, opening, booked_on):
    text = statement(f":61:{line}", opening=f"C{opening}EUR0,", closing=f"C{opening}EUR27,98")

    assert only_row(parse(tmp_path, text))["booked_on"] == booked_on


@pytest.mark.parametrize(
    ("lines", "reference", "own", "text"),
    [
        (["250107C1,FMSCNONREF", "BALANCE_CASHBACK-510151a4-4ead-46c5-05ab-99b88521063c"], "", "",
         "BALANCE_CASHBACK-510151a4-4ead-46c5-05ab-99b88521063c"),  # wolph/mt940#117
        (["2001010101C1,FCHGTRF SVC//200101ZCPB067071"], "TRF SVC", "200101ZCPB067071", ""),  # wolph/mt940#96
        (["2207060706CR1,NTRFBIPI-dvT1FzfMqvzF5HaU4oetlH7SGRkonU//2022070616391534000"],
         "BIPI-dvT1FzfMqvzF5HaU4oetlH7SGRkonU", "2022070616391534000", ""),  # wolph/mt940#111
        (["2212191220C1,NMSC341241773/1XXXXX//O/341241774", "Paiement"], "341241773/1XXXXX", "O/341241774", "Paiement"),  # wolph/mt940#99
        (["2509280928C1,NMSCUPI-100000000001"], "UPI-100000000001", "", ""),  # frappe/erpnext#57382
    ],
)  # fmt: skip
def test_references_of_a_statement_line(tmp_path, lines, reference, own, text):
    row = only_row(
        parse(tmp_path, statement(f":61:{lines[0]}", *lines[1:], closing="C251231EUR1,"), also=["bank_reference"])
    )

    assert (row["reference"], row["bank_reference"], row["text"]) == (reference, own, text)


@pytest.mark.parametrize("amount", ["1'000,00", "1.000,00", "1,000.00"])
def test_an_amount_with_groups_of_digits_is_refused(tmp_path, amount):
    """In a report without balances the front of it alone became the amount, and the rest the reference."""
    text = f":20:0\n:25:1/2\n:28C:0\n:34F:EURD0,\n:13D:1711272221-0000\n:61:1711271127C{amount}NMSCX\n-\n"

    parsed = parse(tmp_path, text.encode())

    assert parsed.status is StepStatus.FAILED and "is no statement line" in parsed.message


PAGE = ":20:A\n:25:NL77ABNA0574908765\n:28C:5/{0}\n:60{1}:C260101EUR{2},\n:61:2601010101C1,NTRFX\n:62{3}:C260101EUR{4},\n-\n"


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        (["1F0M1", "2M1F2"], ""),
        (["1F0M1"], "says that it goes on, and its next page is not there"),
        (["2M1F2"], "says that it is not the first page, and the one before is not there"),
    ],
)
def test_a_lost_page_is_told_although_its_balances_add_up(tmp_path, pages, told):
    parsed = parse(tmp_path, "".join(PAGE.format(*page) for page in pages).encode())

    assert told in parsed.message
    assert parsed.status is (StepStatus.WARNING if told else StepStatus.SUCCESS)


def camt_page(number: int, last: str) -> bytes:
    pages = f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{last}</LastPgInd></StmtPgntn>"
    return message(camt_entry(TEN), opening=f"{10 - number * 10}", closing=f"-{number * 10}", more=pages)


def test_pages_of_camt_are_not_one_statement_given_twice(tmp_path):
    both = parse(tmp_path, camt_page(1, "false"), camt_page(2, "true"))
    first, second = parse(tmp_path, camt_page(1, "false")), parse(tmp_path, camt_page(2, "true"))

    assert both.status is StepStatus.SUCCESS, both.message
    assert both.column("statement") == ["2026-01-31 S/1", "2026-01-31 S/2"]
    assert "it goes on" in first.message and "not the first page" in second.message


def test_all_invoices_that_a_payment_names_are_its_reference(tmp_path):  # genkgo/camt#59
    named = "".join(f"<Strd><CdtrRefInf><Ref>{ref}</Ref></CdtrRefInf></Strd>" for ref in ("RF18A", "RF18B"))
    details = f"<TxDtls><RmtInf>{named}</RmtInf></TxDtls>"

    assert only_row(parse(tmp_path, message(camt_entry(TEN, details=details))))["reference"] == "RF18A RF18B"


def test_an_account_has_a_statement_of_each_currency(tmp_path):  # odoo/odoo#31249
    files = [
        statement(":61:260131C5,NMSCX", opening=f"C251231{one}0,", closing=f"C260131{one}5,") for one in ("EUR", "USD")
    ]
    settings = {"files": ["${f.a}"], "outputs": {"transactions": {"to": "${table:Bank}", "mode": "upsert"}}}
    keyed = ["account", "statement", "line"]

    both = parse(tmp_path, *files)

    assert both.column("line") == ["1", "1"]  # as in two runs
    assert [row["currency"] for row in both.balances] == ["EUR", "EUR", "USD", "USD"]
    for key, is_told in ((keyed, True), ([*keyed, "currency"], False)):
        settings["outputs"] = {"transactions": {"to": "${table:Bank}", "mode": "upsert", "key": key}}
        told = statement_settings.check(msgspec.convert(settings, StatementSettings))
        assert any("add currency" in one for one in told) is is_told


OFX = (
    "OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><STMTRS><CURDEF>USD<BANKACCTFROM><ACCTID>1</BANKACCTFROM><BANKTRANLIST>"
    "{}</BANKTRANLIST><LEDGERBAL><BALAMT>1<DTASOF>20260131</LEDGERBAL></STMTRS></OFX>"
)
DEBIT = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260115<TRNAMT>-{}<FITID>{}<NAME>Shop{}</STMTTRN>"


@pytest.mark.parametrize(
    ("memo", "text"),
    [
        ("ABM CHANNEL & CARD <X> Y", "ABM CHANNEL & CARD <X> Y"),  # stoicflame/ofx4j#63
        ('PAY "<REF> 12" LEFT', 'PAY "'),
        ("PAY <REF> 12", "PAY <REF> 12"),
        ("filled up    <CHECKNUM> 5", "filled up"),
        ("one line<SIC>5", "one line"),
        ("", ""),  # bradenmacdonald/ofx-js#6
        ("/><MEMO>", ""),
    ],
)
def test_a_text_with_angles_is_whole(tmp_path, memo, text):
    transaction = DEBIT.format("5.00", 1, f"<MEMO>{memo}").replace("<MEMO>/>", "<MEMO/>")

    assert only_row(parse(tmp_path, OFX.format(transaction).encode()))["text"] == text


@pytest.mark.parametrize(
    ("action", "corrects", "amounts", "told"),
    [
        ("REPLACE", 1, ["-7"], "1 transaction was corrected by the bank"),
        ("DELETE", 1, [], "1 transaction was corrected by the bank"),
        ("REPLACE", 9, ["-5", "-7"], "not in these files, such as 9"),
        ("DELETE", 9, ["-5"], "not in these files, such as 9"),
    ],
)
def test_a_transaction_that_the_bank_corrects_does_not_count(tmp_path, action, corrects, amounts, told):
    """justindhill/YDNYNAB#21"""
    note = DEBIT.format("7.00", 2, f"<CORRECTFITID>{corrects}<CORRECTACTION>{action}")

    parsed = parse(tmp_path, OFX.format(DEBIT.format("5.00", 1, "") + note).encode())

    assert (parsed.column("amount"), parsed.status) == (amounts, StepStatus.WARNING)
    assert told in parsed.message


@pytest.mark.parametrize(
    ("account", "shop", "rows"), [("", "Shop", 1), ("", "Other", 2), ("1", "Other", 1), ("1", "Shop", 1)]
)
def test_without_an_account_transactions_of_one_number_may_be_two(tmp_path, account, shop, rows):
    """buckets/application#894"""
    first, second = (
        OFX.replace("<ACCTID>1", f"<ACCTID>{account}")
        .format(DEBIT.format("5.00", 1, "").replace("Shop", name))
        .encode()
        for name in ("Shop", shop)
    )

    assert len(parse(tmp_path, first, second).rows) == rows


def test_a_file_of_abn_amro_without_a_reference_of_the_statement(tmp_path):  # fruitl00p/php-mt940#46
    text = (
        b"ABNANL2A\n940\nABNANL2A\n" + statement(":61:260131C1,N123NONREF", closing="C260131EUR1,").partition(b"\n")[2]
    )

    assert only_row(parse(tmp_path, text * 1))["account"] == "NL77ABNA0574908765"


def test_an_account_alone_below_the_line(tmp_path):  # pretix/pretix#1897
    lines = [
        ":61:200824C1,N541NONREF//266",
        "DE89370400440532013000",
        ":86:/TRCD/541/ORDP//NAME/Franz/REMI/2020-F0/ISDT/202",
        "0-08-24",
    ]

    row = only_row(parse(tmp_path, statement(*lines, opening="C200823EUR0,", closing="C200824EUR1,")))

    assert (row["party_account"], row["party"], row["text"]) == ("DE89370400440532013000", "Franz", "2020-F0")


def test_what_is_pending_with_a_bank_that_writes_the_balance_before(tmp_path):  # mschindler83/fints-hbci-php#86
    text = b":20:0\n:25:1/2\n:28C:0\n:60F:C171126EUR313,52\n:34F:EURD10,99\n:13D:1711272221-0000\n:61:1711271201D10,99NMSCNONREF\n-\n"

    row = only_row(parse(tmp_path, text))

    assert (row["booked_on"], row["amount"]) == ("2017-12-01", "-10.99")


def test_numbers_that_banks_count_by_pages_only(tmp_path):  # wolph/mt940#62
    pages = [statement(closing="C251231EUR0,").replace(b":28C:1/1", f":28C:00000/00{page}".encode()) for page in (1, 2)]

    assert parse(tmp_path, b"".join(pages)).status is StepStatus.SUCCESS


def test_a_description_of_the_entry_alone(tmp_path):  # OCA/bank-statement-import#1006
    about = "<AddtlNtryInf>Wise</AddtlNtryInf></Ntry>"
    share = '<TxDtls><Amt Ccy="EUR">5.00</Amt></TxDtls>'

    found = [
        parse(tmp_path, message(camt_entry(TEN, details=details).replace("</Ntry>", about))).column("text")
        for details in ("", "<TxDtls/>", share * 2)
    ]

    assert found == [["Wise"], ["Wise"], ["", ""]]


def test_why_a_payment_came_back(tmp_path):  # OCA/bank-statement-import#187
    details = (
        "<TxDtls><RmtInf><Ustrd>Dues</Ustrd></RmtInf><RtrInf><Rsn><Cd>AM04</Cd></Rsn><AddtlInf>Not enough balance</AddtlInf>"
        "</RtrInf></TxDtls>"
    )

    assert parse(tmp_path, message(camt_entry(TEN, details=details))).column("text") == ["Dues AM04 Not enough balance"]


def test_the_number_of_a_batch(tmp_path):  # OCA/bank-statement-import#51
    details = "<Btch><PmtInfId>201511-20151113103109              </PmtInfId></Btch><TxDtls/>"

    assert parse(tmp_path, message(camt_entry(TEN, details=details))).column("reference") == ["201511-20151113103109"]


def test_a_structured_reference_beside_a_text(tmp_path):  # genkgo/camt#37
    details = (
        "<TxDtls><RmtInf><Ustrd>?REJECT?0</Ustrd><Strd><CdtrRefInf><Ref>333333333333333333333333334</Ref></CdtrRefInf></Strd>"
        "</RmtInf></TxDtls>"
    )

    row = parse(tmp_path, message(camt_entry(TEN, details=details))).rows[0]

    assert (row["reference"], row["text"]) == ("333333333333333333333333334", "?REJECT?0")


def test_a_namespace_of_a_country_and_one_that_is_wrong(tmp_path):  # genkgo/camt#41, kivitendo/kivitendo-erp#645
    file = bank.camt(Month(moved=[TEN]))
    was = b"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

    for name in (b"ISO:camt.053.001.02:APC:STUZZA:payments:003", b"urn:iso:std:iso:20023:tech:xsd:camt.053.001.13"):
        assert parse(tmp_path, file.replace(was, name)).column("amount") == ["-10"]


def test_charges_within_the_amount_of_an_entry(tmp_path):  # OCA/bank-statement-import#976
    details = '<TxDtls><Amt Ccy="EUR">9.00</Amt><Chrgs><Rcrd><Amt Ccy="EUR">1.00</Amt></Rcrd></Chrgs></TxDtls>'

    assert parse(tmp_path, message(camt_entry(TEN, details=details))).column("amount") == ["-10"]


def test_an_amount_in_the_currency_of_the_payment(tmp_path):  # odoo/odoo#69107, OCA/bank-statement-import#385
    details = (
        '<TxDtls><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><AmtDtls><InstdAmt><Amt Ccy="CHF">9.40</Amt></InstdAmt>'
        '<TxAmt><Amt Ccy="CHF">9.40</Amt></TxAmt></AmtDtls></TxDtls>'
    )

    row = parse(
        tmp_path, message(camt_entry(TEN, details=details)), also=["original_amount", "original_currency"]
    ).rows[0]

    assert [row[name] for name in ("amount", "currency", "original_amount", "original_currency")] == [
        "-10",
        "EUR",
        "-9.4",
        "CHF",
    ]


def test_a_statement_sent_again_with_another_date_of_making(tmp_path):
    file = bank.camt(Month(moved=[TEN]))
    again = file.replace(b"<CreDtTm>2026-01-31T20:00:00+01:00", b"<CreDtTm>2026-02-03T08:00:00+01:00")
    assert again != file

    assert parse(tmp_path, file, again).column("amount") == ["-10"]


def test_ids_that_begin_anew_each_year(tmp_path):  # OCA/bank-statement-import#90
    file = bank.camt(Month(moved=[TEN]))

    parsed = parse(tmp_path, file, file.replace(b"2026-01-31", b"2027-01-31"))

    assert parsed.column("statement") == ["2026-01-31 S-1", "2027-01-31 S-1"]


def test_many_predefined_entities(tmp_path):  # prowide/prowide-core#331
    moved = [Moved(amount=Decimal(1), text="A & B <C> " * 6)] * 3_000

    assert len(parse(tmp_path, bank.camt(Month(moved=moved))).rows) == 3_000


@pytest.mark.parametrize(
    ("was", "by", "party"),
    [
        ("<NAME>Name\r\n", "<NAME>A&W #5567\r\n", "A&W #5567"),  # buckets/application#627
        ("<NAME>Name\r\n", "<NAME>To Share xx &", "To Share xx &"),  # ccavanaugh/jgnash#35
        ("<STMTRS>", "<CCSTMTRS>", "Name"),  # buckets/application#336: closed by another name
        ("[-5:EST]", " GMT", "Name"),  # buckets/application#815
        ("[-5:EST]", "[-3:GMT]", "Name"),  # libofx/libofx#39
    ],
)
def test_downloads_of_banks(tmp_path, was, by, party):
    file = bank.ofx(Month(moved=[TEN])).decode()
    assert was in file

    parsed = parse(tmp_path, file.replace(was, by, 1).encode())

    assert (parsed.column("party"), parsed.column("booked_on")) == ([party], ["2026-01-31"]), parsed.message
    # It is what the account holds at the end: odoo/odoo#3003.
    assert [row["kind"] for row in parsed.balances] == ["closing"]


def test_a_03_that_goes_on_in_the_middle_of_a_summary(tmp_path):  # ministryofjustice/bai2#50
    rows = "03,1,USD,010,4764927,,,015,4626045,,,022,0,,,040,4626045,,,045/       \n88,4626045,,,072,0,,,100,0,,,400,138882,,/\n"
    total = 4764927 + 4626045 * 3 + 138882
    file = (
        f"01,B,U,260201,0600,1,,,2/\n02,U,B,1,260131,,USD,2/\n{rows}16,475,138882,,,,x/\n49,{total + 138882},4/\n"
        f"98,{total + 138882},1,6/\n99,{total + 138882},1,8/\n"
    )

    parsed = parse(tmp_path, file.encode())

    assert (parsed.status, parsed.column("amount")) == (StepStatus.SUCCESS, ["-1388.82"]), parsed.message
    assert [row["amount"] for row in parsed.balances if row["kind"] == "available"] == ["46260.45"]


@pytest.mark.parametrize(("number", "status"), [("A", StepStatus.WARNING), ("B", StepStatus.SUCCESS)])
def test_a_number_of_several_transactions(tmp_path, number, status):
    # securo-finance/securo#911, jbms/beancount-import#216, buckets/application#889: all but the first were dropped
    file = bank.ofx(Month(moved=[TEN, TEN])).decode()
    first, second = re.findall("<FITID>([^<\r\n]+)", file)
    file = file.replace(f"<FITID>{first}", "<FITID>A").replace(f"<FITID>{second}", f"<FITID>{number}")

    parsed = parse(tmp_path, file.encode())

    assert (len(parsed.rows), parsed.status) == (2, status), parsed.message
    assert ("1 number (FITID) is that of several" in parsed.message) == (status is StepStatus.WARNING)

"""run_sql on columns that are text in one file and numbers in another."""

from __future__ import annotations

import pytest

from procession.actions.kinds import run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

LEDGER = b"invoice,amount\n001,100.00\n7,20.00\n"
BANK = b"invoice,amount\n1,100.00\n7,20.00\n"


def unpaid(folder, sql, *, bank=BANK, **options):
    inputs = {name: {"file": f"${{f.{name}}}", **options} for name in ("ledger", "bank")}
    settings = {"sql": sql, "inputs": inputs, "outputs": {"result": "${o.result}"}, "expect": {"rows": {"at_least": 0}}}
    return play(run_sql.ACTION, folder, settings, {"f.ledger": LEDGER, "f.bank": bank})


@pytest.mark.parametrize(
    "sql",
    [
        "FROM ledger ANTI JOIN bank USING (invoice, amount)",
        'SELECT l.* FROM ledger l ANTI JOIN bank b ON l."INVOICE" = b."invoice"',
        "FROM ledger NATURAL JOIN bank",
    ],
)
def test_texts_that_are_compared_with_numbers_make_a_warning(tmp_path, sql):
    played = unpaid(tmp_path, sql)

    assert played.outcome.status is StepStatus.WARNING
    assert 'the column "invoice" is text in ledger and a number in bank' in played.outcome.message
    assert "declare it as Text for both" in played.outcome.message


def test_declared_as_text_they_are_compared_as_they_are_written(tmp_path):
    sql = "FROM ledger ANTI JOIN bank USING (invoice, amount)"

    played = unpaid(tmp_path, sql, columns={"invoice": {"type": "Text"}})

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert played.outputs["o.result"] == b"invoice,amount\n001,100\n"


@pytest.mark.parametrize(
    ("sql", "bank"),
    [
        ("SELECT sum(amount) AS amount FROM ledger UNION ALL SELECT sum(amount) FROM bank", BANK),
        ("FROM ledger ANTI JOIN bank USING (invoice)", b"invoice,amount\n001,100.00\n"),
        ("FROM ledger ANTI JOIN bank USING (invoice)", b"invoice,amount\n,100.00\n"),
    ],
    ids=["not named", "text in both", "nothing there"],
)
def test_nothing_is_said_where_nothing_is_mistaken(tmp_path, sql, bank):
    played = unpaid(tmp_path, sql, bank=bank)

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT l.* FROM ledger l ANTI JOIN bank b ON l.invoice = b.number",
        "CREATE TABLE paid AS SELECT l.* FROM ledger l JOIN bank b ON b.number = l.invoice;\nFROM paid",
        "FROM ledger WHERE invoice = 1",
        "FROM ledger WHERE invoice != 1 AND amount = 20",
        "WITH b AS (SELECT number AS n FROM bank) FROM ledger WHERE EXISTS (FROM b WHERE n = invoice)",
    ],
)
def test_an_equation_of_a_text_and_a_number_makes_a_warning(tmp_path, sql):
    played = unpaid(tmp_path, sql, bank=b"number,paid\n1,100.00\n")

    assert played.outcome.status is StepStatus.WARNING
    assert "line 1: a text is compared with a number, and SQL takes both for numbers" in played.outcome.message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT l.* FROM ledger l ANTI JOIN bank b ON l.invoice = b.number::VARCHAR",
        "FROM ledger WHERE invoice = '1' AND amount = 100",
        "FROM ledger JOIN bank ON CAST(invoice AS INT) = number",
        "FROM ledger JOIN bank ON ledger.amount = bank.paid",
    ],
)
def test_an_equation_of_two_of_a_kind_is_none_to_warn_of(tmp_path, sql):
    played = unpaid(tmp_path, sql, bank=b"number,paid\n1,100.00\n")

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ("2026-01-31T10:00:00Z", "2026-01-31 11:00:00", 'the column "key" has a zone in a and none in b'),
        ("2026-01-31T10:00:00Z", "2026-01-31", 'the column "key" has a zone in a and none in b'),
        ("2026-01-31T10:00:00Z", "2026-01-31T11:00:00+01:00", ""),
        ("2026-01-31 10:00:00", "2026-01-31", ""),
    ],
)
def test_moments_with_and_without_a_zone_are_not_compared_in_silence(tmp_path, a, b, told):
    settings = {"sql": "FROM a JOIN b USING (key)", "inputs": {"a": "${f.a}", "b": "${f.b}"}}
    files = {f"f.{name}": f"key\n{value}\n".encode() for name, value in (("a", a), ("b", b))}

    outcome = play(run_sql.ACTION, tmp_path, settings, files).outcome

    assert told in outcome.message
    assert (outcome.status is StepStatus.WARNING) == bool(told)


@pytest.mark.parametrize(("b", "is_told"), [("USD 20", True), ("€ 20", False), ("20", False)])
def test_amounts_of_two_currencies_are_not_added_in_silence(tmp_path, b, is_told):
    money = {"amount": {"type": "Money"}}
    inputs = {name: {"file": f"${{f.{name}}}", "columns": money} for name in ("a", "b")}
    settings = {"sql": "SELECT a.amount + b.amount AS s FROM a, b", "inputs": inputs}
    files = {"f.a": b"amount\nEUR 10\n", "f.b": f"amount\n{b}\n".encode()}

    outcome = play(run_sql.ACTION, tmp_path, settings, files).outcome

    assert ('the column "amount" is in EUR in a and in USD in b' in outcome.message) == is_told
    assert (outcome.status is StepStatus.WARNING) == is_told

"""The month end of a new user: three processes on files as banks and ledgers send them, every number computed again."""

from __future__ import annotations

import io
import random
from collections import Counter
from decimal import Decimal

import xlsxwriter

from procession.actions.contract import OutputTarget
from procession.actions.kinds import reconcile, run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

NUMBER, DECIMAL = OutputTarget(type="Number"), OutputTarget(type="Decimal")


def german(amount):
    whole, _, cents = f"{amount:,.2f}".partition(".")
    return f"{whole.replace(',', '.')},{cents}"


def workbook(*rows):
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    page = book.add_worksheet("Ledger")
    for number, row in enumerate(rows):
        page.write_row(number, 0, row)
    book.close()
    return file.getvalue()


def test_a_german_bank_statement_is_reconciled_with_a_ledger_under_title_rows(tmp_path):
    dice = random.Random(1)  # noqa: S311 - amounts
    booked = [(f"RE-{n:05d}", Decimal(dice.randint(-3_000_000, 3_000_000)) / 100) for n in range(400)]
    bank, ledger = booked[:380], booked[20:]
    statement = 'Kontoauszug\r\nIBAN;DE12 "Giro\r\n\r\nReferenz;Betrag\r\n' + "".join(
        f"{reference};{german(amount)}\r\n" for reference, amount in bank
    )
    sheet = workbook(["General ledger"], [], ["Reference", "Amount"], *([r, float(a)] for r, a in ledger))
    settings = {
        "left": {"file": "${f.ledger}", "skip": 2},
        "right": {
            "file": "${f.bank}",
            "encoding": "cp1252",
            "skip": 2,
            "columns": {"Betrag": {"name": "Amount", "type": "Money", "decimal": ",", "thousands": "."}},
        },
        "amount": "Amount",
        "rules": [{"name": "Exact", "equal": [{"left": "Reference", "right": "Referenz"}]}],
        "outputs": {"matched_count": "${o.n}", "left_total": "${o.l}", "right_total": "${o.r}", "difference": "${o.d}"},
    }
    files = {"f.ledger": ("ledger.xlsx", sheet), "f.bank": ("bank.csv", statement.encode("cp1252"))}

    played = play(
        reconcile.ACTION, tmp_path, settings, files, {"o.n": NUMBER, "o.l": DECIMAL, "o.r": DECIMAL, "o.d": DECIMAL}
    )

    left, right = (sum(amount for _, amount in side) for side in (ledger, bank))
    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert played.outputs == {"o.n": 360, "o.l": left, "o.r": right, "o.d": left - right}


ACCRUALS = """\
CREATE TABLE journal AS SELECT account, sum(amount) AS amount FROM accruals GROUP BY account ORDER BY account;
SELECT sum(amount) AS amount FROM journal
"""


def accruals(folder, total):
    settings = {
        "inputs": {"accruals": {"file": "${f.a}", "columns": {"account": {"type": "Text"}}}},
        "sql": ACCRUALS,
        "expect": {"total": {"column": "amount", "equals": "${p.total}"}},
        "outputs": {"journal": {"to": "${o.j}", "as": "journal.csv"}},
    }
    lines = b"account,amount\n0420,100.10\n0420,0.25\n0077,-3.05\n"
    return play(run_sql.ACTION, folder, settings, {"f.a": ("a.csv", lines), "p.total": Decimal(total)})


def test_accruals_are_booked_when_they_meet_their_control_total(tmp_path):
    played = accruals(tmp_path, "97.30")

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert played.outputs["o.j"] == b"account,amount\n0077,-3.05\n0420,100.35\n"


def test_accruals_that_miss_their_control_total_are_not_booked(tmp_path):
    played = accruals(tmp_path, "97.31")

    assert (
        played.outcome.message == 'the column "amount" adds up to 97.30, and 97.31 was expected; nothing was published'
    )
    assert played.outputs == {}


def test_two_hundred_thousand_rows_between_companies_balance_to_the_cent(tmp_path):
    dice = random.Random(2)  # noqa: S311 - amounts
    rows = [(f"IC{n % 90_000:06d}", dice.choice("ABC"), Decimal(dice.randint(1, 10**7)) / 100) for n in range(100_000)]
    mirrored = [(reference, unit, amount) for reference, unit, amount in rows if reference != "IC000007"]
    dice.shuffle(mirrored)
    sides = ["ref,unit,amount\n" + "".join(f"{r},{u},{a}\n" for r, u, a in side) for side in (rows, mirrored)]
    settings = {
        "left": "${f.l}",
        "right": "${f.r}",
        "amount": "amount",
        "rules": [{"name": "Same", "equal": ["ref", "unit"]}],
        "outputs": {"matched_count": "${o.n}", "only_left": "${o.ol}", "difference": "${o.d}"},
    }
    files = {"f.l": ("left.csv", sides[0].encode()), "f.r": ("right.csv", sides[1].encode())}
    targets = {"o.n": NUMBER, "o.ol": OutputTarget(type="File"), "o.d": DECIMAL}

    played = play(reconcile.ACTION, tmp_path, settings, files, targets)

    missing = Counter(rows) - Counter(mirrored)
    assert played.outputs["o.n"] == len(mirrored)
    assert played.outputs["o.d"] == sum(amount * count for (_, _, amount), count in missing.items())
    assert played.outputs["o.ol"].count(b"\n") == 1 + missing.total()

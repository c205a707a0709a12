"""reconcile does right what users of other programs reported that theirs did wrong; each case names its report."""

from __future__ import annotations

import pytest

from tests.actions.reconciling.test_rules import (
    BATCHES,
    CHARGES,
    MISTYPED,
    NO_REFERENCE,
    REVERSALS,
    TOGETHER,
    WINDOW,
)
from tests.actions.reconciling.world import EXACT, reconciled

ALL = (EXACT, WINDOW, BATCHES, CHARGES, REVERSALS, MISTYPED, NO_REFERENCE, TOGETHER)
WORD = {"name": "Word", "equal": ["account"], "word_of": {"reference": "ref", "text": "ref"}, "days": [-1, 5]}
LATE = {**WINDOW, "name": "Card", "days": [0, 35]}
TWO_PERCENT = {"name": "Two percent", "equal": ["account", "ref"], "percent": 2}
OF_ACCOUNT = {**BATCHES, "name": "Account", "equal": ["account"]}


@pytest.mark.parametrize(
    ("left", "right", "rules", "matches"),
    [
        # frappe/erpnext#46725: matched although both have a reference, and another one
        (["1,a,900619,2026-03-24,500"], ["7,a,712219,2026-03-24,500"], ALL, []),
        # actualbudget/actual#2668, #6737: an equal amount within a week is merged with something else
        (["1,a,Grocer 114,2026-04-20,50"], ["7,a,PNA CENTURION,2026-04-22,50"], ALL, []),
        # frappe/erpnext#36448: loan payments of one reference and amount, mixed up
        (
            ["1,a,loan,2026-01-31,5", "2,a,loan,2026-02-28,5", "3,a,loan,2026-03-31,5"],
            ["9,a,loan,2026-04-01,5", "7,a,loan,2026-02-02,5", "8,a,loan,2026-03-02,5"],
            ALL,
            [("Window", "1", "7"), ("Window", "2", "8"), ("Window", "3", "9")],
        ),
        # juev/hledger-lsp#43: this month's rent is no copy of last month's
        (["1,a,rent,2026-01-03,900"], ["7,a,rent,2026-02-03,900"], ALL, []),
        # firefly-iii/firefly-iii#2739: two banks book a transfer some days apart
        (["1,a,x,2026-01-03,900"], ["7,a,x,2026-01-06,900"], ALL, [("Window", "1", "7")]),
        # Gnucash/gnucash#935: a card whose bank dates all of a month on the 5th of the next
        (["1,a,x,2026-01-03,9"], ["7,a,x,2026-02-05,9"], (EXACT, LATE), [("Card", "1", "7")]),
        # Gnucash/gnucash#717 (bug 797737): a row that was matched is matched again
        (["1,a,x,2026-01-03,9"], ["7,a,x,2026-01-03,9", "8,a,x,2026-01-03,9"], ALL, [("Exact", "1", "7")]),
        # odoo/odoo#149603: 2 % of 1210 as a binary fraction is 2.000000000000004 %
        (["1,a,x,2026-01-03,1210"], ["7,a,x,2026-01-03,1185.80"], (TWO_PERCENT,), [("Two percent", "1", "7")]),
        # OCA/account-reconcile#675: three bills are the payment, but for a cent that is not there
        (
            ["1,a,b,2026-01-03,1.10", "2,a,b,2026-01-03,2.20", "3,a,b,2026-01-03,1000000.03"],
            ["7,a,b,2026-01-03,1000003.33"],
            ALL,
            [("Batches", "1+2+3", "7")],
        ),
        # odoo/odoo#70277: of three payments the one with another memo is taken too
        (
            ["1,a,a1b2c3,2026-01-03,500", "2,a,a1b2c3,2026-01-03,500", "3,a,d1e2f3,2026-01-03,500"],
            ["7,a,a1b2c3,2026-01-03,1000"],
            ALL,
            [("Batches", "1+2", "7")],
        ),
        # odoo/odoo#39005: two structured references that share all but their last digits
        (
            ["1,a,45 RE34Y U0000 00000 02019 00022,2026-01-03,5", "2,a,45 RE34Y U0000 00000 02019 00014,2026-01-03,5"],
            ["7,a,45 RE34Y U0000 00000 02019 00014,2026-01-04,5"],
            ALL,
            [("Window", "2", "7")],
        ),
        # odoo/odoo#112874: the number of the invoice, with slashes, in the words of the bank
        (
            ["1,a,INV/2023/00001,2026-01-03,100", "2,a,INV/2023/00011,2026-01-03,100"],
            ["7,a,Payment for inv/2023/00001.,2026-01-04,100"],
            (WORD,),
            [("Word", "1", "7")],
        ),
        # mikkelkrogsholm/rentemester#154: refunds find nothing
        (["1,a,CN-1,2026-01-03,-80"], ["7,a,,2026-01-05,-80"], ALL, [("No reference", "1", "7")]),
        (
            ["1,a,x,2026-01-03,-101.37", "2,a,y,2026-01-04,-212.95"],
            ["7,a,,2026-01-05,-314.32"],
            ALL,
            [("Together", "1+2", "7")],
        ),
        # alyf-de/banking#118: an invoice less its credit note is paid
        (
            ["1,a,SINV-001,2026-01-03,100", "2,a,SINV-RET-001,2026-01-03,-50"],
            ["7,a,both,2026-01-04,50"],
            (EXACT, OF_ACCOUNT),
            [("Account", "1+2", "7")],
        ),
        # alyf-de/banking#73: five invoices of one amount are paid together
        (
            [f"{n},a,SINV-{n},2026-01-03,100" for n in range(1, 6)],
            ["7,a,all,2026-01-04,500"],
            (EXACT, OF_ACCOUNT),
            [("Account", "1+2+3+4+5", "7")],
        ),
        # duckdb/duckdb#25113: the distance of two texts counts bytes, and a letter of Cyrillic has two
        (["1,a,ЖДЖД-12345678,2026-01-03,5"], ["7,a,ZДZД-12345678,2026-01-04,5"], ALL, [("Mistyped", "1", "7")]),
        # SEED-platform/seed#126, #1412, johnkerl/miller#1194: blank fields match each other
        (["1,a,  ,2026-01-03,5", "2,a,  ,2026-01-03,5"], ["7,a,  ,2026-01-03,5"], ALL, []),
        # jbms/beancount-import#202, odoo/odoo#85275: within the tolerance of nothing a payment is a refund
        (["1,a,x,2026-01-03,0.20"], ["7,a,x,2026-01-03,-0.20"], ALL, []),
        # mikkelkrogsholm/rentemester#138, odoo/odoo#9177: two invoices of one amount, and the first is taken
        (["1,a,INV-17,2026-01-03,2500", "2,a,INV-38,2026-01-03,2500"], ["7,a,,2026-01-04,2500"], ALL, []),
    ],
)  # fmt: skip
def test_what_belongs_together_is_found_and_nothing_else(tmp_path, left, right, rules, matches):
    assert reconciled(tmp_path, left, right, *rules).matches == matches


@pytest.mark.parametrize("times", [2, 3])
def test_purchases_that_are_alike_are_as_many_as_they_are(tmp_path, times):
    """actualbudget/actual#8221, firefly-iii/firefly-iii#2611 and #2952, otherworld-dev/Budget#276: one is dropped."""
    rows = [f"{n},a,SHOP,2026-01-03,10" for n in range(times)]

    made = reconciled(tmp_path, rows, rows, key=None)

    assert len(made.matches) == times
    assert "given twice" not in made.message


def test_daily_interest_of_one_amount_is_matched_day_by_day(tmp_path):
    """actualbudget/actual#5627: days are skipped as already imported."""
    days = [f"{n},a,interest,2026-08-{n:02d},0.42" for n in range(3, 9)]

    assert reconciled(tmp_path, days, days, WINDOW).matches == [("Window", str(n), str(n)) for n in range(3, 9)]


def test_a_cent_too_much_is_matched_and_ready_to_be_booked(tmp_path):
    """alyf-de/banking#106: the difference stays open for ever."""
    rule = {**CHARGES, "book_to": "6990"}

    made = reconciled(tmp_path, ["1,a,x,2026-01-03,42.41"], ["7,a,x,2026-01-03,42.42"], rule)

    assert [(row["book_to"], row["difference"]) for row in made.rows("differences")] == [("6990", "-0.01")]


def test_two_vouchers_that_are_the_row_of_the_bank_are_suggested(tmp_path):
    """erp-mafia/accounted#2293: the row is called unmatched, and booked a second time."""
    suggests = {**TOGETHER, "outcome": "suggested"}
    left = ["57,a,A57,2026-09-04,30125", "58,a,A58,2026-09-04,58125.50"]

    made = reconciled(tmp_path, left, ["7,a,,2026-09-04,88250.50"], EXACT, suggests)

    assert made.suggestions == [("Together", "57+58", "7")]
    assert made.open("right") == {"7": "suggested"}

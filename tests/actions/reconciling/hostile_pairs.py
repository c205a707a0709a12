"""Cases of one row with one, and of rows that must stay open although some rule is tempted."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from tests.actions.reconciling.hostile import Case, Kind


def exact_odd_amounts(case: Case) -> None:
    """Nothing, the least there is, more digits than a float has."""
    amount = case.random.choice(("0", "0.01", "-0.01", "0.0001", "99999999999999999.99", "-12345678901234567.89"))
    case.match("Exact", case.left(Decimal(amount)), case.right(Decimal(amount)))


def exact_odd_references(case: Case) -> None:
    reference = case.random.choice(("00{:08}", "{:08}  X", "{:08}\u20117", "NULL{:08}", "'{:08}", "Ñ{:08}", "{:08}é"))
    case.reference = reference.format(case.books.number())
    amount = case.signed()
    case.match("Exact", case.left(amount), case.right(amount))


def window_ends(case: Case) -> None:
    """Both ends of the window, over ends of months and years and over a leap day."""
    days = case.random.choice((-1, 5))
    case.day = case.random.choice((date(2027, 12, 30), date(2028, 2, 28), date(2028, 2, 29), date(2027, 7, 31)))
    case.day += timedelta(days=days < 0)
    amount = case.signed()
    case.match("Date window", case.left(amount), case.right(amount, days))


def trap_window_passed(case: Case) -> None:
    amount = case.signed()
    case.left(amount)
    case.right(amount, case.random.choice((-2, 6)))


def trap_leap_day(case: Case) -> None:
    """From the 28th of February to the 5th of March are six days in a leap year."""
    case.day = date(2028, 2, 28)
    amount = case.signed()
    case.left(amount)
    case.right(amount, 6)


def tolerance_met(case: Case) -> None:
    """At the limit to the cent, above and below, of payments and of refunds."""
    way, sign = case.random.choice((1, -1)), case.random.choice((1, -1))
    left, off = case.random.choice(((Decimal("99.87"), Decimal("0.50")), (Decimal("20000.00"), Decimal(100))))
    case.match("Charges", case.left(left * sign), case.right((left + off * way) * sign, case.random.randrange(-1, 6)))


def trap_tolerance_passed(case: Case) -> None:
    """By a cent; and half a percent of the larger of both, where the left one counts."""
    sign = case.random.choice((1, -1))
    left, right = case.random.choice((("99.87", "100.38"), ("20000.00", "20100.01"), ("100000", "100502.51")))
    case.left(Decimal(left) * sign)
    case.right(Decimal(right) * sign)


def trap_other_sign(case: Case) -> None:
    """So small that the tolerance reaches over nothing: what came in is not what went out less charges."""
    case.left(Decimal("0.20"))
    case.right(Decimal("-0.20"))


def tolerance_nearest(case: Case) -> None:
    """Of two invoices of one reference each has its own payment, and would accept the other's."""
    amount = case.cents(5_000, 9_000)
    first, second = case.left(amount), case.left(amount + Decimal("0.30"))
    case.match("Charges", first, case.right(amount - Decimal("0.05"), 1))
    case.match("Charges", second, case.right(amount + Decimal("0.33"), 1))


def trap_tolerance_tie(case: Case) -> None:
    """One payment as far from the one as from the other."""
    amount = case.cents(5_000, 9_000)
    case.left(amount - Decimal("0.20"))
    case.left(amount + Decimal("0.20"))
    case.right(amount, 1)


def twins(case: Case) -> None:
    """Equal in all: as many pairs as both sides have."""
    amount, one, other = case.signed(), case.books.number(), case.books.number()
    lefts, rights = case.random.choice(((3, 2), (2, 3), (5, 5), (1, 4)))
    for _ in range(lefts):
        case.left(amount, stand=one)
    for _ in range(rights):
        case.right(amount, stand=other)
    for _ in range(min(lefts, rights)):
        case.match("Exact", one, other)


def twins_over_rules(case: Case) -> None:
    """Three a day, of which the bank shows one the same day and two later."""
    amount, one, later = case.signed(), case.books.number(), case.books.number()
    for _ in range(3):
        case.left(amount, stand=one)
    case.match("Exact", one, case.right(amount))
    for _ in range(2):
        case.right(amount, 3, stand=later)
        case.match("Date window", one, later)


def twins_of_several_days(case: Case) -> None:
    amount = case.signed()
    for day in range(0, 20, 7):
        one, other = case.books.number(), case.books.number()
        for _ in range(2):
            case.left(amount, day, stand=one)
            case.right(amount, day + 2, stand=other)
            case.match("Date window", one, other)


def chain(case: Case) -> None:
    """The first would rather have the payment of the second, whose it is."""
    amount = case.signed()
    first, second = case.left(amount), case.left(amount, 3)
    case.match("Date window", second, case.right(amount, 4))
    case.match("Date window", first, case.right(amount, 5))


def trap_chain_tied(case: Case) -> None:
    """The second is as near to both, and the first only to what may be the second's."""
    amount = case.signed()
    case.left(amount)
    case.left(amount, 4)
    case.right(amount, 3)
    # In no batch either: their sums would be equal.
    case.right(amount, 5)
    case.left(case.cents(), -1)


def tie_settled_by_the_sum(case: Case) -> None:
    """No pair is better than another; all of them together are one batch."""
    amount = case.signed()
    rows = [case.left(amount), case.left(amount, 2), case.right(amount, 1), case.right(amount, 1)]
    case.match("Batches", rows[0], rows[1], rows[2], rows[3])


def trap_other_currency(case: Case) -> None:
    amount = case.signed()
    case.left(amount, currency="USD")
    case.right(amount, currency="CHF")


def currencies_of_one_reference(case: Case) -> None:
    """One document in two currencies, the same number in both."""
    amount = case.signed()
    for currency in ("EUR", "USD", "JPY"):
        case.match("Date window", case.left(amount, currency=currency), case.right(amount, 2, currency=currency))


def trap_account_spelling(case: Case) -> None:
    """An account is a code: 0012 is not 12, and a blank makes another one."""
    number = str(case.books.number())
    left, right = case.random.choice((("00" + number, number), (number + "X", number + "x"), (number, f"A{number}")))
    amount = case.signed()
    case.left(amount, account=left)
    case.right(amount, account=right)


def trap_no_account(case: Case) -> None:
    """Two rows that both lack something have nothing in common."""
    if case.random.random() < 0.5:
        case.account = None
    else:
        case.currency = None
    amount = case.signed()
    case.left(amount)
    case.right(amount)


def mistyped(case: Case) -> None:
    """One or two mistakes, whatever the letters: in Greek and Cyrillic a letter is one letter too."""
    number = f"{case.books.number() * 7919 % 10_000_000:07}"
    pairs = {
        "INV-{}": "1NV-{}",
        "INVOICE {}": "1NV0ICE {}",  # two look-alikes
        "\u0410ЖД-{}": "AЖД-{}",  # the first letter is Latin
        "ЖЁД\u0410\u0421-{}": "ЖЁДAC-{}",  # the last two are
        "ΩΔΞΠ/{}": "ΔΩΞΠ/{}",  # swapped
        "ÉTÉ-{}": "ETE-{}",
        "Rechnung {}": "RECHNUNG{}",
        "RE\u2013{}": "re-{}",  # another hyphen
        "FACTURÉ {}": "FACTURE\u0301 {}",  # one letter, written as two
        "{}-2028": "{}-2O28",
    }
    left = case.random.choice(list(pairs))
    amount = case.signed()
    one = case.left(amount, reference=left.format(number))
    case.match("Mistyped", one, case.right(amount, 2, reference=pairs[left].format(number)))


def mistyped_nearest(case: Case) -> None:
    """One mistake from the one invoice, two from the other."""
    number, amount = f"{case.books.number() * 7919 % 1_000_000:06}", case.signed()
    case.left(amount, 2, reference=f"INV-{number}88")
    one = case.left(amount, reference=f"INV-{number}77")
    case.match("Mistyped", one, case.right(amount, 2, reference=f"INV-{number}7"))


def trap_three_mistakes(case: Case) -> None:
    number = case.books.number() * 7919 % 10_000_000
    amount = case.signed()
    case.left(amount, reference=f"INVOICE {number:07}")
    case.right(amount, reference=f"1NV01CE {number:07}")


def trap_short_reference(case: Case) -> None:
    """One letter of four is no mistake, it is another document; four digits without their hyphens too."""
    left, right = case.random.choice((("A-12", "A-13"), ("7731", "7732"), ("ÄÖ12", "ÄÖ13"), ("СЧ-1", "СЧ-2")))
    amount = case.signed()
    case.left(amount, reference=left)
    case.right(amount, reference=right)


def trap_alike_tie(case: Case) -> None:
    """Between two invoices that differ where the bank has nothing."""
    number, amount = f"{case.books.number() * 7919 % 1_000_000:06}", case.signed()
    case.left(amount, reference=f"INV-{number}1")
    case.left(amount, reference=f"INV-{number}2")
    case.right(amount, reference=f"INV-{number}")


def no_reference(case: Case) -> None:
    """Either side may lack it, or both."""
    case.alone()
    amount, days = case.signed(), case.random.choice((-1, 0, 3, 5))
    none = case.random.choice((None, " " * 16, "\u00a0"))
    left, right = case.random.choice(((none, case.reference), (case.reference, none), (none, none)))
    case.match("No reference", case.left(amount, reference=left), case.right(amount, days, reference=right))


def no_reference_other_too_early(case: Case) -> None:
    """The same amount, by a day not within the days of the transfer."""
    case.alone()
    amount = case.signed()
    case.left(amount, -1, reference=case.new_reference())
    case.match("No reference", case.left(amount, 5), case.right(amount, 5, reference=None))


def trap_no_reference_two_rows(case: Case) -> None:
    """Two may be the one, on whichever side; that one of them is nearer proves nothing."""
    case.alone()
    amount, one, other = case.signed(), case.left, case.right
    if case.random.random() < 0.5:
        one, other = other, one
    one(amount, 1, reference=None)
    other(amount, 1, reference=case.new_reference())
    other(amount, 0, reference=case.random.choice((None, case.new_reference())))


def trap_blank_references(case: Case) -> None:
    """Blanks that fill a field up are not the same reference of three payments, nor of a batch."""
    case.alone()
    case.reference = " " * 16
    amount = case.signed()
    case.left(amount)
    case.left(amount, 1)
    case.right(amount)
    case.right(amount, 1)


def trap_no_reference_twins(case: Case) -> None:
    """Two customers pay the same the same day: two and two, and nobody says who is who."""
    case.alone()
    amount = case.signed()
    for _ in range(2):
        case.left(amount, reference=case.new_reference())
        case.right(amount, reference=None)


def trap_two_references(case: Case) -> None:
    amount = case.signed()
    case.left(amount, reference=f"INV-{case.books.number():07}1234")
    case.right(amount, reference=f"INV-{case.books.number():07}5678")


KINDS: tuple[Kind, ...] = (
    exact_odd_amounts, exact_odd_references, window_ends, trap_window_passed, trap_leap_day, tolerance_met,
    trap_tolerance_passed, trap_other_sign, tolerance_nearest, trap_tolerance_tie, twins, twins_over_rules,
    twins_of_several_days, chain, trap_chain_tied, tie_settled_by_the_sum, trap_other_currency,
    currencies_of_one_reference, trap_account_spelling, trap_no_account, mistyped, trap_three_mistakes,
    trap_short_reference, trap_alike_tie, mistyped_nearest, no_reference, no_reference_other_too_early,
    trap_no_reference_two_rows, trap_blank_references,
    trap_no_reference_twins, trap_two_references,
)  # fmt: skip

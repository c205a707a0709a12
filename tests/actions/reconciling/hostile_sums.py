"""Cases of batches, reversals and transfers that pay several items, and of sums that must not be taken."""

from __future__ import annotations

from decimal import Decimal

from tests.actions.reconciling.hostile import Case, Kind


def parts_of(case: Case, count: int) -> list[Decimal]:
    """Amounts of which none is near another, nor near a sum of others."""
    return [case.cents(6_000_000 << number, 7_500_000 << number) for number in range(count)]


def batch_with_credits(case: Case) -> None:
    """Paid with a credit note taken off."""
    one, two, credit = parts_of(case, 3)
    amounts, total = (one, two, -credit), one + two - credit
    single, many = (case.left, case.right) if case.random.random() < 0.5 else (case.right, case.left)
    # The single row in the middle of the window, seen from either side.
    case.match(
        "Batches", single(total, 1), *(many(amount, days) for amount, days in zip(amounts, (0, 1, 2), strict=True))
    )


def batch_in_window_ends(case: Case) -> None:
    one, two = parts_of(case, 2)
    case.match("Batches", case.left(one + two), case.right(one, -1), case.right(two, 5))


def batch_of_a_hundred(case: Case) -> None:
    """Wages: one transfer, and among its parts equal ones."""
    parts = [case.cents(100_000, 900_000) for _ in range(50)] * 2
    rows = [case.right(amount, 1) for amount in parts]
    case.match("Batches", case.left(sum(parts, Decimal())), *rows)


def trap_batch_part_late(case: Case) -> None:
    one, two = parts_of(case, 2)
    case.left(one + two)
    case.right(one, 1)
    case.right(two, 6)


def trap_batch_a_cent_short(case: Case) -> None:
    one, two = parts_of(case, 2)
    case.left(one + two)
    case.right(one, 1)
    case.right(two - Decimal("0.01"), 1)


def batch_with_an_equal_row(case: Case) -> None:
    """Many to many: what is equal is a pair, and the rest is the batch."""
    same, one, two = parts_of(case, 3)
    case.match("Date window", case.left(same), case.right(same, 2))
    case.match("Batches", case.left(one), case.left(two, 1), case.right(one + two, 2))


def batch_every_month(case: Case) -> None:
    """One reference for good, as of a card terminal: each batch is matched with its own parts."""
    case.day = case.day.replace(year=2027, month=8)
    for month in range(4):
        one, two = parts_of(case, 2)
        days = 30 * month
        case.match("Batches", case.left(one + two, days), case.right(one, days + 1), case.right(two, days + 2))


def batch_and_a_late_stranger(case: Case) -> None:
    """Months later the reference is there once more, on one side."""
    case.day = case.day.replace(year=2027, month=9)
    one, two = parts_of(case, 2)
    case.match("Batches", case.left(one), case.left(two), case.right(one + two, 3))
    case.random.choice((case.left, case.right))(case.cents(), 65)


def trap_batch_and_a_stranger(case: Case) -> None:
    """Within the days of the batch: nobody knows which rows are the batch."""
    one, two, other = parts_of(case, 3)
    case.left(one + two)
    case.right(one, 1)
    case.right(two, 2)
    case.right(other, 2)


def trap_batches_that_swap(case: Case) -> None:
    """Over all months the sums are equal, and in none of them."""
    case.day = case.day.replace(year=2027, month=10)
    one, two, three, four = parts_of(case, 4)
    case.left(one + two)
    case.right(three, 1)
    case.right(four, 2)
    case.left(three + four, 30)
    case.right(one, 31)
    case.right(two, 32)


def reversals_that_are_both_nothing(case: Case) -> None:
    """Taken back in the books, and another amount at the bank: nothing is equal to nothing, and proves as much."""
    one, two = parts_of(case, 2)
    case.match("Reversals", case.left(one), case.left(-one, 1))
    case.match("Reversals", case.right(two), case.right(-two, 1))


def reversal(case: Case) -> None:
    """On either side, at the limit, and dated back."""
    amount, days = case.signed(), case.random.choice((10, -10, 0, 3))
    add = case.random.choice((case.left, case.right))
    case.match("Reversals", add(amount), add(-amount, days))


def trap_reversal_late(case: Case) -> None:
    amount, add = case.signed(), case.random.choice((case.left, case.right))
    add(amount)
    add(-amount, 11)


def reversal_booked_again(case: Case) -> None:
    """Booked, taken back, booked again, and paid once."""
    amount = case.signed()
    rows = case.left(amount), case.left(-amount, 1), case.left(amount, 2)
    case.match("Reversals", rows[0], rows[1])
    case.match("Date window", rows[2], case.right(amount, 4))


def reversal_of_one_of_three(case: Case) -> None:
    """Plus, minus, plus: the nearer one is taken back."""
    amount, add = case.signed(), case.random.choice((case.left, case.right))
    case.match("Reversals", add(amount), add(-amount, 2))
    add(amount, 7)


def trap_reversal_tie(case: Case) -> None:
    amount, add = case.signed(), case.random.choice((case.left, case.right))
    add(amount)
    add(-amount, 3)
    add(amount, 6)


def reversal_of_a_twin(case: Case) -> None:
    amount, one, add = case.signed(), case.books.number(), case.random.choice((case.left, case.right))
    add(amount, stand=one)
    add(amount, stand=one)
    case.match("Reversals", one, add(-amount, 1))


def trap_reversal_elsewhere(case: Case) -> None:
    """The same amounts of two documents, and of two currencies."""
    amount = case.signed()
    case.left(amount)
    case.left(-amount, reference=case.new_reference())
    case.left(-amount, currency="USD")


def _paid(case: Case, count: int, sign: int = 1) -> tuple[list[int], Decimal]:
    """Open items of the books 0 to 5 days before the day of the case, and their sum."""
    amounts = [amount * sign for amount in parts_of(case, count)]
    days = [0, -5, *(case.random.randrange(-5, 1) for _ in range(count))]
    rows = [case.left(amount, day, reference=case.new_reference()) for amount, day in zip(amounts, days, strict=False)]
    return rows, sum(amounts, Decimal())


def paid_together(case: Case) -> None:
    """Two to four items, payments or refunds, with items of the other sign and of too early days around them."""
    case.alone()
    sign = case.random.choice((1, -1))
    rows, total = _paid(case, case.random.choice((2, 3, 4)), sign)
    case.match("Paid together", *rows, case.right(total, reference=None))
    case.left(-sign * case.cents(), -1, reference=case.new_reference())
    case.left(sign * case.cents(), -6, reference=case.new_reference())


def paid_from_the_other_side(case: Case) -> None:
    case.alone()
    one, two = parts_of(case, 2)
    rows = [case.right(amount, -1, reference=case.new_reference()) for amount in (one, two)]
    case.match("Paid together", *rows, case.left(one + two, reference=None))


def paid_among_forty(case: Case) -> None:
    """Forty items are looked through. So large an amount is no sum of theirs by chance."""
    case.alone()
    rows, total = _paid(case, 2)
    for _ in range(38):
        case.left(case.cents(100, 10_000), -1, reference=case.new_reference())
    case.match("Paid together", *rows, case.right(total, reference=None))


def trap_paid_among_forty_one(case: Case) -> None:
    case.alone()
    _, total = _paid(case, 2)
    for _ in range(39):
        case.left(case.cents(100, 10_000), -1, reference=case.new_reference())
    case.right(total, reference=None)


def trap_paid_five(case: Case) -> None:
    case.alone()
    _, total = _paid(case, 5)
    case.right(total, reference=None)


def trap_paid_too_early(case: Case) -> None:
    """One of its items is of six days before, or of the day after."""
    case.alone()
    one, two = parts_of(case, 2)
    case.left(one, reference=case.new_reference())
    case.left(two, case.random.choice((-6, 1)), reference=case.new_reference())
    case.right(one + two, reference=None)


def trap_paid_twin_items(case: Case) -> None:
    """Two items of one amount: either of them may be in the sum."""
    case.alone()
    one, two = parts_of(case, 2)
    for amount in (one, two, two):
        case.left(amount, -1, reference=case.new_reference())
    case.right(one + two, reference=None)


def trap_paid_one_or_two(case: Case) -> None:
    """Two single items are the amount, and so are two others together."""
    case.alone()
    one, two = parts_of(case, 2)
    for amount in (one, two, one + two, one + two):
        case.left(amount, -1, reference=case.new_reference())
    case.right(one + two, reference=None)


def trap_paid_round(case: Case) -> None:
    """Of whole hundreds there are few, and any of them is a sum of some."""
    case.alone()
    for amount in (100, 200, 400, 900):
        case.left(Decimal(amount), -1, reference=case.new_reference())
    case.right(Decimal(300), reference=None)


def paid_just_no_chance(case: Case) -> None:
    """Of two items there is one sum: a hundredth of 1.00 in cents."""
    case.alone()
    rows = [case.left(Decimal(amount), -1, reference=case.new_reference()) for amount in ("0.33", "0.67")]
    case.match("Paid together", *rows, case.right(Decimal(1), reference=None))


def trap_paid_just_a_chance(case: Case) -> None:
    case.alone()
    for amount in ("0.33", "0.66"):
        case.left(Decimal(amount), -1, reference=case.new_reference())
    case.right(Decimal("0.99"), reference=None)


def paid_by_what_is_paid(case: Case) -> None:
    """The bank's transfer takes two items of the books, one of which has no reference and is a sum of the bank's items:
    the sides are looked at in their order, and the first one takes it."""
    case.alone()
    one, two, three = parts_of(case, 3)
    rows = case.left(one + two, reference=None), case.left(three, reference=case.new_reference())
    case.right(one, -1, reference=case.new_reference())
    case.right(two, -1, reference=case.new_reference())
    case.match("Paid together", *rows, case.right(one + two + three, reference=None))


def trap_paid_by_two(case: Case) -> None:
    """Both transfers would take the same item."""
    case.alone()
    one, two, three = parts_of(case, 3)
    for amount in (one, two, three):
        case.left(amount, -1, reference=case.new_reference())
    case.right(one + two, reference=None)
    case.right(one + three, reference=None)


def trap_paid_sum_of_signs(case: Case) -> None:
    """With a credit among the items nearly any amount is some sum."""
    case.alone()
    one, two = parts_of(case, 2)
    case.left(one + two, -1, reference=case.new_reference())
    case.left(-two, -1, reference=case.new_reference())
    case.right(one, reference=None)


KINDS: tuple[Kind, ...] = (
    batch_with_credits, batch_in_window_ends, batch_of_a_hundred, trap_batch_part_late, trap_batch_a_cent_short, batch_with_an_equal_row,
    batch_every_month, batch_and_a_late_stranger, trap_batch_and_a_stranger, trap_batches_that_swap,
    reversals_that_are_both_nothing, reversal, trap_reversal_late, reversal_booked_again, reversal_of_one_of_three,
    trap_reversal_tie, reversal_of_a_twin, trap_reversal_elsewhere, paid_together, paid_from_the_other_side,
    paid_among_forty, trap_paid_among_forty_one, trap_paid_five, trap_paid_too_early, trap_paid_twin_items,
    trap_paid_one_or_two, trap_paid_round, paid_just_no_chance,
    trap_paid_just_a_chance, paid_by_what_is_paid, trap_paid_by_two, trap_paid_sum_of_signs,
)  # fmt: skip

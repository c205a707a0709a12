"""What a statement says, in whatever format: its account, its balances and the entries that were booked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from procession.actions.problems import Problem


class StatementKind(StrEnum):
    """The value is how a message calls it."""

    MT940 = "MT940"
    MT942 = "MT942"
    CAMT_052 = "camt.052"
    CAMT_053 = "camt.053"
    CAMT_054 = "camt.054"
    BAI2 = "BAI2"
    OFX = "OFX"


# Reports within a day and notices of single entries have no balances to prove them.
WITH_BALANCES = frozenset({StatementKind.MT940, StatementKind.CAMT_053, StatementKind.BAI2, StatementKind.OFX})
OPENING, CLOSING, AVAILABLE = "opening", "closing", "available"
BALANCES_MAX = 1_000  # of one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedEntry:
    """A row: the amount is signed, in the account's currency unless `currency` says another one.

    `reference` is one that the account's holder may know; the bank's own, which no ledger has, is `bank_reference`: in
    its place, it would hide from a reconciliation that there is none.
    """

    amount: Decimal
    currency: str = ""
    booked_on: date | None = None
    value_on: date | None = None
    reference: str = ""
    end_to_end_id: str = ""
    party: str = ""
    party_account: str = ""
    text: str = ""
    code: str = ""
    bank_reference: str = ""
    corrects: str = ""  # of OFX: the number of the transaction in whose place it is
    is_deletion: bool = False  # it says no more than that
    original_amount: Decimal | None = None
    original_currency: str = ""
    charges: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBalance:
    kind: str
    on: date | None
    amount: Decimal
    currency: str = ""  # if not that of its statement


@dataclass(slots=True, kw_only=True)
class BankStatement:
    """A statement while it is read; the numbers are known when its last line is.

    `place` says where it begins, for messages. `opening` and `closing` are the balances that its entries must connect;
    None where it has none, or says itself that they need not. `totals` is currency -> sum of the rows.
    """

    kind: StatementKind
    place: str
    account: str = ""
    currency: str = ""
    name: str = ""
    number: int | None = None
    page: int | None = None
    begins_within: bool = False  # it is a page, and not the first
    goes_on: bool = False  # it is a page, and not the last
    on: date | None = None
    opening: Decimal | None = None
    closing: Decimal | None = None
    balances: list[AccountBalance] = field(default_factory=list)
    totals: dict[str, Decimal] = field(default_factory=dict)
    entries: int = 0
    not_booked: int = 0  # announced only, and left out
    undivided: int = 0  # collective entries whose transactions do not add up to them
    undated: int = 0
    moved_days: int = 0  # of a 30th of February
    reversed_total: Decimal = Decimal(0)  # of CAMT's reversals, as they were read

    def add_balance(self, kind: str, on: date | None, amount: Decimal, currency: str = "") -> None:
        """Raises Problem for more than any bank writes."""
        if len(self.balances) >= BALANCES_MAX:
            raise Problem(f"{self.place}: it has more than {BALANCES_MAX:,} balances")
        own = currency if currency != self.currency else ""
        self.balances.append(AccountBalance(kind=kind, on=on, amount=amount, currency=own))


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Turns what a reader finds wrong with a value (ValueError) into a Problem that names the place."""
    try:
        yield
    except ValueError as error:
        raise Problem(f"{place}: {error}") from None

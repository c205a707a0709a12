"""A second pair of ledgers, made of cases that each know what is right: what must match, by which rule, and what must not.

`ledgers.py` plants what is common. This plants what two ledgers do to each other at the edges: limits met to the cent
and passed by one, rows that stand for one another, references that recur, look alike or are written in other letters,
sums that are sums by accident. A case is a handful of rows; the cases of a kind differ by chance. Rows of a ledger
belong to accounts that all cases share, but for those with open rows without a reference: any transfer of an account
may pay them.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

LEFT, RIGHT = 0, 1
SIDES = ("left", "right")
FIRST_MONTH = (2027, 7)  # with a leap day in the eighth of twelve months
MONTHS = 12
NAMES = (
    ("entry_id", "account", "currency", "booked_on", "reference", "amount", "party"),
    ("line_id", "account_no", "ccy", "value_on", "bank_reference", "paid", "counterparty"),
)
_TYPES = ("VARCHAR", "VARCHAR", "VARCHAR", "DATE", "VARCHAR", "DECIMAL(38,4)", "VARCHAR")
# Of banks and offices that are not English, with blanks and zeros that belong to them.
_SERIES = ("INV-2027-{:07}", "{:010}", "RF18 {:08} X", "ΩΔΞ/{:07}", "ЖЁД-{:07}", "facture {:07} é", "{:07}.1")
# A match: the rule's name, and what each of its rows stands for.
Match = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`stand`: rows of one number stand for one another."""

    side: int
    kind: str
    stand: int
    account: str | None
    currency: str | None
    day: date
    reference: str | None
    amount: Decimal


@dataclass(slots=True, kw_only=True)
class Books:
    random: random.Random
    rows: list[Row] = field(default_factory=list)
    expected: Counter[Match] = field(default_factory=Counter)
    kind_of: dict[int, str] = field(default_factory=dict)  # by stand
    count: int = 0  # of numbers given: stands, references, accounts

    def number(self) -> int:
        self.count += 1
        return self.count

    def write(self, folder: Path) -> None:
        """left.parquet, right.parquet, the same as CSV, and each month of them as left-1.parquet and so on."""
        connection = duckdb.connect()
        for side, name in enumerate(SIDES):
            rows = [row for row in self.rows if row.side == side]
            self.random.shuffle(rows)
            made = folder / f"{name}.csv"
            with made.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(NAMES[side])
                writer.writerows(_cells(row, number) for number, row in enumerate(rows))
            _as_parquet(connection, made, side)


def _cells(row: Row, number: int) -> tuple[object, ...]:
    name = f"{SIDES[row.side][0].upper()}{number:07}-{row.stand}"
    amount = f"{row.amount:f}"
    return name, row.account, row.currency, row.day, row.reference, amount, f"{row.kind} {row.stand}"


def _as_parquet(connection: duckdb.DuckDBPyConnection, made: Path, side: int) -> None:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in zip(NAMES[side], _TYPES, strict=True))
    source = f"read_csv('{made}', header = true, auto_detect = false, columns = {{{columns}}}, quote = '\"')"
    connection.execute(f"COPY (FROM {source}) TO '{made.with_suffix('.parquet')}' (FORMAT parquet)")
    for number, (first, last) in enumerate(periods(), start=1):
        connection.execute(
            f"COPY (FROM {source} WHERE {NAMES[side][3]} BETWEEN DATE '{first}' AND DATE '{last}') "
            f"TO '{made.with_name(f'{made.stem}-{number}.parquet')}' (FORMAT parquet)"
        )


def periods() -> Iterator[tuple[date, date]]:
    """First and last day of each month; the first and the last one reach as far as there are rows."""
    firsts = [first_of(number) for number in range(MONTHS + 1)]
    for number in range(MONTHS):
        first = date(1900, 1, 1) if number == 0 else firsts[number]
        last = date(2999, 1, 1) if number == MONTHS - 1 else firsts[number + 1] - timedelta(days=1)
        yield first, last


def first_of(number: int) -> date:
    year, month = FIRST_MONTH
    return date(year + (month - 1 + number) // 12, (month - 1 + number) % 12 + 1, 1)


class Case:
    """One of a kind. `day` is in the middle of a month, and amounts are such as no other case has."""

    def __init__(self, books: Books, kind: str) -> None:
        self.books, self.kind, self.random = books, kind, books.random
        self.account: str | None = f"10{self.random.randrange(1 + len(books.rows) // 400):04}"
        self.currency: str | None = "EUR"
        self.day = first_of(self.random.randrange(MONTHS)) + timedelta(days=self.random.randrange(8, 12))
        self.reference: str | None = self.new_reference()

    def alone(self) -> None:
        """In an account of its own: other cases' open rows are no candidates."""
        self.account = f"20{self.books.number():07}"

    def new_reference(self) -> str:
        return self.random.choice(_SERIES).format(self.books.number() * 7919 % 10_000_000)

    def cents(self, least: int = 20_000, most: int = 99_999_999) -> Decimal:
        """Of odd cents, so that no power of ten divides it."""
        return Decimal(self.random.randrange(least, most) // 10 * 10 + self.random.choice((1, 3, 7, 9))) / 100

    def signed(self) -> Decimal:
        return self.cents() * self.random.choice((1, 1, 1, -1))

    def row(self, side: int, amount: Decimal, days: int = 0, *, stand: int | None = None, **other: str | None) -> int:
        """Adds a row, so many days behind the day of the case; returns what it stands for."""
        stand = stand or self.books.number()
        self.books.kind_of[stand] = self.kind
        columns = {"account": self.account, "currency": self.currency, "reference": self.reference} | other
        made = Row(
            side=side, kind=self.kind, stand=stand, day=self.day + timedelta(days=days), amount=amount, **columns
        )
        self.books.rows.append(made)
        return stand

    def left(self, amount: Decimal, days: int = 0, **more: int | str | None) -> int:
        return self.row(LEFT, amount, days, **more)  # type: ignore[arg-type]

    def right(self, amount: Decimal, days: int = 0, **more: int | str | None) -> int:
        return self.row(RIGHT, amount, days, **more)  # type: ignore[arg-type]

    def match(self, rule: str, *stands: int) -> None:
        self.books.expected[rule, tuple(sorted(stands))] += 1


Kind = Callable[[Case], None]


def make(kinds: Sequence[Kind], rows: int, seed: int) -> Books:
    """About so many rows a side: half of them cases of all kinds in turn, the rest plain pairs."""
    books = Books(random=random.Random(seed))  # noqa: S311
    while len(books.rows) < rows:
        for kind in kinds:
            kind(Case(books, kind.__name__))
    while len(books.rows) < 2 * rows:
        plain(Case(books, "plain"))
    return books


def plain(case: Case) -> None:
    amount, days = case.signed(), case.random.randrange(-1, 6)
    case.match("Date window" if days else "Exact", case.left(amount), case.right(amount, days))

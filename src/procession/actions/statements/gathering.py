"""Gathers the rows of all statements into files of the step's folder, so that memory does not grow with them."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from procession.actions import values
from procession.actions.problems import Problem
from procession.actions.statements.facts import BankStatement, BookedEntry, StatementKind

STATEMENTS_MAX = 200_000  # of a step; each is remembered
TEXT_CHARACTERS_MAX = 100_000
TRANSACTIONS, BALANCES, STATEMENTS = "transactions.csv", "balances.csv", "statements.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStatement:
    """What is remembered of a statement: enough to compare it with the others.

    `digest` is of its rows and balances. Two that are equal in `identity` are one statement.
    """

    ordinal: int
    kind: StatementKind
    place: str
    account: str
    currency: str
    name: str
    number: int | None
    page: int | None
    begins_within: bool
    goes_on: bool
    on: date | None
    opening: Decimal | None
    closing: Decimal | None
    has_balances: bool
    digest: bytes

    @property
    def identity(self) -> tuple[str, str, str, str]:
        return (self.kind, self.account, self.currency, self.name)


class _DigestedRows:
    """A file of rows of the statement `ordinal`, each of which its digest takes in as it is written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self, lineterminator="\n")
        self.ordinal = 0
        self.digest = hashlib.sha256()

    def add(self, cells: tuple[object, ...]) -> None:
        self._rows.writerow(cells)

    def write(self, text: str) -> None:
        """Called by the writer, with a whole row."""
        self.digest.update(text.encode())
        self._file.write(f"{self.ordinal},{text}")

    def end(self) -> bytes:
        """The digest of the rows since the last call; the rows that follow are of the next statement."""
        found, self.digest = self.digest.digest(), hashlib.sha256()
        self.ordinal += 1
        return found

    def close(self) -> None:
        self._file.close()


@dataclass(slots=True, kw_only=True)
class StatementGatherer:
    """`read` has every statement in order; counts are of all files. Its files are closed by `close`."""

    folder: Path
    file_name: str = ""
    read: list[ReadStatement] = field(default_factory=list)
    entries: int = 0
    not_booked: int = 0
    undivided: list[str] = field(default_factory=list)
    undated: list[str] = field(default_factory=list)
    moved_days: list[str] = field(default_factory=list)
    _files: dict[str, _DigestedRows] = field(default_factory=dict)

    def open(self) -> None:
        for name in (TRANSACTIONS, BALANCES, STATEMENTS):
            self._files[name] = _DigestedRows(self.folder / name)

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def add(self, statement: BankStatement, entry: BookedEntry) -> None:
        """Raises Problem for a text that is too long to be one."""
        currency = entry.currency or statement.currency
        statement.totals[currency] = statement.totals.get(currency, Decimal(0)) + entry.amount
        statement.entries += 1
        statement.undated += entry.booked_on is None
        cells = (
            currency if entry.currency else "", entry.booked_on, entry.value_on, entry.amount,
            entry.reference, entry.end_to_end_id, entry.party, entry.party_account, entry.text, entry.code,
            entry.bank_reference, entry.corrects, entry.is_deletion, entry.original_amount,
            entry.original_currency, entry.charges,
        )  # fmt: skip
        if len(entry.text) > TEXT_CHARACTERS_MAX:
            raise Problem(
                f"{statement.place}: entry {statement.entries:,} has more than {TEXT_CHARACTERS_MAX:,} letters"
            )
        self._files[TRANSACTIONS].add(cells)

    def end(self, statement: BankStatement) -> None:
        """Raises Problem where the balances and the entries do not add up."""
        check_balances(statement)
        if len(self.read) >= STATEMENTS_MAX:
            raise Problem(f"{statement.place}: there are more than {STATEMENTS_MAX:,} statements; give fewer files")
        for balance in statement.balances:
            self._files[BALANCES].add((balance.currency, balance.kind, balance.on, balance.amount))
        header = (statement.account, statement.currency, statement.name, statement.kind, self.file_name)
        # Not in the digest below: the same statement is given twice in files of other names.
        self._files[STATEMENTS].add(header)
        self._files[STATEMENTS].end()
        digest = self._files[TRANSACTIONS].end() + self._files[BALANCES].end()
        self.read.append(self._remembered(statement, digest))
        self.entries += statement.entries
        self.not_booked += statement.not_booked
        self.undivided += [statement.place] * statement.undivided
        self.undated += [statement.place] * statement.undated
        self.moved_days += [statement.place] * statement.moved_days

    def _remembered(self, statement: BankStatement, digest: bytes) -> ReadStatement:
        return ReadStatement(
            ordinal=len(self.read),
            kind=statement.kind,
            place=statement.place,
            account=statement.account,
            currency=statement.currency,
            name=statement.name,
            number=statement.number,
            page=statement.page,
            begins_within=statement.begins_within,
            goes_on=statement.goes_on,
            on=statement.on,
            opening=statement.opening,
            closing=statement.closing,
            has_balances=bool(statement.balances),
            digest=digest,
        )


def check_balances(statement: BankStatement) -> None:
    """Raises Problem unless the entries lead from the opening to the closing balance."""
    if statement.opening is None or statement.closing is None:
        return
    total = statement.totals.get(statement.currency, Decimal(0))
    if statement.opening + total == statement.closing:
        return
    shown = (statement.opening, total, statement.opening + total, statement.closing)
    opening, moved, should, closing = values.alike(*shown)
    many = "1 entry" if statement.entries == 1 else f"{statement.entries:,} entries"
    told = f"is an entry missing, or not in {statement.currency}?"
    if statement.reversed_total and shown[2] - 2 * statement.reversed_total == statement.closing:
        told = "with its reversals the other way it adds up: change the setting `reversals`"
    raise Problem(
        f"{statement.place}: the opening balance {opening} and its {many} ({moved}) give"
        f" {should}, and its closing balance is {closing}; {told}"
    )

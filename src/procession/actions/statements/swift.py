"""MT940 and MT942: statements of SWIFT's format, each from a :20: to the next one, or to the end of its message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from procession.actions import values
from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.statements import amounts, numbered_lines, swift_details, swift_fields, swift_lines
from procession.actions.statements.facts import (
    AVAILABLE,
    CLOSING,
    OPENING,
    BankStatement,
    BookedEntry,
    StatementKind,
    placed,
)
from procession.actions.statements.gathering import StatementGatherer
from procession.actions.statements.swift_details import SwiftDetails
from procession.actions.statements.swift_fields import SwiftField
from procession.actions.statements.swift_lines import SwiftLine, SwiftSum

_NUMBER = re.compile(r"([0-9]{1,9})(?:\s*/\s*([0-9]{1,9}))?")
_ACCOUNT_AND_CURRENCY = re.compile(r"([A-Z]{2}[0-9]{2}[A-Z0-9]{10,30})\s*([A-Z]{3})")
_BALANCES = {
    "60F": OPENING, "60M": f"{OPENING} of a page", "62F": CLOSING, "62M": f"{CLOSING} of a page", "64": AVAILABLE,
    "65": f"{AVAILABLE} later",
}  # fmt: skip
_WITHIN = frozenset({"60", "60F", "60M", "61", "62", "62F", "62M"})
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_MODULUS = 97


@dataclass(slots=True, kw_only=True)
class _SwiftStatement:
    """A statement under way. `line` is its last :61:, whose :86: may follow."""

    statement: BankStatement
    begun_at: str
    line: SwiftLine | None = None
    about: list[str] = field(default_factory=list)
    raw_account: str = ""
    counts: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    sums: dict[str, SwiftSum] = field(default_factory=dict)


def read(source: FileInput, encoding: str | None, gatherer: StatementGatherer, warnings: list[str]) -> None:
    """Adds every statement of the file. Raises Problem naming the line."""
    lines = numbered_lines.read(source, encoding, gatherer.folder, warnings)
    doing: _SwiftStatement | None = None
    for one in swift_fields.fields(lines, source.called):
        place = f"line {one.line} of {source.called}"
        if doing is not None and _begins(one, doing):
            _finish(doing, gatherer)
            # A page within one message has the account of the first.
            doing = _begin(place, "" if one.tag == "20" else doing.raw_account) if one.tag != swift_fields.END else None
        # Dutch banks leave the :20: out.
        elif doing is None and one.tag in {"20", "25", "25P"}:
            doing = _begin(place, "")
        elif doing is None and one.tag in _WITHIN:
            # Its statement ended before it, at a line of text that was no more than a hyphen, say.
            raise Problem(f"{place}: the field :{one.tag}: stands outside of a statement")
        if doing is not None:
            with placed(place):
                _take(one, doing, gatherer)


def _begins(one: SwiftField, doing: _SwiftStatement) -> bool:
    """Whether a field is the first of another statement: some banks write several into one message."""
    has_begun = bool(doing.statement.balances) or doing.statement.entries > 0 or doing.line is not None
    return one.tag in {"20", swift_fields.END} or (one.tag in {"25", "25P", "28", "28C", "60F", "60M"} and has_begun)


def _begin(place: str, account: str) -> _SwiftStatement:
    statement = BankStatement(kind=StatementKind.MT940, place=place, account=account)
    return _SwiftStatement(statement=statement, begun_at=place, raw_account=account)


def _take(one: SwiftField, doing: _SwiftStatement, gatherer: StatementGatherer) -> None:
    statement = doing.statement
    match one.tag:
        case "25" | "25P":
            statement.account = doing.raw_account = " ".join(one.value.split())
        case "28" | "28C":
            _take_number(one.value, statement)
        case "60" | "60F" | "60M" | "62" | "62F" | "62M" | "64" | "65":
            _flush(doing, gatherer)
            _take_balance(one, statement)
        case "61":
            _flush(doing, gatherer)
            doing.line = swift_lines.line(one.lines)
        case "86":
            # Behind the closing balance it is about the statement, and not about its last entry.
            if doing.line is not None:
                doing.about += one.lines
        case "34F":
            statement.kind = StatementKind.MT942
            statement.currency = swift_lines.floor_currency(one.value)
        # Reports of one day have no number that tells them apart, but a time.
        case "13D" | "13":
            statement.on = amounts.short_day(one.value[:6])
            statement.name = f"{one.value[6:8]}:{one.value[8:10]}" if one.value[6:10].isdigit() else ""
        case "90D" | "90C":
            _flush(doing, gatherer)
            doing.sums[one.tag[-1]] = swift_lines.sum_of_entries(one.value)


def _take_number(text: str, statement: BankStatement) -> None:
    if found := _NUMBER.fullmatch(text):
        statement.number = int(found[1])
        statement.page = int(found[2]) if found[2] else None


def _take_balance(one: SwiftField, statement: BankStatement) -> None:
    found = swift_lines.balance(one.value)
    tag = {"60": "60F", "62": "62F"}.get(one.tag, one.tag)
    if statement.currency and statement.currency != found.currency and tag[:2] in {"60", "62"}:
        raise ValueError(f"the balance is in {found.currency}, and the statement in {statement.currency}")
    statement.currency = statement.currency or found.currency
    statement.add_balance(_BALANCES[tag], found.on, found.amount, found.currency)
    if tag[:2] == "60":
        statement.opening, statement.on = found.amount, found.on
        statement.begins_within = tag == "60M"
    elif tag[:2] == "62":
        statement.closing, statement.on = found.amount, found.on
        statement.goes_on = tag == "62M"


def _flush(doing: _SwiftStatement, gatherer: StatementGatherer) -> None:
    """Adds the entry under way, whose :86: is complete now."""
    line, doing.line = doing.line, None
    about, doing.about = doing.about, []
    if line is None:
        return
    statement = doing.statement
    statement.moved_days += line.is_moved
    count, total = doing.counts.get(line.mark, (0, Decimal(0)))
    doing.counts[line.mark] = count + 1, total + abs(line.amount)
    if not line.is_booked:
        statement.not_booked += 1
        return
    details = swift_details.parse(about)
    opening_on = statement.balances[0].on if statement.opening is not None else None
    gatherer.add(statement, _entry(line, details, swift_lines.booked_on(line, opening_on)))


def _entry(line: SwiftLine, details: SwiftDetails, booked_on: date) -> BookedEntry:
    return BookedEntry(
        amount=line.amount,
        booked_on=booked_on,
        value_on=line.value_on,
        reference=line.reference or details.reference,
        bank_reference=line.bank_reference,
        end_to_end_id=details.end_to_end_id,
        party=details.party,
        # Rabobank writes it alone, below the statement line.
        party_account=details.party_account or (line.more if _is_iban(line.more) else ""),
        text=details.text or ("" if _is_iban(line.more) else line.more),
        code=details.code or line.code,
    )


def _finish(doing: _SwiftStatement, gatherer: StatementGatherer) -> None:
    statement = doing.statement
    with placed(doing.begun_at):
        _flush(doing, gatherer)
    if statement.opening is None and statement.closing is None and doing.sums:
        statement.kind = StatementKind.MT942
    # Cut off in the middle of a transfer, it would look like a statement with fewer entries. A report within the day
    # may begin with the balance of the day before.
    if statement.kind is StatementKind.MT940 and (statement.opening is None) != (statement.closing is None):
        without = "closing balance (:62F:)" if statement.closing is None else "opening balance (:60F:)"
        raise Problem(f"{doing.begun_at}: the statement has no {without}; did the file arrive whole?")
    _check_sums(doing)
    statement.account = _account(statement.account, statement.currency)
    statement.name = _name(statement)
    gatherer.end(statement)


def _check_sums(doing: _SwiftStatement) -> None:
    """Raises Problem where the counted and summed entries (:90D:, :90C:) are not those that there are."""
    for letter, wanted in doing.sums.items():
        # Banks differ in whether a reversed debit is a debit, and whether expected ones count.
        ways = [frozenset(marks) for marks in _ways(letter)]
        found = [
            (sum(doing.counts[mark][0] for mark in way if mark in doing.counts),
             sum((doing.counts[mark][1] for mark in way if mark in doing.counts), Decimal(0)))
            for way in ways
        ]  # fmt: skip
        if (wanted.count, wanted.total) not in found:
            told, is_ = values.alike(wanted.total, found[0][1])
            what = "debits" if letter == "D" else "credits"
            raise Problem(
                f"{doing.begun_at}: its end (:90{letter}:) says {wanted.count:,} {what} of {told}, and there are"
                f" {found[0][0]:,} of {is_}"
            )


def _ways(letter: str) -> Iterator[tuple[str, ...]]:
    other = "C" if letter == "D" else "D"
    for reversal in (f"R{other}", f"R{letter}"):
        yield letter, reversal
        yield letter, reversal, f"E{letter}"


def _account(text: str, currency: str) -> str:
    """Without the currency that some banks write behind an IBAN, which its check digits tell from it."""
    found = _ACCOUNT_AND_CURRENCY.fullmatch(text)
    if found and found[2] == currency and _is_iban(found[1]):
        return found[1]
    return text


def _is_iban(text: str) -> bool:
    """By its check digits, as ISO 13616 has them."""
    return (
        _IBAN.fullmatch(text) is not None
        and int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % _MODULUS == 1
    )


def _name(statement: BankStatement) -> str:
    """The day and the number: alone, numbers begin anew each year, and some banks write the same one every day."""
    number = "" if statement.number is None else str(statement.number)
    page = "" if statement.page is None else f"/{statement.page}"
    on = "" if statement.on is None else f"{statement.on:%Y-%m-%d}"
    return " ".join(part for part in (on, statement.name, f"{number}{page}") if part)

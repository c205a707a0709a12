"""OFX and QFX: what banks of America and others give for download, with a number (FITID) for each transaction.

Source: Open Financial Exchange 1.6 (SGML) and 2.3 (XML).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.statements import amounts, ofx_tokens
from procession.actions.statements.facts import (
    AVAILABLE,
    CLOSING,
    BankStatement,
    BookedEntry,
    StatementKind,
    placed,
)
from procession.actions.statements.gathering import StatementGatherer
from procession.model import currencies

_STATEMENTS = frozenset({"STMTRS", "CCSTMTRS"})
_PENDING = frozenset({"STMTTRNP"})
_INVESTMENTS = "INVSTMTRS"
# Elements with elements in them; all others hold a value.
_HOLDERS = _STATEMENTS | _PENDING | frozenset(
    {"OFX", "STATUS", "STMTTRN", "BANKACCTFROM", "CCACCTFROM", "BANKACCTTO", "CCACCTTO", "LEDGERBAL", "AVAILBAL"}
    | {"BANKTRANLIST", "BANKTRANLISTP", "PAYEE", "CURRENCY", "ORIGCURRENCY", "SONRS", "STMTTRNRS", "CCSTMTTRNRS"}
    | {"BALLIST", "BAL", "IMAGEDATA", _INVESTMENTS, "FI"}
)  # fmt: skip
_LEVELS_MAX = 50
_ZERO_LIKE = frozenset({"NULL", "-NULL"})


@dataclass(slots=True, kw_only=True)
class _OfxFile:
    """`within` are the open elements, `values` those in the open transaction or balance, by their path in it."""

    source: FileInput
    gatherer: StatementGatherer
    within: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    statement: BankStatement | None = None
    from_day: date | None = None
    number: int = 0
    found: int = 0
    investments: int = 0
    has_end: bool = False

    @property
    def place(self) -> str:
        if self.statement is None:
            return self.source.called
        return f"transaction {self.number:,} of {self.statement.place}" if self.number else self.statement.place


def read(source: FileInput, encoding: str | None, gatherer: StatementGatherer, warnings: list[str]) -> None:
    """Adds every account as a statement. Raises Problem."""
    file = _OfxFile(source=source, gatherer=gatherer)
    for is_closing, name, value in ofx_tokens.tokens(source, encoding, warnings):
        with placed(file.place):
            if is_closing:
                _close(name, file)
            elif name in _HOLDERS:
                _open(name, file)
            else:
                _take(name, value, file)
    if not file.has_end:
        raise Problem(f"{source.called} ends without </OFX>; did it arrive whole?")
    if file.investments:
        said = f"{source.called} holds a statement of investments, which this does not read"
        if not file.found:
            raise Problem(said)
        warnings.append(said)
    if not file.found:
        raise Problem(f"{source.called} holds no statement of an account")


def _open(name: str, file: _OfxFile) -> None:
    if len(file.within) >= _LEVELS_MAX:
        raise ValueError(f"elements are nested more than {_LEVELS_MAX} deep")
    file.within.append(name)
    file.investments += name == _INVESTMENTS
    if name in _STATEMENTS and file.statement is None:
        file.found += 1
        place = f"statement {file.found:,} of {file.source.called}"
        file.statement, file.number, file.from_day = BankStatement(kind=StatementKind.OFX, place=place), 0, None
    elif name in {"STMTTRN", "LEDGERBAL", "AVAILBAL", "STATUS", *_PENDING}:
        file.values = {}
        file.number += name == "STMTTRN"


def _take(name: str, value: str, file: _OfxFile) -> None:
    if not value or not file.within:
        return
    inner, statement = file.within[-1], file.statement
    outer = file.within[-2] if len(file.within) > 1 else ""
    if inner in {"STMTTRN", "LEDGERBAL", "AVAILBAL", "STATUS"}:
        file.values.setdefault(name, value)
    elif outer == "STMTTRN":
        file.values.setdefault(f"{inner}/{name}", value)
    elif statement is None:
        return
    elif inner in {"BANKACCTFROM", "CCACCTFROM"} and outer in _STATEMENTS and name == "ACCTID":
        statement.account = value
    elif inner in _STATEMENTS and name == "CURDEF":
        statement.currency = value.upper()
    elif inner == "BANKTRANLIST" and name in {"DTSTART", "DTEND"}:
        _take_period(name, day(value), file)


def _take_period(name: str, found: date, file: _OfxFile) -> None:
    assert file.statement is not None
    if name == "DTSTART":
        file.from_day = found
    else:
        file.statement.on = found


def _close(name: str, file: _OfxFile) -> None:
    file.has_end |= name == "OFX"
    if name not in file.within:
        return
    # In the old form a bank may forget to close what is within.
    while file.within and file.within[-1] != name:
        _close(file.within[-1], file)
    file.within.pop()
    statement = file.statement
    if name == "STATUS" and file.values.get("SEVERITY", "").upper() == "ERROR":
        said = file.values.get("MESSAGE") or "no reason given"
        raise ValueError(f"the bank answered with an error ({file.values.get('CODE', '')[:20]}): {said[:200]}")
    if statement is None:
        if name == "STMTTRN" and _INVESTMENTS not in file.within:
            raise ValueError("a transaction stands outside of a statement of an account")
        return
    if name == "STMTTRN" and _INVESTMENTS not in file.within:
        file.gatherer.add(statement, _entry(file.values, statement))
    elif name in _PENDING:
        statement.not_booked += 1
    elif name in {"LEDGERBAL", "AVAILBAL"} and file.values.get("BALAMT"):
        amount, on = amount_of(file.values["BALAMT"], statement.currency), file.values.get("DTASOF", "")
        statement.add_balance(CLOSING if name == "LEDGERBAL" else AVAILABLE, day(on) if on else None, amount)
    elif name in _STATEMENTS:
        _finish(statement, file)


def _finish(statement: BankStatement, file: _OfxFile) -> None:
    if statement.on is None:
        statement.on = next((one.on for one in statement.balances), None)
    days = [f"{one:%Y-%m-%d}" for one in (file.from_day, statement.on) if one is not None]
    statement.name = " to ".join(days)
    file.gatherer.end(statement)
    file.statement, file.number = None, 0


def day(text: str) -> date:
    """The day of 20260131, or of 20260131235900.000[-5:EST] as it was in that zone. Raises ValueError."""
    return amounts.long_day(text.strip()[:8])


def _entry(parts: dict[str, str], statement: BankStatement) -> BookedEntry:
    """Raises ValueError for a transaction without a day or an amount."""
    # The sign is that of the amount: the type (DEBIT, XFER) turns nothing, because banks choose it freely.
    number = parts.get("FITID", "")  # some banks leave it empty
    for name in ("TRNAMT", "DTPOSTED"):
        if not parts.get(name):
            raise ValueError(f"it has no {name}")
    # For a note of the bank's, say of a new rate of interest, some write no number.
    amount = Decimal(0) if parts["TRNAMT"].upper() in _ZERO_LIKE else amount_of(parts["TRNAMT"], statement.currency)
    available = parts.get("DTAVAIL", "")
    original = parts.get("ORIGCURRENCY/CURSYM", "").upper()
    # Within CURRENCY the amount is not in the statement's own one.
    currency = parts.get("CURRENCY/CURSYM", "").upper()
    return BookedEntry(
        amount=amount,
        currency=currency if currency != statement.currency else "",
        booked_on=day(parts["DTPOSTED"]),
        value_on=day(available) if available else None,
        reference=parts.get("CHECKNUM") or parts.get("REFNUM", ""),
        party=parts.get("NAME") or parts.get("PAYEE/NAME", ""),
        party_account=parts.get("BANKACCTTO/ACCTID") or parts.get("CCACCTTO/ACCTID", ""),
        text=" ".join(parts.get("MEMO", "").split()),
        code=parts.get("TRNTYPE", ""),
        bank_reference=number,
        corrects=parts.get("CORRECTFITID", ""),
        is_deletion=parts.get("CORRECTACTION", "").upper() == "DELETE",
        original_currency=original if original != statement.currency else "",
    )


def amount_of(text: str, currency: str) -> Decimal:
    """An amount; the standard takes a comma for a decimal mark too. Raises ValueError where it may mean thousands."""
    amount = amounts.signed(text)
    _, comma, behind = text.strip().removesuffix("-").partition(",")
    if comma and len(behind) == 3 and "." not in text and currencies.decimals_of(currency) != 3:
        raise ValueError(f'"{text[:40]}" may be a number with a fraction or one of thousands; ask the bank for a point')
    return amount

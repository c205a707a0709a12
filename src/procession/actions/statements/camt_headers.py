"""What a statement of CAMT says of itself: its account, number, balances, and how many entries it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from procession.actions.statements import amounts
from procession.actions.statements.camt_parts import Parts, first
from procession.actions.statements.facts import AVAILABLE, CLOSING, OPENING, BankStatement, StatementKind

_ZERO = Decimal(0)
_CODES, _DAYS = ("Tp/CdOrPrtry/Cd", "Tp/Cd", "Tp/CdOrPrtry/Prtry"), ("Dt/Dt", "Dt/DtTm", "Dt")
_PAGED = ("Stmt", "Rpt", "Ntfctn", "Msg")
# ISO 20022, ExternalBalanceType1Code.
_BALANCES = {
    "OPBD": OPENING, "PRCD": f"{CLOSING} before", "CLBD": CLOSING, "ITBD": "interim", "CLAV": AVAILABLE,
    "OPAV": f"{OPENING} {AVAILABLE}", "ITAV": f"interim {AVAILABLE}", "FWAV": f"{AVAILABLE} later", "XPCD": "expected",
}  # fmt: skip


def identify(statement: BankStatement, headers: Parts, balances: Sequence[Parts]) -> None:
    """Account, currency, name and number, as far as they were read. Raises ValueError."""
    statement.account = first(
        headers, "Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id", "Acct/Id/BBAN", "Acct/Id/UPIC"
    ).replace(" ", "")
    currency = headers.get("Acct/Ccy", "")
    statement.currency = currency or next(
        (one["Amt@Ccy"] for one in balances if one.get("Amt@Ccy")), statement.currency
    )
    moment = headers.get("CreDtTm", "")
    number = first(headers, "ElctrncSeqNb", "LglSeqNb")
    statement.number = int(number) if number.isdigit() and len(number) <= 18 else None
    page = first(headers, *(f"{name}Pgntn/PgNb" for name in _PAGED))
    statement.page = int(page) if page.isdigit() and len(page) <= 9 else None
    is_page = (statement.page or 1) > 1 or _ends(headers, _PAGED) is False
    # A message has pages too, between which statements need not be cut.
    if is_page and any(f"{name}Pgntn/PgNb" in headers for name in _PAGED[:-1]):
        statement.begins_within, statement.goes_on = page.lstrip("0") != "1", _ends(headers, _PAGED[:-1]) is False
    closed = [first(one, *_DAYS) for one in balances if first(one, *_CODES) == "CLBD"]
    # When it was made comes last: a statement that is sent again was made again, and is the same statement.
    day = first(headers, "FrToDt/ToDtTm", "FrToDt/ToDt") or "".join(closed[:1]) or moment
    statement.on = amounts.iso_day(day) if day else None
    # With its day, because banks begin their ids anew each year.
    id_ = headers.get("Id", "") + (f"/{statement.page}" if is_page and statement.page else "")
    statement.name = " ".join(part for part in (f"{statement.on or ''}", id_) if part)


def _ends(headers: Parts, names: Sequence[str]) -> bool | None:
    """Whether it says that it is the last page; None where it says nothing."""
    told = first(headers, *(f"{name}Pgntn/LastPgInd" for name in names))
    return None if not told else told in {"true", "1"}


def take_balances(statement: BankStatement, balances: Sequence[Parts]) -> None:
    """The balances, and which two of them its entries must connect. Raises ValueError."""
    by_code: dict[str, list[Decimal]] = {}
    for parts in balances:
        # A currency of its own: a balance of another one says nothing of these entries.
        amount = signed(parts, parts.get("Amt", ""))
        code, day = first(parts, *_CODES), first(parts, *_DAYS)
        on = amounts.iso_day(day) if day else None
        statement.add_balance(_BALANCES.get(code, code), on, amount, parts.get("Amt@Ccy", ""))
        if parts.get("Amt@Ccy", statement.currency) == statement.currency:
            by_code.setdefault(code, []).append(amount)
    interim = by_code.get("ITBD", [])
    opening = by_code.get("OPBD", []) or by_code.get("PRCD", []) or interim[:1]
    # With an opening balance of its own, the last interim one closes a page.
    closing = by_code.get("CLBD", []) or (interim[-1:] if len(interim) > (opening == interim[:1]) else [])
    # A report within the day has what is new only, and its interim balance is that of the whole day.
    if statement.kind is StatementKind.CAMT_053 or (statement.kind is StatementKind.CAMT_052 and "CLBD" in by_code):
        statement.opening = opening[0] if opening else None
        statement.closing = closing[-1] if closing else None


def signed(parts: Parts, text: str) -> Decimal:
    """An amount with the sign that its CdtDbtInd gives. Raises ValueError."""
    amount, sign = amounts.plain(text), parts.get("CdtDbtInd")
    if sign not in {"CRDT", "DBIT"}:
        raise ValueError(f'"{sign or ""}" is neither credit nor debit (CdtDbtInd)')
    return amount if sign == "CRDT" else -amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    what: str
    told: Decimal
    found: Decimal


@dataclass(slots=True, kw_only=True)
class CountedEntries:
    """The entries of a statement, counted to be compared with its own summary (TxsSummry).

    `found` is number and sum, by the summary's name for them and by whether only booked ones count.
    """

    found: dict[tuple[str, bool], tuple[int, Decimal]] = field(default_factory=dict)

    def add(self, amount: Decimal, *, is_booked: bool) -> None:
        """The signed amount of an entry."""
        for kind in ("TtlNtries", "TtlDbtNtries" if amount < 0 else "TtlCdtNtries"):
            # Banks differ in whether entries that are announced only are in it.
            for booked_only in (False, True) if is_booked else (False,):
                count, total = self.found.get((kind, booked_only), (0, _ZERO))
                self.found[kind, booked_only] = count + 1, total + abs(amount)

    def contradictions(self, headers: Parts) -> Iterator[Contradiction]:
        """What the summary says otherwise, of all entries and of the booked ones. Raises ValueError."""
        page, last = (first(headers, *(f"{name}Pgntn/{part}" for name in _PAGED)) for part in ("PgNb", "LastPgInd"))
        # Each of several pages has the summary of all.
        if page and (page.lstrip("0") != "1" or last not in {"true", "1"}):
            return
        for kind in ("TtlNtries", "TtlCdtNtries", "TtlDbtNtries"):
            for place, name in enumerate(("NbOfNtries", "Sum")):
                text = headers.get(f"TxsSummry/{kind}/{name}")
                found = [self.found.get((kind, booked_only), (0, _ZERO))[place] for booked_only in (False, True)]
                if text is not None and (told := amounts.plain(text)) not in found:
                    yield Contradiction(what=f"{kind} {name}", told=told, found=Decimal(found[0]))

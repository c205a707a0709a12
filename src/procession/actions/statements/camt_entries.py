"""An entry of CAMT as rows: as it was booked, or a row for each of its transactions where these add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from procession.actions.statements import amounts, camt_headers
from procession.actions.statements.camt_parts import Parts, first
from procession.actions.statements.facts import BankStatement, BookedEntry

_NOT_GIVEN = frozenset({"NOTPROVIDED", "NOT PROVIDED"})
# Where the amount of a transaction stands, by version and bank; the one in the account's currency is taken.
_AMOUNTS = ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/CntrValAmt/Amt", "AmtDtls/InstdAmt/Amt")
_ORIGINALS = ("AmtDtls/InstdAmt/Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/CntrValAmt/Amt", "Amt")
_CHARGES = ("Chrgs/TtlChrgsAndTaxAmt", "Chrgs/Rcrd/Amt", "Chrgs/Amt")
_TEXTS = ("RmtInf/Ustrd", "RmtInf/Strd/AddtlRmtInf", "AddtlTxInf")
_BOOKED = "BOOK"
_SIDES = ("Dbtr", "Cdtr")
_NAMES = {
    side: (
        f"RltdPties/{side}/Nm", f"RltdPties/{side}/Pty/Nm", f"RltdPties/{side}/Pty/OrgId/Nm",
        f"RltdPties/Ultmt{side}/Nm", f"RltdPties/Ultmt{side}/Pty/Nm",
    )
    for side in _SIDES
}  # fmt: skip
_ACCOUNTS = {side: (f"RltdPties/{side}Acct/Id/IBAN", f"RltdPties/{side}Acct/Id/Othr/Id") for side in _SIDES}


@dataclass(frozen=True, slots=True, kw_only=True)
class CamtEntry:
    """An entry with its transactions; the amount is signed, in `currency`."""

    amount: Decimal
    currency: str
    own_currency: str
    own_account: str
    is_booked: bool
    is_reversal: bool
    turned: bool
    booked_on: date | None
    value_on: date | None
    parts: Parts
    details: Sequence[Parts]


def entry_of(parts: Parts, details: Sequence[Parts], statement: BankStatement, *, turned: bool = False) -> CamtEntry:
    """Raises ValueError. `turned` if CdtDbtInd of a reversal is that of what it takes back."""
    amount, is_reversal = camt_headers.signed(parts, parts.get("Amt", "")), parts.get("RvslInd") in {"true", "1"}
    booked, value = (first(parts, f"{name}/Dt", f"{name}/DtTm", name) for name in ("BookgDt", "ValDt"))
    currency = parts.get("Amt@Ccy", statement.currency)
    # A statement that does not name its currency has that of its first entry.
    statement.currency = statement.currency or currency
    return CamtEntry(
        amount=-amount if turned and is_reversal else amount,
        turned=turned and is_reversal,
        currency=currency,
        own_currency=statement.currency,
        own_account=statement.account,
        is_booked=first(parts, "Sts", "Sts/Cd", "Sts/Prtry") in {_BOOKED, ""},
        is_reversal=is_reversal,
        booked_on=amounts.iso_day(booked) if booked else None,
        value_on=amounts.iso_day(value) if value else None,
        parts=parts,
        details=details,
    )


def rows(entry: CamtEntry, *, split: bool) -> list[BookedEntry]:
    """One row, or with `split` one for each transaction, whose amounts add up to the entry. Raises ValueError.

    What is left over is a row of its own where it is the charges. Else the entry stays whole: a share that nobody
    stated must not be made up.
    """
    if not split or len(entry.details) < 2:
        # The entry's own amount: a single transaction may be told without the charges, or in another currency.
        is_single = len(entry.details) == 1 and not is_collective(entry)
        return [_row(entry, entry.details[0] if is_single else {}, entry.amount)]
    shares = [_share(entry, parts) for parts in entry.details]
    if None in shares:
        return [_row(entry, {}, entry.amount)]
    left = entry.amount - sum((share for share in shares if share is not None), Decimal(0))
    found = [_row(entry, parts, share) for parts, share in zip(entry.details, shares, strict=True) if share is not None]
    if not left:
        return found
    if abs(left) != abs(_charges_of(entry)):
        return [_row(entry, {}, entry.amount)]
    return [*found, _row(entry, {"AddtlTxInf": "Charges"}, left)]


def is_collective(entry: CamtEntry) -> bool:
    """Whether it is of several transactions, of which it may tell only some."""
    count = entry.parts.get("NtryDtls/Btch/NbOfTxs", "")
    # Banks tell the first of a batch alone: its party has not paid the whole of it.
    return bool(entry.details) and (len(entry.details) > 1 or (count.isdecimal() and int(count[:9]) > 1))


def _share(entry: CamtEntry, parts: Parts) -> Decimal | None:
    """The signed amount of a transaction in the entry's currency; None if it is not told in it."""
    for path in _AMOUNTS:
        if path in parts and parts.get(f"{path}@Ccy", entry.currency) == entry.currency:
            amount = amounts.plain(parts[path])
            # A batch may hold payments that came back, which go the other way than the whole.
            sign = parts.get("CdtDbtInd")
            comes_in = entry.amount >= 0 if sign is None else (sign == "CRDT") != entry.turned
            return amount if comes_in else -amount
    return None


def _charges_of(entry: CamtEntry) -> Decimal:
    """Of the entry, or of all its transactions."""
    return _charges(entry.parts, entry.currency) or sum(
        (_charges(parts, entry.currency) for parts in entry.details), Decimal(0)
    )


def _charges(parts: Parts, currency: str) -> Decimal:
    for one in _CHARGES:
        # A bank abroad takes its own in its own currency, beside those of this one.
        path = one if parts.get(f"{one}@Ccy", currency) == currency else f"{one}@{currency}"
        if path in parts:
            return sum(map(amounts.plain, parts[path].split()), Decimal(0))
    return Decimal(0)


def _row(entry: CamtEntry, parts: Parts, amount: Decimal) -> BookedEntry:
    party, account = _counterparty(entry, parts)
    bank = first(parts, "Refs/AcctSvcrRef") or first(entry.parts, "AcctSvcrRef", "NtryRef")
    # What is said of a whole collective entry is not said of each transaction in it.
    is_whole = not parts or len(entry.details) == 1
    known = entry.parts if is_whole else {}
    # Neither its charges nor what was paid in all: whoever adds the rows up would have them once for each.
    original = _original(entry, (parts, known), amount)
    structured = first(
        parts, "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/CdtrRefInf/CdtrRef", "RmtInf/Strd/RfrdDocInf/Nb"
    )
    texts = [parts[path] for path in _TEXTS if path in parts]
    return BookedEntry(
        amount=amount,
        currency=entry.currency if entry.currency != entry.own_currency else "",
        booked_on=entry.booked_on,
        value_on=entry.value_on,
        # The number of a batch is the holder's own.
        reference=structured or known.get("NtryDtls/Btch/PmtInfId", ""),
        end_to_end_id=_given(parts.get("Refs/EndToEndId", "")),
        party=party,
        party_account=account,
        text=" ".join(" ".join([*(texts[:1] or [known.get("AddtlNtryInf", "")]), *_reason(parts)]).split()),
        code=_code(parts) or _code(entry.parts),
        bank_reference=bank,
        original_amount=original[0],
        original_currency=original[1],
        charges=_charges(parts, entry.currency) or _charges(known, entry.currency) or None,
    )


def _reason(parts: Parts) -> list[str]:
    """Why a payment came back."""
    return [parts[path] for path in ("RtrInf/Rsn/Cd", "RtrInf/AddtlInf") if path in parts]


def _given(text: str) -> str:
    return "" if text.upper() in _NOT_GIVEN else text


def _code(parts: Parts) -> str:
    """The code of the standard, as PMNT-RCDT-ESCT, or else the bank's own."""
    domain = (parts.get(f"BkTxCd/Domn/{path}", "") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd"))
    return "-".join(part for part in domain if part) or parts.get("BkTxCd/Prtry/Cd", "")


def _counterparty(entry: CamtEntry, parts: Parts) -> tuple[str, str]:
    """Name and account of the other side: who pays what comes in, who gets what goes out; the reverse of a reversal."""
    comes_in = (entry.amount >= 0) != entry.is_reversal
    sides = ("Dbtr", "Cdtr") if comes_in else ("Cdtr", "Dbtr")
    for side in sides:
        name, account = first(parts, *_NAMES[side]), first(parts, *_ACCOUNTS[side]).replace(" ", "")
        # Banks name the account's own holder too, at times in the place of the other side.
        if (name or account) and not (account and account == entry.own_account):
            return name, account
    return "", ""


def _original(entry: CamtEntry, told: Sequence[Parts], amount: Decimal) -> tuple[Decimal | None, str]:
    """The amount in another currency that was paid, with the sign of the row."""
    for source in told:
        for path in _ORIGINALS:
            currency = source.get(f"{path}@Ccy", "")
            if path in source and currency not in {"", entry.currency}:
                found = amounts.plain(source[path])
                return (found if amount >= 0 else -found), currency
    return None, ""

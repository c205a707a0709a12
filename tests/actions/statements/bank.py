"""A bank that writes one statement in every format: a second writer, which shares nothing with what reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

IBAN = "DE89370400440532013000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A movement: positive amounts come in."""

    amount: Decimal
    booked_on: date = date(2026, 1, 31)
    value_on: date = date(2026, 1, 31)
    reference: str = "REF1"
    text: str = "text"
    is_reversal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """`closing` is what the bank says; left out, it is right."""

    moved: list[Moved] = field(default_factory=list)
    account: str = IBAN
    currency: str = "EUR"
    number: int = 1
    opening: Decimal = Decimal("100.00")
    opening_on: date = date(2025, 12, 31)
    closing_on: date = date(2026, 1, 31)
    said_closing: Decimal | None = None

    @property
    def closing(self) -> Decimal:
        return (
            self.opening + sum((one.amount for one in self.moved), Decimal(0))
            if self.said_closing is None
            else self.said_closing
        )


def swift(*months: Month, end: str = "\n") -> bytes:
    lines: list[str] = []
    for month in months:
        lines += [":20:STARTUMSE", f":25:{month.account}", f":28C:{month.number}/1"]
        lines.append(f":60F:{_swift_balance(month.opening, month.opening_on, month.currency)}")
        for one in month.moved:
            comes_in = one.amount >= 0
            mark = ("RD" if comes_in else "RC") if one.is_reversal else ("C" if comes_in else "D")
            amount = f"{abs(one.amount):f}".replace(".", ",")
            lines.append(f":61:{one.value_on:%y%m%d}{one.booked_on:%m%d}{mark}{amount}NTRF{one.reference}//BANK")
            lines.append(f":86:{one.text}")
        lines += [f":62F:{_swift_balance(month.closing, month.closing_on, month.currency)}", "-"]
    return "".join(line + end for line in lines).encode()


def _swift_balance(amount: Decimal, on: date, currency: str) -> str:
    return f"{'C' if amount >= 0 else 'D'}{on:%y%m%d}{currency}{abs(amount):f}".replace(".", ",")


def camt(*months: Month, version: int = 8, message: str = "053") -> bytes:
    """Of version 2 or 8, which differ in where a name, an amount and a status stand."""
    outer, inner = {
        "052": ("BkToCstmrAcctRpt", "Rpt"),
        "053": ("BkToCstmrStmt", "Stmt"),
        "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    }[message]
    name = f"urn:iso:std:iso:20022:tech:xsd:camt.{message}.001.{version:02}"
    parts = [f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{name}"><{outer}>']
    parts.append("<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-01-31T20:00:00</CreDtTm></GrpHdr>")
    for month in months:
        parts.append(
            f"<{inner}><Id>S-{month.number}</Id><ElctrncSeqNb>{month.number}</ElctrncSeqNb>"
            f"<CreDtTm>{month.closing_on}T20:00:00+01:00</CreDtTm>"
            f"<Acct><Id><IBAN>{month.account}</IBAN></Id><Ccy>{month.currency}</Ccy></Acct>"
        )
        if message == "053":
            parts.append(camt_balance("OPBD", month.opening, month.opening_on, month.currency))
            parts.append(camt_balance("CLBD", month.closing, month.closing_on, month.currency))
        parts += [camt_entry(one, month.currency, version=version) for one in month.moved]
        parts.append(f"</{inner}>")
    return "".join([*parts, f"</{outer}></Document>"]).encode()


def camt_amount(amount: Decimal, currency: str) -> str:
    return f'<Amt Ccy="{currency}">{abs(amount):f}</Amt><CdtDbtInd>{"CRDT" if amount >= 0 else "DBIT"}</CdtDbtInd>'


def camt_balance(code: str, amount: Decimal, on: date, currency: str = "EUR") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{camt_amount(amount, currency)}"
        f"<Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def camt_entry(
    one: Moved, currency: str = "EUR", *, version: int = 8, details: str | None = None, status: str = "BOOK"
) -> str:
    """`details` are the elements within NtryDtls; left out, there is one transaction."""
    if details is None:
        details = f"<TxDtls><Refs><EndToEndId>E2E</EndToEndId></Refs><RmtInf><Ustrd>{escape(one.text)}</Ustrd></RmtInf></TxDtls>"
    return (
        f"<Ntry>{camt_amount(one.amount, currency)}{'<RvslInd>true</RvslInd>' if one.is_reversal else ''}"
        f"<Sts>{status if version < 8 else f'<Cd>{status}</Cd>'}</Sts>"
        f"<BookgDt><Dt>{one.booked_on}</Dt></BookgDt><ValDt><DtTm>{one.value_on}T23:30:00-05:00</DtTm></ValDt>"
        f"<AcctSvcrRef>{escape(one.reference)}</AcctSvcrRef><NtryDtls>{details}</NtryDtls></Ntry>"
    )


def bai2(*months: Month) -> bytes:
    """Of a currency with cents."""
    groups, file_total, file_lines = [], 0, 2
    for month in months:
        rows = [
            f"03,{month.account},{month.currency},010,{_cents(month.opening)},,,015/",
            f"88,{_cents(month.closing)},,/",
        ]
        total = int(_cents(month.opening)) + int(_cents(month.closing))
        for one in month.moved:
            code = 399 if one.amount >= 0 else 699
            rows.append(f"16,{code},{_cents(abs(one.amount))},V,{one.value_on:%y%m%d},,BANK,{one.reference}/")
            rows.append(f"88,{one.text}/")
            total += int(_cents(abs(one.amount)))
        rows.append(f"49,{total},{len(rows) + 1}/")
        group = [f"02,US,BANK,1,{month.closing_on:%y%m%d},2359,,2/", *rows]
        groups += [*group, f"98,{total},1,{len(group) + 1}/"]
        file_total, file_lines = file_total + total, file_lines + len(group) + 1
    lines = ["01,BANK,US,260201,0600,1,80,,2/", *groups, f"99,{file_total},{len(months)},{file_lines}/"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _cents(amount: Decimal) -> str:
    return str(int(amount * 100))


def ofx(*months: Month, is_xml: bool = False) -> bytes:
    def leaf(name: str, value: object) -> str:
        return f"<{name}>{escape(str(value))}" + (f"</{name}>" if is_xml else "\r\n")

    head = (
        '<?xml version="1.0" encoding="UTF-8"?><?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE"?>'
        if is_xml
        else "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nENCODING:USASCII\r\nCHARSET:1252\r\n\r\n"
    )
    body = "".join(_ofx_statement(month, leaf) for month in months)
    status = f"<STATUS>{leaf('CODE', 0)}{leaf('SEVERITY', 'INFO')}</STATUS>"
    text = (
        f"{head}<OFX><SIGNONMSGSRSV1><SONRS>{status}</SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1>{body}</BANKMSGSRSV1></OFX>"
    )
    return text.encode("utf-8" if is_xml else "cp1252")


def _ofx_statement(month: Month, leaf) -> str:
    rows = "".join(
        f"<STMTTRN>{leaf('TRNTYPE', 'CREDIT' if one.amount >= 0 else 'DEBIT')}"
        f"{leaf('DTPOSTED', f'{one.booked_on:%Y%m%d}233000.000[-5:EST]')}{leaf('DTAVAIL', f'{one.value_on:%Y%m%d}')}"
        f"{leaf('TRNAMT', f'{one.amount:f}')}{leaf('FITID', f'{month.number}-{number}')}"
        f"{leaf('CHECKNUM', one.reference)}{leaf('NAME', 'Name')}{leaf('MEMO', one.text)}</STMTTRN>"
        for number, one in enumerate(month.moved)
    )
    return (
        f"<STMTTRNRS>{leaf('TRNUID', 1)}<STMTRS>{leaf('CURDEF', month.currency)}<BANKACCTFROM>{leaf('BANKID', 1)}"
        f"{leaf('ACCTID', month.account)}{leaf('ACCTTYPE', 'CHECKING')}</BANKACCTFROM><BANKTRANLIST>"
        f"{leaf('DTSTART', f'{month.opening_on:%Y%m%d}')}{leaf('DTEND', f'{month.closing_on:%Y%m%d}')}{rows}"
        f"</BANKTRANLIST><LEDGERBAL>{leaf('BALAMT', f'{month.closing:f}')}"
        f"{leaf('DTASOF', f'{month.closing_on:%Y%m%d}')}</LEDGERBAL></STMTRS></STMTTRNRS>"
    )

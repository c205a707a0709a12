"""parse_statement: bank statements of four formats to rows of transactions and balances."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.statements import statement_settings
from procession.actions.statements.statement_settings import StatementSettings
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them reads statements.
    from procession.actions.statements import parsing

    return parsing.run(context)


_MT940 = b"""\
:20:STARTUMSE
:25:NL77ABNA0574908765
:28C:3/1
:60F:C251231EUR1000,00
:61:2601021231C120,50NTRFINV-2025-118//B4711
:86:166?00GUTSCHRIFT?20EREF+E2E-77?21SVWZ+Rechnung 118?31DE89370400440532013000?32Muster GmbH
:61:2601020102RC20,50NTRFNONREF//B4712
:86:Returned payment
:62F:C260102EUR1100,00
-
"""
_CAMT = b"""\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>
<Id>S-7</Id><ElctrncSeqNb>7</ElctrncSeqNb><CreDtTm>2026-01-31T20:00:00+01:00</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>PRCD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">50</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-01-30</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">20.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-01-31</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-01-31</Dt></BookgDt><ValDt><Dt>2026-01-31</Dt></ValDt><AcctSvcrRef>R1</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls>
<TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>
<RltdPties><Cdtr><Pty><Nm>Ann</Nm></Pty></Cdtr></RltdPties></TxDtls>
<TxDtls><Refs><EndToEndId>E2</EndToEndId></Refs><Amt Ccy="EUR">20.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>
<RltdPties><Cdtr><Pty><Nm>Bob</Nm></Pty></Cdtr></RltdPties></TxDtls>
</NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>
"""
_HEADINGS = (
    b"account,currency,booked_on,value_on,amount,reference,end_to_end_id,party,party_account,text,code,statement,line\n"
)

SWIFT_EXAMPLE = Example(
    settings={
        "files": ["${files.bank}"],
        "outputs": {
            "transactions": "${work.transactions}",
            "balances": {"to": "${work.balances}", "as": "balances.csv"},
        },
    },
    inputs={"files.bank": ("statement.sta", _MT940)},
    targets={"work.transactions": OutputTarget(type="File"), "work.balances": OutputTarget(type="File")},
    expected={
        "work.transactions": _HEADINGS
        + b"NL77ABNA0574908765,EUR,2025-12-31,2026-01-02,120.5,INV-2025-118,E2E-77,Muster GmbH,DE89370400440532013000,"
        b"Rechnung 118,166,2026-01-02 3/1,1\n"
        b"NL77ABNA0574908765,EUR,2026-01-02,2026-01-02,-20.5,,,,,Returned payment,NTRF,2026-01-02 3/1,2\n",
        "work.balances": b"account,currency,statement,kind,on,amount\n"
        b"NL77ABNA0574908765,EUR,2026-01-02 3/1,opening,2025-12-31,1000\n"
        b"NL77ABNA0574908765,EUR,2026-01-02 3/1,closing,2026-01-02,1100\n",
    },
    message="1 statement, 2 transactions",
)  # fmt: skip

CAMT_EXAMPLE = Example(
    settings={
        "files": ["${files.bank}"],
        "accounts": ["NL77 ABNA 0574 9087 65"],
        "outputs": {"transactions": "${work.transactions}"},
    },
    inputs={"files.bank": ("statement.xml", _CAMT)},
    targets={"work.transactions": OutputTarget(type="File")},
    expected={
        "work.transactions": _HEADINGS
        + b"DE89370400440532013000,EUR,2026-01-31,2026-01-31,-10,,E1,Ann,,,PMNT-ICDT-ESCT,2026-01-31 S-7,1\n"
        b"DE89370400440532013000,EUR,2026-01-31,2026-01-31,-20,,E2,Bob,,,PMNT-ICDT-ESCT,2026-01-31 S-7,2\n",
    },
    status=StepStatus.WARNING,
    message="1 statement, 2 transactions; not among the accounts: DE89370400440532013000",
)  # fmt: skip

ACTION = Action(
    kind="parse_statement",
    effect=Effect.PURE,
    title="Read bank statements",
    settings=StatementSettings,
    run=run,
    reads=statement_settings.reads,
    writes=statement_settings.writes,
    tables=statement_settings.tables,
    examples=(SWIFT_EXAMPLE, CAMT_EXAMPLE),
    check=statement_settings.check,
)

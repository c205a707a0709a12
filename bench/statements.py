"""Bank statements in CAMT, read to the rows of a step, beside a plain pass of lxml over the same file.

Each reading is a process of its own, so that its CPU seconds and its peak of memory are its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.figures import Figure, Report

PEAK_MIB_MAX = 512
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
    "<BkToCstmrStmt><Stmt><Id>S1</Id><ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-01-31T20:00:00</CreDtTm>"
    "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>"
)
_BALANCE = (
    '<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    "<Dt><Dt>2026-01-31</Dt></Dt></Bal>"
)
# Fifty elements, as German banks write them.
_ENTRY = """
<Ntry><NtryRef>{n}</NtryRef><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-01-31</Dt></BookgDt><ValDt><Dt>2026-01-31</Dt></ValDt><AcctSvcrRef>R{n}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>
<Prtry><Cd>166</Cd><Issr>DK</Issr></Prtry></BkTxCd><NtryDtls><TxDtls>
<Refs><AcctSvcrRef>A{n}</AcctSvcrRef><EndToEndId>E{n}</EndToEndId><MndtId>M</MndtId></Refs>
<Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<AmtDtls><InstdAmt><Amt Ccy="EUR">10.00</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">10.00</Amt></TxAmt></AmtDtls>
<RltdPties><Dbtr><Pty><Nm>Customer {n}</Nm></Pty></Dbtr>
<DbtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></DbtrAcct>
<Cdtr><Pty><Nm>We</Nm></Pty></Cdtr><CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct></RltdPties>
<RltdAgts><DbtrAgt><FinInstnId><BICFI>BYLADEM1001</BICFI></FinInstnId></DbtrAgt></RltdAgts>
<RmtInf><Ustrd>Invoice {n} of January</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""
_OURS = """
import sys
from pathlib import Path
from procession.actions.statements import camt
from procession.actions.statements.camt import CamtReading
from procession.actions.statements.gathering import StatementGatherer
from procession.actions.contract import FileInput
path, folder = Path(sys.argv[1]), Path(sys.argv[2])
gatherer = StatementGatherer(folder=folder)
gatherer.open()
source = FileInput(path=str(path), name=path.name, size_bytes=path.stat().st_size)
camt.read(source, gatherer, CamtReading(split=True))
gatherer.close()
assert gatherer.entries == int(sys.argv[3]), gatherer.entries
"""
_PLAIN = """
import sys
from lxml import etree
for _, node in etree.iterparse(sys.argv[1], events=("end",), tag=["{*}Ntry"]):
    node.clear()
    while node.getprevious() is not None:
        del node.getparent()[0]
"""
# The kernel's own mark: ru_maxrss begins with what the process that forked this one had.
_USED = """
import resource
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(used.ru_utime + used.ru_stime, int(peak) * 1024)
"""


class _Usage(NamedTuple):
    cpu_seconds: float
    peak_bytes: float


def measure(*, full: bool) -> Report:
    """Of 10,000 and of 100,000 entries, so that what is not linear shows."""
    small, large = 10_000, 100_000
    figures = []
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        ratios, seconds, peaks, growth = [], [], [], []
        files = {count: _write(folder / f"{count}.xml", count) for count in (small, large)}
        for _ in range(5 if full else 2):
            start = _run("", files[small], folder, small)
            few = _run(_OURS, files[small], folder, small)
            many = _run(_OURS, files[large], folder, large)
            plain = _run(_PLAIN, files[large], folder, large)
            seconds.append(many.cpu_seconds)
            ratios.append((many.cpu_seconds - start.cpu_seconds) / (plain.cpu_seconds - start.cpu_seconds))
            growth.append((many.cpu_seconds - start.cpu_seconds) / (few.cpu_seconds - start.cpu_seconds))
            peaks.append(many.peak_bytes / 2**20)
        figures = [
            Figure(name="CPU", unit="s", values=tuple(seconds)),
            Figure(name="over a plain pass of lxml", unit="x", values=tuple(ratios), at_most=10.0),
            Figure(name="over 10,000 entries, which are a tenth", unit="x", values=tuple(growth), at_most=13.0),
            Figure(name="peak", unit="MiB", values=tuple(peaks), at_most=PEAK_MIB_MAX),
        ]
    return Report(work="statements", title=f"{large:,} entries of CAMT.053 to rows", figures=tuple(figures))


def _write(path: Path, count: int) -> Path:
    with path.open("w") as file:
        file.write(_HEAD + _BALANCE.format(code="OPBD", amount="0.00"))
        file.write(_BALANCE.format(code="CLBD", amount=f"{count * 10}.00"))
        file.writelines(_ENTRY.format(n=number) for number in range(count))
        file.write("</Stmt></BkToCstmrStmt></Document>")
    return path


def _run(script: str, path: Path, folder: Path, count: int) -> _Usage:
    arguments = [sys.executable, "-c", script + _USED, str(path), str(folder), str(count)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    cpu, peak = done.stdout.split()[-2:]
    return _Usage(float(cpu), float(peak))

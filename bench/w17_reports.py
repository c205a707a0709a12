"""W17: a report of many rows as a workbook, from scratch and in a template, beside XlsxWriter in the same run.

Each writing is a process of its own, so that its CPU seconds are its own. Both read the rows from one Parquet file;
what starting Python and its libraries takes is left out of both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import openpyxl

from bench.figures import Figure, Report

_ROWS = """SELECT i AS id, lpad((i * 7919 % 99999)::VARCHAR, 5, '0') AS account,
    (i * 104729 % 200000000 / 100 - 1000000)::DECIMAL(19,4) AS amount, DATE '2024-01-01' + (i % 700)::INTEGER AS day,
    TIMESTAMP '2024-01-01 00:10:00' + INTERVAL 1 HOUR * (i % 9999) AS at, ['EUR', 'USD', 'CZK'][1 + i % 3] AS ccy,
    'Invoice ' || i AS text, i * 13 % 1000000 AS n, 'INV-' || lpad(i::VARCHAR, 7, '0') AS ref FROM range({}) r(i)"""
_START = """
import resource, sys
from pathlib import Path
import duckdb, msgspec, xlsxwriter
from procession.actions.contract import FileInput, OutputTarget
from procession.actions.kinds import excel_report
from procession.actions.reporting import filling, reporting
from tests.actions.context import LocalContext
folder = Path(sys.argv[1])
def seconds(): return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
def source(name): return FileInput(path=str(folder / name), name=name, size_bytes=(folder / name).stat().st_size)
def report(**settings):
    work = folder / 'work'
    work.mkdir()
    given = msgspec.convert({'output': '${o.r}', **settings}, excel_report.ACTION.settings)
    context = LocalContext(
        settings=given, folder=work, targets={'o.r': OutputTarget(type='File')},
        values={'f.rows': source('rows.parquet'), 'f.template': source('template.xlsx')},
    )
    outcome = excel_report.run(context)
    assert outcome.status == 'Success', outcome.message
began = seconds()
"""
_WORKS = {
    "scratch": "report(sheets=[{'sheet': 'Lines', 'source': '${f.rows}', 'totals': ['amount']}])",
    "template": "report(template='${f.template}', sheets=[{'sheet': 'Data', 'source': '${f.rows}', 'at': 'A4'}])",
    "xlsxwriter": """
book = xlsxwriter.Workbook(str(folder / 'plain.xlsx'), {'constant_memory': True, 'default_date_format': 'yyyy-mm-dd'})
sheet = book.add_worksheet()
for number, row in enumerate(duckdb.connect().execute(f"FROM '{folder}/rows.parquet'").fetchall()):
    sheet.write_row(number, 0, row)
book.close()
""",
}


def measure(*, full: bool) -> Report:
    rows = 200_000 if full else 40_000
    taken: dict[str, list[float]] = {name: [] for name in _WORKS}
    for _ in range(3):
        for name, work in _WORKS.items():
            taken[name].append(_seconds(work, rows))
    figures = (
        Figure(name="from scratch, over XlsxWriter", unit="x", values=_ratios(taken, "scratch"), at_most=0.3),
        Figure(name="in a template, over XlsxWriter", unit="x", values=_ratios(taken, "template"), at_most=0.3),
        Figure(name="from scratch, CPU", unit="s", values=tuple(taken["scratch"])),
        Figure(name="XlsxWriter, CPU", unit="s", values=tuple(taken["xlsxwriter"])),
    )
    return Report(work="W17", title=f"a report of {rows:,} rows of 9 columns", figures=figures)


def _ratios(taken: dict[str, list[float]], ours: str) -> tuple[float, ...]:
    return tuple(one / other for one, other in zip(taken[ours], taken["xlsxwriter"], strict=True))


def _seconds(work: str, rows: int) -> float:
    script = f"{_START}{work}\nprint(seconds() - began)"
    with tempfile.TemporaryDirectory() as folder:
        duckdb.connect().execute(f"COPY ({_ROWS.format(rows)}) TO '{folder}/rows.parquet' (FORMAT parquet)")
        book = openpyxl.Workbook()
        book.create_sheet("Data")["A1"] = "Report"
        book.save(Path(folder) / "template.xlsx")
        done = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])  # behind a progress bar of DuckDB

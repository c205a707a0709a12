"""XLSX and CSV outputs of a step, beside XlsxWriter's own rows and DuckDB's own CSV in the same run.

Each writing is a process of its own, so that its CPU seconds are its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

from bench.figures import Figure, Report

_ROWS = """
import resource, sys
from pathlib import Path
from procession.actions import database
from procession.actions.writing import files
from procession.actions.writing.exports import OutputOptions
folder, rows = Path(sys.argv[1]), int(sys.argv[2])
connection = database.connect(folder, 1 << 30)
connection.execute(f'''CREATE TABLE t AS SELECT i AS id, lpad((i * 7919 % 99999)::VARCHAR, 5, '0') AS account,
    (i * 104729 % 200000000 / 100 - 1000000)::DECIMAL(19,2) AS amount, 
    (i * 31 % 10000000 / 10000)::DECIMAL(12,4) AS rate,
    DATE '2024-01-01' + (i % 700)::INTEGER AS day, TIMESTAMP '2024-01-01 00:10:00' + INTERVAL 1 HOUR * (i % 9999) AS at,
    ['EUR', 'USD', 'CZK'][1 + i % 3] AS ccy, 'Invoice ' || i AS text, i * 13 % 1000000 AS n,
    'INV-' || lpad(i::VARCHAR, 7, '0') AS ref FROM range({rows}) r(i)''')
class Step:
    folder = folder
    def target(self, reference): return type('Target', (), {'file_name': '', 'type': 'File'})
    def log(self, text): pass
def write(name):
    files.write(Step(), connection, 't', OutputOptions(to='${o.r}', as_=name), default=name, warnings=[])
def seconds(): return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
began = seconds()
"""
_WORKS = {
    "xlsx": "write('t.xlsx')",
    "csv": "write('t.csv')",
    "plain csv": "connection.execute(f\"COPY t TO '{folder}/plain.csv' (FORMAT csv, HEADER)\")",
    "xlsxwriter": """
import xlsxwriter
book = xlsxwriter.Workbook(str(folder / 'plain.xlsx'), {'constant_memory': True, 'default_date_format': 'yyyy-mm-dd'})
sheet = book.add_worksheet()
for number, row in enumerate(connection.execute('FROM t').fetchall()):
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
        Figure(name="XLSX, over XlsxWriter", unit="x", values=_ratios(taken, "xlsx", "xlsxwriter"), at_most=0.2),
        Figure(name="XLSX, CPU", unit="s", values=tuple(taken["xlsx"])),
        Figure(name="CSV, over DuckDB's own", unit="x", values=_ratios(taken, "csv", "plain csv"), at_most=6),
        Figure(name="CSV, CPU", unit="s", values=tuple(taken["csv"])),
    )
    return Report(work="writing", title=f"{rows:,} rows of 10 columns written exactly", figures=figures)


def _ratios(taken: dict[str, list[float]], ours: str, theirs: str) -> tuple[float, ...]:
    return tuple(one / other for one, other in zip(taken[ours], taken[theirs], strict=True))


def _seconds(work: str, rows: int) -> float:
    script = f"{_ROWS}{work}\nprint(seconds() - began)"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", script, folder, str(rows)], capture_output=True, text=True, check=True
        )
    return float(done.stdout.split()[-1])  # behind a progress bar of DuckDB

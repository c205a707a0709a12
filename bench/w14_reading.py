"""W14: files read exactly, into typed relations, beside the fastest plain reader of each kind in the same run.

Each reading is a process of its own, so that its CPU seconds and its peak of memory are its own.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import xlsxwriter

from bench.figures import Figure, Report

HEADINGS = ["id", "account", "amount", "rate", "day", "at", "ccy", "text", "n", "ref"]
_EXACT = """
import sys
from pathlib import Path
from procession.actions import database
from procession.actions.contract import FileInput
from procession.actions.reading import columns, delimited, json_files, sheets
from procession.actions.reading.columns import WantedRelation
from procession.actions.reading.options import FileOptions
path, folder = Path(sys.argv[1]), Path(sys.argv[2])
source = FileInput(path=str(path), name=path.name, size_bytes=path.stat().st_size)
connection = database.connect(folder, 1 << 30)
options = FileOptions(file="${a.b}")
given = connection, source, options, folder
if path.suffix == ".jsonl":
    cells = json_files.read(*given, lines=True)
else:
    cells = (sheets if path.suffix == ".xlsx" else delimited).read(*given)
columns.make(connection, cells, options, WantedRelation(file=path.name, name="t"))
"""
_PLAIN = {
    ".csv": "connection.execute('CREATE TABLE t AS FROM read_csv(?, all_varchar = true)', [path])",
    ".jsonl": "connection.execute('CREATE TABLE t AS FROM read_json(?)', [path])",
    ".xlsx": "import fastexcel; sheet = fastexcel.read_excel(path).load_sheet(0);"
    " connection.execute('CREATE TABLE t AS FROM sheet')",
}
# The kernel's own mark: ru_maxrss begins with what the process that forked this one had.
_USED = """
import resource
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(used.ru_utime + used.ru_stime, int(peak) * 1024)
"""
_START = "import sys, duckdb; path = sys.argv[1]; connection = duckdb.connect(config={'threads': '2'}); "
_BARS = {".csv": 2.0, ".xlsx": 1.5, ".jsonl": 3.0}


def measure(*, full: bool) -> Report:
    """Turn by turn with the plain reader; the ratio is of CPU seconds, less those of starting Python and DuckDB."""
    scale = 1.0 if full else 0.2
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        for path in _files(folder, scale):
            ratios, walls, exact, peaks = [], [], [], []
            for _ in range(5 if full else 3):
                ours = _run(_EXACT + _USED, path, folder)
                plain = _run(_START + _PLAIN[path.suffix] + _USED, path, folder)
                start = _run(_START + _USED, path, folder)
                ratios.append((ours.cpu_seconds - start.cpu_seconds) / (plain.cpu_seconds - start.cpu_seconds))
                walls.append((ours.wall_seconds - start.wall_seconds) / (plain.wall_seconds - start.wall_seconds))
                exact.append(ours.cpu_seconds - start.cpu_seconds)
                peaks.append(ours.peak_bytes / 2**20)
            name = path.suffix[1:]
            figures += [
                Figure(
                    name=f"{name}, over the plain reader", unit="x", values=tuple(ratios), at_most=_BARS[path.suffix]
                ),
                Figure(name=f"{name}, wall over the plain reader's", unit="x", values=tuple(walls)),
                Figure(name=f"{name}, CPU", unit="s", values=tuple(exact)),
                Figure(name=f"{name}, peak", unit="MiB", values=tuple(peaks), at_most=1024),
            ]
    rows = f"{int(1_000_000 * scale):,} rows of CSV and JSON lines, {int(200_000 * scale):,} of XLSX, 10 columns"
    return Report(work="W14", title=f"read exactly: {rows}", figures=tuple(figures))


class _Used(NamedTuple):
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: float


def _run(script: str, path: Path, folder: Path) -> _Used:
    began = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(folder)], capture_output=True, text=True, check=True
    )
    wall = perf_counter() - began
    # DuckDB takes `python -c` for a person's session and shows the progress of what takes two seconds.
    cpu, peak = done.stdout.split()[-2:]
    return _Used(float(cpu), wall, float(peak))


def _files(folder: Path, scale: float) -> Iterator[Path]:
    rows = list(_rows(int(1_000_000 * scale)))
    path = folder / "rows.csv"
    path.write_text("\n".join([",".join(HEADINGS), *(",".join(map(str, row)) for row in rows)]) + "\n")
    yield path
    path = folder / "rows.jsonl"
    with path.open("w") as file:
        file.writelines(_line(row) for row in rows)
    yield path
    path = folder / "rows.xlsx"
    _write_sheet(path, rows[: int(200_000 * scale)])
    yield path


def _rows(count: int) -> Iterator[list[Any]]:
    dice = random.Random(14)  # noqa: S311 - test data
    for i in range(count):
        day = date(2024, 1, 1) + timedelta(days=dice.randint(0, 700))
        cents, rate = dice.randint(-(10**8), 10**8), dice.randint(0, 10**7)
        yield [
            *(i + 1, f"{dice.randint(1, 99_999):05d}", f"{cents / 100:.2f}", f"{rate / 10_000:.4f}", day.isoformat()),
            f"{day.isoformat()} {dice.randint(0, 23):02d}:10:00",
            *(dice.choice(["EUR", "USD", "CZK"]), f"Invoice {i}", dice.randint(0, 10**6), f"INV-{i:07d}"),
        ]


def _line(row: list[Any]) -> str:
    named = dict(zip(HEADINGS, row, strict=True))
    amounts = f'"amount": {named.pop("amount")}, "rate": {named.pop("rate")}'
    return f"{json.dumps(named)[:-1]}, {amounts}}}\n"


def _write_sheet(path: Path, rows: list[list[Any]]) -> None:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEADINGS)
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            sheet.write(number, column, float(value) if column in {2, 3} else value)
    book.close()

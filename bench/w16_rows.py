"""W16: the actions on rows, each beside the same work in plain DuckDB and, where it is installed, in plain Polars.

Each is a process of its own, turn by turn in the same run, from file to file. Ours also counts what goes in and out,
proves totals and says what it left out; the plain programs do the work alone.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.figures import Figure, Report

# What a warm process of the server has loaded before its step begins.
_WARM = """
import json, sys
from pathlib import Path
import duckdb, msgspec, xlsxwriter
from procession.actions import database, registry
from procession.actions.contract import FileInput, OutputTarget
from procession.actions.importing import importing
from procession.actions.joining import joining
from procession.actions.mapping import mapping
from procession.actions.transforming import transforming
from procession.actions.writing import files
from tests.actions.context import LocalContext
registry()
database.connect(Path(sys.argv[2]), 1 << 30).close()
"""
_OURS = """
folder, out, said = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
action = registry()[said["kind"]]
settings = msgspec.convert(said["settings"], action.settings)
values = {f"f.{key}": FileInput(path=str(folder / name), name=name, size_bytes=(folder / name).stat().st_size)
    for key, name in said["files"].items()}
targets = {name: OutputTarget(type="File") for name in action.writes(settings)}
outcome = action.run(LocalContext(settings=settings, folder=out, values=values, targets=targets))
assert outcome.status != "Failed", outcome.message
"""
_DUCKDB = """
import sys, duckdb
folder, out = sys.argv[1:3]
connection = duckdb.connect(config={"threads": "2"})
connection.execute("SET memory_limit = '600MB'")
connection.execute(f"SET temp_directory = '{out}'")
"""
_POLARS = """
import sys
import polars as pl
folder, out = sys.argv[1:3]
"""
# The kernel's own mark: ru_maxrss begins with what the process that forked this one had.
_USED = """
import resource
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(used.ru_utime + used.ru_stime, int(peak) * 1024)
"""
_TYPES = {
    "id": "Number",
    "account": "Text",
    "cost_center": "Text",
    "amount": "Money",
    "booked_on": "Date",
    "status": "Text",
}
_COLUMNS = {name: {"type": type_} for name, type_ in _TYPES.items()}
_SQL_TYPES = (
    "{'id': 'DECIMAL(38,10)', 'account': 'VARCHAR', 'cost_center': 'VARCHAR', 'amount': 'DECIMAL(19,4)', "
    "'booked_on': 'DATE', 'status': 'VARCHAR'}"
)
_COPY = "connection.execute(f\"COPY ({}) TO '{{out}}/r.parquet' (FORMAT parquet, COMPRESSION zstd)\")"
_LINES = "read_parquet('{folder}/lines.parquet')"
_PARQUET = {"to": "${o.r}", "as": "r.parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBench:
    """The same work three times. `at_most`: of DuckDB's CPU; `peak_at_most`: MiB of our own."""

    name: str
    kind: str
    files: Mapping[str, str]
    settings: Mapping[str, Any]
    duckdb: str
    polars: str = ""
    at_most: float | None = None
    peak_at_most: float | None = None


BENCHES = (
    RowBench(
        name="import CSV",
        kind="import_table",
        files={"a": "lines.csv"},
        settings={"source": "${f.a}", "columns": _COLUMNS, "output": _PARQUET},
        duckdb=_COPY.format(f"SELECT * FROM read_csv('{{folder}}/lines.csv', header=true, columns={{{_SQL_TYPES}}})"),
        polars="pl.read_csv(f'{folder}/lines.csv', schema_overrides={'account': pl.String, 'cost_center': pl.String, "
        "'amount': pl.Decimal(19, 4)}, try_parse_dates=True).write_parquet(f'{out}/r.parquet')",
        at_most=2.0,
    ),
    RowBench(
        name="import XLSX",
        kind="import_table",
        files={"a": "lines.xlsx"},
        settings={"source": "${f.a}", "columns": _COLUMNS, "output": _PARQUET},
        duckdb="import fastexcel; sheet = fastexcel.read_excel(f'{folder}/lines.xlsx').load_sheet(0)\n"
        + _COPY.format("SELECT * FROM sheet"),
        at_most=1.5,
    ),
    RowBench(
        name="group by",
        kind="run_sql",
        files={"a": "many.parquet"},
        settings={
            "inputs": {"t": "${f.a}"},
            "sql": "SELECT account, cost_center, sum(amount) AS amount, count(*) AS n FROM t GROUP BY ALL ORDER BY ALL",
            "outputs": {"result": _PARQUET},
        },
        duckdb=_COPY.format(
            "SELECT account, cost_center, sum(amount) AS amount, count(*) AS n "
            "FROM read_parquet('{folder}/many.parquet') GROUP BY ALL ORDER BY ALL"
        ),
        polars="pl.scan_parquet(f'{folder}/many.parquet').group_by('account', 'cost_center').agg("
        "pl.col('amount').sum(), pl.len()).sort('account', 'cost_center').collect().write_parquet(f'{out}/r.parquet')",
        peak_at_most=2048,
    ),
    RowBench(
        name="transform",
        kind="transform",
        files={"a": "lines.parquet"},
        settings={
            "source": "${f.a}",
            "steps": [
                {"filter": "status <> 'void'"},
                {"derive": {"period": "strftime(booked_on, '%Y-%m')", "net": "amount - 1"}},
                {"dedupe": {"by": ["account", "cost_center", "booked_on"]}},
                {"sort": ["account", "-net"]},
            ],
            "output": _PARQUET,
        },
        duckdb=_COPY.format(
            "SELECT *, strftime(booked_on, '%Y-%m') AS period, amount - 1 AS net FROM "
            f"(SELECT *, row_number() OVER () AS n FROM {_LINES}) WHERE status <> 'void' "
            "QUALIFY row_number() OVER (PARTITION BY account, cost_center, booked_on ORDER BY n) = 1 "
            "ORDER BY account, net DESC"
        ),
        polars="pl.read_parquet(f'{folder}/lines.parquet').filter(pl.col('status') != 'void').with_columns("
        "pl.col('booked_on').dt.strftime('%Y-%m').alias('period'), (pl.col('amount') - 1).alias('net')).unique("
        "['account', 'cost_center', 'booked_on'], keep='first', maintain_order=True).sort('account', 'net', "
        "descending=[False, True]).write_parquet(f'{out}/r.parquet')",
    ),
    RowBench(
        name="join",
        kind="join",
        files={"a": "lines.parquet", "b": "centers.parquet"},
        settings={
            "left": "${f.a}",
            "right": "${f.b}",
            "on": [{"left": "cost_center", "right": "code"}],
            "take": {"region": "none"},
            "outputs": {"result": _PARQUET},
        },
        duckdb=_COPY.format(
            f"SELECT l.*, coalesce(r.region, 'none') AS region FROM {_LINES} l "
            "LEFT JOIN read_parquet('{folder}/centers.parquet') r ON l.cost_center = r.code"
        ),
        polars="pl.read_parquet(f'{folder}/lines.parquet').join(pl.read_parquet(f'{folder}/centers.parquet'), "
        "left_on='cost_center', right_on='code', how='left', validate='m:1').with_columns(pl.col('region')"
        ".fill_null('none')).write_parquet(f'{out}/r.parquet')",
    ),
    RowBench(
        name="map_values",
        kind="map_values",
        files={"a": "lines.parquet", "b": "rules.parquet"},
        settings={
            "source": "${f.a}",
            "rules": "${f.b}",
            "match": ["account"],
            "give": {"to_line": "report_line"},
            "default": "Unmapped",
            "outputs": {"result": _PARQUET},
        },
        duckdb=_COPY.format(
            "WITH keys AS (SELECT a.account, arg_max(r.to_line, length(r.account)) AS report_line FROM "
            f"(SELECT DISTINCT account FROM {_LINES}) a JOIN read_parquet('{{folder}}/rules.parquet') r "
            "ON starts_with(a.account, rtrim(r.account, '*')) GROUP BY a.account) "
            f"SELECT l.*, coalesce(k.report_line, 'Unmapped') AS report_line FROM {_LINES} l "
            "LEFT JOIN keys k USING (account)"
        ),
    ),
)


class _Used(NamedTuple):
    cpu_seconds: float
    peak_bytes: float


def measure(*, full: bool) -> Report:
    """The ratios are of CPU seconds, less those of loading Python and the libraries, of one turn each."""
    scale = 1.0 if full else 0.2
    has_polars = importlib.util.find_spec("polars") is not None
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        _write_files(folder, scale)
        for bench in BENCHES:
            figures += _figures(bench, [_turn(bench, folder, has_polars=has_polars) for _ in range(3)])
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("duckdb", "fastexcel", *(["polars"] if has_polars else []))
    )
    lines, sheet, many = (f"{int(count * scale):,}" for count in (1_000_000, 200_000, 10_000_000))
    return Report(
        work="W16",
        title=f"rows imported and changed: {lines} rows, {sheet} of XLSX, {many} of the group by",
        figures=tuple(figures),
        remarks=(versions, *(() if has_polars else ("Polars is left out: it is not installed",))),
    )


def _turn(bench: RowBench, folder: Path, *, has_polars: bool) -> dict[str, _Used]:
    said = json.dumps({"kind": bench.kind, "settings": bench.settings, "files": bench.files})
    scripts = {"ours": (_WARM, _OURS), "DuckDB": (_DUCKDB, bench.duckdb)}
    if has_polars and bench.polars:
        scripts["Polars"] = (_POLARS, bench.polars)
    used = {}
    for name, (begin, work) in scripts.items():
        begun, done = _run(begin, folder, said), _run(begin + work, folder, said)
        used[name] = _Used(done.cpu_seconds - begun.cpu_seconds, done.peak_bytes)
    return used


def _figures(bench: RowBench, turns: list[dict[str, _Used]]) -> list[Figure]:
    def of(name: str) -> tuple[float, ...]:
        return tuple(turn["ours"].cpu_seconds / turn[name].cpu_seconds for turn in turns)

    peaks = tuple(turn["ours"].peak_bytes / 2**20 for turn in turns)
    found = [Figure(name=f"{bench.name}, over plain DuckDB", unit="x", values=of("DuckDB"), at_most=bench.at_most)]
    if all("Polars" in turn for turn in turns):
        found.append(Figure(name=f"{bench.name}, over plain Polars", unit="x", values=of("Polars")))
    cpu = tuple(turn["ours"].cpu_seconds for turn in turns)
    return [
        *found,
        Figure(name=f"{bench.name}, CPU", unit="s", values=cpu),
        Figure(name=f"{bench.name}, peak", unit="MiB", values=peaks, at_most=bench.peak_at_most),
    ]


def _run(script: str, folder: Path, *more: str) -> _Used:
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run(
            [sys.executable, "-c", script + _USED, str(folder), out, *more], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    cpu, peak = done.stdout.split()[-2:]
    return _Used(float(cpu), float(peak))


def _write_files(folder: Path, scale: float) -> None:
    import duckdb
    import xlsxwriter

    def lines(count: int) -> str:
        return (
            "SELECT i AS id, lpad((i * 7919 % 9973)::VARCHAR, 4, '0') AS account, lpad((i % 400)::VARCHAR, 3, '0') AS "
            "cost_center, (i * 104729 % 200000000 / 100 - 1000000)::DECIMAL(19,2) AS amount, DATE '2025-01-01' + "
            "(i % 365)::INTEGER AS booked_on, ['posted', 'void', 'open'][1 + (i * 31 % 17 = 0)::INTEGER] AS status "
            f"FROM range({count}) r(i)"
        )

    with duckdb.connect() as connection:
        connection.execute(f"COPY ({lines(int(1_000_000 * scale))}) TO '{folder}/lines.csv' (HEADER)")
        connection.execute(f"COPY ({lines(int(1_000_000 * scale))}) TO '{folder}/lines.parquet'")
        connection.execute(f"COPY ({lines(int(10_000_000 * scale))}) TO '{folder}/many.parquet'")
        centers = "SELECT lpad(i::VARCHAR, 3, '0') AS code, 'Region ' || i % 7 AS region FROM range(390) r(i)"
        connection.execute(f"COPY ({centers}) TO '{folder}/centers.parquet'")
        rules = (
            "SELECT lpad(i::VARCHAR, 2, '0') || '*' AS account, 'Line ' || i AS to_line FROM range(95) r(i) UNION ALL "
            "SELECT lpad((i * 17)::VARCHAR, 4, '0'), 'Account ' || i FROM range(400) r(i)"
        )
        connection.execute(f"COPY ({rules}) TO '{folder}/rules.parquet'")
        rows = connection.execute(lines(int(200_000 * scale))).fetchall()
    with xlsxwriter.Workbook(str(folder / "lines.xlsx"), {"constant_memory": True}) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, list(_TYPES))
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                sheet.write(number, column, *((value, day) if column == 4 else (value,)))

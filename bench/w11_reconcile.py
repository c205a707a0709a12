"""W11: two ledgers of a million rows reconciled by eight rules, beside plain DuckDB and plain Polars.

Each in a process of its own, turn by turn in the same run. All write the same six files, row for row: a test of the
reconciliation holds them against each other.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from bench.figures import Figure, Report, count

# Without a file, DuckDB takes the process for a person at a prompt, and draws bars.
_BEGIN = "__file__ = 'bench'\n"
_OURS = """
import sys
from pathlib import Path
from tests.actions.reconciling.books import reconcile_books
folder, out = map(Path, sys.argv[1:])
memory = {memory} << 30
run = reconcile_books(out / "run", [folder / "left.parquet"], [folder / "right.parquet"], memory_bytes_max=memory)
assert run.file("matched").exists()
"""
_PLAIN = "import runpy; runpy.run_module({!r}, run_name='__main__')"
# The kernel's own mark: ru_maxrss begins with what the process that forked this one had.
_USED = """
import resource
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(used.ru_utime + used.ru_stime, int(peak) * 1024)
"""
_BOOKS = {
    "plain DuckDB": ("bench.plain.duckdb_books", ("duckdb",)),
    "plain Polars": ("bench.plain.polars_books", ("polars", "rapidfuzz")),
}
_ROWS = 1_000_000
_SIZES = (10_000, 100_000, 5_000_000)  # beside that of the turns
_GB, _GB_OF_MANY = 1, 4  # for the step; the bar of memory is for a million rows
_BEYOND = (
    "ours does more than the others: it proves that rows with equal hashes are equal, that every row is in one result "
    "and that all totals add up; it looks for keys given twice, rows that are totals, and rows that only a spelling "
    "keeps open; it refuses what is no amount or day, and gives figures and warnings"
)


def measure(*, full: bool) -> Report:
    """Three turns; the ratio of CPU is that of a turn."""
    from tests.actions.reconciling import judging, ledgers

    rows = _ROWS if full else _ROWS // 5
    programs, missing = _programs()
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        ledgers.write(ledgers.make(ledgers.Plan(rows=rows)), folder)
        turns = [_turn(programs, folder, folder / str(number)) for number in range(3)]
        made = folder / "2" / "ours" / "run" / "export"
        names = ("matched", "only_left", "only_right")
        matched, left, right = (made / f"o.{name}.parquet" for name in names)
        verdict = judging.judge(folder / "truth.parquet", [matched], left, right)
    wrong = sum(verdict.missed.values()) + sum(verdict.wrong.values()) + verdict.lost
    return Report(
        work="W11",
        title=f"{rows:,} x {rows:,} rows reconciled by eight rules, Parquet in and out",
        figures=(
            *_figures(turns, programs),
            count("planted rows missed, matched wrongly or lost", wrong, at_most=0),
            *(figure for size in (_SIZES if full else ()) for figure in _growth(size)),
        ),
        remarks=(
            _BEYOND,
            *(f"{name} is left out: pip install {modules} brings it" for name, modules in missing.items()),
        ),
    )


class _Used(NamedTuple):
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: float


def _programs() -> tuple[dict[str, str], dict[str, str]]:
    """Scripts by the name of the program, and what the others would need."""
    found, missing = {"ours": _OURS.format(memory=_GB)}, dict[str, str]()
    for name, (module, modules) in _BOOKS.items():
        if lacks := [needed for needed in modules if importlib.util.find_spec(needed) is None]:
            missing[name] = " ".join(lacks)
        else:
            found[name] = _PLAIN.format(module)
    return found, missing


def _turn(programs: Mapping[str, str], folder: Path, out: Path) -> dict[str, _Used]:
    """`out` gets a folder for each program."""
    used = {}
    for name, script in programs.items():
        (out / name).mkdir(parents=True)
        command = [sys.executable, "-c", _BEGIN + script + _USED, str(folder), str(out / name)]
        began = perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        cpu, peak = done.stdout.split()[-2:]
        used[name] = _Used(float(cpu), perf_counter() - began, float(peak))
    return used


def _growth(rows: int) -> Iterator[Figure]:
    """Ours alone and once: what many times the rows take."""
    from tests.actions.reconciling import ledgers

    memory = _GB if rows <= _ROWS else _GB_OF_MANY
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        ledgers.write(ledgers.make(ledgers.Plan(rows=rows)), folder)
        used = _turn({"ours": _OURS.format(memory=memory)}, folder, folder)["ours"]
    yield Figure(name=f"ours at {rows:,} rows: wall", unit="s", values=(used.wall_seconds,))
    yield Figure(name=f"ours at {rows:,} rows: CPU", unit="s", values=(used.cpu_seconds,))
    yield Figure(name=f"ours at {rows:,} rows: peak", unit="MiB", values=(used.peak_bytes / 2**20,))


def _figures(turns: list[dict[str, _Used]], programs: Mapping[str, str]) -> list[Figure]:
    bars = {"ours": (5.0, 1024.0)}
    found = []
    for name in programs:
        wall, peak = bars.get(name, (None, None))
        used = [turn[name] for turn in turns]
        found += [
            Figure(name=f"{name}: wall", unit="s", values=tuple(u.wall_seconds for u in used), at_most=wall),
            Figure(name=f"{name}: CPU", unit="s", values=tuple(u.cpu_seconds for u in used)),
            Figure(name=f"{name}: peak", unit="MiB", values=tuple(u.peak_bytes / 2**20 for u in used), at_most=peak),
        ]
        if name != "ours":
            ratios = tuple(turn["ours"].cpu_seconds / turn[name].cpu_seconds for turn in turns)
            found.append(Figure(name=f"ours: CPU over {name}", unit="x", values=ratios, at_most=0.5))
    return found

"""W11: two ledgers of a million rows reconciled by eight rules, beside plain DuckDB and plain Polars.

Each in a process of its own, turn by turn in the same run, with all files written. Ours says of every open row why it
is open, proves its totals, and writes suggestions, a summary and differences too.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from bench.figures import Figure, Report, count

_OURS = """
import sys
from pathlib import Path
from tests.actions.reconciling.books import reconcile_books
folder, out = map(Path, sys.argv[1:])
run = reconcile_books(out / "run", [folder / "left.parquet"], [folder / "right.parquet"])
assert run.file("matched").exists()
"""
_PLAIN = "import runpy, sys; runpy.run_path({!r}, run_name='__main__')"
# The kernel's own mark: ru_maxrss begins with what the process that forked this one had.
_USED = """
import resource
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(used.ru_utime + used.ru_stime, int(peak) * 1024)
"""
_BOOKS = {
    "plain DuckDB": ("duckdb_books.py", ("duckdb",)),
    "plain Polars": ("polars_books.py", ("polars", "rapidfuzz")),
}
_FOLDER = Path(__file__).parent / "plain"
_ROWS = 1_000_000


def measure(*, full: bool) -> Report:
    """Three turns; the ratio of CPU is that of a turn."""
    from tests.actions.reconciling import judging, ledgers

    rows = _ROWS if full else _ROWS // 5
    programs, missing = _programs()
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        ledgers.write(ledgers.make(ledgers.Plan(rows=rows)), folder)
        turns = [_turn(programs, folder, number) for number in range(3)]
        made = folder / "2" / "ours" / "run" / "export"
        names = ("matched", "only_left", "only_right")
        matched, left, right = (made / f"o.{name}.parquet" for name in names)
        verdict = judging.judge(folder / "truth.parquet", [matched], left, right)
    wrong = sum(verdict.missed.values()) + sum(verdict.wrong.values()) + verdict.lost
    return Report(
        work="W11",
        title=f"{rows:,} x {rows:,} rows reconciled by eight rules, Parquet in and out",
        figures=(*_figures(turns, programs), count("planted rows missed, matched wrongly or lost", wrong, at_most=0)),
        remarks=tuple(f"{name} is left out: pip install {modules} brings it" for name, modules in missing.items()),
    )


class _Used(NamedTuple):
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: float


def _programs() -> tuple[dict[str, str], dict[str, str]]:
    """Scripts by the name of the program, and what the others would need."""
    found, missing = {"ours": _OURS}, dict[str, str]()
    for name, (file, modules) in _BOOKS.items():
        if lacks := [module for module in modules if importlib.util.find_spec(module) is None]:
            missing[name] = " ".join(lacks)
        else:
            found[name] = _PLAIN.format(str(_FOLDER / file))
    return found, missing


def _turn(programs: Mapping[str, str], folder: Path, number: int) -> dict[str, _Used]:
    used = {}
    for name, script in programs.items():
        out = folder / str(number) / name
        out.mkdir(parents=True)
        began = perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", script + _USED, str(folder), str(out)], capture_output=True, text=True, check=True
        )
        cpu, peak = done.stdout.split()[-2:]
        used[name] = _Used(float(cpu), perf_counter() - began, float(peak))
    return used


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

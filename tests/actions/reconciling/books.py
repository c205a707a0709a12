"""The eight rules over the two ledgers, run as a step runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from procession.actions.contract import FileInput, OutputTarget, StepOutcome
from procession.actions.kinds import reconcile
from procession.actions.reconciling import work
from procession.model.lifecycle import StepStatus
from tests.actions.context import LocalContext
from tests.actions.reconciling import judging
from tests.actions.reconciling.judging import Verdict

_REFERENCED: Mapping[str, Any] = {"equal": ["account", "currency", "reference"], "days": [-1, 5]}
_PLACED: Mapping[str, Any] = {"equal": ["account", "currency"], "days": [-1, 5]}
RULES: tuple[Mapping[str, Any], ...] = (
    {"name": "Exact", **_REFERENCED, "days": 0},
    {"name": "Date window", **_REFERENCED},
    {"name": "Batches", **_REFERENCED, "match": "groups"},
    {"name": "Charges", **_REFERENCED, "tolerance": 0.5, "percent": 0.5, "book_to": "6990"},
    {"name": "Reversals", **_REFERENCED, "match": "reversals", "days": 10},
    {"name": "Mistyped", **_PLACED, "alike": {"column": "reference", "edits": 2}},
    {"name": "No reference", **_PLACED, "empty": "reference", "choose": "only"},
    {
        "name": "Paid together",
        **_PLACED,
        "match": "subsets",
        "empty": "reference",
        "days": [0, 5],
        "outcome": "matched",
    },
)
COLUMNS = {
    "account": {"left": "account", "right": "account_no"},
    "currency": {"left": "currency", "right": "ccy"},
    "reference": {"left": "reference", "right": "bank_reference"},
    "day": {"left": "booked_on", "right": "value_on"},
    "amount": {"left": "amount", "right": "paid"},
    "key": {"left": "entry_id", "right": "line_id"},
}
OUTPUTS = ("matched", "suggested", "only_left", "only_right", "summary", "differences")


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksRun:
    folder: Path
    outcome: StepOutcome

    def file(self, name: str) -> Path:
        assert self.outcome.status is not StepStatus.FAILED, self.outcome.message
        return self.folder / "export" / f"o.{name}.parquet"


def reconcile_books(folder: Path, left: list[Path], right: list[Path], **more: Any) -> BooksRun:
    """Runs the step in `folder`, which it makes; `memory_bytes_max` is that of its process, `threads` those of its DuckDB."""
    folder.mkdir(parents=True)
    files = {f"f.l{n}": path for n, path in enumerate(left)} | {f"f.r{n}": path for n, path in enumerate(right)}
    memory, threads = more.pop("memory_bytes_max", 1 << 30), more.pop("threads", 2)
    settings = {
        "left": [f"${{f.l{n}}}" for n in range(len(left))],
        "right": [f"${{f.r{n}}}" for n in range(len(right))],
        "columns": COLUMNS,
        **{name: name for name in ("amount", "key", "currency")},
        "date": "day",
        "rules": list(RULES),
        "outputs": {name: {"to": f"${{o.{name}}}", "as": f"{name}.parquet"} for name in OUTPUTS},
    }
    converted = msgspec.convert(settings | more, reconcile.ACTION.settings)
    assert reconcile.ACTION.check(converted) == ()
    context = LocalContext(
        settings=converted,
        folder=folder,
        values={ref: FileInput(path=str(p), name=p.name, size_bytes=p.stat().st_size) for ref, p in files.items()},
        targets={ref: OutputTarget(type="File") for ref in reconcile.ACTION.writes(converted)},
        memory_bytes_max=memory,
    )
    return BooksRun(folder=folder, outcome=work.run(context, threads=threads))


def judge(books: Path, *runs: BooksRun) -> Verdict:
    """The matches of all runs, and what the last one left open."""
    matched = [run.file("matched") for run in runs]
    return judging.judge(books / "truth.parquet", matched, runs[-1].file("only_left"), runs[-1].file("only_right"))

"""Figures of steps: what attempts have given, and what the run before gave."""

from __future__ import annotations

from procession.model import figures
from procession.model.figures import EarlierFigures, Figures
from procession.model.ids import RunId, StepId
from procession.model.runs import Run
from procession.store.database import Transaction

RUNS_LOOKED_AT = 20  # before a run: a step that has not ended well for so long is compared with nothing


def of_step(tx: Transaction, step: StepId) -> Figures:
    """Of its last attempt; empty while that is under way."""
    row = tx.one("SELECT figures FROM step_attempt WHERE step_id = ? ORDER BY id DESC LIMIT 1", step.number)
    return {} if row is None else figures.decode(row[0])


def before(tx: Transaction, run: Run, key: str | None = None) -> dict[str, EarlierFigures]:
    """By the step's key, those of the last run before in which it ended well; with `key`, of that step alone."""
    rows = tx.all(
        "SELECT s.key, a.figures, r.id, r.name FROM (SELECT id, name FROM run WHERE process_id = ? AND id < ?"
        # A try-out is no month that anything is compared with.
        f" AND version > 0 ORDER BY id DESC LIMIT {RUNS_LOOKED_AT}) r JOIN step s ON s.run_id = r.id"
        " JOIN step_attempt a ON a.step_id = s.id WHERE a.status IN ('Success', 'Warning') AND a.figures <> '{}'"
        f"{'' if key is None else ' AND s.key = ?'} ORDER BY r.id, a.id",
        *(run.process.number, run.id.number, *(() if key is None else (key,))),
    )
    # The last of each key wins.
    return {
        step: EarlierFigures(run=RunId(number), run_name=name, figures=figures.decode(said))
        for step, said, number, name in rows
    }

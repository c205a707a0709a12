"""Which runs need a person: those that ended badly or with remarks, until somebody or a later run has dealt with them.

Kept in the row of the run and not worked out by every page: each of them shows how many there are.
"""

from __future__ import annotations

from procession.model import ends
from procession.model.ids import RunId, StepId
from procession.model.lifecycle import RunStatus
from procession.model.runs import Run
from procession.model.steps import StepRow
from procession.store.database import Transaction


def note(tx: Transaction, run: Run, problem: StepRow | None, *, why: str) -> None:
    """The run has ended otherwise than well; a cancelled one needs nobody, and `why` it was is its reason.

    Neither does a try-out: whoever made it is looking at it.
    """
    is_cancelled = run.status is RunStatus.CANCELLED
    step = None if is_cancelled else problem
    message = why or None if step is None else ends.shortened(step.message)
    tx.run(
        "UPDATE run SET needs_person = ?, problem_step = ?, problem = ? WHERE id = ?",
        *(int(not is_cancelled and run.version > 0), step and step.id.number, message, run.id.number),
    )


def note_afterwards(tx: Transaction, run: Run, step: StepId, *, why: str) -> None:
    """What a step had asked for after its end did not happen as it should, however well the run has ended."""
    tx.run(
        "UPDATE run SET needs_person = 1, problem_step = ?, problem = ? WHERE id = ? AND version > 0",
        *(step.number, ends.shortened(why), run.id.number),
    )


# A name is "what was given : run #41"; the number differs, and nothing else of it may.
_PREFIX = "rtrim({}, '0123456789')"


# Copies of copies too; the lookups are made only where a run of the process needs somebody.
_SOLVE_SOURCES = """
UPDATE run SET needs_person = 0
 WHERE id IN (
       WITH RECURSIVE source (id, made_like) AS (
           SELECT h.run_id, json_extract(h.detail, '$.copiedFrom') FROM history h
            WHERE h.run_id = ? AND h.kind = 'created'
           UNION
           SELECT h.run_id, json_extract(h.detail, '$.copiedFrom') FROM source s
             JOIN history h ON h.run_id = CAST(substr(s.made_like, 4) AS INTEGER) AND h.kind = 'created'
       ) SELECT id FROM source)
   AND process_id = ? AND id < ? AND needs_person = 1
   AND NOT EXISTS (
       SELECT 1 FROM step s JOIN property q ON q.step_id = s.id
         JOIN step t ON t.run_id = ? AND t.key = s.key JOIN property p ON p.step_id = t.id AND p.key = q.key
        WHERE s.run_id = run.id AND q.flow = 'INPUT' AND q.type NOT IN ('File', 'SystemVariable')
          AND p.value IS NOT q.value)
"""


def solve_earlier(tx: Transaction, run: Run) -> None:
    """The run has ended well: so it is with earlier ones of its process that were of the same: by inputs, by name, or
    as those whose inputs it was made with, where at most files were put in place of others.

    A name that only the process has given says nothing: the next account's success must not hide this one's failure.
    """
    if run.version < 1:  # a try-out has done nothing
        return
    tx.run(
        "UPDATE run SET needs_person = 0 WHERE process_id = ? AND id < ? AND needs_person = 1 AND"
        " (inputs_sha256 = (SELECT n.inputs_sha256 FROM run n WHERE n.id = ?)"
        f" OR ({_PREFIX.format('name')} = {_PREFIX.format('?')} AND {_PREFIX.format('?')} <>"
        " (SELECT json_extract(v.definition, '$.name') || ' : run #' FROM process_version v"
        " WHERE v.process_id = ? AND v.number = ?)))",
        *(run.process.number, run.id.number, run.id.number, run.name, run.name, run.process.number, run.version),
    )
    tx.run(_SOLVE_SOURCES, run.id.number, run.process.number, run.id.number, run.id.number)


def needs(tx: Transaction, run: RunId) -> bool:
    """Whether somebody still has to look at it."""
    return tx.one("SELECT 1 FROM run WHERE id = ? AND needs_person = 1", run.number) is not None


def seen(tx: Transaction, run: RunId) -> bool:
    """Whether it needed somebody until now."""
    return bool(tx.run("UPDATE run SET needs_person = 0 WHERE id = ? AND needs_person = 1", run.number))

"""A row of the table run with what a list shows beside it, as a RunEntry."""

from __future__ import annotations

from procession.model.ids import StepId
from procession.model.runs import FirstProblem, RunEntry
from procession.store.database import Row
from procession.store.run_rows import RUN, run_of
from procession.store.step_rows import step_id

ENTRY = (
    f"{RUN}, p.name, CASE WHEN r.started_by IS NULL THEN NULL ELSE u.login END,"
    " coalesce(u.first_name || ' ' || u.last_name, r.modified_by), r.problem, r.needs_person, s.id, s.kind,"
    " s.step_order, s.name"
)
ENTRY_FROM = (
    "run r JOIN process p ON p.id = r.process_id LEFT JOIN user_account u ON u.id = coalesce(r.started_by,"
    " (SELECT a.id FROM user_account a WHERE a.login = r.modified_by))"
    " LEFT JOIN step s ON s.id = r.problem_step"
)
_COLUMNS_OF_RUN = RUN.count(",") + 1


def entry_of(row: Row) -> RunEntry:
    run = run_of(tuple(row[:_COLUMNS_OF_RUN]))
    process, login, person, message, needs_person, number, kind, order, name = row[_COLUMNS_OF_RUN:]
    problem = None
    if message is not None:
        step: StepId | None = None if number is None else step_id(kind, number)
        problem = FirstProblem(step=step, order=order or "", name=name or "", message=message)
    return RunEntry(
        run=run,
        process_name=process,
        login=login,
        person=person,
        problem=problem,
        needs_person=bool(needs_person),
    )

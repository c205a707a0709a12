"""What a process is given with its job, and what is kept of what it gives back."""

from __future__ import annotations

import errno
from pathlib import Path

from procession.actions.contract import ConnectionInput, StepOutcome
from procession.actions.run_facts import RunFacts
from procession.engine.active_run import ActiveRun, Work
from procession.engine.isolation.contract import Job
from procession.engine.options import EngineResources
from procession.engine.outcomes import files_of
from procession.engine.step_connections import ConnectionUse
from procession.engine.step_tables import TableDraft
from procession.model.errors import Invalid, Unavailable
from procession.model.files import Content
from procession.model.table_uses import is_table
from procession.store import journals


def job_of(work: Work, resources: EngineResources, folder: str) -> Job:
    """Everything resolved. Raises Invalid for what is lost, or cannot be used by the step, OSError for a shortage."""
    active, held, tables = work.active, work.tables, resources.tables
    values, targets = active.inputs(work.key, resources.blobs), active.targets(work.key)
    if held is not None and tables is not None:
        values, targets = {**values, **tables.inputs(held)}, {**targets, **tables.targets(held)}
    connection, journal = _outside(work, resources)
    return Job(
        action=work.step.action,
        settings=work.step.settings,
        values=values,
        types=active.types(work.key),
        targets=targets,
        folder=folder,
        step_key=work.key,
        idempotency_key=resources.homes.key(active.run, active.step_ids[work.key]),
        limits=resources.settings.limits,
        connection=connection,
        journal=journal,
        about=_about(active, resources.settings.public_url),
    )


def _about(active: ActiveRun, address: str) -> RunFacts:
    run = active.run
    return RunFacts(
        process=str(run.process),
        process_version=run.version,
        run=str(run.id),
        run_name=run.name,
        started_by=active.user.login,
        page=f"{address.rstrip('/')}/runs/{run.id}" if address else str(run.id),
    )


def _outside(work: Work, resources: EngineResources) -> tuple[ConnectionInput | None, tuple[str, ...]]:
    """The connection and the journal of a step that reaches outside."""
    active, action = work.active, resources.actions.get(work.step.action)
    if action is None or not action.reaches:
        return None, ()
    try:
        with resources.database.read() as tx:
            journal = journals.of_step(tx, active.step_ids[work.key])
        name = active.prepared.connections.get(work.key)
        if name is None:
            return None, journal
        if resources.connections is None:
            raise Invalid("this server has no connections")
        use = ConnectionUse(name=name, kinds=action.connection_kinds, run=active.run, user=active.user)
        return resources.connections.open(use), journal
    except Unavailable as error:
        raise OSError(errno.EAGAIN, "later") from error


def keep(
    work: Work, resources: EngineResources, outcome: StepOutcome, folder: str
) -> tuple[dict[str, Content], tuple[TableDraft, ...]]:
    """Make files durable, and rows of tables their next versions; slow. Raises OSError, ProcessionError."""
    files = files_of(outcome)
    # Kept as files of the run too, rows would take their room twice.
    rows = {reference: Path(file.path) for reference, file in files.items() if is_table(reference)}
    contents = {
        reference: resources.blobs.take(Path(file.path), inside=Path(folder))
        for reference, file in files.items()
        if reference not in rows
    }
    if not rows or work.tables is None or resources.tables is None:
        return contents, ()
    return contents, resources.tables.prepare(work.tables, rows, Path(folder))

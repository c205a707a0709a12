"""Steps and their properties, of processes and of runs: every statement but the changes of status (store/runs.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from procession.model import values
from procession.model.ids import DataStepId, ProcessId, PropertyId, RunId, StepId
from procession.model.processes import Property, PropertyType, Step, StepKind, Value
from procession.model.runs import Run
from procession.model.steps import PropertyRow, StepRow
from procession.store.database import Transaction
from procession.store.step_rows import PROPERTY, PROPERTY_FROM, STEP, STEP_FROM, property_row, step_id, step_row

_PROPERTY_COLUMNS = (
    "position, key, name, type, flow, required, visible, mouseover, value, options, decimal_points, foreground_color,"
    " variable"
)

_COPIED = ", ".join(f"p.{name}" for name in _PROPERTY_COLUMNS.split(", "))
_STEP_COLUMNS = "process_id, key, name, kind, step_order, group_name, position, enabled"


def add(tx: Transaction, process: ProcessId, run: RunId | None, step: Step, *, position: int) -> StepId:
    """A step and its properties, each File property with an empty file of its own."""
    number = tx.insert(
        "INSERT INTO step (process_id, run_id, key, name, kind, step_order, group_name, position, enabled)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        *(process.number, run and run.number, step.key, step.name, step.kind, step.order, step.group, position),
        int(step.enabled),
    )
    for place, item in enumerate(step.properties):
        add_property(tx, number, item, position=place)
    return step_id(step.kind, number)


def add_property(tx: Transaction, step_number: int, item: Property, *, position: int) -> PropertyId:
    number = tx.insert(
        f"INSERT INTO property (step_id, {_PROPERTY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        *(step_number, position, *_columns(item)),
    )
    if item.type is PropertyType.FILE:
        tx.run("INSERT INTO file (property_id) VALUES (?)", number)
    return PropertyId(number)


def copy(tx: Transaction, run: Run, *, has_properties: bool) -> None:
    """Give a new run the steps of its process's present version, with their properties, values and template files."""
    tx.run(
        f"INSERT INTO step ({_STEP_COLUMNS}, run_id) SELECT {_STEP_COLUMNS}, ? FROM step"
        " WHERE process_id = ? AND run_id IS NULL AND is_retired = 0 ORDER BY position",
        *(run.id.number, run.process.number),
    )
    if has_properties:
        _copy_properties(tx, run.process, run.id)


def _copy_properties(tx: Transaction, process: ProcessId, run: RunId) -> None:
    copied = "step t JOIN step s ON s.run_id = ? AND s.key = t.key JOIN property p ON p.step_id = t.id"
    of_process = "t.process_id = ? AND t.run_id IS NULL AND t.is_retired = 0 AND p.is_retired = 0"
    tx.run(
        f"INSERT INTO property (step_id, {_PROPERTY_COLUMNS}) SELECT s.id, {_COPIED} FROM {copied}"
        f" WHERE {of_process} ORDER BY s.position, p.position",
        *(run.number, process.number),
    )
    tx.run(
        "INSERT INTO file (property_id, name, sha256, size) SELECT q.id, coalesce(f.name, ''), f.sha256,"
        f" coalesce(f.size, 0) FROM {copied} JOIN property q ON q.step_id = s.id AND q.key = p.key"
        f" LEFT JOIN file f ON f.property_id = p.id WHERE {of_process} AND p.type = ? ORDER BY s.position, p.position",
        *(run.number, process.number, PropertyType.FILE),
    )


def set_values(tx: Transaction, run: RunId, present: Mapping[str, Value]) -> None:
    """The values of properties of a run, by "step.property"."""
    for reference, value in present.items():
        step, _, key = reference.partition(".")
        tx.run(
            "UPDATE property SET value = ? WHERE step_id = (SELECT id FROM step WHERE run_id = ? AND key = ?)"
            " AND key = ?",
            *(values.to_text(value), run.number, step, key),
        )


def publish(tx: Transaction, process: ProcessId, steps: Sequence[Step]) -> None:
    """Make the process's own steps those of its new version; what keeps its key keeps its id."""
    rows = tx.all("SELECT id, key FROM step WHERE process_id = ? AND run_id IS NULL", process.number)
    _replace(tx, (process, None), {key: number for number, key in rows}, steps)


def follow(tx: Transaction, process: ProcessId, run: RunId, steps: Sequence[Step]) -> None:
    """Make the run's steps those of another version; what keeps its key keeps its id, its status and its writes."""
    rows = tx.all("SELECT id, key FROM step WHERE run_id = ?", run.number)
    _replace(tx, (process, run), {key: number for number, key in rows}, steps)


def _replace(
    tx: Transaction, owner: tuple[ProcessId, RunId | None], present: Mapping[str, int], steps: Sequence[Step]
) -> None:
    """`present` are all there ever were, by key."""
    tx.many("UPDATE step SET is_retired = 1 WHERE id = ?", [(number,) for number in present.values()])
    for position, step in enumerate(steps):
        if step.key in present:
            _publish_step(tx, present[step.key], step, position=position)
        else:
            add(tx, *owner, step, position=position)


def _publish_step(tx: Transaction, number: int, step: Step, *, position: int) -> None:
    tx.run(
        "UPDATE step SET is_retired = 0, name = ?, kind = ?, step_order = ?, group_name = ?, position = ?, enabled = ?"
        " WHERE id = ?",
        *(step.name, step.kind, step.order, step.group, position, int(step.enabled), number),
    )
    tx.run("UPDATE property SET is_retired = 1 WHERE step_id = ?", number)
    for place, item in enumerate(step.properties):
        row = tx.one("SELECT id FROM property WHERE step_id = ? AND key = ?", number, item.key)
        if row is None:
            add_property(tx, number, item, position=place)
        else:
            (present,) = row
            _publish_property(tx, present, item, position=place)


def _publish_property(tx: Transaction, number: int, item: Property, *, position: int) -> None:
    update_property(tx, PropertyId(number), item)
    tx.run("UPDATE property SET is_retired = 0, position = ?, type = ? WHERE id = ?", position, item.type, number)
    if item.type is PropertyType.FILE:
        tx.run("INSERT INTO file (property_id) VALUES (?) ON CONFLICT DO NOTHING", number)


def update_property(tx: Transaction, property_id: PropertyId, item: Property) -> None:
    """Everything but key and type."""
    columns = _columns(item)
    tx.run(
        "UPDATE property SET name = ?, flow = ?, required = ?, visible = ?, mouseover = ?, value = ?, options = ?,"
        " decimal_points = ?, foreground_color = ?, variable = ? WHERE id = ?",
        *(columns[1], *columns[3:], property_id.number),
    )


def find(tx: Transaction, step: StepId) -> StepRow | None:
    row = tx.one(f"SELECT {STEP} FROM {STEP_FROM} WHERE s.id = ? AND s.kind = ?", step.number, _kind(step))
    return None if row is None else step_row(row)


def of_run(tx: Transaction, run: RunId) -> list[StepRow]:
    """Of the version that it follows, in order."""
    rows = tx.all(
        f"SELECT {STEP} FROM {STEP_FROM} WHERE s.run_id = ? AND s.is_retired = 0 ORDER BY s.position", run.number
    )
    return [step_row(row) for row in rows]


def under_way(tx: Transaction, runs: Sequence[RunId]) -> dict[RunId, list[StepRow]]:
    """The steps of each run that are Running, in order."""
    found: dict[RunId, list[StepRow]] = {run: [] for run in runs}
    rows = tx.all(
        f"SELECT {STEP} FROM {STEP_FROM} WHERE s.run_id IN ({', '.join('?' * len(runs))}) AND s.status = 'Running'"
        " AND s.is_retired = 0 ORDER BY s.position",
        *(run.number for run in runs),
    )
    for row in map(step_row, rows):
        assert row.run is not None
        found[row.run].append(row)
    return found


def count_done(tx: Transaction, runs: Sequence[RunId]) -> dict[RunId, tuple[int, int]]:
    """Of each run how many of its steps have ended, and how many it has."""
    rows = tx.all(
        "SELECT s.run_id, sum(s.status NOT IN ('NotStarted', 'Scheduled', 'Running')), count(*) FROM step s"
        f" WHERE s.run_id IN ({', '.join('?' * len(runs))}) AND s.is_retired = 0 AND s.enabled = 1 GROUP BY s.run_id",
        *(run.number for run in runs),
    )
    return {RunId(run): (done, every) for run, done, every in rows}


def of_process(tx: Transaction, process: ProcessId) -> list[StepRow]:
    """The steps of the present version, in order."""
    rows = tx.all(
        f"SELECT {STEP} FROM {STEP_FROM} WHERE s.process_id = ? AND s.run_id IS NULL AND s.is_retired = 0"
        " ORDER BY s.position",
        process.number,
    )
    return [step_row(row) for row in rows]


def properties_of(tx: Transaction, step: StepId) -> list[PropertyRow]:
    rows = tx.all(
        f"SELECT {PROPERTY} FROM {PROPERTY_FROM} WHERE q.step_id = ? AND q.is_retired = 0 ORDER BY q.position",
        step.number,
    )
    return [property_row(row) for row in rows]


def property_of(tx: Transaction, step: StepId, property_id: PropertyId) -> PropertyRow | None:
    row = tx.one(
        f"SELECT {PROPERTY} FROM {PROPERTY_FROM} WHERE q.id = ? AND q.step_id = ? AND q.is_retired = 0",
        *(property_id.number, step.number),
    )
    return None if row is None else property_row(row)


def properties_of_run(tx: Transaction, run: RunId) -> list[PropertyRow]:
    """Of all its data steps, in order."""
    rows = tx.all(
        f"SELECT {PROPERTY} FROM {PROPERTY_FROM} WHERE s.run_id = ? AND s.is_retired = 0 AND q.is_retired = 0"
        " ORDER BY s.position, q.position",
        run.number,
    )
    return [property_row(row) for row in rows]


def by_reference(tx: Transaction, run: RunId) -> dict[str, PropertyRow]:
    """The properties by "step.property"."""
    return {row.reference: row for row in properties_of_run(tx, run)}


def properties_of_process(tx: Transaction, process: ProcessId) -> list[PropertyRow]:
    """Of the present version's data steps, in order."""
    rows = tx.all(
        f"SELECT {PROPERTY} FROM {PROPERTY_FROM} WHERE s.process_id = ? AND s.run_id IS NULL AND s.is_retired = 0"
        " AND q.is_retired = 0 ORDER BY s.position, q.position",
        process.number,
    )
    return [property_row(row) for row in rows]


def _kind(step: StepId) -> StepKind:
    return StepKind.DATA if isinstance(step, DataStepId) else StepKind.ACTION


def _columns(item: Property) -> tuple[Any, ...]:
    return (
        item.key,
        item.name,
        item.type,
        item.flow,
        int(item.required),
        int(item.visible),
        item.mouseover,
        values.to_text(item.value),
        json.dumps(item.options),
        item.decimal_points,
        item.foreground_color,
        item.variable,
    )

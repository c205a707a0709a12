"""Steps and their properties, of processes and of runs: every statement but the changes of status (store/runs.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from procession.model import values
from procession.model.files import File
from procession.model.ids import ActionStepId, DataStepId, FileId, ProcessId, PropertyId, RunId, StepId
from procession.model.lifecycle import StepStatus
from procession.model.processes import Flow, Property, PropertyType, Step, StepKind, SystemVariable, Value
from procession.model.runs import Run
from procession.model.steps import PropertyRow, StepRow
from procession.store import times
from procession.store.database import Transaction

_STEP = (
    "s.id, s.process_id, s.run_id, s.key, s.name, s.kind, s.step_order, s.group_name, s.position, s.enabled, s.status,"
    " s.message, s.started_at, s.finished_at, s.duration, s.tries, s.retry_at, s.progress, s.progress_message, s.began,"
    " w.worked, w.beat"
)
_STEP_FROM = "step s LEFT JOIN run w ON w.id = s.run_id"
_PROPERTY = (
    "q.id, q.step_id, q.key, q.name, q.type, q.flow, q.required, q.visible, q.mouseover, q.value, q.options,"
    " q.decimal_points, q.foreground_color, q.variable, f.id, f.name, f.sha256, f.size, s.process_id, s.run_id, s.key"
)
_PROPERTY_FROM = "property q JOIN step s ON s.id = q.step_id LEFT JOIN file f ON f.property_id = q.id"
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
    _replace(tx, (process, None), {row[1]: row[0] for row in rows}, steps)


def follow(tx: Transaction, process: ProcessId, run: RunId, steps: Sequence[Step]) -> None:
    """Make the run's steps those of another version; what keeps its key keeps its id, its status and its writes."""
    rows = tx.all("SELECT id, key FROM step WHERE run_id = ?", run.number)
    _replace(tx, (process, run), {row[1]: row[0] for row in rows}, steps)


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
        row = tx.one("SELECT id, type FROM property WHERE step_id = ? AND key = ?", number, item.key)
        if row is None:
            add_property(tx, number, item, position=place)
        else:
            _publish_property(tx, row[0], item, position=place)


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
    row = tx.one(f"SELECT {_STEP} FROM {_STEP_FROM} WHERE s.id = ? AND s.kind = ?", step.number, _kind(step))
    return None if row is None else step_row(row)


def of_run(tx: Transaction, run: RunId) -> list[StepRow]:
    """Of the version that it follows, in order."""
    rows = tx.all(
        f"SELECT {_STEP} FROM {_STEP_FROM} WHERE s.run_id = ? AND s.is_retired = 0 ORDER BY s.position", run.number
    )
    return [step_row(row) for row in rows]


def of_process(tx: Transaction, process: ProcessId) -> list[StepRow]:
    """The steps of the present version, in order."""
    rows = tx.all(
        f"SELECT {_STEP} FROM {_STEP_FROM} WHERE s.process_id = ? AND s.run_id IS NULL AND s.is_retired = 0"
        " ORDER BY s.position",
        process.number,
    )
    return [step_row(row) for row in rows]


def properties_of(tx: Transaction, step: StepId) -> list[PropertyRow]:
    rows = tx.all(
        f"SELECT {_PROPERTY} FROM {_PROPERTY_FROM} WHERE q.step_id = ? AND q.is_retired = 0 ORDER BY q.position",
        step.number,
    )
    return [property_row(row) for row in rows]


def property_of(tx: Transaction, step: StepId, property_id: PropertyId) -> PropertyRow | None:
    row = tx.one(
        f"SELECT {_PROPERTY} FROM {_PROPERTY_FROM} WHERE q.id = ? AND q.step_id = ? AND q.is_retired = 0",
        *(property_id.number, step.number),
    )
    return None if row is None else property_row(row)


def properties_of_run(tx: Transaction, run: RunId) -> list[PropertyRow]:
    """Of all its data steps, in order."""
    rows = tx.all(
        f"SELECT {_PROPERTY} FROM {_PROPERTY_FROM} WHERE s.run_id = ? AND s.is_retired = 0 AND q.is_retired = 0"
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
        f"SELECT {_PROPERTY} FROM {_PROPERTY_FROM} WHERE s.process_id = ? AND s.run_id IS NULL AND s.is_retired = 0"
        " AND q.is_retired = 0 ORDER BY s.position, q.position",
        process.number,
    )
    return [property_row(row) for row in rows]


def step_id(kind: str, number: int) -> StepId:
    return DataStepId(number) if kind == StepKind.DATA else ActionStepId(number)


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


def step_row(row: tuple[Any, ...]) -> StepRow:
    return StepRow(
        id=step_id(row[5], row[0]),
        process=ProcessId(row[1]),
        run=None if row[2] is None else RunId(row[2]),
        key=row[3],
        name=row[4],
        kind=StepKind(row[5]),
        order=row[6],
        group=row[7],
        position=row[8],
        enabled=bool(row[9]),
        status=StepStatus(row[10]),
        message=row[11],
        started_at=times.maybe_from_column(row[12]),
        finished_at=times.maybe_from_column(row[13]),
        duration_seconds=times.seconds_from_column(row[14]),
        tries=row[15],
        retry_at=times.maybe_from_column(row[16]),
        progress=row[17],
        progress_message=row[18],
        began=times.seconds_from_column(row[19]),
        run_worked=times.stopwatch(row[20], row[21]) if row[10] == StepStatus.RUNNING else None,
    )


def property_row(row: tuple[Any, ...]) -> PropertyRow:
    kind = PropertyType(row[4])
    number, process, run = PropertyId(row[0]), ProcessId(row[18]), None if row[19] is None else RunId(row[19])
    item = Property(
        key=row[2],
        name=row[3],
        type=kind,
        flow=Flow(row[5]),
        required=bool(row[6]),
        visible=bool(row[7]),
        mouseover=row[8],
        value=values.from_text(kind, row[9]),
        options=tuple(json.loads(row[10])),
        decimal_points=row[11],
        foreground_color=row[12],
        variable=None if row[13] is None else SystemVariable(row[13]),
    )
    file = None
    if row[14] is not None:
        file = File(
            id=FileId(row[14]),
            property=number,
            process=process,
            run=run,
            name=row[15],
            sha256=row[16],
            size_bytes=row[17],
        )
    return PropertyRow(id=number, step=DataStepId(row[1]), step_key=row[20], item=item, file=file)

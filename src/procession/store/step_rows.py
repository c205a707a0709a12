"""Rows of the tables step and property, joined with what belongs to them, as a StepRow and a PropertyRow."""

from __future__ import annotations

import json

from procession.model import values
from procession.model.files import File
from procession.model.ids import ActionStepId, DataStepId, FileId, ProcessId, PropertyId, RunId, StepId
from procession.model.lifecycle import StepStatus
from procession.model.processes import Flow, Property, PropertyType, StepKind, SystemVariable
from procession.model.steps import PropertyRow, StepRow
from procession.store import times
from procession.store.database import Row

STEP = (
    "s.id, s.process_id, s.run_id, s.key, s.name, s.kind, s.step_order, s.group_name, s.position, s.enabled, s.status,"
    " s.message, s.started_at, s.finished_at, s.duration, s.tries, s.retry_at, s.progress, s.progress_message, s.began,"
    " w.worked, w.beat"
)
STEP_FROM = "step s LEFT JOIN run w ON w.id = s.run_id"
PROPERTY = (
    "q.id, q.step_id, q.key, q.name, q.type, q.flow, q.required, q.visible, q.mouseover, q.value, q.options,"
    " q.decimal_points, q.foreground_color, q.variable, f.id, f.name, f.sha256, f.size, s.process_id, s.run_id, s.key"
)
PROPERTY_FROM = "property q JOIN step s ON s.id = q.step_id LEFT JOIN file f ON f.property_id = q.id"


def step_id(kind: str, number: int) -> StepId:
    return DataStepId(number) if kind == StepKind.DATA else ActionStepId(number)


def step_row(row: Row) -> StepRow:
    (
        number, process, run, key, name, kind, order, group, position, enabled, status, message, started_at,
        finished_at, duration, tries, retry_at, progress, progress_message, began, worked, beat,
    ) = row  # fmt: skip
    return StepRow(
        id=step_id(kind, number),
        process=ProcessId(process),
        run=None if run is None else RunId(run),
        key=key,
        name=name,
        kind=StepKind(kind),
        order=order,
        group=group,
        position=position,
        enabled=bool(enabled),
        status=StepStatus(status),
        message=message,
        started_at=times.maybe_from_column(started_at),
        finished_at=times.maybe_from_column(finished_at),
        duration_seconds=times.seconds_from_column(duration),
        tries=tries,
        retry_at=times.maybe_from_column(retry_at),
        progress=progress,
        progress_message=progress_message,
        began=times.seconds_from_column(began),
        run_worked=times.stopwatch(worked, beat) if status == StepStatus.RUNNING else None,
    )


def property_row(row: Row) -> PropertyRow:
    (
        number, step, key, name, type_name, flow, required, visible, mouseover, text, options, decimal_points,
        foreground_color, variable, file_number, file_name, sha256, size, process, run, step_key,
    ) = row  # fmt: skip
    kind, id_ = PropertyType(type_name), PropertyId(number)
    item = Property(
        key=key,
        name=name,
        type=kind,
        flow=Flow(flow),
        required=bool(required),
        visible=bool(visible),
        mouseover=mouseover,
        value=values.from_text(kind, text),
        options=tuple(json.loads(options)),
        decimal_points=decimal_points,
        foreground_color=foreground_color,
        variable=None if variable is None else SystemVariable(variable),
    )
    file = None
    if file_number is not None:
        file = File(
            id=FileId(file_number),
            property=id_,
            process=ProcessId(process),
            run=None if run is None else RunId(run),
            name=file_name,
            sha256=sha256,
            size_bytes=size,
        )
    return PropertyRow(id=id_, step=DataStepId(step), step_key=step_key, item=item, file=file)

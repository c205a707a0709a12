"""The documents' examples against the shapes we send, field by field, types included."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from procession.api import wire
from procession.model.files import File
from procession.model.ids import ActionStepId, DataStepId, FileId, ProcessId, PropertyId, RunId
from procession.model.lifecycle import RunStatus, StepStatus
from procession.model.processes import Flow, Process, Property, PropertyType, StepKind
from procession.model.runs import Run
from procession.model.steps import UNDER_WAY, PropertyRow, StepRow
from tests.api.golden import REASONS, differences, example

AT = datetime(2020, 6, 15, 2, 24, 14, 270_000, UTC)
STARTED = datetime(2025, 2, 5, 22, 40, 19, 923_999, UTC)
RUN = Run(
    id=RunId(114278),
    process=ProcessId(114273),
    version=1,
    name="processapitest : run #1",
    description="Description here",
    alert_email="",
    alert_sms="",
    status=RunStatus.SCHEDULED,
    outcome=None,
    attempt=1,
    epoch=1,
    revision=2,
    created_at=AT,
    modified_at=AT,
    modified_by="usa.john.adams",
    started_by=None,
    scheduled_at=AT,
    started_at=None,
    finished_at=None,
    duration_seconds=None,
    deadline_at=None,
    restarted_key=None,
    executor=None,
)
CANCELLED = replace(
    RUN,
    status=RunStatus.CANCELLED,
    started_at=STARTED,
    finished_at=datetime(2025, 2, 5, 22, 55, 51, 923_000, UTC),
    duration_seconds=932.99,
)
STEP = StepRow(
    id=ActionStepId(20682),
    process=ProcessId(1),
    run=RunId(114278),
    key="load",
    name="New data step",
    kind=StepKind.ACTION,
    order="1.1",
    group="Inputs",
    position=0,
    enabled=True,
    status=StepStatus.RUNNING,
    message=UNDER_WAY,
    started_at=STARTED,
    finished_at=None,
    duration_seconds=2.9,
    tries=1,
    retry_at=None,
    progress=None,
    progress_message="",
)
DATA_STEP = replace(STEP, id=DataStepId(114279), kind=StepKind.DATA)
NUMBER = PropertyRow(
    id=PropertyId(524),
    step=DataStepId(114274),
    item=Property(key="n", name="Number", type=PropertyType.NUMBER, flow=Flow.INPUT, mouseover="hint", value=10),
    file=None,
)
FILE = File(
    id=FileId(732),
    property=PropertyId(1),
    process=ProcessId(1),
    run=None,
    name="Sales Q1.xlsx",
    sha256="0" * 64,
    size_bytes=55741,
)
PROCESS = wire.process(
    ProcessId(114273),
    Process(name="processapitest", description="Description here"),
    created_at=AT,
    modified_at=AT,
    modified_by="usa.john.adams",
)


@pytest.mark.parametrize(
    ("title", "ours"),
    [
        ("Get a process list", [wire.named(ProcessId(1234), "Weekly CFO Summary v2")]),
        ("Get a process", PROCESS),
        ("Create a process run", wire.run(RUN)),
        ("Get a list of process runs", [wire.named(RunId(1234), "Weekly")]),
        ("Get process data steps", [wire.data_step(DATA_STEP)]),
        ("Get a process run", wire.run(RUN)),
        ("Start a process run", wire.run_status(RUN)),
        ("Cancel a process run", wire.run_status(CANCELLED)),
        ("[Deprecated] Start a process run", wire.run_status(RUN)),
        ("[Deprecated] Cancel a process run", wire.run_status(CANCELLED)),
        ("Get process run status", wire.run_status(CANCELLED)),
        ("Get process run data steps", [wire.data_step(DATA_STEP)]),
        ("Get a run status of a step in a process run", wire.step_status(STEP)),
        ("Restart a step in a process run", wire.step_status(STEP)),
        ("Get a data step", wire.data_step(DATA_STEP)),
        ("Get data step properties", [wire.property(NUMBER)]),
        ("Get data step property", wire.property(NUMBER)),
        ("Update data step property", wire.property(NUMBER, is_update=True)),
        ("Get file metadata", wire.file(FILE, "https://app.solvexia.com")),
        ("Update file metadata", wire.file(FILE, "https://app.solvexia.com")),
        ("Upload a file", wire.file(FILE, "https://app.solvexia.com")),
    ],
)
def test_a_shape_has_every_documented_field_in_its_type(title: str, ours: Any) -> None:
    assert differences(title, example(title)["response"], json.loads(wire.encode(ours))) == []


@pytest.mark.parametrize(
    ("title", "ours"),
    [
        ("Get a process run", wire.run(RUN)),
        ("Get process run status", wire.run_status(CANCELLED)),
        ("Get file metadata", wire.file(FILE, "https://app.solvexia.com")),
    ],
)
def test_the_documented_values_come_out_digit_by_digit(title: str, ours: Any) -> None:
    documented, sent = example(title)["response"], json.loads(wire.encode(ours))

    assert {key: sent[key] for key in documented} == documented


def test_every_noted_contradiction_is_really_documented() -> None:
    assert all(field in example(title)["response"] for title, field in REASONS)


def test_the_comparison_notices_a_missing_field_and_a_wrong_type() -> None:
    assert differences("", {"a": 1, "b": ""}, {"a": "1"}) == [".b: missing", ".a: 1 is documented, we say '1'"]

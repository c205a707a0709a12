"""What the replay of the examples (test_examples) cannot show: values digit by digit, and that its comparison bites."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from procession.api.wire import files as files_wire
from procession.api.wire import runs as runs_wire
from procession.door.encoding import encode
from procession.model.files import File
from procession.model.ids import FileId, ProcessId, PropertyId, RunId
from procession.model.lifecycle import RunStatus
from procession.model.runs import Run
from procession.model.stopwatch import Stopwatch
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
    worked=Stopwatch(),
    worked_max=None,
    restarted_key=None,
    executor=None,
    is_held=False,
)
CANCELLED = replace(
    RUN,
    status=RunStatus.CANCELLED,
    started_at=STARTED,
    finished_at=datetime(2025, 2, 5, 22, 55, 51, 923_000, UTC),
    duration_seconds=932.99,
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


@pytest.mark.parametrize(
    ("title", "ours"),
    [
        ("Get a process run", runs_wire.run(RUN)),
        ("Get process run status", runs_wire.run_status(CANCELLED)),
        ("Get file metadata", files_wire.file(FILE, "https://app.solvexia.com")),
    ],
)
def test_the_documented_values_come_out_digit_by_digit(title: str, ours: Any) -> None:
    documented, sent = example(title)["response"], json.loads(encode(ours))

    assert {key: sent[key] for key in documented} == documented


def test_every_noted_contradiction_is_really_documented() -> None:
    assert all(field in example(title)["response"] for title, field in REASONS)


def test_the_comparison_notices_a_missing_field_and_a_wrong_type() -> None:
    assert differences("", {"a": 1, "b": ""}, {"a": "1"}) == [".b: missing", ".a: 1 is documented, we say '1'"]
    at = "2025-01-13T03:51:03.27"
    assert differences("", {"a": at + "Z"}, {"a": at + "0Z"}) == []
    assert differences("", {"a": at + "Z"}, {"a": at}) != []
    assert differences("", {"a": at}, {"a": at + "00000"}) != []

"""What a step says is not believed: whatever it sends ends its own attempt at the most."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from procession.engine.isolation import codec
from procession.engine.isolation.channel import MESSAGE_BYTES_MAX
from procession.engine.isolation.frames import decode
from procession.engine.isolation.options import LOG_BYTES_MAX
from procession.engine.options import EngineSettings
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, StepStatus
from procession.model.runs import HistoryKind
from procession.store import history
from tests.engine.conftest import OPEN
from tests.engine.steps import mark, marks, process, python, stay, wait
from tests.engine.world import World
from tests.fuzz import frames
from tests.support import wait_until

SLOTS = 3
FRAMES_EACH = 500
WORKER_HANDLES = 4 * 2  # of the processes that happen to be ready


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, settings=EngineSettings(grace_seconds=0.2, workers_max=SLOTS), isolation=OPEN)
    world.engine.start()
    yield world
    world.close()


@pytest.mark.parametrize("frame", frames.FORGED, ids=range(len(frames.FORGED)))
def test_a_forged_frame_is_a_frame_of_ours_or_none(frame: bytes) -> None:
    if frame in frames.HARMLESS:
        decode(frame)
    else:
        with pytest.raises(codec.Malformed):
            decode(frame)


def test_random_frames_are_understood_or_refused(is_thorough: bool) -> None:
    for frame in frames.many(seed=1, count=100_000 if is_thorough else 5_000):
        try:
            decode(frame)
        except codec.Malformed as refused:
            assert len(refused.message) < 1_000, frame


@pytest.mark.parametrize("head", [b"", b"\x96\xa4done\x01\xa7Success\xa0", b"\x92\xa4beat"])
def test_sixteen_megabytes_of_empty_lists_cost_next_to_nothing(head: bytes) -> None:
    count = MESSAGE_BYTES_MAX - 100
    frame = head + b"\xdd" + count.to_bytes(4) + b"\x90" * count + b"\xc3"

    tracemalloc.start()
    with pytest.raises(codec.Malformed):
        decode(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2 * MESSAGE_BYTES_MAX


def test_steps_that_send_whatever_they_like_harm_nobody_else(world: World, is_thorough: bool) -> None:
    honest, hostile = list[RunId](), list[RunId]()
    _check_slots(world, "first")
    before = _resources()

    for seed in range(200 if is_thorough else 8):
        hostile.append(world.begin(process(python("a", frames.script(seed, FRAMES_EACH), time_limit="30s"))))
        honest.append(world.begin(process(*(wait(f"w{number}") for number in range(5)))))
        if len(hostile) % SLOTS == 0:
            world.wait(hostile[-1])
            world.wait(honest[-1])

    assert {world.wait(run).outcome for run in honest} == {Outcome.SUCCESS}
    for run in hostile:
        world.wait(run)
        _check_end(world, run)
    _check_slots(world, "last")
    wait_until(lambda: _resources()[0] <= before[0] + WORKER_HANDLES)
    assert _resources()[1] < before[1] + 64 * 2**20


def _check_end(world: World, run: RunId) -> None:
    """Failed by what it sent, or by its own end; each line of its log is there once, up to that."""
    step = world.step(run, "a")
    assert step.status is StepStatus.FAILED, step.message
    assert "timed out" not in step.message
    with world.db.read() as tx:
        attempt = history.attempts_of_run(tx, run)[0]
    wait_until(partial(_is_gone, world, run))
    text = world.resources.step_logs.read(attempt.id, 0, LOG_BYTES_MAX).decode()
    lines = [line for line in text.splitlines() if line.startswith("line ")]
    assert lines == [f"line {number}" for number in range(len(lines))]
    assert len(lines) >= FRAMES_EACH
    for row in world.history(run):
        assert row.kind is not HistoryKind.KILLED or row.detail["survivors"] == []


def _is_gone(world: World, run: RunId) -> bool:
    with world.db.read() as tx:
        return all(attempt.is_gone for attempt in history.attempts_of_run(tx, run))


def _check_slots(world: World, name: str) -> None:
    """As many steps as there are slots are under way together, of both kinds."""
    gate, sink = world.home / f"{name}.gate", world.home / f"{name}.sink"
    waits = [world.begin(process(wait("a", 0.2))) for _ in range(SLOTS)]
    assert {world.wait(run).outcome for run in waits} == {Outcome.SUCCESS}
    runs = [world.begin(process(python("a", mark(sink) + stay(gate)))) for _ in range(SLOTS)]
    wait_until(lambda: len(marks(sink)) == SLOTS)
    gate.touch()
    assert {world.wait(run).outcome for run in runs} == {Outcome.SUCCESS}


def _resources() -> tuple[int, int]:
    """Descriptors, and bytes of memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return len(list(Path("/proc/self/fd").iterdir())), pages * os.sysconf("SC_PAGE_SIZE")

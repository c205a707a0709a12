"""What goes wrong in the engine itself, around one step: it ends that step, and no slot is lost."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from procession.engine.isolation.contract import KillReceipt, Message, ProcessMark, Worker
from procession.engine.isolation.pool import ForkServerIsolation
from procession.engine.options import EngineSettings
from procession.model.files import Content
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, StepStatus
from procession.model.runs import HistoryKind
from procession.store import identity, runs, steps
from procession.store.identity import Place
from tests.crashing import finish, in_a_child
from tests.engine.conftest import OPEN
from tests.engine.steps import data, item, mark, marks, process, python, stay
from tests.engine.world import World
from tests.support import wait_until


class Unkillable(ForkServerIsolation):
    """Its workers cannot be ended by kill(): they are somebody else's, say."""

    def acquire(self, *, user_code: bool, network: bool = False, reaching: bool = False) -> Worker | None:
        worker = super().acquire(user_code=user_code, network=network, reaching=reaching)
        if worker is not None:
            worker.kill = _refuse  # type: ignore[method-assign]
        return worker


class Deaf(ForkServerIsolation):
    """What its workers say raises what nobody foresaw."""

    is_deaf = True

    def acquire(self, *, user_code: bool, network: bool = False, reaching: bool = False) -> Worker | None:
        worker = super().acquire(user_code=user_code, network=network, reaching=reaching)
        if worker is not None and self.is_deaf:
            worker.receive = _garble  # type: ignore[method-assign]
        return worker


class ShortAtFirst(ForkServerIsolation):
    """Has no descriptor to end the first processes with."""

    failures = 3

    def reap(self, mark: ProcessMark) -> KillReceipt | None:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().reap(mark)


def _garble() -> list[Message]:
    raise RuntimeError("a fault of ours")


def _refuse(*, grace_seconds: float) -> KillReceipt:
    raise PermissionError(1, "Operation not permitted")


def test_a_log_that_cannot_be_kept_is_told_at_the_end_of_its_step(build: Callable[..., World]) -> None:
    world = build()
    (world.home / "logs").mkdir()
    (world.home / "logs" / "0").write_text("in the way")
    world.engine.start()

    talker = world.begin(process(python("a", "print('hello')\nmessage('3 rows')")))
    silent = world.begin(process(python("a")))

    assert world.wait(talker).outcome is Outcome.WARNING
    assert world.step(talker, "a").message == "3 rows; part of its log could not be kept: File exists"
    assert world.wait(silent).outcome is Outcome.SUCCESS


def test_a_step_whose_input_is_gone_fails_with_the_reason(build: Callable[..., World], tmp_path: Path) -> None:
    world = build()
    world.engine.start()
    given = tmp_path / "rates.csv"
    given.write_text("a")
    inputs = data("in", item("f", "File", "INPUT", required=True))
    run = world.create(world.apply(process(inputs, python("a", "", inputs={"f": "${in.f}"}))), None).id
    world.upload(run, "in.f", given)
    (sha256,) = world.blobs.stored()
    world.blobs.fetch(sha256).unlink()
    world.start(run)

    assert world.wait(run).outcome is Outcome.FAILED
    assert world.step(run, "a").message == "the content of this file is missing on the server's disk; tell the operator"


def test_a_process_that_cannot_be_listened_to_ends_its_own_step_and_no_other(tmp_path: Path) -> None:
    settings, isolation = EngineSettings(grace_seconds=0.2, workers_max=2), Deaf(OPEN)
    world = World(tmp_path, settings=settings, isolation=OPEN, make_isolation=lambda _: isolation)
    world.engine.start()

    talker = world.begin(process(python("a", "print('hello')\nimport time; time.sleep(60)")))

    assert world.wait(talker).outcome is Outcome.FAILED
    assert "could not be taken in" in world.step(talker, "a").message
    isolation.is_deaf = False
    assert world.wait(world.begin(process(python("a")))).outcome is Outcome.SUCCESS
    world.close()


def test_an_output_that_fails_to_be_kept_in_a_way_nobody_foresaw_fails_its_step(build: Callable[..., World]) -> None:
    world = build(workers_max=1)
    world.blobs.take = _lose  # type: ignore[method-assign]
    world.engine.start()
    writer = python("a", "outputs.file('f').write_text('x')", outputs={"f": "${d.f}"})

    run = world.begin(process(data("d", item("f", "File", "OUTPUT")), writer))

    assert world.wait(run).outcome is Outcome.FAILED
    assert world.step(run, "a").message == "an output could not be kept; see the server's log"
    assert world.wait(world.begin(process(python("b")))).outcome is Outcome.SUCCESS


def _lose(source: Path, *, inside: Path) -> Content:
    raise RuntimeError("a fault of ours")


def test_a_process_that_cannot_be_killed_is_reported_and_its_slot_is_not_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = EngineSettings(grace_seconds=0.2, workers_max=1)
    world = World(tmp_path, settings=settings, isolation=OPEN, make_isolation=Unkillable)
    world.engine.start()
    run = world.begin(process(python("a", stay(tmp_path / "gate"))))
    world.wait_for(run, "a", StepStatus.RUNNING)

    world.cancel(run)

    wait_until(lambda: [row for row in world.history(run) if row.kind is HistoryKind.KILLED])
    row = next(row for row in world.history(run) if row.kind is HistoryKind.KILLED)
    assert (row.detail["method"], len(row.detail["survivors"])) == ("failed", 1)
    assert "a step's process could not be ended" in caplog.text
    assert world.wait(world.begin(process(python("b")))).outcome is Outcome.SUCCESS
    world.close()


def test_a_step_that_waits_for_a_slot_gets_the_one_that_a_cancel_frees(
    build: Callable[..., World], tmp_path: Path
) -> None:
    world = build(workers_max=1, scan_seconds=3600.0)
    world.engine.start()
    # A process was refused while none was ready; the first that comes back makes that good.
    world.wait(world.begin(process(python("warm"))))
    first = world.begin(process(python("a", stay(tmp_path / "gate"))))
    world.wait_for(first, "a", StepStatus.RUNNING)
    second = world.begin(process(python("b")))
    world.wait_for(second, "b", StepStatus.SCHEDULED)

    world.cancel(first)

    assert world.wait(second, 5.0).outcome is Outcome.SUCCESS


def test_the_idempotency_key_is_the_same_after_a_crash_and_another_after_a_restart(tmp_path: Path) -> None:
    sink = tmp_path / "sink"
    code = f"with open({str(sink)!r}, 'a') as file: file.write(idempotency_key + chr(10))\n{stay(tmp_path / 'gate')}"
    child = in_a_child(tmp_path, partial(_begin_and_stay, tmp_path, code))
    wait_until(lambda: len(marks(sink)) == 1)
    os.kill(child, signal.SIGKILL)
    finish(child)
    world = World(tmp_path, isolation=OPEN)
    world.engine.start()
    wait_until(lambda: len(marks(sink)) == 2)
    (tmp_path / "gate").touch()
    run = RunId(1)
    world.wait(run)
    world.restart(run, "a")
    world.wait(run)
    world.close()

    before, after, restarted = marks(sink)

    assert before == after
    assert before.count("/") == 3 and before.endswith("/1")
    assert restarted == before.removesuffix("1") + "2"


def test_a_start_waits_until_what_an_earlier_server_left_can_be_ended(tmp_path: Path) -> None:
    sink, gate = tmp_path / "sink", tmp_path / "gate"
    child = in_a_child(tmp_path, partial(_begin_and_stay, tmp_path, mark(sink) + stay(gate)))
    wait_until(lambda: len(marks(sink)) == 1)
    os.kill(child, signal.SIGKILL)
    finish(child)
    gate.touch()
    settings = EngineSettings(grace_seconds=0.2, short_seconds=0.01)
    world = World(tmp_path, settings=settings, isolation=OPEN, make_isolation=ShortAtFirst)

    world.engine.start()

    assert world.wait(RunId(1)).outcome is Outcome.SUCCESS
    assert HistoryKind.KILLED in [row.kind for row in world.history(RunId(1))]
    world.close()


def test_a_copy_has_its_own_keys_but_for_what_it_takes_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    original, copied = (Place(path=f"/{name}", device="1", inode=name) for name in "oc")
    world.db.write(partial(identity.claim, place=original))
    taken_over = world.begin(process(python("a")))
    before = _key(world, taken_over)

    world.db.write(partial(identity.settle, place=copied, new_id="copy"))
    fresh = world.begin(process(python("a")))

    assert _key(world, taken_over) == before
    assert before.endswith(f"/{taken_over}/as-2/1")
    assert _key(world, taken_over, restarts=1).startswith(f"copy/{taken_over}/")
    assert _key(world, fresh).startswith(f"copy/{fresh}/")
    world.close()


def _key(world: World, run: RunId, *, restarts: int = 0) -> str:
    with world.db.read() as tx:
        found = runs.find(tx, run)
        assert found is not None
        step = next(row.id for row in steps.of_run(tx, run))
        return identity.attempt_homes(tx).key(replace(found, attempt=found.attempt + restarts), step)


def _begin_and_stay(home: Path, code: str) -> None:
    world = World(home, isolation=OPEN)
    world.engine.start()
    world.begin(process(python("a", code)))
    signal.pause()

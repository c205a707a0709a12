"""What every engine must do when a run is ended from outside: cancel, time limits, races, restarts that are refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_FINAL, Outcome, RunStatus, StepStatus
from procession.model.runs import HistoryKind, HistoryRow, Run
from procession.store import history
from tests.engine.steps import data, fail, item, mark, marks, process, python, stay, wait
from tests.engine.world import World
from tests.support import wait_until

# A daemon by the book: forked twice, in a session of its own, deaf to TERM; so is its parent.
STUBBORN = """
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        subprocess.Popen(["sleep", "{marker}"])
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""


def sleepers(marker: str) -> list[str]:
    """Processes that sleep with the marker in their command line."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", marker.encode()]:
            found.append(place.parent.name)
    return found


def of_kind(world: World, run: RunId, kind: HistoryKind) -> list[HistoryRow]:
    return [row for row in world.history(run) if row.kind is kind]


def test_a_cancelled_run_is_cancelled_at_once_and_nothing_of_it_lives_on(shared: World) -> None:
    run = shared.begin(process(python("daemon", STUBBORN.format(marker="7654.321")), wait("next")))
    wait_until(partial(sleepers, "7654.321"))

    answer = shared.cancel(run)

    assert answer.status is RunStatus.CANCELLED
    assert answer.duration_seconds is not None
    step = shared.step(run, "daemon")
    assert (step.status, step.finished_at, step.duration_seconds) == (StepStatus.CANCELLED, None, None)
    assert shared.step(run, "next").status is StepStatus.NOT_STARTED
    wait_until(partial(of_kind, shared, run, HistoryKind.KILLED))
    assert sleepers("7654.321") == []
    receipt = of_kind(shared, run, HistoryKind.KILLED)[0]
    assert receipt.detail["survivors"] == []
    assert receipt.detail["signals"] == ["TERM", "KILL"]
    assert receipt.detail["processes"] >= 3
    assert receipt.step == step.id


def test_cancelling_what_does_not_run_changes_nothing(shared: World) -> None:
    fresh = shared.create(shared.apply(process(wait("a"))))
    ended = shared.wait(shared.begin(process(wait("a"))))

    assert shared.cancel(fresh.id) == fresh
    assert shared.cancel(ended.id) == ended
    assert of_kind(shared, ended.id, HistoryKind.CANCELLED) == []


def test_starting_twice_is_starting_once(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = shared.begin(process(python("a", mark(tmp_path / "sink") + stay(gate))))
    shared.wait_for(run, "a", StepStatus.RUNNING)

    again = shared.start(run)
    gate.touch()

    assert again.status is RunStatus.RUNNING
    shared.wait(run)
    assert marks(tmp_path / "sink") == ["x"]
    with pytest.raises(Invalid, match="already ran"):
        shared.start(run)


def test_a_hundred_parallel_starts_are_one_execution(shared: World, tmp_path: Path) -> None:
    run = shared.create(shared.apply(process(python("a", mark(tmp_path / "sink"))))).id

    def start(_: int) -> Run | str:
        try:
            return shared.start(run)
        except Invalid as late:
            return late.message

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(start, range(100)))

    shared.wait(run)
    assert marks(tmp_path / "sink") == ["x"]
    assert all(isinstance(answer, Run) or "already ran" in answer for answer in answers)
    assert len(of_kind(shared, run, HistoryKind.STARTED)) == 1


def test_fifty_parallel_restarts_and_cancels_never_run_a_step_twice_at_once(shared: World, tmp_path: Path) -> None:
    """Every answer is one of two, each restart that was accepted is in the history, in order."""
    # A lock that its process takes to its grave: whoever finds it held is the second of two.
    code = (
        f"import fcntl\nlock = open({str(tmp_path / 'lock')!r}, 'a')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n" + mark(tmp_path / "sink")
    )
    run = shared.wait(shared.begin(process(python("a", code)))).id

    def disturb(number: int) -> str:
        try:
            if number % 5 == 4:
                return str(shared.cancel(run).status)
            shared.restart(run, "a")
            return "restarted"
        except Invalid as refused:
            return refused.message

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(disturb, range(50)))

    last = shared.wait(run)
    restarts = of_kind(shared, run, HistoryKind.RESTARTED)
    assert len(restarts) == answers.count("restarted") == last.attempt - 1
    assert len(restarts) >= 1
    assert [row.attempt for row in restarts] == list(range(2, last.attempt + 1))
    assert not [row for row in of_kind(shared, run, HistoryKind.STEP) if row.detail["status"] == StepStatus.FAILED]
    revisions = [row.revision for row in shared.history(run)]
    assert revisions == sorted(set(revisions))


def test_a_step_over_its_time_limit_is_ended_and_failed(shared: World) -> None:
    run = shared.begin(process(python("daemon", STUBBORN.format(marker="7654.322"), time_limit="0.3s")))

    ended = shared.wait(run)

    assert (ended.status, ended.outcome) == (RunStatus.FINISHED, Outcome.FAILED)
    assert shared.step(run, "daemon").message == "timed out after 0.3 s"
    wait_until(partial(of_kind, shared, run, HistoryKind.KILLED))
    assert sleepers("7654.322") == []
    assert of_kind(shared, run, HistoryKind.KILLED)[0].detail["survivors"] == []
    # However long it takes to end the process, the limit is told first.
    assert [row.kind for row in shared.history(run)][-2:] == [HistoryKind.FINISHED, HistoryKind.KILLED]


def test_a_step_over_its_time_limit_is_tried_again_only_when_its_process_is_gone(shared: World) -> None:
    code = STUBBORN.format(marker="7654.324")
    run = shared.begin(process(python("daemon", code, time_limit="0.3s", retry={"times": 1, "wait": "0.1s"})))

    shared.wait(run)

    wait_until(lambda: len(of_kind(shared, run, HistoryKind.KILLED)) == 2)
    kinds = [row.detail.get("status", row.kind) for row in shared.history(run) if row.step is not None]
    assert kinds == ["Running", "Scheduled", "killed", "Running", "Failed", "killed"]


def test_a_run_over_its_time_limit_is_timed_out_with_all_it_started(shared: World) -> None:
    run = shared.begin(process(python("daemon", STUBBORN.format(marker="7654.323")), wait("next"), time_limit="0.5s"))

    ended = shared.wait(run)

    assert ended.status is RunStatus.TIMED_OUT
    assert ended.duration_seconds is not None
    assert ended.duration_seconds >= 0.5
    assert shared.step(run, "daemon").status is StepStatus.FAILED
    assert shared.step(run, "daemon").message.startswith("timed out after 0.5 s")
    assert shared.step(run, "next").status is StepStatus.NOT_STARTED
    wait_until(partial(of_kind, shared, run, HistoryKind.KILLED))
    assert sleepers("7654.323") == []


def test_fifty_races_of_cancel_and_finish_have_one_final_state_for_ever(shared: World) -> None:
    process_id = shared.apply(process(wait("a")))
    ends: dict[RunId, RunStatus] = {}
    for turn in range(50):
        run = shared.create(process_id).id
        shared.start(run)
        if turn % 2:
            wait_until(lambda run=run: shared.step(run, "a").status is not StepStatus.NOT_STARTED)  # type: ignore[misc]
        ends[run] = shared.cancel(run).status

    wait_until(lambda: all(shared.run(run).status in RUN_FINAL for run in ends))
    wait_until(lambda: not not_gone(shared, ends.keys()))

    assert {run: shared.run(run).status for run in ends} == ends
    for run, status in ends.items():
        kinds = [row.kind for row in shared.history(run)]
        final = [kind for kind in kinds if kind in {HistoryKind.CANCELLED, HistoryKind.FINISHED}]
        assert final == [HistoryKind.CANCELLED if status is RunStatus.CANCELLED else HistoryKind.FINISHED]
        step = shared.step(run, "a").status
        assert step in {StepStatus.CANCELLED, StepStatus.NOT_STARTED, StepStatus.SUCCESS}
        assert (status is RunStatus.FINISHED) <= (step is StepStatus.SUCCESS)


def not_gone(world: World, runs: object) -> list[RunId]:
    with world.db.read() as tx:
        return [run for run, _ in history.not_gone(tx) if run in runs]  # type: ignore[operator]


def test_a_cancel_disturbs_no_other_run(shared: World) -> None:
    """Warm processes are shared: one that was given back must not be ended for the run that had it before."""
    process_id = shared.apply(process(*[wait(f"s{number}") for number in range(5)]))
    runs = [shared.create(process_id).id for _ in range(40)]
    for run in runs:
        shared.start(run)
        shared.cancel(runs[runs.index(run) & ~1])

    for run in runs[1::2]:
        assert shared.wait(run).outcome is Outcome.SUCCESS


def test_a_late_result_is_recorded_and_changes_nothing(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    code = (
        "import signal, time, sys\nclass Late(Exception): pass\n"
        "def late(*_): raise Late\nsignal.signal(signal.SIGTERM, late)\n"
        f"try:\n    open({str(gate)!r}, 'w').close()\n    time.sleep(60)\nexcept Late:\n    message('I was done')\n"
        "outputs['n'] = 5\n"
    )
    run = shared.begin(process(data("out", item("n", flow="OUTPUT")), python("slow", code, outputs={"n": "${out.n}"})))
    wait_until(gate.exists)

    shared.cancel(run)
    wait_until(partial(of_kind, shared, run, HistoryKind.LATE_RESULT))

    late = of_kind(shared, run, HistoryKind.LATE_RESULT)[0]
    assert late.detail["status"] == "Success"
    assert shared.run(run).status is RunStatus.CANCELLED
    assert shared.step(run, "slow").status is StepStatus.CANCELLED
    assert shared.value(run, "out.n") is None


def test_a_restart_is_refused_while_the_run_is_under_way_and_for_a_disabled_step(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    text = process(python("a", stay(gate)), wait("off", enabled=False))
    run = shared.begin(text)
    shared.wait_for(run, "a", StepStatus.RUNNING)
    with pytest.raises(Invalid, match="is Running; cancel it or wait"):
        shared.restart(run, "a")
    gate.touch()
    shared.wait(run)
    with pytest.raises(Invalid, match="disabled"):
        shared.restart(run, "off")
    with pytest.raises(Invalid, match="never started"):
        shared.restart(shared.create(shared.apply(text)).id, "a")

    assert shared.run(run).attempt == 1


def test_a_step_declared_once_runs_again_only_when_it_is_released_by_name(shared: World, tmp_path: Path) -> None:
    sink = tmp_path / "sink"
    run = shared.begin(process(wait("a"), python("pay", mark(sink), effect="once"), fail("check")))
    shared.wait(run)

    with pytest.raises(Invalid, match='"pay" must not happen twice'):
        shared.restart(run, "a")
    shared.restart(run, "check")
    shared.wait(run)
    assert marks(sink) == ["x"]
    shared.restart(run, "a", frozenset({"pay"}))
    shared.wait(run)

    assert marks(sink) == ["x", "x"]
    assert of_kind(shared, run, HistoryKind.RESTARTED)[-1].detail["released"] == ["pay"]


def test_a_cancelled_run_can_be_restarted_at_once_and_never_has_two_attempts(
    build: Callable[..., World], tmp_path: Path
) -> None:
    sink, world = tmp_path / "sink", build(grace_seconds=0.2)
    world.engine.start()
    # The lock falls with its process: a second attempt beside the first one would fail.
    code = (
        "import fcntl, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"alone = open({str(tmp_path / 'alone')!r}, 'w')\nfcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        + mark(sink)
        + stay(tmp_path / "gate")
    )
    run = world.begin(process(python("a", code)))
    wait_until(lambda: marks(sink) == ["x"])

    world.cancel(run)
    world.restart(run, "a")
    assert marks(sink) == ["x"]
    wait_until(partial(of_kind, world, run, HistoryKind.KILLED))
    (tmp_path / "gate").touch()

    assert world.wait(run).outcome is Outcome.SUCCESS
    assert marks(sink) == ["x", "x"]


def test_a_run_whose_step_asks_for_the_network_is_refused_at_the_start_and_told_when_applied(shared: World) -> None:
    step = python("fetch")
    step["with"]["network"] = True
    told = 'step 1.1 "fetch" asks for the network, which this server does not allow (PROCESSION_ALLOW_NETWORK)'

    applied = shared.applied(process(step, name="Rates"))
    run = shared.create(applied.id).id

    assert [remark.startswith(told) for remark in applied.remarks] == [True]
    with pytest.raises(Invalid, match="asks for the network"):
        shared.start(run)
    assert shared.run(run).status is RunStatus.NOT_STARTED
    assert shared.applied(process(python("fetch"), name="Rates")).remarks == ()

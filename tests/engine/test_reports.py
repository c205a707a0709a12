"""What users of other engines reported, tried on ours: slots that stay taken, runs that stay waiting, cancels that fail.

Each test names the report it rebuilds.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.runs import HistoryKind
from procession.store import history
from tests.engine.steps import fail, mark, marks, process, python, stay, wait
from tests.engine.test_fair import cpu_seconds
from tests.engine.world import World
from tests.support import wait_until

CANCELLED, SCHEDULED, RUNNING = RunStatus.CANCELLED, RunStatus.SCHEDULED, RunStatus.RUNNING


def begun(world: World, run: RunId) -> list[str]:
    """The steps that ever began, by the history."""
    keys = {step.id: key for key, step in world.steps(run).items()}
    rows = [row for row in world.history(run) if row.kind is HistoryKind.STEP]
    return [keys[row.step] for row in rows if row.step and row.detail["status"] == StepStatus.RUNNING]


def running(world: World, runs: list[RunId]) -> int:
    return sum(world.run(run).status is RUNNING for run in runs)


def assert_works(world: World) -> None:
    """A run goes through, and the engine then has nothing under work and rests."""
    assert world.wait(world.begin(process(wait("works"), name="Works")), 10.0).outcome is Outcome.SUCCESS
    wait_until(lambda: not world.engine._executor.active_runs and not world.engine._executor.dying)
    with world.db.read() as tx:
        assert history.not_gone(tx) == []
    before = cpu_seconds(world)
    wait_until(lambda: world.engine._loop._is_ringing is False)
    world.wait(world.begin(process(wait("half", 0.5), name="Half")))
    assert cpu_seconds(world) - before < 0.3


def pids(world: World, run: RunId) -> list[int]:
    with world.db.read() as tx:
        return [attempt.pid for attempt in history.attempts_of_run(tx, run)]


def test_processes_that_are_killed_from_outside_give_their_slots_back(
    build: Callable[..., World], tmp_path: Path
) -> None:
    # apache/airflow#43448: workers died of memory, their tasks were zombies, and there were no open slots any more.
    # celery/celery#2142: after kill -9 of its children the worker polled a dead pipe with a whole core.
    world = build(workers_max=2)
    world.engine.start()
    lost = [world.begin(process(python("a", stay(tmp_path / "never")), name=f"Lost {n}")) for n in range(2)]
    for run in lost:
        world.wait_for(run, "a", StepStatus.RUNNING)

    for run in lost:
        os.kill(pids(world, run)[0], signal.SIGKILL)

    assert [world.wait(run).outcome for run in lost] == [Outcome.FAILED] * 2
    assert_works(world)


def test_more_steps_than_slots_wait_for_them_and_none_fails(build: Callable[..., World]) -> None:
    # apache/airflow#9316, apache/airflow#15793: tasks beyond the pool's slots failed instead of waiting.
    world = build(workers_max=2)
    world.engine.start()

    run = world.begin(process(wait("first"), *[wait(f"s{number}", needs=["first"]) for number in range(60)]))

    assert world.wait(run).outcome is Outcome.SUCCESS
    assert set(world.statuses(run).values()) == {StepStatus.SUCCESS}


def test_a_cancel_lets_the_next_of_a_process_with_a_limit_begin(build: Callable[..., World], tmp_path: Path) -> None:
    # PrefectHQ/prefect#17563, dagster-io/dagster#28456: a cancelled run kept its place, those behind it waited for ever.
    world = build(scan_seconds=60.0)
    world.engine.start()
    first, second = world.begin_many(process(python("a", stay(tmp_path / "never")), concurrency=1), 2)
    world.wait_for(first, "a", StepStatus.RUNNING)

    world.cancel(first)

    world.wait_for(second, "a", StepStatus.RUNNING)
    world.cancel(second)
    assert_works(world)


def test_nothing_of_a_cancelled_run_stays_running_or_begins_later(build: Callable[..., World], tmp_path: Path) -> None:
    # PrefectHQ/prefect#7732: tasks stayed RUNNING after a cancel. PrefectHQ/prefect#17482: new ones began after it.
    world = build(workers_max=2)
    world.engine.start()
    branches = [python(f"s{number}", stay(tmp_path / "never"), needs=["first"]) for number in range(5)]
    run = world.begin(process(wait("first"), *branches, wait("last", needs=["s0"])))
    wait_until(lambda: len(begun(world, run)) == 3)

    world.cancel(run)

    assert set(world.statuses(run).values()) == {StepStatus.SUCCESS, StepStatus.CANCELLED, StepStatus.NOT_STARTED}
    assert_works(world)
    assert len(begun(world, run)) == 3


def test_cancels_of_waiting_runs_race_with_their_beginning_and_win_or_lose_whole(build: Callable[..., World]) -> None:
    # dagster-io/dagster#3323: the cancel of a queued run succeeded, and the run was launched all the same.
    world = build(workers_max=2)
    world.engine.start()
    runs = world.begin_many(process(wait("a", 0.05), wait("b")), 40)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(world.cancel, runs))

    for answer in answers:
        ended = world.wait(answer.id)
        assert (ended.status, answer.status) in {(CANCELLED, CANCELLED), (RunStatus.FINISHED, RunStatus.FINISHED)}
        assert StepStatus.RUNNING not in world.statuses(answer.id).values()
    assert_works(world)
    assert all(world.run(answer.id).status is answer.status for answer in answers)


def test_runs_that_wait_for_their_process_take_no_place_from_others(
    build: Callable[..., World], tmp_path: Path
) -> None:
    # dagster-io/dagster#25743: runs blocked by a limit were dequeued and filled the run queue's places.
    world, gate = build(runs_max=2), tmp_path / "gate"
    world.engine.start()
    world.begin_many(process(python("a", stay(gate)), concurrency=1), 10)

    other = world.begin(process(wait("a"), name="Other"))

    assert world.wait(other, 5.0).outcome is Outcome.SUCCESS
    gate.touch()


def test_a_line_that_waits_costs_nothing(build: Callable[..., World], tmp_path: Path) -> None:
    # dagster-io/dagster#19181: runs blocked by a limit span, asking again and again.
    world = build(workers_max=1)
    world.engine.start()
    runs = world.begin_many(process(wait("a", 0.5), concurrency=1), 300)
    world.wait_for(runs[0], "a", StepStatus.RUNNING)

    before = cpu_seconds(world)
    world.wait(runs[0])

    assert cpu_seconds(world) - before < 0.3


def test_many_cancels_at_once_leave_an_engine_that_works_and_rests(build: Callable[..., World], tmp_path: Path) -> None:
    # celery/celery#5169: many revokes in a row, and the worker froze at 100 % CPU.
    # celery/celery#1028, celery/celery#1306: after a terminate the next task got stuck.
    world = build(workers_max=2)
    world.engine.start()
    runs = world.begin_many(process(python("a", stay(tmp_path / "never"))), 30)
    wait_until(lambda: any(begun(world, run) for run in runs))

    for run in runs:
        world.cancel(run)

    assert {world.run(run).status for run in runs} == {CANCELLED}
    assert_works(world)


def test_a_step_that_hangs_past_its_limit_keeps_no_later_run_from_its_slot(
    build: Callable[..., World], tmp_path: Path
) -> None:
    # celery/celery#4789: after a task had reached its hard limit, the only worker took no other.
    world = build(workers_max=1)
    world.engine.start()
    for _ in range(3):
        run = world.begin(process(python("a", stay(tmp_path / "never"), time_limit="0.2s")))
        assert world.wait(run).outcome is Outcome.FAILED

    assert_works(world)


def test_a_run_cancelled_while_its_step_waits_for_a_process_never_begins(
    build: Callable[..., World], tmp_path: Path
) -> None:
    # celery/celery#1007: a revoke of a task that was reserved already was ignored.
    # celery/celery#877: revoked while it waited, it kept the worker's semaphore.
    world, gate = build(workers_max=1), tmp_path / "gate"
    world.engine.start()
    busy = world.begin(process(python("a", stay(gate))))
    world.wait_for(busy, "a", StepStatus.RUNNING)
    waiting = world.begin(process(python("a", mark(tmp_path / "sink")), name="Waiting"))
    world.wait_for(waiting, "a", StepStatus.SCHEDULED)

    world.cancel(waiting)
    gate.touch()

    assert world.wait(busy).outcome is Outcome.SUCCESS
    assert_works(world)
    assert marks(tmp_path / "sink") == []


def test_cancels_keep_a_process_at_its_limit_and_never_below_or_above(
    build: Callable[..., World], tmp_path: Path
) -> None:
    # kestra-io/kestra#13743: two killed at once, and only one began. kestra-io/kestra#13211: one killed, two began.
    # kestra-io/kestra#11574: a queued one that was killed came back.
    world = build()
    world.engine.start()
    runs = world.begin_many(process(python("a", stay(tmp_path / "never")), concurrency=2), 9)
    wait_until(lambda: running(world, runs) == 2)

    def cancel(*which: int) -> None:
        for number in which:
            world.cancel(runs[number])
        wait_until(lambda: running(world, runs) == 2)

    cancel(0, 1)
    cancel(8)
    cancel(2)
    assert [world.run(run).status for run in runs] == [CANCELLED] * 3 + [RUNNING] * 2 + [SCHEDULED] * 3 + [CANCELLED]
    for run in runs:
        world.cancel(run)
    assert_works(world)
    assert not begun(world, runs[8])


def test_a_cancel_ends_what_waits_for_a_retry_and_nothing_brings_it_back(build: Callable[..., World]) -> None:
    # kestra-io/kestra#19704: killed while it waited for a retry it stayed KILLING, kept its place, and later ran again.
    world = build(scan_seconds=0.1)
    world.engine.start()
    text = process(fail("a", retry={"times": 5, "wait": "0.6s"}), concurrency=1)
    first, second = world.begin_many(text, 2)
    wait_until(lambda: world.step(first, "a").retry_at)

    assert world.cancel(first).status is CANCELLED

    wait_until(lambda: world.step(second, "a").tries == 2)
    assert world.run(first).status is CANCELLED
    assert len(begun(world, first)) == 1
    world.cancel(second)
    assert_works(world)


def test_a_run_that_a_crash_left_running_can_be_cancelled_before_anybody_took_it(
    build: Callable[..., World], tmp_path: Path
) -> None:
    # kestra-io/kestra#19679: after a restart of the server its running execution was a ghost; killed, it stayed KILLING
    # and those behind it stayed QUEUED.
    world = build(grace_seconds=0.1)
    world.engine.start()
    first, second = world.begin_many(process(python("a", stay(tmp_path / "never")), concurrency=1), 2)
    world.wait_for(first, "a", StepStatus.RUNNING)
    world.engine.close()

    world.cancel(first)
    world.engine = world.new_engine()
    world.engine.start()

    world.wait_for(second, "a", StepStatus.RUNNING)
    assert world.run(first).status is CANCELLED
    assert len(begun(world, first)) == 1
    world.cancel(second)
    assert_works(world)


def test_a_process_at_its_limit_is_so_after_restarts_too(build: Callable[..., World], tmp_path: Path) -> None:
    # kestra-io/kestra#7880: restarting failed executions went past the concurrency limit.
    world, gate = build(), tmp_path / "gate"
    gate.touch()
    world.engine.start()
    runs = world.begin_many(process(python("a", stay(gate)), concurrency=1), 3)
    for run in runs:
        world.wait(run)
    gate.unlink()

    for run in runs:
        world.restart(run, "a")

    wait_until(lambda: running(world, runs) == 1)
    gate.touch()
    assert [world.wait(run).outcome for run in runs] == [Outcome.SUCCESS] * 3
    taken = [row for run in runs for row in world.history(run) if row.kind in {HistoryKind.TAKEN, HistoryKind.FINISHED}]
    kinds = [row.kind for row in sorted(taken, key=lambda row: row.at)][-6:]
    assert kinds == [HistoryKind.TAKEN, HistoryKind.FINISHED] * 3


def test_a_run_interrupted_between_two_steps_goes_on_and_keeps_its_place(
    build: Callable[..., World], tmp_path: Path
) -> None:
    # dbos-inc/dbos-transact-py#805: recovered between two steps, it stayed PENDING and blocked its queue of one.
    # dbos-inc/dbos-transact-ts#739: what was recovered ran beside the queue's limit.
    world, gate = build(grace_seconds=0.1), tmp_path / "gate"
    world.engine.start()
    steps = [wait("a"), python("b", stay(gate)), wait("c")]
    runs = world.begin_many(process(*steps, concurrency=1), 3)
    world.wait_for(runs[0], "b", StepStatus.RUNNING)
    world.engine.close()

    world.engine = world.new_engine()
    world.engine.start()
    wait_until(lambda: len(begun(world, runs[0])) == 3)

    assert [world.run(run).status for run in runs] == [RUNNING, SCHEDULED, SCHEDULED]
    gate.touch()
    assert [world.wait(run).outcome for run in runs] == [Outcome.SUCCESS] * 3
    assert begun(world, runs[0]) == ["a", "b", "b", "c"]

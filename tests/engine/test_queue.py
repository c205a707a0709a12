"""The queue is fair, and timers ring in order."""

from __future__ import annotations

from procession.clock import ManualClock
from procession.engine.queue import FairQueue, Waiting
from procession.engine.timers import LEFTOVERS_MAX, Timers
from procession.model.ids import ProcessId, RunId, UserId


def waiting(run: int, user: int = 1, process: int = 1, at_once: int | None = None) -> Waiting:
    return Waiting(run=RunId(run), process=ProcessId(process), user=UserId(user), runs_at_once=at_once)


def drained(queue: FairQueue) -> list[int]:
    """All runs in turn; each ends before the next is asked for."""
    order = []
    while (taken := queue.next([])) is not None:
        order.append(taken.run.number)
    return order


def test_one_user_s_runs_go_in_the_order_of_their_start() -> None:
    queue = FairQueue()
    for run in (3, 1, 2):
        queue.add(waiting(run))

    assert len(queue) == 3
    assert drained(queue) == [3, 1, 2]


def test_users_take_turns_however_many_runs_one_has() -> None:
    queue = FairQueue()
    for run in range(1, 101):
        queue.add(waiting(run))
    for run in (101, 102):
        queue.add(waiting(run, user=2))

    assert drained(queue)[:5] == [1, 101, 2, 102, 3]


def test_who_has_fewer_runs_under_work_goes_first() -> None:
    queue = FairQueue()
    queue.add(waiting(1, user=1))
    queue.add(waiting(2, user=2))

    taken = queue.next([waiting(8, user=1), waiting(9, user=1), waiting(7, user=2)])

    assert taken == waiting(2, user=2)


def test_a_process_at_its_limit_waits_and_others_pass_it() -> None:
    queue = FairQueue()
    queue.add(waiting(1, process=1, at_once=1))
    queue.add(waiting(2, process=2))
    busy = [waiting(9, process=1, at_once=1)]

    assert queue.next(busy) == waiting(2, process=2)
    assert queue.next(busy) is None
    assert queue.next([]) == waiting(1, process=1, at_once=1)


def test_a_run_is_in_line_once_and_can_leave() -> None:
    queue = FairQueue()
    queue.add(waiting(1))
    queue.add(waiting(1))
    assert (len(queue), RunId(1) in queue) == (1, True)

    queue.drop(RunId(1))
    queue.drop(RunId(1))

    assert (len(queue), RunId(1) in queue) == (0, False)
    assert queue.next([]) is None


def test_timers_ring_in_order_and_once(clock: ManualClock) -> None:
    timers, rung = Timers(clock.monotonic), list[str]()
    for seconds, name in ((2, "b"), (1, "a"), (3, "d"), (2, "c")):
        timers.after(seconds, lambda name=name: rung.append(name))  # type: ignore[misc]
    assert timers.rest_seconds(10) == 1.0
    assert timers.rest_seconds(0.5) == 0.5

    clock.advance(2)
    timers.run_due()
    timers.run_due()

    assert rung == ["a", "b", "c"]
    assert timers.rest_seconds(10) == 1.0


def test_a_timer_may_set_another_and_a_clock_that_jumps_moves_none(clock: ManualClock) -> None:
    timers, rung = Timers(clock.monotonic), list[str]()

    def set_another() -> None:
        timers.after(1, lambda: rung.append("late"))

    timers.after(1, set_another)

    clock.jump(3600)
    timers.run_due()
    clock.advance(1)
    timers.run_due()
    assert rung == []
    clock.advance(1)
    timers.run_due()

    assert rung == ["late"]


def test_a_timer_taken_back_does_not_ring_and_leaves_no_memory(clock: ManualClock) -> None:
    timers, rung = Timers(clock.monotonic), list[str]()
    timers.after(1, lambda: rung.append("kept"))
    numbers = [timers.after(86_400, lambda: rung.append("no")) for _ in range(1000)]

    for number in numbers:
        timers.cancel(number)
    timers.cancel(numbers[0])
    timers.cancel(None)
    clock.advance(100_000)
    timers.run_due()

    assert rung == ["kept"]
    assert len(timers) <= LEFTOVERS_MAX + 2

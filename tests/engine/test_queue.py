"""The queue is fair, and timers ring in order."""

from __future__ import annotations

from procession.clock import ManualClock
from procession.engine.queue import PARKED_TIMES_MAX, FairQueue
from procession.engine.timers import LEFTOVERS_MAX, Timers
from procession.model.ids import ProcessId, RunId, UserId
from procession.store.queueing import Head


def head(run: int, user: int = 1, process: int = 1, depth: int = 0) -> Head:
    return Head(
        run=RunId(run), user=UserId(user), process=ProcessId(process), version=1, epoch=0, since=run, depth=depth
    )


def chosen(queue: FairQueue, *heads: Head, limit: int | None = None) -> int | None:
    """The number of the run that may be taken; of process 1 at most `limit` at once."""
    found = queue.choose(heads, lambda head: limit if head.process.number == 1 else None)
    return None if found is None else found.run.number


def test_one_user_s_runs_go_in_the_order_of_their_start() -> None:
    queue = FairQueue(runs_max=10)

    assert chosen(queue, head(3, process=3), head(2, process=2), head(5, process=5)) == 2


def test_processes_of_one_user_take_turns_however_many_runs_wait_of_one() -> None:
    queue = FairQueue(runs_max=10)
    order = []
    lines = {1: [1, 2, 3, 4], 2: [101, 102]}
    while any(lines.values()):
        run = chosen(queue, *(head(line[0], process=process) for process, line in lines.items() if line))
        process = 1 if run in lines[1] else 2
        order.append(lines[process].pop(0))
        queue.take(head(order[-1], process=process))
        queue.leave(RunId(order[-1]))

    assert order == [1, 101, 2, 102, 3, 4]


def test_users_take_turns_whoever_started_first() -> None:
    queue = FairQueue(runs_max=10)
    order = []
    lines = {1: [1, 2, 3, 4], 2: [101, 102]}
    for _ in range(5):
        run = chosen(queue, *(head(line[0], user=user) for user, line in lines.items() if line))
        user = 1 if run in lines[1] else 2
        order.append(lines[user].pop(0))
        queue.take(head(order[-1], user=user))
        queue.leave(RunId(order[-1]))

    assert order == [1, 101, 2, 102, 3]


def test_who_has_fewer_runs_under_work_goes_first() -> None:
    queue = FairQueue(runs_max=10)
    for taken in (head(8, user=1), head(9, user=1), head(7, user=2)):
        queue.take(taken)

    assert chosen(queue, head(10, user=1), head(11, user=2)) == 11


def test_a_process_at_its_limit_waits_and_others_pass_it() -> None:
    queue = FairQueue(runs_max=10)
    queue.take(head(9, process=1))

    assert chosen(queue, head(10, process=1), head(11, process=2), limit=1) == 11
    assert chosen(queue, head(10, process=1), limit=1) is None
    queue.leave(RunId(9))
    assert chosen(queue, head(10, process=1), limit=1) == 10


def test_a_full_house_has_room_for_the_first_run_of_another_user() -> None:
    queue = FairQueue(runs_max=2)
    for run in (1, 2):
        queue.take(head(run))

    assert chosen(queue, head(3)) is None
    assert chosen(queue, head(3), head(4, user=2)) == 4
    queue.take(head(4, user=2))
    assert chosen(queue, head(3), head(5, user=2)) is None


def test_a_full_house_is_shared_evenly_with_a_user_who_comes_late() -> None:
    queue = FairQueue(runs_max=4)
    for run in range(1, 5):
        queue.take(head(run))

    for run in (11, 12):
        assert chosen(queue, head(5), head(run, user=2)) == run
        queue.take(head(run, user=2))

    assert chosen(queue, head(5), head(13, user=2)) is None


def test_runs_that_only_wait_for_a_retry_leave_their_places_to_others() -> None:
    queue = FairQueue(runs_max=2)
    for run in (1, 2):
        queue.take(head(run))

    found = queue.choose([head(3)], unlimited, parked={RunId(1)})

    assert found == head(3)


def test_however_many_only_wait_their_number_has_an_end() -> None:
    queue = FairQueue(runs_max=1)
    for run in range(1, PARKED_TIMES_MAX + 1):
        queue.take(head(run))

    assert queue.choose([head(100)], unlimited, parked={RunId(run) for run in range(1, 100)}) == head(100)
    queue.take(head(100))
    queue.take(head(101))
    assert queue.choose([head(102)], unlimited, parked={RunId(run) for run in range(1, 101)}) is None


def test_where_as_many_wait_as_may_those_that_they_wait_for_go_first() -> None:
    """Taking turns, runs for rows below runs for rows went on parking without an end, which is memory."""
    queue, waiting = FairQueue(runs_max=1), {RunId(run) for run in range(1, PARKED_TIMES_MAX + 1)}
    for run in range(1, PARKED_TIMES_MAX):
        queue.take(head(run))
    lines = [head(100, process=1), head(101, process=2, depth=1), head(102, process=3, depth=2)]

    assert queue.choose(lines, unlimited, parked=waiting) == head(101, process=2, depth=1)
    queue.take(head(PARKED_TIMES_MAX))
    assert queue.choose(lines, unlimited, parked=waiting) == head(102, process=3, depth=2)


def unlimited(_: Head) -> None:
    return None


def test_users_take_turns_at_a_process_with_a_limit_whatever_else_they_have() -> None:
    queue = FairQueue(runs_max=10)
    for taken in (head(1, user=1), head(50, user=2, process=2), head(51, user=2, process=2)):
        queue.take(taken)
    queue.leave(RunId(1))

    assert chosen(queue, head(2, user=1), head(60, user=2), limit=1) == 60


def test_what_left_is_under_work_no_more() -> None:
    queue = FairQueue(runs_max=1)
    queue.take(head(1))
    assert RunId(1) in queue

    assert queue.leave(RunId(1))
    assert not queue.leave(RunId(1))

    assert RunId(1) not in queue
    assert chosen(queue, head(2)) == 2


def test_timers_ring_in_order_and_once(clock: ManualClock) -> None:
    timers: Timers[str] = Timers(clock.monotonic)
    for seconds, name in ((2, "b"), (1, "a"), (3, "d"), (2, "c")):
        timers.after(seconds, name)
    assert timers.rest_seconds(10) == 1.0
    assert timers.rest_seconds(0.5) == 0.5

    clock.advance(2)

    assert timers.due() == ["a", "b", "c"]
    assert timers.due() == []
    assert timers.rest_seconds(10) == 1.0


def test_a_clock_that_jumps_moves_no_timer(clock: ManualClock) -> None:
    timers: Timers[str] = Timers(clock.monotonic)
    timers.after(2, "late")

    clock.jump(3600)
    clock.advance(1)
    assert timers.due() == []
    clock.advance(1)

    assert timers.due() == ["late"]


def test_a_timer_taken_back_does_not_ring_and_leaves_no_memory(clock: ManualClock) -> None:
    timers: Timers[str] = Timers(clock.monotonic)
    timers.after(1, "kept")
    numbers = [timers.after(86_400, "no") for _ in range(1000)]

    for number in numbers:
        timers.cancel(number)
    timers.cancel(numbers[0])
    timers.cancel(None)
    clock.advance(100_000)

    assert timers.due() == ["kept"]
    assert len(timers) <= LEFTOVERS_MAX + 2

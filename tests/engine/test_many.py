"""What every engine must do with many runs and with its own end: limits, turns, close, takeover, full disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from procession import actions
from procession.engine import driver
from procession.engine.preparation import Preparations
from procession.engine.taking import Taker
from procession.model.errors import Unavailable
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.runs import HistoryKind
from procession.operations import runs
from procession.store import history, queueing
from procession.store.sqlite import SqliteDatabase
from tests.engine.steps import mark, marks, process, python, stay, wait
from tests.engine.world import World
from tests.support import wait_until


def crowd(sink: Path) -> str:
    """Code that leaves how many are inside when it comes in, and stays a moment."""
    return (
        "import json, os, time\n"
        f"room = {str(sink)!r}\nos.makedirs(room, exist_ok=True)\nmine = room + '/' + str(time.monotonic_ns())\n"
        "open(mine, 'w').close()\n"
        f"with open(room + '.counts', 'a') as counts: counts.write('%d\\n' % len(os.listdir(room)))\n"
        "time.sleep(0.05)\nos.unlink(mine)\n"
    )


def most_at_once(sink: Path) -> int:
    return max(int(count) for count in marks(Path(f"{sink}.counts")))


def several(world: World, text: str, count: int) -> list[RunId]:
    process_id = world.apply(text)
    found = [world.create(process_id).id for _ in range(count)]
    for run in found:
        world.start(run)
    return found


def test_no_more_steps_run_at_once_than_the_engine_may(build: Callable[..., World], tmp_path: Path) -> None:
    world = build(workers_max=2)
    world.engine.start()
    room = tmp_path / "room"
    branches = [python(f"s{number}", crowd(room), needs=["start"]) for number in range(6)]

    found = several(world, process(wait("start"), *branches), 2)

    assert [world.wait(run).outcome for run in found] == [Outcome.SUCCESS] * 2
    assert most_at_once(room) == 2


def test_no_more_runs_are_under_work_than_the_engine_may(build: Callable[..., World], tmp_path: Path) -> None:
    world = build(runs_max=2)
    world.engine.start()

    found = several(world, process(python("a", crowd(tmp_path / "room"))), 6)

    assert [world.wait(run).outcome for run in found] == [Outcome.SUCCESS] * 6
    assert most_at_once(tmp_path / "room") == 2


def test_a_process_may_have_one_run_at_a_time_while_others_go_on(build: Callable[..., World], tmp_path: Path) -> None:
    world, room, gate = build(), tmp_path / "room", tmp_path / "gate"
    world.engine.start()

    single = several(world, process(python("a", stay(gate) + crowd(room)), name="Single", concurrency=1), 4)
    other = world.begin(process(wait("a"), name="Other"))
    assert world.wait(other).outcome is Outcome.SUCCESS
    assert sum(world.run(run).status is RunStatus.SCHEDULED for run in single) == 3
    gate.touch()

    assert [world.wait(run).outcome for run in single] == [Outcome.SUCCESS] * 4
    assert most_at_once(room) == 1


def test_users_take_turns(build: Callable[..., World]) -> None:
    world = build(runs_max=1)
    process_id = world.apply(process(wait("a")))
    ada, bob = world.caller, world.add_user("bob")
    mine: dict[RunId, str] = {}
    for caller, name in [(ada, "ada")] * 5 + [(bob, "bob")] * 5:
        world.caller = caller
        run = world.create(process_id).id
        world.start(run)
        mine[run] = name

    world.engine.start()
    for run in mine:
        world.wait(run)

    def taken_at(run: RunId) -> datetime:
        return next(row.at for row in world.history(run) if row.kind is HistoryKind.TAKEN)

    order = "".join(mine[run][0] for run in sorted(mine, key=taken_at))
    lead = [order[:count].count("a") - order[:count].count("b") for count in range(1, 11)]
    assert max(map(abs, lead)) <= 2, order


def test_closing_lets_short_steps_end_and_the_next_engine_does_the_rest(
    build: Callable[..., World], tmp_path: Path
) -> None:
    sink, gate, world = tmp_path / "sink", tmp_path / "gate", build(grace_seconds=2.0)
    world.engine.start()
    run = world.begin(process(python("short", mark(sink, "short") + "import time; time.sleep(0.1)"), wait("rest")))
    long = world.begin(process(python("long", mark(sink, "long") + stay(gate)), name="Long"))
    wait_until(lambda: sorted(marks(sink)) == ["long", "short"])

    world.close()
    gate.touch()
    world = build()
    assert world.step(run, "short").status is StepStatus.SUCCESS
    assert world.step(run, "rest").status is not StepStatus.SUCCESS
    world.engine.start()

    assert world.wait(run).outcome is Outcome.SUCCESS
    assert world.wait(long).outcome is Outcome.SUCCESS
    assert sorted(marks(sink)) == ["long", "long", "short"]
    assert HistoryKind.TAKEN_OVER in [row.kind for row in world.history(long)]
    messages = [row.detail.get("message") for row in world.history(long)]
    assert "the server stopped while this step was under way; it runs again" in messages


def test_closing_waits_beyond_the_grace_period_for_what_is_being_ended_and_for_nothing_else(
    build: Callable[..., World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "END_SECONDS_MAX", 3_600.0)
    world, never = build(grace_seconds=0.2), stay(tmp_path / "never")
    world.engine.start()
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + never
    late = world.begin(process(python("late", deaf, time_limit="0.3s"), python("other", never, needs=[])))
    wait_until(lambda: world.step(late, "late").message.startswith("timed out"))

    world.close()

    world = build()
    assert HistoryKind.KILLED in [row.kind for row in world.history(late)]
    assert world.step(late, "other").status is StepStatus.RUNNING


def test_a_step_that_ends_its_server_every_time_is_given_up(build: Callable[..., World], tmp_path: Path) -> None:
    sink, world = tmp_path / "sink", build(grace_seconds=0.1)
    world.engine.start()
    run = world.begin(process(python("bad", mark(sink) + stay(tmp_path / "never")), wait("next")))
    for count in range(1, 4):
        wait_until(lambda count=count: len(marks(sink)) == count)  # type: ignore[misc]
        world.engine.close()
        world.engine = world.new_engine()
        world.engine.start()

    assert world.wait(run).outcome is Outcome.FAILED
    assert world.step(run, "bad").message.startswith("the server stopped 3 times")
    assert len(marks(sink)) == 3
    assert world.wait(world.begin(process(wait("a")))).outcome is Outcome.SUCCESS


def test_a_server_that_stops_takes_none_of_a_steps_retries(build: Callable[..., World], tmp_path: Path) -> None:
    """volcano#2560, tekton#6558: an eviction used the retries up, and the first real failure was the last."""
    sink, gate, world = tmp_path / "sink", tmp_path / "gate", build(grace_seconds=0.1)
    world.engine.start()
    fails = python("fails", mark(sink) + stay(gate) + "raise ValueError('no')", retry={"times": 1, "wait": "0.05s"})
    run = world.begin(process(fails))
    wait_until(lambda: len(marks(sink)) == 1)

    world.engine.close()
    gate.touch()
    world.engine = world.new_engine()
    world.engine.start()

    assert world.wait(run).outcome is Outcome.FAILED
    assert len(marks(sink)) == 3
    messages = [str(row.detail.get("message")) for row in world.history(run)]
    assert any("try 2 of 2 follows" in message for message in messages)


def test_a_run_that_another_engine_took_since_it_was_found_is_no_orphan(build: Callable[..., World]) -> None:
    world = build()  # its engine does not work yet
    run = world.begin(process(wait("a")))
    one, other = (
        Taker(executor=name, preparations=Preparations(actions.registry()), clock=world.clock) for name in "ab"
    )
    with world.db.read() as tx:
        (head,) = queueing.heads(tx, without=[])

    first = world.db.write(lambda tx: one.take(tx, head))
    second = world.db.write(lambda tx: other.take(tx, head))

    assert first is not None and first.loaded.run.epoch == 1
    assert second is None
    assert world.run(run).executor == "a"


def test_a_start_that_nobody_announced_is_found(build: Callable[..., World]) -> None:
    world = build(scan_seconds=0.05)
    world.engine.start()
    run = world.create(world.apply(process(wait("a"))))
    other = SqliteDatabase(world.db.path, on_fatal=world.fatal.append)  # another process, which ended before it told

    other.write(lambda tx: runs.start(world.act(tx), run.id))
    other.close()

    assert world.wait(run.id, 5.0).outcome is Outcome.SUCCESS


def test_a_run_goes_on_when_a_full_disk_has_room_again(
    build: Callable[..., World], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate, world = tmp_path / "gate", build(scan_seconds=0.2)
    world.engine.start()
    message = json.dumps("x" * 1500)
    steps = [python("a", stay(gate)), *[python(f"s{n}", f"message({message})") for n in range(4)]]
    run = world.begin(process(*steps))
    world.wait_for(run, "a", StepStatus.RUNNING)

    wait_until(partial(has_limited, world, None))
    gate.touch()
    wait_until(lambda: "commit failed" in caplog.text)
    wait_until(partial(has_limited, world, 1_000_000))  # it may share a commit with what does not fit yet

    assert world.wait(run, 5.0).outcome is Outcome.SUCCESS
    # What was decided while the disk was full is written when it has room: nothing is done twice.
    kinds = [row.kind for row in world.history(run)]
    assert kinds.count(HistoryKind.TAKEN) == 1
    assert HistoryKind.TAKEN_OVER not in kinds
    assert {step.tries for step in world.steps(run).values()} == {1}
    assert world.fatal == []


def has_limited(world: World, most: int | None) -> bool:
    """None: no page more than there are now; what SQLite answers then is that the disk is full."""
    with world.db.read() as tx:
        row = tx.one("PRAGMA page_count")
    assert row is not None
    try:
        world.db.write(lambda tx: tx.one(f"PRAGMA max_page_count = {row[0] if most is None else most}"))
    except Unavailable:
        return False
    return True


def test_an_ended_run_leaves_nothing_in_the_engine_s_memory(build: Callable[..., World]) -> None:
    world = build()
    world.engine.start()
    for run in several(world, process(wait("a", time_limit="1h")), 150):
        world.wait(run)

    wait_until(lambda: not world.engine._executor.active_runs)
    assert len(world.engine._loop._timers) < 150
    with world.db.read() as tx:
        assert history.not_gone(tx) == []

"""The journal of a step that reaches outside: what its tries have done, kept over crashes, retries and releases."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from procession.engine.isolation.options import IsolationSettings
from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.model.lifecycle import RunStatus, StepStatus
from procession.model.runs import HistoryKind
from procession.operations import runs
from procession.store import history, journals, retention
from procession.store.database import Transaction
from procession.store.runs import Superseded
from tests.engine import outside
from tests.engine.conftest import OPEN
from tests.engine.outside import Connections, leaving, lines
from tests.engine.steps import process
from tests.engine.world import World
from tests.support import wait_until

ISOLATION: IsolationSettings = replace(OPEN, landlock=True, **outside.ISOLATION)
ONCE = {"effect": "once"}


def opened(home: Path) -> World:
    connections = Connections(outside.make_folder(home))
    return World(home, isolation=ISOLATION, more_actions=outside.ACTIONS, connections=connections)


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = opened(tmp_path_factory.mktemp("journals"))
    world.engine.start()
    yield world
    world.close()


@pytest.fixture
def world(shared_world: World) -> World:
    for file in (shared_world.home / "outside").iterdir():
        file.unlink()
    return shared_world


def folder(world: World) -> Path:
    return world.home / "outside"


def journal(world: World, run: RunId, key: str = "send") -> tuple[str, ...]:
    with world.db.read() as tx:
        return journals.of_step(tx, world.step(run, key).id)


def log_of(world: World, run: RunId, key: str = "send") -> str:
    with world.db.read() as tx:
        attempt = history.attempts_of_step(tx, world.step(run, key).id)[-1].id
    return world.resources.step_logs.read(attempt, 0).decode()


def test_a_step_gets_the_connection_that_it_names_and_what_it_did_is_in_its_journal(world: World) -> None:
    run = world.begin(process(leaving("send", lines=2)))

    world.wait(run)

    assert world.step(run, "send").message == "left 2 lines"
    assert lines(folder(world)) == ["1", "2"]
    with world.db.read() as tx:
        rows = tx.all("SELECT j.number, j.entry FROM journal_entry j JOIN step_attempt a ON a.id = j.attempt_id"
                      " WHERE a.run_id = ? ORDER BY j.number", run.number)  # fmt: skip
    assert rows == [(1, "try 1"), (2, "done 1"), (3, "try 2"), (4, "done 2")]


def test_the_port_hears_who_asks(world: World) -> None:
    run = world.begin(process(leaving("send")))
    world.wait(run)

    connections = world.connections
    assert isinstance(connections, Connections)
    use = connections.used[-1]
    assert (use.name, sorted(use.kinds), use.run.id, use.user.login) == ("share", ["folder"], run, "ada")


def test_a_connection_that_cannot_be_opened_fails_the_step_in_words(world: World) -> None:
    run = world.begin(process(leaving("send", connection="shore")))

    world.wait(run)

    step = world.step(run, "send")
    assert (step.status, step.message) == (StepStatus.FAILED, 'there is no connection "shore"')


def test_no_secret_is_in_the_home_after_a_step_that_told_it_everywhere(world: World) -> None:
    run = world.begin(process(leaving("send", lines=2, fails_at=1)))

    world.wait(run)

    assert world.step(run, "send").message == "failed at 1 ([secret])"
    assert log_of(world, run) == "journal: 0; password [secret]\n"
    for path in world.home.rglob("*"):
        assert not path.is_file() or outside.SECRET.encode() not in path.read_bytes(), path


def test_a_retry_goes_on_behind_what_the_try_before_has_done(world: World) -> None:
    run = world.begin(process(leaving("send", lines=3, fails_at=2, more={"retry": {"times": 1, "wait": "0.05s"}})))

    world.wait(run)

    assert world.step(run, "send").message == "left 1 lines"
    assert lines(folder(world)) == ["1", "2", "3"]


def test_a_release_goes_on_behind_what_was_done(world: World) -> None:
    run = world.begin(process(leaving("send", lines=3, fails_at=2, more=ONCE)))
    world.wait(run)
    with pytest.raises(Invalid, match="once"):
        world.restart(run, "send")

    world.restart(run, "send", release=frozenset({"send"}))
    world.wait(run)

    assert world.step(run, "send").message == "left 1 lines"
    assert lines(folder(world)) == ["1", "2", "3"]


def test_a_step_that_had_ended_well_begins_anew(world: World) -> None:
    run = world.begin(process(leaving("send", lines=2, more=ONCE)))
    world.wait(run)

    world.restart(run, "send", release=frozenset({"send"}))
    world.wait(run)

    assert world.step(run, "send").message == "left 2 lines"
    assert lines(folder(world)) == ["1", "2", "1", "2"]


def test_one_that_was_cancelled_goes_on_when_it_is_restarted(world: World) -> None:
    run = world.begin(process(leaving("send", lines=3, waits_at=2)))
    wait_until(lambda: world.step(run, "send").progress_message == "waiting")
    world.cancel(run)
    wait_until(lambda: HistoryKind.KILLED in {row.kind for row in world.history(run)})
    assert journal(world, run) == ("try 1", "done 1")

    (folder(world) / "gate").touch()
    world.restart(run, "send")
    world.wait(run)

    assert lines(folder(world)) == ["1", "2", "3"]


def test_a_superseded_attempt_records_nothing_and_does_nothing_more(world: World) -> None:
    """The cancel is on disk, its process is being ended, and the gate opens before that."""
    run = world.begin(process(leaving("send", lines=3, waits_at=2)))
    wait_until(lambda: world.step(run, "send").progress_message == "waiting")

    def cancel(tx: Transaction) -> None:
        runs.cancel(world.act(tx), run)
        (folder(world) / "gate").touch()

    world.db.write(cancel)
    wait_until(lambda: HistoryKind.KILLED in {row.kind for row in world.history(run)})

    assert journal(world, run) == ("try 1", "done 1")
    assert lines(folder(world)) == ["1"]


def test_an_entry_is_only_taken_from_the_attempt_that_is_under_way(world: World) -> None:
    run = world.begin(process(leaving("send")))
    found = world.wait(run)
    with world.db.read() as tx:
        attempt = history.attempts_of_step(tx, world.step(run, "send").id)[-1].id
    new = journals.NewEntry(run=run, epoch=found.epoch, attempt=attempt, number=9, entry="late")

    for one in (new, replace(new, epoch=found.epoch - 1)):
        with pytest.raises(Superseded):
            world.db.write(partial(journals.add, new=one, now=world.clock.now()))


def test_a_step_that_is_no_reaching_one_is_not_believed_when_it_records(world: World) -> None:
    """A script can write anything into its channel."""
    code = (
        "import os, socket, msgspec\n"
        "for n in range(3, 200):\n"
        "    try: end = socket.socket(fileno=os.dup(n))\n"
        "    except OSError: continue\n"
        "    try: end.send(b'\\1' + msgspec.msgpack.encode(['record', 1, 'forged']))\n"
        "    except OSError: pass\n"
        "import time; time.sleep(20)\n"
    )
    step = {"action": "run_python", "name": "send", "key": "send", "with": {"code": code}}

    run = world.begin(process(step))
    world.wait(run)

    assert world.step(run, "send").message == "the step's process sent something that is not a message of its own"
    assert journal(world, run) == ()


def test_a_time_limit_ends_one_that_waits(world: World) -> None:
    run = world.begin(process(leaving("send", lines=2, waits_at=2, more={"time_limit": "1s"})))

    world.wait(run)

    assert world.step(run, "send").message == "timed out after 1 s"
    assert journal(world, run) == ("try 1", "done 1")


def test_a_run_that_is_deleted_takes_its_journals_along(world: World) -> None:
    run = world.begin(process(leaving("send"), name="Deleted"))
    world.wait(run)
    rule = retention.RetentionRule(keep=0, processes=(world.run(run).process,))

    world.db.write(lambda tx: retention.remove(tx, retention.runs(tx, rule)))

    with world.db.read() as tx:
        left = tx.all(
            "SELECT 1 FROM journal_entry j LEFT JOIN step_attempt a ON a.id = j.attempt_id WHERE a.id IS NULL"
        )
    assert left == []


def test_a_server_that_stops_in_the_middle_goes_on_behind_what_is_on_disk(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.engine.start()
    run = first.begin(process(leaving("send", lines=3, waits_at=3)))
    wait_until(lambda: first.step(run, "send").progress_message == "waiting")
    first.close()
    (folder(first) / "gate").touch()

    second = opened(tmp_path)
    second.engine.start()
    found = second.wait(run)

    assert found.status is RunStatus.FINISHED
    assert second.step(run, "send").message == "left 1 lines"
    assert lines(folder(second)) == ["1", "2", "3"]
    second.close()


def test_a_thousand_entries_are_recorded_and_come_with_the_next_try(world: World) -> None:
    run = world.begin(process(leaving("send", lines=501, fails_at=500, more={"retry": {"times": 1, "wait": "0.05s"}})))

    world.wait(run, 60.0)

    assert log_of(world, run).startswith("journal: 1000;")
    assert lines(folder(world)) == [str(number) for number in range(1, 502)]

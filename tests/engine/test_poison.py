"""A run that this server cannot work on ends with a reason, or waits alone: it holds no slot and stops nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from tests.engine.steps import process, wait
from tests.engine.world import World
from tests.support import wait_until


def spoiled(world: World, old: str, new: str) -> RunId:
    """A run of a version that was applied by another release, or is damaged."""
    process_id = world.apply(process(wait("a"), wait("z", when={"failed": "a"})))
    run = world.create(process_id).id
    sql = "UPDATE process_version SET definition = replace(definition, ?, ?) WHERE process_id = ?"
    world.db.write(lambda tx: tx.run(sql, old, new, process_id.number))
    return run


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"action":"wait"', '"action":"pay"', 'this server has no action "pay"; install it, or change the process'),
        ('{"seconds":0}', '{"hours":0}', 'the action "wait" of this server does not take these settings: '),
    ],
)
def test_a_step_whose_action_has_changed_or_gone_fails_and_the_run_ends(
    build: Callable[..., World], old: str, new: str, message: str
) -> None:
    world = build(workers_max=1)
    world.engine.start()
    run = spoiled(world, old, new)

    world.start(run)

    assert world.wait(run).outcome is Outcome.FAILED
    assert {key: step.status for key, step in world.steps(run).items()} == dict.fromkeys("az", StepStatus.FAILED)
    assert world.step(run, "a").message.startswith(message)
    assert world.wait(world.begin(process(wait("other"), name="Other"))).outcome is Outcome.SUCCESS


def test_a_step_that_stood_in_line_when_its_action_went_fails_after_the_restart(build: Callable[..., World]) -> None:
    world = build(workers_max=1)
    world.engine.start()
    world.begin(process(wait("busy", 60), name="Busy"))
    process_id = world.apply(process(wait("a")))
    run = world.create(process_id).id
    world.start(run)
    world.wait_for(run, "a", StepStatus.SCHEDULED)
    world.close()

    world = build(workers_max=1)
    world.db.write(
        lambda tx: tx.run("UPDATE process_version SET definition = replace(definition, '\"wait\"', '\"pay\"')")
    )
    world.engine.start()

    assert world.wait(run).outcome is Outcome.FAILED
    assert world.step(run, "a").message.startswith("this server has no action")


def test_a_run_that_cannot_be_read_waits_alone_and_can_be_cancelled(
    build: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    world = build(scan_seconds=60.0)
    run = spoiled(world, "{", "")
    world.begin_many(process(wait("other"), name="Other"), 3)
    world.db.write(lambda tx: tx.run("UPDATE run SET status = 'Scheduled', scheduled_at = 0 WHERE id = ?", run.number))
    world.db.write(lambda tx: tx.run("UPDATE run SET started_by = 1 WHERE id = ?", run.number))

    world.engine.start()

    wait_until(lambda: all(world.run(RunId(run.number + number)).outcome for number in (1, 2, 3)))
    assert world.run(run).status is RunStatus.SCHEDULED
    assert caplog.text.count("a run could not be taken") == 1
    assert world.cancel(run).status is RunStatus.CANCELLED

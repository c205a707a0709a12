"""A slot is kept for a moment for the user whose process is being made: what took it meanwhile could take it for hours."""

from __future__ import annotations

from pathlib import Path

from procession.engine.isolation.contract import Worker
from procession.engine.options import EngineSettings
from procession.model.lifecycle import Outcome, StepStatus
from tests.engine.pretence import Pretence, Stage, hangs, works
from tests.engine.steps import process, python
from tests.engine.world import World
from tests.support import wait_until


class NoUserCode(Pretence):
    """No process for user code is ready before `is_ready`."""

    is_ready = False
    refusals = 0

    def acquire(self, *, user_code: bool, network: bool = False, reaching: bool = False) -> Worker | None:
        if self.is_ready or not user_code:
            return super().acquire(user_code=user_code)
        self.refusals += 1
        return None


def made(home: Path) -> tuple[World, NoUserCode]:
    isolation = NoUserCode(Stage(), 1)
    settings = EngineSettings(workers_max=1, grace_seconds=0.05)
    return World(home, settings=settings, make_isolation=lambda _: isolation), isolation


def test_a_slot_waits_for_the_process_of_the_user_whose_turn_it_is(tmp_path: Path) -> None:
    world, isolation = made(tmp_path)
    ada, bob = world.caller, world.add_user("bob")
    world.engine.start()
    first = world.begin(process(works("a", 0.3)))
    world.wait_for(first, "a", StepStatus.RUNNING)
    long = world.begin(process(hangs("a"), name="Long"))
    world.caller = bob
    other = world.begin(process(python("a"), name="Other"))

    world.wait(first)
    wait_until(lambda: isolation.refusals)
    isolation.is_ready = True
    isolation.wake()

    assert world.wait(other, 5.0).outcome is Outcome.SUCCESS
    world.caller = ada
    world.cancel(long)
    world.close()


def test_processes_that_never_come_keep_nobody_s_slot_for_long(tmp_path: Path) -> None:
    world, _ = made(tmp_path)
    ada, bob = world.caller, world.add_user("bob")
    world.engine.start()
    world.caller = bob
    world.begin(process(python("a"), name="Never"))
    world.caller = ada

    run = world.begin(process(works("a", 0.0), works("b", 0.0)))

    assert world.wait(run, 8.0).outcome is Outcome.SUCCESS
    world.close()

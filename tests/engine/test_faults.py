"""What goes wrong in the engine itself, around one step: it ends that step, and no slot is lost."""

from __future__ import annotations

from collections.abc import Callable

from procession.model.lifecycle import Outcome
from tests.engine.steps import process, python
from tests.engine.world import World


def test_a_log_that_cannot_be_written_ends_its_own_step_and_no_other(build: Callable[..., World]) -> None:
    world = build()
    (world.home / "logs").mkdir()
    (world.home / "logs" / "0").write_text("in the way")
    world.engine.start()

    talker = world.begin(process(python("a", "print('hello')\nimport time; time.sleep(60)")))
    silent = world.begin(process(python("a")))

    assert world.wait(talker).outcome is Outcome.FAILED
    assert "could not be taken in" in world.step(talker, "a").message
    assert world.wait(silent).outcome is Outcome.SUCCESS

"""Which day a run has: the same in every step, whatever the zone of the server, and whatever the hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession.model.lifecycle import Outcome, StepStatus
from tests.engine.conftest import OPEN
from tests.engine.steps import data, item, process, python, stay
from tests.engine.world import SetClock, World

NOW = {"key": "now", "name": "now", "type": "SystemVariable", "variable": "CURRENT_DATE_TIME"}
CODE = """
import time
from datetime import date, datetime
from zoneinfo import ZoneInfo
assert time.localtime().tm_gmtoff == 0, time.tzname
assert date.today() == datetime.fromisoformat(inputs["now"]).date(), (date.today(), inputs["now"])
there = datetime.fromisoformat(inputs["now"] + "+00:00").astimezone(ZoneInfo("Pacific/Auckland"))
outputs["there"] = there.date()
"""


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_script_has_the_day_of_the_run_whatever_the_zone_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """n8n-io/n8n#20403, n8n-io/n8n#20330, temporalio/roadrunner-temporal#614: two clocks in one run."""
    # One of the two has another day than UTC at any hour.
    monkeypatch.setenv("TZ", zone)
    world = World(tmp_path, isolation=OPEN)
    world.engine.start()
    try:
        step = python("a", CODE, inputs={"now": "${d.now}"}, outputs={"there": "${d.there}"})
        run = world.begin(process(data("d", NOW, item("there", "Datepicker")), step))

        assert world.wait(run).outcome is Outcome.SUCCESS, world.step(run, "a").message
        assert world.value(run, "d.there") is not None
    finally:
        world.close()


def test_a_run_that_passes_midnight_keeps_its_moment_and_so_does_a_restart(tmp_path: Path) -> None:
    """Each step that asked the clock itself would have a day of its own, and a restart that of today."""
    clock = SetClock()
    world = World(tmp_path, clock=clock, isolation=OPEN)
    world.engine.start()
    try:
        now = clock.now()
        clock.jumped_seconds += 86_399 - now.hour * 3_600 - now.minute * 60 - now.second
        day = f"{clock.now():%Y-%m-%d}"
        step = python("a", "outputs['seen'] = inputs['now']", inputs={"now": "${d.now}"}, outputs={"seen": "${d.seen}"})
        long = python("long", stay(tmp_path / "gate"))
        run = world.begin(process(data("d", NOW, item("seen", "Text")), long, step))
        world.wait_for(run, "long", StepStatus.RUNNING)
        clock.passed_seconds += 3_700
        (tmp_path / "gate").touch()

        assert world.wait(run).outcome is Outcome.SUCCESS
        assert str(world.value(run, "d.seen"))[:10] == day
        clock.passed_seconds += 40 * 86_400
        world.restart(run, "a")
        world.wait(run)
        assert str(world.value(run, "d.seen"))[:10] == day != f"{clock.now():%Y-%m-%d}"
    finally:
        world.close()

"""The script of the crash suite: what a client does, and a server that stops at the N-th point of its work.

Runs in processes forked by test_crash.py. Everything the script has an answer for goes into the file `acknowledged`,
everything a step does to the outside world into the file `sink`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from procession.engine.isolation.options import IsolationSettings
from procession.engine.options import EngineSettings
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_FINAL, StepStatus
from tests.crashing import Countdown
from tests.engine.steps import data, decide, fail, item, process, python, wait
from tests.engine.world import World
from tests.support import wait_until

ALERT = {"email": "close@example.com", "when": "always"}
ISOLATION = IsolationSettings(landlock=False, user_ids=None, weak=True, user_ready=1, warm_ready=1, preload=())


def open_world(home: Path, crash_point: Callable[[str], None]) -> World:
    settings = EngineSettings(grace_seconds=0.2, scan_seconds=0.5)
    return World(home, settings=settings, isolation=ISOLATION, crash_point=crash_point)


def effect(sink: Path, key: str, work: str = "") -> str:
    """Code of a step that leaves begin and end of its work in the sink, by the run it belongs to.

    O_APPEND and one write each: lines of two steps never mix.
    """
    return (
        "import os, time\n"
        f"sink = os.open({str(sink)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        f"def tell(word): os.write(sink, f\"{{inputs['run']}} {key} {{word}}\\n\".encode())\n"
        f"tell('begin')\n{work}\ntell('end')\n"
    )


def text(home: Path) -> str:
    """A data step, two scripts with a file and a value, a built-in step, a decision and one that must not happen twice."""
    sink, run = home / "sink", {"run": "${in.run}"}
    write = "outputs.file('f').write_text('result of ' + inputs['run'])\noutputs['n'] = 1"
    return process(
        data("in", item("run", "String", "INPUT", required=True), item("given", "File", "INPUT", required=True)),
        data("out", item("f", "File", "OUTPUT"), item("n", flow="OUTPUT"), item("path", "String")),
        python("write", effect(sink, "write", write), inputs=run, outputs={"f": "${out.f}", "n": "${out.n}"}),
        wait("rest"),
        decide("way", ({"equals": {"property": "out.n", "value": 1}}, {"out.path": "pay"})),
        python(
            "pay",
            effect(sink, "pay"),
            inputs=run,
            effect="once",
            when={"equals": {"property": "out.path", "value": "pay"}},
        ),
        python("close", effect(sink, "close"), inputs=run),
        name="Crash",
        alert=ALERT,
    )


def slow(home: Path) -> str:
    return process(
        data("in", item("run", "String", "INPUT")),
        python("long", effect(home / "sink", "long", "time.sleep(0.6)"), inputs={"run": "${in.run}"}),
        name="Slow",
        alert=ALERT,
    )


def failing() -> str:
    return process(wait("first"), fail("bad"), name="Failing", alert=ALERT)


def upgraded(version: int) -> str:
    """Version 1 has the steps first, bad; version 2 first, bad, new, more."""
    if version == 1:
        return process(wait("first"), fail("bad"), name="Upgraded", alert=ALERT)
    return process(
        wait("first"), wait("bad"), data("new", item("n", value=7)), wait("more"), name="Upgraded", alert=ALERT
    )


def acknowledge(home: Path, what: str, run: RunId) -> None:
    """A client has its answer; synced, as what it does next may depend on it."""
    with (home / "acknowledged").open("a") as file:
        file.write(f"{what} {run}\n")


def perform(home: Path, last: int | None) -> list[str]:
    """Everything once; ends with the process when the countdown does. Gives the points that were passed."""
    points = Countdown(last)
    world = open_world(home, points)
    world.engine.start()
    whole = world.create(world.apply(text(home)), {"in.run": "whole"}).id
    acknowledge(home, "create", whole)
    world.upload(whole, "in.given", _given(home))
    acknowledge(home, "upload", whole)
    world.start(whole)
    acknowledge(home, "start", whole)
    # One after the other: else the N-th point is another one in every turn, and some are never the last.
    world.wait(whole)
    acknowledge(home, "final", whole)
    _cancel_one(home, world)
    _restart_one(home, world)
    _upgrade_one(home, world)
    world.close()
    return points.passed


def _given(home: Path) -> Path:
    given = home / "given.csv"
    given.write_text("a;b\n1;2\n")
    return given


def _cancel_one(home: Path, world: World) -> None:
    run = world.create(world.apply(slow(home)), {"in.run": "cancelled"}).id
    acknowledge(home, "create", run)
    world.start(run)
    acknowledge(home, "start", run)
    world.wait_for(run, "long", StepStatus.RUNNING)
    world.cancel(run)
    acknowledge(home, "cancel", run)


def _restart_one(home: Path, world: World) -> None:
    run = world.create(world.apply(failing())).id
    acknowledge(home, "create", run)
    world.start(run)
    acknowledge(home, "start", run)
    world.wait(run)
    world.restart(run, "bad")
    acknowledge(home, "restart", run)
    world.wait(run)


def _upgrade_one(home: Path, world: World) -> None:
    """Restarted with a newer version, which has a step more, and a new place for a value."""
    run = world.create(world.apply(upgraded(1))).id
    acknowledge(home, "create", run)
    world.start(run)
    acknowledge(home, "start", run)
    world.wait(run)
    world.apply(upgraded(2))
    world.restart(run, "bad", takes_latest=True)
    acknowledge(home, "upgrade", run)
    world.wait(run)


def recover(home: Path) -> None:
    """A new server on the same home brings everything that was started to its end."""
    world = open_world(home, lambda point: None)
    world.engine.start()
    wait_until(lambda: all(world.run(run).status in RUN_FINAL for run in started(world)))
    world.close()


def started(world: World) -> list[RunId]:
    with world.db.read() as tx:
        return [RunId(row[0]) for row in tx.all("SELECT id FROM run WHERE status <> 'NotStarted' ORDER BY id")]

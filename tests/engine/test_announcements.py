"""Who waits hears of what is new to them, and of nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from procession.engine.announcements import Announcements
from procession.model.ids import RunId
from procession.model.lifecycle import RunStatus
from procession.operations import runs
from tests.engine.world import World
from tests.support import wait_until

PROCESS = """
process: Several
groups:
  - group: All
    steps:
      - data: Inputs
        properties: [{name: Month, key: month, type: Text, flow: INPUT}]
      - {action: wait, name: One, key: one, with: {seconds: 0}}
      - {action: wait, name: Two, key: two, needs: [one], with: {seconds: 0}}
      - {action: fail, name: Three, key: three, with: {message: no}}
"""
RUN, OTHER = RunId(1), RunId(2)


def test_a_listener_hears_of_later_revisions_and_of_what_nobody_numbered() -> None:
    announcements, heard = Announcements(), list[str]()
    announcements.listen(RUN, partial(heard.append, "all"))
    forget = announcements.listen(RUN, partial(heard.append, "after 5"), after=5)

    announcements.ring(RUN, 5)
    announcements.ring(OTHER, 6)
    assert heard == ["all"]

    announcements.ring(RUN, 6)
    announcements.ring(RUN)
    assert heard == ["all", "all", "after 5", "all", "after 5"]

    forget()
    announcements.ring(RUN, 7)
    assert heard[-1] == "all" and heard.count("after 5") == 2


def test_what_is_told_of_a_run_is_the_revision_that_the_store_has(tmp_path: Path) -> None:
    world = World(tmp_path)
    told = list[tuple[int | None, int]]()

    def ring(run: RunId, revision: int | None = None) -> None:
        with world.db.read() as tx:
            told.append((revision, runs.find(tx, run).revision))

    world.announcements.ring = ring  # type: ignore[method-assign]
    world.engine.start()
    run = world.create(world.apply(PROCESS)).id
    world.start(run)
    wait_until(lambda: world.run(run).status is RunStatus.FINISHED)
    world.engine.close()
    world.db.close()

    known = [(revision, stored) for revision, stored in told if revision is not None]
    assert len(known) >= 4
    assert all(revision == stored for revision, stored in known), told

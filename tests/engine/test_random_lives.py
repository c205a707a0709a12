"""Whatever happens to runs of several users, in whatever order: each ends lawfully, and nothing is left behind."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from procession.engine.options import EngineSettings
from procession.model.errors import ProcessionError
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import RUN_FINAL, STEP_DONE, RunStatus, StepStatus
from procession.model.runs import HistoryKind
from procession.store import history
from tests.engine.pretence import Pretence, Stage, dies, fails, hangs, works
from tests.engine.steps import StepText, data, item, process
from tests.engine.world import World
from tests.support import wait_until

ACTS = 60
WORKERS, RUNS = 3, 4
END_SECONDS_MAX = 40.0


@dataclass
class Life:
    """One seed: users, processes, and what is done to their runs."""

    home: Path
    seed: int
    stage: Stage = field(default_factory=Stage)
    runs: list[RunId] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - the same lives every time
        settings = EngineSettings(workers_max=WORKERS, runs_max=RUNS, grace_seconds=0.05, scan_seconds=0.2)
        self.world = World(self.home, settings=settings, make_isolation=self._isolation)
        self.callers = [self.world.caller, self.world.add_user("bob"), self.world.add_user("eve")]
        self.processes = [self._process(number) for number in range(5)]
        self.single = self.world.apply(process(works("a", 0.01), works("b", 0.01), name="Single", concurrency=1))

    def _isolation(self, _: object) -> Pretence:
        self.isolation = Pretence(self.stage, WORKERS)
        return self.isolation

    def _process(self, number: int) -> ProcessId:
        steps: list[StepText] = [data("d", item("n", value=1)), works("first", 0.0)]
        for place in range(self.chance.randint(1, 6)):
            steps.append(self._step(f"s{place}"))
        more: dict[str, object] = self.chance.choice([{}, {"time_limit": "0.3s"}, {"concurrency": 2}])
        return self.world.apply(process(*steps, name=f"Process {number}", **more))

    def _step(self, key: str) -> StepText:
        chance, seconds = self.chance, self.chance.choice([0.0, 0.005, 0.03])
        more: dict[str, object] = chance.choice([{}, {"needs": ["first"]}])
        retry = {"retry": {"times": chance.randint(1, 3), "wait": chance.choice(["0.01s", "0.01s", "0.1s"])}}
        kind = chance.randrange(7)
        if kind == 0:
            return fails(key, seconds, **more, **chance.choice([{}, retry]))
        if kind == 1:
            return dies(key, seconds, **more, **retry)
        if kind in {2, 3}:
            return hangs(key, time_limit=chance.choice(["0.05s", "0.2s"]), **more, **retry)
        return works(key, seconds, **more)

    def live(self) -> None:
        self.world.engine.start()
        for _ in range(ACTS):
            act = self.chance.choice(
                [self.begin, self.begin, self.cancel, self.restart, self.restart, self.rest, self.crash]
            )
            try:
                act()
            except ProcessionError:
                continue  # refused, in words
        wait_until(lambda: all(self.world.run(run).status in RUN_FINAL for run in self.runs), END_SECONDS_MAX)

    def begin(self) -> None:
        self.world.caller = self.chance.choice(self.callers)
        run = self.world.create(self.chance.choice([*self.processes, self.single])).id
        self.runs.append(run)
        self.world.start(run)

    def cancel(self) -> None:
        if self.runs:
            self._act_as_any()
            self.world.cancel(self.chance.choice(self.runs[-8:]))

    def restart(self) -> None:
        if self.runs:
            self._act_as_any()
            run = self.chance.choice(self.runs)
            self.world.restart(run, self.chance.choice(sorted(self.world.steps(run))))

    def rest(self) -> None:
        threading.Event().wait(self.chance.choice([0.0, 0.01, 0.05]))

    def crash(self) -> None:
        """The server ends and another one begins."""
        if self.chance.random() < 0.5:
            self.world.engine.close()
            self.world.engine = self.world.new_engine()
            self.world.engine.start()

    def _act_as_any(self) -> None:
        self.world.caller = self.chance.choice(self.callers)


@pytest.fixture
def life(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Life]:
    made = Life(tmp_path, request.param)
    yield made
    made.world.close()


SEEDS = [*range(3), *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(3, 200))]


@pytest.mark.parametrize("life", SEEDS, indirect=True)
def test_any_life_of_runs_ends_lawfully_and_leaves_nothing(life: Life) -> None:
    life.live()

    assert life.stage.violations == []
    assert_nothing_is_left(life)
    for run in life.runs:
        assert_is_lawful(life.world, run)


def assert_nothing_is_left(life: Life) -> None:
    engine = life.world.engine
    wait_until(lambda: not engine._executor.active_runs and not engine._executor.dying)
    wait_until(lambda: not life.isolation.used)
    assert not engine._source._queue._under_work
    assert life.stage.runs_at_work() == set()
    with life.world.db.read() as tx:
        assert history.not_gone(tx) == []


def assert_is_lawful(world: World, run: RunId) -> None:
    ended, statuses = world.run(run), set(world.statuses(run).values())
    assert statuses.isdisjoint({StepStatus.RUNNING, StepStatus.SCHEDULED}), (run, statuses)
    assert (ended.outcome is not None) is (ended.status is RunStatus.FINISHED)
    rows = world.history(run)
    ends = [place for place, row in enumerate(rows) if row.kind in ENDS]
    for before, after in pairwise([*ends, len(rows)]):
        kinds = {row.kind for row in rows[before + 1 : after]}
        assert HistoryKind.RESTARTED in kinds or kinds <= AFTER_AN_END, (run, kinds)
    for key, step in world.steps(run).items():
        for attempt in range(1, ended.attempt + 1):
            told = [row for row in rows if row.step == step.id and row.attempt == attempt and row.kind in STEP]
            seen = [StepStatus(row.detail["status"]) for row in told]
            assert not (set(seen[:-1]) & OVER), (run, key, seen)


STEP = {HistoryKind.STEP}
ENDS = {HistoryKind.FINISHED, HistoryKind.CANCELLED, HistoryKind.TIMED_OUT}
AFTER_AN_END = {HistoryKind.KILLED, HistoryKind.LATE_RESULT}
OVER = STEP_DONE | {StepStatus.SKIPPED, StepStatus.CANCELLED}  # until the run is restarted

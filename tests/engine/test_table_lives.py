"""Whatever runs, restarts, cancels and people do to one table, in whatever order: it has the rows of a simple model."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from procession.engine.table_workers import TableWorkers
from procession.model.errors import Invalid, ProcessionError
from procession.model.ids import RunId
from procession.model.lifecycle import StepStatus
from procession.operations.table_upkeep import TableUpkeep
from tests.engine import tables
from tests.engine.conftest import OPEN
from tests.engine.steps import StepText, data, item, process
from tests.engine.test_step_tables import sql
from tests.engine.world import SetClock, World

Given = list[tuple[str, Decimal]]

ACTS = 22
KEYS = "abcde"
KEYED = ("upsert", "replace_where")
# Of each process the steps; `carry` reads the table and replaces it.
PROCESSES = (
    *(("append",), ("upsert",), ("replace",), ("replace_where",), ("carry",)),
    *(("append", "upsert"), ("replace_where", "append"), ("append", "append")),
)
READ = (
    "SELECT split_part(x, '=', 1) AS k, CAST(split_part(x, '=', 2) AS DECIMAL(19,4)) AS v"
    " FROM (SELECT unnest(string_split($rows, ';')) AS x)"
)


@dataclass
class Model:
    """The rows by their ids, which a restart needs to take back what a step has appended."""

    rows: dict[int, tuple[str, Decimal]] = field(default_factory=dict)
    made: int = 0

    def add(self, given: Given) -> set[int]:
        ids = range(self.made, self.made + len(given))
        self.rows |= zip(ids, given, strict=True)
        self.made += len(given)
        return set(ids)

    def write(self, mode: str, given: Given) -> set[int]:
        """Gives the ids of rows that were not there."""
        if mode == "upsert":
            known = {key for key, _ in self.rows.values()}
            self.rows = {number: (key, dict(given).get(key, value)) for number, (key, value) in self.rows.items()}
            return self.add([(key, value) for key, value in given if key not in known])
        if mode == "carry":
            given = [(key, value + 1) for key, value in self.rows.values()]
        if mode != "append":
            gone = {key for key, _ in given} if mode == "replace_where" else set(KEYS)
            self.rows = {number: row for number, row in self.rows.items() if row[0] not in gone}
        return self.add(given)


@dataclass
class Played:
    """A run; of each of its steps what it was given, what it appended, and what it found in which version it then made."""

    run: RunId
    modes: tuple[str, ...]
    given: list[Given]
    appended: dict[int, set[int]] = field(default_factory=dict)
    waiting: dict[int, set[int]] = field(
        default_factory=dict
    )  # rows of an earlier attempt, which its next one replaces
    found: dict[int, dict[int, tuple[str, Decimal]]] = field(default_factory=dict)
    wrote: dict[int, int] = field(default_factory=dict)


class Life:
    """One seed: what is done to the table, and to the model of it."""

    def __init__(self, home: Path, workers: TableWorkers, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - the same lives every time
        self.world = World(home, isolation=OPEN, workers=workers, clock=SetClock())
        self.world.engine.start()
        self.table = tables.make(self.world, "T", k="FixedLengthText", v="Money")
        self.processes = {modes: self.world.apply(self._process(modes)) for modes in PROCESSES}
        self.model, self.runs, self.told = Model(), list[Played](), list[str]()

    def _process(self, modes: tuple[str, ...]) -> str:
        inputs = [item(f"rows{place}", "String", flow="INPUT", value="x=1") for place in range(len(modes))]
        return process(data("d", *inputs), *map(self._step, range(len(modes)), modes), name=" ".join(modes))

    def _step(self, place: int, mode: str) -> StepText:
        to: dict[str, Any] = {"to": "${table:T}", "mode": "replace" if mode == "carry" else mode}
        if mode in KEYED:
            to["key"] = ["k"]
        if mode == "carry":
            return sql(f"s{place}", "SELECT k, v + 1 AS v FROM t", {"t": "${table:T}"}, {"result": to})
        return sql(f"s{place}", READ, {"rows": f"${{d.rows{place}}}"}, {"result": to})

    def live(self) -> None:
        for _ in range(ACTS):
            acts = [self.run] * 4 + [self.restart] * 4 + [self.write] * 2 + [self.compact, self.cancel]
            self.chance.choice(acts)()
            there = sorted((row["k"], Decimal(str(row["v"]))) for row in tables.rows(self.world, self.table))
            assert there == sorted(self.model.rows.values()), "\n".join(self.told[-12:])

    def some(self, mode: str) -> Given:
        count = self.chance.randint(1, 3)
        keys = self.chance.sample(KEYS, count) if mode == "upsert" else self.chance.choices(KEYS, k=count)
        return [(key, Decimal(self.chance.randint(0, 9))) for key in keys]

    def cancel(self) -> None:
        self.run(is_cancelled=True)

    def run(self, *, is_cancelled: bool = False) -> None:
        modes = self.chance.choice(PROCESSES)
        given = [self.some(mode) for mode in modes]
        values = {f"d.rows{n}": ";".join(f"{key}={value}" for key, value in rows) for n, rows in enumerate(given)}
        run = self.world.create(self.processes[modes], values).id
        self.world.start(run)
        if is_cancelled:
            with suppress(ProcessionError):  # it has ended by itself
                self.world.cancel(run)
        self.runs.append(Played(run, modes, given))
        self.told.append(f"{run}: {modes} of {given}, cancelled: {is_cancelled}")
        self.play(self.runs[-1], 0)

    def play(self, played: Played, first: int) -> None:
        """What its steps have written from this one on, as far as they came."""
        self.world.wait(played.run)
        for place in range(first, len(played.modes)):
            played.wrote.pop(place, None)
            step = self.world.step(played.run, f"s{place}")
            if step.status not in {StepStatus.SUCCESS, StepStatus.WARNING}:
                self.told.append(f"  s{place}: {step.status}, {step.message}")
                continue
            played.found[place] = dict(self.model.rows)
            for number in played.waiting.get(place, ()):
                self.model.rows.pop(number, None)
            played.appended[place] = self.model.write(played.modes[place], played.given[place])
            made = [v for v in tables.versions(self.world, self.table) if (v.run, v.step) == (played.run, step.id)]
            if newest := next((v.number for v in made if v.operation != "takeBack"), None):
                played.wrote[place] = newest

    def restart(self) -> None:
        if not self.runs:
            return
        played = self.chance.choice(self.runs[-4:])
        first = self.chance.randrange(len(played.modes))
        before = tables.versions(self.world, self.table)
        try:
            self.world.restart(played.run, f"s{first}")
        except ProcessionError as error:
            self.told.append(f"{played.run} from s{first} is refused: {error}")
            return
        self.told.append(f"{played.run} again from s{first}")
        again = {place: number for place, number in played.wrote.items() if place >= first}
        since = min(again.values(), default=0)
        if again and all(v.run == played.run or v.operation == "compact" for v in before if v.number > since):
            # Nobody else has written: all of it is taken back before anything runs.
            self.model.rows = dict(played.found[min(again, key=again.__getitem__)])
        else:
            played.waiting |= {place: played.appended[place] for place in again if played.modes[place] == "append"}
        self.play(played, first)

    def write(self) -> None:
        """As a person does, by the API."""
        mode = self.chance.choice(["append", "upsert", "replace", "replace_where"])
        given = self.some(mode)
        self.told.append(f"by hand: {mode} of {given}")
        body, key = [{"k": k, "v": str(v)} for k, v in given], ("k",) if mode in KEYED else ()
        try:
            tables.write(self.world, self.table, body, mode=mode, key=key)  # type: ignore[arg-type]
        except Invalid as error:
            assert "several rows" in str(error)  # of one key, which no upsert may choose from
            return
        self.model.write(mode, given)

    def compact(self) -> None:
        self.told.append("upkeep")
        upkeep = TableUpkeep(database=self.world.db, resources=self.world.resources, days_min=0)
        for _ in range(3):
            upkeep.tick()


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    with tables.processes(tmp_path_factory.getbasetemp()) as made:
        yield made


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(1, 20))])
def test_a_table_has_the_rows_of_the_model_after_every_act(tmp_path: Path, workers: TableWorkers, seed: int) -> None:
    life = Life(tmp_path, workers, seed)
    try:
        life.live()
    finally:
        life.world.close()

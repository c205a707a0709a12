"""How many statements the hot operations take: each is a few microseconds of the one thread that commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from procession.model.ids import ProcessId
from procession.operations import runs
from procession.store.database import Transaction
from procession.store.sqlite_transaction import SqliteTransaction
from tests.engine.world import World

T = TypeVar("T")

FIVE_STEPS = "process: Five\ngroups:\n  - group: All\n    steps:\n" + "".join(
    f"      - {{action: wait, name: Step {number}, key: s{number}, with: {{seconds: 0}}}}\n" for number in range(5)
)
WITH_INPUTS = f"""{FIVE_STEPS}
      - data: Inputs
        key: inputs
        properties:
          - {{name: Month, key: month, type: Text, flow: INPUT, required: true}}
          - {{name: Note, key: note, type: Text, flow: INPUT, value: as ever}}
          - {{name: Ledger, key: ledger, type: File, flow: INPUT}}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.db.close()


def statements(world: World, operation: Callable[[Transaction], T]) -> list[str]:
    """What SQLite executed for the operation, its BEGIN and COMMIT left out."""
    found: list[str] = []

    def traced(tx: Transaction) -> None:
        assert isinstance(tx, SqliteTransaction)
        tx._connection.set_trace_callback(found.append)
        try:
            operation(tx)
        finally:
            tx._connection.set_trace_callback(None)

    world.db.write(traced)
    return found


def test_a_run_of_five_steps_is_created_and_started_in_ten_statements(world: World) -> None:
    process = world.apply(FIVE_STEPS)

    found = statements(world, lambda tx: started(tx, world, process, {}))

    assert len(found) <= 10, found


def test_inputs_and_files_take_no_statement_for_each_step(world: World) -> None:
    process = world.apply(WITH_INPUTS)

    found = statements(world, lambda tx: started(tx, world, process, {"inputs.month": "2026-11"}))

    assert len(found) <= 12, found


def started(tx: Transaction, world: World, process: ProcessId, inputs: dict[str, object]) -> None:
    runs.create(world.act(tx), process, inputs=inputs, start=True)

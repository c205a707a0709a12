"""Prefect with its own server on SQLite: flows in threads of whoever calls them; cancelled where they are served."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.peers.contract import LANES, WAIT_SECONDS_MAX, Nature, Work
from bench.peers.processes import Children, free_port, is_listening

NAME = "stubborn/bench"


class Peer:
    nature = Nature(
        packages=("prefect",),
        durability="SQLite as Prefect opens it: WAL, synchronous=NORMAL; states are stored, results are not by default",
        isolation="thread of the client's own process; a served flow, which is what was cancelled: process",
        cancel="state Cancelling of a flow served by a runner",
        remark="flows are called in the client's process, its fastest way: a served flow starts a process for each run",
    )

    def __init__(self) -> None:
        self._children = Children()
        self._pool = ThreadPoolExecutor(LANES)

    def start(self, place: Path) -> None:
        port = free_port()
        os.environ |= {
            "PREFECT_HOME": str(place / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        }
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        self._children.start(command, place / "server.log")
        self._children.until(lambda: is_listening(port))
        self._log = place / "served.log"

    def roots(self) -> Sequence[int]:
        return [os.getpid(), *self._children.pids()]

    def submit(self, work: Work, text: str = "") -> Any:
        if work is Work.RESIST:
            return self._serve(text)
        from bench.peers import prefect_flows

        return self._pool.submit(prefect_flows.FLOWS[work], text)

    def _serve(self, text: str) -> Any:
        from prefect.deployments import run_deployment

        self._children.start([sys.executable, "-m", "bench.peers.prefect_flows"], self._log)
        self._children.until(self._is_served)
        return run_deployment(NAME, parameters={"text": text}, timeout=0)

    def _is_served(self) -> bool:
        from prefect.client.orchestration import get_client
        from prefect.exceptions import ObjectNotFound

        with get_client(sync_client=True) as client:
            try:
                return bool(client.read_deployment_by_name(NAME))
            except ObjectNotFound:
                return False

    def wait(self, run: Future[Any]) -> None:
        run.result(WAIT_SECONDS_MAX)

    def cancel(self, run: Any) -> None:
        from prefect.client.orchestration import get_client
        from prefect.states import Cancelling

        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, Cancelling(), force=True)

    def stop(self) -> None:
        self._children.end()
        self._pool.shutdown(wait=False, cancel_futures=True)

"""R10: one run started by 100 clients at once, then restarted and cancelled by 50: one execution, clear answers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from bench.figures import Figure, Report
from bench.server import Client, Server, process_text, python_step, serving

STARTS, CHANGES = 100, 50
ROUNDS, ROUNDS_FULL = 5, 30


def measure(*, full: bool) -> Report:
    """By the history: how often the run was taken and its step begun; a restart that was answered 200 is an attempt."""
    extra, bad, unequal = 0, 0, 0
    rounds = ROUNDS_FULL if full else ROUNDS
    with serving() as server:
        client = server.client()
        process = client.publish(process_text("R10", 1, lambda number: python_step(number, "pass")))
        with ThreadPoolExecutor(STARTS) as pool:
            for _ in range(rounds):
                run = client.create(process)
                starts = list(pool.map(_post, [(server, f"processruns/{run}/start")] * STARTS))
                client.wait(run)
                extra += abs(_taken(client, run) - 1)
                step = client.step_ids(run)[0]
                paths = [f"processruns/{run}/steps/{step}/restartfromhere", f"processruns/{run}/cancel"]
                changes = list(pool.map(_post, [(server, path) for path in paths * (CHANGES // 2)]))
                bad += sum(answer not in {200, 400} for answer in starts + changes)
                client.wait(run)
                unequal += changes[0::2].count(200) != _restarts(client, run)
    return Report(
        work="R10",
        title=f"{STARTS} starts of one run at once, then {CHANGES} restarts and cancels at once; {rounds} rounds",
        figures=(
            Figure(name="executions more or less than one", unit="", values=(extra,), at_most=0),
            Figure(name="answers that are neither done nor refused in words", unit="", values=(bad,), at_most=0),
            Figure(
                name="rounds whose restarts in the history are not those answered",
                unit="",
                values=(unequal,),
                at_most=0,
            ),
        ),
    )


def _post(what: tuple[Server, str]) -> int:
    server, path = what
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=60)
    connection.request("POST", f"/api/v1/{path}", headers={"Authorization": f"Bearer {server.token}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200 or json.loads(body)["message"], body
    return answer.status


def _taken(client: Client, run: str) -> int:
    return sum(event["kind"] == "taken" for event in _events(client, run))


def _restarts(client: Client, run: str) -> int:
    return sum(event["kind"] == "restarted" for event in _events(client, run))


def _events(client: Client, run: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = client.ask("GET", f"processruns/{run}/history?limit=500")["events"]
    return events

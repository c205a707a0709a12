"""R8: time limits of runs and steps that ignore TERM and fork: told at once, all gone after the grace period."""

from __future__ import annotations

import os
from time import monotonic
from typing import Any

from bench.figures import Figure, Report
from bench.server import Client, process_text, python_step, serving
from bench.w06_cancel import CODE, PROCESSES, wait_for

LIMIT_SECONDS = 1.0
GRACE_SECONDS = 3.0
TIMES, TIMES_FULL = 5, 20


def measure(*, full: bool) -> Report:
    """From when its processes were seen, which is after the limit began to count: what is told here is late rather."""
    told: dict[str, list[float]] = {"run": [], "step": []}
    gone: dict[str, list[float]] = {"run": [], "step": []}
    name = f"r8-{os.getpid()}"
    with serving(grace_seconds=GRACE_SECONDS) as server:
        client = server.client()
        step = python_step(1, CODE.format(name=name))
        limit = f'time_limit: "{LIMIT_SECONDS:g}s"'
        texts = {
            "run": process_text("Run", 1, lambda _: step).replace("\n", f"\n{limit}\n", 1),
            "step": process_text("Step", 1, lambda _: f"{step}\n{limit}"),
        }
        processes = {kind: client.publish(text) for kind, text in texts.items()}
        for kind, process in processes.items():
            for _ in range(TIMES_FULL if full else TIMES):
                _one(client, process, name, (told[kind], gone[kind]))
    return Report(
        work="R8",
        title=f"time limits of {LIMIT_SECONDS:g} s, TERM ignored, grace {GRACE_SECONDS:g} s",
        figures=tuple(
            figure
            for kind in texts
            for figure in (
                Figure(name=f"{kind} limit: told, after the limit", unit="s", values=tuple(told[kind]), at_most=2.0),
                Figure(
                    name=f"{kind} limit: last process gone, beyond limit and grace",
                    unit="s",
                    values=tuple(gone[kind]),
                    at_most=1.0,
                ),
            )
        ),
    )


def _one(client: Client, process: str, name: str, found: tuple[list[float], list[float]]) -> None:
    began = monotonic()
    run = client.create(process, start=True)
    wait_for(name, PROCESSES)
    step = client.step_ids(run)[0]
    status: Any = client.status(run)
    while client.step(run, step)["status"] != "Failed":
        status = client.status(run, since=status["revision"])
    found[0].append(monotonic() - began - LIMIT_SECONDS)
    wait_for(name, 0)
    found[1].append(monotonic() - began - LIMIT_SECONDS - GRACE_SECONDS)

"""R7: cancels: of steps that fork, call setsid and ignore TERM; and cancels that race with the end of their run."""

from __future__ import annotations

import random
import select
from dataclasses import replace
from functools import partial

from bench import w06_cancel
from bench.figures import Figure, Report, seconds
from bench.server import FINAL, Client, process_text, serving, wait_step

RACES = 1_000
RACE_SECONDS_MAX = 0.006  # a run of one step is over by then, or nearly
ANSWER_MS = "answer to POST cancel"


def measure(*, full: bool) -> Report:
    """The cancels are W6's, with the bar for the answer; each race is read when it is over and again at the end."""
    cancels = w06_cancel.measure(full=full)
    figures = [
        replace(figure, at_most=200.0, percentile=99) if figure.name == ANSWER_MS else figure
        for figure in cancels.figures
    ]
    with serving() as server:
        client = server.client()
        process = client.publish(process_text("R7", 1, wait_step))
        answers = list[float]()
        ended = [_race(client, process, answers) for _ in range(RACES)]
        changed = sum(_settled(client, run) != status for run, status in ended)
        unlawful = sum(status["status"] not in FINAL for _, status in ended)
    cancelled = sum(status["status"] == "Cancelled" for _, status in ended)
    return Report(
        work="R7",
        title=f"{cancels.title}; {RACES:,} races of a cancel with the end",
        figures=(
            *figures,
            Figure(
                name="answer to POST cancel in a race", unit="ms", values=tuple(answers), at_most=200, percentile=99
            ),
            Figure(name=f"races without one final state, of {RACES:,}", unit="", values=(unlawful,), at_most=0),
            Figure(name="final states that changed later", unit="", values=(changed,), at_most=0),
        ),
        remarks=(*cancels.remarks, f"{cancelled} of the races ended Cancelled, the others Finished"),
    )


_CHANCE = random.Random(7)  # noqa: S311 - the same moments every time


def _race(client: Client, process: str, answers: list[float]) -> tuple[str, dict[str, object]]:
    run = client.create(process, start=True)
    select.select([], [], [], _CHANCE.uniform(0, RACE_SECONDS_MAX))
    answers.append(seconds(partial(client.ask, "POST", f"processruns/{run}/cancel")) * 1000)
    client.wait(run)
    return run, _settled(client, run)


def _settled(client: Client, run: str) -> dict[str, object]:
    """Without the revision, which still grows by the receipt of a cancel."""
    status = client.status(run)
    return {key: status[key] for key in ("status", "outcome") if key in status}

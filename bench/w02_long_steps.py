"""W2: what Procession adds to 10 steps that compute, side by side with raw Python in pairs."""

from __future__ import annotations

from functools import partial

from bench import floor
from bench.figures import Figure, Report, seconds
from bench.server import process_text, python_step, serving
from bench.w01_short_steps import FIBO

STEPS = 10
PAIRS = 5
DEPTH = 33


def measure(*, full: bool) -> Report:
    """The same function, the same number of times: in a run, and in one plain Python process."""
    code = f"{FIBO}fibo({DEPTH})"
    raw = f"{FIBO}for _ in range({STEPS}):\n    fibo({DEPTH})"
    ours, pythons = list[float](), list[float]()
    with serving() as server:
        client = server.client()
        process = client.publish(process_text("W2", STEPS, lambda number: python_step(number, code)))
        last = client.run_through(process)["revision"]
        for pair in range(PAIRS * (2 if full else 1)):
            run = client.create(process)

            def run_through(run: str = run) -> None:
                client.start(run)
                assert client.wait(run, after=last - 1)["outcome"] == "Success"

            # Every other pair the other way round, so that a machine that gets busier favours neither.
            if pair % 2:
                pythons.append(seconds(partial(floor.python_process, raw)))
                ours.append(seconds(run_through))
            else:
                ours.append(seconds(run_through))
                pythons.append(seconds(partial(floor.python_process, raw)))
    over = tuple((mine / theirs - 1) * 100 for mine, theirs in zip(ours, pythons, strict=True))
    return Report(
        work="W2",
        title=f"{STEPS} steps of fibo({DEPTH}), in pairs with one raw Python that computes the same",
        figures=(
            Figure(name="over raw Python, pair by pair", unit="%", values=over, at_most=2.0),
            Figure(name="run, POST start to Finished over HTTP", unit="s", values=tuple(ours)),
            Figure(name="floor: one python -c, nothing recorded", unit="s", values=tuple(pythons)),
        ),
    )

"""R17: 1,000 clients that ask for the status of a run again and again, while runs go on."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from bench.figures import Figure, Report
from bench.server import Server, process_text, serving, wait_step
from bench.w04_reads import Wire

POLLERS = 1_000
PERIOD_SECONDS = 2.0  # of one poller: 500 requests a second together
MEASURE_SECONDS, MEASURE_SECONDS_FULL = 10.0, 60.0
CLIENTS, STEPS = 4, 20


def measure(*, full: bool) -> Report:
    """Steps a second of four clients that run through a process again and again, without and with the pollers."""
    span = MEASURE_SECONDS_FULL if full else MEASURE_SECONDS
    with serving() as server:
        process = server.client().publish(process_text("R17", STEPS, wait_step))
        server.client().run_through(process)
        alone = _steps_a_second(server, process, span)
        with _polling(server) as crowd:
            crowded = _steps_a_second(server, process, span)
        again = _steps_a_second(server, process, span)
    before = (alone + again) / 2
    return Report(
        work="R17",
        title=f"{POLLERS:,} clients that ask for a run's status every {PERIOD_SECONDS:g} s, while runs go on",
        figures=(
            Figure(name="errors", unit="", values=(len(crowd.errors),), at_most=0),
            Figure(name="an answer", unit="ms", values=tuple(crowd.taken_ms), at_most=250.0, percentile=99),
            Figure(name="steps a second without them", unit="", values=(alone, again)),
            Figure(name="steps a second with them", unit="", values=(crowded,)),
            Figure(name="loss of throughput", unit="%", values=(100 * (1 - crowded / before),), at_most=20.0),
        ),
        remarks=(*crowd.errors[:3], "the pollers' own work is done on the same cores"),
    )


def _steps_a_second(server: Server, process: str, span: float) -> float:
    counts, end_at = [0] * CLIENTS, perf_counter() + span

    def work(place: int) -> None:
        client = server.client()
        while perf_counter() < end_at:
            client.run_through(process)
            counts[place] += STEPS
        client.close()

    began = perf_counter()
    threads = [threading.Thread(target=work, args=(place,)) for place in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (perf_counter() - began)


@dataclass(kw_only=True)
class Crowd:
    """All pollers, in one thread: each asks, and asks again a period after it had asked before."""

    wires: list[Wire]
    taken_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def poll(self) -> None:
        selector = selectors.DefaultSelector()
        for wire in self.wires:
            selector.register(wire.socket, selectors.EVENT_READ, wire)
        due = [
            (perf_counter() + place * PERIOD_SECONDS / len(self.wires), wire) for place, wire in enumerate(self.wires)
        ]
        asked: dict[int, float] = {}
        while not self.is_over.is_set():
            while due and due[0][0] <= perf_counter():
                moment, wire = due.pop(0)
                due.append((moment + PERIOD_SECONDS, wire))
                if id(wire) not in asked:
                    asked[id(wire)] = perf_counter()
                    wire.ask("processruns/pr-1/runstatus")
            for key, _ in selector.select(max(due[0][0] - perf_counter(), 0.0)):
                self._hear(key.data, asked)
        selector.close()

    def _hear(self, wire: Wire, asked: dict[int, float]) -> None:
        try:
            wire.answer()
        except (OSError, AssertionError) as error:
            self.errors.append(repr(error)[:200])
        self.taken_ms.append((perf_counter() - asked.pop(id(wire))) * 1000)


@contextmanager
def _polling(server: Server) -> Iterator[Crowd]:
    crowd = Crowd(wires=[Wire(server.address, server.token) for _ in range(POLLERS)])
    thread = threading.Thread(target=crowd.poll)
    thread.start()
    try:
        yield crowd
    finally:
        crowd.is_over.set()
        thread.join()
        for wire in crowd.wires:
            wire.close()

"""Ours and one peer, turn by turn. Each turn starts its system anew, so that nobody idles beside the other."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.figures import Figure, Report, percentile
from bench.peers.contract import LANES, STEPS, Nature
from bench.peers.driver import named
from bench.peers.sides import Side
from bench.w10_first_page import SETTLE_SECONDS, memory_mb

ROUNDS = 3
RATE_SECONDS = 2.0
FIRSTS = 100
FIRSTS_SECONDS = 2.0
CANCEL_SECONDS = 10.0  # how long after its cancel a step must be dead

ONE, MANY = "steps a second, 1 run", f"steps a second, {LANES} runs"
P50, P99 = "submit to first line, p50", "submit to first line, p99"
IDLE = "idle memory (PSS)"
UNITS = {ONE: "a second", MANY: "a second", P50: "ms", P99: "ms", IDLE: "MB"}
MORE_IS_BETTER = frozenset({ONE, MANY})

Values = Mapping[str, float]
Opened = Callable[[], Side]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivors:
    """Who was still alive so long after a cancel that the step ignored."""

    step: bool
    child: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One system: a mapping for each of its turns, and what must be said beside them."""

    title: str
    turns: tuple[Values, ...]
    survivors: Survivors
    nature: Nature
    versions: tuple[str, ...] = ()

    def values(self, measure: str) -> tuple[float, ...]:
        return tuple(turn[measure] for turn in self.turns)


@dataclass(slots=True)
class Seat:
    """A system's place in the contest."""

    title: str
    opened: Opened
    measured: Measured | None = None

    def turn(self) -> None:
        side = self.opened()
        try:
            values = take(side)
            if self.measured is None:
                self.measured = Measured(
                    title=self.title,
                    turns=(values,),
                    survivors=survivors(side),
                    nature=side.nature,
                    versions=tuple(side.versions),
                )
            else:
                self.measured = replace(self.measured, turns=(*self.measured.turns, values))
        finally:
            side.close()


def hold(ours: Opened, title: str, peer: Opened, *, rounds: int) -> tuple[Measured, Measured]:
    """Whoever goes first goes second in the next round. Ours, then the peer."""
    seats = [Seat("Procession", ours), Seat(title, peer)]
    order = list(reversed(seats))  # a peer that does not start costs no turn of ours
    for _ in range(rounds):
        for seat in order:
            seat.turn()
        order.reverse()
    first, second = (seat.measured for seat in seats)
    assert first is not None and second is not None
    return first, second


def take(side: Side) -> Values:
    """One turn of a system that has just been started and has done one run."""
    _pause(SETTLE_SECONDS)
    idle = memory_mb(side.pids(), "Pss")
    one = side.rate(lanes=1, seconds=RATE_SECONDS)
    many = side.rate(lanes=LANES, seconds=RATE_SECONDS)
    firsts = side.firsts(count=FIRSTS, seconds=FIRSTS_SECONDS)
    return {ONE: one, MANY: many, P50: percentile(firsts, 50), P99: percentile(firsts, 99), IDLE: idle}


def survivors(side: Side) -> Survivors:
    step, child = f"stubborn{os.getpid()}", f"child{os.getpid()}"
    side.resist(f"{step} {child}")
    _pause(CANCEL_SECONDS)
    return Survivors(step=bool(named(step)), child=bool(named(child)))


def report(ours: Measured, peer: Measured) -> Report:
    """The bar of each ratio is to be ahead of the peer."""
    figures = [figure for measure in UNITS for figure in _figures(measure, ours, peer)]
    natures = [f"{one.title}: {_told(one)}" for one in (ours, peer)]
    return Report(
        work="peers",
        title=f"{peer.title} beside ours, runs of {STEPS} steps, each turn on a system started anew",
        figures=tuple(figures),
        remarks=tuple(natures),
    )


def _figures(measure: str, ours: Measured, peer: Measured) -> Sequence[Figure]:
    unit, more = UNITS[measure], measure in MORE_IS_BETTER
    ratios = _ratios(measure, ours, peer)
    ratio = Figure(
        name=f"{measure}: {peer.title} over ours",
        unit="x",
        values=ratios,
        at_most=1.0 if more else None,
        at_least=None if more else 1.0,
    )
    named_values = [(one.title, one.values(measure)) for one in (ours, peer)]
    return [*(Figure(name=f"{measure}: {title}", unit=unit, values=values) for title, values in named_values), ratio]


def _ratios(measure: str, ours: Measured, peer: Measured) -> tuple[float, ...]:
    pairs = zip(peer.values(measure), ours.values(measure), strict=True)
    return tuple(theirs / own for theirs, own in pairs)


def _told(one: Measured) -> str:
    nature = one.nature
    parts = [*one.versions, nature.durability, nature.isolation, nature.cancel, told_survivors(one), nature.remark]
    return "; ".join(part for part in parts if part)


def told_survivors(one: Measured) -> str:
    words = {True: "ALIVE", False: "dead"}
    return f"step {words[one.survivors.step]}, child {words[one.survivors.child]} after {CANCEL_SECONDS:g} s"


def table(pairs: Sequence[tuple[Measured, Measured]]) -> str:
    """Markdown: ours beside the last peer, then a row for each peer with its ratios to ours of its own run."""
    head = ["system", *(_heading(measure) for measure in UNITS), "a cancel that is ignored", "isolation"]
    rows = [head, ["---"] * len(head)]
    for ours, _ in pairs[-1:]:
        rows.append([f"**{ours.title}**", *(f"{_median(ours, measure):.4g}" for measure in UNITS), *_ends(ours)])
    for ours, peer in pairs:
        rows.append([peer.title, *(_cell(measure, ours, peer) for measure in UNITS), *_ends(peer)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _heading(measure: str) -> str:
    return measure if measure in MORE_IS_BETTER else f"{measure}, {UNITS[measure]}"


def _cell(measure: str, ours: Measured, peer: Measured) -> str:
    ratio = Figure(name=measure, unit="x", values=_ratios(measure, ours, peer)).median
    return f"{_median(peer, measure):.4g} ({ratio:.2f})"


def _median(one: Measured, measure: str) -> float:
    return Figure(name=measure, unit="", values=one.values(measure)).median


def _ends(one: Measured) -> tuple[str, str]:
    return told_survivors(one), one.nature.isolation


def _pause(seconds: float) -> None:
    select.select([], [], [], seconds)

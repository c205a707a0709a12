"""Old against new, turn by turn: each round measures both programs and the floor, and the ratio is that of the round.

Machines here differ by a factor of two, and one machine does from hour to hour: only ratios of one round tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from bench.figures import Figure, Report
from bench.server import Server, serving
from bench.sides import NEW, Side

Turn = Callable[[], Mapping[str, float]]  # one round of one program: values by the name of their measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What is asked of a value."""

    most: float | None = None
    least: float | None = None


NO_BAR = Bar()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One value of each round, with what is asked of it, of its ratio to the old, and of its ratio to the floor."""

    name: str
    unit: str
    bar: Bar = NO_BAR
    to_old: Bar = NO_BAR
    floor: str = ""  # its name among what the floor gives
    to_floor: Bar = NO_BAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A work that two programs do in turn. `opened` gets a program ready and gives its turns."""

    work: str
    title: str
    measures: tuple[Measure, ...]
    opened: Callable[[Side], AbstractContextManager[Turn]]
    floor: Turn = dict
    rounds: int = 3
    remarks: tuple[str, ...] = field(default=())


def hold(contest: Contest, old: Side, *, full: bool) -> Report:
    """Both are ready all the time; who idles costs nothing. Whoever goes first goes second in the next round."""
    found: dict[str, list[Mapping[str, float]]] = {"old": [], "new": [], "floor": []}
    with ExitStack() as stack:
        turns = [(side.name, stack.enter_context(contest.opened(side))) for side in (old, NEW)]
        for _ in range(contest.rounds * (3 if full else 1)):
            for name, turn in [*turns, ("floor", contest.floor)]:
                found[name].append(turn())
            turns.reverse()
    figures = [figure for measure in contest.measures for figure in _figures(measure, found)]
    return Report(work=contest.work, title=contest.title, figures=tuple(figures), remarks=contest.remarks)


def _figures(measure: Measure, found: Mapping[str, list[Mapping[str, float]]]) -> Iterator[Figure]:
    name = measure.name
    old, new = ([values[name] for values in found[side]] for side in ("old", "new"))
    yield Figure(name=f"{name}: old", unit=measure.unit, values=tuple(old))
    yield _judged(f"{name}: new", measure.unit, new, measure.bar)
    yield _judged(f"{name}: new over old", "x", _ratios(new, old), measure.to_old)
    if measure.floor:
        floor = [values[measure.floor] for values in found["floor"]]
        yield Figure(name=f"floor: {measure.floor}", unit=measure.unit, values=tuple(floor))
        yield Figure(name=f"{name}: old over floor", unit="x", values=tuple(_ratios(old, floor)))
        yield _judged(f"{name}: new over floor", "x", _ratios(new, floor), measure.to_floor)


def _judged(name: str, unit: str, values: list[float], bar: Bar) -> Figure:
    return Figure(name=name, unit=unit, values=tuple(values), at_most=bar.most, at_least=bar.least)


def _ratios(ones: list[float], others: list[float]) -> list[float]:
    return [one / other for one, other in zip(ones, others, strict=True)]


@contextmanager
def served(side: Side, ready: Callable[[Server], Turn], *, workers_max: int | None = None) -> Iterator[Turn]:
    """The turns of a server with a token; `ready` publishes what they need."""
    with serving(workers_max=workers_max, side=side) as server:
        yield ready(server)

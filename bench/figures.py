"""Figures as they are told: median, least and most, beside the bar."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import procession


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Something measured several times, in one unit. `bar` is what is asked of the middle, or of `percentile`."""

    name: str
    unit: str
    values: tuple[float, ...]
    at_most: float | None = None
    at_least: float | None = None
    percentile: int = 50

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def judged(self) -> float:
        """The value that the bar is for."""
        return self.median if self.percentile == 50 else percentile(self.values, self.percentile)

    @property
    def is_reached(self) -> bool | None:
        """None when there is no bar."""
        if self.at_most is not None:
            return self.judged <= self.at_most
        return None if self.at_least is None else self.judged >= self.at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One work: its figures, and what one must know to read them."""

    work: str
    title: str
    figures: tuple[Figure, ...]
    remarks: tuple[str, ...] = ()


def count(name: str, number: float, *, at_most: float | None = None) -> Figure:
    return Figure(name=name, unit="", values=(number,), at_most=at_most)


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def seconds(act: Callable[[], object]) -> float:
    """How long it takes, by the clock on the wall."""
    began = perf_counter()
    act()
    return perf_counter() - began


def machine() -> dict[str, Any]:
    """Where these figures are from."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "procession": procession.__version__,
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def as_json(report: Report) -> dict[str, Any]:
    return {
        "work": report.work,
        "title": report.title,
        "figures": [_figure_json(figure) for figure in report.figures],
        "remarks": list(report.remarks),
    }


def _figure_json(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "unit": figure.unit,
        "median": round(figure.median, 5),
        "min": round(min(figure.values), 5),
        "max": round(max(figure.values), 5),
        "p99": round(percentile(figure.values, 99), 5),
        "count": len(figure.values),
        "atMost": figure.at_most,
        "atLeast": figure.at_least,
        "reached": figure.is_reached,
    }


def as_text(report: Report) -> str:
    lines = [f"{report.work}  {report.title}", *(_line(figure) for figure in report.figures)]
    return "\n".join([*lines, *(f"    ({remark})" for remark in report.remarks)])


def _line(figure: Figure) -> str:
    text = f"    {figure.name:<66} {figure.median:>10.4g} {figure.unit}"
    if len(figure.values) > 1:
        text += f"  [{min(figure.values):.4g} to {max(figure.values):.4g}, {len(figure.values)} times]"
    if figure.percentile != 50:
        text += f"  p{figure.percentile} {figure.judged:.4g}"
    return text + _verdict(figure)


def _verdict(figure: Figure) -> str:
    if figure.is_reached is None:
        return ""
    bar = f"<= {figure.at_most:g}" if figure.at_most is not None else f">= {figure.at_least:g}"
    return f"  bar {bar}: {'reached' if figure.is_reached else 'NOT reached'}"

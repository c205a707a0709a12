"""Shows a run as it runs: redrawn in place on a terminal, else a line for every change."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass

import click

from procession.commands import plain

# Shapes and not colours alone: colours are lost in a file, and to one man in twelve.
MARKS = {
    "NotStarted": "·",
    "Scheduled": "·",
    "Running": "▸",
    "Success": "✓",
    "Warning": "!",
    "Failed": "✗",
    "Cancelled": "-",
    "Skipped": "-",
}
COLORS = {"Running": "cyan", "Success": "green", "Warning": "yellow", "Failed": "red"}
OVER = {"Success", "Warning", "Failed", "Cancelled", "Skipped"}
BAR_CELLS = 24
NAME_CELLS_MAX = 44


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """A step as it is shown; times in seconds, `progress` from 0 to 1."""

    order: str
    name: str
    status: str
    message: str = ""
    seconds: float | None = None
    progress: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    name: str
    status: str
    outcome: str | None
    seconds: float | None
    steps: tuple[StepView, ...]

    @property
    def is_over(self) -> bool:
        return self.status in {"Finished", "Cancelled", "TimedOut"}

    @property
    def result(self) -> str:
        """How it ended, in one word."""
        return self.outcome or self.status


class Screen:
    """Draws one run repeatedly. `is_terminal` None: depends on stdout."""

    def __init__(self, *, is_terminal: bool | None = None) -> None:
        self.is_terminal = sys.stdout.isatty() if is_terminal is None else is_terminal
        self._lines_drawn = 0
        self._shown: dict[str, str] = {}

    def show(self, run: RunView) -> None:
        if self.is_terminal:
            self._draw(run)
        else:
            self._report(run)

    def _draw(self, run: RunView) -> None:
        size = shutil.get_terminal_size()
        lines = frame(run, width=size.columns, height=size.lines)
        # Up by what was drawn, and everything below is cleared: lines may be fewer now.
        back = f"\x1b[{self._lines_drawn}F\x1b[J" if self._lines_drawn else ""
        click.echo(back + "\n".join(lines))
        self._lines_drawn = len(lines)

    def _report(self, run: RunView) -> None:
        for step in run.steps:
            if step.status in OVER and self._shown.get(step.order) != step.status:
                click.echo(step_line(step))
            self._shown[step.order] = step.status


def frame(run: RunView, *, width: int, height: int) -> list[str]:
    """The lines to draw. If they do not fit the height, leaves out the middle."""
    lines = [_paint(step, cut(step_line(step), width)) for step in run.steps]
    room = max(height - 4, 3)
    if len(lines) > room:
        at = max(
            (number for number, step in enumerate(run.steps) if step.status not in {"NotStarted", "Scheduled"}),
            default=0,
        )
        # Around the last step that began, which is where people look.
        begin = min(max(at - room + 2, 0), len(lines) - room)
        lines = lines[begin : begin + room]
    return [cut(bar(run), width), *lines]


def bar(run: RunView) -> str:
    """Overall progress: finished steps, plus the reported part of running ones."""
    done = sum(1.0 if step.status in OVER else (step.progress or 0.0) for step in run.steps)
    total = max(len(run.steps), 1)
    # Full only at the end: a bar that is full while something runs is a lie.
    full = BAR_CELLS if run.is_over else int(BAR_CELLS * done / total)
    over = sum(step.status in OVER for step in run.steps)
    text = f"{plain.line(run.name)}  [{'█' * full}{'░' * (BAR_CELLS - full)}] {over}/{total}  {run.result}"
    return text if run.seconds is None else f"{text}  {duration(run.seconds)}"


def step_line(step: StepView) -> str:
    percent = f"{step.progress:.0%} " if step.progress is not None and step.status == "Running" else ""
    time = "" if step.seconds is None else duration(step.seconds)
    name = cut(plain.line(step.name), NAME_CELLS_MAX)
    what = f"{percent}{plain.line(step.message)}"
    return f"  {MARKS[step.status]} {step.order:<5} {name:<{NAME_CELLS_MAX}} {time:>8}  {what}".rstrip()


def duration(seconds: float) -> str:
    """0.04 s, 12.3 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    # Rounded down, as the API's durations are.
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def _paint(step: StepView, line: str) -> str:
    color = COLORS.get(step.status)
    return click.style(line, fg=color) if color else line

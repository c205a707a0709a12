"""log: a step's log, as it is or as it grows; from a home here, from a server in remote_logs."""

from __future__ import annotations

import sys

import click

from procession import loops
from procession.commands import opening, plain
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.model.ids import RunId, StepId
from procession.operations import steps
from procession.store import step_logs

# The log is a file beside us: looking costs a stat.
LOOK_SECONDS = 0.1


def log(console: Console, run_text: str, step_text: str, *, follow: bool, attempt: int | None) -> int:
    """Raises NotFound, Invalid."""
    run_id = RunId.parse(run_text)
    with opening.open_home(console) as opened:
        with opened.database.snapshot() as tx:
            step = opening.find_step(tx, run_id, step_text)
            latest = steps.tries(tx, run_id, step.id, attempt=attempt).latest
        if follow:
            _follow(opened, run_id, step.id)
            return 0
        tell(console, {"run": str(run_id), "step": str(step.id), "key": step.key}, _bytes(opened, latest))
    return 0


def _bytes(opened: OpenedHome, attempt: int | None) -> bytes:
    return b"" if attempt is None else b"".join(step_logs.pieces(opened.resources.step_logs, attempt, 0, sys.maxsize))


def tell(console: Console, about: dict[str, str], content: bytes) -> None:
    if console.json:
        console.answer({**about, "log": content.decode(errors="replace")}, "")
    else:
        printer = Printer()
        printer.show(content)
        printer.end()


class Printer:
    """Prints parts of a log as they come: byte for byte into files and pipes, made harmless for a terminal."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._rest = b""

    def show(self, content: bytes) -> None:
        # Byte for byte: a log that is piped into a file must be the one that the step wrote.
        if not self._is_terminal:
            click.echo(content, nl=False)
            return
        # A character may be cut in two between pieces, a line end may not.
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            click.echo(_harmless(line))

    def end(self) -> None:
        """Prints a last line without its line end."""
        if self._rest:
            click.echo(_harmless(self._rest))


def _harmless(line: bytes) -> str:
    # A log comes from a user's script and could drive the terminal.
    return plain.line(line.decode(errors="replace").removesuffix("\r").expandtabs())


def _follow(opened: OpenedHome, run_id: RunId, step: StepId) -> None:
    """Follows every try from the latest one on, until the step is over."""
    printer = Printer()
    number: int | None = None
    offset = 0

    def look() -> bool:
        nonlocal number, offset
        # Checked before the read: after the end, the log has everything.
        with opened.database.snapshot() as tx:
            tries = steps.tries(tx, run_id, step)
        for one in tries.after(number):
            offset = offset if one == number else 0
            number = one
            for piece in step_logs.pieces(opened.resources.step_logs, one, offset, sys.maxsize):
                printer.show(piece)
                offset += len(piece)
        return tries.is_over

    loops.until(look, rest_seconds=LOOK_SECONDS)
    printer.end()

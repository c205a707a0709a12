"""log: a step's log, as it is or as it grows; from a home here, from a server in remote_logs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from procession import loops
from procession.commands import workplace
from procession.commands.console import Console
from procession.commands.workplace import Workplace
from procession.model.ids import RunId, StepId
from procession.operations import steps

LOOK_SECONDS = 0.1
READ_BYTES = 2**18


def log(console: Console, run_text: str, step_text: str, *, follow: bool, attempt: int | None) -> int:
    """Raises NotFound, Invalid."""
    run_id = RunId.parse(run_text)
    with workplace.opened(console) as place:
        with place.database.snapshot() as tx:
            step = workplace.find_step(tx, run_id, step_text)
            there = steps.log_place(tx, place.office, run_id, step.id, attempt=attempt)
        if follow:
            _follow(place, run_id, step.id)
            return 0
        tell(console, {"run": str(run_id), "step": str(step.id), "key": step.key}, _bytes(there.path))
    return 0


def _bytes(path: Path | None) -> bytes:
    try:
        return b"" if path is None else path.read_bytes()
    except FileNotFoundError:  # the try has written nothing
        return b""


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
        if not self._is_terminal:
            click.echo(content, nl=False)
            return
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            click.echo(_harmless(line))

    def end(self) -> None:
        """Prints a last line without its line end."""
        if self._rest:
            click.echo(_harmless(self._rest))


def _harmless(line: bytes) -> str:
    # A log comes from a user's script and could drive the terminal.
    text = line.decode(errors="replace").expandtabs()
    return "".join(character if character.isprintable() else " " for character in text)


def _follow(place: Workplace, run_id: RunId, step: StepId) -> None:
    """Follows every try from the latest one on, until the step is over."""
    printer = Printer()
    path: Path | None = None
    offset = 0

    def look() -> bool:
        nonlocal path, offset
        # Checked before the read: after the end, the file has everything.
        with place.database.snapshot() as tx:
            there = steps.log_place(tx, place.office, run_id, step)
        for one in there.after(path):
            path, offset = one, _copy(one, offset if one == path else 0, printer)
        return there.is_over

    loops.until(look, rest_seconds=LOOK_SECONDS)
    printer.end()


def _copy(path: Path, offset: int, printer: Printer) -> int:
    """Prints the file from `offset` on and returns where it ended."""
    if not path.exists():
        return offset
    with path.open("rb") as file:
        file.seek(offset)
        while content := file.read(READ_BYTES):
            printer.show(content)
            offset += len(content)
    return offset

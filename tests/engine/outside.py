"""A step that reaches outside, for tests of the engine: it leaves lines in a folder that its connection names."""

from __future__ import annotations

import select
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from procession.actions.contract import Action, ConnectionInput, Context, StepOutcome, nothing
from procession.engine.step_connections import ConnectionUse
from procession.model.errors import Invalid
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect
from tests.engine.steps import StepText
from tests.figures import ROOT

SECRET = "canary-s3cret/+"
WAIT_SECONDS_MAX = 30.0


class LeaveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`lines`: how many; `fails_at`: it fails once that line is done, unless an earlier try had done it."""

    connection: str
    lines: int = 1
    fails_at: int = 0
    waits_at: int = 0  # before that line, until the file `gate` is in the folder


def leave(context: Context) -> StepOutcome:
    settings, connection = context.settings, context.connection
    assert connection is not None
    folder = Path(connection.options["path"])
    done = {entry.removeprefix("done ") for entry in context.journal if entry.startswith("done ")}
    context.log(f"journal: {len(context.journal)}; password {connection.secrets['password']}")
    for number in range(1, settings.lines + 1):
        if str(number) in done:
            continue
        if number == settings.waits_at:
            context.progress(0.5, "waiting")
            _wait_for(folder / "gate")
        context.record(f"try {number}")
        with (folder / "lines").open("a") as file:
            file.write(f"{number}\n")
        context.record(f"done {number}")
        if number == settings.fails_at:
            return StepOutcome(
                status=StepStatus.FAILED, message=f"failed at {number} ({connection.secrets['password']})"
            )
    return StepOutcome(status=StepStatus.SUCCESS, message=f"left {settings.lines - len(done)} lines")


def would_leave(context: Context) -> str:
    assert context.connection is not None
    # What is sent is shown; what opens the door is not there.
    assert context.connection.secrets == {} and not context.has_network
    return f"leaves {context.settings.lines} lines in {context.connection.options['path']}"


def _wait_for(gate: Path) -> None:
    end_at, pause = time.monotonic() + WAIT_SECONDS_MAX, select.poll()
    while not gate.exists() and time.monotonic() < end_at:
        pause.poll(5)


ACTION = Action(
    kind="leave",
    title="Leave lines",
    settings=LeaveSettings,
    run=leave,
    reads=nothing,
    writes=nothing,
    examples=(),
    effect=Effect.IDEMPOTENT,
    reaches=True,
    connection=lambda settings: settings.connection,
    preview=would_leave,
    connection_kinds=frozenset({"folder"}),
)
ACTIONS: Mapping[str, Action] = {ACTION.kind: ACTION}
ISOLATION: Mapping[str, Any] = {"more_actions": ("tests.engine.outside:ACTION",), "import_paths": (str(ROOT),)}


@dataclass
class Connections:
    """The port of the engine, with one connection "share" to a folder; `used` are those that were asked for."""

    folder: Path
    used: list[ConnectionUse] = field(default_factory=list)

    def open(self, use: ConnectionUse) -> ConnectionInput:
        self.used.append(use)
        if use.name != "share":
            raise Invalid(f'there is no connection "{use.name}"')
        options = {"path": str(self.folder)}
        return ConnectionInput(name="share", kind="folder", options=options, secrets={"password": SECRET})


def leaving(key: str, *, lines: int = 1, more: Mapping[str, Any] | None = None, **settings: Any) -> StepText:
    """A step that leaves lines; `more` are its own settings, beside those of its action."""
    given = {"connection": "share", "lines": lines, **settings}
    return {"action": "leave", "name": key, "key": key, "with": given, **(more or {})}


def lines(folder: Path) -> list[str]:
    path = folder / "lines"
    return path.read_text().split() if path.exists() else []


def make_folder(home: Path) -> Path:
    folder = home / "outside"
    folder.mkdir(exist_ok=True)
    return folder

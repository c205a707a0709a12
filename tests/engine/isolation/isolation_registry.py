"""Actions for the tests of isolation: one that runs the code it is given, one that echoes, and broken ones."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from procession.actions.contract import Action, Context, OutputValue, StepOutcome, nothing
from procession.model.lifecycle import StepStatus


class Script(msgspec.Struct, frozen=True, kw_only=True):
    code: str = ""


def run_script(context: Context) -> StepOutcome:
    outputs: dict[str, Any] = {}
    names = {"context": context, "outputs": outputs}
    exec(compile(context.settings.code, "<step>", "exec"), names)  # noqa: S102 - the test's own code
    return StepOutcome(status=StepStatus.SUCCESS, message="done", outputs=outputs)


def echo(context: Context) -> StepOutcome:
    references = context.settings.code.split()
    return StepOutcome(
        status=StepStatus.SUCCESS, outputs={name: cast("OutputValue", context.value(name)) for name in references}
    )


def log_loudly(context: Context) -> StepOutcome:
    context.log("from the action")
    print("on stderr", file=sys.stderr)
    return StepOutcome(status=StepStatus.WARNING, message="hm")


def registry() -> Mapping[str, Action]:
    return {
        "script": _action("script", run_script, user_code=True),
        "reaching_script": _action("reaching_script", run_script, user_code=False, reaches=True),
        "warm_script": _action("warm_script", run_script, user_code=False),
        "echo": _action("echo", echo, user_code=False),
        "log": _action("log", log_loudly, user_code=False),
    }


def deaf() -> Mapping[str, Action]:
    """A fork server that hears the server no more, and lives on."""
    os.close(int(sys.argv[2]))
    time.sleep(600)
    return registry()


def _action(kind: str, run: Callable[[Context], StepOutcome], *, user_code: bool, reaches: bool = False) -> Action:
    return Action(
        kind=kind,
        title=kind,
        settings=Script,
        run=run,
        reads=nothing,
        writes=nothing,
        examples=(),
        runs_user_code=user_code,
        reaches=reaches,
    )


OF_ANOTHER_PACKAGE = _action("another", echo, user_code=False)

"""Actions for the tests of isolation: one that runs the code it is given, one that echoes, and broken ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from procession.actions.contract import Action, Context, Outcome, OutputValue, nothing
from procession.model.lifecycle import StepStatus


class Script(msgspec.Struct, frozen=True, kw_only=True):
    code: str = ""


def run_script(context: Context) -> Outcome:
    outputs: dict[str, Any] = {}
    names = {"context": context, "outputs": outputs}
    exec(compile(context.settings.code, "<step>", "exec"), names)  # noqa: S102 - the test's own code
    return Outcome(status=StepStatus.SUCCESS, message="done", outputs=outputs)


def echo(context: Context) -> Outcome:
    references = context.settings.code.split()
    return Outcome(
        status=StepStatus.SUCCESS, outputs={name: cast("OutputValue", context.value(name)) for name in references}
    )


def log_loudly(context: Context) -> Outcome:
    context.log("from the action")
    print("on stderr", file=sys.stderr)
    return Outcome(status=StepStatus.WARNING, message="hm")


def book() -> Mapping[str, Action]:
    return {
        "script": _action("script", run_script, user_code=True),
        "warm_script": _action("warm_script", run_script, user_code=False),
        "echo": _action("echo", echo, user_code=False),
        "log": _action("log", log_loudly, user_code=False),
    }


def _action(kind: str, run: Callable[[Context], Outcome], *, user_code: bool) -> Action:
    return Action(
        kind=kind,
        title=kind,
        settings=Script,
        run=run,
        reads=nothing,
        writes=nothing,
        examples=(),
        runs_user_code=user_code,
    )

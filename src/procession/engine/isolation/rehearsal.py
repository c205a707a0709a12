"""What a worker does for its job, done before: what libraries prepare at first use is there when it comes.

The fork server does it once, for all forks; a worker for user code again, to have its own copy of the pages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from procession.actions.contract import Action, StepOutcome
from procession.engine.isolation import channel, codec, frames, limits, processes
from procession.engine.isolation.context import Pulse, StepContext
from procession.engine.isolation.contract import Done, Job, Limits
from procession.model.lifecycle import StepStatus

_SCRIPT = 'message("rehearsed")'


def rehearse(registry: Mapping[str, Action]) -> None:
    """Settings read, messages there and back, an empty script; nothing is limited and no thread started.

    The only script is ours: an example of somebody's action must not run where every worker comes from.
    """
    for action in registry.values():
        # Most refuse to be empty; what msgspec prepares for the type is made all the same.
        with contextlib.suppress(msgspec.ValidationError):
            msgspec.convert({}, action.settings)
    job = codec.decode_job(codec.encode_job(_job(), number=1))
    limits.look()
    processes.started_ticks(1)
    outcome = StepOutcome(status=StepStatus.SUCCESS)
    if job.action in registry:
        outcome = _perform(registry[job.action], job)
    frames.encode(frames.Finished(done=Done(outcome=outcome), job=job.number, reusable=False))


def _job() -> Job:
    return Job(
        action="run_python",
        settings={"code": _SCRIPT},
        values={},
        types={},
        targets={},
        folder="/",
        step_key="rehearsal",
        idempotency_key="",
        limits=Limits(),
    )


def _perform(action: Action, job: Job) -> StepOutcome:
    settings = msgspec.convert(job.settings, action.settings)
    ours, theirs = channel.pair()
    with ours, theirs:
        end = channel.Channel(theirs)
        # Another pid than ours: it says nothing.
        context = StepContext(
            job=job, settings=settings, place=Path("/"), channel=end, pulse=Pulse(end), pid=0, is_there=True
        )
        return action.run(context)

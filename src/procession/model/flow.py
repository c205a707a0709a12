"""What a run does next: decisions from the statuses of its steps (docs/process-file.md, When a step runs).

Every rule below has a test:

- A step takes its turn when all steps it follows are decided: those in `needs`, or else the previous enabled step.
  A decision table waits for the steps that its rules ask about, too.
  Only `needs` makes steps run at the same time; a plain list stays in order, whatever conditions its steps carry.
- Then `skip_when` is looked at: true means Skipped. Then all it follows must have succeeded (Success or Warning),
  unless `when` names a step: such a condition decides alone, and `needs` only says what to wait for. A `when` that
  compares values or files only is an addition: "send the mail if asked to" must not send after a failure.
- A skipped step is transparent to the default dependency: a plain list continues as if it were not there. It is
  not transparent to `needs`: a step that needs a skipped step is skipped.
- A condition that cannot hold because a step failed leaves its step NotStarted (blocked), any other one skips it. When
  both a failure and a skip stand in the way, the failure counts.
- Atoms about a step that can no longer run are false, except under `not`; properties are read once every step that the
  conditions of this step name is decided; ordering an empty property is unknown; nothing and "" are equal.
- After a restart only the named step and those behind it move; a step before it that never ran stays as it is, and
  blocks what needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import msgspec

from procession.model.conditions import SUCCEEDED, Facts, Verdict, judge
from procession.model.lifecycle import Outcome, StepStatus
from procession.model.plans import Plan, Turn
from procession.model.processes import Condition, Process, Step, Value

_ACTIVE = frozenset({StepStatus.SCHEDULED, StepStatus.RUNNING})


class FlowState(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of a run. Its mappings are read-only.

    `values` are those of all properties but Files, by "step.property"; `updated` the File properties that a step wrote
    or a person uploaded for this run; `told` the steps whose "blocked" message is recorded already.
    """

    statuses: Mapping[str, StepStatus]
    values: Mapping[str, Value]
    updated: Set[str] = frozenset()
    told: Set[str] = frozenset()


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """What to do now, in step order; `skip` and `blocked` carry the message. `finished`: apply these and end."""

    start: tuple[str, ...]
    skip: tuple[tuple[str, str], ...]
    blocked: tuple[tuple[str, str], ...]
    finished: bool


@dataclass(slots=True)
class Settled:
    """The steps at the start of a plan that are over, for one attempt: next_moves() need not look at them again.

    `ends`: how each step so far ended; RUNNING is not decided, CANCELLED can never run.
    """

    ends: dict[str, StepStatus] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)  # of FAILED and CANCELLED ends, in words
    # A tuple, so that the first step of a process follows nothing without a special case.
    previous: tuple[str, ...] = ()  # the last enabled step that was not skipped: the default dependency
    place: int = 0  # of the first that is not over

    def go_on(self, plan: Plan, statuses: Mapping[str, StepStatus]) -> None:
        for turn in plan.turns[self.place :]:
            status = statuses[turn.step.key]
            if status is StepStatus.NOT_STARTED or status in _ACTIVE:
                break
            self.note(turn, status)
            self.place += 1

    def note(self, turn: Turn, end: StepStatus) -> None:
        key = turn.step.key
        if end is StepStatus.FAILED:
            self.causes[key] = f"{turn.label} failed"
        elif end is StepStatus.CANCELLED:
            # setdefault: a blocked step has the cause of what blocked it, which says more.
            self.causes.setdefault(key, f"{turn.label} was cancelled")
        self.ends[key] = end
        if end is not StepStatus.SKIPPED:
            self.previous = (key,)


def next_moves(plan: Plan, state: FlowState, settled: Settled | None = None) -> Moves:
    """All moves that the statuses allow. One call also returns the skips that follow from skips.

    One pass in order is enough, because steps name only steps before them (the process file refuses others).
    Whoever asks again and again during an attempt gives the same `settled`, which goes on with it.
    """
    settled = settled or Settled()
    settled.go_on(plan, state.statuses)
    # Its ends of later steps are of an earlier pass: each is written again before a step behind it reads it.
    ahead = Settled(settled.ends, dict(settled.causes), settled.previous)
    walk = _Walk(state, ahead)
    for place, turn in enumerate(plan.turns[settled.place :], settled.place + 1):
        walk.visit(turn, state.statuses[turn.step.key])
        if place >= plan.in_line_from and ahead.ends[turn.step.key] is StepStatus.RUNNING:
            break
    return Moves(
        start=tuple(walk.start),
        skip=tuple(walk.skip),
        blocked=tuple(walk.blocked),
        finished=not walk.start and not walk.is_active,
    )


def outcome(process: Process, statuses: Mapping[str, StepStatus]) -> Outcome:
    """The outcome of a run with nothing left to do.

    Also Failed when an enabled step never finished (blocked, cancelled in an earlier attempt, never begun):
    Success must mean that the whole process was done.
    """
    # A disabled step is as if it were not in the file.
    ends = [statuses[step.key] for step in process.steps if step.enabled]
    if any(end not in SUCCEEDED and end is not StepStatus.SKIPPED for end in ends):
        return Outcome.FAILED
    return Outcome.WARNING if StepStatus.WARNING in ends else Outcome.SUCCESS


@dataclass(slots=True)
class _Walk:
    """One pass over the steps that are not over."""

    state: FlowState
    so_far: Settled
    start: list[str] = field(default_factory=list)
    skip: list[tuple[str, str]] = field(default_factory=list)
    blocked: list[tuple[str, str]] = field(default_factory=list)
    is_active: bool = False

    def visit(self, turn: Turn, status: StepStatus) -> None:
        if status is StepStatus.NOT_STARTED:
            status = self._decide(turn)
        elif status in _ACTIVE:
            self.is_active = True
            status = StepStatus.RUNNING
        self.so_far.note(turn, status)

    def _decide(self, turn: Turn) -> StepStatus:
        step = turn.step
        if not step.enabled:
            return self._skip(step, "skipped: the step is disabled")
        # Whoever names a step wants it to run, whatever its conditions said.
        if turn.is_named_by_restart:
            return self._start(step)
        if turn.is_carried:
            self.so_far.causes[step.key] = f"{turn.label} did not run"
            return StepStatus.CANCELLED
        follows = self.so_far.previous if step.needs is None else step.needs
        for key in (*follows, *turn.asked):
            # Nothing is decided early: a condition may ask about the very step that still runs.
            if self.so_far.ends[key] is StepStatus.RUNNING:
                return StepStatus.RUNNING
        return self._decide_by_conditions(turn, follows)

    def _decide_by_conditions(self, turn: Turn, follows: tuple[str, ...]) -> StepStatus:
        step = turn.step
        if step.skip_when is not None:
            verdict = self._judge(step.skip_when, turn.named)
            if verdict.truth:
                return self._skip(step, "skipped: its skip condition holds")
            # Unknown for good counts as "does not hold": the step goes its usual way.
            if verdict.truth is None and verdict.is_pending:
                return StepStatus.RUNNING
        if not turn.decides_alone and (obstacle := self._obstacle(step, follows)) is not None:
            return obstacle
        if step.when is None:
            return self._start(step)
        verdict = self._judge(step.when, turn.named)
        if verdict.truth:
            return self._start(step)
        if verdict.is_pending:
            return StepStatus.RUNNING
        if verdict.cause:
            return self._block(step, verdict.cause)
        return self._skip(
            step, "skipped: its condition " + ("does not hold" if verdict.truth is False else "is unknown")
        )

    def _obstacle(self, step: Step, follows: tuple[str, ...]) -> StepStatus | None:
        """The end of a step whose dependencies failed or were skipped; None if nothing blocks it."""
        for key in follows:
            # Failures first: where a failure and a skip stand in the way, the failure is the news.
            if key in self.so_far.causes:
                return self._block(step, self.so_far.causes[key])
        for key in follows:
            if self.so_far.ends[key] is StepStatus.SKIPPED:
                return self._skip(step, f'skipped: it needs step "{key}", which was skipped')
        return None

    def _start(self, step: Step) -> StepStatus:
        self.start.append(step.key)
        return StepStatus.RUNNING

    def _skip(self, step: Step, message: str) -> StepStatus:
        self.skip.append((step.key, message))
        return StepStatus.SKIPPED

    def _block(self, step: Step, cause: str) -> StepStatus:
        # Handed on, so that the last of ten blocked steps still names the one that failed.
        self.so_far.causes[step.key] = cause
        # Said once: this is asked again at each end of a step.
        if step.key not in self.state.told:
            self.blocked.append((step.key, f"not started: {cause}"))
        return StepStatus.CANCELLED

    def _judge(self, condition: Condition, named: frozenset[str]) -> Verdict:
        return judge(
            condition,
            Facts(
                ends=self.so_far.ends,
                causes=self.so_far.causes,
                values=self.state.values,
                updated=self.state.updated,
                # A value may be written by a step that the same condition waits for.
                may_read_properties=all(self.so_far.ends[key] is not StepStatus.RUNNING for key in named),
            ),
        )

"""approve: asks people whether a run may go on, and waits for them without a process.

What they sign is the SHA-256 of what they are shown (operations/approvals). Asked again by a restart, never by a crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from procession.actions import references
from procession.actions.contract import Action, Example, OutputTarget, StepOutcome
from procession.actions.in_engine import Assigned, Place
from procession.actions.in_engine import in_the_engine as run
from procession.actions.references import PlaceText, ReferenceText
from procession.model import durations, plans
from procession.model.approvals import Vote, VoteVerdict
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect
from procession.model.table_uses import TableUse, name_of

SHOWS_MAX = 50
PEOPLE_MAX = 20


class Deciders(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may decide: the members of a group, or one user."""

    group: Annotated[str, msgspec.Meta(max_length=255, description="name of a user group")] = ""
    user: Annotated[str, msgspec.Meta(max_length=255, description="login name of a user")] = ""

    @property
    def said(self) -> str:
        return self.user or f'"{self.group}"'


class ApproveOutputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Properties that get what was decided."""

    decision: Annotated[ReferenceText | None, msgspec.Meta(description="approved, or rejected")] = None
    by: Annotated[ReferenceText | None, msgspec.Meta(description="login names, separated by commas")] = None
    at: Annotated[ReferenceText | None, msgspec.Meta(description="when, such as 2026-01-31 17:05:09 UTC")] = None
    comment: Annotated[ReferenceText | None, msgspec.Meta(description="what they wrote, a line each")] = None


class ApproveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="what is asked, in one line")]
    shows: Annotated[
        list[PlaceText], msgspec.Meta(max_length=SHOWS_MAX, description="the files, values and tables that are signed")
    ] = []
    who: Annotated[Deciders, msgspec.Meta(description="who may decide")]
    at_least: Annotated[
        int, msgspec.Meta(ge=1, le=PEOPLE_MAX, description="how many people must approve; one who rejects is enough")
    ] = 1
    excluded: Annotated[
        tuple[Literal["preparer", "starter"], ...],
        msgspec.Meta(
            description="who must not decide: preparer created or filled in the run, decided about its suggestions,"
            " published a version that it followed, or wrote rows of a table that is shown; starter started or"
            " restarted it. Both also of runs that wrote such rows"
        ),
    ] = msgspec.field(default=("preparer", "starter"), name="not")
    before: Annotated[
        Annotated[str, msgspec.Meta(max_length=40)] | None,
        msgspec.Meta(description="time to decide, such as 4h or 2d; no limit when left out"),
    ] = None
    otherwise: Annotated[
        Literal["remind", "fail"], msgspec.Meta(description="when that time is over: mail them again, or fail")
    ] = "remind"
    comment: Annotated[Literal["optional", "required"], msgspec.Meta(description="whether a decision needs words")] = (
        "optional"
    )
    rejected: Annotated[
        Literal["fail", "go_on"],
        msgspec.Meta(description="a rejection fails the step; go_on: the run goes on, and asks about outputs.decision"),
    ] = "fail"
    outputs: Annotated[ApproveOutputs | None, msgspec.Meta(description="what is kept of the decision")] = None

    @property
    def before_seconds(self) -> float | None:
        return None if self.before is None else durations.seconds(self.before)


def settle(settings: ApproveSettings, votes: Sequence[Vote]) -> StepOutcome:
    """How the step ends by the votes that count: at the first rejection, else once all have approved."""
    # One who rejects is enough: whoever approved did not see what that one saw.
    against = [vote for vote in votes if vote.verdict is VoteVerdict.REJECTED]
    counted = against[:1] or votes
    verdict = VoteVerdict.REJECTED if against else VoteVerdict.APPROVED
    names = ", ".join(vote.login for vote in counted)
    words = "; ".join(vote.comment for vote in counted if vote.comment)
    # With go_on the outputs tell the two apart, and conditions behind the step ask about them.
    fails = bool(against) and settings.rejected == "fail"
    given = {
        "decision": str(verdict),
        "by": names,
        "at": f"{counted[-1].at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "comment": "\n".join(vote.comment for vote in counted if vote.comment),
    }
    return StepOutcome(
        status=StepStatus.FAILED if fails else StepStatus.SUCCESS,
        message=f"{verdict} by {names}" + (f": {words}" if words else ""),
        outputs={reference: given[name] for name, reference in _outputs(settings).items()},
    )


def _outputs(settings: ApproveSettings) -> dict[str, str]:
    """References by what they get."""
    given = {} if settings.outputs is None else msgspec.structs.asdict(settings.outputs)
    return {name: reference for name, text in given.items() if (reference := references.parse(text))}


def reads(settings: ApproveSettings) -> tuple[str, ...]:
    return references.only(settings.shows)


def writes(settings: ApproveSettings) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_outputs(settings).values()))


def tables(settings: ApproveSettings) -> tuple[TableUse, ...]:
    return tuple(TableUse(name=name) for text in settings.shows if (name := name_of(text)) is not None)


def assigns(settings: ApproveSettings) -> tuple[Assigned, ...]:
    """Samples of what the outputs get: a Dropdown may lack the option, a Number takes none."""
    samples: dict[str, tuple[str, ...]] = {
        "decision": tuple(VoteVerdict),
        "by": ("a login",),
        "at": ("2026-01-31 17:05:09 UTC",),
        "comment": ("words",),
    }
    return tuple(
        Assigned(place=("outputs", name), reference=reference, value=value)
        for name, reference in _outputs(settings).items()
        for value in samples[name]
    )


def check(settings: ApproveSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    return tuple(_mistakes(settings))


def _mistakes(settings: ApproveSettings) -> Iterator[str]:
    if bool(settings.who.group.strip()) == bool(settings.who.user.strip()):
        yield "who: name a group or a user, one of the two"
    # Else the step would wait for ever.
    if settings.who.user and settings.at_least > 1:
        yield "at_least: one user is one person; name a group"
    if settings.before is not None:
        seconds = settings.before_seconds
        if seconds is None or not 0 < seconds <= durations.SECONDS_MAX:
            yield f'before: a duration such as 4h or 2d, at most 366d, not "{settings.before}"'
    elif settings.otherwise == "fail":
        yield "otherwise: fail needs a time that can be over; give `before`"
    if settings.rejected == "go_on" and "decision" not in _outputs(settings):
        yield "rejected: go_on needs outputs.decision; steps behind this one ask about it with `when`"
    shown = reads(settings)
    for reference in writes(settings):
        if reference in shown:
            yield f"shows: {reference} is an output of this step; the decision would change what was signed"


def check_among(settings: ApproveSettings, among: plans.StepAmong) -> Sequence[tuple[Place, str]]:
    """What the process around it would make of it."""
    found: list[tuple[Place, str]] = []
    # The stopwatch of the run goes on while people take their time.
    limit, seconds = among.process.time_limit_seconds, settings.before_seconds
    if seconds is not None and limit <= seconds <= durations.SECONDS_MAX:
        found.append(
            (
                ("before",),
                f"the whole run may take {limit / 3600:g} h (time_limit), which is over first; make it longer",
            )
        )
    # Only what surely ran before cannot write while people look.
    earlier = plans.earlier_steps(among.process, among.step.key)
    for place, text in enumerate(settings.shows):
        for key in sorted(among.writers.get(references.parse(text) or "", frozenset()) - earlier - {among.step.key}):
            said = f'step "{key}" writes {references.parse(text)}, and does not come before this step in any case: it'
            found.append((("shows", place), f"{said} could change what was approved"))
    return found


_AT = datetime(2026, 1, 31, 17, 5, 9, tzinfo=UTC)
_SETTINGS: dict[str, Any] = {
    "title": "Post the accruals of the month?",
    "shows": ["${files.journal}", "${results.total}"],
    "who": {"group": "Controllers"},
    "at_least": 2,
    "comment": "required",
    "outputs": {"decision": "${results.decision}", "by": "${results.approved_by}"},
}
_INPUTS = {"files.journal": ("journal.csv", b"account,amount\n4010,120.00\n"), "results.total": 120}
_TARGETS = {"results.decision": OutputTarget(type="String"), "results.approved_by": OutputTarget(type="String")}
EXAMPLES = (
    Example(
        settings=_SETTINGS,
        inputs=_INPUTS,
        targets=_TARGETS,
        votes=(
            Vote(login="ann", verdict=VoteVerdict.APPROVED, comment="agreed with the ledger", at=_AT),
            Vote(login="bob", verdict=VoteVerdict.APPROVED, comment="ok", at=_AT),
        ),
        expected={"results.decision": "approved", "results.approved_by": "ann, bob"},
        message="approved by ann, bob: agreed with the ledger; ok",
    ),
    Example(
        settings=_SETTINGS,
        inputs=_INPUTS,
        targets=_TARGETS,
        votes=(
            Vote(login="ann", verdict=VoteVerdict.APPROVED, comment="fine", at=_AT),
            Vote(login="bob", verdict=VoteVerdict.REJECTED, comment="4010 is twice in it", at=_AT),
        ),
        expected={"results.decision": "rejected", "results.approved_by": "bob"},
        status=StepStatus.FAILED,
        message="rejected by bob: 4010 is twice in it",
    ),
)

ACTION = Action(
    kind="approve",
    effect=Effect.IDEMPOTENT,
    title="Ask for approval",
    settings=ApproveSettings,
    run=run,
    settle=settle,
    reads=reads,
    writes=writes,
    tables=tables,
    assigns=assigns,
    check=check,
    check_among=check_among,
    examples=EXAMPLES,
)

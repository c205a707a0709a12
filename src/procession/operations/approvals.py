"""What steps ask people: who may decide, what they sign, and a decision that is made once.

Nobody judges what they made (operations/left_out). No role goes round it, an administrator's neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from procession.actions.kinds import approve
from procession.actions.kinds.approve import ApproveSettings
from procession.model import approvals as model
from procession.model import values
from procession.model.approvals import Decision, ShownItem, Vote, VoteVerdict
from procession.model.errors import Conflict, Forbidden, Invalid, NotFound
from procession.model.ids import RunId, StepId, UserId
from procession.model.people import AccountStatus, User
from procession.model.processes import PropertyType
from procession.model.runs import Run
from procession.model.steps import StepRow
from procession.model.table_uses import PREFIX, is_table
from procession.operations import approved_tables, left_out, processes, rights, steps, who_decides
from procession.operations.act import Act
from procession.store import approvals as store
from procession.store import history, people, runs, step_tables
from procession.store import steps as step_store
from procession.store import tables as table_store
from procession.store.approvals import ApprovalRow
from procession.store.database import Transaction

COMMENT_CHARACTERS_MAX = 2_000
OPEN_MAX = 500  # looked at for one page: a third of a second where all of them are what one started oneself


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a try of a step asks. `signed` is of what there is now; `votes` are those that count, `void` the others."""

    run: Run
    step: StepRow
    row: ApprovalRow
    settings: ApproveSettings
    shown: tuple[ShownItem, ...]
    signed: str
    votes: tuple[Vote, ...]
    void: tuple[Vote, ...]
    is_open: bool
    too_few: str = ""  # why an open one cannot be approved, as people are now


class DecisionSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says; `signed` is the hash of what they were shown."""

    verdict: VoteVerdict
    signed: str
    comment: str = ""


def view(tx: Transaction, run_id: RunId, step_id: StepId) -> Approval:
    """Of the step's last try. Raises NotFound for a step that has not asked anybody."""
    step = steps.find(tx, step_id, run=run_id)
    row = store.latest_of_step(tx, step_id)
    run = runs.find(tx, run_id)
    if row is None or run is None:
        raise NotFound(f"step {step_id} has not asked anybody to approve anything")
    return of_row(tx, run, step, row)


def of_row(tx: Transaction, run: Run, step: StepRow, row: ApprovalRow) -> Approval:
    settings = _settings(tx, run, step)
    shown = tuple(_shown(tx, run, settings))
    signed = model.signed(shown)
    votes = [vote for _, vote in store.votes(tx, row.attempt)]
    is_open = store.is_open(tx, row.attempt)
    # Once decided, what counted stays what counted, whatever becomes of a table later.
    counted = model.counted(votes, signed if is_open or not votes else votes[-1].signed)
    able = deciders(tx, run, settings) if is_open else []
    if is_open:
        # Who was suspended or has left the group since is no second pair of eyes any more.
        logins = {user.login for user in able}
        counted = [vote for vote in counted if vote.login in logins]
    return Approval(
        run=run,
        step=step,
        row=row,
        settings=settings,
        shown=shown,
        signed=signed,
        votes=tuple(counted),
        void=tuple(vote for vote in votes if vote not in counted),
        is_open=is_open,
        too_few=who_decides.too_few(settings, able) if is_open else "",
    )


def _settings(tx: Transaction, run: Run, step: StepRow) -> ApproveSettings:
    # Of the run's own version: whoever publishes a milder one changes nothing of what is asked already.
    definition = processes.definition_of(tx, run.process, run.version).step(step.key)
    assert definition is not None, "a run has the steps of its version"
    return msgspec.convert(dict(definition.settings), ApproveSettings)


def _shown(tx: Transaction, run: Run, settings: ApproveSettings) -> Sequence[ShownItem]:
    """What there is now: files by their hash, tables by their version, values as they are."""
    properties = step_store.by_reference(tx, run.id)
    tables = step_tables.named(tx, run.process, run.version)
    found = []
    for reference in approve.reads(settings):
        if is_table(reference):
            name = reference.removeprefix(PREFIX)
            table = table_store.find(tx, tables[name].table) if name in tables else None
            version = "deleted" if table is None else f"{table.id} version {table.version}"
            found.append(ShownItem(reference=reference, name=name, text=name, content=version))
            continue
        row = properties[reference]
        if row.file is None:
            text = values.to_text(row.item.value) or ""
            is_number = row.item.type in {PropertyType.NUMBER, PropertyType.DECIMAL}
            found.append(
                ShownItem(reference=reference, name=row.item.name, text=text, content=text, is_number=is_number)
            )
        else:
            found.append(
                ShownItem(
                    reference=reference,
                    name=row.item.name,
                    text=row.file.name,
                    content=row.file.sha256 or "",
                    file=str(row.file.id),
                    size_bytes=row.file.size_bytes,
                )
            )
    return found


def deciders(tx: Transaction, run: Run, settings: ApproveSettings) -> list[User]:
    """Everybody who may decide now: named, active, able to see the run, and not left out."""
    # Asked once: a run for each of many rows has as many runs below it, whose hands count as well.
    own_work = left_out.left_out(tx, run, settings)
    return [user for user in _named(tx, settings) if not _obstacle(tx, run, settings, user, own_work)]


def _named(tx: Transaction, settings: ApproveSettings) -> list[User]:
    if settings.who.user:
        user = people.user_by_login(tx, settings.who.user)
        return [] if user is None else [user]
    group = people.group_by_name(tx, settings.who.group)
    return [] if group is None else people.members(tx, group.id)


def _obstacle(tx: Transaction, run: Run, settings: ApproveSettings, user: User, own_work: Mapping[str, str]) -> str:
    """Why this user may not decide; "" when they may. `own_work`: who is left out (operations/left_out)."""
    if user.id not in {one.id for one in _named(tx, settings)}:
        return f"this is for {settings.who.said} to decide"
    if user.status is not AccountStatus.ACTIVE:
        return "this account is not active"
    if rights.role_of(tx, user, run.id) is None:
        return f"{user.login} has no role on the process"
    # By the person: whoever has two accounts must not judge with one what they made with the other.
    why = own_work.get(model.person(user))
    return f"whoever {why} cannot approve it" if why else ""


def _people(tx: Transaction, logins: set[str]) -> set[str]:
    # Of a login that is gone nothing is known, and nobody can sign in by it.
    found = (people.user_by_login(tx, login) for login in logins)
    return {model.person(user) for user in found if user is not None}


def why_not(tx: Transaction, approval: Approval, user: User) -> str:
    """Why this user may not decide this, or no more; "" when they may."""
    if not approval.is_open:
        return closed(approval)
    own_work = left_out.left_out(tx, approval.run, approval.settings)
    if obstacle := _obstacle(tx, approval.run, approval.settings, user, own_work):
        return obstacle
    spoken = {model.person(one) for one in _voters(tx, approval)}
    return "you have decided; one person counts once" if model.person(user) in spoken else ""


def undecided(tx: Transaction, approval: Approval) -> list[User]:
    """Who may decide an open one, and has not."""
    spoken = {model.person(one) for one in _voters(tx, approval)}
    return [user for user in deciders(tx, approval.run, approval.settings) if model.person(user) not in spoken]


def closed(approval: Approval) -> str:
    """Why nothing can be decided any more."""
    if approval.row.decision is Decision.FAILED:
        return approval.row.why
    if approval.row.decision is not None:
        names = ", ".join(vote.login for vote in approval.votes if str(vote.verdict) == approval.row.decision)
        return f"it was {approval.row.decision} by {names}"
    return "the step does not wait for a decision any more"


def _voters(tx: Transaction, approval: Approval) -> list[User]:
    """Whose votes count."""
    counted = {vote.login for vote in approval.votes}
    found = [people.user_by_login(tx, login) for login in counted]
    return [user for user in found if user is not None]


def decide(act: Act, run_id: RunId, step_id: StepId, said: DecisionSaid) -> Approval:
    """Says yes or no; saying the same again changes nothing. Gives the approval as it is then.

    Raises NotFound; Forbidden for whoever may not; Conflict where what is shown is not what was signed, or it is
    decided; Invalid without the words that it asks for.
    """
    tx, user = act.tx, act.caller.user
    approval = view(tx, run_id, step_id)
    # First: a client that got no answer asks again, and must hear that it was heard.
    if _is_said_already(approval, user, said):
        return approval
    if not approval.is_open:
        # Before the rights: who may see the run may know how it ended.
        raise Conflict(closed(approval))
    if why := why_not(tx, approval, user):
        raise Forbidden(why)
    comment = _comment(approval.settings, said.comment)
    # After the rights: whoever may not decide learns nothing of what is shown.
    if said.signed != approval.signed:
        raise Conflict("what is shown has changed since you looked at it, so nothing was decided; look at it again")
    vote = Vote(login=user.login, verdict=said.verdict, comment=comment, at=act.now, signed=said.signed)
    if not store.add_vote(tx, approval.row.attempt, user.id, vote):
        raise Conflict("you have decided this already")
    # All in one transaction: a crash leaves no vote that nobody reads of, and no decision without its votes.
    _record(act, approval, vote)
    _conclude(tx, approval, vote)
    # In the transaction: the engine goes on in the turn behind this commit.
    tx.look(run_id)
    return view(tx, run_id, step_id)


def _is_said_already(approval: Approval, user: User, said: DecisionSaid) -> bool:
    return any(
        (vote.login, vote.verdict, vote.signed) == (user.login, said.verdict, said.signed) for vote in approval.votes
    )


def _comment(settings: ApproveSettings, text: str) -> str:
    try:
        comment = values.check_text(text).strip()
    except ValueError as error:
        raise Invalid(f"the comment {error}") from error
    if len(comment) > COMMENT_CHARACTERS_MAX:
        raise Invalid(f"the comment is longer than {COMMENT_CHARACTERS_MAX:,} characters")
    if settings.comment == "required" and not comment:
        raise Invalid("this decision needs a comment")
    return comment


def _record(act: Act, approval: Approval, vote: Vote) -> None:
    detail = {
        "decision": vote.verdict,
        "comment": vote.comment,
        "signed": vote.signed,
        "shown": [{"reference": item.reference, "content": item.content} for item in approval.shown],
    }
    run, step = approval.run, approval.step
    # In the run's history, which is its evidence: who said what of which content.
    history.say(act.tx, run.id, history.PersonSaid(user=act.author, step=step.id, detail=detail), act.now)
    message = f'"{approval.settings.title}" was {vote.verdict} by {act.author} in process run {run.id} "{run.name}"'
    history.add_log(act.tx, act.author, message, act.now, about=run.id)


def _conclude(tx: Transaction, approval: Approval, vote: Vote) -> None:
    """Decided by one who rejects, or by enough people who approve."""
    if vote.verdict is VoteVerdict.REJECTED:
        store.decide(tx, approval.row.attempt, Decision.REJECTED)
        return
    logins = {one.login for one in (*approval.votes, vote) if one.verdict is VoteVerdict.APPROVED}
    if len(_people(tx, logins)) >= approval.settings.at_least:
        store.decide(tx, approval.row.attempt, Decision.APPROVED)
        approved_tables.record(tx, approval.run, approval.row.attempt, approval.shown)


def waiting_for(tx: Transaction, user_id: UserId, *, limit: int) -> list[Approval]:
    """Open ones that this user may decide and has not, the oldest first."""
    user = people.user(tx, user_id)
    if user is None:
        return []
    groups = {group.name for group in people.groups_of(tx, user_id)}
    found: list[Approval] = []
    for row in store.all_open(tx, limit=OPEN_MAX):
        run, step = runs.find(tx, row.run), step_store.find(tx, row.step)
        assert run is not None and step is not None, "both are foreign keys"
        settings = _settings(tx, run, step)
        # Before anything is read of what is shown: most questions are for others, or about what one did oneself.
        is_named = settings.who.user == user.login or settings.who.group in groups
        if is_named and not _obstacle(tx, run, settings, user, left_out.left_out(tx, run, settings)):
            approval = of_row(tx, run, step, row)
            found += [] if why_not(tx, approval, user) else [approval]
        # Enough for the page, which leads to the others one by one.
        if len(found) == limit:
            break
    return found

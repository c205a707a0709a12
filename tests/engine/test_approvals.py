"""Runs that wait for people: without a process, over restarts, and decided once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from procession.engine.options import EngineSettings
from procession.model.approvals import VoteVerdict
from procession.model.errors import Conflict, Forbidden, Invalid, NotFound, ProcessionError
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.outbox import RunQuestion
from procession.model.people import AccountStatus, Caller, Role, UserRole
from procession.model.runs import HistoryKind
from procession.operations import approvals, copying, people, processes, questions, trials
from procession.operations.approvals import Approval, DecisionSaid
from procession.operations.questions import Deadlines
from procession.store import approvals as store
from procession.store import history, permissions
from procession.store import people as people_store
from tests.engine.conftest import OPEN
from tests.engine.steps import approve, data, item, process, python, run_process, wait
from tests.engine.world import SetClock, World
from tests.support import wait_until

SUCCESS, FAILED, RUNNING = StepStatus.SUCCESS, StepStatus.FAILED, StepStatus.RUNNING
DATA = data("d", item("total"), item("decision", "String"), item("by", "String"), item("file", "File"))


class Floor:
    """A world in which Ann and Bob are controllers of what Eve runs."""

    def __init__(self, home: Path, **more: Any) -> None:
        self.clock = SetClock()
        self.world = World(home, clock=self.clock, **more)
        self.world.engine.start()
        self.ann, self.bob = self.world.add_user("ann"), self.world.add_user("bob")
        self.eve = self.world.add_user("eve")
        self.world.db.write(self._group)

    def _group(self, tx: Any) -> None:
        group = people_store.add_group(tx, "Controllers", "", self.clock.now())
        for one in (self.ann, self.bob, self.eve):
            people_store.add_member(tx, group.id, one.user.id)

    def apply(self, *steps: Any, **more: Any) -> Any:
        made = self.world.apply(process(DATA, *steps, **more))
        for one in (self.ann, self.bob, self.eve):
            self.world.db.write(partial(permissions.give, resource=made, role=Role.EXECUTOR, holder=one.user.id))
        return made

    def begin(self, *steps: Any, **more: Any) -> RunId:
        made = self.apply(*steps, **more)
        admin, self.world.caller = self.world.caller, self.eve
        run = self.world.start(self.world.create(made).id).id
        self.world.caller = admin
        wait_until(lambda: self.world.statuses(run)["ok"] not in {StepStatus.NOT_STARTED, StepStatus.SCHEDULED})
        return run

    def view(self, run: RunId) -> Approval:
        with self.world.db.read() as tx:
            return approvals.view(tx, run, self.world.step(run, "ok").id)

    def say(self, who: Caller, run: RunId, verdict: str = "approved", comment: str = "", signed: str = "") -> Approval:
        said = DecisionSaid(verdict=VoteVerdict(verdict), comment=comment, signed=signed or self.view(run).signed)
        step = self.world.step(run, "ok").id

        def act(tx: Any) -> Approval:
            self.world.caller, before = who, self.world.caller
            try:
                return approvals.decide(self.world.act(tx), run, step, said)
            finally:
                self.world.caller = before

        return self.world.db.write(act)

    def tick(self) -> bool:
        resources = self.world.resources
        return Deadlines(database=self.world.db, home_clock=resources.home_clock, clock=self.clock).tick()

    def mails(self) -> list[tuple[str, str]]:
        with self.world.db.read() as tx:
            return tx.all("SELECT kind, target FROM outbox ORDER BY id")


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    made = Floor(tmp_path)
    yield made
    made.world.close()


def test_the_run_waits_without_a_process_and_goes_on_when_it_is_approved(floor: Floor) -> None:
    outputs = {"decision": "${d.decision}", "by": "${d.by}"}
    run = floor.begin(approve("ok", outputs=outputs), wait("post"))

    with floor.world.db.read() as tx:
        (attempt,) = history.attempts_of_run(tx, run)
    assert (attempt.pid, attempt.is_gone, floor.world.statuses(run)["ok"]) == (0, True, RUNNING)
    floor.say(floor.ann, run, comment="fits the ledger")

    assert floor.world.wait(run).outcome is Outcome.SUCCESS
    assert floor.world.step(run, "ok").message == "approved by ann: fits the ledger"
    assert (floor.world.value(run, "d.decision"), floor.world.value(run, "d.by")) == ("approved", "ann")
    told = [row for row in floor.world.history(run) if row.kind is HistoryKind.APPROVAL]
    assert [(row.user, row.detail["decision"]) for row in told] == [("ann", "approved")]


def test_a_rejection_fails_the_step_and_is_kept(floor: Floor) -> None:
    run = floor.begin(approve("ok", outputs={"decision": "${d.decision}"}), wait("post"))

    floor.say(floor.ann, run, "rejected", "4010 is twice in it")

    assert floor.world.wait(run).outcome is Outcome.FAILED
    assert floor.world.step(run, "ok").message == "rejected by ann: 4010 is twice in it"
    assert floor.world.value(run, "d.decision") == "rejected"
    assert floor.world.statuses(run)["post"] is StepStatus.NOT_STARTED


def test_a_rejection_is_a_path_of_its_own_where_the_file_says_so(floor: Floor) -> None:
    when = {"equals": {"property": "d.decision", "value": "rejected"}}
    skip = {"equals": {"property": "d.decision", "value": "approved"}}
    run = floor.begin(
        approve("ok", rejected="go_on", outputs={"decision": "${d.decision}"}),
        wait("post", when=skip),
        wait("mend", when=when),
    )

    floor.say(floor.ann, run, "rejected")

    assert floor.world.wait(run).outcome is Outcome.SUCCESS
    assert floor.world.statuses(run)["post"] is StepStatus.SKIPPED
    assert floor.world.statuses(run)["mend"] is SUCCESS


def test_two_people_are_two_and_one_who_rejects_is_enough(floor: Floor) -> None:
    run = floor.begin(approve("ok", at_least=2))

    assert floor.say(floor.ann, run).is_open
    with pytest.raises(Forbidden, match="one person counts once"):
        floor.say(floor.ann, run, "rejected")
    floor.say(floor.bob, run)

    assert floor.world.wait(run).outcome is Outcome.SUCCESS
    assert floor.world.step(run, "ok").message == "approved by ann, bob"


def test_saying_the_same_again_changes_nothing(floor: Floor) -> None:
    run = floor.begin(approve("ok", at_least=2))

    floor.say(floor.ann, run, comment="yes")
    floor.say(floor.ann, run, comment="yes, yes")

    assert [vote.comment for vote in floor.view(run).votes] == ["yes"]


def test_fifty_decisions_at_once_make_one(floor: Floor) -> None:
    run = floor.begin(approve("ok"), wait("post"))
    signed = floor.view(run).signed
    ends: list[str] = []

    def say(number: int) -> None:
        who = floor.ann if number % 2 else floor.bob
        try:
            floor.say(who, run, "approved" if number % 3 else "rejected", signed=signed)
            ends.append("said")
        except ProcessionError as error:
            ends.append(type(error).__name__)

    threads = [threading.Thread(target=say, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    floor.world.wait(run)
    with floor.world.db.read() as tx:
        votes = tx.all("SELECT user_id FROM approval_vote")
    assert len(ends) == 50
    assert set(ends) <= {"said", "Conflict", "Forbidden"}
    assert len(votes) == 1
    assert len([row for row in floor.world.history(run) if row.kind is HistoryKind.APPROVAL]) == 1


# --- who may not


def test_whoever_started_it_cannot_approve_it(floor: Floor) -> None:
    run = floor.begin(approve("ok"))

    with pytest.raises(Forbidden, match="started or restarted"):
        floor.say(floor.eve, run)


def test_an_administrator_who_is_not_named_cannot_approve(floor: Floor) -> None:
    run = floor.begin(approve("ok"))

    with pytest.raises(Forbidden, match='for "Controllers" to decide'):
        floor.say(floor.world.caller, run)


def test_whoever_published_the_version_cannot_approve_it(floor: Floor) -> None:
    floor.world.db.write(lambda tx: people_store.add_member(tx, _group(tx), floor.world.caller.user.id))
    run = floor.begin(approve("ok"))

    with pytest.raises(Forbidden, match="published this version"):
        floor.say(floor.world.caller, run)


def test_whoever_published_an_earlier_version_of_the_run_cannot_approve_it(floor: Floor) -> None:
    """A restart that takes a newer version, of somebody else, must not wash the hands of whoever made the older one."""
    made = floor.apply(wait("first"), approve("ok"), name="Washed")
    floor.world.db.write(partial(permissions.give, resource=made, role=Role.EDITOR, holder=floor.ann.user.id))
    admin = floor.world.caller
    floor.world.caller = floor.ann
    floor.world.apply(process(DATA, wait("first"), approve("ok"), wait("post"), name="Washed"))
    floor.world.caller = floor.eve
    run = floor.world.start(floor.world.create(made).id).id
    floor.world.caller = admin
    floor.world.wait_for(run, "ok", RUNNING)
    floor.say(floor.bob, run, "rejected")
    floor.world.wait(run)
    floor.world.apply(process(DATA, wait("first"), approve("ok"), wait("post"), wait("more"), name="Washed"))
    floor.world.restart(run, "ok", takes_latest=True)
    floor.world.wait_for(run, "ok", RUNNING)

    assert floor.world.run(run).version == 3
    with pytest.raises(Forbidden, match="published this version"):
        floor.say(floor.ann, run)


def _group(tx: Any) -> Any:
    group = people_store.group_by_name(tx, "Controllers")
    assert group is not None
    return group.id


def test_whoever_uploaded_an_input_cannot_approve_it_also_of_a_copy(floor: Floor, tmp_path: Path) -> None:
    given = tmp_path / "ledger.csv"
    given.write_text("a\n1\n")
    made = floor.apply(data("in", item("ledger", "File", "INPUT")), approve("ok", shows=["${in.ledger}"]))
    admin, floor.world.caller = floor.world.caller, floor.eve
    source = floor.world.create(made).id
    floor.world.caller = floor.ann
    floor.world.upload(source, "in.ledger", given)
    floor.world.caller = floor.eve
    copy = floor.world.db.write(lambda tx: copying.copy_inputs(floor.world.act(tx), source)).id
    for run in (source, copy):
        floor.world.start(run)
        floor.world.wait_for(run, "ok", RUNNING)
    floor.world.caller = admin

    for run in (source, copy):
        with pytest.raises(Forbidden, match="filled in this run"):
            floor.say(floor.ann, run)
        floor.say(floor.bob, run)
        assert floor.world.wait(run).outcome is Outcome.SUCCESS


def test_whoever_mended_a_run_below_cannot_approve_what_it_gave(tmp_path: Path) -> None:
    """Bob publishes another version of the process below, restarts its run with it, and the one above takes it over."""
    floor = Floor(tmp_path, isolation=OPEN)
    admin, result = floor.world.caller, data("r", item("n", flow="INPUT"), item("sum"))
    share = partial(permissions.give, role=Role.EDITOR)

    def below(code: str) -> str:
        step = python("sum", code, inputs={"n": "${r.n}"}, outputs={"sum": "${r.sum}"})
        return process(result, step, name="Below")

    made = floor.world.apply(below("raise ValueError('no')"))
    for one in (floor.ann, floor.bob, floor.eve):
        floor.world.db.write(partial(share, resource=made, holder=one.user.id))
    call = run_process("call", "Below", inputs={"r.n": 1}, outputs={"r.sum": "${d.total}"})
    above = floor.apply(call, approve("ok", shows=["${d.total}"]))
    floor.world.caller = floor.eve
    run = floor.world.start(floor.world.create(above).id).id
    floor.world.wait(run)
    (child,) = below_of(floor, run)
    floor.world.caller = floor.bob
    floor.world.apply(below("outputs['sum'] = 9_999"))
    floor.world.restart(child, "sum", takes_latest=True)
    floor.world.wait(child)
    floor.world.caller = floor.eve
    floor.world.restart(run, "call")
    floor.world.caller = admin
    floor.world.wait_for(run, "ok", RUNNING)

    assert below_of(floor, run) == [child], "it was taken over"
    with pytest.raises(Forbidden, match="restarted this run"):
        floor.say(floor.bob, run)
    with floor.world.db.read() as tx:
        assert "bob" in store.preparers(tx, run) & store.starters(tx, run)
        assert "ann" not in store.preparers(tx, run) | store.starters(tx, run)
    floor.say(floor.ann, run)
    assert floor.world.wait(run).outcome is Outcome.SUCCESS
    floor.world.close()


def below_of(floor: Floor, run: RunId) -> list[RunId]:
    with floor.world.db.read() as tx:
        rows = tx.all("SELECT DISTINCT child_id FROM child_run WHERE run_id = ?", run.number)
    return [RunId(child) for (child,) in rows]


def test_whoever_restarted_it_cannot_approve_it(floor: Floor) -> None:
    run = floor.begin(approve("ok"))
    floor.say(floor.bob, run, "rejected")
    floor.world.wait(run)
    admin, floor.world.caller = floor.world.caller, floor.ann
    floor.world.restart(run, "ok")
    floor.world.caller = admin
    floor.world.wait_for(run, "ok", RUNNING)

    with pytest.raises(Forbidden, match="started or restarted"):
        floor.say(floor.ann, run)
    floor.say(floor.bob, run)

    assert floor.world.wait(run).outcome is Outcome.SUCCESS


def test_a_second_account_of_the_same_mailbox_is_the_same_person(floor: Floor) -> None:
    def add(tx: Any) -> Caller:
        user = people.create_user(
            tx,
            email=floor.ann.user.email.replace("@", "+two@").upper(),
            first_name="A",
            last_name="N",
            role=UserRole.DESIGNER,
            now=floor.clock.now(),
        )
        people_store.add_member(tx, _group(tx), user.id)
        return Caller(user=user, scopes=floor.ann.scopes)

    twin = floor.world.db.write(add)
    run = floor.begin(approve("ok", at_least=2))
    made = floor.world.run(run).process
    floor.world.db.write(partial(permissions.give, resource=made, role=Role.EXECUTOR, holder=twin.user.id))
    floor.say(floor.ann, run)

    with pytest.raises(Forbidden, match="one person counts once"):
        floor.say(twin, run)


def test_four_eyes_are_switched_off_only_by_the_process_file(floor: Floor) -> None:
    run = floor.begin(approve("ok", **{"not": []}))

    floor.say(floor.eve, run)

    assert floor.world.wait(run).outcome is Outcome.SUCCESS


# --- what is signed


def test_a_change_of_what_is_shown_makes_a_decision_void(floor: Floor) -> None:
    run = floor.begin(approve("ok", at_least=2, shows=["${d.total}"]))
    before = floor.view(run).signed
    floor.say(floor.ann, run)
    # As another try of a step would.
    floor.world.db.write(lambda tx: tx.run("UPDATE property SET value = '7' WHERE key = 'total'"))

    with pytest.raises(Conflict, match="has changed"):
        floor.say(floor.bob, run, signed=before)
    assert (len(floor.view(run).votes), len(floor.view(run).void)) == (0, 1)
    assert floor.say(floor.bob, run).is_open
    floor.say(floor.ann, run)

    assert floor.world.wait(run).outcome is Outcome.SUCCESS


def test_a_clock_that_is_set_back_lets_no_void_vote_decide(floor: Floor) -> None:
    run = floor.begin(approve("ok", shows=["${d.total}"], at_least=2))
    floor.say(floor.ann, run, comment="of the old total")
    floor.world.db.write(lambda tx: tx.run("UPDATE property SET value = '7' WHERE key = 'total'"))
    floor.clock.jumped_seconds -= 7_200.0
    floor.say(floor.bob, run)
    floor.say(floor.ann, run, comment="of the new one")

    floor.world.wait(run)
    assert floor.world.step(run, "ok").message == "approved by bob, ann: of the new one"


def test_a_file_is_signed_by_its_hash(tmp_path: Path) -> None:
    floor = Floor(tmp_path, isolation=OPEN)
    write = "outputs.file('f').write_text('1')"
    run = floor.begin(python("make", write, outputs={"f": "${d.file}"}), approve("ok", shows=["${d.file}"]))

    (shown,) = floor.view(run).shown

    assert shown.content == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    floor.world.close()


def test_a_comment_that_is_asked_for_is_needed(floor: Floor) -> None:
    run = floor.begin(approve("ok", comment="required"))

    with pytest.raises(Invalid, match="needs a comment"):
        floor.say(floor.ann, run, comment="  ")
    with pytest.raises(Invalid, match="longer than"):
        floor.say(floor.ann, run, comment="x" * 3_000)

    assert floor.view(run).is_open


# --- time, crash, cancel


def test_it_waits_over_a_restart_of_the_server_which_is_no_crash_of_the_step(floor: Floor) -> None:
    run = floor.begin(approve("ok"), wait("post"))
    for _ in range(4):
        floor.world.engine.close()
        floor.world.engine = floor.world.new_engine()
        floor.world.engine.start()
    wait_until(lambda: floor.world.history(run)[-1].kind is HistoryKind.TAKEN_OVER)
    assert floor.world.statuses(run)["ok"] is RUNNING

    floor.say(floor.ann, run)

    assert floor.world.wait(run).outcome is Outcome.SUCCESS
    assert floor.world.step(run, "ok").tries == 1


def test_what_was_decided_while_no_server_ran_counts(floor: Floor) -> None:
    run = floor.begin(approve("ok"), wait("post"))
    floor.world.engine.close()
    floor.say(floor.ann, run)

    floor.world.engine = floor.world.new_engine()
    floor.world.engine.start()

    assert floor.world.wait(run).outcome is Outcome.SUCCESS


def test_a_lost_announcement_is_made_up_for_by_the_scan(tmp_path: Path) -> None:
    floor = Floor(tmp_path, settings=EngineSettings(scan_seconds=0.1))
    run = floor.begin(approve("ok"))
    floor.world.db.on_look(lambda run: None)

    floor.say(floor.ann, run)

    assert floor.world.wait(run).outcome is Outcome.SUCCESS
    floor.world.close()


def test_runs_that_wait_leave_their_place_to_others(tmp_path: Path) -> None:
    floor = Floor(tmp_path, settings=EngineSettings(runs_max=2))
    waiting = [floor.begin(approve("ok"), name=f"Asks {number}") for number in range(5)]

    other = floor.world.begin(process(wait("a"), name="Other"))

    assert floor.world.wait(other).outcome is Outcome.SUCCESS
    assert all(floor.world.run(run).status is RunStatus.RUNNING for run in waiting)
    floor.world.close()


def test_a_cancelled_run_asks_nobody_any_more(floor: Floor) -> None:
    run = floor.begin(approve("ok"))
    floor.world.cancel(run)

    with pytest.raises(Conflict, match="does not wait"):
        floor.say(floor.ann, run)

    assert floor.world.statuses(run)["ok"] is StepStatus.CANCELLED


def test_a_run_that_takes_too_long_ends_it(floor: Floor) -> None:
    run = floor.begin(approve("ok"), time_limit="0.5s")

    assert floor.world.wait(run).status is RunStatus.TIMED_OUT
    with pytest.raises(Conflict):
        floor.say(floor.ann, run)


def test_its_time_is_over_by_the_home_s_clock_and_it_fails(floor: Floor) -> None:
    run = floor.begin(approve("ok", before="2h", otherwise="fail"))
    # Somebody sets the clock of the machine: that is no two hours.
    floor.clock.jumped_seconds = 86_400.0
    assert not floor.tick()

    floor.clock.passed_seconds = 7_300.0
    assert floor.tick()

    assert floor.world.wait(run).outcome is Outcome.FAILED
    assert floor.world.step(run, "ok").message == "nobody decided within 2h"


def test_who_has_not_decided_is_reminded(floor: Floor) -> None:
    run = floor.begin(approve("ok", before="2h", at_least=2))
    floor.say(floor.ann, run)
    floor.clock.passed_seconds = 7_300.0

    assert floor.tick()
    assert not floor.tick()

    addresses = [floor.ann.user.email, floor.bob.user.email]
    # Eve started it: she is asked nothing.
    assert floor.mails() == [("approval", address) for address in (*addresses, floor.bob.user.email)]
    assert floor.world.history(run)[-1].detail == {"reminded": ["bob"]}


def test_a_question_that_too_few_may_decide_says_so_and_tells_whoever_started_the_run(floor: Floor) -> None:
    run = floor.begin(approve("ok", at_least=2), wait("post"))
    asked = floor.view(run).too_few
    floor.world.db.write(lambda tx: people_store.remove_member(tx, _group(tx), floor.bob.user.id))
    left = floor.view(run)

    assert asked == ""
    assert left.too_few.startswith("only 1 of the 2 people who must approve it may: ")
    alone = floor.begin(approve("ok", who={"user": "eve"}, before="2h"), name="Alone")
    said = "nobody may decide it: whoever is named had a hand in it, is not active, or has no role on the process"
    assert floor.world.step(alone, "ok").progress_message == f"waits for eve to decide: ok?; {said}"
    assert floor.mails()[-1] == ("approval", floor.eve.user.email)
    with floor.world.db.read() as tx:
        (revision,) = tx.all("SELECT max(revision) FROM outbox WHERE run_id = ?", alone.number)[0]
        asked_run = RunQuestion(run=alone, revision=revision, target=floor.eve.user.email)
        letter = questions.write(tx, asked_run, key="k", public_url="http://here", now=floor.clock.now())
    assert letter is not None
    assert (letter.subject[:20], "Nobody may decide it: " in letter.text) == ("Too few may decide: ", True)
    floor.clock.passed_seconds = 7_300.0
    assert floor.tick()
    assert [target for _, target in floor.mails()][-2:] == [floor.eve.user.email] * 2


def test_a_group_that_is_not_there_is_told_at_once(floor: Floor) -> None:
    run = floor.begin(approve("ok", who={"group": "Nobody"}))

    assert floor.world.wait(run).outcome is Outcome.FAILED
    assert 'no user group "Nobody"' in floor.world.step(run, "ok").message


def test_a_step_that_asked_nobody_has_nothing_to_decide(floor: Floor) -> None:
    run = floor.begin(approve("ok"))

    with pytest.raises(NotFound), floor.world.db.read() as tx:
        approvals.view(tx, run, floor.world.step(run, "d").id)


def test_a_try_out_asks_nobody(floor: Floor) -> None:
    made = floor.apply(approve("ok"))
    with floor.world.db.read() as tx:
        definition = processes.definition_of(tx, made, 1)

    with pytest.raises(Invalid, match="asks people, and a try-out has no effect outside"):
        floor.world.db.write(lambda tx: trials.create(floor.world.act(tx), made, definition, up_to="1.2"))


def test_the_list_of_what_waits_is_for_those_who_may_decide(floor: Floor) -> None:
    run = floor.begin(approve("ok"))

    with floor.world.db.read() as tx:
        lists = {
            one.user.login: [found.run.id for found in approvals.waiting_for(tx, one.user.id, limit=10)]
            for one in (floor.ann, floor.eve)
        }

    assert lists == {"ann": [run], "eve": []}


def test_a_time_that_is_over_after_the_decision_changes_nothing(floor: Floor) -> None:
    """A pause that was resumed by hand failed later by the timer that it had left (kestra 18597)."""
    run = floor.begin(approve("ok", before="2h", otherwise="fail"), approve("next", who={"user": "bob"}))
    floor.say(floor.ann, run)
    floor.world.wait_for(run, "next", RUNNING)

    floor.clock.passed_seconds = 7_300.0

    assert not floor.tick()
    assert floor.world.statuses(run)["ok"] is SUCCESS


def test_a_group_that_is_renamed_or_left_counts_at_once(floor: Floor) -> None:
    run = floor.begin(approve("ok"))
    floor.world.db.write(lambda tx: people_store.remove_member(tx, _group(tx), floor.ann.user.id))

    with pytest.raises(Forbidden, match='for "Controllers" to decide'):
        floor.say(floor.ann, run)


def test_a_suspended_account_decides_nothing(floor: Floor) -> None:
    run = floor.begin(approve("ok"))
    floor.world.db.write(
        lambda tx: tx.run("UPDATE user_account SET status = 'Suspended' WHERE id = ?", floor.ann.user.id.number)
    )
    suspended = replace(floor.ann, user=replace(floor.ann.user, status=AccountStatus.SUSPENDED))

    with pytest.raises(Forbidden, match="not active"):
        floor.say(suspended, run)


def test_a_vote_of_somebody_who_was_suspended_since_is_no_second_one(floor: Floor) -> None:
    run = floor.begin(approve("ok", at_least=2))
    floor.say(floor.ann, run)
    floor.world.db.write(
        lambda tx: tx.run("UPDATE user_account SET status = 'Suspended' WHERE id = ?", floor.ann.user.id.number)
    )

    assert floor.say(floor.bob, run).is_open
    assert [vote.login for vote in floor.view(run).void] == ["ann"]


def test_a_vote_of_somebody_who_has_left_the_group_since_is_no_second_one(floor: Floor) -> None:
    run = floor.begin(approve("ok", at_least=2))
    floor.say(floor.ann, run)
    floor.world.db.write(lambda tx: people_store.remove_member(tx, _group(tx), floor.ann.user.id))

    assert floor.say(floor.bob, run).is_open


def test_a_group_that_there_is_not_or_that_is_too_small_is_told_when_the_file_is_applied(floor: Floor) -> None:
    unknown = floor.world.applied(process(DATA, approve("ok", who={"group": "Controlers"}), name="Unknown"))
    small = floor.world.applied(process(DATA, approve("ok", at_least=4), name="Small"))
    fits = floor.world.applied(process(DATA, approve("ok", at_least=3), name="Fits"))

    assert unknown.remarks == (
        'step 1.2 "ok": there is no user group "Controlers" that could approve; make it, or change the process',
    )
    assert small.remarks == (
        'step 1.2 "ok": 4 must approve, and the user group "Controllers" has 3; the step would wait',
    )
    assert fits.remarks == ()


def test_two_that_wait_at_the_same_time_are_decided_one_by_one(floor: Floor) -> None:
    run = floor.begin(
        approve("ok", frame={"needs": ["d"]}),
        approve("other", who={"user": "bob"}, frame={"needs": ["d"]}),
        wait("end", needs=["ok", "other"]),
    )

    floor.say(floor.ann, run)
    floor.world.wait_for(run, "ok", SUCCESS)

    assert floor.world.statuses(run)["other"] is RUNNING
    assert floor.world.run(run).status is RunStatus.RUNNING

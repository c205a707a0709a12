"""Alerts: told by mail as the process file asks, by a real mail server; at least once, never into a header, never lost."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from procession import config, smtp
from procession.clock import ManualClock, SystemClock
from procession.commands import checking
from procession.model.ids import RunId
from procession.model.lifecycle import StepStatus
from procession.model.outbox import RunEnd
from procession.operations import letters
from procession.operations.alerts import Letter
from procession.operations.home_time import HomeClock
from procession.store import outbox
from tests.engine.steps import StepText, approve, data, fail, item, process, python, wait
from tests.engine.world import World
from tests.mail_server import MailServer, served

PUBLIC = "https://procession.example.com/here/"
CLOSE = {"email": "close@example.com"}


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with contextmanager(served)(None) as made:
        yield made


@dataclass(slots=True, kw_only=True)
class Sender:
    """Sends what a world has to tell, at the time of a clock of its own."""

    world: World
    mail_server: MailServer
    clock: ManualClock

    def tick(self) -> bool:
        return letters.tick(self._sending())

    def send_all(self) -> None:
        while self.tick():
            pass

    def _sending(self) -> letters.Sending:
        address = f"smtp://127.0.0.1:{self.mail_server.port}"
        environment = {"PROCESSION_SMTP_URL": address, "PROCESSION_MAIL_FROM": "procession@example.com"}
        server = config.read(environment).smtp
        assert server is not None

        def send(letter: Letter) -> None:
            smtp.send(server, letter)

        return letters.Sending(
            database=self.world.db, send=send, public_url=PUBLIC, clock=self.clock.now, home_clock=HomeClock(self.clock)
        )

    def checks(self, *, sends_mail: bool = True) -> dict[str, tuple[str, str]]:
        """What doctor says about mail."""
        with self.world.db.read() as tx:
            found = checking.alerts(tx, sends_mail=sends_mail, now=self.clock.now())
            return {check.name: (check.status, check.message) for check in found}

    def waiting(self) -> int:
        with self.world.db.read() as tx:
            return outbox.waiting(tx)


@pytest.fixture
def sender(shared: World, mail_server: MailServer) -> Sender:
    """Ahead of every row that is written meanwhile, so that each is due."""
    shared.db.write(lambda tx: tx.run("DELETE FROM outbox"))
    return Sender(world=shared, mail_server=mail_server, clock=ManualClock(datetime.now(UTC)))


def test_a_question_is_mailed_to_those_who_may_decide_and_to_nobody_once_it_is_decided(sender: Sender) -> None:
    world = sender.world
    bea, cid = world.add_user("bea"), world.add_user("cid")
    run = world.begin(
        process(data("d", item("total", value=7)), approve("ok", shows=["${d.total}"], who={"user": "bea"}))
    )
    other = world.begin(process(data("d", item("total")), approve("ok", who={"user": "cid"}), name="Other"))
    for one in (run, other):
        world.wait_for(one, "ok", StepStatus.RUNNING)
    world.cancel(other)
    sender.clock.jump((SystemClock().now() - sender.clock.now()).total_seconds())

    sender.send_all()

    (message,) = sender.mail_server.messages()
    text = "\n".join(message.get_content().splitlines())
    assert (bea.user.email in str(message["To"]), cid.user.email in str(message["To"])) == (True, False)
    assert str(message["Subject"]).startswith("To decide: ok? (Test : run #")
    assert "waits for a decision:\n\n    ok?" in text
    assert "What is shown:\n    total: 7" in text
    assert f"https://procession.example.com/here/runs/{run}?step=1.2\n" in text
    assert f"procession approve {run} ok" in text
    assert sender.waiting() == 0
    world.cancel(run)


def ended(sender: Sender, *steps: StepText, alert: dict[str, str] | None = None, **more: Any) -> RunId:
    """A run that has ended, with its alerts due."""
    run = sender.world.begin(process(*steps, alert=alert or CLOSE, **more))
    sender.world.wait(run)
    sender.clock.jump((SystemClock().now() - sender.clock.now()).total_seconds())
    return run


WARNING = python("careful", "warn('two rows were odd')")
ENDS = {
    "Finished": (wait("a"),),
    "Warning": (WARNING,),
    "Failed": (wait("a"), fail("bad", "no balance"), wait("later")),
}


@pytest.mark.parametrize(
    ("when", "told"),
    [("always", ["Finished", "Warning", "Failed"]), ("problems", ["Warning", "Failed"]), ("never", [])],
)
def test_the_process_file_says_which_ends_are_told(sender: Sender, when: str, told: list[str]) -> None:
    for steps in ENDS.values():
        ended(sender, *steps, alert={**CLOSE, "when": when})
    sender.send_all()

    assert [str(message["Subject"]).partition(":")[0] for message in sender.mail_server.messages()] == told


@pytest.mark.parametrize(("when", "told"), [("always", 1), ("problems", 0)])
def test_who_cancels_a_run_is_not_alerted_of_it_as_a_problem(sender: Sender, when: str, told: int) -> None:
    run = sender.world.begin(process(wait("long", 600), alert={**CLOSE, "when": when}))
    sender.world.cancel(run)

    assert sender.waiting() == told


def test_a_run_that_times_out_is_told_with_the_step_that_was_under_way(sender: Sender) -> None:
    ended(sender, wait("long", 600), wait("next"), time_limit="1s")
    sender.send_all()

    (message,) = sender.mail_server.messages()
    text = "\n".join(message.get_content().splitlines())
    assert message["Subject"] == "Timed out: Test : run #" + message["Subject"].rpartition("#")[2]
    assert 'Failed: step 1.1 "long"\n    timed out after 1 s, the time limit of the process run\n' in text
    assert 'Not completed:\n    step 1.2 "next"\n' in text


def test_the_mail_names_the_step_the_reason_what_was_not_done_and_the_link(sender: Sender) -> None:
    run = ended(sender, *ENDS["Failed"], name="Überleitung")
    sender.send_all()

    (message,) = sender.mail_server.messages()
    assert message["Subject"] == "Failed: Überleitung : run #1"
    assert (message["To"], message["From"]) == ("close@example.com", "procession@example.com")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] is not None
    lines = message.get_content().splitlines()
    assert lines[0] == 'The process run "Überleitung : run #1" has failed.'
    assert lines[2:8] == ['Failed: step 1.2 "bad"', "    no balance", "", "Not completed:", '    step 1.3 "later"', ""]
    assert f"https://procession.example.com/here/runs/{run}" in lines
    assert f"In a terminal: procession status {run}" in lines


def test_every_address_gets_a_mail_of_its_own_and_only_the_refused_one_is_tried_again(sender: Sender) -> None:
    sender.mail_server.strangers = {"gone@example.com"}
    ended(sender, fail("bad"), alert={"email": "close@example.com, gone@example.com; CFO@example.com"})
    sender.send_all()
    assert sender.mail_server.receivers == [["close@example.com"], ["CFO@example.com"]]
    assert "550" in sender.checks()["mail"][1]

    sender.mail_server.strangers = set()
    sender.clock.advance(61)
    sender.send_all()

    assert sender.mail_server.receivers[2:] == [["gone@example.com"]]
    assert len({message["Message-ID"] for message in sender.mail_server.messages()}) == 3
    assert sender.checks()["mail"] == ("ok", "0 mails wait")


def test_no_name_or_message_ends_a_header_or_adds_a_receiver(sender: Sender) -> None:
    evil = "x\r\nBcc: thief@example.com\r\n\r\nPay at once\u2028\u202e\x00"
    name = "Close\u2028Bcc: thief@example.com ünd so weiter " + "lang " * 40
    ended(sender, python("bad", f"raise ValueError({evil!r})") | {"name": "a\u202eb"}, name=name.strip())
    sender.send_all()

    (message,) = sender.mail_server.messages()
    assert sender.mail_server.receivers == [["close@example.com"]]
    assert message["Bcc"] is None
    assert sorted(key.lower() for key in message) == sorted(
        ["subject", "from", "to", "date", "message-id", "auto-submitted", "content-type", "content-transfer-encoding",
         "mime-version"]
    )  # fmt: skip
    assert str(message["Subject"]).startswith("Failed: Close Bcc: thief@example.com ünd so weiter")
    assert "    Bcc: thief@example.com" in message.get_content().splitlines()
    assert max(map(len, sender.mail_server.received[0].splitlines())) < 998


def test_a_crash_between_sending_and_noting_it_sends_the_same_message_again(sender: Sender) -> None:
    ended(sender, fail("bad"))
    sender.tick()
    # What a crash before the last commit leaves: a try counted, and nothing noted.
    sender.world.db.write(lambda tx: tx.run("UPDATE outbox SET sent_at = NULL"))
    sender.clock.advance(61)
    sender.send_all()

    first, second = sender.mail_server.messages()
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_content() == second.get_content()


def test_a_bad_answer_to_the_goodbye_does_not_send_the_mail_again(sender: Sender) -> None:
    sender.mail_server.goodbye = "500 what?"
    ended(sender, fail("bad"))
    sender.send_all()

    assert (len(sender.mail_server.received), sender.waiting()) == (1, 0)


def test_a_mail_server_that_takes_nothing_is_tried_for_days_and_the_loss_is_told(
    sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    sender.mail_server.says = "452 the disk is full"
    run = ended(sender, fail("bad"))
    tries = 0
    while sender.waiting():
        tries += sender.tick()
        assert "lost mail" not in sender.checks() or not sender.waiting()
        sender.clock.advance(3_601)

    assert tries == letters.TRIES_MAX + 1
    status, text = sender.checks()["lost mail"]
    assert status == "warning"
    assert f"{run} to close@example.com (78 tries: " in text
    assert "the disk is full" in text
    assert [record.levelno for record in caplog.records if record.message == "mail given up"] == [logging.ERROR]


def test_what_waited_for_a_week_without_a_mail_server_is_not_poured_out_when_there_is_one(sender: Sender) -> None:
    ended(sender, fail("bad"))
    assert sender.checks(sends_mail=False)["mail"][0] == "warning"
    sender.clock.advance(8 * 86_400)
    sender.send_all()

    assert sender.mail_server.received == []
    assert "without a try" in sender.checks()["lost mail"][1]


def test_each_end_is_told_for_itself_whatever_a_restart_has_changed_meanwhile(sender: Sender) -> None:
    gate = sender.world.home / "gate"
    code = f"import os\nif not os.path.exists({str(gate)!r}): raise ValueError('no file yet')"
    run = ended(sender, python("look", code), alert={**CLOSE, "when": "always"})
    gate.touch()
    sender.world.restart(run, "look")
    sender.world.wait(run)
    sender.clock.jump((SystemClock().now() - sender.clock.now()).total_seconds())
    sender.send_all()

    first, second = sender.mail_server.messages()
    assert str(first["Subject"]).startswith("Failed: ")
    assert "no file yet" in first.get_content()
    assert "Since then it was restarted: attempt 2 is Success." in first.get_content()
    assert str(second["Subject"]).startswith("Finished: ")
    assert "Failed" not in second.get_content()


def test_an_address_that_was_applied_before_addresses_were_checked_fails_no_run(sender: Sender) -> None:
    run = sender.world.create(sender.world.apply(process(fail("bad"), alert=CLOSE))).id
    sender.world.db.write(lambda tx: tx.run("UPDATE run SET alert_email = 'nobody' WHERE id = ?", run.number))
    sender.world.start(run)

    assert sender.world.wait(run).outcome == "Failed"
    assert sender.waiting() == 0


def test_the_log_says_that_a_run_failed_and_where_and_the_completion_stays_to_the_letter(shared: World) -> None:
    run = shared.begin(process(wait("a"), fail("bad", "no balance:\nleft 1, right 2"), wait("later"), name="Logged"))
    shared.wait(run)

    with shared.db.read() as tx:
        failed, completed = [
            row[0] for row in tx.all("SELECT message FROM log WHERE message LIKE '%\"Logged%' ORDER BY id")
        ]
    assert failed == 'Process run "Logged : run #1" failed at step 1.2 "bad": no balance: left 1, right 2'
    assert completed.startswith('Process run "Logged : run #1" has completed in ')


def test_the_history_of_a_run_says_where_it_failed(shared: World) -> None:
    run = shared.begin(process(wait("a"), fail("bad", "no balance"), wait("later")))
    shared.wait(run)

    detail = shared.history(run)[-1].detail
    assert [step["completionMessage"] for step in detail["failed"]["steps"]] == ["no balance"]
    assert [step["name"] for step in detail["notCompleted"]["steps"]] == ["later"]


def test_an_end_is_told_once_however_often_it_is_recorded(sender: Sender) -> None:
    run = ended(sender, fail("bad"))
    revision = sender.world.history(run)[-1].revision
    end = RunEnd(run=run, revision=revision, target="close@example.com")

    sender.world.db.write(lambda tx: outbox.add_ends(tx, [end], sender.clock.now()))

    assert sender.waiting() == 1


def test_a_failing_run_without_an_address_tells_nobody(sender: Sender) -> None:
    sender.world.wait(sender.world.begin(process(data("in", item("n")), fail("bad"))))

    assert sender.waiting() == 0


def test_a_mail_server_that_never_answers_holds_up_no_run(sender: Sender) -> None:
    ended(sender, fail("bad"))
    with socket.create_server(("127.0.0.1", 0)) as mute, ThreadPoolExecutor(1) as threads:
        sender.mail_server.port = mute.getsockname()[1]
        sending = threads.submit(sender.tick)
        connection, _ = mute.accept()

        run = ended(sender, fail("bad_too"))
        assert not sending.done()
        connection.close()

        assert sending.result(10)
    assert sender.world.run(run).outcome == "Failed"
    assert sender.waiting() == 2
    assert sender.checks()["mail"][0] == "warning"

"""Mail to users, by a real mail server on loopback: encrypted, at least once, a link that works and dies with the next."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from procession import config, smtp
from procession.clock import ManualClock
from procession.model.errors import NotFound
from procession.model.ids import UserId
from procession.model.people import AccountStatus, User, UserRole
from procession.operations import letters, links, people
from procession.operations.alerts import Letter
from procession.operations.home_time import HomeClock
from procession.operations.letters import NotSent
from procession.store import migrations, outbox
from procession.store import people as people_store
from procession.store.database import Database
from procession.store.sqlite import SqliteDatabase
from tests import support
from tests.docs import blocks
from tests.mail_server import MailServer, served
from tests.programs import apply_text, ask, command, sign_in
from tests.programs import serving as serving_program
from tests.store import furnished
from tests.support import wait_until

PUBLIC = "https://procession.example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return support.certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def mail_server(certificate: tuple[Path, Path]) -> Iterator[MailServer]:
    yield from served(certificate)


@dataclass(slots=True, kw_only=True)
class Sender:
    """A user to whom a mail is due, and what sends it."""

    database: Database
    clock: ManualClock
    user: User
    server: config.SmtpServer

    def tick(self) -> bool:
        def send(letter: Letter) -> None:
            smtp.send(self.server, letter)

        return letters.tick(
            letters.Sending(
                database=self.database,
                send=send,
                public_url=PUBLIC,
                clock=self.clock.now,
                home_clock=HomeClock(self.clock),
            )
        )

    def owner_of(self, link: str) -> UserId:
        with self.database.read() as tx:
            return links.find(tx, link, self.clock.now()).id

    def waits(self) -> bool:
        with self.database.read() as tx:
            return outbox.next_due(tx, self.clock.now() + timedelta(days=1)) is not None


@pytest.fixture
def sender(
    tmp_path: Path, clock: ManualClock, mail_server: MailServer, certificate: tuple[Path, Path]
) -> Iterator[Sender]:
    furnished.place(tmp_path / "mail.sqlite")
    database = SqliteDatabase(tmp_path / "mail.sqlite", on_fatal=lambda reason: None)
    migrations.migrate(database, clock.now())
    user = database.write(
        lambda tx: people.create_user(
            tx, email="mona@example.com", first_name="Móna", last_name="Benson", role=UserRole.DESIGNER, now=clock.now()
        )
    )
    database.write(lambda tx: outbox.add_link(tx, user.id, clock.now()))
    environment = {
        "PROCESSION_SMTP_URL": f"smtp://procession:pass%20word@127.0.0.1:{mail_server.port}?starttls=1",
        "PROCESSION_MAIL_FROM": "procession@example.com",
        "PROCESSION_CA_FILE": str(certificate[0]),
    }
    server = config.read(environment).smtp
    assert server is not None
    yield Sender(database=database, clock=clock, user=user, server=server)
    database.close()


def link_in(text: str) -> str:
    found = re.search(r"/oauth/password\?link=(\S+)", text)
    assert found is not None, text
    return found[1]


def test_the_user_is_sent_a_link_that_sets_the_password(sender: Sender, mail_server: MailServer) -> None:
    assert sender.tick()

    (raw,) = mail_server.received
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert (message["To"], message["From"]) == ("Móna Benson <mona@example.com>", "procession@example.com")
    (text,) = mail_server.texts()
    assert text.startswith("Hello Móna,")
    assert f"{PUBLIC}/oauth/password?link={link_in(text)}" in text
    assert sender.owner_of(link_in(text)) == sender.user.id
    assert (sender.waits(), sender.tick()) == (False, False)


def test_a_server_that_refuses_is_asked_again_later_with_a_new_link(sender: Sender, mail_server: MailServer) -> None:
    mail_server.says = "451 not now"
    assert sender.tick()
    assert not sender.tick()  # not before a minute is over

    mail_server.says = "250 OK"
    sender.clock.advance(61)
    assert sender.tick()

    (text,) = mail_server.texts()
    assert sender.owner_of(link_in(text)) == sender.user.id
    assert not sender.waits()


def test_a_clock_that_is_set_back_keeps_no_mail_waiting_for_what_it_showed(
    sender: Sender, mail_server: MailServer
) -> None:
    # celery/celery#4920: periodic tasks stood still after the time was set back by NTP.
    sender.clock.jump(-86_400)

    assert sender.tick()

    assert len(mail_server.received) == 1


def test_after_a_crash_between_sending_and_noting_it_the_second_link_is_the_one_that_works(
    sender: Sender, mail_server: MailServer
) -> None:
    sender.tick()
    sender.database.write(
        lambda tx: outbox.add_link(tx, sender.user.id, sender.clock.now())
    )  # as if it had not been removed
    sender.tick()

    first, second = map(link_in, mail_server.texts())
    assert sender.owner_of(second) == sender.user.id
    with pytest.raises(NotFound):
        sender.owner_of(first)


def test_a_mail_that_nobody_takes_is_given_up_after_days(sender: Sender, mail_server: MailServer) -> None:
    mail_server.says = "550 no such user"
    for _ in range(letters.TRIES_MAX + 1):
        assert sender.tick()
        sender.clock.advance(3_601)

    assert not sender.waits()


def test_who_was_suspended_meanwhile_is_sent_nothing(sender: Sender, mail_server: MailServer) -> None:
    sender.database.write(
        lambda tx: people_store.change_user(tx, structs.replace(sender.user, status=AccountStatus.SUSPENDED))
    )

    assert sender.tick()

    assert (mail_server.received, sender.waits()) == ([], False)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ca_file": None}, "CERTIFICATE_VERIFY_FAILED"),
        ({"password": "wrong"}, "535"),
        ({"security": "", "user": ""}, "530"),
        ({"port": 1}, "refused"),
    ],
)
def test_nothing_leaves_unproved_and_unencrypted(
    sender: Sender, mail_server: MailServer, change: dict[str, object], why: str
) -> None:
    letter = Letter(address=sender.user.email, subject="A", text="a link\n", at=sender.clock.now())

    with pytest.raises(NotSent, match=why):
        smtp.send(replace(sender.server, **change), letter)  # type: ignore[arg-type]

    assert mail_server.received == []


def test_a_user_who_is_made_over_the_api_is_mailed_by_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextmanager(served)(None) as mail_server:
        monkeypatch.setenv("PROCESSION_SMTP_URL", f"smtp://127.0.0.1:{mail_server.port}")
        monkeypatch.setenv("PROCESSION_MAIL_FROM", "procession@example.com")
        with serving_program(tmp_path / "home") as server:
            client = sign_in(tmp_path / "home", server.address)
            fields = {"firstName": "Mona", "lastName": "Benson", "userRole": "Designer"}
            zone = {"timezone": "(UTC+10:00) Canberra, Melbourne, Sydney"}
            made = client.json("POST", "users", {"email": "mona@example.com", **fields, **zone})
            assert "setPasswordLink" not in made
            wait_until(lambda: bool(mail_server.received))
            page = ask("GET", f"{server.address}/oauth/password?link={link_in(mail_server.texts()[0])}")
            assert page.status == 200


FAILING = """
process: Close
alert: {email: close@example.com}
groups:
  - group: All
    steps: [{action: fail, name: Balance, with: {message: left and right differ}}]
"""


@pytest.fixture
def takes_mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with contextmanager(served)(None) as mail_server:
        monkeypatch.setenv("PROCESSION_SMTP_URL", f"smtp://127.0.0.1:{mail_server.port}")
        monkeypatch.setenv("PROCESSION_MAIL_FROM", "procession@example.com")
        monkeypatch.setenv("PROCESSION_PUBLIC_URL", PUBLIC)
        yield mail_server


def test_a_server_alerts_of_a_run_that_failed(tmp_path: Path, takes_mail: MailServer) -> None:
    home = tmp_path / "home"
    apply_text(home, FAILING)
    with serving_program(home):
        command(home, "run", "Close", "--wait")
        wait_until(lambda: bool(takes_mail.received))

    (text,) = takes_mail.texts()
    assert 'Failed: step 1.1 "Balance"' in text
    assert f"{PUBLIC}/runs/pr-1" in text


def test_run_wait_without_a_server_alerts_before_it_ends(tmp_path: Path, takes_mail: MailServer) -> None:
    apply_text(tmp_path / "home", FAILING)

    said = command(tmp_path / "home", "run", "Close", "--wait")

    assert (said.code, said.err) == (1, "")
    assert len(takes_mail.received) == 1


def test_doctor_tells_who_is_not_alerted_and_of_what(
    tmp_path: Path, takes_mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    apply_text(home, FAILING.replace("example.com}", "example.com, sms: '+61 4'}"))
    takes_mail.says = "452 the disk is full"
    command(home, "run", "Close", "--wait")

    refused = command(home, "doctor").out
    monkeypatch.delenv("PROCESSION_SMTP_URL")
    unset = command(home, "doctor").out

    assert "mail: 1 mails wait: pr-1 to close@example.com (1 tries: SMTPDataError: (452," in refused
    assert 'mail: PROCESSION_SMTP_URL is not set, so nobody is told of the runs of "Close"; 1 mails wait' in unset
    assert 'SMS: this release sends no SMS, which the alerts of "Close" ask for' in unset


def test_the_mail_is_the_one_that_the_documentation_shows(tmp_path: Path, takes_mail: MailServer) -> None:
    file, _, shown = blocks.read(blocks.ROOT / "docs" / "alerts.md")
    apply_text(tmp_path / "home", file.text)

    command(tmp_path / "home", "run", "Month end", "--wait")

    message = takes_mail.messages()[0]
    sent = f"Subject: {message['Subject']}\n\n{message.get_content()}".splitlines()
    assert [_undated(line) for line in sent] == [_undated(line) for line in shown.text.splitlines()]
    assert {str(message["To"]) for message in takes_mail.messages()} == {"close@example.com", "cfo@example.com"}


def _undated(line: str) -> str:
    return re.sub(r"^Ended: [0-9: -]{19} UTC", "Ended: then", line)


def test_a_name_of_a_process_that_is_an_encoded_word_writes_no_header(sender: Sender, mail_server: MailServer) -> None:
    """RFC 2047 lets a text hold a line break; the standard library decodes it, and writes it as it is."""
    word = "=?utf-8?q?a=0d=0aX-Evil=3a_1=0d=0a=0d=0abody?="
    letter = Letter(
        address=sender.user.email, name=word, subject=f"{word} has failed", text="a link\n", at=sender.clock.now()
    )

    smtp.send(sender.server, letter)

    assert b"X-Evil:" not in mail_server.received[0]
    assert mail_server.messages()[0]["X-Evil"] is None

"""Mail to users, by a real mail server on loopback: encrypted, at least once, a link that works and dies with the next."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from procession import config, mail
from procession.clock import ManualClock
from procession.model.errors import NotFound
from procession.model.ids import UserId
from procession.model.people import AccountStatus, Mail, User, UserRole
from procession.operations import letters, links, people
from procession.operations.letters import Letter, NotSent
from procession.store import mail as mail_store
from procession.store import migrations
from procession.store import people as people_store
from procession.store.database import Database
from tests import support
from tests.programs import ask, sign_in
from tests.programs import serving as serving_program
from tests.support import wait_until

PUBLIC = "https://procession.example.com"


@dataclass(slots=True)
class Office:
    """A mail server that keeps what it is handed; `says` is its answer to a message."""

    port: int = 0
    received: list[bytes] = field(default_factory=list)
    says: str = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        if self.says.startswith("250"):
            self.received.append(envelope.content)
        return self.says

    def texts(self) -> list[str]:
        messages = [email.message_from_bytes(item, policy=email.policy.default) for item in self.received]
        return [str(message.get_content()) for message in messages]


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
    assert isinstance(given, LoginPassword)
    return AuthResult(success=given == LoginPassword(b"procession", b"pass word"), handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return support.certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def office(certificate: tuple[Path, Path]) -> Iterator[Office]:
    yield from served(certificate)


def served(certificate: tuple[Path, Path] | None) -> Iterator[Office]:
    """With a certificate it asks for STARTTLS and a password; without one it takes everything as it is."""
    made = Office()
    more: dict[str, object] = {}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        more = {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": authenticate,
        }
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(
        loop.create_server(lambda: SMTP(made, loop=loop, hostname="localhost", **more), "127.0.0.1", 0)  # type: ignore[arg-type]
    )
    made.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        loop.run_until_complete(end_connections())
        loop.close()


async def end_connections() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@dataclass(slots=True, kw_only=True)
class Desk:
    """A user to whom a mail is due, and what sends it."""

    database: Database
    clock: ManualClock
    user: User
    server: config.SmtpServer

    def tick(self) -> bool:
        def send(letter: Letter) -> None:
            mail.send(self.server, letter)

        return letters.tick(letters.Sending(database=self.database, send=send, public_url=PUBLIC, clock=self.clock.now))

    def owner_of(self, link: str) -> UserId:
        with self.database.read() as tx:
            return links.find(tx, link, self.clock.now()).id

    def waits(self) -> bool:
        with self.database.read() as tx:
            return mail_store.next_due(tx, self.clock.now() + timedelta(days=1)) is not None


@pytest.fixture
def desk(tmp_path: Path, clock: ManualClock, office: Office, certificate: tuple[Path, Path]) -> Iterator[Desk]:
    database = Database(tmp_path / "mail.sqlite", on_fatal=lambda reason: None)
    migrations.migrate(database, clock.now())
    user = database.write(
        lambda tx: people.create_user(
            tx, email="mona@example.com", first_name="Móna", last_name="Benson", role=UserRole.DESIGNER, now=clock.now()
        )
    )
    database.write(lambda tx: mail_store.add(tx, user.id, clock.now()))
    environment = {
        "PROCESSION_SMTP_URL": f"smtp://procession:pass%20word@127.0.0.1:{office.port}?starttls=1",
        "PROCESSION_MAIL_FROM": "procession@example.com",
        "PROCESSION_CA_FILE": str(certificate[0]),
    }
    server = config.read(environment).smtp
    assert server is not None
    yield Desk(database=database, clock=clock, user=user, server=server)
    database.close()


def link_in(text: str) -> str:
    found = re.search(r"/oauth/password\?link=(\S+)", text)
    assert found is not None, text
    return found[1]


def test_the_user_is_sent_a_link_that_sets_the_password(desk: Desk, office: Office) -> None:
    assert desk.tick()

    (raw,) = office.received
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert (message["To"], message["From"]) == ("Móna Benson <mona@example.com>", "procession@example.com")
    (text,) = office.texts()
    assert text.startswith("Hello Móna,")
    assert f"{PUBLIC}/oauth/password?link={link_in(text)}" in text
    assert desk.owner_of(link_in(text)) == desk.user.id
    assert (desk.waits(), desk.tick()) == (False, False)


def test_a_server_that_refuses_is_asked_again_later_with_a_new_link(desk: Desk, office: Office) -> None:
    office.says = "451 not now"
    assert desk.tick()
    assert not desk.tick()  # not before a minute is over

    office.says = "250 OK"
    desk.clock.advance(61)
    assert desk.tick()

    (text,) = office.texts()
    assert desk.owner_of(link_in(text)) == desk.user.id
    assert not desk.waits()


def test_after_a_crash_between_sending_and_noting_it_the_second_link_is_the_one_that_works(
    desk: Desk, office: Office
) -> None:
    with desk.database.read() as tx:
        due = mail_store.next_due(tx, desk.clock.now())
    desk.tick()
    assert due is not None
    desk.database.write(lambda tx: mail_store.add(tx, due.user, desk.clock.now()))  # as if it had not been removed
    desk.tick()

    first, second = map(link_in, office.texts())
    assert desk.owner_of(second) == desk.user.id
    with pytest.raises(NotFound):
        desk.owner_of(first)


def test_a_mail_that_nobody_takes_is_given_up_after_days(desk: Desk, office: Office) -> None:
    office.says = "550 no such user"
    for _ in range(letters.TRIES_MAX + 1):
        assert desk.tick()
        desk.clock.advance(3_601)

    assert not desk.waits()


def test_who_was_suspended_meanwhile_is_sent_nothing(desk: Desk, office: Office) -> None:
    desk.database.write(lambda tx: people_store.change_user(tx, replace(desk.user, status=AccountStatus.SUSPENDED)))

    assert desk.tick()

    assert (office.received, desk.waits()) == ([], False)


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
    desk: Desk, office: Office, change: dict[str, object], why: str
) -> None:
    letter = Letter(mail=mail_of(desk), user=desk.user, link=f"{PUBLIC}/oauth/password?link=x")

    with pytest.raises(NotSent, match=why):
        mail.send(replace(desk.server, **change), letter)  # type: ignore[arg-type]

    assert office.received == []


def mail_of(desk: Desk) -> Mail:
    with desk.database.read() as tx:
        found = mail_store.next_due(tx, desk.clock.now())
    assert found is not None
    return found


def test_a_user_who_is_made_over_the_api_is_mailed_by_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextmanager(served)(None) as office:
        monkeypatch.setenv("PROCESSION_SMTP_URL", f"smtp://127.0.0.1:{office.port}")
        monkeypatch.setenv("PROCESSION_MAIL_FROM", "procession@example.com")
        with serving_program(tmp_path / "home") as server:
            client = sign_in(tmp_path / "home", server.address)
            fields = {"firstName": "Mona", "lastName": "Benson", "userRole": "Designer"}
            zone = {"timezone": "(UTC+10:00) Canberra, Melbourne, Sydney"}
            made = client.json("POST", "users", {"email": "mona@example.com", **fields, **zone})
            assert "setPasswordLink" not in made
            wait_until(lambda: bool(office.received))
            page = ask("GET", f"{server.address}/oauth/password?link={link_in(office.texts()[0])}")
            assert page.status == 200

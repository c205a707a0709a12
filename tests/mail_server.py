"""A real mail server on loopback, for tests: it keeps what it is handed, and says what it is told to say."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass  # without slots: aiosmtpd inspects its members, where those of Python 3.11.2 are in the way
class MailServer:
    """A mail server that keeps what it is handed; `says` is its answer to a message, `goodbye` to QUIT.

    It knows no `strangers`.
    """

    port: int = 0
    received: list[bytes] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    says: str = "250 OK"
    goodbye: str = "221 Bye"
    strangers: set[str] = field(default_factory=set)
    says_to: dict[str, str] = field(default_factory=dict)  # another answer, by receiver

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.strangers:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        says = next((self.says_to[one] for one in envelope.rcpt_tos if one in self.says_to), self.says)
        if says.startswith("250"):
            self.received.append(envelope.content)
            self.receivers.append(list(envelope.rcpt_tos))
        return says

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.goodbye

    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(item, policy=email.policy.default) for item in self.received]

    def texts(self) -> list[str]:
        return [str(message.get_content()) for message in self.messages()]


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
    assert isinstance(given, LoginPassword)
    return AuthResult(success=given == LoginPassword(b"procession", b"pass word"), handled=False)


def served(certificate: tuple[Path, Path] | None) -> Iterator[MailServer]:
    """With a certificate it asks for STARTTLS and a password; without one it takes everything as it is."""
    made = MailServer()
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
        loop.create_server(partial(SMTP, made, loop=loop, hostname="localhost", **more), "127.0.0.1", 0)  # type: ignore[arg-type]
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

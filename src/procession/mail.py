"""Mail by SMTP, encrypted wherever it leaves this machine: what we send holds links that set passwords."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid
from functools import partial

from procession.clock import Clock
from procession.config import Settings, SmtpServer
from procession.loops import TickLoop
from procession.model.ends import one_line
from procession.operations import letters
from procession.operations.alerts import Letter
from procession.operations.home_time import HomeClock
from procession.operations.letters import NotSent
from procession.store.database import Database

REST_SECONDS = 15.0  # between two looks for mail that a command has left, or that is due again
SECONDS_MAX = 20.0  # for each answer of the mail server


def loop(
    settings: Settings, database: Database, clock: Clock, home_clock: HomeClock, *, address: str
) -> TickLoop | None:
    """The loop that sends mail; None if no mail is sent. Mail interrupted by the server's end is sent again."""
    found = sending(settings, database, clock, home_clock, address=address)
    return None if found is None else TickLoop("mail", partial(letters.tick, found), rest_seconds=REST_SECONDS)


def sending(
    settings: Settings, database: Database, clock: Clock, home_clock: HomeClock, *, address: str
) -> letters.Sending | None:
    """Settings for sending; None without a mail server. `address`: for links if no public URL is set."""
    server = settings.smtp
    if server is None:
        return None
    return letters.Sending(
        database=database,
        send=partial(send, server),
        public_url=settings.public_url or address,
        clock=clock.now,
        home_clock=home_clock,
    )


def send(server: SmtpServer, letter: Letter) -> None:
    """Raises NotSent."""
    try:
        smtp = _connected(server)
        try:
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(message(server, letter), to_addrs=[letter.address])
        finally:
            _leave(smtp)
    # ssl's errors are OSErrors; a ValueError is an address or a header that cannot be written.
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotSent(f"{type(error).__name__}: {error}"[:500]) from error


def _leave(smtp: smtplib.SMTP) -> None:
    """Says goodbye; a bad answer to that must not send the mail again."""
    with suppress(OSError, smtplib.SMTPException):
        smtp.quit()
    smtp.close()


def _connected(server: SmtpServer) -> smtplib.SMTP:
    # Of the system's certificates, if no file is set; names are checked in both cases.
    context = ssl.create_default_context(cafile=None if server.ca_file is None else str(server.ca_file))
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS_MAX, context=context)
    smtp = smtplib.SMTP(server.host, server.port, timeout=SECONDS_MAX)
    try:
        if server.security == "starttls":
            smtp.starttls(context=context)
    except BaseException:
        smtp.close()
        raise
    return smtp


def message(server: SmtpServer, letter: Letter) -> EmailMessage:
    """What the receiver reads, as bytes that every mail server takes."""
    domain = server.sender.rpartition("@")[2]
    written = EmailMessage()
    written["Subject"] = letter.subject
    written["From"] = server.sender
    written["To"] = formataddr((one_line(letter.name), letter.address))
    written["Date"] = format_datetime(letter.at)
    # The same for each try of a letter: a receiver that gets two of them can tell.
    written["Message-ID"] = f"<{letter.key}@{domain}>" if letter.key else make_msgid(domain=domain)
    # No answering machine answers to it (RFC 3834).
    written["Auto-Submitted"] = "auto-generated"
    # Not 8bit: a mail server without 8BITMIME may refuse it (RFC 6152).
    written.set_content(letter.text, cte="quoted-printable")
    return written

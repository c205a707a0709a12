"""Mail by SMTP, encrypted wherever it leaves this machine: what we send holds links that set passwords."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formataddr, make_msgid

from procession.clock import Clock
from procession.config import Settings, SmtpServer
from procession.loops import Loop
from procession.operations import letters
from procession.operations.letters import Letter, NotSent
from procession.operations.links import LINK_DAYS
from procession.store.database import Database

REST_SECONDS = 15.0  # between two looks for mail that a command has left, or that is due again
SECONDS_MAX = 20.0  # for each answer of the mail server

SUBJECT = "Set your password for Procession"
TEXT = """Hello {first_name},

set the password of your account {login} here:

{link}

The link works once, for {days} days. If you did not expect this message, you need do nothing.
"""


def begin(settings: Settings, database: Database, clock: Clock, address: str) -> Loop | None:
    """Send from now on; None where no mail is sent. A mail under way when the server ends is sent again."""
    server = settings.smtp
    if server is None:
        return None
    sending = letters.Sending(
        database=database,
        send=lambda letter: send(server, letter),
        public_url=settings.public_url or address,
        clock=clock.now,
    )
    loop = Loop("mail", lambda: letters.tick(sending), rest_seconds=REST_SECONDS)
    loop.start()
    return loop


def send(server: SmtpServer, letter: Letter) -> None:
    """Raises NotSent."""
    try:
        with _connected(server) as smtp:
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(message(server, letter))
    except (OSError, smtplib.SMTPException) as error:  # ssl's errors are OSErrors
        raise NotSent(f"{type(error).__name__}: {error}"[:500]) from error


def _connected(server: SmtpServer) -> smtplib.SMTP:
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
    """What the user reads."""
    user = letter.user
    written = EmailMessage()
    written["Subject"] = SUBJECT
    written["From"] = server.sender
    written["To"] = formataddr((f"{user.first_name} {user.last_name}", user.email))
    written["Message-ID"] = make_msgid(domain=server.sender.rpartition("@")[2])
    written.set_content(TEXT.format(first_name=user.first_name, login=user.login, link=letter.link, days=LINK_DAYS))
    return written

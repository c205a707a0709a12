"""Sends a letter by SMTP, encrypted wherever it leaves this machine: what we send holds links that set passwords.

Loaded where a mail server is set (procession/mail.py): the standard library's `email` takes 2 MB.
"""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid

from procession.config import SmtpServer
from procession.model.ends import one_line
from procession.operations.alerts import Letter
from procession.operations.letters import NotSent

SECONDS_MAX = 20.0  # for each answer of the mail server


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
    if not server.security:
        return smtplib.SMTP(server.host, server.port, timeout=SECONDS_MAX)
    # Of the system's certificates, if no file is set; names are checked in both cases.
    context = ssl.create_default_context(cafile=None if server.ca_file is None else str(server.ca_file))
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS_MAX, context=context)
    smtp = smtplib.SMTP(server.host, server.port, timeout=SECONDS_MAX)
    try:
        smtp.starttls(context=context)
    except BaseException:
        smtp.close()
        raise
    return smtp


def message(server: SmtpServer, letter: Letter) -> EmailMessage:
    """What the receiver reads, as bytes that every mail server takes."""
    domain = server.sender.rpartition("@")[2]
    written = EmailMessage()
    # No encoded words (RFC 2047): the standard library would decode them, line breaks included, into further headers.
    written["Subject"] = letter.subject.replace("=?", "= ?")
    written["From"] = server.sender
    written["To"] = formataddr((one_line(letter.name).replace("=?", "= ?"), letter.address))
    written["Date"] = format_datetime(letter.at)
    # The same for each try of a letter: a receiver that gets two of them can tell.
    written["Message-ID"] = f"<{letter.key}@{domain}>" if letter.key else make_msgid(domain=domain)
    # No answering machine answers to it (RFC 3834).
    written["Auto-Submitted"] = "auto-generated"
    # Not 8bit: a mail server without 8BITMIME may refuse it (RFC 6152).
    written.set_content(letter.text, cte="quoted-printable")
    # After the text, whose lines stay short. Headers are not folded: the standard library adds blanks to encoded words
    # where it does, and empty ones, which some mail servers refuse (python/cpython#136052, #144156).
    written.policy = written.policy.clone(max_line_length=900)
    return written

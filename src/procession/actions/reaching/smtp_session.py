"""Hands mails to a mail server, to an address that was checked, with TLS whose certificate is verified.

A mail goes in two steps: who gets it is agreed on first, which has no effect; then it is handed over.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.reaching import addresses
from procession.actions.reaching.watches import TimeWatch

ANSWER_SECONDS_MAX = 60.0
MAIL_SECONDS_MAX = 300.0  # for the whole of a mail, its files included (RFC 5321, 4.5.3.2)


class MailRefused(Problem):
    """The mail server does not take it. `is_for_now`: it may later; `ends_all`: it takes no other either."""

    def __init__(self, text: str, *, is_for_now: bool = False, ends_all: bool = False) -> None:
        super().__init__(text)
        self.is_for_now = is_for_now
        self.ends_all = ends_all


class MailInDoubt(Problem):
    """It was being handed over when the connection ended: nobody knows whether it arrived."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """Who gets the mail that is handed over next, and who was refused, with the server's words."""

    accepted: tuple[str, ...]
    refused: dict[str, str]


class _CheckedSmtp(smtplib.SMTP):
    """Connects to the addresses that were checked, and looks no name up."""

    def __init__(self, places: tuple[addresses.CheckedAddress, ...], context: ssl.SSLContext | None, name: str) -> None:
        self._places, self._tls = places, context
        # A name of its own: the standard library would look one up, for as long as that takes.
        super().__init__(places[0].host, places[0].port, local_hostname=name, timeout=ANSWER_SECONDS_MAX)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = addresses.connect(self._places, seconds_max=timeout)
        made.settimeout(timeout)
        return made if self._tls is None else self._tls.wrap_socket(made, server_hostname=host)


class MailSession:
    """One connection for all mails; made anew where the server has closed it between two of them."""

    def __init__(self, connection: ConnectionInput) -> None:
        self._connection = connection
        self._options: dict[str, Any] = connection.options
        self._smtp: smtplib.SMTP | None = None
        is_open = self._options.get("security", "starttls") == "none"
        if is_open and connection.secrets.get("password") and not connection.private_hosts:
            raise Problem(
                f"{connection.called} would send its password without TLS; its security must be starttls or tls"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def agree(self, sender: str, receivers: tuple[str, ...]) -> Agreed:
        """Begins a mail to them; nothing is sent yet. Raises MailRefused where nobody can get it."""
        # One that was left open may have been closed by the server: then a new one, once.
        for may_be_closed in (self._smtp is not None, False):
            with TimeWatch(MAIL_SECONDS_MAX) as watch:
                try:
                    return self._agree(self._connected(watch), sender, receivers)
                except (OSError, smtplib.SMTPException, ValueError) as error:
                    self._leave()
                    if not (may_be_closed and isinstance(error, smtplib.SMTPServerDisconnected)):
                        raise self._failed(error, watch) from error
        raise AssertionError("the second has ended in one way or the other")

    def _agree(self, smtp: smtplib.SMTP, sender: str, receivers: tuple[str, ...]) -> Agreed:
        code, words = smtp.mail(sender)
        if code != 250:
            smtp.rset()
            said = f"{self._host} does not take mail from {sender}: {_told(code, words)}"
            raise MailRefused(said, is_for_now=code < 500, ends_all=True)
        accepted: list[str] = []
        refused: dict[str, str] = {}
        codes: list[int] = []
        for receiver in receivers:
            code, words = smtp.rcpt(receiver)
            if code in {250, 251}:
                accepted.append(receiver)
                continue
            refused[receiver] = _told(code, words)
            codes.append(code)
            # It closes after this (RFC 5321, 3.8): what was agreed so far is void.
            if code == 421:
                self._leave()
                raise MailRefused(f"{self._host} takes no more: {_told(code, words)}", is_for_now=True, ends_all=True)
        if not accepted:
            smtp.rset()
            said = "; ".join(f"{one}: {words}" for one, words in refused.items())
            raise MailRefused(said, is_for_now=any(code < 500 for code in codes))
        return Agreed(tuple(accepted), refused)

    def hand_over(self, content: bytes) -> None:
        """Sends what was agreed on. Raises MailRefused where it was not taken, MailInDoubt where nobody knows."""
        smtp = self._smtp
        assert smtp is not None, "it was agreed on over this connection"
        with TimeWatch(MAIL_SECONDS_MAX) as watch:
            watch.add(smtp.sock)  # type: ignore[arg-type]  # it is connected
            try:
                code, words = smtp.data(content)
            except smtplib.SMTPDataError as error:
                code, words = error.smtp_code, error.smtp_error  # type: ignore[assignment]  # bytes, whatever is declared
            except (OSError, smtplib.SMTPException) as error:
                self._leave()
                why = watch.words if watch.is_over else str(error) or type(error).__name__
                raise MailInDoubt(
                    f"the connection to {self._host} ended while the mail was handed over: {why}"
                ) from error
        if code != 250:
            if code == 421:
                self._leave()
            raise MailRefused(f"{self._host} does not take it: {_told(code, words)}", is_for_now=code < 500)

    def _connected(self, watch: TimeWatch) -> smtplib.SMTP:
        if self._smtp is None:
            self._smtp = self._connect(watch)
        watch.add(self._smtp.sock)  # type: ignore[arg-type]  # it is connected
        return self._smtp

    def _connect(self, watch: TimeWatch) -> smtplib.SMTP:
        options, private = self._options, self._connection.private_hosts
        places = addresses.find(options["host"], int(options.get("port", 587)), private_hosts=private)
        security = options.get("security", "starttls")
        context = None if security == "none" else ssl.create_default_context()
        made = _CheckedSmtp(places, context if security == "tls" else None, _name(str(options["sender"])))
        # No "STARTTLS if there is": whoever stands between would only have to leave it out.
        try:
            watch.add(made.sock)  # type: ignore[arg-type]
            if security == "starttls":
                made.starttls(context=context)
                watch.add(made.sock)  # type: ignore[arg-type]
            made.ehlo_or_helo_if_needed()
            if options.get("user"):
                made.login(str(options["user"]), self._connection.secrets.get("password", ""))
        except BaseException:
            made.close()
            raise
        return made

    def _leave(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()

    @property
    def _host(self) -> str:
        return str(self._options["host"])

    def _failed(self, error: Exception, watch: TimeWatch) -> Problem:
        if isinstance(error, smtplib.SMTPAuthenticationError):
            # Not its words: some servers repeat what they were given.
            return MailRefused(f"{self._host} does not accept user and password ({error.smtp_code})", ends_all=True)
        if isinstance(error, smtplib.SMTPResponseException):
            said = _told(error.smtp_code, error.smtp_error)
            return MailRefused(f"{self._host}: {said}", is_for_now=error.smtp_code < 500, ends_all=True)
        why = watch.words if watch.is_over else str(error) or type(error).__name__
        return MailRefused(f"{self._host} does not answer: {why}", is_for_now=True, ends_all=True)


def _name(sender: str) -> str:
    """What we call ourselves: the domain that mails come from."""
    domain = sender.rstrip(">").rpartition("@")[2]
    return domain if domain.isascii() and domain else "localhost"


def _told(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return f"{code} {line[:200]}".strip()

"""The mails of a step of send_email: made before any is sent, handed over one by one, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from procession.actions import naming, references
from procession.actions.contract import Context, FileInput
from procession.actions.problems import Problem, ShownProblem
from procession.actions.reaching import acts, mails
from procession.actions.reaching.acts import Acts
from procession.actions.reaching.filling import fill, given_of
from procession.actions.reaching.mail_settings import SendEmailSettings
from procession.actions.reaching.mails import Mail
from procession.actions.reaching.smtp_session import MailInDoubt, MailRefused, MailSession

_EARLIER, _SENT, _REFUSED, _FAILED, _DOUBT = "sent by an earlier try", "sent", "refused", "failed", "in doubt"


@dataclass(slots=True, kw_only=True)
class Mailing:
    """The mails of one step, and what became of them."""

    context: Context
    mails: Mapping[int, Mail]  # by row; 0 for the only one
    parts: list[EmailMessage]
    sender: Address
    warnings: list[str] = field(default_factory=list)
    told: list[tuple[int, str, str, str | None]] = field(default_factory=list)  # row, address, status, words
    failure: str = ""

    @property
    def sent(self) -> int:
        return sum(status in {_SENT, _EARLIER} for _, _, status, _ in self.told)

    def send(self, session: MailSession) -> None:
        """All of them in order, until one fails that may not be passed by."""
        done = Acts(self.context)
        # By receivers alone: who got a mail got it, and a corrected word in it is no reason to send it again.
        done.require({row: acts.digest(*mail.receivers) for row, mail in self.mails.items()})
        for number, (row, mail) in enumerate(self.mails.items(), start=1):
            status, words = self._send(session, done, row, mail)
            self.told.append((row, "; ".join(mail.receivers), status, words))
            self.context.progress(number / len(self.mails), f"mail {number} of {len(self.mails)}")
            if self.failure:
                return

    def _send(self, session: MailSession, done: Acts, row: int, mail: Mail) -> tuple[str, str | None]:
        place = f"row {row}: " if row else ""
        if done.result(row) is not None:
            return _EARLIER, None
        if done.is_in_doubt(row) and self.context.settings.in_doubt == "skip":
            self.warnings.append(f"{place}may have been sent by an earlier try, and was not sent again")
            return _DOUBT, "not sent again"
        try:
            agreed = session.agree(self.sender.addr_spec, mail.receivers)
        except MailRefused as refused:
            return self._refused(place, refused)
        # Only now: who was refused is not in the journal, and may be asked again by any try.
        key = done.key(row, self._key(row))
        content = mails.content(mail, self.parts, sender=self.sender, key=key)
        done.begin(row, acts.digest(*mail.receivers), key)
        try:
            session.hand_over(content)
        except MailRefused as refused:
            done.undone(row)
            return self._refused(place, refused)
        except MailInDoubt as doubt:
            self.failure = f"{place}{doubt}; it may have arrived all the same"
            return _DOUBT, str(doubt)
        done.done(row)
        refusals = "; ".join(f"{one}: {words}" for one, words in agreed.refused.items())
        if refusals:
            self.warnings.append(f"{place}was not sent to {refusals}")
        return _SENT, refusals or None

    def _refused(self, place: str, refused: MailRefused) -> tuple[str, str]:
        # What is refused for good is another row's good luck; what is refused for now, or to all, ends the step.
        if refused.is_for_now or refused.ends_all or len(self.mails) == 1:
            self.failure = f"{place}{refused}"
            return _FAILED, str(refused)
        self.warnings.append(f"{place}was refused: {refused}")
        return _REFUSED, str(refused)

    def _key(self, row: int) -> str:
        return f"{self.context.idempotency_key}/{row}"

    def message(self) -> str:
        """What became of all of them. Raises ShownProblem where the step fails."""
        earlier = sum(status == _EARLIER for _, _, status, _ in self.told)
        by_others = f", {earlier} of them by an earlier try" if earlier else ""
        total = len(self.mails)
        said = f"{self.sent} of {total} {'mail' if total == 1 else 'mails'} sent{by_others}"
        if self.failure:
            raise ShownProblem(f"{self.failure} ({said})")
        if self.told and not any(status in {_SENT, _EARLIER, _DOUBT} for _, _, status, _ in self.told):
            raise ShownProblem(f"every mail was refused: {self.warnings[0]} ({said})")
        return said


def shown(warnings: list[str], count: int = 5) -> list[str]:
    """The first few: a message that is too long is cut anywhere."""
    more = [f"and {len(warnings) - count} more"] if len(warnings) > count else []
    return [*warnings[:count], *more]


def post_of(context: Context, rows: Mapping[int, Mapping[str, Any]]) -> Mailing:
    """Every mail, before any is sent. Raises Problem."""
    settings: SendEmailSettings = context.settings
    assert context.connection is not None
    [sender] = mails.addresses(str(context.connection.options["sender"]), where=context.connection.called)
    given = given_of(context, settings.inputs)
    parts, left = mails.attachments(_files(context), size_bytes_max=settings.attach_max_mb * 1_000_000)
    place = "" if context.about is None else context.about.page
    links = "".join(f'\n\nThe file "{one.name}" is too large for a mail. It is here: {place}' for one in left)
    made: dict[int, Mail] = {}
    for row, cells in rows.items():
        try:
            made[row] = _mail(context, {**given, **cells}, links)
        except Problem as problem:
            raise Problem(f"row {row}: {problem}; nothing was sent" if row else str(problem)) from problem
    post = Mailing(context=context, mails=made, parts=parts, sender=sender)
    for one in left:
        limit = f"the limit of {settings.attach_max_mb} MB"
        post.warnings.append(f'the file "{one.name}" is over {limit}: a link stands in the mail')
    return post


def _files(context: Context) -> list[FileInput]:
    found = [references.resolve(context, reference) for reference in context.settings.attach]
    return [file for file in found if isinstance(file, FileInput)]


def _mail(context: Context, given: Mapping[str, Any], links: str) -> Mail:
    settings: SendEmailSettings = context.settings
    to = settings.to if settings.each is None else [f"{{{settings.each.to}}}"]
    mail = Mail(
        to=_addresses(context, to, given, "to"),
        cc=_addresses(context, settings.cc, given, "cc"),
        hidden=_addresses(context, settings.bcc, given, "bcc"),
        reply_to=_addresses(context, [settings.reply_to] if settings.reply_to else [], given, "reply_to"),
        subject=mails.subject(fill(settings.subject, given)),
        body=fill(settings.body, given) + links,
    )
    if len(mail.receivers) > mails.RECEIVERS_MAX:
        raise Problem(f"a mail has at most {mails.RECEIVERS_MAX} receivers; use each for a mail to everyone")
    return mail


def _addresses(context: Context, texts: list[str], given: Mapping[str, Any], where: str) -> tuple[Address, ...]:
    found: list[Address] = []
    for text in texts:
        value = fill(text, given) if references.parse(text) is None else _of_property(context, text)
        found += mails.addresses(value, where=where)
    return tuple(found)


def _of_property(context: Context, text: str) -> str:
    value = references.resolve(context, text)
    return naming.plain(value)

"""Doctor's findings: walls, and mail, because unsent mail must show outside the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from procession.model.ids import UserId
from procession.model.outbox import Unsent
from procession.operations import connection_keys
from procession.store import audit, connections, follow_ups, outbox, processes
from procession.store.database import Transaction
from procession.store.keyring import Keyring
from procession.walls import Wall

NAMED_MAX = 5
# A month-end later nobody can do anything about it.
SHOWN_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line; `status` is ok, warning or problem."""

    name: str
    status: str
    message: str


def check(name: str, status: str, message: str) -> Check:
    return Check(name=name, status=status, message=message)


def of_wall(wall: Wall) -> Check:
    status = "ok" if wall.stands else "problem" if wall.is_grave else "warning"
    return check(wall.name, status, wall.told())


def wall_content(wall: Wall) -> dict[str, object]:
    """A wall as `--json` shows it."""
    return {
        "name": wall.name,
        "stands": wall.stands,
        "seen": wall.seen,
        "weakerWithout": wall.weaker_without,
        "remedy": wall.remedy,
    }


def alerts(tx: Transaction, *, sends_mail: bool, now: datetime) -> Iterator[Check]:
    """Whether alerts arrive: settings, waiting mail, mail given up."""
    waiting, failing, lost = outbox.waiting(tx), outbox.failing(tx), outbox.given_up(tx, now - SHOWN_FOR)
    # Reads every definition, so only where the answer matters.
    asking = [] if sends_mail else processes.with_alerts(tx, "alert_email")
    if asking:
        names = _listed([f'"{name}"' for name in asking])
        text = f"PROCESSION_SMTP_URL is not set, so nobody is told of the runs of {names}; {waiting} mails wait"
        yield check("mail", "warning", text)
    elif failing:
        yield check("mail", "warning", f"{waiting} mails wait: {_told(failing)}")
    else:
        yield check("mail", "ok", f"{waiting} mails wait")
    if lost:
        yield check("lost mail", "warning", f"given up in the last {SHOWN_FOR.days} days: {_told(lost)}")
    if by_sms := processes.with_alerts(tx, "alert_sms"):
        names = _listed([f'"{name}"' for name in by_sms])
        yield check("SMS", "warning", f"this release sends no SMS, which the alerts of {names} ask for")


def trail(tx: Transaction) -> Check:
    """Whether history and log are as they were written; it reads all of them."""
    fault = audit.first_fault(tx)
    return check(
        "audit trail", "problem" if fault else "ok", fault or f"{audit.head(tx).entries} entries, none changed"
    )


def afterwards(tx: Transaction, *, now: datetime) -> Iterator[Check]:
    """What steps have asked for once their ends were on disk, where it does not happen; nothing where all did."""
    for name, found in (
        ("follow-ups", follow_ups.failing(tx)),
        ("lost follow-ups", follow_ups.given_up(tx, now - SHOWN_FOR)),
    ):
        if found:
            yield check(name, "warning", _listed([f"{one.run} ({one.tries} tries: {one.message})" for one in found]))


def secrets(tx: Transaction, keyring: Keyring) -> Iterator[Check]:
    """Whether the secrets of connections can be used, and who can read their key; nothing where there is none."""
    found = connections.secrets(tx)
    if not found:
        return
    wrong = connection_keys.unreadable(tx, keyring)
    if wrong:
        text = f"{len(wrong)} of {len(found)} secrets of connections cannot be used: {_listed(wrong)}"
        yield check("secrets", "problem", text)
        return
    mode = keyring.path.stat().st_mode
    if mode & 0o077:
        text = f"others can read {keyring.path} (mode {mode & 0o777:o}): chmod 600, and procession connection rekey"
        yield check("secrets", "warning", text)
        return
    yield check("secrets", "ok", f"{len(found)} secrets of connections, and the key that opens them")


def _told(found: Sequence[Unsent]) -> str:
    return _listed([_one(item) for item in found])


def _one(item: Unsent) -> str:
    about = item.about
    what = f"the link of {about}" if isinstance(about, UserId) else f"{about.run} to {about.target}"
    return f"{what} ({item.tries} tries: {item.last_error})"


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - NAMED_MAX
    return ", ".join(texts[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")

"""What the page of one run asks besides the run itself: how long such runs take, who is before it, who people are."""

from __future__ import annotations

from collections.abc import Collection

from procession.model.ids import ProcessId
from procession.model.runs import Run
from procession.store import times
from procession.store.database import Transaction

# The rows that are looked at: a process whose runs never end well must not be read from its beginning.
LOOKED_AT_MAX = 200


def durations(tx: Transaction, process: ProcessId, *, limit: int) -> list[float]:
    """Seconds that its last runs took which ended well or with remarks, newest first."""
    rows = tx.all(
        "SELECT duration FROM (SELECT id, duration, outcome FROM run WHERE process_id = ? AND version > 0"
        " ORDER BY id DESC LIMIT ?)"
        " WHERE outcome IN ('Success', 'Warning') AND duration IS NOT NULL ORDER BY id DESC LIMIT ?",
        *(process.number, LOOKED_AT_MAX, limit),
    )
    return [duration / 1_000_000 for (duration,) in rows]


def waiting_before(tx: Transaction, run: Run, *, most: int) -> int:
    """How many scheduled runs have waited for longer; counts no further than `most`."""
    row = tx.one(
        "SELECT count(*) FROM (SELECT 1 FROM run WHERE status = 'Scheduled' AND is_held = 0"
        " AND (scheduled_at < ? OR (scheduled_at = ? AND id < ?)) LIMIT ?)",
        *(times.maybe_to_column(run.scheduled_at), times.maybe_to_column(run.scheduled_at), run.id.number, most),
    )
    assert row is not None
    (count,) = row
    return int(count)


def names(tx: Transaction, logins: Collection[str]) -> dict[str, str]:
    """First and last name by login, of those that there are."""
    if not logins:
        return {}
    places = ", ".join("?" * len(logins))
    rows = tx.all(
        f"SELECT login, first_name || ' ' || last_name FROM user_account WHERE login IN ({places})", *sorted(logins)
    )
    return {login: name.strip() or login for login, name in rows}

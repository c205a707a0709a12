"""Process files that people work on: every statement about them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from procession.model.ids import UserId
from procession.store import times
from procession.store.database import Transaction


class DraftRow(msgspec.Struct, frozen=True, kw_only=True):
    """`place` is the id of a process, or "new"; `base_version` the version that it began from, 0 for none."""

    place: str
    base_version: int
    text: str
    kept_at: datetime


def find(tx: Transaction, user: UserId, place: str) -> DraftRow | None:
    row = tx.one("SELECT base_version, text, kept_at FROM draft WHERE user_id = ? AND place = ?", user.number, place)
    if row is None:
        return None
    base_version, text, kept_at = row
    return DraftRow(place=place, base_version=base_version, text=text, kept_at=times.from_column(kept_at))


def keep(tx: Transaction, user: UserId, draft: DraftRow) -> None:
    tx.run(
        "INSERT INTO draft VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id, place) DO UPDATE SET"
        " base_version = excluded.base_version, text = excluded.text, kept_at = excluded.kept_at",
        *(user.number, draft.place, draft.base_version, draft.text, times.to_column(draft.kept_at)),
    )


def drop(tx: Transaction, user: UserId, place: str) -> None:
    tx.run("DELETE FROM draft WHERE user_id = ? AND place = ?", user.number, place)

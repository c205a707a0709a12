"""The audit trail: a chain of SHA-256 over every row of history and log, in the transaction that adds the row.

An entry holds the hash of its row and the chain up to itself, so the first row that was changed, taken away or put in
has a name. Whoever can write to the database can also reckon the whole chain anew; a head that was kept elsewhere
shows that (rule 10 of the trust specification).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.store.database import NO_ROW, Row, SealedRow, Transaction

ENTRIES_AT_ONCE = 5_000  # of a trail that is read: a history may be larger than the memory
HISTORY, LOG, REMOVED = "history", "log", "removed"

_HISTORY = "at, attempt, kind, step_id, user_login, detail"
_LOG = "at, user_login, message, about"


class TrailHead(msgspec.Struct, frozen=True):
    """The last entry of a trail: its number, counted from 1, and the chain up to it."""

    entries: int
    chain: bytes

    def __str__(self) -> str:
        return f"{self.entries}-{self.chain.hex()}"


def parse_head(text: str) -> TrailHead:
    """What str() of a head has given. Raises Invalid."""
    entries, _, chain = text.strip().partition("-")
    try:
        found = TrailHead(int(entries), bytes.fromhex(chain))
    except ValueError:
        found = TrailHead(0, b"")
    if found.entries < 1 or len(found.chain) != len(NO_ROW):
        raise Invalid(
            f'"{text[:80]}" is no head of an audit trail: procession audit verify prints one, such as 12-9f0c...'
        )
    return found


def digest(columns: Sequence[Any]) -> bytes:
    """Of a row's columns as they are stored."""
    return hashlib.sha256(msgspec.json.encode(columns)).digest()


def head(tx: Transaction) -> TrailHead:
    return _written(tx)[0]


def add(tx: Transaction, entries: Sequence[SealedRow]) -> None:
    """To be called at the end of the transaction that adds the rows (Transaction.seal)."""
    if not entries:
        return
    last, rows = _end(tx), []
    for entry in entries:
        last = _next(last, entry)
        rows.append((last.entries, entry.kind, entry.number, entry.revision, entry.digest, last.chain))
    tx.many("INSERT INTO audit (id, kind, number, revision, digest, chain) VALUES (?, ?, ?, ?, ?, ?)", rows)
    tx.run("UPDATE audit_head SET entries = ?, chain = ?", last.entries, last.chain)


def _end(tx: Transaction) -> TrailHead:
    """What the next entry follows. Where somebody has set the head back, it is told later and stops no work now."""
    said, newest = _written(tx)
    return TrailHead(max(said.entries, newest), said.chain)


def _written(tx: Transaction) -> tuple[TrailHead, int]:
    """The head and the last id. Of one that was taken away with a database shell first_fault() tells: it is nothing."""
    row = tx.one(
        "SELECT coalesce(max(entries), 0), coalesce(max(chain), x''), (SELECT coalesce(max(id), 0) FROM audit)"
        " FROM audit_head"
    )
    assert row is not None, "an aggregate is a row"
    entries, chain, newest = row
    return TrailHead(entries, chain), newest


def _next(last: TrailHead, entry: SealedRow) -> TrailHead:
    said = msgspec.json.encode((last.entries + 1, entry.kind, entry.number, entry.revision))
    return TrailHead(last.entries + 1, hashlib.sha256(last.chain + entry.digest + said).digest())


def begin(tx: Transaction) -> None:
    """Seals what an earlier release has written, in its order; nothing where the trail has begun."""
    if head(tx).entries:
        return
    for kind, key, columns, table in (
        (HISTORY, "run_id, revision", _HISTORY, "history"),
        (LOG, "id, 0", _LOG, "log"),
    ):
        after = (-1, -1)
        sql = f"SELECT {key}, {columns} FROM {table} WHERE ({key}) > (?, ?) ORDER BY 1, 2 LIMIT {ENTRIES_AT_ONCE}"
        while rows := tx.all(sql, *after):
            add(tx, [SealedRow(kind=kind, number=row[0], revision=row[1], digest=digest(row[2:])) for row in rows])
            after = rows[-1][:2]


# Texts as bytes: somebody may have written what is no UTF-8, and that is a fault to be named, too.
_TRAIL = (
    "SELECT a.id, CAST(a.kind AS BLOB), a.number, a.revision, a.digest, a.chain,"
    " h.at, h.attempt, CAST(h.kind AS BLOB), h.step_id, CAST(h.user_login AS BLOB), CAST(h.detail AS BLOB),"
    " l.at, CAST(l.user_login AS BLOB), CAST(l.message AS BLOB), CAST(l.about AS BLOB) FROM audit a"
    f" LEFT JOIN history h ON a.kind = '{HISTORY}' AND h.run_id = a.number AND h.revision = a.revision"
    f" LEFT JOIN log l ON a.kind = '{LOG}' AND l.id = a.number WHERE a.id > ? ORDER BY a.id LIMIT {ENTRIES_AT_ONCE}"
)


def first_fault(tx: Transaction, kept: TrailHead | None = None) -> str | None:
    """The first entry or row that is not as it was written; None where all are. Reads the whole trail.

    `kept` is a head that was written down elsewhere: the trail must have had it.
    """
    removed: dict[int, int] = dict(
        tx.all(f"SELECT number, max(id) FROM audit WHERE kind = '{REMOVED}' GROUP BY number")
    )
    last = TrailHead(0, b"")
    while rows := tx.all(_TRAIL, last.entries):
        for row in rows:
            found, fault = _look(row, last, removed)
            if fault is None and kept is not None and found.entries == kept.entries and found != kept:
                fault = f"entry {found.entries} is not the one that was kept: the trail was written anew"
            if fault is not None:
                return fault
            last = found
    return _look_at_end(tx, last, kept)


def _look(row: Row, last: TrailHead, removed: Mapping[int, int]) -> tuple[TrailHead, str | None]:
    place, kind, number, revision, said, chain, *columns = [_text(one) if i == 1 else one for i, one in enumerate(row)]
    entry = SealedRow(kind=kind, number=number, revision=revision, digest=said)
    found = _next(last, entry)
    if place != found.entries:
        return found, f"entry {found.entries} is gone"
    if chain != found.chain:
        return found, f"entry {place}, of {_name(entry)}, was changed"
    # Whoever removed a run said so later on; its rows are gone, and their hashes stay.
    if kind == REMOVED or (kind == HISTORY and removed.get(number, 0) > place):
        return found, None
    return found, _look_at_row(entry, columns)


def _look_at_row(entry: SealedRow, columns: Sequence[Any]) -> str | None:
    its_own = columns[:6] if entry.kind == HISTORY else columns[6:]
    if its_own[0] is None:
        return f"{_name(entry)} is gone"
    if digest([_text(one) for one in its_own]) != entry.digest:
        return f"{_name(entry)} is not as it was written"
    return None


def _look_at_end(tx: Transaction, last: TrailHead, kept: TrailHead | None) -> str | None:
    if (end := head(tx)) != last:
        return f"the trail ends at entry {last.entries}, and should end at {end.entries} as it was written"
    if kept is not None and kept.entries > last.entries:
        return f"the trail ends at entry {last.entries}; entry {kept.entries}, which was kept, is gone"
    for kind, question in _UNSEALED:
        if (row := tx.one(question)) is not None:
            return (
                f"{_name(SealedRow(kind=kind, number=row[0], revision=row[1]))} has no entry: another program wrote it"
            )
    return None


_UNSEALED = (
    (
        HISTORY,
        # The number of a run is given once: none is there again after its removal.
        "SELECT run_id, revision FROM history EXCEPT SELECT number, revision FROM audit WHERE kind = 'history'"
        " AND number NOT IN (SELECT number FROM audit WHERE kind = 'removed')",
    ),
    (LOG, "SELECT id, 0 FROM log EXCEPT SELECT number, 0 FROM audit WHERE kind = 'log'"),
)


def _name(entry: SealedRow) -> str:
    if entry.kind == LOG:
        return f"line {entry.number} of the log"
    if entry.kind == REMOVED:
        return f"the removal of {RunId(entry.number)}"
    return f"revision {entry.revision} in the history of {RunId(entry.number)}"


def _text(value: Any) -> Any:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value

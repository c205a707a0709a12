"""Which home this database is of. A copy finds out that it is one, and holds what was under way in the original.

What is held is neither run nor sent here until somebody takes it over: the original may still be at work on it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from procession.model.ids import RunId, StepId
from procession.model.runs import Run
from procession.store.database import Transaction


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a home is: its folder, by name and as the disk knows it."""

    path: str
    device: str
    inode: str

    def is_same(self, other: Place) -> bool:
        """A folder keeps its inode when it is moved on its disk, and a disk may get another number with a reboot."""
        # A copy has another inode on any disk; only a move keeps it.
        return self.inode == other.inode and (self.device == other.device or self.path == other.path)


class Original(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    path: str


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """`place` None: nobody has opened the home yet. `original` is what it was copied from, until it is taken over."""

    id: str
    place: Place | None
    original: Original | None

    def is_at(self, place: Place) -> bool:
        return self.place is None or self.place.is_same(place)


class LeftAlone(msgspec.Struct, frozen=True, kw_only=True):
    """What was under way in the original; `letters` and `follow_ups` of steps are how many."""

    runs: list[RunId]
    letters: int
    follow_ups: int = 0

    def __bool__(self) -> bool:
        return bool(self.runs or self.letters or self.follow_ups)


class AttemptHomes(msgspec.Struct, frozen=True, kw_only=True):
    """By which home's name an attempt at a run makes itself known outside.

    It keeps the name under which it was begun: what the original has booked already must not be booked again by a copy
    that takes the attempt over. What is begun in the copy has the copy's name: there the same numbers mean other runs.
    """

    own: str
    earlier: Mapping[tuple[int, int], str]

    def key(self, run: Run, step: StepId) -> str:
        """The same for every try of this attempt, and for nothing else in any home."""
        home = self.earlier.get((run.id.number, run.attempt), self.own)
        return "/".join([*([home] if home else []), str(run.id), str(step), str(run.attempt)])


def attempt_homes(tx: Transaction) -> AttemptHomes:
    """Only once the home is settled: then they stay as they are."""
    rows = tx.all("SELECT run_id, attempt, home_id FROM attempt_home")
    return AttemptHomes(own=find(tx).id, earlier={(run, attempt): home for run, attempt, home in rows})


def find(tx: Transaction) -> Identity:
    row = tx.one("SELECT id, path, device, inode, original_id, original_path FROM home")
    assert row is not None, "the migration makes it"
    home_id, path, device, inode, original_id, original_path = row
    return Identity(
        id=home_id,
        place=None if inode is None else Place(path=path, device=device, inode=inode),
        original=None if original_id is None else Original(id=original_id, path=original_path),
    )


def claim(tx: Transaction, place: Place) -> None:
    """A home that nobody has opened yet is where it is now."""
    sql = "UPDATE home SET path = ?, device = ?, inode = ? WHERE inode IS NULL"
    tx.run(sql, place.path, place.device, place.inode)


def settle(tx: Transaction, place: Place, *, new_id: str) -> Identity:
    """Become a home of its own if this is a copy. Only for whoever may run what waits here."""
    found = find(tx)
    # Held and renamed in one transaction: half of it would run the original's work here.
    if found.place is not None and not found.place.is_same(place):
        _hold(tx, found.id)
        sql = "UPDATE home SET id = ?, path = ?, device = ?, inode = ?, original_id = ?, original_path = ?"
        tx.run(sql, new_id, place.path, place.device, place.inode, found.id, found.place.path)
    elif found.place != place:
        tx.run("UPDATE home SET path = ?, device = ?, inode = ?", place.path, place.device, place.inode)
    return find(tx)


def _hold(tx: Transaction, original_id: str) -> None:
    # A copy of a copy: what has an earlier name keeps it.
    tx.run(
        "INSERT INTO attempt_home (run_id, attempt, home_id) SELECT id, attempt, ? FROM run"
        " WHERE status IN ('Scheduled', 'Running') ON CONFLICT (run_id, attempt) DO NOTHING",
        original_id,
    )
    tx.run("UPDATE run SET is_held = 1, beat = NULL WHERE status IN ('Scheduled', 'Running')")
    tx.run("UPDATE outbox SET is_held = 1 WHERE sent_at IS NULL AND given_up_at IS NULL")
    tx.run("UPDATE follow_up SET is_held = 1, is_at_work = 0 WHERE state = 'Waiting'")
    # Their processes are the original's: nobody here may look for them, let alone end them.
    tx.run("UPDATE step_attempt SET is_gone = 1 WHERE is_gone = 0")


def held(tx: Transaction) -> LeftAlone:
    runs = [RunId(number) for (number,) in tx.all("SELECT id FROM run WHERE is_held = 1 ORDER BY id")]
    row = tx.one(
        "SELECT (SELECT count(*) FROM outbox WHERE is_held = 1 AND sent_at IS NULL AND given_up_at IS NULL),"
        " (SELECT count(*) FROM follow_up WHERE is_held = 1 AND state = 'Waiting')"
    )
    assert row is not None
    letters, follow_ups = row
    return LeftAlone(runs=runs, letters=letters, follow_ups=follow_ups)


def adopt(tx: Transaction) -> LeftAlone:
    """From here on this home does what was under way in the original; gives what that is."""
    taken = held(tx)
    tx.run("UPDATE run SET is_held = 0 WHERE is_held = 1")
    tx.run("UPDATE outbox SET is_held = 0 WHERE is_held = 1")
    tx.run("UPDATE follow_up SET is_held = 0 WHERE is_held = 1")
    # The original may still be running: that it must not is what the operator has confirmed.
    tx.run("UPDATE home SET original_id = NULL, original_path = NULL")
    return taken

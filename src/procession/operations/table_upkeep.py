"""Upkeep of managed tables by a tick: small files are merged, and old versions go that nobody needs.

Neither changes a row. Merging is a version of its own (`compact`), prepared outside of any transaction and published by
comparison like every other: whoever writes meanwhile is not held up, and a step that has read the version before is in
no conflict with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from procession.actions.tables.contract import COMPACT_KIND, CompactSettings, Written
from procession.model.errors import ProcessionError
from procession.model.tables import Draft, Snapshot
from procession.operations import table_jobs, tables
from procession.operations.resources import Resources
from procession.store import table_upkeep as store
from procession.store import tables as table_store
from procession.store.database import Database

REST_SECONDS = 300.0
SMALL_BYTES = 16 * 2**20
SMALL_PARTS_MIN = 8  # of one table, before they are merged
REMOVED_AT_ONCE_MAX = 200  # versions; requests wait behind it
AUTHOR = "Procession"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUpkeep:
    """`days_min`: how long versions are kept that no run needs; 0: for ever."""

    database: Database
    resources: Resources
    days_min: int

    def tick(self) -> bool:
        """Whether there may be more to do at once."""
        return self.remove_old() or self.merge()

    def remove_old(self) -> bool:
        if not self.days_min:
            return False
        before = self.resources.home_clock.least() - timedelta(days=self.days_min)
        removed = self.database.write(lambda tx: store.remove_old(tx, before=before, most=REMOVED_AT_ONCE_MAX))
        return removed == REMOVED_AT_ONCE_MAX

    def merge(self) -> bool:
        """Merges the small files of one table; False where none has many, or where others were faster."""
        with self.database.snapshot() as tx:
            table = store.crowded(tx, parts_min=SMALL_PARTS_MIN, bytes_max=SMALL_BYTES)
            present = None if table is None else tables.snapshot(tx, table)
        if present is None:
            return False
        try:
            draft = self._merged(present)
        except ProcessionError:
            return False  # processes are busy, or a file is lost: whoever reads it is told
        now = self.resources.home_clock.least()
        found = self.database.write(lambda tx: table_store.publish(tx, present.table.id, draft, author=AUTHOR, now=now))
        return found is not None

    def _merged(self, present: Snapshot) -> Draft:
        small = tuple(part for part in present.parts if part.content.size_bytes < SMALL_BYTES)
        contents = table_jobs.contents(self.resources.blobs, replace(present, parts=small))
        with self.resources.table_workers.temporary_folder() as place:
            job = table_jobs.TableJob(
                kind=COMPACT_KIND,
                settings=CompactSettings(contents=contents),
                place=place,
                what="the files of a table were not merged",
            )
            written, files = table_jobs.perform(self.resources, job, Written)
            draft = table_jobs.draft_of(self.resources, present, written, files, place)
        # A step that has read the version before must not be told that its rows have changed.
        return replace(draft, same_as=present.version.number)

"""Lists of runs, of what a reader may see: pages, counts by status, what needs a person, and what each is at now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from procession.model import inputs
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.people import Caller
from procession.model.runs import RunEntry, RunFilter
from procession.model.steps import StepRow
from procession.operations import processes, rights
from procession.store import run_lists, steps
from procession.store.database import Transaction
from procession.store.run_lists import Status

# A page is one answer in memory, and a browser shows no more.
LIST_MAX = 500  # runs in one page
# What stands on a chip: more than this nobody counts, and a count of all takes time by their number.
COUNTED_MAX = 100
SEARCHED_MAX = run_lists.SEARCHED_MAX  # runs in which one page looks for a text


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """`older` and `newer` tell whether there are such; `searched_to` is the last run in which a text was looked for.

    Where `searched_to` is set, what follows it has not been looked at: the next page goes on from it.
    """

    runs: Sequence[RunEntry]
    older: bool
    newer: bool
    searched_to: RunId | None = None

    @property
    def next_before(self) -> RunId | None:
        """From where on the next page shows older ones; None where there are none."""
        return self.runs[-1].run.id if self.older else self.searched_to


def numbered(tx: Transaction, shown: RunFilter) -> RunFilter:
    """The same, for several questions: what its dates mean is looked up once."""
    return replace(shown, numbers=run_lists.dates_as_numbers(tx, shown))


def page(
    tx: Transaction,
    caller: Caller,
    shown: RunFilter,
    *,
    before: RunId | None = None,
    after: RunId | None = None,
    limit: int,
) -> RunPage:
    """Newest first, older than `before` or newer than `after`; at most `limit`."""
    assert 1 <= limit <= LIST_MAX
    reader = rights.viewer(caller)
    # One more than a page tells whether there is another.
    found = run_lists.page(tx, reader, shown, before=before, after=after, limit=limit + 1)
    is_more = len(found) > limit
    if after is not None:
        return RunPage(runs=found[1:] if is_more else found, older=True, newer=is_more)
    searched_to = None if is_more or shown.text is None else run_lists.searched_down_to(tx, before)
    return RunPage(runs=found[:limit], older=is_more, newer=before is not None, searched_to=searched_to)


def page_upwards(tx: Transaction, caller: Caller, shown: RunFilter, *, after: RunId | None, limit: int) -> RunPage:
    """The same from the other end: the oldest first, of those newer than `after`; at most `limit`.

    Where `searched_to` is set, what is newer has not been looked at.
    """
    assert 1 <= limit <= LIST_MAX
    edge = after or RunId(0)
    found = run_lists.page(tx, rights.viewer(caller), shown, before=None, after=edge, limit=limit + 1)[::-1]
    is_more = len(found) > limit
    searched_to = None if is_more or shown.text is None else run_lists.searched_up_to(tx, edge)
    return RunPage(runs=found[:limit], older=after is not None, newer=is_more, searched_to=searched_to)


def find(tx: Transaction, run: RunId) -> RunEntry:
    """As a list shows it; whether somebody may see it is asked before. Raises NotFound."""
    found = run_lists.find(tx, run)
    if found is None:
        raise rights.not_found(run)
    return found


def of_ids(tx: Transaction, caller: Caller, runs: Sequence[RunId]) -> list[RunEntry]:
    """Those of these runs that the caller may see, newest first."""
    return run_lists.of_ids(tx, rights.viewer(caller), runs) if runs else []


def counts(tx: Transaction, caller: Caller, shown: RunFilter) -> dict[Status, int]:
    """Of each status, as if none was asked for: COUNTED_MAX stands for that many and more."""
    return run_lists.counts(tx, rights.viewer(caller), shown, most=COUNTED_MAX)


def count(tx: Transaction, caller: Caller, shown: RunFilter) -> int:
    """Of those that the filter shows, at most COUNTED_MAX."""
    found = counts(tx, caller, shown)
    wanted = [
        many
        for (status, outcome), many in found.items()
        if shown.status in {None, status} and shown.outcome in {None, outcome}
    ]
    return min(sum(wanted), COUNTED_MAX)


def count_newer(tx: Transaction, caller: Caller, shown: RunFilter, *, after: int) -> int:
    """How many came after that number, at most COUNTED_MAX."""
    return run_lists.count_newer(tx, rights.viewer(caller), shown, after=after, most=COUNTED_MAX)


def unsolved(tx: Transaction, caller: Caller, *, limit: int) -> list[RunEntry]:
    """What needs a person, the caller's own first."""
    return run_lists.unsolved(tx, rights.viewer(caller), caller.user.id, limit=limit)


def count_unsolved(tx: Transaction, caller: Caller) -> int:
    """At most COUNTED_MAX."""
    return run_lists.count_unsolved(tx, rights.viewer(caller), failures_only=False, most=COUNTED_MAX)


def count_failures(tx: Transaction, caller: Caller) -> int:
    """Failed and timed-out runs with which nobody has dealt, at most COUNTED_MAX."""
    return run_lists.count_unsolved(tx, rights.viewer(caller), failures_only=True, most=COUNTED_MAX)


def ended_by_day(
    tx: Transaction, caller: Caller, days: Sequence[datetime]
) -> list[tuple[int, RunStatus, Outcome | None, int]]:
    """Of the runs that ended by themselves since the first moment: the day, from 0, how they ended, how many."""
    return run_lists.ended_by_day(tx, rights.viewer(caller), days)


def last_of_each(
    tx: Transaction, caller: Caller, wanted: Sequence[ProcessId], *, most: int
) -> dict[ProcessId, list[RunEntry]]:
    """The last runs of each of these processes, newest first; of those that the caller may see."""
    return run_lists.last_of_each(tx, rights.viewer(caller), wanted, most=most) if wanted else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """What runs are at: by run the steps that are under way, how many steps there are and are done, missing INPUTs."""

    running: Mapping[RunId, Sequence[StepRow]] = field(default_factory=dict)
    done: Mapping[RunId, tuple[int, int]] = field(default_factory=dict)
    missing: Mapping[RunId, Sequence[str]] = field(default_factory=dict)


def progress(tx: Transaction, listed: Sequence[RunEntry]) -> UnderWay:
    """Of the runs of a page."""
    under_way = [item.run.id for item in listed if item.run.status is RunStatus.RUNNING]
    waiting = [item for item in listed if item.run.status is RunStatus.NOT_STARTED]
    return UnderWay(
        running=steps.under_way(tx, under_way) if under_way else {},
        done=steps.count_done(tx, under_way) if under_way else {},
        missing={item.run.id: _missing(tx, item) for item in waiting},
    )


def _missing(tx: Transaction, item: RunEntry) -> list[str]:
    """Names of the INPUTs without which it cannot start."""
    rows = steps.properties_of_run(tx, item.run.id)
    # The definition only where it matters: whether a step may be skipped decides what is asked for.
    if not any(inputs.is_missing(row) for row in rows):
        return []
    process = processes.definition_of(tx, item.run.process, item.run.version)
    return [row.item.name for row in inputs.missing(process, rows)]

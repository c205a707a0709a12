"""Lists of runs: a page of those that a reader may see, how many there are of each status, and which need a person.

Each takes time by the processes that are seen and by the page, not by the runs there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import Any

from procession.model.ids import ProcessId, RunId, UserId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.runs import RunEntry, RunFilter
from procession.store import conditions, times
from procession.store.database import Transaction
from procession.store.run_entries import ENTRY, ENTRY_FROM, entry_of

# Runs in which a text is looked for at a time, in a hundredth of a second: no index answers for a part of a name.
SEARCHED_MAX = 10_000

Status = tuple[RunStatus, Outcome | None]


def page(
    tx: Transaction, reader: UserId | None, shown: RunFilter, *, before: RunId | None, after: RunId | None, limit: int
) -> list[RunEntry]:
    """Newest first: those before one run, or the oldest after another. `reader` None sees all.

    With a text only down to searched_down_to(), or up to as many.
    """
    way = "m.id > ?" if after else "m.id < ?"
    order = "ASC" if after else "DESC"
    edge = after or before
    where, parameters = _where(tx, shown, before=before, after=after, edge=(way, edge and edge.number))
    seen, of_reader = _seen(reader, shown)
    # The newest of each process, and of these the newest: an index leads to each, however many runs there are.
    rows = tx.all(
        f"WITH top (id) AS (SELECT n.id FROM process p CROSS JOIN run n ON n.id IN (SELECT m.id FROM run m"
        f" WHERE m.process_id = p.id AND {where} ORDER BY m.id {order} LIMIT ?) WHERE {seen}"
        f" ORDER BY n.id {order} LIMIT ?)"
        f" SELECT {ENTRY} FROM {ENTRY_FROM} WHERE r.id IN (SELECT id FROM top) ORDER BY r.id DESC",
        *(*parameters, limit, *of_reader, limit),
    )
    return [entry_of(row) for row in rows]


def find(tx: Transaction, run: RunId) -> RunEntry | None:
    row = tx.one(f"SELECT {ENTRY} FROM {ENTRY_FROM} WHERE r.id = ?", run.number)
    return None if row is None else entry_of(row)


def of_ids(tx: Transaction, reader: UserId | None, runs: Sequence[RunId]) -> list[RunEntry]:
    """Newest first; those that the reader may not see are left out."""
    seen, of_reader = conditions.given(conditions.permitted("p.id", "process_id", reader))
    rows = tx.all(
        f"SELECT {ENTRY} FROM {ENTRY_FROM} WHERE r.id IN ({', '.join('?' * len(runs))}) AND {seen} ORDER BY r.id DESC",
        *(*(run.number for run in runs), *of_reader),
    )
    return [entry_of(row) for row in rows]


def searched_down_to(tx: Transaction, before: RunId | None) -> RunId | None:
    """The oldest run in which a page looks for a text; None: in all that are older than `before`."""
    newest = _newest(tx) + 1 if before is None else before.number
    return RunId(newest - SEARCHED_MAX) if newest > SEARCHED_MAX + 1 else None


def searched_up_to(tx: Transaction, after: RunId) -> RunId | None:
    """The newest run in which a page that goes upwards looks for a text; None: in all that are newer than `after`."""
    up_to = after.number + SEARCHED_MAX
    return RunId(up_to) if up_to < _newest(tx) else None


def counts(tx: Transaction, reader: UserId | None, shown: RunFilter, *, most: int) -> dict[Status, int]:
    """How many of each status there are, whichever is asked for, at most `most` of each.

    With a text, of the newest runs only, in which the first page looks for it.
    """
    every = replace(shown, status=None, outcome=None)
    where, parameters = _where(tx, every, before=None, after=None)
    seen, of_reader = _seen(reader, shown)
    if shown.text is None and shown.started_by is None and not shown.needs_person:
        return _counts_by_index(tx, (seen, of_reader), (where, parameters), most=most)
    rows = tx.all(
        f"SELECT m.status, m.outcome, count(*) FROM process p JOIN run m ON m.process_id = p.id"
        f" WHERE {seen} AND {where} GROUP BY m.status, m.outcome",
        *(*of_reader, *parameters),
    )
    return {_status(status, outcome): min(number, most) for status, outcome, number in rows}


def _counts_by_index(
    tx: Transaction, seen: tuple[str, tuple[Any, ...]], where: tuple[str, tuple[Any, ...]], *, most: int
) -> dict[Status, int]:
    found = {}
    for status in STATUSES:
        of_status, values = _of_status(*status)
        row = tx.one(
            f"SELECT count(*) FROM (SELECT 1 FROM process p CROSS JOIN run m ON m.process_id = p.id"
            f" WHERE {seen[0]} AND {of_status} AND {where[0]} LIMIT ?)",
            *(*seen[1], *values, *where[1], most),
        )
        found[status] = 0 if row is None else row[0]
    return found


STATUSES: tuple[Status, ...] = (
    *((RunStatus.FINISHED, outcome) for outcome in Outcome),
    *((status, None) for status in RunStatus if status is not RunStatus.FINISHED),
)


BY_ITSELF = tuple(one for one in STATUSES if one[0] in {RunStatus.FINISHED, RunStatus.TIMED_OUT})


def _status(status: str, outcome: str | None) -> Status:
    return RunStatus(status), None if outcome is None else Outcome(outcome)


def _of_status(status: RunStatus | None, outcome: Outcome | None) -> tuple[str, tuple[str, ...]]:
    """With the outcome also where there is none, or the index would not lead to the newest."""
    if status is None:
        return ("m.outcome = ?", (outcome,)) if outcome else ("1 = 1", ())
    if outcome is not None:
        return "m.status = ? AND m.outcome = ?", (status, outcome)
    if status is RunStatus.FINISHED:
        return "m.status = ?", (status,)
    return "m.status = ? AND m.outcome IS NULL", (status,)


def _seen(reader: UserId | None, shown: RunFilter) -> tuple[str, tuple[Any, ...]]:
    return conditions.given(
        ("p.id = ?", shown.process and shown.process.number), conditions.permitted("p.id", "process_id", reader)
    )


def _where(
    tx: Transaction, shown: RunFilter, *, before: RunId | None, after: RunId | None, edge: tuple[Any, ...] = ("", None)
) -> tuple[str, tuple[Any, ...]]:
    of_status, values = _of_status(shown.status, shown.outcome)
    least, most = _between(tx, shown, before=before, after=after)
    where, parameters = conditions.given(
        edge,
        # A constant here too: the indexes leave the try-outs out, which no list shows.
        ("m.version > 0",),
        ("m.id >= ?", least),
        ("m.id <= ?", most),
        ("instr(lower(m.name), lower(?)) > 0", shown.name),
        ("m.created_at > ?", times.maybe_to_column(shown.created_after)),
        ("m.created_at < ?", times.maybe_to_column(shown.created_before)),
        ("m.started_by = ?", shown.started_by and shown.started_by.number),
        # A constant, or the index of these few would not be used.
        ("m.needs_person = 1",) if shown.needs_person else ("", None),
        _holds(shown.text),
    )
    return f"{of_status} AND {where}", (*values, *parameters)


def _between(
    tx: Transaction, shown: RunFilter, *, before: RunId | None, after: RunId | None
) -> tuple[int | None, int | None]:
    """The numbers between which all that is shown lies; every index of runs leads to those of a range."""
    least, most = dates_as_numbers(tx, shown)
    if shown.text is None:
        return least, most
    if after is not None:
        return least, min(after.number + SEARCHED_MAX, after.number + SEARCHED_MAX if most is None else most)
    down_to = searched_down_to(tx, before)
    return least if down_to is None else max(least or 0, down_to.number), most


def dates_as_numbers(tx: Transaction, shown: RunFilter) -> tuple[int | None, int | None]:
    """The least and the greatest number of what was created between the dates."""
    if shown.numbers is not None:
        return shown.numbers
    least = _of_date(tx, "min", ">", times.maybe_to_column(shown.created_after))
    return least, _of_date(tx, "max", "<", times.maybe_to_column(shown.created_before))


def _of_date(tx: Transaction, which: str, way: str, moment: int | None) -> int | None:
    """The least or greatest number of those created on that side of a moment."""
    if moment is None:
        return None
    # Numbers grow with the dates, unless the clock was set back: so all of them are asked, in the index of the dates.
    row = tx.one(f"SELECT {which}(+r.id) FROM run r WHERE r.created_at {way} ?", moment)
    number = None if row is None else row[0]
    # No run has either number, and there is nothing between them.
    return (_NONE if which == "min" else -1) if number is None else int(number)


_NONE = 2**62


def _holds(text: str | None) -> tuple[Any, ...]:
    """A text in the name, in the first problem, in the name of the process, or the id of the run itself."""
    if text is None:
        return ("", None)
    # SQLite knows the two cases of ASCII only: "österreich" has to find "ÖSTERREICH" all the same.
    written = dict.fromkeys((text, text.lower(), text.upper(), text.title())) if not text.isascii() else [text]
    parts, values = [], []
    for one in written:
        for column in ("m.name", "m.problem"):
            parts.append(f"instr(lower({column}), lower(?)) > 0")
            values.append(one)
        parts.append("m.process_id IN (SELECT c.id FROM process c WHERE instr(lower(c.name), lower(?)) > 0)")
        values.append(one)
    number = text.strip().lower().removeprefix("pr-")
    # 18 digits fit into the largest number of a column.
    if number.isascii() and number.isdigit() and len(number) <= 18:
        parts.append("m.id = ?")
        values.append(number)
    return (f"({' OR '.join(parts)})", *values)


def _newest(tx: Transaction) -> int:
    row = tx.one("SELECT max(id) FROM run")
    return 0 if row is None or row[0] is None else int(row[0])


def count_newer(tx: Transaction, reader: UserId | None, shown: RunFilter, *, after: int, most: int) -> int:
    """How many came after that number, at most `most`."""
    where, parameters = _where(tx, shown, before=None, after=None)
    seen, of_reader = _seen(reader, shown)
    row = tx.one(
        f"SELECT count(*) FROM (SELECT 1 FROM run m JOIN process p ON p.id = m.process_id"
        f" WHERE m.id > ? AND {seen} AND {where} LIMIT ?)",
        *(after, *of_reader, *parameters, most),
    )
    return 0 if row is None else int(row[0])


def unsolved(tx: Transaction, reader: UserId | None, first: UserId, *, limit: int) -> list[RunEntry]:
    """Those that need a person: of the user `first` before all others', newest first."""
    seen, of_reader = conditions.given(conditions.permitted("p.id", "process_id", reader))
    rows = tx.all(
        # All of them first, by their own index, and then their order: asked in one, SQLite reads every run.
        "WITH every (id, is_own) AS MATERIALIZED (SELECT n.id, n.started_by = ? FROM process p CROSS JOIN run n"
        f" ON n.process_id = p.id WHERE {seen} AND n.needs_person = 1), top (id, is_own) AS"
        " (SELECT id, is_own FROM every ORDER BY is_own DESC, id DESC LIMIT ?)"
        f" SELECT {ENTRY} FROM top CROSS JOIN {ENTRY_FROM} WHERE r.id = top.id ORDER BY top.is_own DESC, r.id DESC",
        *(first.number, *of_reader, limit),
    )
    return [entry_of(row) for row in rows]


def count_unsolved(tx: Transaction, reader: UserId | None, *, failures_only: bool, most: int) -> int:
    seen, of_reader = conditions.given(conditions.permitted("p.id", "process_id", reader))
    # Asked with every page: the index has all that it names.
    is_failure = "n.outcome IS NOT 'Warning'" if failures_only else "1 = 1"
    row = tx.one(
        f"SELECT count(*) FROM (SELECT 1 FROM process p CROSS JOIN run n ON n.process_id = p.id"
        f" WHERE {seen} AND n.needs_person = 1 AND {is_failure} LIMIT ?)",
        *(*of_reader, most),
    )
    return 0 if row is None else int(row[0])


def ended_by_day(
    tx: Transaction, reader: UserId | None, days: Sequence[datetime]
) -> list[tuple[int, RunStatus, Outcome | None, int]]:
    """Of the runs that ended by themselves since the first moment: the day, from 0, how they ended, how many."""
    seen, of_reader = conditions.given(conditions.permitted("p.id", "process_id", reader))
    moments = [*(times.to_column(moment) for moment in days), _NONE]
    counted = [(day, *status) for day, status in product(range(len(days)), BY_ITSELF)]
    questions, values = [], []
    # A range of the index for each, in which SQLite only counts: grouping its rows takes ten times as long.
    for day, status, outcome in counted:
        of_status, parameters = _of_status(status, outcome)
        questions.append(
            f"(SELECT count(*) FROM seen p CROSS JOIN run m ON m.process_id = p.id WHERE {of_status}"
            " AND m.finished_at >= ? AND m.finished_at < ? AND m.version > 0)"
        )
        values += [*parameters, moments[day], moments[day + 1]]
    row = tx.one(
        f"WITH seen (id) AS MATERIALIZED (SELECT p.id FROM process p WHERE {seen}) SELECT {', '.join(questions)}",
        *(*of_reader, *values),
    )
    assert row is not None
    return [(*which, many) for which, many in zip(counted, row, strict=True) if many]


def last_of_each(
    tx: Transaction, reader: UserId | None, processes: Sequence[ProcessId], *, most: int
) -> dict[ProcessId, list[RunEntry]]:
    """The last runs of each of these processes that have started, newest first."""
    seen, of_reader = conditions.given(conditions.permitted("p.id", "process_id", reader))
    rows = tx.all(
        f"SELECT {ENTRY} FROM {ENTRY_FROM} WHERE r.id IN (SELECT n.id FROM process p CROSS JOIN run n ON n.id IN"
        " (SELECT m.id FROM run m WHERE m.process_id = p.id AND m.version > 0 ORDER BY m.id DESC LIMIT ?)"
        f" WHERE {seen} AND p.id IN ({', '.join('?' * len(processes))})) ORDER BY r.id DESC",
        *(most, *of_reader, *(process.number for process in processes)),
    )
    found: dict[ProcessId, list[RunEntry]] = {process: [] for process in processes}
    for row in rows:
        listed = entry_of(row)
        found[listed.run.process].append(listed)
    return found

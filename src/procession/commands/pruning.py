"""prune: removes old runs with their contents and logs. Shows first, removes with --yes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from procession import leases, loops
from procession.commands import opening, views, wording
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.home import Busy, Home
from procession.model.errors import Unavailable
from procession.model.ids import RunId
from procession.operations import sweeping
from procession.operations.sweeping import Sweep, Swept
from procession.store import checks, history, retention, sqlite_file
from procession.store.crash import CrashPoint, pass_by
from procession.store.database import Transaction
from procession.store.retention import OldRun, RetentionRule

RUNS_AT_ONCE = 20  # in one transaction: a server's writer waits for some milliseconds
REST_SECONDS = 0.05  # between two writes beside a server, so its own writes get through
FREE_BYTES_MAX = 2**20  # a running server frees pages all the time


# Two conditions that both must hold: old and not among the newest. One alone would surprise with an old process that is
# rarely run.
@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOptions:
    age: timedelta | None
    keep: int | None
    processes: Sequence[str]
    is_meant: bool  # --yes


@dataclass(slots=True, kw_only=True)
class Pruned:
    """What prune did, or would do. Bytes are those of contents and logs; the database is counted by its file."""

    runs: list[OldRun] = field(default_factory=list)
    swept: Swept = field(default_factory=Swept)
    database_before: int = 0
    database_after: int = 0
    notes: list[str] = field(default_factory=list)


def prune(console: Console, wanted: PruneOptions, *, crash_point: CrashPoint = pass_by) -> int:
    """Raises NotFound, Busy."""
    home = Home(folder=console.settings().home)
    with _alone(home, wanted) as is_alone, opening.open_home(console, is_alone=is_alone) as opened:
        with opened.database.snapshot() as tx:
            rule = _rule(tx, opened, wanted)
            # Shown by the same question that removes, so that --yes does what was shown.
            done = Pruned(runs=retention.runs(tx, rule), database_before=sqlite_file.size_bytes(home.database))
            if untold := retention.count_untold(tx):
                runs = wording.counted(untold, "run")
                done.notes.append(f"{runs} with mail that was not sent yet stay (is PROCESSION_SMTP_URL set?)")
            if not wanted.is_meant:
                _measure(tx, opened, done)
        if wanted.is_meant:
            _remove_runs(opened, rule, done, is_alone=is_alone, crash_point=crash_point)
            _sweep(opened, done, is_alone=is_alone, crash_point=crash_point)
            _shrink(opened, done, is_alone=is_alone)
            crash_point("shrunk")
    _tell(console, done, is_meant=wanted.is_meant)
    return 0


@contextmanager
def _alone(home: Home, wanted: PruneOptions) -> Iterator[bool]:
    """Whether no server and no other command uses the home. None can start meanwhile."""
    if not (wanted.is_meant and home.exists()):
        yield False
        return
    try:
        lock = home.take_lock(f"procession prune (process {os.getpid()})")
    # A server works here: then it goes on beside it, gently.
    except Busy:
        yield False
        return
    try:
        with leases.hold(home.folder, leases.COMMANDS, alone=True) as is_alone:
            yield is_alone
    finally:
        lock.release()


def _rule(tx: Transaction, opened: OpenedHome, wanted: PruneOptions) -> RetentionRule:
    if wanted.age is None and wanted.keep is None:
        # Without a rule no run is old enough: a bare `prune --yes` must not remove any.
        return RetentionRule(ended_before=datetime.min.replace(tzinfo=opened.clock.now().tzinfo))
    # A wall clock set a year ahead by mistake makes no run a year older.
    now = min(opened.clock.now(), opened.resources.home_clock.least())
    return RetentionRule(
        ended_before=None if wanted.age is None else now - wanted.age,
        keep=wanted.keep,
        processes=tuple(opening.find_process(tx, text) for text in wanted.processes),
    )


def _measure(tx: Transaction, opened: OpenedHome, done: Pruned) -> None:
    going = [run.id for run in done.runs]
    blobs, step_logs = opened.resources.blobs, opened.resources.step_logs
    sizes = retention.contents_of(tx, going)
    sizes |= {sha256: blobs.size_bytes(sha256) or 0 for sha256 in blobs.stored() - checks.contents(tx)}
    kept = retention.attempts(tx) - retention.attempts_of(tx, going)
    there = {attempt for part in step_logs.parts() for attempt in step_logs.stored(part)}
    logs = [step_logs.size_bytes(attempt) for attempt in there - kept]
    done.swept = Swept(contents=len(sizes), logs=len(logs), freed_bytes=sum(sizes.values()) + sum(logs))
    done.database_after = done.database_before


def _rest_seconds(*, is_alone: bool) -> float:
    return 0.0 if is_alone else REST_SECONDS


def _remove_runs(
    opened: OpenedHome, rule: RetentionRule, done: Pruned, *, is_alone: bool, crash_point: CrashPoint
) -> None:
    """Removes runs in batches. Each batch applies the rule again: a run may have been restarted."""
    left, done.runs = done.runs, []

    def remove() -> bool:
        nonlocal left
        # Each batch is a transaction of its own, so that a crash keeps what was done.
        piece, left = frozenset(run.id for run in left[:RUNS_AT_ONCE]), left[RUNS_AT_ONCE:]
        if piece:
            done.runs += opened.database.write(partial(_remove, opened=opened, rule=rule, piece=piece))
            crash_point("runs removed")
        return not left

    loops.until(remove, rest_seconds=_rest_seconds(is_alone=is_alone))


def _remove(tx: Transaction, *, opened: OpenedHome, rule: RetentionRule, piece: frozenset[RunId]) -> list[OldRun]:
    going = retention.runs(tx, rule, among=piece)
    act = opening.operator(tx, opened)
    for run in going:
        # The log keeps what is removed: the run, its end and its history.
        message = (
            f'Pruned process run "{run.name}" ({run.id}, {run.process} version {run.version}): {run.result},'
            f" ended {views.date(run.ended_at)}, history SHA-256 {retention.history_sha256(tx, run.id)}"
        )
        history.add_log(tx, act.author, message, act.now)
    # Rows first, files after: the other way round a crash would leave runs without their contents.
    retention.remove(tx, going)
    return going


def _sweep(opened: OpenedHome, done: Pruned, *, is_alone: bool, crash_point: CrashPoint) -> None:
    """Removes contents and logs that no row names. After a crash the next prune does it, or the server."""
    # A backup reads files that rows may have stopped naming since its copy.
    wait_seconds = leases.SWEEP_WAIT_SECONDS
    with leases.hold(opened.home.folder, leases.SWEEP, alone=True, wait_seconds=wait_seconds) as is_free:
        if not is_free:
            done.notes.append("a backup is being made: files stay until prune is called again")
            return
        sweep = Sweep(
            database=opened.database,
            blobs=opened.resources.blobs,
            step_logs=opened.resources.step_logs,
            before=None if is_alone else sweeping.limit(opened.resources.home_clock),
            crash_point=crash_point,
            swept=done.swept,
        )
        for part in opened.resources.blobs.parts():
            sweep.contents(part)
        for part in opened.resources.step_logs.parts():
            sweep.logs(part)
    if done.swept.waiting_bytes:
        text = f"{wording.size(done.swept.waiting_bytes)} of unused files are less than a day old"
        done.notes.append(f"{text}, and a server or a command works here: the server removes them when they are")


def _shrink(opened: OpenedHome, done: Pruned, *, is_alone: bool) -> None:
    path = opened.home.database
    try:
        if is_alone:
            sqlite_file.rebuild(path)
        loops.until(lambda: not sqlite_file.free_pages(path), rest_seconds=_rest_seconds(is_alone=is_alone))
        free = sqlite_file.settle(path)
        if free > FREE_BYTES_MAX:
            done.notes.append(
                f"the database keeps its size, {wording.size(free)} of it free: it was made by an earlier program;"
                " prune once while no server and no command works here"
            )
    # The runs are gone all the same: the command has done what was asked.
    except OSError:
        done.notes.append("the disk is too full to make the database smaller: prune once more, now that there is space")
    except Unavailable as error:
        done.notes.append(f"the database was not made smaller, prune again later: {error.message}")
    done.database_after = sqlite_file.size_bytes(path)


def _tell(console: Console, done: Pruned, *, is_meant: bool) -> None:
    content = {
        "isDone": is_meant,
        "runs": [_run(run) for run in done.runs],
        "contents": done.swept.contents,
        "logs": done.swept.logs,
        "freedBytes": done.swept.freed_bytes,
        "databaseBytesBefore": done.database_before,
        "databaseBytesAfter": done.database_after,
        "notes": done.notes,
    }
    verb = "removed" if is_meant else "would go"
    lines = [f"{wording.counted(len(done.runs), 'run')} {verb}"]
    lines += wording.table(_by_process(done.runs), right=frozenset({0})) if done.runs else []
    lines.append(
        f"{wording.counted(done.swept.contents, 'file content')} and {wording.counted(done.swept.logs, 'log')} {verb}:"
        f" {wording.size(done.swept.freed_bytes)}"
    )
    database = wording.size(done.database_before)
    lines.append(
        f"the database was {database}, and is {wording.size(done.database_after)}"
        if is_meant
        else f"the database is {database} now, and becomes smaller"
    )
    lines += done.notes
    if not is_meant:
        lines.append("nothing was removed; --yes does it")
    console.answer(content, "\n".join(lines))


def _run(run: OldRun) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "name": run.name,
        "process": str(run.process),
        "result": run.result,
        "dateEnded": views.date(run.ended_at),
    }


def _by_process(found: Sequence[OldRun]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("RUNS", "FROM", "TO", "PROCESS")]
    ordered = sorted(found, key=attrgetter("process_name", "ended_at"))
    for name, group in groupby(ordered, key=attrgetter("process_name")):
        runs = list(group)
        rows.append((f"{len(runs):,}", wording.moment(runs[0].ended_at), wording.moment(runs[-1].ended_at), name))
    return rows

"""Crash before and after every commit and every publication, start again: nothing is lost, nothing invented (R2)."""

from __future__ import annotations

import gc
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from procession.clock import SystemClock
from procession.store.crash import pass_by
from procession.store.migrations import available, migrate
from procession.store.sqlite import SqliteDatabase
from tests.crashing import CRASHED, Countdown, at_once, finish, in_a_child, why
from tests.engine import crash_script

pytestmark = pytest.mark.crash

LANES = 6  # homes under test at the same time: most of a turn is waiting
STRIDE = 11  # in `make test`: odd, so that before and after a commit take turns; `make thorough` stops at every point
POINTS_MAX = 400  # the script is small; more points than this means that it does not end
FINAL = {"Finished", "Cancelled", "TimedOut"}


@pytest.mark.parametrize("turn", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_a_crash_at_any_point_of_a_server_s_work_loses_and_invents_nothing(
    tmp_path: Path, is_thorough: bool, turn: int
) -> None:
    gc.freeze()
    stride = 1 if is_thorough else STRIDE
    next_point, crashes = 1, 0
    is_complete = False
    while not is_complete:
        homes = {point: _home(tmp_path, point) for point in range(next_point, next_point + LANES * stride, stride)}
        ends = at_once(homes, crash_script.perform)
        for point, home in homes.items():
            assert ends[point] in {0, CRASHED}, why(home)
        again = at_once(homes, lambda home, point: crash_script.recover(home))
        states = {point: _whole_state(home) for point, home in homes.items()}
        for point, home in homes.items():
            assert again[point] == 0, f"point {point}: {why(home)}"
            check(home, f"point {point}")
        third = at_once(homes, lambda home, point: crash_script.recover(home))
        for point, home in homes.items():
            assert third[point] == 0, f"point {point}: {why(home)}"
            assert _whole_state(home) == states[point], f"point {point}: a second recovery changed something"
        crashes += sum(end == CRASHED for end in ends.values())
        is_complete = ends[max(ends)] == 0
        next_point += LANES * stride
        assert next_point < POINTS_MAX
    print(f"{crashes} crash points, 0 violations")
    assert crashes > 40 // stride


def _home(folder: Path, point: int) -> Path:
    home = folder / str(point)
    home.mkdir()
    return home


# --- what must be true afterwards


def check(home: Path, where: str) -> None:
    # A connection of the test's own: it must not trust the code it judges.
    with closing(sqlite3.connect(f"file:{home / 'procession.db'}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), where
        assert db.execute("PRAGMA foreign_key_check").fetchall() == [], where
        assert "run" in {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}, where
        _check_acknowledged(db, home, where)
        _check_runs(db, where)
        _check_effects(db, home, where)
        _check_contents(db, home, where)
        _check_history(db, where)
        _check_attempts(db, where)
        _check_alerts(db, where)
        _check_versions(db, where)


def _check_acknowledged(db: sqlite3.Connection, home: Path, where: str) -> None:
    """What a client was told is true for ever."""
    statuses = {f"pr-{row[0]}": row[1] for row in db.execute("SELECT id, status FROM run")}
    attempts = {f"pr-{row[0]}": row[1] for row in db.execute("SELECT id, attempt FROM run")}
    path = home / "acknowledged"
    for line in path.read_text().splitlines() if path.exists() else []:
        what, run = line.split()
        assert run in statuses, f"{where}: {line} is lost"
        match what:
            case "start":
                assert statuses[run] in FINAL, f"{where}: {line}, but {statuses[run]}"
            case "cancel":
                assert statuses[run] == "Cancelled", f"{where}: {line}, but {statuses[run]}"
            case "restart":
                assert attempts[run] == 2, f"{where}: {line} is lost"
            case "upgrade":
                sql = "SELECT version FROM run WHERE id = ?"
                assert (attempts[run], db.execute(sql, (int(run[3:]),)).fetchone()) == (2, (2,)), f"{where}: {line}"
            case "upload":
                sql = (
                    "SELECT f.sha256 FROM step s JOIN property p ON p.step_id = s.id"
                    " JOIN file f ON f.property_id = p.id"
                    " WHERE s.run_id = ? AND p.key = 'given'"
                )
                assert db.execute(sql, (int(run[3:]),)).fetchone()[0], f"{where}: {line} is lost"


def _check_runs(db: sqlite3.Connection, where: str) -> None:
    active = db.execute("SELECT id, status FROM run WHERE status IN ('Scheduled', 'Running')").fetchall()
    assert active == [], f"{where}: not brought to an end"
    stuck = "SELECT s.key FROM step s JOIN run r ON r.id = s.run_id WHERE s.status IN ('Scheduled', 'Running')"
    assert db.execute(stuck).fetchall() == [], where


def _check_effects(db: sqlite3.Connection, home: Path, where: str) -> None:
    """No Success without its effect, no second payment, never two attempts of one step at once."""
    path = home / "sink"
    told = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    counts = Counter(tuple(words) for words in told)
    assert counts["whole", "pay", "begin"] <= 1, f"{where}: paid twice"
    under_way: set[str] = set()
    for _, key, word in told:
        # One that was killed has begun and not ended; the next begin of the same step is its second attempt.
        assert word == "begin" or key in under_way, f"{where}: {key} ended twice"
        under_way = under_way | {key} if word == "begin" else under_way - {key}
    sql = "SELECT s.key, s.status, s.message FROM step s JOIN run r ON r.id = s.run_id WHERE s.kind = 'Action'"
    for key, status, message in db.execute(sql):
        if status == "Success" and key in {"write", "pay", "close"}:
            assert counts["whole", key, "end"] >= 1, f"{where}: {key} is a Success that never was"
        if status == "Failed" and key != "bad":
            assert key == "pay", f"{where}: {key} failed: {message}"
            assert "must not happen twice" in message, f"{where}: {message}"
    assert counts["cancelled", "long", "end"] <= 1, where


def _check_contents(db: sqlite3.Connection, home: Path, where: str) -> None:
    """No row names a content that is not there, whole."""
    named = "SELECT sha256, size FROM file WHERE sha256 IS NOT NULL UNION SELECT sha256, size FROM property_write"
    for sha256, size in db.execute(f"{named} WHERE sha256 IS NOT NULL"):
        content = (home / "files" / sha256[:2] / sha256[2:]).read_bytes()
        assert len(content) == size, where
        assert hashlib.sha256(content).hexdigest() == sha256, where


# Within one attempt at a run a step never goes back; Scheduled after Running is a repeat after the crash.
ORDER = {"NotStarted": 0, "Scheduled": 1, "Running": 1, "Success": 2, "Warning": 2, "Failed": 2, "Skipped": 2}


def _check_history(db: sqlite3.Connection, where: str) -> None:
    for (run,) in db.execute("SELECT id FROM run").fetchall():
        sql = (
            "SELECT at, attempt, kind, step_id, json_extract(detail, '$.status') FROM history WHERE run_id = ?"
            " ORDER BY revision"
        )
        rows = db.execute(sql, (run,)).fetchall()
        moments = [row[0] for row in rows]
        assert moments == sorted(moments), f"{where}: the revisions of pr-{run} do not follow time"
        reached: dict[tuple[int, int], str] = {}
        for _, attempt, kind, step, status in rows:
            if kind == "step":
                before = reached.get((attempt, step), "NotStarted")
                assert ORDER[status] >= ORDER[before], f"{where}: pr-{run} went from {before} to {status}"
                assert ORDER[before] < 2, f"{where}: pr-{run} left the final status {before}"
                reached[attempt, step] = status
        kinds = [row[2] for row in rows]
        ends = kinds.count("finished") + kinds.count("cancelled") + kinds.count("timed out")
        assert ends <= 1 + kinds.count("restarted"), f"{where}: pr-{run} ended {ends} times"


def _check_attempts(db: sqlite3.Connection, where: str) -> None:
    """Every attempt is over, and none began before the one before it had ended."""
    left = db.execute("SELECT id, status, is_gone FROM step_attempt WHERE is_gone = 0 OR status = 'Running'").fetchall()
    assert left == [], f"{where}: attempts left {left}"
    both = (
        "SELECT a.id, b.id FROM step_attempt a JOIN step_attempt b ON a.step_id = b.step_id AND a.id < b.id"
        " WHERE b.started_at < a.finished_at"
    )
    assert db.execute(both).fetchall() == [], f"{where}: two attempts at once"


def _check_alerts(db: sqlite3.Connection, where: str) -> None:
    """Each end that is recorded is to be told, once, and nothing else is; so it is with the log."""
    ends = "SELECT run_id, revision FROM history WHERE kind IN ('finished', 'cancelled', 'timed out') ORDER BY 1, 2"
    told = db.execute("SELECT run_id, revision FROM outbox ORDER BY 1, 2").fetchall()
    assert told == db.execute(ends).fetchall(), where
    lines = db.execute("SELECT count(*) FROM log WHERE message LIKE '%has completed%'").fetchone()
    assert lines == (len(told),), where


def _check_versions(db: sqlite3.Connection, where: str) -> None:
    """A run has the steps of one version, whole, and its history says which."""
    runs = "SELECT id, version FROM run WHERE name LIKE 'Upgraded%'"
    for run, version in db.execute(runs).fetchall():
        present = "SELECT key FROM step WHERE run_id = ? AND is_retired = 0 ORDER BY position"
        keys = [row[0] for row in db.execute(present, (run,))]
        assert keys == (["first", "bad"] if version == 1 else ["first", "bad", "new", "more"]), where
        told = "SELECT json_extract(detail, '$.version') FROM history WHERE run_id = ? AND kind = 'restarted'"
        assert db.execute(told, (run,)).fetchall() == ([] if version == 1 else [(2,)]), where
        begun = "SELECT count(*) FROM property_write w JOIN property p ON p.id = w.property_id WHERE p.key = 'n'"
        assert version == 1 or db.execute(f"{begun} AND w.value = '7'").fetchone() == (1,), where


def _whole_state(home: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{home / 'procession.db'}?mode=ro", uri=True)) as db:
        return [line for line in db.iterdump() if not line.startswith("BEGIN")]


# --- migrations


def test_a_crash_at_any_point_of_a_migration_leaves_a_home_that_the_next_start_completes(tmp_path: Path) -> None:
    point, end = 0, CRASHED
    while end == CRASHED:
        point += 1
        home = _home(tmp_path, point)
        end = finish(in_a_child(home, lambda home=home, point=point: _migrate(home, Countdown(point))))  # type: ignore[misc]
        assert end in {0, CRASHED}, why(home)

        _migrate(home, pass_by)

        with closing(sqlite3.connect(home / "procession.db")) as db:
            assert db.execute("SELECT count(*) FROM schema_migration").fetchone() == (len(available()),)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    print(f"{point - 1} crash points of migrations, 0 violations")
    assert point > 4


def _migrate(home: Path, crash_point: Callable[[str], None]) -> None:
    fatal: list[str] = []
    db = SqliteDatabase(home / "procession.db", on_fatal=fatal.append, crash_point=crash_point)
    migrate(db, SystemClock().now())
    db.close()
    assert not fatal

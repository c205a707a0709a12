"""prune: what may go goes, with its bytes; everything else stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from procession import leases
from procession.clock import SystemClock
from procession.home import Home
from procession.model.ids import RunId
from procession.operations import home_time
from procession.store import retention
from procession.store.folder import BlobFolder
from procession.store.retention import RetentionRule
from procession.store.sqlite import SqliteDatabase
from tests.commands import homes
from tests.programs import SOURCE, apply_text, command, serving, sign_in
from tests.support import wait_until

pytestmark = pytest.mark.acceptance


def runs(home: Path) -> list[int]:
    return [row[0] for row in homes.ask(home, "SELECT id FROM run ORDER BY id")]


def test_prune_shows_first_what_would_go_and_does_it_when_it_is_told(home: Path) -> None:
    before = homes.state(home), homes.contents(home), homes.logs(home)

    shown = command(home, "prune", "--keep", "1")
    assert (homes.state(home), homes.contents(home), homes.logs(home)) == before
    told = command(home, "prune", "--keep", "1", "--json").json
    done = command(home, "prune", "--keep", "1", "--yes", "--json").json

    assert "1 run would go" in shown.out and "nothing was removed; --yes does it" in shown.out
    assert [row["id"] for row in done["runs"]] == [row["id"] for row in told["runs"]] == ["pr-1"]
    for name in ("contents", "logs", "freedBytes"):
        assert told[name] == done[name] > 0, name
    assert runs(home) == [2]


@pytest.mark.thorough
def test_the_bytes_on_disk_shrink_and_what_is_kept_is_whole(home: Path) -> None:
    for number in range(12):
        command(home, "run", "Month end", "--input", f"in.seed={number}", "--wait")
    # Long values, so that the database itself has something to give back.
    homes.change(home, "UPDATE step_attempt SET message = hex(zeroblob(120000))")
    before, database = homes.size_bytes(home), (home / "procession.db").stat().st_size

    done = command(home, "prune", "--keep", "2", "--yes", "--json").json

    after = homes.size_bytes(home)
    assert before - after > 2_000_000
    assert done["freedBytes"] > 11 * 200_000
    assert (home / "procession.db").stat().st_size < database / 2
    assert done["databaseBytesAfter"] < done["databaseBytesBefore"] / 2
    assert homes.contents(home) == homes.named(home)
    homes.check_whole(home)
    assert command(home, "doctor", "--json").json["problems"] == 0
    assert "Report.csv" in command(home, "show", "pr-14").out


def test_a_content_that_another_run_has_too_stays(home: Path) -> None:
    command(home, "run", "Month end", "--wait")  # the same noise as in pr-1

    command(home, "prune", "--keep", "1", "--yes")

    assert runs(home) == [3]
    homes.check_whole(home)
    assert command(home, "download", "pr-3", "out.first", "--to", str(home.parent / "d")).code == 0


def test_the_log_of_the_home_keeps_what_went(home: Path) -> None:
    digest = _history_sha256(home)

    command(home, "prune", "--keep", "1", "--yes")

    rows = homes.ask(home, "SELECT user_login, message FROM log ORDER BY id DESC LIMIT 1")
    assert rows[0][0] == "admin"
    assert rows[0][1].startswith('Pruned process run "Month end : run #1" (pr-1, p-1 version 1): Success, ended 20')
    assert rows[0][1].endswith(f"history SHA-256 {digest}")


def _history_sha256(home: Path) -> str:
    database = SqliteDatabase(home / "procession.db", on_fatal=lambda _reason: None)
    try:
        with database.read() as tx:
            return retention.history_sha256(tx, RunId(1))
    finally:
        database.close()


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--keep", "5"], [1, 2]),
        (["--keep", "0"], []),
        (["--older-than", "1d"], [1, 2]),
        (["--older-than", "0s"], []),
        (["--older-than", "0s", "--keep", "1"], [2]),
        (["--keep", "0", "--process", "Month end"], []),
        ([], [1, 2]),
    ],
)
def test_a_run_goes_when_it_is_old_and_not_among_the_newest(home: Path, options: list[str], left: list[int]) -> None:
    assert command(home, "prune", *options, "--yes").code == 0

    assert runs(home) == left


def test_a_wall_clock_set_ahead_makes_no_run_older(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    database = Home(folder=home).open_database(clock)
    home_time.of_home(database, clock).tick(database)
    database.close()
    monkeypatch.setattr(SystemClock, "now", _in_two_years)

    assert homes.prune_at_once(home, age=timedelta(days=90)) == 0

    assert runs(home) == [1, 2]


def _in_two_years(_clock: SystemClock) -> datetime:
    return datetime.now(UTC) + timedelta(days=730)


def test_what_waits_or_was_not_started_stays_and_is_not_counted(home: Path) -> None:
    waiting = command(home, "run", "Month end", "--json").json["id"]
    homes.change(home, "UPDATE run SET status = 'NotStarted', outcome = NULL WHERE id = 2")

    command(home, "prune", "--keep", "1", "--yes")
    assert runs(home) == [1, 2, 3]
    command(home, "prune", "--keep", "0", "--yes")

    assert runs(home) == [2, 3]
    assert command(home, "show", waiting, "--json").json["status"] == "Scheduled"


def test_a_run_that_something_else_names_stays(home: Path) -> None:
    """The version of a table that it wrote, a process of it that may live, and whatever a later release adds."""
    homes.change(
        home,
        "INSERT INTO managed_table (id, name, description, version, created_at, modified_at)"
        " VALUES (1, 'T', '', 1, 0, 0)",
        "INSERT INTO table_version VALUES (1, 1, 'create', 'ada', 0, 0, 0, '[]', 1, NULL, NULL, 0, 0)",
    )
    assert command(home, "prune", "--keep", "0", "--yes", "--json").json["runs"][0]["id"] == "pr-2"
    assert runs(home) == [1]

    homes.change(home, "DELETE FROM table_version", "UPDATE step_attempt SET is_gone = 0")
    assert command(home, "prune", "--keep", "0", "--yes", "--json").json["runs"] == []

    homes.change(
        home,
        "UPDATE step_attempt SET is_gone = 1",
        "CREATE TABLE letter (run_id INTEGER REFERENCES run (id))",
        "INSERT INTO letter VALUES (1)",
    )
    assert command(home, "prune", "--keep", "0", "--yes", "--json").json["runs"] == []
    assert runs(home) == [1]


def test_a_run_whose_end_is_still_to_be_told_stays_until_it_is(home: Path) -> None:
    homes.change(
        home,
        "INSERT INTO outbox (channel, kind, run_id, revision, target, created_at, next_at)"
        " SELECT 'mail', 'run_ended', 1, max(revision), 'ada@example.com', 0, 0 FROM history WHERE run_id = 1",
    )
    said = command(home, "prune", "--keep", "0", "--yes")
    assert runs(home) == [1]
    assert "1 run with mail that was not sent yet stay" in said.out

    homes.change(home, "UPDATE outbox SET sent_at = 1")
    command(home, "prune", "--keep", "0", "--yes")

    assert (runs(home), homes.ask(home, "SELECT count(*) FROM outbox")) == ([], [(0,)])


def test_a_run_that_is_restarted_meanwhile_stays(home: Path) -> None:
    names = ", ".join(row[0] for row in homes.ask(home, "SELECT name FROM pragma_table_info('run')") if row[0] != "id")
    homes.change(home, *(f"INSERT INTO run ({names}) SELECT {names} FROM run WHERE id = 1" for _ in range(28)))
    points: list[str] = []

    def restart(point: str) -> None:
        # After the first piece; this one is in the second.
        points.append(point)
        homes.change(home, "UPDATE run SET status = 'Scheduled', outcome = NULL WHERE id = 29")

    homes.prune_at_once(home, keep=0, crash_point=restart)

    assert points.count("runs removed") == 2
    assert runs(home) == [29]


def test_a_home_made_before_shrinks_too_once_nobody_works_on_it(home: Path) -> None:
    homes.change(
        home,
        "PRAGMA auto_vacuum = NONE",
        "UPDATE step_attempt SET message = hex(zeroblob(900000))",
        "VACUUM",
        "PRAGMA journal_mode = DELETE",
    )
    assert homes.ask(home, "PRAGMA auto_vacuum") == [(0,)]
    before = (home / "procession.db").stat().st_size
    with serving(home):
        beside = command(home, "prune", "--keep", "1", "--yes", "--json").json
    assert any("it was made by an earlier program" in note for note in beside["notes"])
    assert (home / "procession.db").stat().st_size >= before

    alone = command(home, "prune", "--keep", "1", "--yes", "--json").json

    assert alone["notes"] == []
    assert (home / "procession.db").stat().st_size < before / 1.5
    assert homes.ask(home, "PRAGMA auto_vacuum") == [(2,)]
    homes.check_whole(home)


def test_beside_a_server_rows_go_at_once_and_young_files_later(home: Path) -> None:
    homes.change(home, "UPDATE step_attempt SET message = hex(zeroblob(900000))")
    before = (home / "procession.db").stat().st_size
    with serving(home) as server:
        client = sign_in(home, server.address)
        first = command(home, "prune", "--keep", "1", "--yes", "--json").json
        assert (first["contents"], "less than a day old" in first["notes"][0]) == (0, True)
        assert (home / "procession.db").stat().st_size < before / 1.5
        make_old(home)
        second = command(home, "prune", "--keep", "1", "--yes", "--json").json
        run = client.json("POST", "processes/p-1/processruns", {"start": True})["id"]
        assert client.wait_for_end(run)["outcome"] == "Success"

    assert second["contents"] == 3
    homes.check_whole(home)


def make_old(home: Path) -> None:
    for path in (home / "files").glob("??/*"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 90_000))


def test_a_content_published_again_is_not_taken_for_an_old_one(tmp_path: Path) -> None:
    """A blob that was listed as unused, and is named again before it is removed (distribution#3544, nora#584)."""
    blobs = BlobFolder(tmp_path / "files")
    sha256 = _publish(blobs).sha256
    os.utime(blobs.path(sha256), (0, 0))
    before = SystemClock().now() - timedelta(hours=1)

    _publish(blobs)  # no row yet

    assert blobs.drop(sha256, before=before, is_named=lambda _: False) is None
    os.utime(blobs.path(sha256), (0, 0))
    assert blobs.drop(sha256, before=before, is_named=lambda _: True) is None
    assert blobs.drop(sha256, before=before, is_named=lambda _: False) == 5
    assert _publish(blobs).sha256 in blobs.stored()


def _publish(blobs: BlobFolder):
    sink = blobs.sink()
    sink.write(b"hello")
    return sink.finish()


def test_no_command_and_no_server_begins_while_prune_has_the_home(home: Path) -> None:
    told: list[str] = []

    def look(point: str) -> None:
        if not told:
            told.append(command(home, "list").err)
            told.append(command(home, "serve", "--port", "0").err)
            told.append(command(home, "backup", str(home.parent / "b.tar")).err if point == "content removed" else "")

    homes.prune_at_once(home, keep=0, crash_point=look)

    assert "procession prune is at work" in told[0]
    assert "procession prune (process" in told[1]


def test_prune_rests_while_a_backup_reads(home: Path) -> None:
    with leases.hold(home, "sweep") as is_free:
        assert is_free
        done = command(home, "prune", "--keep", "0", "--yes", "--json").json

    assert (done["contents"], done["logs"]) == (0, 0)
    assert "a backup is being made" in done["notes"][0]
    assert command(home, "prune", "--yes", "--json").json["contents"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ("--older-than 400", 1, '--older-than needs a unit, such as "400d" for days'),
        ("--older-than soon", 1, "--older-than must be an age such as"),
        ("--older-than 99999999999d", 1, "--older-than must be at most 36500d"),
        ("--keep -1", 2, "--keep"),
        ("--process p-1", 2, "--older-than or --keep"),
        ("--keep 1 --process Nothing", 1, 'there is no process "Nothing"'),
    ],
)
def test_mistakes_are_told(home: Path, arguments: str, code: int, text: str) -> None:
    said = command(home, "prune", *arguments.split(), "--yes")

    assert (said.code, said.out, runs(home)) == (code, "", [1, 2])
    assert text in said.err


def test_a_rule_counts_the_newest_of_each_process(home: Path) -> None:
    apply_text(
        home,
        "process: Other\ngroups:\n  - group: A\n    steps:\n      - {action: wait, name: W, with: {seconds: 0.01}}\n",
    )
    command(home, "run", "Other", "--wait")
    database = SqliteDatabase(home / "procession.db", on_fatal=lambda _reason: None)
    now = SystemClock().now()

    def left(rule: RetentionRule) -> list[str]:
        with database.read() as tx:
            return [str(run.id) for run in retention.runs(tx, rule)]

    try:
        assert left(RetentionRule(keep=1)) == ["pr-1"]
        assert left(RetentionRule(ended_before=now + timedelta(days=1))) == ["pr-1", "pr-2", "pr-3"]
        assert left(RetentionRule(ended_before=now - timedelta(days=1), keep=0)) == []
    finally:
        database.close()


def test_a_run_that_was_pruned_is_gone_for_everybody(home: Path) -> None:
    with serving(home) as server:
        client = sign_in(home, server.address)
        command(home, "prune", "--keep", "1", "--yes")

        assert client.ask("GET", "processruns/pr-1/runstatus").status == 404
        assert "there is no process run pr-1" in command(home, "restart", "pr-1", "reconcile").err
        assert wait_until(lambda: client.ask("GET", "processruns/pr-2/history").status == 200)


@pytest.mark.thorough
def test_writers_of_a_server_go_on_while_the_database_shrinks(home: Path) -> None:
    """A full VACUUM stops them for minutes (OmniRoute#12821), one transaction after the other for seconds."""
    homes.change(
        home,
        "CREATE TABLE filler (content BLOB)",
        *["INSERT INTO filler VALUES (zeroblob(500000))"] * 100,
        "DROP TABLE filler",
    )
    with serving(home) as server:
        client = sign_in(home, server.address)
        prune = subprocess.Popen(
            [sys.executable, "-m", "procession", "prune", "--keep", "0", "--yes", "--home", str(home)],
            cwd=SOURCE,
            stdout=subprocess.PIPE,
        )
        waits = []
        while prune.poll() is None:
            begin = time.monotonic()
            client.json("POST", "processes/p-1/processruns", {})
            waits.append(time.monotonic() - begin)
        prune.communicate()

    assert prune.returncode == 0
    assert len(waits) > 5
    assert max(waits) < 3
    assert (home / "procession.db").stat().st_size < 5_000_000


def test_doctor_tells_how_much_waits_to_be_removed_and_when_a_server_looked_last(home: Path) -> None:
    def told() -> tuple[str, str]:
        checks = command(home, "doctor", "--json").json["checks"]
        return next((one["status"], one["message"]) for one in checks if one["name"] == "unused files")

    assert told()[1].startswith("0 contents")
    _publish(BlobFolder(home / "files"))
    never = told()
    Home(folder=home).note_sweep(datetime.now(UTC) - timedelta(hours=3, minutes=1))

    assert never[0] == "warning" and "looked through all of them last: never" in never[1]
    status, message = told()
    assert (status, message.partition(" without")[0]) == ("ok", "1 content (5 bytes)")
    assert message.endswith("3 hours ago")

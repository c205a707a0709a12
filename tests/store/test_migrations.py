"""The migrations leave the schema that schema.sql shows, and a later release's data is not touched."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from procession.clock import ManualClock
from procession.model.errors import Invalid
from procession.model.ids import ActionStepId, FileId, RunId, UserId
from procession.store import child_runs, migrations, outbox, runs, uploads
from procession.store.child_runs import ChildState
from procession.store.sqlite import SqliteDatabase
from tests.store.conftest import OpenedFile


def schema_of(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    return {name: _plain(sql) for name, sql in rows}


def _plain(sql: str) -> str:
    """Without layout: SQLite puts an added column where it likes, and quotes the name of a renamed table."""
    return re.sub(r"\s*([(),])\s*", r"\1", re.sub(r"\s+", " ", sql.replace('"', ""))).strip()


def test_the_schema_file_is_what_the_migrations_leave(tmp_path: Path, clock: ManualClock) -> None:
    db = SqliteDatabase(tmp_path / "test.db", on_fatal=print)
    migrations.migrate(db, clock.now())
    db.close()
    migrated, shown = sqlite3.connect(tmp_path / "test.db"), sqlite3.connect(":memory:")
    shown.executescript(resources.files("procession.store").joinpath("schema.sql").read_text("utf-8"))

    found, expected = schema_of(migrated), schema_of(shown)
    migrated.close()
    shown.close()

    assert found == expected
    assert len(found) > 20


def test_a_second_migration_has_nothing_to_do(db: OpenedFile, clock: ManualClock) -> None:
    first = migrations.migrate(db, clock.now())

    assert first == len(migrations.available())
    assert migrations.migrate(db, clock.now()) == 0


def test_the_data_of_a_later_release_is_refused_with_a_reason(db: OpenedFile, clock: ManualClock) -> None:
    migrations.migrate(db, clock.now())
    db.write(lambda tx: tx.run("INSERT INTO schema_migration VALUES (9999, '9999_later.sql', 0)"))

    with pytest.raises(Invalid, match=r"later release of Procession .schema 9999.*install that release again"):
        migrations.migrate(db, clock.now())


def test_migrations_are_numbered_without_gaps_and_none_twice() -> None:
    files = [path.name for path in resources.files(migrations).iterdir() if path.name.endswith(".sql")]

    assert sorted(int(name[:4]) for name in files) == list(range(1, len(files) + 1))


def test_runs_that_an_earlier_release_left_under_way_keep_what_they_took(tmp_path: Path, clock: ManualClock) -> None:
    path, second = tmp_path / "test.db", 1_000_000
    with closing(sqlite3.connect(path)) as before:
        for number, (_, sql) in sorted(migrations.available().items()):
            if number < 8:
                before.executescript(f"{sql}\nINSERT INTO schema_migration VALUES ({number}, '', 0);")
        before.execute(
            "INSERT INTO process (name, version, created_at, modified_at, modified_by) VALUES ('', 1, 0, 0, '')"
        )
        before.execute("INSERT INTO process_version VALUES (1, 1, '', NULL, '', '', 0)")
        for status, outcome, duration, lease in (
            ("Finished", "Success", 7 * second, None),
            ("Running", None, None, 150 * second),
            ("NotStarted", None, None, None),
        ):
            before.execute(
                "INSERT INTO run (process_id, version, name, description, alert_email, alert_sms, created_at, modified_at,"
                " modified_by, started_at, executor, status, outcome, duration, lease_until, deadline_at)"
                " VALUES (1, 1, '', '', '', '', 0, 0, '', ?, 'x', ?, ?, ?, ?, ?)",
                (100 * second, status, outcome, duration, lease, lease and 3_700 * second),
            )
        before.commit()

    db = SqliteDatabase(path, on_fatal=print)
    migrations.migrate(db, clock.now())
    with db.read() as tx:
        found = [runs.find(tx, RunId(number)) for number in (1, 2, 3)]
    db.close()

    assert [run and (run.worked.counted, run.worked.since, run.worked_max) for run in found] == [
        (7.0, None, None),
        (20.0, None, 3_600.0),
        (0.0, None, None),
    ]


def test_mail_that_waits_when_the_outbox_comes_goes_on_waiting(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "test.db"
    with closing(sqlite3.connect(path)) as before:
        for number, (_, sql) in sorted(migrations.available().items()):
            if number < 6:
                before.executescript(f"{sql}\nINSERT INTO schema_migration VALUES ({number}, '', 0);")
        before.execute("INSERT INTO user_account (login, email, first_name, last_name, role, created_at)"
                       " VALUES ('ada', 'a@x.org', '', '', 'Designer', 0)")  # fmt: skip
        before.execute(
            "INSERT INTO mail (kind, user_id, created_at, tries, next_at) VALUES ('set_password', 1, 5, 3, 9)"
        )
        before.commit()

    db = SqliteDatabase(path, on_fatal=print)
    migrations.migrate(db, clock.now())
    with db.read() as tx:
        post = outbox.next_due(tx, clock.now())
    db.close()

    assert post is not None
    assert (post.about, post.tries, len(post.key)) == (UserId(1), 3, 32)


def test_an_upload_under_way_at_an_upgrade_goes_on_where_it_stood(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "test.db"
    with closing(sqlite3.connect(path)) as before:
        for number, (_, sql) in sorted(migrations.available().items()):
            if number < 17:
                before.executescript(f"{sql}\nINSERT INTO schema_migration VALUES ({number}, '', 0);")
        before.execute("INSERT INTO user_account (login, email, first_name, last_name, role, created_at)"
                       " VALUES ('ada', 'a@x.org', '', '', 'Designer', 0)")  # fmt: skip
        before.execute("INSERT INTO file (property_id) VALUES (1)")
        before.executemany(
            "INSERT INTO upload_session (id, file_id, user_id, created_at, committed_at, size) VALUES (?, 1, 1, 5, ?, ?)",
            [("open", None, 7), ("over", 6, 0)],
        )
        before.execute("INSERT INTO upload_chunk VALUES ('open', 2, 'a1', 'x.csv', 'ff', 7)")
        before.commit()

    db = SqliteDatabase(path, on_fatal=print)
    migrations.migrate(db, clock.now())
    with db.read() as tx:
        found, over = uploads.find(tx, "open"), uploads.find(tx, "over")
        kept, size = uploads.chunks(tx, "open"), uploads.size_bytes_of(tx, UserId(1))
        problems = tx.all("PRAGMA foreign_key_check(upload_chunk)") + tx.all("PRAGMA foreign_key_check(upload_session)")
    db.close()

    assert found is not None and over is not None
    assert (found.target, found.committed_at, found.content) == (FileId(1), None, None)
    assert (over.committed_at is None, over.content) == (False, None)
    assert ([(chunk.number, chunk.size_bytes) for chunk in kept], size, problems) == ([(2, 7)], 7, [])


def test_a_run_that_a_step_waits_for_at_an_upgrade_is_waited_for(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "test.db"
    with closing(sqlite3.connect(path)) as before:
        for number, (_, sql) in sorted(migrations.available().items()):
            if number < 24:
                before.executescript(f"{sql}\nINSERT INTO schema_migration VALUES ({number}, '', 0);")
        before.executescript(
            "INSERT INTO process (name, version, created_at, modified_at, modified_by) VALUES ('', 1, 0, 0, '');"
            "INSERT INTO process_version (process_id, number, definition, sha256, author, created_at)"
            " VALUES (1, 1, '', '', '', 0);"
        )
        for run in (1, 2):
            before.executescript(
                "INSERT INTO run (process_id, version, name, description, alert_email, alert_sms, created_at,"
                " modified_at, modified_by, started_at, executor, status)"
                " VALUES (1, 1, '', '', '', '', 0, 0, '', 1, 'x', 'Running');"
                "INSERT INTO step (process_id, run_id, key, name, kind, step_order, group_name, position, enabled)"
                f" VALUES (1, {run}, 'call', '', 'Action', '1.1', '', 1, 1);"
                "INSERT INTO step_attempt (run_id, step_id, attempt, number, epoch, started_at, status, pid,"
                f" started_ticks, boot_id) VALUES ({run}, {run}, 1, 1, 1, 0, 'Running', 0, 0, '');"
            )
        before.execute("INSERT INTO child_run VALUES (1, 1, 1, 2, 'hash', 1, '')")
        before.execute("INSERT INTO child_run VALUES (2, 2, 2, NULL, 'hash', 1, 'no role')")
        before.commit()

    db = SqliteDatabase(path, on_fatal=print)
    migrations.migrate(db, clock.now())
    with db.read() as tx:
        child, refused = child_runs.of_attempt(tx, 1), child_runs.of_attempt(tx, 2)
        waited_for, kept = child_runs.waited_for(tx, RunId(1)), child_runs.latest_of_step(tx, ActionStepId(1))
    db.close()

    assert child is not None and (child.child, child.inputs, child.state) == (RunId(2), "hash", ChildState.STARTED)
    assert refused is not None and (refused.child, refused.why) == (None, "no role")
    assert waited_for == [RunId(2)] and kept == child

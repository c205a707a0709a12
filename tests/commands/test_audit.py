"""The audit trail: what somebody does to history or log with a database shell is found and named (trust, rule 10)."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from pathlib import Path

import pytest

from procession.clock import ManualClock
from procession.store import audit, history, migrations
from procession.store.database import Transaction
from procession.store.sqlite import SqliteDatabase
from procession.store.sqlite_transaction import SqliteTransaction
from tests.commands import homes
from tests.programs import command

TABLES = {"history": "run_id, revision", "log": "id", "audit": "id", "audit_head": "one"}


@pytest.fixture
def shell(home: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the home's database as somebody sees it who may do anything with it."""
    with closing(sqlite3.connect(home / "procession.db")) as db, closing(sqlite3.connect(":memory:")) as copy:
        db.backup(copy)
        copy.isolation_level = None
        for (name,) in copy.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            copy.execute(f"DROP TRIGGER {name}")
        copy.execute("PRAGMA ignore_check_constraints = ON")
        yield copy


def fault(shell: sqlite3.Connection, kept: audit.TrailHead | None = None) -> str | None:
    return audit.first_fault(SqliteTransaction(shell), kept)


def edit(shell: sqlite3.Connection, rng: random.Random) -> str:
    """One change of one row; gives what was done."""
    table = rng.choice([*TABLES] * 3 + ["audit_head"])
    row = rng.choice(shell.execute(f"SELECT {TABLES[table]} FROM {table}").fetchall())
    where = " AND ".join(f"{name} = {value}" for name, value in zip(TABLES[table].split(", "), row, strict=True))
    columns = [(name, kind) for _, name, kind, *_ in shell.execute(f"PRAGMA table_info({table})")]
    name, kind = rng.choice([column for column in columns if column[0] != "one"])
    if rng.random() < 0.25:
        done = f"DELETE FROM {table} WHERE {where}"
    elif table in {"history", "log"} and rng.random() < 0.2:
        copied = ", ".join(f"{column} + 1000" if column in {"revision", "id"} else column for column, _ in columns)
        done = f"INSERT INTO {table} SELECT {copied} FROM {table} WHERE {where}"
    else:
        # Far away: the keys of the next row are taken.
        new = {"INTEGER": f"coalesce({name}, 0) + 1000000", "BLOB": "randomblob(32)"}
        done = f"UPDATE {table} SET {name} = {new.get(kind, _letter(name, rng))} WHERE {where}"
    shell.execute(done)
    return done


def _letter(name: str, rng: random.Random) -> str:
    """An expression with one character more, or what is no UTF-8."""
    return rng.choice([f"coalesce({name}, '') || ' '", f"CAST(x'{rng.randrange(128, 192):x}' AS TEXT)"])


@pytest.mark.parametrize("edits", [60, pytest.param(1_000, marks=pytest.mark.thorough)])
def test_every_edit_with_a_database_shell_is_found(shell: sqlite3.Connection, edits: int) -> None:
    rng = random.Random(edits)  # noqa: S311  # the same edits each time
    assert fault(shell) is None

    for _ in range(edits):
        shell.execute("BEGIN")
        done = edit(shell, rng)
        assert fault(shell) is not None, done
        shell.execute("ROLLBACK")

    assert fault(shell) is None


def test_the_first_bad_row_is_named(home: Path) -> None:
    whole = command(home, "audit", "verify", "--json").json
    homes.change(home, "DROP TRIGGER history_stays", "UPDATE history SET user_login = 'eve' WHERE revision = 2")

    broken = command(home, "audit", "verify")
    told = command(home, "doctor", "--json").json

    assert whole["isWhole"]
    assert whole["entries"] == sum(homes.ask(home, f"SELECT count(*) FROM {name}")[0][0] for name in ("history", "log"))
    assert (broken.code, "revision 2 in the history of pr-1 is not as it was written" in broken.out) == (1, True)
    assert [one["status"] for one in told["checks"] if one["name"] == "audit trail"] == ["problem"]


def test_a_trail_that_was_reckoned_anew_is_found_by_a_head_that_was_kept(home: Path, shell: sqlite3.Connection) -> None:
    kept = audit.parse_head(command(home, "audit", "verify", "--json").json["head"])
    assert fault(shell, kept) is None
    shell.executescript(
        "UPDATE history SET user_login = 'eve' WHERE revision = 2; DELETE FROM audit;"
        " UPDATE audit_head SET entries = 0, chain = x'';"
    )
    audit.begin(SqliteTransaction(shell))

    assert fault(shell) is None
    assert "was written anew" in str(fault(shell, kept))


def test_what_was_taken_from_the_end_is_found_by_a_head_that_was_kept(home: Path, shell: sqlite3.Connection) -> None:
    kept = audit.parse_head(command(home, "audit", "verify", "--json").json["head"])
    shell.execute("DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)")
    shell.execute("DELETE FROM log WHERE id = (SELECT max(id) FROM log)")
    assert "should end at" in str(fault(shell))
    last = shell.execute("SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    shell.execute("UPDATE audit_head SET entries = ?, chain = ?", last)

    assert fault(shell) is None
    assert "is gone" in str(fault(shell, kept))


@pytest.mark.parametrize("edit", ["UPDATE audit_head SET entries = 3", "DELETE FROM audit_head"])
def test_work_goes_on_where_somebody_has_set_the_head_back_and_it_is_told(home: Path, edit: str) -> None:
    homes.change(home, edit)

    assert command(home, "group", "create", "--name", "Close").code == 0
    assert command(home, "audit", "verify").code == 1


def test_a_pruned_run_breaks_nothing_and_one_deleted_by_hand_does(home: Path) -> None:
    command(home, "prune", "--keep", "1", "--yes")
    assert command(home, "audit", "verify").code == 0

    homes.change(home, "DELETE FROM history WHERE run_id = 2")

    assert "in the history of pr-2 is gone" in command(home, "audit", "verify").out


def test_a_restored_home_has_its_trail_and_says_where_it_is_broken(home: Path, tmp_path: Path) -> None:
    command(home, "backup", str(tmp_path / "a.tar"))
    homes.change(home, "DROP TRIGGER log_stays", "UPDATE log SET message = 'nothing' WHERE id = 1")
    command(home, "backup", str(tmp_path / "b.tar"))

    well = command(tmp_path / "well", "restore", str(tmp_path / "a.tar"), "--json").json
    broken = command(tmp_path / "broken", "restore", str(tmp_path / "b.tar"))

    assert well["auditFault"] is None
    assert command(tmp_path / "well", "audit", "verify").code == 0
    assert "line 1 of the log is not as it was written" in broken.out


def test_a_head_that_is_none_is_refused_in_words(home: Path) -> None:
    for text in ("", "12", "12-", "x-" + "0" * 64, "0-" + "0" * 64, "1-" + "0" * 63):
        refused = command(home, "audit", "verify", "--head", text)
        assert (refused.code, "is no head of an audit trail" in refused.err) == (1, True), text


def test_what_was_refused_is_not_in_the_trail_of_what_was_committed_with_it(tmp_path: Path, clock: ManualClock) -> None:
    db = SqliteDatabase(tmp_path / "new.db", on_fatal=print)
    migrations.migrate(db, clock.now())

    def says(words: str, *, is_refused: bool = False) -> Callable[[Transaction], None]:
        def operation(tx: Transaction) -> None:
            history.add_log(tx, "ada", words, clock.now())
            with suppress(KeyError), tx.part():
                history.add_log(tx, "ada", f"no part of {words}", clock.now())
                raise KeyError
            if is_refused:
                raise ValueError(words)

        return operation

    # Queued by one that is being committed: all others are one batch.
    queued: list[Future[None]] = []
    db.write(lambda tx: queued.extend(db.submit(says(f"{n}", is_refused=n % 3 == 1)) for n in range(9)))
    refused = [one.exception() is not None for one in queued]
    with db.snapshot() as tx:
        found, entries, lines = audit.first_fault(tx), audit.head(tx).entries, tx.all("SELECT message FROM log")
    db.close()

    assert refused == [n % 3 == 1 for n in range(9)]
    assert (found, entries, [line for (line,) in lines]) == (None, 6, [f"{n}" for n in range(9) if n % 3 != 1])


def test_rows_of_an_earlier_release_are_sealed_with_the_migration(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as before:
        for number, (_, sql) in sorted(migrations.available().items()):
            if number < 26:
                before.executescript(f"{sql}\nINSERT INTO schema_migration VALUES ({number}, '', 0);")
        before.executemany(
            "INSERT INTO history VALUES (?, ?, 0, 1, 'started', NULL, 'ada', '{}')",
            [(run, revision) for run in (1, 2) for revision in range(audit.ENTRIES_AT_ONCE // 2 + 1)],
        )
        before.execute("INSERT INTO log (at, user_login, message) VALUES (0, 'ada', 'said')")
        before.commit()

    db = SqliteDatabase(path, on_fatal=print)
    migrations.migrate(db, clock.now())
    with db.snapshot() as tx:
        found, head = audit.first_fault(tx), audit.head(tx)
    db.close()

    assert (found, head.entries) == (None, audit.ENTRIES_AT_ONCE + 3)

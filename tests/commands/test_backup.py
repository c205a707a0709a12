"""backup and restore: everything, or nothing and a reason."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from procession.model.ids import RunId
from tests.commands import homes
from tests.programs import SOURCE, apply_text, command, serving, sign_in
from tests.support import wait_until

pytestmark = pytest.mark.acceptance


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "monday.tar"


@pytest.fixture(autouse=True)
def folder(file: Path) -> Path:
    file.parent.mkdir()
    return file.parent


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return tmp_path / "other"


def test_a_backup_restored_elsewhere_is_the_same_home(home: Path, file: Path, other: Path) -> None:
    made = command(home, "backup", str(file), "--json")
    restored = command(other, "restore", str(file), "--json")

    assert (made.code, made.json["runs"], made.json["isVerified"]) == (0, 2, True)
    assert (restored.code, restored.json["runs"], restored.json["underWay"]) == (0, 2, [])
    assert homes.state(other) == homes.state(home)
    assert (homes.contents(other), homes.logs(other)) == (homes.contents(home), homes.logs(home))
    assert command(other, "doctor", "--json").json["problems"] == 0
    assert command(other, "log", "pr-1", "reconcile").out == command(home, "log", "pr-1", "reconcile").out
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert (file.stat().st_mode & 0o777, other.stat().st_mode & 0o777) == (0o600, 0o700)


def test_both_say_in_words_what_they_did(home: Path, file: Path, other: Path) -> None:
    made, restored = command(home, "backup", str(file)), command(other, "restore", str(file))

    assert "2 runs, 3 file contents; read again, every hash is right" in made.out
    assert f"{other} is restored as it was on 20" in restored.out


def test_what_is_committed_and_only_in_the_log_of_the_database_is_in_the_backup(
    home: Path, file: Path, other: Path
) -> None:
    with serving(home) as server:
        client = sign_in(home, server.address)
        run = client.json("POST", "processes/p-1/processruns", {})["id"]
        assert command(home, "backup", str(file)).code == 0

    assert command(other, "restore", str(file)).code == 0
    assert (RunId.parse(run).number,) in homes.ask(other, "SELECT id FROM run")
    assert not list(other.glob("procession.db-*"))


def test_a_backup_under_load_is_one_moment_and_no_writer_waits(home: Path, file: Path, other: Path) -> None:
    """Runs are made while backups are."""
    with serving(home) as server:
        client = sign_in(home, server.address)
        backup = subprocess.Popen(
            [sys.executable, "-m", "procession", "backup", str(file), "--home", str(home)],
            cwd=SOURCE,
            stdout=subprocess.PIPE,
        )
        made = []
        while backup.poll() is None:
            made.append(client.json("POST", "processes/p-1/processruns", {"start": True})["id"])
        backup.communicate()
    assert (backup.returncode, bool(made)) == (0, True)

    assert command(other, "restore", str(file)).code == 0
    homes.check_whole(other)
    numbers = [row[0] for row in homes.ask(other, "SELECT id FROM run ORDER BY id")]
    assert numbers == list(range(1, len(numbers) + 1))


NAP = """
process: Nap
groups:
  - group: All
    steps:
      - action: run_python
        name: Sleep
        key: sleep
        with:
          code: |
            import time
            time.sleep(%s)
"""


@pytest.mark.thorough
def test_a_restored_home_looks_for_no_process_of_the_original(home: Path, file: Path, other: Path) -> None:
    apply_text(home, NAP % 6)
    with serving(home):
        run = command(home, "run", "Nap", "--json").json["id"]
        wait_until(lambda: command(home, "status", run, "--json").json["steps"][0]["status"] == "Running")
        assert command(home, "backup", str(file)).code == 0
        restored = command(other, "restore", str(file))
        assert homes.ask(other, "SELECT count(*) FROM step_attempt WHERE is_gone = 0") == [(0,)]
        assert f"under way at that moment: {run}" in restored.out
        assert "no process of the original is looked for or ended" in restored.out
        with serving(other):
            # The original's step, on the same machine with the same boot, was let alone.
            wait_until(lambda: command(home, "show", run, "--json").json["outcome"] is not None)
            assert command(home, "show", run, "--json").json["outcome"] == "Success"
            assert command(other, "show", run, "--json").json["status"] == "Running"
            refused = command(other, "adopt", "--yes")
        tries = homes.ask(home, f"SELECT count(*) FROM step_attempt WHERE run_id = {run[3:]}")
    with serving(other):
        assert command(other, "adopt", "--yes").code == 0
        wait_until(lambda: command(other, "show", run, "--json").json["outcome"] == "Success")

    assert tries == [(1,)]
    assert (refused.code, "works on the original" in refused.err) == (1, True)


def test_an_upload_under_way_is_begun_again_in_the_restored_home(home: Path, file: Path, other: Path) -> None:
    with serving(home) as server:
        client = sign_in(home, server.address)
        client.json("POST", "processes/p-1/processruns", {})
        ledger = homes.ask(
            home, "SELECT max(f.id) FROM file f JOIN property q ON q.id = f.property_id WHERE q.key = 'ledger'"
        )[0][0]
        client.json("POST", f"files/f-{ledger}/uploadsessions")
        assert command(home, "backup", str(file)).code == 0

    assert command(other, "restore", str(file)).code == 0
    assert homes.ask(other, "SELECT count(*) FROM upload_session") == [(0,)]


# --- what is refused


def test_a_backup_replaces_no_other_and_lies_not_in_the_home(home: Path, file: Path, tmp_path: Path) -> None:
    file.write_text("of yesterday")
    (tmp_path / "link").symlink_to(home)

    taken = command(home, "backup", str(file))
    inside = command(home, "backup", str(tmp_path / "link" / "b.tar"))
    nowhere = command(home, "backup", str(tmp_path / "no" / "b.tar"))

    assert (taken.code, "is there already" in taken.err, file.read_text()) == (1, True, "of yesterday")
    assert (inside.code, "lies in the home itself" in inside.err) == (1, True)
    assert (nowhere.code, "there is no folder" in nowhere.err) == (1, True)


def test_a_damaged_content_is_named_and_no_backup_made(home: Path, file: Path, other: Path) -> None:
    path = next(path for path in (home / "files").glob("??/*") if path.stat().st_size == 200_000)
    path.write_bytes(b"other")

    refused = command(home, "backup", str(file))
    made = command(home, "backup", str(file), "--skip-damaged", "--json")

    assert (refused.code, len(list(file.parent.iterdir()))) == (1, 1)
    assert "Report.csv (out.first of pr-1)" in refused.err
    assert (made.code, len(made.json["missing"])) == (0, 1)
    restored = command(other, "restore", str(file), "--json")
    assert (restored.code, restored.json["missing"], restored.json["contents"]) == (0, made.json["missing"], 2)


def test_a_full_disk_leaves_nothing_and_says_so(home: Path, file: Path) -> None:
    # Room for a copy of the database, and none for a backup, which also holds contents.
    most = (home / "procession.db").stat().st_size + 40_000

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = subprocess.run(
        [sys.executable, "-m", "procession", "backup", str(file), "--home", str(home)],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )

    assert (done.returncode, done.stdout, list(file.parent.iterdir())) == (1, "", [])
    assert "no backup was made" in done.stderr


@pytest.mark.parametrize("kept", [0, 100, 200_000, -1024, -512 * 40])
def test_a_backup_that_was_cut_off_is_none(home: Path, file: Path, other: Path, kept: int) -> None:
    command(home, "backup", str(file))
    content = file.read_bytes()
    end = content.rindex(b"manifest.json")
    file.write_bytes(content[: kept if kept >= 0 else end + kept])

    said = command(other, "restore", str(file))

    assert (said.code, "is not a whole backup of Procession" in said.err) == (1, True)
    assert not (other / "procession.db").exists()
    file.write_bytes(content)
    assert command(other, "restore", str(file)).code == 0


def test_a_changed_byte_is_found_before_anything_is_seen(home: Path, file: Path, other: Path) -> None:
    command(home, "backup", str(file))
    content = bytearray(file.read_bytes())
    content[content.index(b"account;amount\n4100") + 3] ^= 1
    file.write_bytes(content)

    said = command(other, "restore", str(file))

    assert (said.code, "is damaged: files/" in said.err) == (1, True)
    assert not (other / "procession.db").exists()


@pytest.mark.parametrize("name", ["../evil", "/var/evil", "files/../../evil", "procession.db-wal", "logs/1/1.log/x"])
def test_a_member_that_no_backup_has_is_refused(file: Path, other: Path, tmp_path: Path, name: str) -> None:
    with tarfile.open(file, "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, BytesIO(b"evil"))

    said = command(other, "restore", str(file))

    assert (said.code, "which no backup of Procession has" in said.err) == (1, True)
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize(
    "content", [b"", b"process: X\n", os.urandom(3000)], ids=["nothing", "a process file", "noise"]
)
def test_any_other_file_is_no_backup(file: Path, other: Path, content: bytes) -> None:
    file.write_bytes(content)

    assert "backup of Procession" in command(other, "restore", str(file)).err


def test_restore_refuses_a_folder_that_is_not_empty_and_takes_an_empty_one(home: Path, file: Path, other: Path) -> None:
    command(home, "backup", str(file))
    before = homes.state(home)
    other.mkdir()
    (other / "lost+found").mkdir()

    refused = command(home, "restore", str(file))
    taken = command(other, "restore", str(file))
    (other / "sub").mkdir()
    (other / "sub" / "notes.txt").write_text("mine")
    mine = command(other / "sub", "restore", str(file))

    assert (refused.code, "is not empty" in refused.err, homes.state(home)) == (1, True, before)
    assert taken.code == 0, taken
    assert (mine.code, list((other / "sub").iterdir())) == (1, [other / "sub" / "notes.txt"])


def test_a_backup_of_a_later_release_is_refused_and_of_an_earlier_one_is_brought_up(
    home: Path, file: Path, other: Path
) -> None:
    homes.change(home, "INSERT INTO schema_migration VALUES (999, '0999_later.sql', 0)")
    assert command(home, "backup", str(file)).code == 0

    said = command(other, "restore", str(file))

    assert (said.code, "was made by a later release of Procession (schema 999" in said.err) == (1, True)
    assert not (other / "procession.db").exists()


PROOFS = ("token_changed", "token_deleted", "user_changed", "user_deleted")


CONNECTION_TABLES = (
    *("connection_use", "process_version_connection", "connection_user", "connection_secret"),
    "connection",
)
STEERING_TABLES = (
    "child_input",
    "approval_vote",
    "approval",
    "run_preparer",
    "child_run",
    "process_version_process",
    "audit",
    "audit_head",
)
AUDIT_TRIGGERS = ("log_stays", "log_is_kept", "history_stays")  # others go with their tables
ACCOUNT_COLUMNS = (
    "user_account DROP COLUMN numbers", "user_account DROP COLUMN has_shortcuts", "session DROP COLUMN created_at",
    "session DROP COLUMN browser", "session DROP COLUMN wrong", "application DROP COLUMN used_at",
    "log DROP COLUMN about",
)  # fmt: skip


def test_a_backup_changes_nothing_in_the_home_not_even_its_schema(home: Path, file: Path, other: Path) -> None:
    """The backup before an upgrade is made by whichever program is at hand."""
    mail = "CREATE TABLE mail (id INTEGER PRIMARY KEY, kind TEXT, user_id INTEGER, created_at, tries, next_at INTEGER)"
    index = "CREATE INDEX run_unfinished ON run (status, id) WHERE status IN ('Scheduled', 'Running')"
    older = [
        *(
            "DROP TABLE repeat",
            "DROP TABLE outbox",
            mail,
            "DROP TABLE home",
            "DROP TABLE home_time",
            "DROP TABLE attempt_home",
            "DROP TABLE draft",
            "DROP TABLE table_read",
            "DROP TABLE process_version_table",
            "ALTER TABLE step_attempt DROP COLUMN figures",
            *(f"DROP TABLE {name}" for name in ("follow_up", "journal_entry", *CONNECTION_TABLES, *STEERING_TABLES)),
            "ALTER TABLE process_version DROP COLUMN comment",
        ),
        *(f"ALTER TABLE table_version DROP COLUMN {column}" for column in ("same_as", "first_record", "end_record")),
        *(f"DROP TRIGGER {name}" for name in (*AUDIT_TRIGGERS, *(f"proof_state_{cause}" for cause in PROOFS))),
        "DROP TABLE proof_state",
        *("DROP INDEX run_waiting", "DROP INDEX run_running", "DROP INDEX run_held", index),
        *(f"DROP INDEX run_{name}" for name in ("unsolved", "by_status", "by_creation", "by_end")),
        *(f"ALTER TABLE run DROP COLUMN {column}" for column in ("worked", "beat", "worked_max", "is_held")),
        *(
            f"ALTER TABLE run DROP COLUMN {column}"
            for column in ("needs_person", "inputs_sha256", "problem_step", "problem")
        ),
        *(f"ALTER TABLE {place}" for place in ACCOUNT_COLUMNS),
        *(f"ALTER TABLE run ADD COLUMN {column} INTEGER" for column in ("lease_until", "deadline_at")),
        "ALTER TABLE step DROP COLUMN began",
        "ALTER TABLE upload_session DROP COLUMN size",
    ]
    homes.change(home, *older, "DELETE FROM schema_migration WHERE number >= 5")

    assert command(home, "backup", str(file)).code == 0

    assert homes.ask(home, "SELECT max(number) FROM schema_migration") == [(4,)]
    assert command(other, "restore", str(file)).code == 0
    assert command(other, "list").code == 0


def test_a_home_that_is_not_there_is_not_backed_up(file: Path, other: Path) -> None:
    said = command(other, "backup", str(file))

    assert (said.code, "there is no home at" in said.err, other.exists()) == (1, True, False)


def test_what_a_killed_backup_left_goes_with_the_next(home: Path, file: Path) -> None:
    left = file.parent / ".0123.procession-part.tar"
    left.write_text("half")

    assert command(home, "backup", str(file)).code == 0

    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_server_does_not_start_on_half_a_restore(other: Path) -> None:
    (other / ".restoring").mkdir(parents=True)

    said = command(other, "serve", "--port", "0")

    assert (said.code, "has not come to its end; restore again" in said.err) == (1, True)

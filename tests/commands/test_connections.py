"""connection add, list, show, set, remove, allow, rekey; backup, restore and doctor beside them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.programs import Said, command
from tests.support import wait_until

pytestmark = pytest.mark.acceptance

CANARY = "canary-51c7-päss"
BANK = ("--set", "host=sftp.bank.example", "--set", "user=acme", "--set", "host_keys=ssh-ed25519 AAAA")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def ask(home: Path, *words: str, secret: str = "", code: int = 0) -> Any:
    """What a command answers with --json, `secret` on its standard input."""
    done = run(home, *words, "--json", secret=secret)
    assert done.code == code, done.err
    return done.json if code == 0 else done.err


def run(home: Path, *words: str, secret: str = "") -> Said:
    return command(home, "connection", *words, given=secret)


def options(shown: Any) -> dict[str, Any]:
    return {one["name"]: one["value"] for one in shown["options"]}


def add(home: Path) -> Any:
    return ask(home, "add", "bank", "sftp", *BANK, "--secret", "password", secret=f"{CANARY}\n")


def test_a_connection_is_made_shown_changed_and_removed(home: Path, tmp_path: Path) -> None:
    made = add(home)
    assert (made["id"], made["kind"], options(made)["port"]) == ("cn-1", "sftp", 22)
    assert [one["name"] for one in made["secrets"]] == ["password"]

    key = tmp_path / "id_ed25519"
    key.write_text(f"-----BEGIN\n{CANARY}\n-----END\n")
    changed = ask(home, "set", "bank", "--set", "root=/out", "--secret-file", f"private_key={key}", "--rename", "house")
    assert (changed["name"], options(changed)["root"]) == ("house", "/out")
    assert [one["name"] for one in changed["secrets"]] == ["password", "private_key"]
    assert ask(home, "list")["connections"][0]["name"] == "house"
    assert [one["name"] for one in ask(home, "set", "house", "--forget", "password")["secrets"]] == ["private_key"]

    assert ask(home, "remove", "house")["id"] == "cn-1"
    assert ask(home, "list")["connections"] == []


def test_who_may_use_it_is_said_by_user_and_group(home: Path) -> None:
    add(home)
    command(
        home,
        "user",
        "create",
        "--email",
        "ada@x.example",
        "--first-name",
        "A",
        "--last-name",
        "B",
        "--role",
        "Designer",
    )
    command(home, "group", "create", "--name", "Treasury")

    ask(home, "allow", "bank", "--user", "ada")
    ask(home, "allow", "bank", "--group", "Treasury")
    assert ask(home, "show", "bank")["allowed"] == ["user ada", "user group Treasury"]
    ask(home, "disallow", "bank", "--user", "ada")

    assert ask(home, "show", "bank")["allowed"] == ["user group Treasury"]
    assert "was not allowed" in ask(home, "disallow", "bank", "--user", "ada", code=1)
    assert "name one of the two" in ask(home, "allow", "bank", code=1)


def test_a_secret_among_the_words_of_a_command_is_refused(home: Path) -> None:
    said = ask(home, "add", "bank", "sftp", *BANK, "--secret", f"password={CANARY}", code=1)

    assert "never written into a command" in said
    assert CANARY not in said
    assert '"password" is a secret and no option' in ask(home, "add", "b", "sftp", *BANK, "--set", "password=x", code=1)


def test_several_secrets_come_by_files_and_one_by_standard_input(home: Path, tmp_path: Path) -> None:
    said = ask(home, "add", "b", "sftp", *BANK, "--secret", "password", "--secret", "passphrase", secret="x", code=1)
    assert "give the others by --secret-file" in said

    (tmp_path / "raw").write_bytes(b"\xff\xfe")
    for path, why in ((tmp_path / "raw", "holds no text"), (tmp_path / "none", "cannot be read")):
        assert why in ask(home, "add", "b", "sftp", *BANK, "--secret-file", f"password={path}", code=1)


def test_another_host_asks_for_the_secrets_again(home: Path) -> None:
    add(home)

    assert "give it again" in ask(home, "set", "bank", "--set", "host=evil.example", code=1)
    changed = ask(home, "set", "bank", "--set", "host=new.example", "--secret", "password", secret="other")
    assert options(changed)["host"] == "new.example"


def test_a_folder_is_connected_here_and_never_the_home(home: Path, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()

    assert ask(home, "add", "share", "folder", "--set", f"path={share}")["options"] == [
        {"name": "path", "value": str(share)}
    ]
    assert "no step may reach that" in ask(home, "add", "bad", "folder", "--set", f"path={home}/files", code=1)


def test_a_backup_holds_no_key_and_says_so_and_a_restored_home_needs_it(home: Path, tmp_path: Path) -> None:
    add(home)
    file, other = tmp_path / "b.tar", tmp_path / "other"

    said = command(home, "backup", str(file)).out
    assert "connections.key is not in it, and without it nobody can use the 1 secret of connections" in said
    assert b"connections.key" not in file.read_bytes()
    assert (home / "connections.key").read_bytes().split(b'"')[-2] not in file.read_bytes()

    assert "put connections.key of the original into" in command(other, "restore", str(file)).out
    checks = {one["name"]: one for one in command(other, "doctor", "--json").json["checks"]}
    assert checks["secrets"]["status"] == "problem"
    assert "connections.key is missing" in checks["secrets"]["message"]
    (other / "connections.key").write_bytes((home / "connections.key").read_bytes())
    (other / "connections.key").chmod(0o644)
    checks = {one["name"]: one for one in command(other, "doctor", "--json").json["checks"]}
    assert checks["secrets"]["status"] == "warning"
    assert "others can read" in checks["secrets"]["message"]


def test_a_key_is_changed_and_what_is_lost_is_forgotten(home: Path) -> None:
    command(home, "group", "create", "--name", "Treasury")
    assert "there is no key to change" in ask(home, "rekey", code=1)
    add(home)
    before = (home / "connections.key").read_bytes()

    assert ask(home, "rekey") == {"secrets": 1, "lost": []}
    assert (home / "connections.key").read_bytes() != before

    (home / "connections.key").write_bytes(before)
    assert "does not hold the key" in ask(home, "rekey", code=1)
    assert ask(home, "rekey", "--forget-lost") == {"secrets": 0, "lost": ["password of bank"]}


def test_the_secret_is_in_no_output_file_or_process(home: Path) -> None:
    """While a command waits for it, its words and its environment are there for everybody to read."""
    words = [sys.executable, "-m", "procession", "connection", "add", "bank", "sftp", *BANK, "--secret", "password"]
    with subprocess.Popen([*words, "--home", str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(f"{CANARY}\n".encode())
        process.stdin.flush()
        place = Path("/proc") / str(process.pid)
        seen = wait_until(lambda: (place / "cmdline").read_bytes()) + (place / "environ").read_bytes()
        out, _ = process.communicate()
    shown = run(home, "show", "bank").out + run(home, "list").out + out.decode()
    log = command(home, "doctor").out

    assert CANARY.encode() not in seen
    assert CANARY not in shown + log
    assert all(CANARY.encode() not in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_what_is_typed_at_a_terminal_is_not_shown(home: Path) -> None:
    """A real terminal: the secret is typed twice, and what the terminal shows holds it not once."""
    leader, follower = os.openpty()
    words = [sys.executable, "-m", "procession", "connection", "add", "bank", "sftp", *BANK, "--secret", "password"]
    with subprocess.Popen(
        [*words, "--home", str(home)], stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    ) as process:
        os.close(follower)
        shown = io.BytesIO()
        for prompt in (b"assword: ", b"repeat for confirmation: "):
            _read_until(leader, shown, prompt)
            os.write(leader, f"{CANARY}\n".encode())
        _read_until(leader, shown, b"sftp.bank.example:22")
        process.wait()
    os.close(leader)

    assert CANARY.encode() not in shown.getvalue()
    assert ask(home, "show", "bank")["secrets"][0]["name"] == "password"


def _read_until(terminal: int, shown: io.BytesIO, wanted: bytes) -> None:
    before = len(shown.getvalue())
    while wanted.lower() not in shown.getvalue()[before:].lower():
        shown.write(os.read(terminal, 1_000))

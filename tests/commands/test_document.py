"""docs/commands.md says what the commands say, and --json holds the fields that it tells."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from procession.cli.registering import commands
from procession.commands.console import Console
from tests.commands import document
from tests.commands.conftest import REPORT
from tests.programs import command, serving

FILE = Path(__file__).parents[2] / "docs" / "commands.md"
EVERY = dict(document.every_command())


def test_the_document_is_what_the_commands_say(request: pytest.FixtureRequest) -> None:
    text = document.page()
    if request.config.getoption("--write-docs", default=False):
        FILE.write_text(text, encoding="utf-8")

    assert FILE.read_text("utf-8") == text, f"docs/commands.md is out of date; to renew it: {document.RENEW}"


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_an_example_that_can_be_called(name: str) -> None:
    epilog = EVERY[name].epilog or ""

    words = shlex.split(epilog.removeprefix("Example: ").partition(" > ")[0])

    assert words[: 1 + len(name.split())] == ["procession", *name.split()]
    # Parsed, not performed: an option that is gone, or a missing argument, raises.
    group: click.Command = commands
    for word in name.split():
        assert isinstance(group, click.Group)
        group = group.commands[word]
    context = group.make_context(name, words[1 + len(name.split()) :], obj=Console())
    assert context.command is EVERY[name]


SCRIPT = """
version
list runs
list processes
show pr-1
status pr-1
cancel pr-1
log pr-1 reconcile
download pr-1 --to {folder}/files
backup {folder}/b.tar
prune --keep 1
run 'Month end' --wait
restart pr-3 reconcile --plan
restart pr-3 reconcile
run 'Month end'
apply {folder}/process.yaml
try {folder}/process.yaml reconcile --value in.seed=three
doctor
audit verify
adopt
user create --email ada@example.com --first-name Ada --last-name Byron --role Designer
user link ada
user sign-in ada --to /runs
user list
group create --name Close
connection add bank smtp --set host=127.0.0.1 --set sender=a@b.example --secret-file password={folder}/secret
connection list
connection show bank
connection set bank --description 'What customers are told'
connection allow bank --group Close
connection disallow bank --group Close
connection test bank
connection rekey
connection remove bank
application create --name Scripts
application list
application change c-1 --name Others
application reset-secret c-1
application delete c-1
"""
ELSEWHERE = {"approve", "reject", "restore", "serve", "table iceberg"}


@pytest.mark.acceptance
def test_json_holds_the_fields_that_are_told(home: Path, tmp_path: Path) -> None:
    (tmp_path / "process.yaml").write_text(REPORT % "two")
    (tmp_path / "secret").write_text("word")
    tried = set()

    for line in SCRIPT.format(folder=tmp_path).strip().splitlines():
        said = command(home, *shlex.split(line), "--json")
        told = _told(line)
        tried.add(told)
        assert document.fits(said.json, document.ANSWERS[told]), (line, document.paths_of(said.json))

    assert tried | ELSEWHERE == set(document.ANSWERS)
    assert {name.partition(" (")[0] for name in document.ANSWERS} | {"schema"} == set(EVERY)


def _told(line: str) -> str:
    """The answer that the line gets: the one of its option, if there is one."""
    names = [name for name in document.ANSWERS if line.startswith(name.partition(" (")[0])]
    special = [name for name in names if "(" in name and name.partition(" (")[2].rstrip(")") in line]
    return (special or names)[0]


@pytest.mark.acceptance
def test_json_of_restore_and_serve_holds_the_fields_that_are_told(home: Path, tmp_path: Path) -> None:
    command(home, "backup", str(tmp_path / "b.tar"))

    restored = command(tmp_path / "other", "restore", str(tmp_path / "b.tar"), "--json").json
    with serving(tmp_path / "other") as server:
        ready = server.ready

    assert document.fits(restored, document.ANSWERS["restore"]), restored
    assert document.fits(ready, document.ANSWERS["serve"]), ready


def test_the_shell_completes_commands() -> None:
    environment = {
        **os.environ,
        "_PROCESSION_COMPLETE": "bash_complete",
        "COMP_WORDS": "procession ba",
        "COMP_CWORD": "1",
    }
    program = Path(sys.executable).with_name("procession")
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "plain,backup"

"""The command line's conventions, tried on the commands that need no store."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

import procession
from procession import cli
from procession.cli import registering
from procession.commands.console import Console
from procession.model.errors import NotFound

SOURCE = Path(procession.__file__).parent.parent
SLOW_IMPORTS = {"asyncio", "authlib", "duckdb", "json", "msgspec", "sqlite3", "uvicorn", "yaml"}


def test_version_tells_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["version"]) == 0

    assert capsys.readouterr().out == f"procession {procession.__version__}\n"


def test_with_json_the_answer_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["version", "--json"]) == 0

    out, err = capsys.readouterr()
    assert json.loads(out) == {"version": procession.__version__}
    assert err == ""


def test_home_comes_from_the_option_before_the_environment(
    group: click.Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROCESSION_HOME", str(tmp_path / "b"))

    cli.run(group, ["where"])
    cli.run(group, ["where", "--home", str(tmp_path / "a")])

    assert capsys.readouterr().out == f"{tmp_path / 'b'}\n{tmp_path / 'a'}\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_error_is_one_line_on_stderr_and_exit_code_1(
    group: click.Group, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.run(group, ["fail", *options])

    assert code == 1
    assert capsys.readouterr() == ("", "procession: there is no run pr-7\n")


def test_a_bad_setting_is_such_an_error(
    group: click.Group, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROCESSION_PORT", "many")

    code = cli.run(group, ["where"])

    assert code == 1
    assert capsys.readouterr().err.startswith("procession: PROCESSION_PORT must be")


def test_a_command_may_end_with_an_exit_code_of_its_own(group: click.Group) -> None:
    assert cli.run(group, ["end"]) == 3


@pytest.mark.parametrize("arguments", [["version", "--colour"], ["vresion"], ["version", "extra"], []])
def test_a_usage_error_is_exit_code_2_and_stdout_stays_empty(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(arguments)

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "Usage: procession" in err


def every_command() -> list[str]:
    """With the name of its group before it, where it is in one."""
    found: list[str] = []
    for name, command in registering.commands.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {}
        found.extend([f"{name} {verb}" for verb in inner] or [name])
    return found


@pytest.mark.parametrize("name", every_command())
def test_every_command_takes_home_and_json_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*name.split(), "--help"]) == 0

    help_text = capsys.readouterr().out
    assert "--home" in help_text
    assert "--json" in help_text
    assert help_text.partition("\n\n")[2].strip()  # what it does stands below its usage, of one line or two


def test_help_imports_nothing_slow() -> None:
    code = "import sys; from procession import cli; cli.main(['--help']); print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=True)

    assert not SLOW_IMPORTS & set(done.stdout.splitlines()[-1].split())


@pytest.fixture
def group() -> click.Group:
    """A command line of three commands that end in different ways."""
    group = click.Group("test")

    @registering.command("where", group)
    def where(console: Console) -> None:
        console.answer({}, str(console.settings().home))

    @registering.command("fail", group)
    def fail(_console: Console) -> None:
        raise NotFound("there is no\nrun pr-7")

    @registering.command("end", group)
    def end(_console: Console) -> int:
        return 3

    return group

"""list, show, log and download with --server say what they say on the home."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.client.conftest import Place, opened
from tests.client.test_command_line import remote, remote_environment
from tests.commands.test_downloads import NOISE, names
from tests.commands.test_looking import SLOW, follow_slow
from tests.programs import apply_text, command

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def place(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("remote") / "home"
    shutil.copytree(made, home, ignore=shutil.ignore_patterns("*.sock"))
    apply_text(home, SLOW)
    command(home, "run", "Month end", "--json")  # begins with the server
    with opened(home) as found:
        yield found


@pytest.mark.parametrize(
    "arguments",
    [
        "list --process p-1 --status Failed",
        "list runs --process p-1 --limit 1",
        "list processes",
        "list processes --limit 1",
        "show pr-1",
        "show pr-2",
        "log pr-1 reconcile",
        "log pr-1 1.3",
    ],
)
def test_the_same_json_and_the_same_words(place: Place, arguments: str) -> None:
    words = arguments.split()

    there = remote(place, *words, "--json")

    assert (there.code, there.err) == (0, "")
    assert there.json == command(place.home, *words, "--json").json
    assert times(remote(place, *words).out) == times(command(place.home, *words).out)


def times(text: str) -> str:
    """Without the hundredths of seconds: the wire has milliseconds, the database microseconds."""
    return re.sub(r" *[0-9.]+ s", " T s", text)


def test_an_empty_file_and_a_run_that_was_not_started_are_shown(place: Place) -> None:
    with place.client() as client:
        waiting = client.process("Month end").create_run().id

    there, here = remote(place, "show", waiting, "--json"), command(place.home, "show", waiting, "--json")

    assert there.json == here.json
    assert there.json["startedBy"] is None


def test_what_a_run_took_is_no_difference_of_dates(place: Place) -> None:
    with closing(sqlite3.connect(place.home / "procession.db")) as connection, connection:
        connection.execute("UPDATE run SET finished_at = finished_at + 86400000000 WHERE id = 2")

    there, here = remote(place, "list", "runs").out, command(place.home, "list", "runs").out

    assert times(there) == times(here)


def test_outputs_are_saved_and_checked(place: Place, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"

    said = remote(place, "download", "pr-1", "--to", str(there), "--json")

    files = command(place.home, "download", "pr-1", "--to", str(here), "--json").json["files"]
    assert (said.code, names(there)) == (0, names(here))
    assert [row["sha256"] for row in said.json["files"]] == [row["sha256"] for row in files]
    assert (there / "out.first-Report.csv").read_bytes() == NOISE
    assert remote(place, "download", "pr-1", "--to", str(there)).code == 1
    assert "out.third of pr-1 is empty" in remote(place, "download", "pr-1", "out.third", "--to", str(there)).err


def test_a_log_is_followed_to_its_last_line(place: Place) -> None:
    run = command(place.home, "run", "Slow", "--json").json["id"]

    said = follow_slow(place.home, run, "talk", environment=remote_environment(place))

    assert said == ("begin\n", "end\n", 0)
    assert remote(place, "log", run, "talk", "--follow").out == "begin\nend\n"


@pytest.mark.parametrize("words", ["show pr-99", "log pr-99 x", "log pr-1 nothing", "download pr-99 --to x"])
def test_what_is_not_there_is_told(place: Place, words: str) -> None:
    said = remote(place, *words.split())

    assert (said.code, said.out) == (1, "")
    assert "there is no" in said.err

"""list, show and log on a home: what people read, and what programs get."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from procession.commands import wording
from procession.commands.remote_logs import rest
from tests.programs import COMMAND_SECONDS_MAX, SOURCE, apply_text, command, serving

pytestmark = pytest.mark.acceptance


def test_runs_are_listed_newest_first(home: Path) -> None:
    said = command(home, "list")
    rows = command(home, "list", "--json").json

    assert [line.split()[:2] for line in said.out.splitlines()] == [
        ["ID", "RESULT"],
        ["pr-2", "Failed"],
        ["pr-1", "Success"],
    ]
    assert max(map(len, said.out.splitlines())) <= 80
    assert [row["id"] for row in rows["runs"]] == ["pr-2", "pr-1"]
    assert rows["hasMore"] is False


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--status", "failed"], ["pr-2"]),
        (["--status", "Finished"], ["pr-2", "pr-1"]),
        (["--status", "timed out"], []),
        (["--process", "Month end", "--limit", "1"], ["pr-2"]),
        (["--process", "p-1", "--status", "Success"], ["pr-1"]),
    ],
)
def test_a_list_is_chosen_by_status_outcome_and_process(home: Path, options: list[str], ids: list[str]) -> None:
    said = command(home, "list", "runs", *options, "--json").json

    assert [row["id"] for row in said["runs"]] == ids
    assert said["hasMore"] is ("--limit" in options)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ("list --status Done", 1, 'there is no status "Done"; there are NotStarted, Scheduled,'),
        ("list --process Nothing", 1, 'there is no process "Nothing"'),
        ("list processes --status Failed", 2, "--process and --status choose runs"),
        ("list --limit 0", 2, "--limit"),
        ("show pr-9", 1, "there is no process run pr-9"),
        ("log pr-1 nothing", 1, "there is no step nothing in pr-1; there are in, out, reconcile"),
        ("log pr-1 reconcile --attempt 2", 1, "pr-1 has no attempt 2; it has 1"),
        ("log pr-1 reconcile --follow --json", 2, "leave one of them out"),
    ],
)
def test_mistakes_are_told_in_one_line(home: Path, arguments: str, code: int, text: str) -> None:
    said = command(home, *arguments.split())

    assert (said.code, said.out) == (code, "")
    assert text in said.err


def test_processes_are_listed_with_their_versions(home: Path) -> None:
    rows = command(home, "list", "processes", "--json").json["processes"]

    assert [(row["id"], row["name"], row["version"]) for row in rows] == [("p-1", "Month end", 1)]
    assert "Month end" in command(home, "list", "processes").out


def test_a_run_is_shown_with_who_started_it_and_what_came_of_it(home: Path) -> None:
    text = command(home, "show", "pr-1").out
    shown = command(home, "show", "pr-1", "--json").json

    assert "  started by admin; 20" in text
    assert "  in.month   30 Nov 2026" in text
    assert "  out.difference  -1,234,567.80" in text
    assert "  out.year        2026\n" in text
    assert "  out.first       Report.csv  (195.3 KiB)" in text
    assert "  out.third       -" in text
    assert "2 accounts differ" in text
    values = {row["reference"]: row["value"] for row in shown["values"]}
    assert (values["out.difference"], values["out.year"], values["in.month"]) == ("-1234567.80", "2026", "2026-11-30")
    assert (shown["startedBy"], shown["outcome"], len(shown["steps"])) == ("admin", "Success", 3)


def test_a_failed_run_shows_why_and_one_that_waits_shows_its_inputs(home: Path) -> None:
    waiting = command(home, "run", "Month end", "--json").json["id"]

    assert "row 7 of the ledger has no account" in command(home, "show", "pr-2").out
    assert "in.seed    one" in command(home, "show", waiting).out


def test_a_log_is_printed_byte_for_byte_into_a_pipe(home: Path) -> None:
    assert command(home, "log", "pr-1", "reconcile").out == "reading\x1b[31m the ledger\ndone\n"
    assert command(home, "log", "pr-1", "1.3", "--json").json["log"].endswith("done\n")
    assert command(home, "log", "pr-1", "in").out == ""


def test_a_log_can_not_drive_a_terminal(home: Path) -> None:
    line = f"{sys.executable} -m procession log pr-1 reconcile --home {home}"
    shown = subprocess.run(["script", "-qec", line, "/dev/null"], cwd=SOURCE, capture_output=True, check=True).stdout

    assert b"\x1b" not in shown
    assert rb"reading\x1b[31m the ledger" in shown


SLOW = """
process: Slow
groups:
  - group: All
    steps:
      - action: run_python
        name: Talk
        key: talk
        with:
          code: |
            import os
            import time
            print("begin", flush=True)
            while not os.path.exists("go_on"):
                time.sleep(0.01)
            print("end")
"""


def follow_slow(home: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[str, str, int]:
    """The first line of SLOW's log, which then goes on, the rest, and the exit code."""
    process = subprocess.Popen(
        [sys.executable, "-m", "procession", "log", *arguments, "--follow"],
        cwd=SOURCE,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    for folder in (home / "work").iterdir():
        (folder / "go_on").touch()
    rest_of_it, _ = process.communicate(timeout=COMMAND_SECONDS_MAX)
    return first, rest_of_it, process.returncode


def test_a_log_is_followed_to_its_last_line(home: Path) -> None:
    apply_text(home, SLOW)
    with serving(home):
        run = command(home, "run", "Slow", "--json").json["id"]

        said = follow_slow(home, run, "talk", "--home", str(home))

    assert said == ("begin\n", "end\n", 0)


def test_a_reader_that_has_enough_is_no_error(home: Path) -> None:
    line = f"{sys.executable} -m procession log pr-1 reconcile --home {home} | head -c 3"
    done = subprocess.run(["bash", "-c", line], cwd=SOURCE, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("rea", "")


def test_amounts_sizes_and_dates_are_written_as_accountants_read_them() -> None:
    assert wording.amount(Decimal("-1234567.80")) == "-1,234,567.80"
    assert wording.amount(Decimal("12345678901234567890123456.7890")) == "12,345,678,901,234,567,890,123,456.7890"
    assert wording.day("2026-02-01") == "01 Feb 2026"
    assert [wording.size(n) for n in (1, 1023, 1024, 2**20 - 1, 5 * 2**30)] == [
        "1 byte",
        "1023 bytes",
        "1.0 KiB",
        "1.0 MiB",
        "5.0 GiB",
    ]
    assert wording.moment(datetime(2026, 11, 30, 17, 5, tzinfo=UTC)).startswith("20")


def test_columns_are_aligned_and_cut_at_80() -> None:
    lines = wording.table([("ID", "NAME"), ("pr-1", "x" * 100), ("pr-22", "a\nb")])

    assert [len(line) for line in lines] == [11, 80, 10]
    assert lines[2] == "pr-22  a b"


@pytest.mark.parametrize(
    ("said", "whole", "left"),
    [
        ("", "", ""),
        ("a\n", "a\nb\n", "b\n"),
        ("a\nb\n", "a\nb\n", ""),
        ("first try\na\n", "a\nb\n", "b\n"),
        ("first try\n", "a\n", "a\n"),
    ],
)
def test_what_is_left_of_a_log_is_not_said_twice(said: str, whole: str, left: str) -> None:
    assert rest(said, whole) == left


def test_nothing_of_a_home_is_changed_by_looking(home: Path) -> None:
    before = command(home, "show", "pr-1", "--json").json
    for words in ("list", "list processes", "log pr-1 reconcile", "show pr-2"):
        assert command(home, *words.split()).code == 0

    assert command(home, "show", "pr-1", "--json").json == before
    assert command(home, "doctor", "--json").json["problems"] == 0

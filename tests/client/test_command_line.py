"""Commands with --server: the same answers and exit codes as on the home itself."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from procession.client.shapes import Progress, RunStatus, StepDetails, StepStatus
from procession.commands import remote_views
from tests.client.conftest import Place
from tests.client.test_runs import NAP
from tests.programs import Said, command, program

pytestmark = pytest.mark.acceptance


def remote(place: Place, *arguments: str, secret: str | None = None) -> Said:
    """`procession ... --server`, signed in by the environment."""
    return program(*arguments, environment=remote_environment(place, secret))


def remote_environment(place: Place, secret: str | None = None) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        **{name: os.environ[name] for name in ("TZ",) if name in os.environ},
        "PROCESSION_SERVER": place.server.address,
        "PROCESSION_CLIENT_ID": place.credentials["client_id"],
        "PROCESSION_CLIENT_SECRET": place.credentials["client_secret"] if secret is None else secret,
    }


def test_run_and_status_say_what_they_say_on_the_home(place: Place, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("hello")
    given = ("Echo", "--input", "data.word=longer", "--file", f"data.text={tmp_path / 'text.txt'}", "--wait", "--json")

    said = remote(place, "run", *given)

    assert (said.code, said.err, said.json["outcome"]) == (0, "", "Success")
    assert command(place.home, "status", said.json["id"], "--json").json == said.json
    assert remote(place, "status", said.json["id"], "--json").json == said.json
    text = remote(place, "status", said.json["id"]).out.splitlines()
    assert len(text) == len(command(place.home, "status", said.json["id"]).out.splitlines()) == 4


def test_a_file_that_cannot_be_sent_makes_no_run(place: Place) -> None:
    made = remote(place, "run", "Echo", "--json").json["id"]

    lost = remote(place, "run", "Echo", "--file", "data.text=/nonexistent")
    unknown = remote(place, "run", "Echo", "--file", f"data.other={__file__}")

    assert (lost.code, lost.err) == (1, "procession: /nonexistent cannot be read: No such file or directory\n")
    assert (unknown.code, "there is no property other in data" in unknown.err) == (1, True)
    assert remote(place, "run", "Echo", "--json").json["id"] == f"pr-{int(made[3:]) + 1}"


def test_durations_have_the_milliseconds_of_the_dates() -> None:
    begin = datetime(2026, 11, 30, 9, tzinfo=UTC)

    def status(id: str, end: datetime | None, state: str) -> StepStatus:
        return StepStatus(
            id=id, status=state, date_started=begin, date_finished=end, completion_message="", duration_seconds=1
        )

    ends = (begin + timedelta(milliseconds=960), begin + timedelta(milliseconds=1050), None)
    steps = [
        StepDetails(id=f"as-{number}", name="S", is_enabled=True, step_order=f"1.{number}", run_status=found)
        for number, found in enumerate(status(f"as-{end}", end, "Success" if end else "Running") for end in ends)
    ]
    run = RunStatus(id="pr-1", status="Running", date_started=begin, date_finished=None, duration_seconds=2)

    text = remote_views.picture("R", Progress(run=run, steps=tuple(steps))).splitlines()

    assert [line.split()[-2:] for line in text] == [["2.00", "s"], ["0.96", "s"], ["1.05", "s"], ["1.00", "s"]]


def test_a_failed_run_is_1_and_is_restarted(place: Place) -> None:
    said = remote(place, "run", "Echo", "--input", "data.word=bad", "--wait")
    assert (said.code, said.err) == (1, "")
    assert "bad is no word" in said.out
    run = said.out.splitlines()[-1].split()[0]

    plan = remote(place, "restart", run, "count", "--plan")
    assert plan.out == command(place.home, "restart", run, "count", "--plan").out
    again = remote(place, "restart", run, "count", "--reason", "again", "--json")

    assert (again.code, again.json["run"], again.json["isServerRunning"]) == (0, run, True)
    assert again.json["plan"]["reset"]


def test_apply_tells_what_is_new_and_every_mistake(place: Place, tmp_path: Path) -> None:
    good, bad = tmp_path / "nap.yaml", tmp_path / "bad.yaml"
    good.write_text(NAP.replace("process: Nap", "process: Remote nap"))
    bad.write_text("proces: B\n")

    first, again = remote(place, "apply", str(good), "--json"), remote(place, "apply", str(good), "--json")
    home = command(place.home, "apply", str(good), "--json")
    refused = remote(place, "apply", str(bad))

    assert (first.json["isNew"], again.json["isNew"], first.json["version"]) == (True, False, 1)
    assert again.json == home.json
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == command(place.home, "apply", str(bad)).err


def test_cancel_and_what_is_not_there(place: Place) -> None:
    run = remote(place, "run", "Echo", "--json").json["id"]

    said = remote(place, "cancel", run, "--json")

    assert said.json["status"] in {"Cancelled", "Finished"}
    for arguments in (("status", "pr-999"), ("run", "Nothing"), ("run", "Echo", "--input", "word")):
        here, there = command(place.home, *arguments), remote(place, *arguments)
        assert (there.code, there.out, there.err) == (here.code, here.out, here.err)


def test_wrong_credentials_are_one_line_without_the_secret(place: Place) -> None:
    said = remote(place, "status", "pr-1", secret="wrong-secret")
    nobody = remote(place, "status", "pr-1", secret="")

    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "client_secret is wrong" in said.err
    assert "wrong-secret" not in said.err
    assert "set PROCESSION_CLIENT_ID and PROCESSION_CLIENT_SECRET" in nobody.err


def test_a_home_and_a_server_exclude_each_other(place: Place) -> None:
    said = remote(place, "status", "pr-1", "--home", str(place.home), "--server", place.server.address)

    assert (said.code, said.err) == (1, "procession: --home and --server exclude each other\n")

"""A copy of a home leaves alone what was under way in the original, until somebody takes it over."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.commands import homes
from tests.programs import Said, apply_text, command, serving
from tests.support import wait_until

pytestmark = pytest.mark.acceptance

GATED = """
process: Gated
groups:
  - group: All
    steps:
      - action: run_python
        name: Work
        key: work
        with: {code: "import time; time.sleep(4)"}
"""


def gated(home: Path) -> str:
    """Begin a run, and wait until its step is under way; gives its id."""
    apply_text(home, GATED)
    run = str(command(home, "run", "Gated", "--json").json["id"])
    wait_until(lambda: status(home, run)["steps"][0]["status"] == "Running")
    return run


def status(home: Path, run: str) -> Any:
    return command(home, "status", run, "--json").json


def tries(home: Path, run: str) -> int:
    return int(homes.ask(home, f"SELECT count(*) FROM step_attempt WHERE run_id = {run[3:]}")[0][0])


def copy(home: Path, name: str = "copy") -> Path:
    """As `cp -a` does it."""
    other = home.parent / name
    shutil.copytree(home, other, ignore=shutil.ignore_patterns("wake.sock"))
    return other


def identity(home: Path) -> str:
    return str(homes.ask(home, "SELECT id FROM home")[0][0])


def checked(home: Path) -> str:
    """What doctor says of the identity."""
    said = command(home, "doctor", "--json").json
    return next(f"{one['status']}: {one['message']}" for one in said["checks"] if one["name"] == "identity")


def adopt(home: Path) -> Said:
    return command(home, "adopt", "--yes", "--json")


@pytest.mark.thorough
def test_a_copy_served_on_the_same_machine_leaves_the_original_alone(home: Path) -> None:
    with serving(home) as original:
        run = gated(home)
        pid = homes.ask(home, "SELECT pid FROM step_attempt WHERE is_gone = 0")
        other = copy(home)

        with serving(other) as server:
            fresh = str(command(other, "run", "Gated", "--json").json["id"])
            wait_until(lambda: status(other, fresh)["status"] == "Finished")
            assert homes.ask(home, "SELECT pid FROM step_attempt WHERE is_gone = 0") in (pid, [])
            wait_until(lambda: status(home, run)["status"] == "Finished")
            refused = adopt(other)
            said = command(other, "status", run)
            assert server.ready["heldRuns"] == 1
        assert original.process.poll() is None

    assert status(home, run)["outcome"] == "Success"
    assert (tries(home, run), tries(other, run)) == (1, 1)
    assert status(other, run)["status"] == "Running"
    assert "procession adopt takes it over" in said.out
    assert (refused.code, "works on the original" in refused.err) == (1, True)
    assert identity(home) != identity(other)
    assert checked(other).startswith(f"warning: this home is a copy of {home}; what was under way")


def test_what_was_under_way_goes_on_when_it_is_taken_over(home: Path) -> None:
    with serving(home) as server:
        run = gated(home)
        server.end(signal.SIGKILL)
    other = copy(home)
    shutil.rmtree(home)

    shown = command(other, "adopt", "--json").json
    with serving(other):
        wait_until(lambda: status(other, run)["status"] == "Running")
        assert tries(other, run) == 1
        taken = adopt(other)
        wait_until(lambda: status(other, run)["status"] == "Finished")

    assert (shown["runs"], shown["original"], shown["isDone"]) == ([run], str(home), False)
    assert (taken.code, taken.json["runs"], taken.json["isDone"]) == (0, [run], True)
    assert status(other, run)["outcome"] == "Success"
    assert checked(other).startswith("ok: ")
    again = adopt(other)
    assert (again.code, again.json["runs"], again.json["original"]) == (0, [], None)


@pytest.mark.thorough
def test_a_home_that_was_moved_on_its_disk_goes_on_by_itself(home: Path) -> None:
    with serving(home) as server:
        run = gated(home)
        server.end(signal.SIGKILL)
    before = identity(home)
    other = home.rename(home.parent / "elsewhere")

    with serving(other) as server:
        wait_until(lambda: status(other, run)["status"] == "Finished")
        assert server.ready["heldRuns"] == 0

    assert (status(other, run)["outcome"], identity(other)) == ("Success", before)
    assert checked(other).startswith("ok: ")


def test_a_copy_in_which_nothing_was_under_way_needs_no_word(home: Path) -> None:
    other = copy(home)
    assert checked(other).startswith("ok: a copy of ")

    with serving(other) as server:
        assert server.ready["heldRuns"] == 0

    assert checked(other).startswith("ok: ")
    assert "nothing was under way there" in command(other, "adopt").out


def test_what_is_begun_in_a_copy_is_its_own_from_the_first_command_on(home: Path) -> None:
    with serving(home) as server:
        held = gated(home)
        server.end(signal.SIGKILL)
    other = copy(home)

    said = command(other, "run", "Month end", "--wait", "--json")

    assert (said.code, said.json["outcome"]) == (0, "Success")
    assert command(other, "adopt", "--json").json["runs"] == [held]


@pytest.mark.thorough
def test_a_run_of_the_original_can_be_cancelled_in_the_copy_and_restarted(home: Path) -> None:
    with serving(home) as server:
        run = gated(home)
        server.end(signal.SIGKILL)
    other = copy(home)

    with serving(other):
        cancelled = command(other, "cancel", run, "--json").json["status"]
        command(other, "restart", run, "work")
        wait_until(lambda: status(other, run)["status"] == "Finished")

    assert (cancelled, status(other, run)["outcome"]) == ("Cancelled", "Success")
    assert command(other, "adopt", "--json").json["runs"] == []


def test_mail_that_the_original_has_to_send_is_not_sent_by_the_copy(home: Path) -> None:
    homes.change(
        home,
        "INSERT INTO outbox (channel, kind, user_id, created_at, next_at) VALUES ('mail', 'set_password', 1, 0, 0)",
    )
    other = copy(home)

    with serving(other):
        assert homes.ask(other, "SELECT is_held FROM outbox") == [(1,)]
        assert "1 letter" in command(other, "adopt").out
        taken = adopt(other).json

    assert (taken["letters"], homes.ask(other, "SELECT is_held FROM outbox")) == (1, [(0,)])

"""kill -9 of a real server in the middle of a step: the next one goes on by itself."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.programs import apply_text, command, serving
from tests.support import wait_until

pytestmark = pytest.mark.acceptance

NAPS = """
process: Naps
groups:
  - group: All
    steps:
      - {action: wait, name: First, key: first, with: {seconds: 0.01}}
      - action: run_python
        name: Second
        key: second
        with:
          code: |
            import time
            time.sleep(4)
            message("slept")
      - {action: wait, name: Third, key: third, with: {seconds: 0.01}}
"""


def test_a_run_survives_kill_9_in_the_middle_of_a_step(tmp_path: Path) -> None:
    home = tmp_path / "home"
    apply_text(home, NAPS)
    with serving(home) as server:
        run = command(home, "run", "Naps", "--json").json["id"]
        wait_until(lambda: _statuses(home, run)["second"] == "Running")
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
    assert _statuses(home, run)["second"] == "Running"

    with serving(home):
        wait_until(lambda: command(home, "status", run, "--json").json["status"] == "Finished")

    said = command(home, "status", run, "--json").json
    assert said["outcome"] == "Success"
    assert _statuses(home, run) == {"first": "Success", "second": "Success", "third": "Success"}


def _statuses(home: Path, run: str) -> dict[str, str]:
    return {step["key"]: step["status"] for step in command(home, "status", run, "--json").json["steps"]}

"""Scripts run in a container too, whose root is kept from most of what root may elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.figures import ROOT as REPOSITORY

PROGRAM = Path(__file__).parent / "contained.py"
SECONDS_MAX = 60

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be the root of a container")


def run(capabilities: str, *refused: str, namespaces: bool) -> Any:
    with tempfile.TemporaryDirectory(prefix="contained-") as folder:
        Path(folder).chmod(0o755)
        done = subprocess.run(
            [sys.executable, str(PROGRAM), capabilities, str(namespaces), folder, *refused],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("capabilities", ["docker", "none"])
def test_a_script_runs_as_the_root_of_a_container_that_has_no_user_to_lend_and_no_wall_says_otherwise(
    capabilities: str,
) -> None:
    found = run(capabilities, namespaces=False)

    assert "user of a step" not in found["walls"]
    assert found["said"] == "0 closed to others ;;;;", found


def test_a_script_has_a_user_of_its_own_in_a_container_that_may_read_what_is_closed() -> None:
    found = run("docker and read", namespaces=False)

    assert "user of a step" in found["walls"]
    user, text = found["said"].split(" ", 1)
    assert (int(user) >= 61184, text) == (True, "closed to others 4;4;4;4;"), found


@pytest.mark.parametrize("capabilities", ["docker", "none"])
def test_a_script_has_a_root_of_its_own_where_the_container_allows_user_namespaces(capabilities: str) -> None:
    found = run(capabilities, namespaces=True)

    assert found["said"] == "0 closed to others ;;;;", found
    if "private root" not in found["walls"]:
        pytest.skip("this machine lets no root without capabilities make namespaces")


@pytest.mark.parametrize(("refused", "stands"), [((), True), (("pivot_root",), False), (("mount_setattr",), False)])
def test_a_root_that_may_mount_has_all_walls_if_seccomp_leaves_it_the_calls(
    refused: tuple[str, ...], stands: bool
) -> None:
    """Docker's own profile has no pivot_root, whatever is added to the capabilities: docs/containers.md says so."""
    found = run("docker and mount", *refused, namespaces=True)

    assert ("private root" in found["walls"], "user of a step" in found["walls"]) == (stands, stands), found
    assert "process namespace" in found["walls"]

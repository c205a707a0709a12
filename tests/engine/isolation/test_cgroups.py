"""Where this machine lets a server make control groups, the kernel bounds all that a step holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.engine.isolation import cgroups

ROOT = Path("/sys/fs/cgroup")
TESTS = Path(__file__).parents[3]
# What a server does, in a process of its own: it moves into another group.
SERVER = """
import json, sys
from pathlib import Path
from procession.engine.isolation import cgroups
from procession.engine.isolation.contract import Died, Limits
from tests.engine.isolation.house import house_with
base = cgroups.prepare()
bounds = {"cgroup": base, "cgroup_memory_bytes_max": 100 * 2**20, "cgroup_processes_max": 20}
limits = Limits(memory_bytes_max=100 * 2**20, processes_max=1000)
told = []
with house_with(Path(sys.argv[1]), **bounds) as house:
    for code in json.loads(sys.argv[2]):
        end = house.run(code, limits=limits).end
        told.append(end.reason if isinstance(end, Died) else end.outcome.message)
print(json.dumps([base, told, cgroups.prepare() == base, len(list(Path(base).glob("step-*")))]))
"""
MEMFD = """
import os
h = os.memfd_create("m")
for n in range(300): os.write(h, b"x" * 2**20)
"""
FORKS = """
import os, time
for n in range(100):
    if os.fork() == 0: time.sleep(60)
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """An empty control group, whose owner may bound groups below it."""
    place = ROOT / f"procession-test-{os.getpid()}"
    try:
        place.mkdir()
        if not {"memory", "pids"} <= set((place / "cgroup.controllers").read_text().split()):
            place.rmdir()
            pytest.skip("no control group of version 2 can bound memory here")
    except OSError:
        pytest.skip("no control group can be made here")
    yield place
    for below in sorted(place.rglob("*/"), reverse=True):
        below.rmdir()
    place.rmdir()


def serve(group: Path, home: Path, *codes: str) -> tuple[str, list[str], bool, int]:
    join = f'echo $$ > {group}/cgroup.procs; exec "$@"'
    command = ["sh", "-c", join, "sh", sys.executable, "-c", SERVER, str(home), json.dumps(codes)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS, check=False)
    assert done.returncode == 0, done.stderr
    base, told, is_again, left = json.loads(done.stdout)
    return base, told, is_again, left


def test_the_kernel_counts_files_in_memory_and_processes_of_a_step(group: Path, tmp_path: Path) -> None:
    base, told, is_again, left = serve(group, tmp_path, MEMFD, FORKS, "")

    assert base == str(group)
    assert told[0] == "used more than 100 MB of memory"
    assert "Resource temporarily unavailable" in told[1]
    assert told[2] == "done"
    # A server that finds itself in its own group, and groups of workers that are gone, goes on there.
    assert is_again
    assert left == 0


def test_a_group_that_others_are_in_is_left_alone(group: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        (group / "cgroup.procs").write_text(str(other.pid))
        found = subprocess.run(
            ["sh", "-c", f"echo $$ > {group}/cgroup.procs; exec \"$@\"", "sh", sys.executable, "-c",
             "from procession.engine.isolation import cgroups; print(repr(cgroups.prepare()))"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        other.kill()

    assert found.stdout == "''\n"
    assert not (group / "server").exists()


def test_without_a_group_there_is_none_for_a_worker() -> None:
    cgroups.enter(None)

    assert not cgroups.was_over_memory(None)

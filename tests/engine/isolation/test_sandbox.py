"""What a step cannot do to whoever runs it, tried by whoever runs this and by an ordinary user, with and without walls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.engine.isolation import attacked, stranger
from tests.engine.isolation.probes import CAPABILITIES, LANDLOCK, NETWORK, PIDS, PROBES, ROOT, SECCOMP, USER
from tests.figures import ROOT as REPOSITORY

HERE = Path(__file__).parent
STRANGER = 65534
SECONDS_MAX = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """Who runs the server, and what it is told; `plain`: no wall at all, `warm`: in the process of built-in actions."""

    as_root: bool
    namespaces: bool = True
    landlock: bool = True
    plain: bool = False
    warm: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        if self.plain:
            return {"plain": True}
        return {"namespaces": self.namespaces, "landlock": self.landlock, "warm": self.warm}

    def __str__(self) -> str:
        if self.plain:
            return f"{'root' if self.as_root else 'user'}, no wall"
        ways = ("namespaces" if self.namespaces else "trees", "landlock" if self.landlock else "no landlock")
        return ", ".join(("root" if self.as_root else "user", *ways))


WALLS = {
    "process namespace": PIDS,
    "private root": ROOT,
    "seccomp": SECCOMP,
    "Landlock": LANDLOCK,
    "network namespace": NETWORK,
    "user of a step": USER,
}
MODES = [
    Mode(as_root=as_root, namespaces=namespaces, landlock=landlock)
    for as_root in (True, False)
    for namespaces in (True, False)
    for landlock in (True, False)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What each probe came to ("" went through), and the walls that the server says stand."""

    found: Mapping[str, str]
    walls: frozenset[str]

    @property
    def went_through(self) -> set[str]:
        return {name for name, why in self.found.items() if not why}


@cache
def tried(mode: Mode) -> Tried:
    if mode.as_root and os.geteuid() != 0:
        pytest.skip("only root can run a server as root")
    with _folder(mode) as folder:
        said = _run(mode, folder)
    if said.returncode == stranger.NOBODY_ELSE:
        pytest.skip("this Python lies in a folder that only root may open, and no mount can be made")
    lines = said.stdout.splitlines()
    found = next((line for line in lines if line.startswith("FOUND ")), None)
    assert found is not None, (said.stdout, said.stderr)
    walls = next((line for line in lines if line.startswith("WALLS ")), "WALLS []")
    return Tried(found=json.loads(found[6:]), walls=frozenset(json.loads(walls[6:])))


def _folder(mode: Mode) -> tempfile.TemporaryDirectory[str]:
    # Where everybody may look: not below pytest's own, which are closed.
    folder = tempfile.TemporaryDirectory(prefix="probes-")
    Path(folder.name).chmod(0o755)
    if not mode.as_root and os.geteuid() == 0:
        os.chown(folder.name, STRANGER, STRANGER)
    return folder


def _run(mode: Mode, folder: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(HERE / "attacked.py"), json.dumps(mode.settings), folder]
    if not mode.as_root and os.geteuid() == 0:
        words = [sys.executable, str(HERE / "stranger.py"), str(STRANGER), *words]
    environment = {"PATH": os.environ["PATH"], "PROBE": "TOP", "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
    return subprocess.run(
        words, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )


def _standing(mode: Mode, walls: frozenset[str]) -> set[str]:
    """The walls that this machine gives in this mode, as probes call them."""
    standing = {"handles"} | {wall for name, wall in WALLS.items() if name in walls}
    if not mode.as_root or ROOT in standing:
        # Without a root of its own, a step of root's keeps the right to read what Landlock allows.
        standing.add(CAPABILITIES)
    if PIDS in standing:
        standing.add("ipc")
    return standing


def _skip_without(mode: Mode, walls: frozenset[str]) -> None:
    if mode.namespaces and "process namespace" not in walls:
        pytest.skip("this machine lets no process of this user make namespaces")
    if mode.landlock and "Landlock" not in walls:
        pytest.skip("this kernel has no Landlock")


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_what_a_wall_holds_goes_through_in_no_mode_that_has_it(mode: Mode) -> None:
    seen = tried(mode)
    _skip_without(mode, seen.walls)

    standing = _standing(mode, seen.walls)

    held = {probe.name for probe in PROBES if standing.intersection(probe.walls)}
    assert set(seen.found) == {probe.name for probe in PROBES}
    assert sorted(held & seen.went_through) == []


@pytest.mark.parametrize("as_root", [True, False], ids=["root", "user"])
@pytest.mark.parametrize("landlock", [True, False], ids=["landlock", "no landlock"])
def test_nothing_goes_through_where_a_step_has_its_own_root(as_root: bool, landlock: bool) -> None:
    seen = tried(Mode(as_root=as_root, landlock=landlock))
    if not {"private root", "seccomp"} <= seen.walls:
        pytest.skip("this machine gives this user no private root")

    assert sorted(seen.went_through) == []


@pytest.mark.parametrize("as_root", [True, False], ids=["root", "user"])
def test_what_seccomp_holds_is_held_in_the_process_of_built_in_actions_too(as_root: bool) -> None:
    """It reads the files of strangers: who gets hold of it by them is no further."""
    seen = tried(Mode(as_root=as_root, warm=True))
    if "seccomp" not in seen.walls:
        pytest.skip("this machine has no seccomp")

    held = {probe.name for probe in PROBES if {SECCOMP, NETWORK}.intersection(probe.walls)}
    held |= {probe.name for probe in PROBES if probe.kind == "change"}
    if "Landlock" in seen.walls:
        held |= {probe.name for probe in PROBES if probe.kind in {"system", "device", "memory"}}
    assert sorted(held & seen.went_through) == []


@pytest.fixture(params=[True, False], ids=["root", "user"])
def unheld(request: pytest.FixtureRequest) -> Tried:
    return tried(Mode(as_root=request.param, plain=True))


def test_every_kind_of_probe_can_go_through(unheld: Tried) -> None:
    if "\nSeccomp:\t0\n" not in Path("/proc/self/status").read_text():
        pytest.skip("a container holds this test itself")
    through = {probe.kind for probe in PROBES if probe.name in unheld.went_through}

    of_root_only = {"device", "system", "capability", "bound", "key"}
    assert {probe.kind for probe in PROBES} - through <= of_root_only
    if unheld is tried_as_root():
        assert {probe.kind for probe in PROBES} == through


def tried_as_root() -> Tried | None:
    return tried(Mode(as_root=True, plain=True)) if os.geteuid() == 0 else None


def test_there_are_many_probes_and_no_two_of_a_name() -> None:
    names = [probe.name for probe in PROBES]

    assert len(set(names)) == len(names) >= 150


def test_the_numbers_of_system_calls_are_those_of_the_machine_s_header() -> None:
    header = attacked.header_numbers()
    if not header:
        pytest.skip("no header of the kernel is installed here (linux-libc-dev)")

    ours = {name: number for name, number in attacked.numbers().items() if name in header}

    assert len(ours) > 70
    assert ours == {name: header[name] for name in ours}

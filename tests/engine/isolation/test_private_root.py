"""The root of a step's own: what is there, what is not, and that scripts are refused where there is none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.actions.contract import FileInput
from procession.model.lifecycle import StepStatus
from tests.engine.isolation.house import House, house_with

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def rooted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Without Landlock: what is not there is not there."""
    with house_with(tmp_path_factory.mktemp("rooted"), landlock=False) as house:
        if not any(wall.name == "private root" and wall.stands for wall in house.isolation.walls()):
            pytest.skip("this machine gives no namespaces to steps")
        yield house


def test_a_step_finds_only_its_own_folder_and_inputs(rooted: House, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("hello")
    (tmp_path / "other.txt").write_text("secret")
    given = FileInput(path=str(tmp_path / "in.txt"), name="in.txt", size_bytes=5)
    code = """
import os
place = os.path.dirname(context.value("a.b").path)
outputs["a.c"] = " ".join([*sorted(os.listdir(place)), *os.listdir(os.path.dirname(os.getcwd()))])
"""

    told = rooted.run(code, a__b=given)

    assert told.outcome.outputs == {"a.c": f"in.txt attempt{rooted.jobs}"}


def test_an_input_that_only_the_server_may_read_is_read_and_not_written(rooted: House, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("hello")
    (tmp_path / "in.txt").chmod(0o600)
    given = FileInput(path=str(tmp_path / "in.txt"), name="in.txt", size_bytes=5)
    code = """
path = context.value("a.b").path
outputs["a.c"] = open(path).read()
try:
    open(path, "r+")
except OSError as error:
    outputs["a.d"] = error.strerror
"""

    told = rooted.run(code, a__b=given)

    assert told.outcome.outputs["a.c"] == "hello"
    assert told.outcome.outputs["a.d"] in ("Permission denied", "Read-only file system")


def test_a_step_has_the_usual_small_places(rooted: House) -> None:
    code = """
import os, ssl, socket, zoneinfo, multiprocessing.shared_memory as memory
open("/dev/null", "w").write("x")
assert len(open("/dev/urandom", "rb").read(8)) == 8
memory.SharedMemory(create=True, size=4096).unlink()
ssl.create_default_context()
zoneinfo.ZoneInfo("Europe/Berlin")
outputs["a.b"] = os.getpid()
"""

    told = rooted.run(code)

    assert told.outcome.outputs == {"a.b": 2}


def test_the_way_to_other_jobs_is_shut(rooted: House) -> None:
    told = rooted.run("import os\noutputs['a.b'] = ' '.join(os.listdir('/.jobs'))")

    assert told.outcome.outputs == {"a.b": ""}


CODE = """
import os
before = set(os.listdir("/tmp"))
open("/tmp/mine", "w").write("x")
open("/var/tmp/yours", "w").write("x")
outputs["a.b"] = " ".join(sorted(set(os.listdir("/tmp")) - before))
outputs["a.c"] = "mine" in before
"""


@pytest.fixture(params=["/tmp", "/var/tmp", str(HERE.parents[2])])  # noqa: S108 - where a home may lie
def place(request: pytest.FixtureRequest) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="home-", dir=request.param) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("landlock", [True, False])
def test_tmp_is_a_step_s_own_wherever_the_home_and_libraries_lie(rooted: House, place: Path, landlock: bool) -> None:
    del rooted
    home, libraries = place / "sources" / "home", place / "sources" / "libraries"
    for folder in (home / "work", libraries):
        folder.mkdir(parents=True)
    (home / "secret").write_text("TOP")
    (libraries / "ours.py").write_text("RATE = 7")
    (place / "link").symlink_to(libraries)
    paths = {"home": str(home), "job_paths": (str(home / "work"),), "landlock": landlock}
    more = {"library_paths": (str(place / "link"),), "import_paths": (str(HERE), str(place / "sources"))}

    with house_with(home / "work", **paths, **more) as house:
        told = [house.run(f"{CODE}import ours\noutputs['a.d'] = ours.RATE") for _ in range(2)]
        seen = house.run(f"import os\noutputs['a.b'] = ' '.join(os.listdir({str(home)!r}))")
        hidden = house.run(f"open('/.shown{home}/secret')")

    assert [one.outcome.outputs for one in told] == [{"a.b": "mine yours", "a.c": False, "a.d": 7}] * 2
    assert seen.outcome.outputs == {"a.b": "work"}
    assert hidden.outcome.status is StepStatus.FAILED
    assert not os.path.exists("/tmp/mine")  # noqa: PTH110, S108 - the name that the script used


def test_libraries_in_the_home_are_found_and_the_rest_of_it_is_not(rooted: House, tmp_path: Path) -> None:
    del rooted
    libraries = tmp_path / "libraries"
    libraries.mkdir(mode=0o755)
    (libraries / "ours.py").write_text("RATE = 7")
    (tmp_path / "work").mkdir()
    code = "import ours, os\noutputs['a.b'] = ours.RATE\noutputs['a.c'] = ' '.join(sorted(os.listdir(os.getcwd() + '/../..')))"
    paths = {"home": str(tmp_path), "job_paths": (str(tmp_path / "work"),)}

    with house_with(tmp_path / "work", landlock=False, library_paths=(str(libraries),), **paths) as house:
        told = house.run(code)

    assert told.outcome.outputs == {"a.b": 7, "a.c": "libraries work"}


def test_scripts_are_refused_where_nothing_keeps_them_apart(tmp_path: Path) -> None:
    with house_with(tmp_path, namespaces=False, weak=False) as house:
        told = house.run("raise SystemExit('it ran')")
        warm = house.run("outputs['a.b'] = 1", action="warm_script", user_code=False)

    assert told.outcome.status is StepStatus.FAILED
    assert told.outcome.message == (
        "scripts do not run on this server: its machine cannot keep them apart from the server's own files and processes"
        " (missing: process namespace, private root); its operator can allow them all the same (PROCESSION_ISOLATION=weak)"
    )
    assert warm.outcome.status is StepStatus.SUCCESS


def test_scripts_run_where_they_are_kept_apart_and_weakness_is_not_allowed(rooted: House, tmp_path: Path) -> None:
    del rooted
    with house_with(tmp_path, weak=False) as house:
        assert house.run("outputs['a.b'] = 1").outcome.outputs == {"a.b": 1}

"""kill -9 of backup, restore and prune at every point of their work: nothing is lost, nothing is half there."""

from __future__ import annotations

import gc
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from procession.commands.backups import backup
from procession.commands.console import Console
from procession.commands.restoring import restore
from tests.commands import homes
from tests.crashing import CRASHED, Countdown, at_once, why
from tests.programs import SOURCE, command

pytestmark = pytest.mark.crash

LANES = 4
POINTS_MAX = 100


def crash_everywhere(
    tmp_path: Path,
    make: Callable[[Path], None],
    work: Callable[[Path, Countdown], object],
    check: Callable[[Path, str], None],
) -> int:
    """Does the work in a new folder for each point at which it may end; gives how many there are."""
    gc.freeze()
    point, crashes, is_complete = 1, 0, False
    while not is_complete:
        folders = {number: tmp_path / str(number) for number in range(point, point + LANES)}
        for folder in folders.values():
            folder.mkdir()
            make(folder)
        ends = at_once(folders, lambda folder, number: work(folder, Countdown(number)))
        for number, folder in folders.items():
            assert ends[number] in {0, CRASHED}, why(folder)
            check(folder, f"point {number}")
        crashes += sum(end == CRASHED for end in ends.values())
        is_complete = set(ends.values()) == {0}
        point += LANES
        assert point < POINTS_MAX
    return crashes


def copy(made: Path) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        shutil.copytree(made, folder / "home", ignore=shutil.ignore_patterns("*.sock"))

    return make


def test_a_backup_that_is_killed_leaves_the_home_as_it_was_and_no_file(made: Path, tmp_path: Path) -> None:
    before = homes.state(made)

    def work(folder: Path, countdown: Countdown) -> None:
        backup(Console(home=str(folder / "home")), str(folder / "b.tar"), skip_damaged=False, crash_point=countdown)

    def check(folder: Path, where: str) -> None:
        home = folder / "home"
        assert homes.state(home) == before, where
        homes.check_whole(home)
        if not (folder / "b.tar").exists():
            backup(Console(home=str(home), json=True), str(folder / "b.tar"), skip_damaged=False)
        assert [path.name for path in folder.glob(".*")] == [], where
        restore(Console(home=str(folder / "restored"), json=True), str(folder / "b.tar"))
        assert homes.state(folder / "restored") == before, where

    assert crash_everywhere(tmp_path, copy(made), work, check) >= 3


def test_a_restore_that_is_killed_is_seen_by_nobody_and_is_done_again(made: Path, tmp_path: Path) -> None:
    before = homes.state(made)
    file = tmp_path / "b.tar"
    backup(Console(home=str(made), json=True), str(file), skip_damaged=False)

    def work(folder: Path, countdown: Countdown) -> None:
        restore(Console(home=str(folder / "home")), str(file), crash_point=countdown)

    def check(folder: Path, where: str) -> None:
        home = folder / "home"
        if not (home / "procession.db").exists():
            restore(Console(home=str(home), json=True), str(file))
        assert homes.state(home) == before, where
        homes.check_whole(home)
        assert homes.contents(home) == homes.named(home), where

    assert crash_everywhere(tmp_path, lambda folder: None, work, check) >= 4


def test_a_prune_that_is_killed_loses_nothing_and_is_done_again(made: Path, tmp_path: Path) -> None:
    kept = [row for row in homes.state(made)[0] if row[0] == 2]

    def work(folder: Path, countdown: Countdown) -> None:
        homes.prune_at_once(folder / "home", keep=1, crash_point=countdown)

    def check(folder: Path, where: str) -> None:
        home = folder / "home"
        homes.check_whole(home)
        runs = homes.state(home)[0]
        assert [row for row in runs if row[0] == 2] == kept, where
        homes.prune_at_once(home, keep=1)
        assert homes.state(home)[0] == kept, where
        assert homes.contents(home) == homes.named(home), where
        assert homes.logs(home) == {2}, where

    assert crash_everywhere(tmp_path, copy(made), work, check) >= 4


@pytest.mark.parametrize("words", ["prune --keep 0 --yes", "backup ../b.tar"])
def test_kill_9_at_any_moment(made: Path, tmp_path: Path, words: str) -> None:
    """Not at points of ours: after so many milliseconds."""
    for number, milliseconds in enumerate(range(150, 451, 50)):
        home = tmp_path / str(number) / "home"
        shutil.copytree(made, home, ignore=shutil.ignore_patterns("*.sock"))
        arguments = words.replace("..", str(home.parent)).split()
        process = subprocess.Popen(
            [sys.executable, "-m", "procession", *arguments, "--home", str(home)],
            cwd=SOURCE,
            stdout=subprocess.DEVNULL,
        )
        try:
            process.wait(milliseconds / 1_000)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        homes.check_whole(home)
        assert command(home, *arguments).code == 0 or (home.parent / "b.tar").exists()
        homes.check_whole(home)

"""download: every file whole and checked, and none over another."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from procession.commands.console import Console
from procession.commands.downloads import FoundFile, Target, save, settle
from tests.programs import command

pytestmark = pytest.mark.acceptance

NOISE = random.Random("one").randbytes(200_000)  # noqa: S311  # the same as the step's


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "a" / "reports"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_outputs_are_saved_and_two_of_one_name_stay_two(home: Path, target: Path) -> None:
    said = command(home, "download", "pr-1", "--to", str(target), "--json").json

    # They differ in case only, which is no difference on many disks.
    assert names(target) == ["out.first-Report.csv", "out.second-report.csv"]
    assert (target / "out.first-Report.csv").read_bytes() == NOISE
    assert said["files"][0]["sha256"] == hashlib.sha256(NOISE).hexdigest()
    assert [row["reference"] for row in said["files"]] == ["out.first", "out.second"]


def test_one_file_keeps_its_name_and_all_are_the_inputs_too(home: Path, target: Path) -> None:
    command(home, "download", "pr-1", "out.first", "--to", str(target))
    assert names(target) == ["Report.csv"]

    assert command(home, "download", "pr-1", "--all", "--to", str(target)).code == 0
    assert names(target) == ["Report.csv", "ledger.csv", "out.first-Report.csv", "out.second-report.csv"]


def test_nothing_is_overwritten_unless_it_is_asked_for(home: Path, target: Path) -> None:
    target.mkdir(parents=True)
    (target / "Report.csv").write_text("mine")

    refused = command(home, "download", "pr-1", "out.first", "in.ledger", "--to", str(target))

    assert (refused.code, names(target)) == (1, ["Report.csv"])
    assert "Report.csv in " in refused.err and "--overwrite" in refused.err
    assert (target / "Report.csv").read_text() == "mine"
    assert command(home, "download", "pr-1", "out.first", "--to", str(target), "--overwrite").code == 0
    assert (target / "Report.csv").read_bytes() == NOISE


def test_a_link_of_the_name_is_not_followed(home: Path, target: Path) -> None:
    target.mkdir(parents=True)
    (target / "Report.csv").symlink_to(target / "elsewhere")

    refused = command(home, "download", "pr-1", "out.first", "--to", str(target))
    replaced = command(home, "download", "pr-1", "out.first", "--to", str(target), "--overwrite")

    assert (refused.code, replaced.code, names(target)) == (1, 0, ["Report.csv"])
    assert not (target / "Report.csv").is_symlink()


def test_a_damaged_content_is_not_saved(home: Path, target: Path) -> None:
    sha256 = hashlib.sha256(NOISE).hexdigest()
    (home / "files" / sha256[:2] / sha256[2:]).write_bytes(NOISE[:-1])

    said = command(home, "download", "pr-1", "out.first", "--to", str(target))

    assert (said.code, names(target)) == (1, [])
    assert "out.first was not saved: its content on the server's disk is damaged" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ("pr-1 out.nothing", 1, "pr-1 has no file out.nothing; there are in.ledger, out.first, out.second, out.third"),
        ("pr-1 out.difference", 1, "pr-1 has no file out.difference"),
        ("pr-1 out.third", 1, "out.third of pr-1 is empty"),
        ("pr-2", 1, "pr-2 has no output files yet"),
        ("pr-9", 1, "there is no process run pr-9"),
        ("pr-1 out.first --all", 2, "not both"),
    ],
)
def test_mistakes_are_told_and_leave_no_folder(home: Path, target: Path, arguments: str, code: int, text: str) -> None:
    said = command(home, "download", *arguments.split(), "--to", str(target))

    assert (said.code, said.out, target.exists()) == (code, "", False)
    assert text in said.err


def test_a_folder_that_cannot_be_made_is_told(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    said = command(home, "download", "pr-1", "--to", str(tmp_path / "file" / "x"))

    assert (said.code, "cannot be made: Not a directory" in said.err) == (1, True)


def test_a_name_that_is_taken_meanwhile_is_kept(tmp_path: Path) -> None:
    (tmp_path / "part").write_text("ours")
    (tmp_path / "name").write_text("theirs")

    with pytest.raises(FileExistsError):
        settle(tmp_path / "part", tmp_path / "name")

    assert (tmp_path / "name").read_text() == "theirs"


def test_names_from_outside_stay_in_the_folder_and_apart(tmp_path: Path) -> None:
    hostile = [
        "../../.bashrc",
        "/etc/passwd",
        "..",
        "",
        "C:\\x\\a.csv",
        "a.csv",
        "A.CSV",
        "s.p5-a.csv",
        "e\u0301.csv",
        "\u00e9.csv",
        "a.csv. .",
    ]

    def fetch(number: int) -> Callable[[BinaryIO], tuple[int, str]]:
        return lambda file: (file.write(b"%d" % number), "")

    found = [
        FoundFile(reference=f"s.p{number}", flow="OUTPUT", name=name, fetch=fetch(number))
        for number, name in enumerate(hostile)
    ]

    save(Console(json=True), ("pr-1", "Finished"), found, Target(folder=str(tmp_path / "d"), may_overwrite=True))

    saved = list((tmp_path / "d").iterdir())
    assert len({path.name.casefold().rstrip(". ") for path in saved}) == len(hostile)
    assert sorted(int(path.read_text()) for path in saved) == list(range(len(hostile)))
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
    assert ".bashrc" in names(tmp_path / "d")

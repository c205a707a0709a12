"""A managed table published as an Iceberg table: every snapshot is what the API gives of that version."""

from __future__ import annotations

import contextlib
import json
import uuid
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from procession import cli
from procession.actions.problems import Problem
from procession.actions.tables import iceberg_files
from procession.actions.tables.iceberg import IcebergFolder
from procession.commands.icebergs import versions_of
from procession.model.columns import ColumnType
from procession.model.ids import TableId
from procession.operations import columns
from procession.operations.columns import ColumnChange
from tests.commands import document
from tests.engine import tables
from tests.engine.world import World

OWN = uuid.UUID(int=7)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with tables.world_with_workers(tmp_path_factory.mktemp("iceberg")) as made:
        yield made


def ledger(world: World, name: str) -> TableId:
    """A table that has lived: rows of each kind, columns added, renamed, moved to another name and dropped."""
    by = tables.work(world)
    kinds: dict[str, Any] = {
        "Account": "FixedLengthText",
        "Amount": "Money",
        "Rate": "Number",
        "At": "Datetime",
        "Open": "TrueFalse",
    }
    first = {"Account": "0400", "Amount": "-1200.5001", "Rate": "0.0000000001", "At": "2026-01-31T10:00:00.123456"}
    table = tables.make(world, name, first | {"Open": True}, {"Account": 'ä\n"x"'}, **kinds)
    columns.add(
        by, table, ColumnChange(name="Region", type=ColumnType.TEXT, sets_default=True, default="none", nullable=False)
    )
    tables.write(world, table, [{"Account": "0410", "Amount": "1", "Region": "north"}])
    columns.change(by, table, "Amount", ColumnChange(name="Net"))
    tables.write(world, table, [{"Account": "0400", "Net": "7"}], mode="upsert", key=["Account"])
    columns.drop(by, table, "Rate")
    columns.add(by, table, ColumnChange(name="Rate", type=ColumnType.MONEY))
    tables.write(world, table, [{"Account": "0420", "Rate": "99.99", "Region": "south"}])
    return table


def published(world: World, table: TableId, folder: Path, **given: Any) -> list[int]:
    with world.db.read() as tx:
        versions = versions_of(tx, world.blobs, table)
    IcebergFolder(folder, location=given.get("location", str(folder)), table=given.get("own", OWN)).publish(versions)
    return [one.number for one in versions]


def read(folder: Path, number: int) -> list[dict[str, Any]]:
    """By the library's own reader."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyiceberg.table import StaticTable

        hint = (folder / "metadata" / "version-hint.text").read_text()
        table = StaticTable.from_metadata(str(folder / "metadata" / f"v{hint}.metadata.json"))
        found: list[dict[str, Any]] = table.scan(snapshot_id=number).to_arrow().to_pylist()
    return found


def plain(value: Any) -> Any:
    """A value as the API shows it."""
    if isinstance(value, Decimal):
        return Decimal(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def test_every_snapshot_is_what_the_api_gives_of_its_version(world: World, tmp_path: Path) -> None:
    table = ledger(world, "Ledger")

    numbers = published(world, table, tmp_path / "lake")

    assert len(numbers) > 8
    for number in numbers:
        wanted = tables.rows(world, table, number)
        found = [{name: plain(value) for name, value in row.items()} for row in read(tmp_path / "lake", number)]
        assert sorted(map(_comparable, found)) == sorted(map(_comparable, wanted)), number
    files = list((tmp_path / "lake" / "data").iterdir())
    assert len(files) == len({file.name.partition("-")[0].partition(".")[0] for file in files})


def test_what_comes_later_is_added_and_what_was_published_stays(world: World, tmp_path: Path) -> None:
    table, lake = ledger(world, "Later"), tmp_path / "lake"
    published(world, table, lake)
    before = {
        path: path.read_bytes() for path in lake.rglob("*") if path.is_file() and path.name != "version-hint.text"
    }

    number = tables.write(world, table, [{"Account": "0999", "Region": "x"}])
    published(world, table, lake)

    assert {path: path.read_bytes() for path in before} == before
    assert "0999" in {row["Account"] for row in read(lake, number)}
    # One file of rows is new.
    assert len(list((lake / "data").iterdir())) == 1 + sum(path.parent.name == "data" for path in before)


def test_a_folder_of_something_else_is_left_alone(world: World, tmp_path: Path) -> None:
    table, lake = ledger(world, "Alone"), tmp_path / "lake"
    published(world, table, lake)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")

    for folder, given in (
        (lake, {"own": uuid.UUID(int=8)}),
        (lake, {"location": "s3://x"}),
        (tmp_path / "other", {}),
    ):
        with pytest.raises(Problem, match="holds"):
            published(world, table, folder, **given)
    assert (lake / "metadata" / "version-hint.text").read_text() == "1"
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["file"]


# What stands in a folder, by path; of another program, or broken.
OTHERS = {
    "Spark": {"metadata/00001-a.metadata.json": '{"table-uuid": "x", "location": "s3://y"}'},
    "unreadable": {"metadata/00001-a.metadata.json": "{"},
    "no number": {"metadata/version-hint.text": "x"},
    "no document": {"metadata/version-hint.text": "3"},
    "a project": {"metadata/x": "", "notes.txt": ""},
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_folder_of_another_program_is_left_alone(world: World, tmp_path: Path, what: str) -> None:
    table = tables.make(world, f"Beside {what}", {"V": "1"}, V="FixedLengthText")
    for name, text in OTHERS[what].items():
        (tmp_path / "lake" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lake" / name).write_text(text)

    with pytest.raises(Problem, match="holds"):
        published(world, table, tmp_path / "lake")
    assert {str(path.relative_to(tmp_path / "lake")) for path in (tmp_path / "lake").rglob("*.*")} <= set(OTHERS[what])


def test_a_folder_that_cannot_be_written_to_is_told(world: World, tmp_path: Path) -> None:
    table = tables.make(world, "No way", {"V": "1"}, V="FixedLengthText")
    (tmp_path / "file").write_text("x")

    with pytest.raises(Problem, match="Not a directory"):
        published(world, table, tmp_path / "file")


def test_whoever_is_stopped_before_the_last_file_has_published_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, lake = ledger(world, "Stopped"), tmp_path / "lake"
    number = published(world, table, lake)[-1]
    wanted = read(lake, number)
    tables.write(world, table, [{"Account": "0999", "Region": "x"}])
    names = _stopped_at_each_file(world, table, lake, monkeypatch)

    assert len(names) > 6
    assert read(lake, number) == wanted
    assert published(world, table, lake)[-1] == number + 1
    assert len(read(lake, number + 1)) == len(wanted) + 1


def test_the_command_publishes_and_says_what_it_cannot(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = ledger(world, "By command")

    def said(name: str, to: str) -> str:
        cli.main(["table", "iceberg", name, "--to", to, "--home", str(world.home)])
        told = capsys.readouterr()
        return told.out + told.err

    count = len(tables.versions(world, table))
    assert f"{count} versions in {tmp_path / 'lake'}, 4 new files" in said("By command", str(tmp_path / "lake"))
    assert f"{count} versions in {tmp_path / 'lake'}, 0 new files" in said("By command", str(tmp_path / "lake"))
    cli.main(["table", "iceberg", "By command", "--to", str(tmp_path / "lake"), "--home", str(world.home), "--json"])
    assert document.fits(json.loads(capsys.readouterr().out), document.ANSWERS["table iceberg"])
    assert 'there is no table "Lost"' in said("Lost", str(tmp_path / "lost"))
    assert "holds something else" in said("By command", str(world.home))
    assert len(read(tmp_path / "lake", count + 1)) == len(tables.rows(world, table))


class Stopped(Exception):
    """As kill -9: what has its name has it, and nothing else is done."""


def _stopped_at_each_file(world: World, table: TableId, lake: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Publishes again and again from the same state, and stops one file later each time; the names of these files."""
    names: list[str] = []
    sync, hint = iceberg_files.sync, lake / "metadata" / "version-hint.text"
    before = {path for path in lake.rglob("*") if path.is_file()}
    while True:
        left = [len(names) + 1]

        def stop(path: Path, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                names.append(path.name)
                raise Stopped
            sync(path)

        with monkeypatch.context() as patched, contextlib.suppress(Stopped):
            patched.setattr(iceberg_files, "sync", stop)
            published(world, table, lake)
        if hint.read_text() != "1":
            break
        for path in {path for path in lake.rglob("*") if path.is_file()} - before:
            path.unlink()
    # The last one is the folder, synced once the hint has its name.
    hint.write_text("1")
    return names


def _comparable(row: dict[str, Any]) -> str:
    """Numbers by their value: the API writes the shortest text."""
    shown = {name: _shown(value) for name, value in row.items()}
    return json.dumps(shown, ensure_ascii=False)


def _shown(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    try:
        return f"{Decimal(str(value)).normalize():f}"
    except ArithmeticError:
        return str(value)

"""How versions are published: by comparison, with the permission asked again, whole across a crash, and taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from procession.actions.tables.contract import READ_KIND, Contents, ReadSettings
from procession.model.columns import RECORD_COLUMN
from procession.model.errors import Forbidden
from procession.model.ids import TableId
from procession.model.people import Role
from procession.model.tables import Draft, Snapshot
from procession.operations import table_jobs, table_rows, tables
from procession.operations.table_rows import RowsRequest
from procession.operations.tables import TableWork
from procession.store import permissions
from procession.store.checks import contents
from procession.store.folder import BlobFolder
from tests.api.house import House
from tests.api.test_tables import new_table


def table_work(home: House, who: str = "owner") -> TableWork:
    return TableWork(database=home.database, resources=home.resources, admit=lambda tx: home.act(tx, who))


def test_a_draft_of_an_older_version_is_not_published(home: House) -> None:
    table = TableId.parse(new_table(home, amount="Number"))
    late = home.database.write(lambda tx: tables.take_back(tx, table, 2))
    home.post(f"tables/{table}/rows", json=[{"amount": 1}])

    published = home.database.write(lambda tx: tables.publish(home.act(tx), table, late))

    assert published is None
    assert home.get(f"tables/{table}")["version"] == 4


def test_a_version_can_be_taken_back_and_its_record_ids_stay_used(home: House) -> None:
    table = TableId.parse(new_table(home, amount="Number"))
    home.post(f"tables/{table}/rows", json=[{"amount": 1}])
    home.post(f"tables/{table}/rows", json={"mode": "replace", "rows": [{"amount": 2}]})
    home.post(f"tables/{table}/columns/amount", json={"name": "sum"})

    draft = home.database.write(lambda tx: tables.take_back(tx, table, 4))
    home.database.write(lambda tx: tables.publish(home.act(tx), table, draft))

    home.post(f"tables/{table}/rows", json=[{"amount": 3}])
    assert home.get(f"tables/{table}/rows") == [{"_Record_ID": 1, "amount": 1}, {"_Record_ID": 3, "amount": 3}]
    assert home.get(f"tables/{table}/rows?version=6") == [{"_Record_ID": 2, "sum": 2}]
    assert [row["operation"] for row in home.get(f"tables/{table}/versions")][1] == "takeBack"


def test_who_lost_the_role_meanwhile_publishes_nothing(home: House) -> None:
    table = TableId.parse(new_table(home))

    def prepare(present: Snapshot) -> Draft:
        editor = home.users["editor"].id
        home.database.write(lambda tx: permissions.give(tx, table, Role.READER, holder=editor))
        return home.database.write(lambda tx: tables.take_back(tx, table, 2))

    with pytest.raises(Forbidden, match="the role editor"):
        tables.change(table_work(home, "editor"), table, prepare, lambda published: None)

    assert home.get(f"tables/{table}")["version"] == 2


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.crash
@pytest.mark.parametrize("where", ["before publication", "after publication"])
def test_a_crash_at_the_publication_of_a_file_changes_nothing(home: House, tmp_path: Path, where: str) -> None:
    table = TableId.parse(new_table(home, amount="Number"))
    (tmp_path / "body").write_text("amount\n1\n")
    request = RowsRequest(path=tmp_path / "body", format="csv")

    def crash(point: str) -> None:
        if point == where:
            raise Crash

    resources = replace(home.resources, blobs=BlobFolder(tmp_path / "files", crash_point=crash))
    with pytest.raises(Crash):
        table_rows.write(replace(table_work(home), resources=resources), table, request)

    assert home.get(f"tables/{table}/rows") == []
    table_rows.write(table_work(home), table, request)
    assert home.get(f"tables/{table}/rows") == [{"_Record_ID": 1, "amount": 1}]


def test_every_file_of_every_version_is_known_to_the_doctor(home: House) -> None:
    table = new_table(home, amount="Number")
    for number in range(2):
        home.post(f"tables/{table}/rows", json={"mode": "replace", "rows": [{"amount": number}]})

    named = home.database.write(contents)

    assert len(named) == 2 and named == home.resources.blobs.stored()


def test_a_job_that_takes_too_long_is_ended_and_the_next_one_works(home: House) -> None:
    settings = ReadSettings(contents=Contents(columns=(RECORD_COLUMN,), parts=()), format="json")
    bench = home.resources.table_workers

    with bench.temporary_folder() as place:
        late = bench.perform(READ_KIND, settings, place=place, seconds_max=0)
        ended = bench.perform(READ_KIND, settings, place=place, seconds_max=30)

    assert late.outcome is None and late.reason == "it took longer than 0 s"
    assert ended.outcome is not None
    assert not place.exists()


def test_a_job_may_take_longer_the_more_there_is_and_has_an_end_all_the_same() -> None:
    """Five million rows were "longer than 120 s" on a machine that does other work, and could never be sent."""
    small, large = (table_jobs.seconds_for(120.0, rows=rows, size_bytes=0) for rows in (1_000, 5_000_000))
    sent = table_jobs.seconds_for(120.0, rows=0, size_bytes=161 * 2**20)

    assert (round(small), large, sent) == (120, 220.0, 281.0)
    assert table_jobs.seconds_for(30.0, rows=10**9) == 930.0

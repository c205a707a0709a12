"""Managed tables through the client, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from procession.client import Client, Invalid, NotFound, asking
from procession.client.tables import PARQUET, RECORD_ID, Column, Table
from tests.client.conftest import Place
from tests.client.test_command_line import remote
from tests.programs import command

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def tables_client(place: Place) -> Iterator[Client]:
    made = command(place.home, "application", "create", "--name", "tables", "--scopes", "mtable", "--json").json
    with replace(place, credentials=made).client() as client:
        yield client


@pytest.fixture
def table(tables_client: Client) -> Iterator[Table]:
    found = tables_client.tables.create("Entries", description="of the ledger")
    found.add_column(Column(name="Text", data_type="FixedLengthText", field_length=20))
    found.add_column(Column(name="Amount", data_type="Money"))
    yield found
    found.delete()


def test_rows_go_in_and_come_out_exactly(table: Table) -> None:
    done = table.append([{"Text": "a", "Amount": Decimal("0.10")}, {"Text": "b", "Amount": Decimal("-3")}])

    assert (done.rows_added, done.rows) == (2, 2)
    rows = list(table.rows(page=1))
    assert [row["Text"] for row in rows] == ["a", "b"]
    assert [row["Amount"] for row in rows] == [Decimal("0.10"), Decimal("-3")]
    assert [row["Text"] for row in table.rows(Text="b")] == ["b"]


def test_amounts_are_decimals_in_every_row_and_dates_aware(table: Table) -> None:
    table.add_column(Column(name="Rate", data_type="Number"))
    table.add_column(Column(name="Due", data_type="Datetime"))
    due = datetime(2026, 11, 30, tzinfo=UTC)

    table.append([{"Amount": 100, "Rate": 2, "Due": due}, {"Amount": Decimal("1.5"), "Rate": None}])

    first, second = table.rows()
    assert [type(first[name]) for name in (RECORD_ID, "Amount", "Rate")] == [int, Decimal, Decimal]
    assert (first["Due"], second["Amount"], second["Rate"]) == (due, Decimal("1.5"), None)
    assert [row["Amount"] for row in table.rows(Due=due)] == [100]
    with pytest.raises(Invalid, match="no time zone"):
        list(table.rows(Due=datetime(2026, 11, 30)))


def test_rows_of_a_version_are_read_by_its_columns(table: Table) -> None:
    table.add_column(Column(name="Due", data_type="Datetime"))
    before = table.append([{"Text": "2026-11-30T00:00:00", "Due": "2026-11-30T00:00:00"}]).version
    table.drop_column("Due")
    table.drop_column("Text")
    table.add_column(Column(name="Text", data_type="Datetime"))

    (row,) = table.rows(version=before)

    assert row["Due"] == datetime(2026, 11, 30, tzinfo=UTC)
    assert row["Text"] == "2026-11-30T00:00:00"
    assert [column.name for column in table.columns(version=before)] == [RECORD_ID, "Text", "Amount", "Due"]


def test_rows_are_changed_by_key_and_remembered_by_version(table: Table) -> None:
    first = table.append([{"Text": "a", "Amount": 1}])
    table.upsert([{"Text": "a", "Amount": 2}, {"Text": "b", "Amount": 3}], key=["Text"])

    assert [int(row["Amount"]) for row in table.rows()] == [2, 3]
    assert [int(row["Amount"]) for row in table.rows(version=first.version)] == [1]
    assert table.details().version == max(version.version for version in table.versions())


def test_files_go_in_and_out(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Text,Amount\na,1.5\nb,2\n")

    assert table.load(path).rows_added == 2
    with table.open_rows() as blocks:
        assert b"a,1.5" in b"".join(blocks)
    with table.open_rows(PARQUET) as blocks:
        parquet = b"".join(blocks)
    assert table.load(parquet, media_type=PARQUET, mode="upsert", key=[RECORD_ID]).rows == 2


def test_columns_and_what_is_refused(table: Table) -> None:
    assert [column.name for column in table.columns()] == [RECORD_ID, "Text", "Amount"]
    assert table.change_column("Text", name="Long text").name == "Long text"
    table.drop_column("Long text")
    with pytest.raises(Invalid, match="Nothing"):
        table.append([{"Nothing": 1}])
    with pytest.raises(NotFound):
        table.drop_column("Long text")
    assert table.change(description="other").description == "other"


def test_rows_of_which_the_answer_was_lost_are_there_once(table: Table) -> None:
    ask = asking.post(f"tables/{table.id}/rows", {"mode": "append", "rows": [{"Text": "a"}]})

    first, second = table._connection.json(ask), table._connection.json(ask)

    assert first == second
    assert [row["Text"] for row in table.rows()] == ["a"]


GATHER = """
process: Gather
groups:
  - group: All
    steps:
      - data: Values
        properties: [{name: Total, type: Decimal, flow: OUTPUT}]
      - action: run_sql
        name: Add up
        key: sum
        with:
          inputs: {balances: "${table:Balances}"}
          sql: SELECT sum(amount) FROM balances
          outputs: {result: "${values.total}"}
      - action: run_sql
        name: Book
        key: book
        with:
          inputs: {total: "${values.total}"}
          sql: SELECT $total::DECIMAL(19,4) AS amount
          outputs: {result: {to: "${table:Balances}", mode: append}}
"""


def test_a_restart_plan_tells_which_tables_it_takes_back_and_reads(tables_client: Client, place: Place) -> None:
    balances = tables_client.tables.create("Balances")
    balances.add_column(Column(name="amount", data_type="Money"))
    balances.append([{"amount": 1}])
    with place.client() as client:
        run = client.apply(GATHER).create_run(start=True)
        assert run.wait().outcome == "Success"
        undone = run.restart_plan("book")
        balances.append([{"amount": 5}])
        plan = run.restart_plan("sum")

    (back,), (read,) = undone.tables_taken_back, plan.tables_read
    assert (back.name, back.version, undone.tables_read) == ("Balances", read.version, ())
    assert (plan.tables_taken_back[0].version, read.step, read.name) == (None, run.step("sum").id, "Balances")
    assert read.is_changed
    assert read.present_version > read.version
    here = command(place.home, "restart", str(run.id), "sum", "--plan")
    assert remote(place, "restart", str(run.id), "sum", "--plan").out == here.out
    assert 'tables taken back: "Balances" stays as it is, others have changed it since\n' in here.out
    assert f'tables read again: "Balances" by 1.2 Add up: version {read.version}, version' in here.out
    said = command(place.home, "restart", str(run.id), "sum", "--plan", "--json").json["plan"]
    assert said == remote(place, "restart", str(run.id), "sum", "--plan", "--json").json["plan"]
    assert [one["isChanged"] for one in said["tablesRead"]] == [True]

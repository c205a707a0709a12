"""What the tests of written files share: a run that writes one, and readers that are not ours."""

from __future__ import annotations

import io
import zipfile

import duckdb
import fastexcel

from procession.actions import database
from procession.actions.kinds import run_sql
from procession.actions.writing import workbooks
from procession.model.lifecycle import StepStatus
from tests.actions.context import play


def written(folder, sql, name="r.csv", **options):
    outputs = {"result": {"to": "${o.r}", "as": name, **options}}
    played = play(run_sql.ACTION, folder, {"sql": sql, "outputs": outputs})
    # Of the generated doubles of test_writing_types, some may look like amounts that were added up. No other test has
    # a column of that name.
    told = 'the column "DOUBLE" holds' in played.outcome.message
    assert played.outcome.status is (StepStatus.WARNING if told else StepStatus.SUCCESS), played.outcome.message
    return played.outputs["o.r"]


def refused(folder, sql, name="r.csv", **options):
    played = play(run_sql.ACTION, folder, {"sql": sql, "outputs": {"result": {"to": "${o.r}", "as": name, **options}}})
    assert played.outcome.status is StepStatus.FAILED
    return played.outcome.message


def book(folder, sql, zone="UTC", title="Data"):
    """The written workbook's bytes, and what its writer had to say."""
    with database.connect(folder, 1 << 30) as connection:
        connection.execute(f"CREATE TABLE t AS {sql}")
        notes = workbooks.write(connection, folder / "export" / "t.xlsx", {title: "t"}, zone)
    return (folder / "export" / "t.xlsx").read_bytes(), notes


def cells(content, number=1):
    return zipfile.ZipFile(io.BytesIO(content)).read(f"xl/worksheets/sheet{number}.xml").decode()


def read(content, dtypes="string"):
    """The rows below the header as fastexcel, a reader that is not ours, sees them."""
    loaded = fastexcel.read_excel(content).load_sheet(0, header_row=0, dtypes=dtypes)
    with duckdb.connect() as connection:
        connection.register("sheet", loaded)
        return connection.execute("SELECT * FROM sheet").fetchall()

"""Rows of a table: what was written as CSV, JSON, JSON lines or Parquet is read back equal in every format."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from procession.actions.contract import FileOutput
from procession.actions.tables import contract, jobs, writing
from procession.model.columns import RECORD_COLUMN, Column, ColumnType
from procession.model.lifecycle import StepStatus
from tests.actions.context import LocalContext
from tests.support import examples

COLUMNS = (
    Column(field=2, name="text", type=ColumnType.TEXT, length=40),
    Column(field=3, name="a number", type=ColumnType.NUMBER),
    Column(field=4, name="money", type=ColumnType.MONEY),
    Column(field=5, name="at", type=ColumnType.DATETIME),
    Column(field=6, name="true?", type=ColumnType.TRUE_FALSE),
)
SQL_TYPES = ("VARCHAR", "DECIMAL(38,10)", "DECIMAL(19,4)", "TIMESTAMP", "BOOLEAN")
NASTY = ["", " ", '"', '""', "\n", "\r", "\r\n", ",", ";", "0", "null", "NULL", "\\N", "NaN", "007", " a ", "#", "'", "\ufeff",
         "\u2028", "\x1e", "\x85", "1e5", "true", "2020-01-01", "é😀", "=1+1", "\t", '","', "a\\", "-0", "sep=;"]  # fmt: skip
texts = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
)
rows = st.lists(
    st.tuples(
        st.none() | texts,
        st.none() | st.decimals(-(10**28) + 1, 10**28 - 1, places=10),
        st.none() | st.decimals(-(10**15) + 1, 10**15 - 1, places=4),
        st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)),
        st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=6,
)
Rows = Sequence[tuple[Any, ...]]


@examples(6)
@given(rows=rows)
@example(
    rows=[
        ("", None, None, None, None),
        (None, None, None, None, None),
        ("x", Decimal("-0.0000000001"), None, None, True),
    ]
)
@example(rows=[(text, None, None, None, None) for text in NASTY])
@pytest.mark.parametrize("written_as", ["csv", "json", "jsonl", "parquet"])
def test_what_was_written_is_read_back_equal_in_every_format(written_as: str, rows: Rows) -> None:
    with tempfile.TemporaryDirectory() as place:
        part = write(Path(place), written_as, rows)

        for read_as in ("csv", "json", "parquet"):
            assert read(Path(place), read_as, part, len(rows)) == list(rows), read_as


def write(folder: Path, form: str, rows: Rows) -> Path:
    body = {"csv": as_csv, "json": as_json, "jsonl": as_lines, "parquet": as_parquet}[form](rows)
    request = folder / "request"
    request.write_bytes(body)
    said = contract.RowsSettings(
        contents=contract.Contents(columns=(RECORD_COLUMN, *COLUMNS), parts=()),
        next_record=1,
        format=form,  # type: ignore[arg-type]  # one of the four
        request=str(request),
    )
    file = done(folder / "write", contract.ROWS_KIND, said)[writing.ADDED]
    assert isinstance(file, FileOutput)
    return Path(file.path)


def read(folder: Path, form: str, part: Path, count: int) -> Rows:
    files = (contract.PartFile(number=1, path=str(part), rows=count),)
    contents = contract.Contents(columns=(RECORD_COLUMN, *COLUMNS), parts=files)
    said = contract.ReadSettings(contents=contents, format=form)  # type: ignore[arg-type]  # one of the three
    file = done(folder / form, contract.READ_KIND, said)["job.rows"]
    assert isinstance(file, FileOutput)
    return {"csv": of_csv, "json": of_json, "parquet": of_parquet}[form](Path(file.path))


def done(folder: Path, kind: str, said: Any) -> dict[str, Any]:
    folder.mkdir()
    outcome = jobs.registry()[kind].run(LocalContext(settings=said, folder=folder, values={}, targets={}))
    assert outcome.status is StepStatus.SUCCESS, outcome.message
    assert contract.REFUSED not in outcome.outputs, outcome.outputs
    return dict(outcome.outputs)


def as_csv(rows: Rows) -> bytes:
    """Written by hand: Python's own writer cannot tell None from an empty text."""
    lines = [",".join(column.name for column in COLUMNS)]
    lines += [",".join(map(csv_cell, row)) for row in rows]
    return "\r\n".join(lines).encode()


def csv_cell(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return "" if value is None else plain(value)


def plain(value: Any) -> str:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


def as_json(rows: Rows) -> bytes:
    return ("[" + ",".join(map(json_row, rows)) + "]").encode()


def as_lines(rows: Rows) -> bytes:
    return "".join(f"{json_row(row)}\n" for row in rows).encode()


def json_row(row: tuple[Any, ...]) -> str:
    cells = []
    for column, value in zip(COLUMNS, row, strict=True):
        shown = plain(value) if isinstance(value, Decimal) else None
        if isinstance(value, datetime):
            shown = json.dumps(plain(value))
        cells.append(f"{json.dumps(column.name)}: {shown or json.dumps(value)}")
    return "{" + ", ".join(cells) + "}"


def as_parquet(rows: Rows) -> bytes:
    with tempfile.TemporaryDirectory() as place, duckdb.connect() as connection:
        named = ", ".join(f'"{column.name}" {kind}' for column, kind in zip(COLUMNS, SQL_TYPES, strict=True))
        connection.execute(f"CREATE TABLE rows ({named})")
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", [list(row) for row in rows])
        path = Path(place) / "rows.parquet"
        connection.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


def of_csv(path: Path) -> Rows:
    text = path.read_bytes().decode()
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert found[0] == ["_Record_ID", *(column.name for column in COLUMNS)]
    empties = iter([cell for cell in split(text) if cell in {"", '""'}])
    read = []
    for number, record in enumerate(found[1:], 1):
        assert record[0] == str(number)
        told = [None if value == "" and next(empties) == "" else value for value in record[1:]]
        read.append(typed(told))
    return read


def split(text: str) -> list[str]:
    """The cells with their quotes, by other code than ours: one character at a time."""
    cells, cell, is_quoted = [], "", False
    for letter in text:
        is_quoted ^= letter == '"'
        if letter in ",\r\n" and not is_quoted:
            cells.append(cell)
            cell = ""
        else:
            cell += letter
    return cells


def typed(cells: Sequence[str | None]) -> tuple[Any, ...]:
    makers: tuple[Any, ...] = (
        str,
        Decimal,
        Decimal,
        datetime.fromisoformat,
        lambda text: {"true": True, "false": False}[text],
    )
    return tuple(None if cell is None else make(cell) for make, cell in zip(makers, cells, strict=True))


def of_json(path: Path) -> Rows:
    found = json.loads(path.read_bytes(), parse_float=Decimal, parse_int=Decimal)
    read = []
    for row in found:
        values = [row[column.name] for column in COLUMNS]
        values[3] = values[3] and datetime.fromisoformat(values[3])
        read.append(tuple(values))
    return read


def of_parquet(path: Path) -> Rows:
    with duckdb.connect() as connection:
        relation = connection.execute(f"SELECT * EXCLUDE _Record_ID FROM read_parquet('{path}') ORDER BY _Record_ID")
        return relation.fetchall()

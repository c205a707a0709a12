"""Table jobs by themselves, for what is too large to go through the door of the other tests."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from procession.actions.contract import FileOutput
from procession.actions.tables import contract, jobs, json_cells, writing
from procession.model.columns import RECORD_COLUMN, Column, ColumnType
from procession.model.lifecycle import StepStatus
from tests.actions.context import LocalContext


def written(folder, body, known, format_="json"):
    """What the job that writes rows answers, and its first row."""
    request, place = folder / "request", folder / "job"
    request.write_bytes(body)
    place.mkdir()
    contents = contract.Contents(columns=(RECORD_COLUMN, *known), parts=())
    settings = contract.RowsSettings(contents=contents, next_record=1, format=format_, request=str(request))
    outcome = jobs.registry()[contract.ROWS_KIND].run(
        LocalContext(settings=settings, folder=place, values={}, targets={})
    )
    assert outcome.status is StepStatus.SUCCESS, outcome.message
    file = outcome.outputs.get(writing.ADDED)
    if not isinstance(file, FileOutput):
        return outcome.outputs, None
    return outcome.outputs, duckdb.execute("SELECT * FROM read_parquet(?)", [file.path]).fetchone()


def texts(count):
    return [Column(field=n + 2, name=f"c{n}", type=ColumnType.TEXT, length=8_000) for n in range(count)]


def test_a_wide_row_of_long_texts_is_taken_as_json(tmp_path):
    text = 'é"' * 4_000

    outputs, row = written(tmp_path, json.dumps([{f"c{n}": text for n in range(300)}]).encode(), texts(300))

    assert contract.REFUSED not in outputs
    assert row[1:] == (text,) * 300


def test_a_value_of_csv_that_is_too_long_is_told_in_plain_words(tmp_path):
    outputs, _ = written(tmp_path, b"c0\n" + b"x" * 2**23, texts(1), "csv")

    said = 'line 2 has a value of more than 4,194,304 characters; perhaps a quote (") is not closed'
    assert outputs[contract.REFUSED] == f"the body cannot be read: {said}"


PARQUET = Path(__file__).parent / "reading" / "parquet"


def test_parquet_numbers_that_are_binary_fractions_are_written_out_in_a_text_column(tmp_path):
    path = tmp_path / "sent"
    duckdb.execute(f"COPY (SELECT 1e22::DOUBLE AS c0, 5::DOUBLE AS c1) TO '{path}' (FORMAT parquet)")

    _, row = written(tmp_path, path.read_bytes(), texts(2), "parquet")

    assert row[1:] == ("10000000000000000000000", "5")


def test_parquet_decimals_that_duckdb_would_round_are_refused(tmp_path):
    known = [Column(field=2, name="d", type=ColumnType.NUMBER)]

    outputs, _ = written(tmp_path, (PARQUET / "wide_decimal.parquet").read_bytes(), known, "parquet")

    assert "decimals of 50 digits; at most 38 are read" in outputs[contract.REFUSED]


def test_parquet_columns_whose_names_are_alike_are_not_taken_for_others(tmp_path):
    known = [Column(field=2 + n, name=name, type=ColumnType.TEXT, length=9) for n, name in enumerate(["a", "A_1"])]

    outputs, _ = written(tmp_path, (PARQUET / "alike.parquet").read_bytes(), known, "parquet")

    assert outputs[contract.REFUSED] == 'the request names the column "a" twice'


def test_rows_in_two_currencies_do_not_become_one_column_of_money(tmp_path):
    known = [Column(field=2, name="amount", type=ColumnType.MONEY)]

    outputs, _ = written(tmp_path, b"amount\nEUR 10\nUSD 20\n", known, "csv")

    said = 'the column "amount" holds several currencies: EUR (line 2) and USD (line 3); a column of Money has one'
    assert outputs[contract.REFUSED] == said


def test_rows_that_name_hardly_any_of_the_columns_are_bounded_with_them(tmp_path, monkeypatch):
    monkeypatch.setattr(json_cells, "CELLS_MAX", 1_000)
    rows = [{"c0": "a", "c1": "b"}, *({} for _ in range(500))]

    outputs, _ = written(tmp_path, json.dumps(rows).encode(), texts(2))

    assert outputs[contract.REFUSED] == "the request has 501 rows of 2 columns; send them in parts"


def test_a_column_named_twice_in_one_row_is_told_by_its_name(tmp_path):
    outputs, _ = written(tmp_path, b'[{"net_amount": "1", "Net Amount": "2"}]', named("Net Amount"))

    assert outputs[contract.REFUSED] == 'row 1 names the column "Net Amount" twice'


def named(name):
    return [Column(field=2, name=name, type=ColumnType.TEXT, length=9)]

"""What people reported of other importers, tried on ours: nothing is dropped, cut, shifted or rounded in silence."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from procession.actions.kinds import import_table
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play


def imported(folder: Path, text: str, name: str = "a.csv", **settings: Any) -> Played:
    said = {"source": "${f.a}", "output": {"to": "${o.rows}", "as": "rows.csv"}, **settings}
    return play(import_table.ACTION, folder, said, {"f.a": (name, text.encode())})


def rows(played: Played, reference: str = "o.rows") -> list[list[str]]:
    assert reference in played.outputs, played.outcome.message
    return list(csv.reader(io.StringIO(played.outputs[reference].decode())))[1:]


def rejects(at_most: object = "100 %") -> dict[str, object]:
    return {"to": "${o.rejects}", "at_most": at_most}


def test_each_reject_has_its_own_value_and_nothing_is_rounded(tmp_path: Path) -> None:
    """duckdb/duckdb#11734"""
    text = 'number\n"not-a-number"\n"-26,9568"\n1521000\n"33,4386"\n"33.4386,00"\n33.438600\n33.43865\n'

    played = imported(tmp_path, text, columns={"number": {"type": "Money"}}, rejects=rejects())

    assert rows(played) == [["1521000"], ["33.4386"]]
    assert [row[1:4] for row in rows(played, "o.rejects")] == [
        ["2", "number", "not-a-number"],
        ["3", "number", "-26,9568"],
        ["5", "number", "33,4386"],
        ["6", "number", "33.4386,00"],
        ["8", "number", "33.43865"],
    ]


def test_rejected_rows_are_never_silent(tmp_path: Path) -> None:
    """duckdb/duckdb#14114"""
    played = imported(tmp_path, "a\n1\nI\n", columns={"a": {"type": "Number"}}, rejects=rejects())

    assert played.outcome.status is StepStatus.WARNING
    assert '1 row does not fit the columns (a.csv, line 3, column "a": "I" is not Number' in played.outcome.message


def test_dates_of_another_form_are_rejected_and_change_no_other_row(tmp_path: Path) -> None:
    """duckdb/duckdb#11065"""
    text = "A,B\n1,2024-03-08\n2,2024-03-09\n3,03/10/2024\n4,2024-03-11\n5,2024-03-12\n"
    columns = {"A": {"type": "Number"}, "B": {"type": "Date", "pattern": "%m/%d/%Y"}}

    played = imported(tmp_path, text, columns=columns, rejects=rejects())

    assert rows(played) == [["3", "2024-03-10"]]
    assert [row[1] for row in rows(played, "o.rejects")] == ["2", "3", "5", "6"]


def test_a_ragged_row_takes_no_value_from_the_next_one(tmp_path: Path) -> None:
    """duckdb/duckdb#13197, airbytehq/airbyte#34705"""
    played = imported(tmp_path, "a|b|c\n1|2|3\n1|2|3|4\n5|6|7\n", rejects=rejects())

    assert played.outcome.message == 'the file "a.csv" cannot be read: line 3 has 4 values, not 3'


def test_rejects_change_nothing_about_how_a_file_is_split(tmp_path: Path) -> None:
    """duckdb/duckdb#14393"""
    text = "Naam;Bedrag;Datum; \nDummy;123,45;2023-01-01; \n"
    columns = {"Naam": {"type": "Text"}, "Bedrag": {"type": "Money", "decimal": ","}, "Datum": {"type": "Date"}}

    played = imported(tmp_path, text, columns=columns, others="drop", rejects=rejects(0))

    assert (played.outcome.status, rows(played)) == (StepStatus.SUCCESS, [["Dummy", "123.45", "2023-01-01"]])


def test_a_long_reject_is_kept_whole(tmp_path: Path) -> None:
    """duckdb/duckdb#18980"""
    played = imported(tmp_path, f"a,b\n{'x' * 50_000},1\n2,2\n", columns={"a": {"type": "Number"}}, rejects=rejects())

    assert rows(played, "o.rejects")[0][3] == "x" * 50_000
    assert len(played.outcome.message) < 400


@pytest.mark.parametrize("note", ["Text", None])
def test_leading_zeros_stay(tmp_path: Path, note: str | None) -> None:
    """dbt-labs/dbt-core#2165, #11754, supabase/supabase#12666"""
    columns = {} if note is None else {"id": {"type": "Number"}, "note": {"type": note}}

    played = imported(tmp_path, "id,note\n125,06503545\n130,07643422\n131,000\n", columns=columns)

    assert [row[1] for row in rows(played)] == ["06503545", "07643422", "000"]


FIELDS = [{"name": "TYPE", "at": 1, "size": 2}, {"name": "D", "at": 3, "size": 1}, {"name": "E", "at": 4, "size": 1}]


@pytest.mark.parametrize(
    ("others", "status"),
    [("keep", StepStatus.WARNING), ("drop", StepStatus.SUCCESS), ("refuse", StepStatus.FAILED)],
)
def test_text_beyond_the_fields_is_not_dropped_in_silence(tmp_path: Path, others: str, status: StepStatus) -> None:
    """pandas-dev/pandas#17245"""
    source = {"file": "${f.a}", "fixed": FIELDS, "others": others}

    columns = {name: {"type": "Text"} for name in ("TYPE", "D", "E")}
    played = imported(tmp_path, "T2XY\nT2XZ\nT1001\n", "a.txt", source={**source, "columns": columns})

    assert played.outcome.status is status
    assert ('line 3 has "1" in no field, from 5 on' in played.outcome.message) is (others != "drop")


def test_a_sign_before_a_field_that_begins_too_late_is_told(tmp_path: Path) -> None:
    """pandas-dev/pandas#23455"""
    fields = [{"name": "agn", "at": 1, "size": 5}, {"name": "v5", "at": 8, "size": 4}]

    played = imported(tmp_path, "41485   .51\n41489 -1.02\n", "a.txt", source={"file": "${f.a}", "fixed": fields})

    assert 'line 2 has "-" in no field, from 6 on, which is left out' in played.outcome.message


@pytest.mark.parametrize(
    ("cell", "marks", "value"),
    [
        ("-1.000", {"decimal": ",", "thousands": "."}, "-1000"),  # firefly-iii/firefly-iii#8404
        ("13,75", {}, None),  # frappe/frappe#8728
        ("25,000", {"thousands": ","}, "25000"),  # securo-finance/securo#665
        ("25,000", {}, None),
        ("NGN 2,300.50", {"thousands": ","}, "2300.5"),
        ("₦1,500.00", {"thousands": ","}, None),
        (" -110.7 €", {"trim": True}, "-110.7"),  # actualbudget/actual#5020
        ("7 000", {"thousands": " "}, "7000"),  # vandenbroucke/monefy-web#6
        ("7 000", {}, None),
        ("-2,41", {"decimal": ","}, "-2.41"),  # OCA/bank-statement-import#261
    ],
)
def test_an_amount_is_what_its_marks_say_or_a_reject(
    tmp_path: Path, cell: str, marks: dict[str, object], value: str | None
) -> None:
    columns = {"a": {"type": "Text"}, "amount": {"type": "Money", **marks}}

    played = imported(tmp_path, f'a;amount\nx;"{cell}"\n', columns=columns, rejects=rejects())

    assert [row[1] for row in rows(played)] == ([] if value is None else [value])
    assert len(rows(played, "o.rejects")) == (value is None)


def test_a_quote_that_swallows_rows_is_told(tmp_path: Path) -> None:
    """frictionlessdata/frictionless-py#1048"""
    lines = [f"{n},name {n},x,{n}.50" for n in range(100)]
    lines[35], lines[60] = '35,"name 35,x,35.50', '60,name",x,60.50'

    played = imported(tmp_path, "\n".join(["n,name,kind,amount", *lines]) + "\n")

    assert played.outcome.status is StepStatus.WARNING
    assert 'a.csv, line 37: a value of "name" holds whole rows; perhaps a quote is not closed' in played.outcome.message


def test_an_address_of_several_lines_is_no_swallowed_row(tmp_path: Path) -> None:
    text = 'n,address,amount\n1,"Street 1, Flat 2\nParis, 75001, FR\nFrance",2.50\n'

    assert imported(tmp_path, text).outcome.status is StepStatus.SUCCESS


def test_an_error_in_the_last_row_is_told_once(tmp_path: Path) -> None:
    """frappe/erpnext#12054"""
    played = imported(tmp_path, "a,b\n1,1\n2,x", columns={"b": {"type": "Number"}}, others="drop", rejects=rejects())

    assert (rows(played), [row[1] for row in rows(played, "o.rejects")]) == ([["1"]], ["3"])


def test_a_column_without_a_heading_is_told(tmp_path: Path) -> None:
    """dathere/qsv#371"""
    played = imported(tmp_path, "a,b,,\n1,2,3,\n", columns={"a": {"type": "Number"}, "b": {"type": "Number"}})

    assert 'a.csv has a column that is not declared: "column3"' in played.outcome.message

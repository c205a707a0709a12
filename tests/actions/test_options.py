"""Every option changes something in the file at hand, or is refused in words that say what it is for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import xlsxwriter

from procession import actions
from procession.actions import relations
from procession.actions.contract import OutputTarget
from procession.actions.kinds import run_sql
from procession.actions.reading.options import FileOptions
from procession.actions.reconciling import reconcile_settings, setting_mistakes
from procession.actions.sql.sql_settings import RunSqlSettings
from procession.actions.writing import exports
from procession.actions.writing.exports import OutputOptions
from procession.model import process_file
from procession.model.lifecycle import StepStatus
from procession.model.process_file.documents import FileMistakes
from tests.actions.context import play

CSV = b"a;b\n x ;1,5\n"
JSON = b'[{"a": " x ", "b": "1,5"}]'
LINES = b'{"a": " x ", "b": "1,5"}\n{"a": "y", "b": "2"}\n'


def workbook():
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet("S")
        page.write_row(0, 0, ["a", "b"])
        page.write_row(1, 0, [" x ", "1,5"])
    return file.getvalue()


def parquet(folder):
    duckdb.execute(f"COPY (SELECT ' x ' AS a, '1,5' AS b) TO '{folder / 'made.parquet'}'")
    return (folder / "made.parquet").read_bytes()


def read(folder, name, content, **options):
    settings = {
        "sql": "FROM t",
        "inputs": {"t": {"file": "${f.t}", **options}},
        "outputs": {"result": "${o.r}"},
    }
    return play(run_sql.ACTION, folder, settings, {"f.t": (name, content)})


def files(folder):
    return {"t.csv": CSV, "t.xlsx": workbook(), "t.json": JSON, "t.jsonl": LINES, "t.parquet": parquet(folder)}


GIVEN = {
    "format": "csv",
    "delimiter": ";", "quote": "'", "encoding": "utf-8", "skip": 1, "header": False, "sheet": 1, "range": "A1:B",
    "errors": "empty", "columns": {"2": {"type": "Text"}}, "others": "drop", "decimal": ",", "thousands": ".",
    "date": "%d.%m.%Y", "trim": True, "zone": "Europe/Berlin",
    "fixed": [{"name": "a", "at": 1, "size": 1}], "records": "/a", "total_row": "skip",
}  # fmt: skip
MEANT = {
    "format": {"csv"},
    "delimiter": {"csv"}, "quote": {"csv"}, "encoding": {"csv", "json", "jsonl"}, "skip": {"csv", "xlsx"},
    "header": {"csv", "xlsx"}, "sheet": {"xlsx"}, "range": {"xlsx"}, "errors": {"xlsx"},
    "fixed": {"csv"}, "records": {"json"}, "total_row": {"csv", "xlsx"},
    "decimal": {"csv", "xlsx", "json", "jsonl"}, "thousands": {"csv", "xlsx", "json", "jsonl"},
    "date": {"csv", "xlsx", "json", "jsonl"},
}  # fmt: skip


def test_this_file_tries_every_option_of_a_file():
    assert set(GIVEN) == set(FileOptions.__struct_fields__) - {"file", "table", "version"}


@pytest.mark.parametrize("option", GIVEN)
@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.json", "t.jsonl", "t.parquet"])
def test_an_option_of_an_input_is_taken_or_refused(tmp_path, name, option):
    more = {"columns": {"a": {"type": "Text"}}} if option == "others" else {}
    ending = name.rpartition(".")[2]

    message = read(tmp_path, name, files(tmp_path)[name], **{option: GIVEN[option]}, **more).outcome.message

    is_meant = ending in MEANT.get(option, {ending})
    assert (f'"{option}"' not in message) is is_meant, message
    assert is_meant or message.startswith(f'the file "{name}" is ')


def test_a_refusal_says_for_which_files_an_option_is(tmp_path):
    message = read(tmp_path, "t.xls", CSV, sheet="Data").outcome.message

    assert message == 'the file "t.xls" is CSV, where "sheet" means nothing: it is for workbooks; leave it out'


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.json", "t.jsonl", "t.parquet"])
def test_blanks_are_trimmed_in_every_kind_of_file(tmp_path, name):
    more = {"delimiter": ";"} if name == "t.csv" else {}

    played = read(tmp_path, name, files(tmp_path)[name], trim=True, **more)

    assert played.outputs["o.r"].splitlines()[1].startswith(b"x,")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delimiter": ";", "sheet": 1}, "inputs.t: delimiter is for CSV, and sheet for workbooks; no file takes both"),
        (
            {"encoding": "cp1252", "errors": "empty"},
            "inputs.t: encoding is for CSV and JSON and JSON lines and text of fixed width, and errors",
        ),
        ({"columns": {"a": {"type": "Text", "decimal": ","}}}, "columns.a: decimal means nothing for Text"),
        ({"columns": {"a": {"type": "Date", "thousands": "_"}}}, "columns.a: thousands means nothing for Date"),
        ({"columns": {"a": {"type": "Money", "pattern": "%d.%m.%Y"}}}, "columns.a: pattern means nothing for Money"),
    ],
)
def test_what_can_be_told_of_an_input_is_told_at_apply(options, said):
    inputs = {"t": {"file": "${f.t}", **options}}

    [found] = run_sql.check(msgspec.convert({"sql": "FROM t", "inputs": inputs}, RunSqlSettings))

    assert said in found


# Outputs

CHANGED = {"delimiter": ";", "decimal": ",", "decimals": 2, "bom": True, "zone": "Asia/Tokyo", "escape_formulas": False}
SQL = "SELECT '=1' AS t, 1.5::DOUBLE AS x, 2.5::DECIMAL(9,2) AS y, TIMESTAMPTZ '2026-01-01 20:00:00+00' AS z"


def write(folder, sql, name, *, kind="File", present="", **options):
    settings = {"sql": sql, "outputs": {"result": {"to": "${o.r}", **({"as": name} if name else {}), **options}}}
    targets = {"o.r": OutputTarget(type=kind, file_name=present)}
    folder = folder / ("changed" if options else "plain")
    folder.mkdir()
    return play(run_sql.ACTION, folder, settings, {}, targets)


def test_this_file_tries_every_option_of_an_output():
    assert set(CHANGED) == set(OutputOptions.__struct_fields__) - {"to", "as_", "mode", "key"}


@pytest.mark.parametrize("option", CHANGED)
@pytest.mark.parametrize("name", ["r.csv", "r.xlsx", "r.parquet"])
def test_an_option_of_an_output_changes_the_file_or_is_refused(tmp_path, name, option):
    given = {option: CHANGED[option]}
    plain, other = write(tmp_path, SQL, name), write(tmp_path, SQL, name, **given)

    [*told] = exports.check("outputs.result", msgspec.convert({"to": "${o.r}", "as": name, **given}, OutputOptions))
    if name == "r.csv" or (name == "r.xlsx" and option == "zone"):
        assert told == []
        assert plain.outputs["o.r"] != other.outputs["o.r"]
    else:
        assert told[0].startswith(f"outputs.result.{option} means nothing for {name[1:]} files; it is for .csv")
        assert f"{option} means nothing for {name[1:]} files" in other.outcome.message
        assert other.outputs == {}


def test_the_present_name_decides_where_no_other_is_given(tmp_path):
    message = write(tmp_path, SQL, None, present="last.xlsx", bom=True).outcome.message

    assert message == 'the output "result": bom means nothing for .xlsx files; it is for .csv'


def test_options_of_files_are_refused_for_a_value(tmp_path):
    message = write(tmp_path, "SELECT 1", None, kind="Number", decimals=2).outcome.message

    assert message == 'the output "result" goes to a Number, and the options beside "to" are for files'


def test_binary_numbers_have_the_decimals_that_are_asked_for(tmp_path):
    rows = "(1.5::DOUBLE, 1e20::FLOAT), (-2, 0.25), (NULL, 3)"

    played = write(tmp_path, f"FROM (VALUES {rows}) v(x, y)", "r.csv", decimals=2, decimal=",")

    assert played.outputs["o.r"] == b"x;y\n1,50;100000000000000000000,00\n-2,00;0,25\n;3,00\n"


def test_a_binary_number_that_would_be_rounded_is_refused(tmp_path):
    message = write(tmp_path, "SELECT avg(i) / 3 AS mean FROM range(3) t(i)", "r.csv", decimals=2).outcome.message

    assert message.startswith('row 1 of the column "mean" is 0.333333333333333')
    assert message.endswith("which 2 decimals cannot hold; round it, or ask for more decimals")


def test_decimals_without_amounts_are_a_warning(tmp_path):
    played = write(tmp_path, "SELECT 1 AS a, 'x' AS b", "r.csv", decimals=2)

    assert played.outcome.status is StepStatus.WARNING
    assert "decimals changes nothing: no column holds amounts" in played.outcome.message


@pytest.mark.parametrize("name", ["r.csv", "r.xlsx", "r.parquet"])
@pytest.mark.parametrize("value", ["1 / 0", "-1 / 0.0::DOUBLE", "0 / 0.0::DOUBLE", "(1 / 0)::FLOAT"])
def test_what_a_division_by_zero_gives_is_never_written(tmp_path, name, value):
    message = write(tmp_path, f"SELECT 1 AS a, 0.5::DOUBLE AS x UNION ALL SELECT 2, {value}", name).outcome.message

    assert message.startswith('row 2 of the column "x" is ')
    assert message.endswith("divide by nullif(..., 0)")


def test_expectations_that_ask_nothing_are_refused():
    def told(**expect):
        return run_sql.check(msgspec.convert({"sql": "FROM t", "expect": expect}, RunSqlSettings))

    assert told(otherwise="warn") == ("expect.otherwise: means nothing without rows or total",)
    assert told(rows={"at_least": 3, "at_most": 2}) == ("expect.rows: at_least 3 is more than at_most 2",)
    assert told(otherwise="warn", rows={"at_least": 1}) == ()


def test_options_of_a_reconciliation_that_change_nothing_are_refused():
    def told(**more):
        rules = [{"name": "R", "equal": ["a"]}]
        settings = {"left": "${f.l}", "right": "${f.r}", "amount": "b", "rules": rules, **more}
        return setting_mistakes.check(msgspec.convert(settings, reconcile_settings.ReconcileSettings))

    assert told(totals_by="a")[0].startswith("totals_by: means nothing without the outputs summary or report")
    assert told(totals_by="a", outputs={"summary": "${o.s}"}) == ()
    assert told(outputs={"report": {"to": "${o.s}", "decimals": 2}}) == (
        "outputs.report.decimals means nothing for .xlsx files; it is for .csv",
    )


def test_what_is_no_reference_is_told_in_words_and_not_by_a_pattern():
    text = """
process: x
groups:
  - group: g
    steps:
      - {action: run_sql, name: a, key: a, with: {sql: SELECT 1, outputs: {result: Rows}}}
"""
    with pytest.raises(FileMistakes) as refused:
        process_file.parse(text, actions=actions.registry())

    assert "write ${step.property} with the keys of a step and a property" in str(refused.value)
    assert "regex" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "given", "words"),
    [
        ("a.csv", b"k\tv\n1\t2,5\n", {"format": "tsv"}, None),
        ("a.txt", b'{"k": 1, "v": 2}\n', {"format": "jsonl"}, None),
        ("a.csv", b"k;v\n1;2\n", {"format": "csv"}, None),
        ("a.csv", b"12\n", {"format": "fixed", "fixed": [{"name": "k", "at": 1, "size": 1}]}, None),
        ("a.csv", b"k;v\n1;2\n", {"format": "xlsx"}, 'the file "a.csv" is CSV, and "format" says xlsx'),
        ("a.csv", b'[{"k": 1, "v": 2}]', {"format": "csv"}, 'the file "a.csv" is JSON, and "format" says csv'),
        ("a.csv", b"k,v\n1,2\n", {"format": "parquet"}, 'the file "a.csv" is CSV, and "format" says parquet'),
    ],
)
def test_a_file_is_what_its_format_says_or_refused(
    tmp_path: Path, name: str, content: bytes, given: dict[str, Any], words: str | None
) -> None:
    settings = {"sql": "SELECT count(k) AS n FROM t", "inputs": {"t": {"file": "${f.t}", **given}}}
    settings["outputs"] = {"result": "${o.n}"}
    played = play(run_sql.ACTION, tmp_path, settings, {"f.t": (name, content)}, {"o.n": OutputTarget(type="Number")})

    if words is None:
        assert played.outputs == {"o.n": 1}, played.outcome.message
    else:
        assert words in played.outcome.message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"format": "csv", "sheet": "Data"}, "t: sheet is for workbooks, and format is csv"),
        ({"format": "xml"}, "t: format xml needs records"),
        ({"format": "fixed"}, "t: format fixed needs fixed"),
        ({"format": "tsv", "delimiter": ";"}, "t: the delimiter of tsv is a tab; write format: csv"),
    ],
)
def test_options_that_contradict_the_format_are_refused_before_there_is_a_file(
    given: dict[str, Any], words: str
) -> None:
    options = msgspec.convert({"file": "${f.t}", **given}, FileOptions)
    assert words in relations.check("t", options)

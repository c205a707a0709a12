"""run_sql: what it reads, how it types it, what it refuses, what it writes."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime
from decimal import Decimal

import duckdb
import msgspec
import pytest
import xlsxwriter

from procession.actions.contract import OutputTarget
from procession.actions.kinds import run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import play


def sql(folder, text, *, inputs=None, outputs=None, targets=None, **files):
    """Files are named by their relation; the output "result" is a CSV file unless told otherwise."""
    given = {name: f"${{f.{name}}}" for name in files} | (inputs or {})
    settings = {"sql": text, "inputs": given, "outputs": outputs or {"result": "${o.result}"}}
    return play(run_sql.ACTION, folder, settings, {f"f.{name}": value for name, value in files.items()}, targets)


def types(folder, content, name="t.csv", **options):
    """Column types and rows that a file turns into."""
    inputs = {"t": {"file": "${f.t}", **options}}
    played = sql(
        folder, "FROM t", inputs=inputs, outputs={"result": {"to": "${o.r}", "as": "r.parquet"}}, t=(name, content)
    )
    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    (folder / "r.parquet").write_bytes(played.outputs["o.r"])
    with duckdb.connect() as connection:
        relation = connection.read_parquet(str(folder / "r.parquet"))
        return {n: str(t) for n, t in zip(relation.columns, relation.types, strict=True)}, relation.fetchall()


def workbook(*rows, sheet="Data"):
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd"})
    page = book.add_worksheet(sheet)
    for number, row in enumerate(rows):
        page.write_row(number, 0, row)
    book.close()
    return file.getvalue()


def refused(played):
    assert played.outcome.status is StepStatus.FAILED
    assert played.outputs == {}
    return played.outcome.message


# Types


def test_account_numbers_keep_their_leading_zeros(tmp_path):
    kinds, rows = types(tmp_path, b"account\n00123\n456\n")

    assert (kinds["account"], rows) == ("VARCHAR", [("00123",), ("456",)])


def test_amounts_are_decimal_and_never_float(tmp_path):
    kinds, rows = types(tmp_path, b"amount\n0.1\n-12\n\n99.9901\n")

    assert kinds["amount"] == "DECIMAL(19,4)"
    assert sum(row[0] for row in rows if row[0] is not None) == Decimal("88.0901")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("12", "BIGINT"),
        ("0", "BIGINT"),
        ("-0.0001", "DECIMAL(19,4)"),
        ("1.12345", "DECIMAL(38,10)"),
        ("1e5", "VARCHAR"),
        ("NaN", "VARCHAR"),
        ("+420123", "VARCHAR"),
        ("1,5", "VARCHAR"),
        ("12345678901234567890", "DECIMAL(38,0)"),
        ("12345678901234567890123456789", "VARCHAR"),
        ("1993-02-28", "DATE"),
        ("1993-02-31", "VARCHAR"),
        ("1993-02-28 10:00:00", "TIMESTAMP"),
        ("true", "VARCHAR"),
        (" 5", "VARCHAR"),
        ("1_000", "VARCHAR"),
        (".5", "VARCHAR"),
        ("24-01-05", "VARCHAR"),
        ("2024-01-05T24:00:00", "VARCHAR"),
        ("2024-01-05T10:00:00.1234567", "VARCHAR"),
        ("N/A", "VARCHAR"),
    ],
)
def test_a_type_is_given_only_where_the_value_fits_exactly(tmp_path, text, kind):
    kinds, _ = types(tmp_path, f"id;value\n1;{text}\n".encode(), delimiter=";")

    assert kinds["value"] == kind


def test_one_text_at_the_end_of_a_long_column_keeps_it_text(tmp_path):
    content = b"n\n" + b"1\n" * 20_000 + b"01\n"

    kinds, rows = types(tmp_path, content)

    assert (kinds["n"], rows[-1]) == ("VARCHAR", ("01",))


# Files


@pytest.mark.parametrize("header", [b'"a, net";b', b'5" pipe;b', b'"a\nor, so, on";b'])
def test_a_delimiter_inside_of_quotes_separates_nothing(tmp_path, header):
    kinds, rows = types(tmp_path, header + b"\n1;2\n")

    assert (len(kinds), rows) == (2, [(1, 2)])


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path):
    kinds, _ = types(tmp_path, b"\xef\xbb\xbfname,n\na,1\n")

    assert list(kinds) == ["name", "n"]


def test_latin_1_is_read_when_it_is_said(tmp_path):
    _, rows = types(tmp_path, "name;n\nDvoř€k é;1\n".replace("ř€", "\xe1").encode("latin-1"), encoding="latin-1")

    assert rows == [("Dvo\xe1k é", 1)]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    message = refused(sql(tmp_path, "FROM t", t=b"name;n\ncaf\xe9;1\n"))

    assert message.startswith('the file "f.t.csv" cannot be read: it is not UTF-8 (the byte 0xE9 in line 2)')
    assert "say its encoding, such as cp1252" in message


def test_a_wrong_byte_far_down_is_found_and_a_letter_of_several_bytes_is_none(tmp_path):
    letters = ("name,n\n" + "Dvořák,1\n" * 150_000).encode()

    message = refused(sql(tmp_path, "FROM t", t=letters + b"caf\xe9,1\n"))

    assert "(the byte 0xE9 in line 150002)" in message


@pytest.mark.parametrize("more", range(3))
def test_a_letter_across_two_blocks_is_one(tmp_path, more):
    _, rows = types(tmp_path, b"name\n" + b"x" * more + "ř".encode() * 600_000 + b"\n")

    assert len(rows[0][0]) == 600_000 + more


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"a,b\n1,2,3\n", "line 2 has 3 values, not 2"),
        ("t.csv", b'a,b\n"1,2\n', 'line 2 has a quote (") that is not closed'),
        ("t.csv", b"a,b\n" + b"1" * 5_000_000, "line 2 has a value of more than 4,194,304 characters"),
        ("t.parquet", b"junk" * 10, "it is a text without columns, and no parquet file"),
        ("t.jsonl", b',"id": 1, "nam', "it is a text without columns, and no jsonl file"),
        ("t.parquet", b"PAR1" + b"\xff" * 400 + b"PAR1", "t.parquet"),
        ("t.json", b"[{", "t.json"),
    ],
)
def test_a_broken_file_is_told_without_engine_words_and_places_of_the_server(tmp_path, name, content, words):
    played = sql(tmp_path, "FROM t", t=(name, content))

    message = refused(played)
    assert words in message
    assert str(tmp_path) not in message + played.context.logged
    assert not re.search(r"Input Error|Possible|ignore_errors", message)
    assert len(message) < 2_000


def test_line_breaks_and_quotes_inside_quotes_are_text(tmp_path):
    _, rows = types(tmp_path, b'name,n\n"a\nb",1\n"say ""hi""",2\n')

    assert rows == [("a\nb", 1), ('say "hi"', 2)]


def test_a_line_with_a_hash_is_a_row_like_any_other(tmp_path):
    _, rows = types(tmp_path, b"name,n\n#1,1\nx,2\n#,3\n")

    assert len(rows) == 3


def test_a_row_that_is_too_short_is_an_error_and_not_dropped(tmp_path):
    message = refused(sql(tmp_path, "FROM t", t=b"a,b,c\n1,2,3\n4,5\n6,7,8\n"))

    assert "cannot be read" in message


def test_a_header_alone_is_a_relation_without_rows(tmp_path):
    played = sql(tmp_path, "SELECT a, b FROM t", t=b"a,b\n")

    assert played.outputs["o.result"] == b"a,b\n"
    assert played.outcome.status is StepStatus.WARNING
    assert "0 rows in f.t.csv" in played.outcome.message


def test_no_rows_are_fine_where_they_are_expected(tmp_path):
    settings = {"sql": "FROM t", "inputs": {"t": "${f.t}"}, "expect": {"rows": {"at_least": 0}}}

    played = play(run_sql.ACTION, tmp_path, settings, {"f.t": b"a,b\n"})

    assert played.outcome.status is StepStatus.SUCCESS


def test_an_empty_file_is_refused(tmp_path):
    assert refused(sql(tmp_path, "FROM t", t=b"")) == 'the file "f.t.csv" is empty'


def test_a_file_property_without_a_file_is_refused(tmp_path):
    message = refused(sql(tmp_path, "FROM t", inputs={"t": {"file": "${f.t}"}}, t=None))

    assert message == 'the input "t" has no file yet (${f.t})'


def test_a_sheet_is_read_as_it_is_shown(tmp_path):
    content = workbook(
        ["account", "amount", "day", "note"], ["007", 0.1, date(2026, 1, 2), "N/A"], ["008", 2, datetime(2026, 1, 3), 5]
    )

    kinds, rows = types(tmp_path, content, "t.xlsx")

    assert kinds == {"account": "VARCHAR", "amount": "DECIMAL(19,4)", "day": "DATE", "note": "VARCHAR"}
    assert rows[0] == ("007", Decimal("0.1000"), date(2026, 1, 2), "N/A")


def test_a_sheet_that_is_not_there_is_named(tmp_path):
    inputs = {"t": {"file": "${f.t}", "sheet": "March"}}
    message = refused(sql(tmp_path, "FROM t", inputs=inputs, t=("b.xlsx", workbook(["a"]))))

    assert message == '"b.xlsx" has no sheet "March" (it has "Data")'


def test_json_amounts_are_decimal(tmp_path):
    kinds, rows = types(tmp_path, b'[{"a": 0.1, "b": "00123"}, {"a": 12.34, "b": "x"}]', "t.json")

    assert (kinds, rows[1]) == ({"a": "DECIMAL(19,4)", "b": "VARCHAR"}, (Decimal("12.3400"), "x"))


def one_cell_book(cell):
    """A workbook whose only sheet is rewritten by hand."""
    source, file = zipfile.ZipFile(io.BytesIO(workbook(["a"], [1]))), io.BytesIO()
    with source, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for member in source.infolist():
            content = source.read(member)
            out.writestr(member.filename, cell(content) if "worksheets/sheet1" in member.filename else content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda xml: xml.replace(b'r="A2"', b'r="XFD1048576"').replace(b'<row r="2"', b'<row r="1048576"'),
            "column XFD, behind 16,382 empty columns",
        ),
        (lambda xml: xml.replace(b'r="A2"', b'r="ZZZ2"'), "cell ZZZ2 is not in its place"),
        (lambda xml: xml.replace(b"</worksheet>", b" " * (50 << 20) + b"</worksheet>"), "bomb"),
        (lambda xml: xml[:100], "is damaged"),
    ],
    ids=["far corner", "far column", "ratio", "torn"],
)
def test_a_hostile_workbook_is_refused_before_it_is_parsed(tmp_path, change, said):
    message = refused(sql(tmp_path, "FROM t", t=("t.xlsx", one_cell_book(change))))

    assert said in message


def test_a_file_that_only_says_it_is_a_workbook_is_refused(tmp_path):
    message = refused(sql(tmp_path, "FROM t", t=("t.xlsx", b"not found\n")))

    assert "it is a text without columns, and no xlsx file" in message


def test_a_csv_file_under_the_name_of_a_workbook_is_read(tmp_path):
    played = sql(tmp_path, "FROM t", t=("t.xls", b"a\tb\n1\t2\n"))

    assert played.outputs["o.result"] == b"a,b\n1,2\n"


# Walls


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "ATTACH '/tmp/stolen.db'",
        "SET threads = 1",
        "SET enable_external_access = true",
        "PRAGMA threads = 1",
        "INSTALL httpfs",
        "LOAD json",
        "EXPORT DATABASE '/tmp/stolen'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "PREPARE p AS COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "CALL pragma_version()",
        "SELECT * FROM context",
        "SELECT getenv('HOME')",
        "FROM duckdb_settings()",
        "SELECT \"current_setting\"('temp' || '_directory')",
        "FROM pg_settings",
        "FROM (SHOW temp_directory)",
        "SHOW -- it\n 'allowed_directories'",
        "SELECT 1 FROM range(1) r, system.pg_catalog.pg_settings",
        "SELECT (SELECT count(*) FROM 'pg_settings')",
        "FROM query_table('pg_' || 'settings')",
        "SELECT 'temp_directory'.current_setting()",
        "FROM duckdb_extensions()",
        "FROM query('FROM duckdb_' || 'settings()')",
        "FROM json_execute_serialized_sql(json_serialize_sql('FROM duckdb_' || 'settings()'))",
    ],
)
def test_sql_sees_nothing_but_its_inputs(tmp_path, text):
    refused(sql(tmp_path, text))


def test_an_error_names_the_line_and_what_is_wrong(tmp_path):
    message = refused(sql(tmp_path, "-- first\nCREATE TABLE a AS SELECT 1 AS x;\n\nSELECT x,\n  y\nFROM a"))

    assert message.startswith('the SQL of this step, line 5: there is no column "y" here; a has: x')


def test_a_mistake_of_grammar_names_the_line(tmp_path):
    assert refused(sql(tmp_path, "SELECT 1;\nSELEKT 2")).startswith("the SQL of this step, line 2: syntax error")


def test_a_parameter_that_is_not_given_is_named(tmp_path):
    message = refused(sql(tmp_path, "SELECT $month", inputs={"year": 1993}))

    assert message == "the SQL of this step, line 1: $month is not among the inputs that are values (there are: $year)"


def test_a_value_is_bound_and_never_pasted(tmp_path):
    played = sql(tmp_path, "SELECT $x AS x", inputs={"x": "'; DROP TABLE t; --"})

    assert played.outputs["o.result"] == b"x\n'; DROP TABLE t; --\n"


# Outputs


def test_the_last_select_is_the_result_wherever_it_stands(tmp_path):
    played = sql(tmp_path, "SELECT 1 AS a; SELECT 2 AS b; CREATE TABLE c AS SELECT 3 AS c")

    assert played.outputs["o.result"] == b"b\n2\n"
    assert played.names["o.result"] == "step.csv"


def test_a_file_keeps_the_name_and_format_it_has(tmp_path):
    target = {"o.result": OutputTarget(type="File", file_name="List.parquet")}
    played = sql(tmp_path, "SELECT 1 AS a", targets=target)

    assert played.names["o.result"] == "List.parquet"
    assert played.outputs["o.result"][:4] == b"PAR1"


def test_a_number_must_be_one_value(tmp_path):
    target = {"o.result": OutputTarget(type="Number")}

    message = refused(sql(tmp_path, "SELECT 1 UNION ALL SELECT 2", targets=target))

    assert message == 'the output "result" goes to a Number and must be one value; it is 2 rows of 1'


def test_a_relation_that_is_not_there_is_named(tmp_path):
    message = refused(sql(tmp_path, "SELECT 1", outputs={"total": "${o.t}"}))

    assert message == 'the output "total" is no table or view of the SQL'


def test_text_that_a_spreadsheet_would_run_is_escaped_in_csv(tmp_path):
    rows = "('=1+1'), ('@SUM(A1)'), ('-2+3'), ('+cmd'), ('-12.50'), ('plain'), (chr(9) || 'x')"
    played = sql(tmp_path, f"SELECT * FROM (VALUES {rows}) v(t)")

    assert played.outputs["o.result"].decode() == "t\n'=1+1\n'@SUM(A1)\n'-2+3\n'+cmd\n-12.50\nplain\n'\tx\n"


def test_negative_numbers_stay_numbers(tmp_path):
    assert sql(tmp_path, "SELECT -5 AS n, -1.50 AS d").outputs["o.result"] == b"n,d\n-5,-1.5\n"


def test_a_csv_for_machines_is_written_as_it_is(tmp_path):
    outputs = {"result": {"to": "${o.r}", "as": "r.csv", "escape_formulas": False, "delimiter": ";"}}

    assert sql(tmp_path, "SELECT '=1' AS a, 2 AS b", outputs=outputs).outputs["o.r"] == b"a;b\n=1;2\n"


def test_a_workbook_holds_text_as_text_and_numbers_as_numbers(tmp_path):
    outputs = {"result": {"to": "${o.r}", "as": "r.xlsx"}}
    text = "SELECT '=1+1' AS f, '007' AS account, 1.50 AS amount, 12345678901234567890 AS long, DATE '2026-01-02' AS d"

    content = sql(tmp_path, text, outputs=outputs).outputs["o.r"]

    sheet = zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<t>=1+1</t>" in sheet
    assert "<t>007</t>" in sheet
    assert "<v>1.50</v>" in sheet
    assert "<t>12345678901234567890</t>" in sheet


def test_the_same_rows_make_the_same_workbook(tmp_path):
    outputs = {"result": {"to": "${o.r}", "as": "r.xlsx"}}
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()

    first, second = (sql(folder, "SELECT 1 AS a", outputs=outputs).outputs["o.r"] for folder in folders)

    assert first == second


def test_money_is_divided_exactly_by_the_function_for_it(tmp_path):
    played = sql(tmp_path, "SELECT div_money(sum(amount), 3) AS third FROM t", t=b"amount\n10.00\n0.01\n")

    assert played.outputs["o.result"] == b"third\n3.3367\n"


@pytest.mark.parametrize("name", ["p", "P", "part"])
def test_a_column_of_any_name_stands_beside_binary_numbers(tmp_path, name):
    """What turns an exponent into digits has names of its own: a column "p" failed the step."""
    settings = {
        "sql": f'SELECT v / 4 AS "{name}", 1e-7::DOUBLE AS small FROM a',
        "inputs": {"a": "${f.a}"},
        "outputs": {"result": "${o.r}"},
    }

    played = play(run_sql.ACTION, tmp_path, settings, {"f.a": ("a.csv", b"v\n1\n")})

    assert played.outputs["o.r"].decode().splitlines() == [f"{name},small", "0.25,0.0000001"]


def test_a_list_of_sources_is_one_relation_by_the_names_of_columns(tmp_path):
    inputs = {"t": ["${f.a}", {"file": "${f.b}", "delimiter": ";"}]}
    files = {"f.a": ("a.csv", b"k,v\n1,2.5\n2,3\n"), "f.b": ("b.csv", b"v;k\n1;1\n5;3\n")}
    settings = {"sql": "SELECT k, sum(v) AS v FROM t GROUP BY k ORDER BY k", "inputs": inputs}

    played = play(run_sql.ACTION, tmp_path, {**settings, "outputs": {"result": "${o.r}"}}, files)

    assert played.outputs["o.r"] == b"k,v\n1,3.5\n2,3\n3,5\n"
    assert played.outcome.message == "read t (4 rows); gave result (3 rows)"
    assert played.outcome.figures == {"rows_in.t": 4, "rows_out.result": 3}
    assert set(run_sql.ACTION.reads(played.context.settings)) == {"f.a", "f.b"}


def test_sources_that_are_of_two_kinds_or_given_twice_are_refused(tmp_path):
    files = {"f.a": ("a.csv", b"k\n1\n"), "f.b": ("b.csv", b"k\nX\n")}
    settings = {"sql": "FROM t", "inputs": {"t": ["${f.a}", "${f.b}"]}, "outputs": {"result": "${o.r}"}}
    assert "is a number in a.csv and text in b.csv" in refused(play(run_sql.ACTION, tmp_path, settings, files))

    twice = msgspec.convert({**settings, "inputs": {"t": ["${f.a}", "${f.a}"]}}, run_sql.ACTION.settings)
    assert "inputs.t.2: it is given before" in run_sql.ACTION.check(twice)[0]

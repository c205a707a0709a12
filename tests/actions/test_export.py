"""export: what the receiver asked for, to the letter, or a refusal that names the row, the column and the value."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from decimal import Decimal

import duckdb
import msgspec
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.contract import OutputTarget
from procession.actions.kinds import export
from procession.model.lifecycle import StepStatus
from tests.actions.context import play
from tests.support import examples

MONEY = {"type": "Money"}
TEXT = {"type": "Text"}


def parquet(folder, sql):
    """A source whose types are those of the query."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "source.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
    return ("rows.parquet", path.read_bytes())


def exported(folder, content, name="out.csv", split_by=None, inputs=None, columns=None, **layout):
    """The step as it ended; its source are bytes of a CSV, or a named file."""
    settings = {
        "source": {"file": "${f.rows}", "columns": columns} if columns else "${f.rows}",
        "output": {"to": "${o.file}", "as": name},
        "layout": layout,
        "split_by": split_by,
        "inputs": inputs or {},
    }
    assert export.ACTION.check(msgspec.convert(settings, export.ACTION.settings)) == ()
    return play(export.ACTION, folder, settings, {"f.rows": content})


def written(*given, **options):
    played = exported(*given, **options)
    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    return played.outputs["o.file"]


def refused(*given, **options):
    played = exported(*given, **options)
    assert played.outcome.status is StepStatus.FAILED
    assert played.outputs == {}
    return played.outcome.message


def mistakes(**settings):
    given = {"source": "${f.rows}", "output": {"to": "${o.file}", "as": "a.csv"}, **settings}
    return export.ACTION.check(msgspec.convert(given, export.ACTION.settings))


def test_amounts_have_the_decimal_comma_whatever_their_type(tmp_path):
    sql = "SELECT 1234.5::DECIMAL(19,4) AS money, 0.25::DOUBLE AS share, 7 AS whole"

    content = written(tmp_path, parquet(tmp_path, sql), decimal=",", decimals=2)

    assert content == b"money;share;whole\n1234,50;0,25;7\n"


def test_a_decimal_comma_is_quoted_where_the_comma_is_the_delimiter(tmp_path):
    content = written(tmp_path, b"a,b\n1.5,x\n", decimal=",", delimiter=",")

    assert content == b'a,b\n"1,5",x\n'


def test_an_amount_that_would_be_rounded_is_refused_with_its_row(tmp_path):
    said = refused(tmp_path, b"a\n1.50\n2.505\n", columns={"a": MONEY}, decimals=2)

    assert said.startswith('row 2 of the column "a" is 2.505')


def test_a_letter_that_the_encoding_lacks_is_refused_with_its_row(tmp_path):
    said = refused(tmp_path, "name,n\nMüller,1\nDvořák,2\n".encode(), encoding="latin-1")

    assert said == 'row 2 of the column "name" is "Dvořák", and "ř" (U+0159) cannot be written in latin-1'


def test_a_heading_that_the_encoding_lacks_is_refused_too(tmp_path):
    assert refused(tmp_path, "č\n1\n".encode(), encoding="cp1252") == '"č" (U+010D) cannot be written in cp1252'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "shift_jis"])
def test_an_encoding_is_that_of_the_whole_file_with_its_mark_once(tmp_path, encoding):
    text = "é" if encoding == "cp1252" else "ア" if encoding == "shift_jis" else "é€😀"

    content = written(tmp_path, f"a,b\n{text},1\n".encode(), encoding=encoding, trailer={"count": True})

    assert content == f"a,b\n{text},1\n1\n".encode(encoding)


def test_line_ends_are_the_file_s_and_those_inside_a_text_stay(tmp_path):
    content = written(tmp_path, b'a,b\n"x\ny",1\n', line_end="crlf")

    assert content == b'a,b\r\n"x\ny",1\r\n'


def test_a_cell_without_a_value_is_nothing_unless_all_is_quoted(tmp_path):
    source = b"a,b\nx,1\n,2\n"

    assert written(tmp_path / "needed", source) == b"a,b\nx,1\n,2\n"
    assert written(tmp_path / "all", source, quotes="all") == b'"a","b"\n"x","1"\n"","2"\n'
    assert written(tmp_path / "none", source, quotes="none") == b"a,b\nx,1\n,2\n"


def test_a_row_of_one_empty_cell_is_no_empty_line(tmp_path):
    source = parquet(tmp_path, "SELECT * FROM (VALUES ('x'), (NULL), ('y')) v(a)")

    assert written(tmp_path, source) == b'a\nx\n""\ny\n'


def test_a_file_without_quotes_refuses_what_would_need_them(tmp_path):
    said = refused(tmp_path, b'a,b\nx,1\n"y,z",2\n', quotes="none")

    assert said == 'row 2 of the column "a" is "y,z", which a file without quotes cannot hold'


def test_a_file_without_quotes_refuses_the_mark_that_a_reader_takes_for_one(tmp_path):
    source = parquet(tmp_path, """SELECT 'x' AS a, 1 AS b UNION ALL SELECT '"y', 2 ORDER BY b""")

    said = refused(tmp_path / "said", source, quotes="none")

    assert said.startswith("""row 2 of the column "a" is ""y", which a file without quotes cannot hold; where " is""")
    # The way that the message names.
    assert written(tmp_path / "way", source, quotes="none", quote="\x01") == b'a,b\nx,1\n"y,2\n'
    named = parquet(tmp_path / "named", """SELECT 1 AS "a""b", 2 AS c""")
    assert "cannot hold the heading" in refused(tmp_path / "head", named, quotes="none")
    labelled = {"label": "sum, all", "count": True}
    assert '"sum, all"' in refused(tmp_path / "label", b"a,b\nx,1\n", quotes="none", trailer=labelled)


def test_a_file_without_quotes_has_no_empty_line_for_a_row(tmp_path):
    source = parquet(tmp_path, "SELECT * FROM (VALUES ('x'), (NULL)) v(a)")

    assert 'row 2 of the column "a" is ""' in refused(tmp_path, source, quotes="none")


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1"])
@pytest.mark.parametrize("quotes", ["needed", "all"])
def test_no_text_is_run_by_a_spreadsheet(tmp_path, text, quotes):
    source = parquet(tmp_path, f'SELECT $${text}$$ AS a, $${text}$$ AS "{text}"')

    rows = list(csv.reader(io.StringIO(written(tmp_path, source, quotes=quotes).decode(), newline="")))

    assert rows == [["a", f"'{text}"], [f"'{text}"] * 2]


def test_a_label_of_a_trailer_is_a_text_as_well(tmp_path):
    content = written(tmp_path, b"a\n1\n", trailer={"label": "=HYPERLINK(1)", "count": True})

    assert content == b"a\n1\n'=HYPERLINK(1),1\n"


def test_a_machine_reads_texts_as_they_are_where_it_is_said(tmp_path):
    assert written(tmp_path, b"a,b\n=1,-\n", escape_formulas=False) == b"a,b\n=1,-\n"


@examples(8)
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))] * 2),
        min_size=1,
        max_size=5,
    ),
    quotes=st.sampled_from(["needed", "all"]),
    delimiter=st.sampled_from(",;|\t ^"),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
    line_end=st.sampled_from(["lf", "crlf"]),
)
def test_whatever_is_written_is_read_again(tmp_path_factory, rows, quotes, delimiter, encoding, line_end):
    folder = tmp_path_factory.mktemp("trip")
    path = folder / "s.parquet"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (a VARCHAR, b VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")

    content = written(
        folder, ("s.parquet", path.read_bytes()), quotes=quotes, delimiter=delimiter, encoding=encoding,
        line_end=line_end, escape_formulas=False,
    )  # fmt: skip

    read = csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter)
    assert [tuple(row) for row in read] == [("a", "b"), *rows]


def test_zeros_of_a_negative_number_go_behind_its_sign(tmp_path):
    fields = [
        {"column": "a", "size": 9, "decimals": 2, "point": "none", "pad": "0"},
        {"column": "a", "size": 8, "decimals": 2, "point": ",", "sign": "trailing"},
    ]

    content = written(tmp_path, b"a\n-12.5\n3\n", "a.txt", fixed=fields)

    assert content == b"-00001250  12,50-\n000000300   3,00 \n"


@pytest.mark.parametrize(("name", "start"), [("a.csv", b"IBAN,Amount\n"), ("a.jsonl", b'{"IBAN":')])
def test_a_heading_may_differ_from_its_column_in_case_alone(tmp_path, name, start):
    layout = {"columns": {"iban": "IBAN", "amount": "Amount"}}
    settings = {"source": "${f.rows}", "output": {"to": "${o.file}", "as": name}, "layout": layout}

    played = play(export.ACTION, tmp_path, settings, {"f.rows": b"iban,amount\n0815,1\n"})

    assert played.outputs["o.file"].startswith(start)


def test_a_value_longer_than_its_field_is_refused_and_never_cut(tmp_path):
    said = refused(tmp_path, b"a,b\nx,1\nabcdef,2\n", "a.txt", fixed=[{"column": "a", "size": 5}])

    assert said == 'row 2 of the column "a" is "abcdef", which has 6 characters, and its field holds 5'


def test_the_sign_counts_in_a_field(tmp_path):
    said = refused(tmp_path, b"a\n-100\n", "a.txt", fixed=[{"column": "a", "size": 3}])

    assert said == 'row 1 of the column "a" is "-100", which has 4 characters, and its field holds 3'


def test_a_field_that_takes_no_minus_refuses_one(tmp_path):
    said = refused(tmp_path, b"a\n1\n-1\n", "a.txt", fixed=[{"column": "a", "size": 3, "sign": "refuse"}])

    assert said == 'row 2 of the column "a" is "-1", and its field takes no negative numbers'


def test_a_line_break_has_no_place_in_a_line_of_fixed_width(tmp_path):
    said = refused(tmp_path, b'a,b\n"x\ny",1\n', "a.txt", fixed=[{"column": "a", "size": 5}])

    assert "line breaks" in said


def test_zeros_before_a_text_stand_at_its_left(tmp_path):
    fields = [{"column": "a", "size": 6, "pad": "0"}, {"column": "b", "size": 3, "align": "right"}]

    assert written(tmp_path, b"a,b\n42,x\n", "a.txt", columns={"a": TEXT, "b": TEXT}, fixed=fields) == b"000042  x\n"


def test_a_whole_number_with_decimals_is_like_the_amounts_beside_it(tmp_path):
    fields = [{"column": "a", "size": 6, "decimals": 2, "point": "none"}, {"column": "b", "size": 8, "decimals": 2}]

    assert written(tmp_path, b"a,b\n12,1.5\n", "a.txt", fixed=fields) == b"  1200    1.50\n"


def test_a_total_longer_than_its_field_is_refused(tmp_path):
    fields = [{"column": "a", "size": 3}]
    trailer = {"total": "a", "fixed": [{"column": "total", "size": 3}]}

    said = refused(tmp_path, b"a\n999\n2\n", "a.txt", fixed=fields, trailer=trailer)

    assert said == 'row 1 of the column "total" is "1001", which has 4 characters, and its field holds 3'


def test_json_keeps_every_digit_and_is_read_by_others(tmp_path):
    sql = (
        "SELECT 9007199254740993 AS id, 123456789012345.6789::DECIMAL(19,4) AS amount, NULL AS nothing, true AS yes, "
        "DATE '2026-07-15' AS on_day, TIMESTAMP '2026-07-15 10:00:00' AS at_time, "
        "TIMESTAMPTZ '2026-07-15 10:00:00+00' AS zoned, 'a\"b' || chr(10) || chr(1) AS text"
    )

    whole = written(tmp_path / "j", parquet(tmp_path, f"{sql} UNION ALL {sql}"), "a.json")
    lines = written(tmp_path / "l", parquet(tmp_path, f"{sql} UNION ALL {sql}"), "a.jsonl")

    first, second = json.loads(whole, parse_float=Decimal)
    assert first == second == json.loads(lines.splitlines()[1], parse_float=Decimal)
    assert first == {
        "id": 9007199254740993, "amount": Decimal("123456789012345.6789"), "nothing": None, "yes": True,
        "on_day": "2026-07-15", "at_time": "2026-07-15T10:00:00", "zoned": "2026-07-15T10:00:00Z",
        "text": 'a"b\n\x01',
    }  # fmt: skip


def test_no_rows_make_a_valid_file_of_each_format_and_a_warning(tmp_path):
    for name, content in (("a.csv", b"a\n"), ("a.json", b"[\n]\n"), ("a.jsonl", b"")):
        played = exported(tmp_path / name, b"a\n", name)

        assert played.outcome.status is StepStatus.WARNING and "0 rows" in played.outcome.message
        assert played.outputs["o.file"] == content


def test_headings_and_their_order_are_the_layout_s_in_each_format(tmp_path):
    source, columns = b"a,b,c\n1,2,3\n", {"c": "Third", "A": "First"}
    settings = {"source": "${f.rows}", "layout": {"columns": columns}}
    for name, read in (("a.csv", "read_csv"), ("a.parquet", "read_parquet"), ("a.json", "read_json"), ("a.xlsx", "")):
        played = play(
            export.ACTION, tmp_path / name, {**settings, "output": {"to": "${o.file}", "as": name}}, {"f.rows": source}
        )
        if name.endswith(".xlsx"):
            book = openpyxl.load_workbook(io.BytesIO(played.outputs["o.file"]))
            assert list(book["a"].values) == [("Third", "First"), (3, 1)]
            continue
        (tmp_path / f"read.{name}").write_bytes(played.outputs["o.file"])
        with duckdb.connect() as connection:
            found = connection.execute(f"SELECT * FROM {read}('{tmp_path}/read.{name}')")
            assert [one[0] for one in found.description] == ["Third", "First"]
            assert found.fetchall() == [(3, 1)]


def test_each_value_gets_a_file_of_its_own_with_its_own_total(tmp_path):
    source = b"entity,amount\nAU,1.50\nDE,2\nAU,3\n"

    played = exported(
        tmp_path, source, "journal-{entity}.csv", split_by="entity", columns={"entity": TEXT, "amount": MONEY},
        trailer={"count": True, "total": "amount"}, decimals=2,
    )  # fmt: skip

    archive = zipfile.ZipFile(io.BytesIO(played.outputs["o.file"]))
    assert {name: archive.read(name) for name in archive.namelist()} == {
        "journal-AU.csv": b"entity,amount\nAU,1.50\nAU,3.00\n2,4.50\n",
        "journal-DE.csv": b"entity,amount\nDE,2.00\n1,2.00\n",
    }
    assert played.outcome.message == "3 rows written to 2 files in journal.zip"
    assert played.outcome.figures == {"rows_out": 3, "total": Decimal("6.5")}
    again = exported(
        tmp_path / "again", source, "journal-{entity}.csv", split_by="entity",
        columns={"entity": TEXT, "amount": MONEY}, trailer={"count": True, "total": "amount"}, decimals=2,
    )  # fmt: skip
    assert again.outputs == played.outputs


def test_a_row_without_the_value_that_names_its_file_is_refused(tmp_path):
    assert refused(tmp_path, b"e,n\nAU,1\n,2\n", split_by="e") == (
        'row 2 has no value in the column "e", and would be in no file'
    )


def test_two_values_that_would_be_one_file_are_refused(tmp_path):
    assert '"out-Au.csv"' in refused(tmp_path, b"e,n\nAU,1\nAu,2\n", split_by="e")


def test_a_value_in_a_name_is_no_path(tmp_path):
    content = written(tmp_path, b"e,n\n../../etc/x,1\nCON,2\n", "{e}.csv", split_by="e")

    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == [".._.._etc_x.csv", "_CON.csv"]


def test_a_name_takes_the_text_of_an_input_and_nothing_more(tmp_path):
    played = exported(tmp_path, b"a\n1\n", "{first}-{second}.csv", inputs={"first": "{second}", "second": "a/b"})

    assert played.names == {"o.file": "{second}-a_b.csv"}


def test_an_export_goes_to_a_file_property(tmp_path):
    played = play(
        export.ACTION, tmp_path, {"source": "${f.rows}", "output": "${o.n}"}, {"f.rows": b"a\n1\n"},
        {"o.n": OutputTarget(type="Number")},
    )  # fmt: skip

    assert played.outcome.message == "the output goes to a Number, and an export is a file"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"layout": {"fixed": [{"size": 3}]}}, "layout.fixed.1: needs either `column` or `value`"),
        ({"layout": {"format": "json", "delimiter": ";"}}, "layout.delimiter: means nothing for json"),
        ({"layout": {"format": "fixed"}}, "layout.fixed: needed, the fields of a line"),
        ({"layout": {"columns": {"a": "X", "b": "x"}}}, "layout.columns: two columns would have one heading"),
        ({"layout": {"encoding": "utf-42"}}, 'layout.encoding: "utf-42" is not a known encoding'),
        ({"layout": {"encoding": "base64"}}, 'layout.encoding: "base64" is not a known encoding'),
        ({"layout": {"zone": "Nowhere"}}, 'layout.zone: "Nowhere" is not a known time zone'),
        ({"layout": {"date": "%B"}}, 'layout.date: "%B" is no pattern'),
        ({"layout": {"delimiter": "."}}, 'layout.delimiter: "." stands in numbers'),
        ({"layout": {"quotes": "none", "decimal": ",", "delimiter": ","}}, "layout.decimal: is the delimiter too"),
        ({"layout": {"fixed": [{"column": "a", "size": 9, "point": "none"}]}}, "layout.fixed.1.decimals: needed"),
        ({"layout": {"fixed": [{"column": "a", "size": 9, "pad": "0", "align": "left"}]}}, 'layout.fixed.1.pad: "0"'),
        ({"layout": {"trailer": {}}}, "layout.trailer: says nothing without count or total"),
        ({"layout": {"first_line": "{month}"}}, 'layout.first_line: "{month}" has no value'),
        ({"output": {"to": "${o.file}", "as": "a-{month}.csv"}}, 'output.as: "{month}" has no value'),
        ({"output": {"to": "${o.file}", "as": "a.doc"}}, "layout.format: needed, because the ending of a.doc"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_when_the_file_is_applied(settings, said):
    assert any(one.startswith(said) for one in mistakes(**settings)), mistakes(**settings)


def test_a_column_of_the_layout_that_there_is_not_is_refused(tmp_path):
    assert 'there is no column "acount"' in refused(
        tmp_path, b"account\n1\n", "a.txt", fixed=[{"column": "acount", "size": 9}]
    )


def test_a_total_of_what_is_no_number_is_refused(tmp_path):
    assert 'the column "a" is text' in refused(tmp_path, b"a\nx\n", trailer={"total": "a"})


def test_days_that_a_table_keeps_as_moments_are_written_by_the_pattern_of_days(tmp_path):
    source = parquet(tmp_path, "SELECT TIMESTAMP '2026-01-31' AS booked, TIMESTAMP '2026-01-31 10:00:00' AS seen")

    played = exported(tmp_path / "csv", source, date="%d.%m.%Y")
    line = written(tmp_path / "fixed", source, "out.txt", fixed=[{"column": "booked", "size": 8, "date": "%d%m%Y"}])

    assert played.outputs["o.file"].splitlines()[1] == b"31.01.2026,2026-01-31 10:00:00"
    assert played.outcome.status is StepStatus.WARNING
    assert 'the column "seen" has times' in played.outcome.message
    assert line.strip() == b"31012026"


def test_moments_are_written_by_a_pattern_with_hours(tmp_path):
    moment = "TIMESTAMPTZ '2026-01-31 10:00:00+00'"
    source = parquet(tmp_path, f"SELECT TIMESTAMP '2026-01-31 10:00:00' AS seen, {moment} AS sent")
    fixed = [{"column": "seen", "size": 13, "date": "%d%m%Y %H%M"}]

    content = written(tmp_path / "csv", source, date="%d.%m.%Y %H:%M", zone="Asia/Kolkata")
    line = written(tmp_path / "fixed", source, "out.txt", fixed=fixed)
    played = exported(tmp_path / "days", source, date="%d.%m.%Y")

    assert content.splitlines()[1] == b"31.01.2026 10:00,31.01.2026 15:30"
    assert line.strip() == b"31012026 1000"
    assert 'the column "sent" has times' in played.outcome.message

"""What CSV outputs hold: the values of the relation, exactly, in every reader."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions import database
from procession.actions.kinds import run_sql
from procession.actions.sql.sql_settings import RunSqlSettings
from procession.actions.writing import exports
from tests.actions.context import play
from tests.actions.writing import refused, written
from tests.support import examples


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("30.3000::DECIMAL(19,4)", "30.3"),
        ("5.0000::DECIMAL(19,4)", "5"),
        ("0.0000::DECIMAL(19,4)", "0"),
        ("-0.5000::DECIMAL(19,4)", "-0.5"),
        ("100::DECIMAL(19,0)", "100"),
        ("1200::BIGINT", "1200"),
        ("1e22::DOUBLE", "10000000000000000000000"),
        ("-1.5e-7::DOUBLE", "-0.00000015"),
        ("0.1::DOUBLE", "0.1"),
        ("3::DOUBLE", "3"),
        ("true", "true"),
        ("DATE '2026-01-31'", "2026-01-31"),
        ("TIMESTAMPTZ '2026-01-02 03:04:05+02'", "2026-01-02 01:04:05+00"),
    ],
)
def test_a_value_is_written_as_it_is(tmp_path, value, text):
    assert written(tmp_path, f"SELECT {value} AS v, 1 AS n") == f"v,n\n{text},1\n".encode()


@pytest.mark.parametrize(("decimals", "text"), [(2, "1.50"), (1, "1.5"), (6, "1.500000")])
def test_amounts_have_as_many_decimals_as_asked_for(tmp_path, decimals, text):
    content = written(tmp_path, "SELECT 1.5000 AS v, 7 AS id", decimals=decimals)

    assert content == f"v,id\n{text},7\n".encode()


def test_no_decimals_at_all(tmp_path):
    assert written(tmp_path, "SELECT 12.00 AS v, 1 AS n", decimals=0) == b"v,n\n12,1\n"


def test_an_amount_that_would_lose_digits_is_refused_with_its_place(tmp_path):
    message = refused(tmp_path, "SELECT * FROM (VALUES (1.50), (1.125)) t(fee)", decimals=2)

    assert message.startswith('row 2 of the column "fee" is 1.125, which 2 decimals cannot hold')


def test_a_file_for_excel_in_europe(tmp_path):
    content = written(tmp_path, "SELECT 1234.5 AS v, 'a;b' AS t", decimal=",", decimals=2, bom=True)

    assert content == b'\xef\xbb\xbfv;t\n1234,50;"a;b"\n'


def test_a_moment_is_written_in_the_zone_that_is_asked_for(tmp_path):
    content = written(tmp_path, "SELECT TIMESTAMPTZ '2026-07-01 23:30:00+00' AS v, 1 AS n", zone="Europe/Berlin")

    assert content == b"v,n\n2026-07-02 01:30:00,1\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("start", ["=", "+", "@", "-", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_and_no_heading_begins_a_formula(tmp_path, delimiter, start):
    content = written(tmp_path, f"SELECT '{start}x' AS \"{start}h\", 1 AS n", delimiter=delimiter)

    rows = list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))
    assert [row[0] for row in rows] == [f"'{start}h", f"'{start}x"]


def test_an_empty_cell_alone_in_its_row_is_no_empty_line(tmp_path):
    assert written(tmp_path, "SELECT * FROM (VALUES ('a'), (NULL), ('b')) t(v)") == b'v\na\n""\nb\n'


@pytest.mark.parametrize("option", [{"zone": "Mars/Base"}, {"delimiter": "x"}, {"delimiter": "."}, {"delimiter": '"'}])
def test_an_option_that_cannot_be_is_refused_before_a_run(option):
    settings_ = RunSqlSettings(sql="SELECT 1", outputs={"result": exports.OutputOptions(to="${o.r}", **option)})

    assert len(run_sql.check(settings_)) == 1


def test_a_step_has_no_zone_of_its_server(tmp_path):
    with database.connect(tmp_path, 1 << 30) as connection:
        for cursor in (connection, connection.cursor()):
            assert cursor.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)


# As docs/writing.md says to take it away.
FORMULA = re.compile("^'(?=[' \u00a0\u3000\ufeff]*[-=+@\t\r\n\uff1d\uff0b\uff0d\uff20])")
SIGNS = st.text(st.sampled_from("'=+-@\t\r\n1.,5%e \u00a0\u3000\ufeff\uff1dx"), max_size=6)


@examples(10)
@given(texts=st.lists(SIGNS, min_size=1, max_size=20))
def test_an_apostrophe_that_was_added_can_be_taken_away(texts, tmp_path_factory):
    rows = ", ".join(f"({database.literal(text)}, {number})" for number, text in enumerate(texts))

    content = written(tmp_path_factory.mktemp("csv"), f"SELECT * FROM (VALUES {rows}) t(v, n)")

    found = [row[0] for row in csv.reader(io.StringIO(content.decode(), newline=""))][1:]
    assert [FORMULA.sub("", text) if FORMULA.match(text) else text for text in found] == texts
    assert not [text for text in found if re.match("[ \u00a0\u3000\ufeff]*[=@\t\r\n\uff1d]", text)]


@pytest.mark.parametrize(
    "text", ["-", "--", "-5%", "-1e-7", "-.5", "-1 234,50", "-1'234.50", "+49 30 1234", "-1\u202f234"]
)
def test_a_dash_and_a_number_with_a_sign_stay_as_they_are(tmp_path, text):
    content = written(tmp_path, f"SELECT {database.literal(text)} AS v, 1 AS n", delimiter="|")

    assert content.decode() == f"v|n\n{text}|1\n"


@pytest.mark.parametrize("text", ["-1+1", "-x", "+A1", "=1", "-5 x", "-1'234'!A1", "- "])
def test_what_a_spreadsheet_would_compute_has_an_apostrophe(tmp_path, text):
    content = written(tmp_path, f"SELECT {database.literal(text)} AS v, 1 AS n")

    assert content.decode() == f"v,n\n'{text},1\n"


def test_what_has_an_apostrophe_is_said_in_the_log(tmp_path):
    played = play(
        run_sql.ACTION,
        tmp_path,
        {"sql": "SELECT * FROM (VALUES ('=1', 1), ('-', 2)) t(v, n)", "outputs": {"result": "${o.r}"}},
    )

    assert 'column "v": 1 texts begin like a formula and have an apostrophe before them' in played.context.logged


def test_a_time_that_lies_back_is_no_formula(tmp_path):
    assert written(tmp_path, "SELECT INTERVAL '-1 hour' AS v, 1 AS n") == b"v,n\n-01:00:00,1\n"


def test_excel_does_not_take_a_first_heading_for_a_sylk_file(tmp_path):
    assert written(tmp_path, 'SELECT 1 AS "ID_NO", 2 AS "ID"') == b'"ID_NO",ID\n1,2\n'


@pytest.mark.parametrize("rows", ["", " WHERE false"])
@pytest.mark.parametrize("bom", [True, False])
def test_headings_are_quoted_like_texts_and_there_without_rows(tmp_path, rows, bom):
    names = ["a,b", 'q"q', "two\nlines", " blank ", "#1", "semi;colon", "ID"]
    columns = ", ".join(f"{number} AS {database.quote(name)}" for number, name in enumerate(names))

    content = written(tmp_path, f"SELECT {columns}{rows}", bom=bom)

    text = content.decode("utf-8-sig" if bom else "utf-8")
    values = [] if rows else [[str(number) for number in range(len(names))]]
    assert list(csv.reader(io.StringIO(text, newline=""))) == [names, *values]
    assert content.startswith(b"\xef\xbb\xbf") == bom and text.endswith("\n") and not text.endswith("\n\n")


@pytest.mark.parametrize("options", [{}, {"escape_formulas": False, "bom": True}, {"decimal": ",", "delimiter": ","}])
def test_the_rows_of_a_long_file_stay_in_their_order(tmp_path, options):
    content = written(tmp_path, "SELECT range AS n, 'x' AS t FROM range(300000) ORDER BY n DESC", **options)

    assert content.decode().splitlines()[1:] == [f"{number},x" for number in reversed(range(300_000))]


def test_a_long_file_goes_through_a_step_in_its_order(tmp_path):
    lines = "".join(f"{number},t{number},{number}.50,2026-01-0{number % 9 + 1}\n" for number in range(300_000))
    given = {"f.f": ("f.csv", f"n,t,a,d\n{lines}".encode())}

    played = play(
        run_sql.ACTION, tmp_path, {"inputs": {"f": "${f.f}"}, "sql": "FROM f", "outputs": {"result": "${o.r}"}}, given
    )

    assert played.outputs["o.r"].decode().replace(".5,", ".50,").split("\n", 1)[1] == lines


def test_a_view_is_computed_once(tmp_path):
    content = play(
        run_sql.ACTION,
        tmp_path,
        {
            "sql": "CREATE SEQUENCE s; CREATE VIEW v AS SELECT nextval('s') AS n, 'x' AS t FROM range(3)",
            "outputs": {"v": {"to": "${o.r}", "as": "v.csv"}},
        },
    ).outputs["o.r"]

    assert content == b"n,t\n1,x\n2,x\n3,x\n"

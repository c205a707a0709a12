"""Columns out of cells: nothing is guessed from a sample, nothing is lost, and declared columns are what they are said
to be or refused."""

from __future__ import annotations

import io
import json
import random
from decimal import Decimal

import duckdb
import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from tests.actions.reading.relation import read, refusal
from tests.support import examples

ZONED = "TIMESTAMP WITH TIME ZONE"


def column(folder, *values, **options):
    """Type and values of a CSV column beside another one; None is an empty cell."""
    lines = "".join(f"x;{value or ''}\n" for value in values)
    return read(folder, f"k;v\n{lines}", delimiter=";", **options).column("v")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("0", "12.50"), "DECIMAL(19,4)"),
        (("5", None, "-7"), "BIGINT"),
        (("1.5", "2.25"), "DECIMAL(19,4)"),
        (("1.123456789", "2.000000001"), "DECIMAL(38,10)"),
        (("2026-01-31", "2026-02-28"), "DATE"),
        (("2026-01-31 10:00:00", "2026-02-28T10:00"), "TIMESTAMP"),
        (("2026-01-31T10:00:00Z", "2026-02-28 10:00:00+01:00"), "TIMESTAMP WITH TIME ZONE"),
        (("007", "8"), "VARCHAR"),
        (("+5", "6"), "VARCHAR"),
        (("1_000", "2"), "VARCHAR"),
        (("1e5", "2"), "VARCHAR"),
        ((".50", "2"), "VARCHAR"),
        (("4100.1", "4100.10"), "VARCHAR"),
        (("5", "5.00"), "VARCHAR"),
        (("0", "-0"), "VARCHAR"),
        (("1.234,56", "2"), "VARCHAR"),
        (("1.50", "2.5"), "VARCHAR"),
        (("2026-01-31", "2026-02-30"), "VARCHAR"),
        (("05-04-24", "06-04-24"), "VARCHAR"),
        (("2026-01-31", "2026-01-31 10:00:00"), "VARCHAR"),
        (("2026-01-31 10:00:00", "2026-01-31T10:00:00Z"), "VARCHAR"),
        (("true", "false"), "VARCHAR"),
        (("0.12345678901", "1.1"), "VARCHAR"),
        ((" 5", "6"), "VARCHAR"),
    ],
)
def test_a_column_is_what_all_of_its_values_are(tmp_path, values, kind):
    found, rows = column(tmp_path, *values)

    assert found == kind
    if kind == "VARCHAR":
        assert rows == list(values)


@pytest.mark.parametrize("row", [20_480, 29_999])
@pytest.mark.parametrize("late", ["x", "007", "1.10"])
def test_a_late_row_counts_as_much_as_the_first(tmp_path, row, late):
    values = [str(number % 90 + 1) for number in range(30_000)]
    values[row] = late

    kind, rows = column(tmp_path, *values)

    assert rows[row] in {late, f"{Decimal(late):.4f}" if late == "1.10" else late}
    assert kind == ("DECIMAL(19,4)" if late == "1.10" else "VARCHAR")


@pytest.mark.parametrize(
    ("options", "text", "value"),
    [
        ({"type": "Money", "decimal": ",", "thousands": "."}, "-1.234,56", "-1234.5600"),
        ({"type": "Money", "decimal": ","}, "(45,10)", "-45.1000"),
        ({"type": "Money"}, "7.00-", "-7.0000"),
        ({"type": "Money"}, "EUR 10", "10.0000"),
        # firefly-iii/firefly-iii#1087: a sign, or a bracket, before the currency.
        ({"type": "Money", "thousands": ","}, "($1,234.56)", "-1234.5600"),
        ({"type": "Money"}, "-$0.32", "-0.3200"),
        ({"type": "Money"}, "+EUR 5", "5.0000"),
        ({"type": "Money", "decimal": ","}, "(5,00 €)", "-5.0000"),
        ({"type": "Money", "thousands": "'"}, "1'234.50", "1234.5000"),
        ({"type": "Money", "thousands": " ", "decimal": ","}, "1\u202f234,50", "1234.5000"),
        ({"type": "Money"}, "\u22125.10", "-5.1000"),
        ({"type": "Number"}, "007", "7.0000000000"),
        ({"type": "Text"}, "007", "007"),
        ({"type": "Date", "pattern": "%d.%m.%Y"}, "05.04.2024", "2024-04-05"),
        ({"type": "Date", "pattern": "%d.%m.%y"}, "05.04.24", "2024-04-05"),
        ({"type": "Date"}, "2024-04-05", "2024-04-05"),
        ({"type": "Datetime"}, "2024-04-05T01:00:00+02:00", "2024-04-04 23:00:00+00"),
        ({"type": "TrueFalse"}, "TRUE", "true"),
        ({"type": "Text", "trim": True}, " \u00a0x ", "x"),
    ],
)
def test_a_declared_column_is_read_as_it_is_written(tmp_path, options, text, value):
    found = read(tmp_path, f"k;v\nx;{text}\n", delimiter=";", columns={"v": options})

    assert found.column("v")[1] == [value]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"type": "Money"}, "1.23456"),
        ({"type": "Money"}, "1_000"),
        ({"type": "Money"}, "1,50"),
        ({"type": "Money", "decimal": ",", "thousands": "."}, "1.23"),
        ({"type": "Money"}, "1e5"),
        # Five on a price tag, and minus five in a list of a mainframe.
        ({"type": "Money", "decimal": ","}, "5,-"),
        ({"type": "Money"}, "1234.-"),
        ({"type": "Money"}, "-(5.00)"),
        ({"type": "Money"}, "-$-5.00"),
        ({"type": "Number"}, "12345678901234567890123456789"),
        ({"type": "Number"}, "EUR 10"),
        ({"type": "Date"}, "05.04.2024"),
        ({"type": "Date"}, "24-04-05"),
        ({"type": "Date", "pattern": "%d.%m.%Y"}, "31.02.2024"),
        ({"type": "Date", "pattern": "%d.%m.%Y"}, "05.04.24"),
        ({"type": "TrueFalse"}, "yes"),
        ({"type": "Text", "required": True}, ""),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(tmp_path, options, text):
    said = refusal(tmp_path, f"k;v\na;{text}\n", delimiter=";", columns={"v": options})

    assert 'line 2, column "v": ' in said


def test_the_first_ten_values_that_do_not_fit_are_told_and_how_many_there_are(tmp_path):
    said = refusal(tmp_path, "k,v\n" + "x,y\n" * 25, columns={"v": {"type": "Number"}})

    assert said.count("is not Number") == 10
    assert said.endswith("25 values in all")


def test_the_marks_of_a_file_hold_for_columns_that_nobody_declared(tmp_path):
    found = read(
        tmp_path, "d;v;c\n05.04.2024;1.234,50;1.5\n06.04.2024;2,25;x\n", decimal=",", thousands=".", date="%d.%m.%Y"
    )

    assert found.types == {"d": "DATE", "v": "DECIMAL(19,4)", "c": "VARCHAR"}
    assert found.column("v")[1] == ["1234.5000", "2.2500"]


def test_a_day_is_taken_in_the_zone_of_the_file(tmp_path):
    text = "k,at\nx,2024-01-31T23:30:00Z\n"
    day = {"at": {"type": "Date"}}

    assert read(tmp_path, text, columns=day).column("at")[1] == ["2024-01-31"]
    assert read(tmp_path, text, columns=day, zone="Europe/Berlin").column("at")[1] == ["2024-02-01"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"columns": {"a": {"name": "x", "type": "Text"}}}, ["x", "b"]),
        ({"columns": {"a": {"type": "Text"}}, "others": "drop"}, ["a"]),
        ({"columns": {"2": {"name": "y", "type": "Text"}}}, ["a", "y"]),
        ({"header": False}, ["column1", "column2"]),
    ],
)
def test_columns_are_named_by_heading_or_position(tmp_path, options, names):
    assert list(read(tmp_path, "a,b\n1,2\n", **options).types) == names


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n", {"columns": {"c": {"type": "Text"}}}, 'has no column "c" (it has a, b)'),
        ("a,b\n1,2\n", {"columns": {"a": {"type": "Text"}}, "others": "refuse"}, "not expected: b"),
        ("a,a\n1,2\n", {"columns": {"a": {"type": "Text"}}}, "name them by their positions, 1 and 2"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, text, options, said):
    assert said in refusal(tmp_path, text, **options)


def test_columns_of_users_may_have_any_name(tmp_path):
    names = ["row", "rowid", "All", "Matched", "_id", "t0", "k1", 'a"b', "select"]

    found = read(
        tmp_path, ";".join(n.replace('"', '""') if '"' not in n else '"a""b"' for n in names) + "\n" + ";".join("1" * 9)
    )

    assert list(found.types) == names


def test_why_a_column_of_numbers_is_text_is_said(tmp_path):
    found = read(tmp_path, "k,v\na,1\nb,2\nc,N/A\n")

    assert 'the column "v" stays text, because of "N/A" (line 4); cells that are no numbers: 1' in found.logged


def test_a_text_stays_byte_for_byte(tmp_path):
    texts = ["  two blanks", "tab\there", "e\u0301", "\u00a0", "NULL", "nan", "'x", "=1+1"]

    assert column(tmp_path, *texts)[1] == texts


CENTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)


@examples(6)
@given(amounts=st.lists(CENTS, min_size=1, max_size=20))
def test_every_format_gives_the_same_columns(tmp_path_factory, amounts):
    folder = tmp_path_factory.mktemp("formats")
    texts = [f"{amount:f}" for amount in amounts]
    files = {
        "t.csv": "ref,v\n" + "".join(f"00{n},{text}\n" for n, text in enumerate(texts)),
        "t.json": json.dumps([{"ref": f"00{n}", "v": "?"} for n in range(len(texts))]),
        "t.jsonl": "".join(f'{{"ref": "00{n}", "v": {text}}}\n' for n, text in enumerate(texts)),
        "w.xlsx": by_xlsxwriter(texts),
        "o.xlsx": by_openpyxl(texts),
    }
    for text in texts:
        files["t.json"] = files["t.json"].replace('"?"', text, 1)

    sums = {name: total(read(folder, content, name)) for name, content in files.items()}

    assert set(sums.values()) == {(sum(amounts), tuple(f"00{n}" for n in range(len(texts))))}


def total(found):
    kind, values = found.column("v")
    numbers = [Decimal(value) for value in values if value is not None]
    assert kind in {"BIGINT", "DECIMAL(19,4)", "DECIMAL(38,10)"}
    return sum(numbers), tuple(found.column("ref")[1])


def by_xlsxwriter(texts):
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["ref", "v"])
    for number, text in enumerate(texts):
        sheet.write_string(number + 1, 0, f"00{number}")
        sheet.write_number(number + 1, 1, float(text))
    book.close()
    return file.getvalue()


def by_openpyxl(texts):
    file = io.BytesIO()
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["ref", "v"])
    for number, text in enumerate(texts):
        sheet.append([f"00{number}", float(text)])
    book.save(file)
    return file.getvalue()


def parquet(folder):
    path = folder / "written.parquet"
    rows = "(VALUES ('', 'x'), (NULL, 'y'), ('5', 'z')) t(v, w)"
    duckdb.execute(f"COPY (SELECT * FROM {rows}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


@pytest.mark.parametrize(
    "write",
    [
        lambda _: 'v,w\n"",x\n,y\n5,z\n',
        lambda _: '[{"v": "", "w": "x"}, {"v": null, "w": "y"}, {"v": "5", "w": "z"}]',
        lambda _: '{"v": "", "w": "x"}\n{"w": "y"}\n{"v": "5", "w": "z"}\n',
        parquet,
    ],
)
def test_an_empty_text_is_an_empty_cell(tmp_path, write):
    found = read(tmp_path, write(tmp_path))

    assert found.column("v")[1] == [None, None, "5"]
    assert found.column("v")[0] == ("VARCHAR" if write is parquet else "BIGINT")


def test_shuffled_rows_have_the_same_types(tmp_path):
    rows = [f"{n},{n}.{n % 10}5,2026-01-{n % 28 + 1:02d},{'x' if n == 777 else n}" for n in range(3_000)]
    shuffled = rows[:]
    random.Random(1).shuffle(shuffled)  # noqa: S311 - an order, not a secret

    first, second = (read(tmp_path, "a,b,c,d\n" + "\n".join(order)) for order in (rows, shuffled))

    assert first.types == second.types
    assert sorted(map(str, first.rows)) == sorted(map(str, second.rows))


def test_residues_of_arithmetic_are_rounded_and_said(tmp_path):
    found = read(tmp_path, by_xlsxwriter(["5.5", "-1.1368683772161603e-13", "0.3"]), "t.xlsx")

    assert total(found)[0] == Decimal("5.8")
    assert "1 number has more than 10 decimals and is rounded there" in found.logged
    assert not found.warnings


def test_decimals_that_somebody_wrote_and_that_are_rounded_off_are_warned_of(tmp_path):
    found = read(tmp_path, by_xlsxwriter(["5.5", "0.000021345678"]), "t.xlsx")

    assert "such as 0.000021345678, which are rounded there" in " ".join(found.warnings)


@pytest.mark.parametrize(
    ("pattern", "texts", "kind", "values"),
    [
        (None, ["2026-01-31T10:00:00+02:00", "", "2026-01-31T10:00:00Z"], ZONED, ["08:00:00+00", None, "10:00:00+00"]),
        (None, ["2026-01-31T10:00:00", "2026-01-31 11:00"], "TIMESTAMP", ["10:00:00", "11:00:00"]),
        ("%Y-%m-%d %H:%M %z", ["2026-01-31 10:00 +0200"], ZONED, ["08:00:00+00"]),
        ("%Y-%m-%d %H:%M", ["2026-01-31 10:00"], "TIMESTAMP", ["10:00:00"]),
        (None, [""] * 600 + ["2026-01-31T10:00:00Z"], ZONED, [None] * 600 + ["10:00:00+00"]),
    ],
)
def test_a_declared_moment_keeps_its_zone(tmp_path, pattern, texts, kind, values):
    said = {"type": "Datetime", **({"pattern": pattern} if pattern else {})}
    content = "k,v\n" + "".join(f"x,{text}\n" for text in texts)

    found = read(tmp_path, content, columns={"v": said})

    assert found.column("v") == (kind, [value and f"2026-01-31 {value}" for value in values])


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["2026-01-31", "2026-01-31T10:00Z"], '"2026-01-31T10:00Z" is not Datetime (without a zone, as in the first'),
        (["2026-01-31T10:00Z", "2026-01-31"], '"2026-01-31" is not Datetime (with a zone, as in the first'),
        (["x", "2026-01-31T10:00Z"], '"x" is not Datetime (with a zone, as in the first'),
    ],
)
def test_declared_moments_with_and_without_a_zone_are_not_mixed(tmp_path, texts, told):
    content = "k,v\n" + "".join(f"x,{text}\n" for text in texts)

    assert told in refusal(tmp_path, content, columns={"v": {"type": "Datetime"}})


@pytest.mark.parametrize(
    ("texts", "currency"),
    [
        (["EUR 10", "\u20ac5", "7 EUR", "\u20ac 3 EUR", "1"], "EUR"),
        (["$10", "$5"], "$"),
        (["$10 CAD", "-5 CAD"], "CAD"),
        (["10", "5"], None),
    ],
)
def test_the_currency_of_a_column_is_told(tmp_path, texts, currency):
    found = read(tmp_path, "k;v\n" + "".join(f"x;{text}\n" for text in texts), columns={"v": {"type": "Money"}})

    assert ('the column "v" is in ' in found.logged) == (currency is not None)
    assert f'the column "v" is in {currency}\n' in found.logged or currency is None


@pytest.mark.parametrize("texts", [["EUR 10", "USD 20"], ["5"] * 600 + ["EUR 10", "20 USD"]])
def test_a_column_of_several_currencies_is_refused(tmp_path, texts):
    said = refusal(tmp_path, "k;v\n" + "".join(f"x;{text}\n" for text in texts), columns={"v": {"type": "Money"}})

    at = len(texts)
    assert f'the column "v" holds several currencies: EUR (line {at}) and USD (line {at + 1})' in said


def test_an_amount_of_two_currencies_is_none(tmp_path):
    said = refusal(tmp_path, "k;v\nx;\u20ac10 USD\n", columns={"v": {"type": "Money"}})

    assert '"\u20ac10 USD" is not Money' in said

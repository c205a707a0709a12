"""Files whose rows must be pointed at: text of fixed width, XML and JSON at a path, and a last row of totals."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.actions.reading.relation import read, refusal
from tests.support import examples

FIXED = [{"name": "account", "at": 1, "size": 6}, {"name": "amount", "at": 9, "size": 8}]
LINES = "  0400  120.00  x\r\n\r\n0410     -11.90\n0420    1\r"
XML = """<?xml version="1.0" encoding="ISO-8859-1"?>
<Document xmlns="urn:x"><Head><Entry>no</Entry></Head>
  <Entry id="7"><Amt Ccy="EUR">12.50</Amt><Party><Name>M\u00fcller &amp; S\u00f6hne</Name></Party><Note/></Entry>
  <Entry id="8"><Amt Ccy="EUR">-1.00</Amt><Text><![CDATA[a <b> ]]></Text></Entry>
</Document>"""
LIST = (
    '{"meta": {"n": 2}, "data": {"page": [1], "items": [{"a": "1.10", "b": {"c": 1}}, {"d": 2}], "next": null}, "x": 1}'
)


def test_values_stand_at_their_places_whatever_the_line_end(tmp_path: Path) -> None:
    columns = {"account": {"type": "Text"}, "amount": {"type": "Money"}}

    made = read(tmp_path, "TITLE\n" + LINES, "a.txt", fixed=FIXED, skip=1, columns=columns)

    assert made.rows == [("0400", "120.0000"), ("0410", "-11.9000"), ("0420", "1.0000")]


def test_a_line_that_ends_too_early_is_refused_with_both_places(tmp_path: Path) -> None:
    told = refusal(tmp_path, "0400    120.00\n0410\n", "a.txt", fixed=FIXED)

    assert told == 'the file "a.txt" cannot be read: line 2 has 4 characters, and "amount" begins at 9'


@pytest.mark.parametrize(
    ("lines", "is_told"),
    [
        (["0400    0000120.00", "0410    0000011.90", "0420    00012"], True),
        (["0400    0000120.00", "0410    00012", "0420    0000011.90"], False),
        (["0400    120", "0410    0000120.00", "0420    12"], False),
        (["0420    12"], False),
    ],
)
def test_a_last_line_that_alone_ends_within_its_value_is_told(tmp_path: Path, lines: list[str], is_told: bool) -> None:
    fields = [{"name": "account", "at": 1, "size": 8}, {"name": "amount", "at": 9, "size": 10}]

    made = read(tmp_path, "\n".join(lines), "a.txt", fixed=fields)

    told = (
        'the file "a.txt": line 3, the last one, ends at 13 within "amount", and no other does; did the file arrive whole?',
    )
    assert made.warnings == (told if is_told else ())


def test_a_misfit_of_fixed_width_is_told_by_its_line(tmp_path: Path) -> None:
    told = refusal(tmp_path, LINES + "\n0430    1,5\n", "a.txt", fixed=FIXED, columns={"amount": {"type": "Money"}})

    assert 'line 5, column "amount": "1,5" is not Money' in told


def test_fixed_width_keeps_quotes_delimiters_and_its_encoding(tmp_path: Path) -> None:
    made = read(tmp_path, '"a,";\u00e4  "1.00"'.encode("cp1252"), "a.txt", fixed=FIXED, encoding="cp1252")

    assert made.rows == [('"a,";\u00e4', '"1.00"')]


CELL = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=5)


@examples(8)
@given(rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8))
def test_fixed_width_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    rows = [row for row in rows if any(row)] or [("a", "b", "c")]
    fields = [{"name": name, "at": 1 + 6 * n, "size": 6} for n, name in enumerate("abc")]
    columns = {name: {"type": "Text"} for name in "abc"}
    content = "".join("".join(cell.ljust(6) for cell in row) + "\n" for row in rows)

    made = read(tmp_path_factory.mktemp("t"), content, "a.txt", fixed=fields, columns=columns)

    assert made.rows == [tuple(cell or None for cell in row) for row in rows]


@pytest.fixture
def lxml() -> None:
    if importlib.util.find_spec("lxml") is None:
        pytest.skip("lxml is not installed (extra statements)")


@pytest.mark.usefixtures("lxml")
def test_records_of_xml_are_flat_rows_with_attributes(tmp_path: Path) -> None:
    made = read(tmp_path, XML.encode("latin-1"), "a.xml", records="/Document/Entry")

    assert list(made.types) == ["@id", "Amt", "Amt/@Ccy", "Party/Name", "Note", "Text"]
    assert made.types["Amt"].startswith("DECIMAL")
    assert made.rows == [
        ("7", "12.5000", "EUR", "M\u00fcller & S\u00f6hne", None, None),
        ("8", "-1.0000", "EUR", None, None, "a <b> "),
    ]


@pytest.mark.usefixtures("lxml")
def test_a_misfit_of_xml_is_told_by_its_record(tmp_path: Path) -> None:
    columns = {"Amt": {"type": "Money"}, "Text": {"type": "Date"}}

    assert 'record 2, "Text": "a <b> " is not Date' in refusal(
        tmp_path, XML.encode("latin-1"), "a.xml", records="/Document/Entry", columns=columns
    )


@pytest.mark.usefixtures("lxml")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<D><E>1</E></D>", "there is no element /D/F (there are: /D, /D/E)"),
        ("<D><F><a>1</a><a>2</a></F></D>", 'record 1 has "a" twice'),
        ("<D><F>word<a>1</a></F></D>", "record 1: words stand between the elements"),
        ("<D><F><a>1</a></F>", "it is no XML"),
        ('<!DOCTYPE D [<!ENTITY x "y">]><D><F>&x;</F></D>', "it declares a document type"),
        ('<!DOCTYPE D SYSTEM "file:///etc/passwd"><D><F>1</F></D>', "it declares a document type"),
        (
            '<!DOCTYPE D [<!ENTITY a "aaaaaaaaaa">'
            + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 or str()};" * 10}">' for n in range(1, 10))
            + "]><D><F>&a9;</F></D>",
            "cannot be read",
        ),
        ("<D><F>&x;</F></D>", "it is no XML"),
        ("<D>" + "<a>" * 200 + "</a>" * 200 + "</D>", "nested more than 100 deep"),
        ("<D><F><a/></F><F>" + "<a/>" * 20_000 + "</F></D>", "record 2 has more than 10,000 elements"),
        ("<D><F><a>" + "x" * 11_000_000 + "</a></F></D>", "it is no XML"),
    ],
)
def test_xml_that_is_no_table_or_a_trap_is_refused(tmp_path: Path, content: str, words: str) -> None:
    assert words in refusal(tmp_path, content, "a.xml", records="/D/F")


@pytest.mark.usefixtures("lxml")
def test_the_memory_of_xml_does_not_grow_with_its_records(tmp_path: Path) -> None:
    rows = "".join(f"<F><a>{n}</a></F><G>{n}</G>" for n in range(20_000))

    made = read(tmp_path, f"<D>{rows}</D>", "a.xml", records="/D/F")

    assert (len(made.rows), made.rows[-1]) == (20_000, ("19999",))


def test_xml_without_records_says_what_to_do(tmp_path: Path) -> None:
    assert "is XML; say records, such as /Document/Entry" in refusal(tmp_path, "<D><E>1</E></D>", "a.xml")


def test_a_path_names_the_list_of_a_json_document(tmp_path: Path) -> None:
    made = read(tmp_path, LIST, "a.json", records="/data/items")

    assert made.rows == [("1.1000", '{"c":1}', None), (None, None, "2")]
    assert made.warnings == ()


@pytest.mark.parametrize("size", [0, 1, 200_000])
def test_a_list_is_found_behind_and_before_long_values(tmp_path: Path, size: int) -> None:
    items = [{"n": n, "t": "x" * 40} for n in range(size // 40 + 1)]
    text = json.dumps({"before": "y" * size, "items": items, "behind": ["z" * size]})

    made = read(tmp_path, text, "a.json", records="/items")

    assert len(made.rows) == len(items)


@pytest.mark.parametrize(
    ("content", "path", "words"),
    [
        (LIST, "/data/rows", 'at /data/ there is no key "rows" (there are: "page", "items", "next")'),
        (LIST, "/data", "at /data there is an object, and a list is wanted"),
        (LIST, "/x", "at /x there is a single value"),
        (LIST, "/meta/n/m", 'at /meta/n/ there is no object with the key "m"'),
        ('{"a": [{"b": 1}], "a": 2}', "/a", 'the key "a" stands twice in one object'),
        ('{"c": 1, "c": 2, "a": []}', "/a", 'the key "c" stands twice in one object'),
        ('{"a": [{"b": 1}]', "/a", "the file ends in the middle of it"),
        ('{"a": [{"b": 1}]} {}', "/a", "more stands behind the document"),
        ('{"a": [{"b": 1}],}', "/a", "a comma stands behind the last value"),
        ('{"a" [1]}', "/a", "expected"),
        ("[1]", "/a", 'at / there is no object with the key "a"'),
        ('{"a": ', "/a", "the file ends in the middle of it"),
    ],
)
def test_a_path_that_leads_nowhere_or_a_broken_document_is_refused(
    tmp_path: Path, content: str, path: str, words: str
) -> None:
    assert words in refusal(tmp_path, content, "a.json", records=path)


TOTALS = "account,amount,n\n0400,120.00,1\n0410,-11.90,2\n"
KNOWN = {"account": {"type": "Text"}, "amount": {"type": "Money"}, "n": {"type": "Number"}}


@pytest.mark.parametrize("columns", [{}, KNOWN])
@pytest.mark.parametrize("last", ["Total,108.10,3", ",108.1,", "Sum,,3"])
def test_a_right_row_of_totals_is_left_out(tmp_path: Path, columns: dict[str, object], last: str) -> None:
    made = read(tmp_path, f"{TOTALS}{last}\n", total_row="check", columns=columns)

    assert [row[0] for row in made.rows] == ["0400", "0410"]
    assert "line 4 is left out as the row of totals" in made.logged
    assert made.warnings == ()


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("Total,108.11,3", 'the total of "amount" is 108.11 in line 4, and the rows before it add up to 108.10'),
        ("0420,5.00,9", 'the total of "amount" is 5.00 in line 4, and the rows before it add up to 108.10'),
        ("Total,,", "has no total in its last row (line 4)"),
        ("Total,n/a,", "has no total in its last row (line 4)"),
    ],
)
def test_totals_that_are_wrong_or_not_there_refuse_the_file(tmp_path: Path, last: str, words: str) -> None:
    assert words in refusal(tmp_path, f"{TOTALS}{last}\n", total_row="check", columns=KNOWN)


def test_a_skipped_row_that_looks_like_any_other_is_told(tmp_path: Path) -> None:
    lost = read(tmp_path / "a", TOTALS, total_row="skip", columns=KNOWN)
    fine = read(tmp_path / "b", f"{TOTALS}Total,1,1\nTotal,,\n", total_row="skip", columns=KNOWN)

    assert lost.warnings == ("line 3 of t.csv is left out as the row of totals, and looks like any other row",)
    assert fine.warnings == ()


def test_a_skipped_row_is_like_others_that_have_empty_cells_too(tmp_path: Path) -> None:
    rows = "account,amount,text\n0400,120.00,rent\n0410,-11.90,\n"
    lost = read(tmp_path / "a", f"{rows}0420,7.00,\n", total_row="skip")
    fine = read(tmp_path / "b", f"{rows}Total,108.10,\n", total_row="skip")

    assert lost.warnings == ("line 4 of t.csv is left out as the row of totals, and looks like any other row",)
    assert fine.warnings == ()


def test_a_table_of_many_columns_has_totals_too(tmp_path: Path) -> None:
    width = 1_010  # more terms than DuckDB adds up in one sum
    lines = (",".join(cell for _ in range(width)) for cell in ["1", "2", "3"])
    heading = ",".join(f"c{number}" for number in range(width))

    made = read(tmp_path, "\n".join([heading, *lines]), total_row="check")

    assert len(made.rows) == 2
    assert "line 4 is left out as the row of totals" in made.logged


def test_a_file_without_rows_has_no_totals(tmp_path: Path) -> None:
    assert "has no row of totals: it has no rows" in refusal(tmp_path, "a,b\n", total_row="skip")

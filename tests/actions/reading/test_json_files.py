"""JSON and JSON lines as cells: every digit, every key, every row, or a refusal that names the record."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.problems import Problem
from procession.actions.reading import json_rows, json_source
from procession.actions.reading.cells import Kind
from tests.actions.reading.files import declared, read_json
from tests.support import examples


def refused(content, **options):
    with pytest.raises(Problem) as problem:
        read_json(content, **options)
    return (
        str(problem.value)
        .removeprefix('the file "a.json" cannot be read: ')
        .removeprefix('the file "a.jsonl" cannot be read: ')
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1.10", "1.10"),
        ("1234567890123456.78", "1234567890123456.78"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("20000000.010000002", "20000000.010000002"),
        ("-0", "-0"),
        ("0.30", "0.30"),
        ("1e5", "100000"),
        ("1E+2", "100"),
        ("-1.50e1", "-15"),
        ("1.5e-7", "0.00000015"),
        ("0.015e5", "1500"),
        ("0E-10", "0"),
        ("12.345e2", "1234.5"),
    ],
)
@pytest.mark.parametrize("rows", [1, 3], ids=["alone", "behind others"])
def test_a_number_keeps_its_digits_and_its_exponent_is_written_out(written, read, rows):
    content = "\n".join([f'{{"a":{written}}}'] * rows)

    got = read_json(content, lines=True)

    assert got.rows == [(read,)] * rows
    assert got.kinds == [Kind.NUMBER]


def test_what_first_occurs_late_counts_as_much_as_what_comes_first():
    late = [{"a": 1}] * 200_000 + [{"a": 2.75, "refund": "05-04-24"}, {"a": "x"}]

    got = read_json(json.dumps(late))

    assert got.headings == ["a", "refund"]
    assert got.rows[0] == ("1", None)
    assert got.rows[200_000:] == [("2.75", "05-04-24"), ("x", None)]
    assert got.kinds == [None, Kind.TEXT]


def test_texts_stay_texts_and_truths_are_no_texts():
    got = read_json('[{"d":"04-05-2024","n":"007","u":"null","t":true,"x":null},{"t":false}]')

    assert got.rows == [("04-05-2024", "007", "null", "true", None), (None, None, None, "false", None)]
    assert got.kinds == [Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.TRUTH, Kind.TEXT]


def test_cells_of_several_kinds_each_keep_theirs():
    assert read_json('[{"a":"1"},{"a":1},{"a":true},{"a":[1.10]},{}]').kinds == [None]


def test_nested_values_are_their_json_text_with_all_their_digits():
    got = read_json('[{"a": {"z": 1.10, "b": [ "\\u00e9", 1e5, null ], "q": "a\\nb"}}, {"a": []}, {"a": "x : y"}]')

    assert got.rows == [('{"z":1.10,"b":["é",1e5,null],"q":"a\\nb"}',), ("[]",), ("x : y",)]
    assert got.kinds == [Kind.TEXT]


def test_keys_are_what_they_are():
    got = read_json('[{"":1,"Amount":2,"amount":3,"q\\"x":4,"nul\\u0000":5,"us-gaap:Assets":6,"\\u00e9":7}]')

    assert got.headings == ["", "Amount", "amount", 'q"x', "nul\0", "us-gaap:Assets", "é"]
    assert got.rows == [tuple("1234567")]


# What other readers of JSON were reported to lose, round, guess or drop.
REPORTED = {
    "duckdb/duckdb #24989": (['{"a":883406386745030.3}'], ["883406386745030.3"]),
    "duckdb/duckdb #17135": (['{"a":9223372036854775808}'], ["9223372036854775808"]),
    "duckdb/duckdb #10866": (
        ['{"a":277447099861456945273576150847928801582}'],
        ["277447099861456945273576150847928801582"],
    ),
    "duckdb/duckdb #15038": (['{"a":9007199254740993}', '{"a":2.1}'], ["9007199254740993", "2.1"]),
    "duckdb/duckdb-go #178": (['{"a":{"n":50000.0000000000000001}}'], ['{"n":50000.0000000000000001}']),
    "duckdb/duckdb #25828": (
        ['{"a":{' + ",".join(f'"k{n}":9007199254740993' for n in range(250)) + "}}"],
        ["{" + ",".join(f'"k{n}":9007199254740993' for n in range(250)) + "}"],
    ),
    "pola-rs/polars #29330": (["{}"] * 1_000 + ['{"a":10}'], [None] * 1_000 + ["10"]),
    "pola-rs/polars #8572, #11860": (['{"a":null}'] * 3, [None] * 3),
    "pola-rs/polars #13061": (['{"a":null}'] * 1_000 + ['{"a":1.0}'], [None] * 1_000 + ["1.0"]),
    "pola-rs/polars #6148": (['{"a":{}}', '{"a":[]}'], ["{}", "[]"]),
    "ClickHouse/ClickHouse #121472": (['{"a":5}'] * 25_001 + ['{"a":null}'], ["5"] * 25_001 + [None]),
    "pandas-dev/pandas #42471": (['{"a":"01"}'], ["01"]),
    "pandas-dev/pandas #17869, #41408": (['{"a":"34343_43434"}'], ["34343_43434"]),
    "pandas-dev/pandas #20608": (['{"a":"00010"}', '{"a":99999999999999999999}'], ["00010", "99999999999999999999"]),
    "pandas-dev/pandas #58306": (['{"a":1}', '{"a":null}'], ["1", None]),
}


@pytest.mark.parametrize("report", REPORTED)
def test_what_other_readers_were_reported_to_alter_is_read_as_it_is(report):
    records, expected = REPORTED[report]

    for content, lines in (("\n".join(records), True), ("[" + ",".join(records) + "]", False)):
        assert [row[0] for row in read_json(content, lines=lines).rows] == expected


def test_a_line_that_is_no_json_does_not_end_the_file_in_silence():
    """pola-rs/polars #10041: the hundred rows behind it were gone."""
    content = '{"a":"1","b":2.0}\n' * 100 + '{"a":"3","b":NaN}\n' + '{"a":"5","b":6.0}\n' * 100

    assert refused(content, lines=True) == "line 101: NaN is no number in JSON"


@pytest.mark.parametrize("content", ['{"a":1,"b":2,"a":3}', '{"b":1,"a":{"x":1,"x":2}}', '{"a":1,"b":2,"a" : "x:y"}'])
def test_a_key_that_stands_twice_in_an_object_is_refused_wherever_it_is(content):
    plain = '{"a":1,"b":2}\n' * 20_000

    assert "line 20001: the key" in refused(f"{plain}{content}\n{plain}", lines=True)


def test_a_byte_order_mark_and_escaped_pairs_of_surrogates_are_fine():
    content = '[{"a":"\\ud83d\\ude00\\u0000\\/"}]'

    for encoding in ("utf-8-sig", "utf-16"):
        assert read_json(content.encode(encoding)).rows == [("😀\0/",)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"a":1},{"a":"\\ud800"}]', 'record 2: "a" holds half of a character'),
        (b'[{"a":1},{"\xff":1}]', r'record 2: the key "\udcff" holds half of a character, or is not UTF-8'),
        ('[{"a":1},{"\\ud800":1}]', r'record 2: the key "\ud800" holds half of a character'),
        (b'[{"a":1},{"a":"\xff"}]', 'record 2: "a" holds half of a character, or is not UTF-8'),
        ('[{"a":1},{"a":NaN}]', "record 2: NaN is no number"),
        ('[{"a":1},{"a":-Infinity}]', "record 2: -Infinity is no number"),
        ('[{"a":1},]', "record 2: a comma stands behind the last value"),
        ('[{"a":1,}]', "record 1: a comma stands behind the last value"),
        ('[{"a":1} {"a":2}]', 'record 1: a comma or "]" is expected'),
        ('[{"a":1}, // two\n{"a":2}]', "record 2: JSON has no comments"),
        ("[{'a':1}]", "record 1: JSON has texts in double quotes only"),
        ('[{"a":"x\ny"}]', "record 1: a text holds a line break"),
        ('[{"a":01}]', "record 1: "),
        ('[\n{"a":1},\n{"a":2', "record 2 (line 3): the file ends in the middle of it"),
        ('[{"a":1},{"a":tr', "record 2: the file ends in the middle of it"),
        ('[{"a":1}] x', "more stands behind the list"),
        ('[{"a":1}][{"a":2}]', "more stands behind the list"),
        ("[1,2]", "record 1: it is a number, not an object with keys"),
        ('[["a","b"],[1,2]]', "record 1: it is a list, not an object with keys"),
        ('[{"a":1},null]', "record 2: it is null, not an object"),
        ('{"a":1},{"a":2}', "record 2: objects with commas between them"),
        ("[]", "it holds no records, and so no columns"),
        ("[{},{}]", "its records have no keys"),
        ('[{"a":1e999999999}]', 'record 1, "a": the number has an exponent beyond 400'),
        ('{"a":[{"x":1}],"b":[{"y":1}]}', 'it is one object that holds several lists ("a", "b")'),
        ('{"2026":{"a":1},"2025":{"a":2}}', "it is one object with no value of its own"),
        ('[{"a":' + "[" * 50_000 + "]" * 50_000 + "}]", "record 1: its values are nested too deeply"),
        ('[{"a":' + '{"a":' * 50_000, "record 1: its values are nested too deeply"),
    ],
)
def test_what_is_no_table_of_json_is_refused_with_its_place(content, said):
    assert refused(content).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a":1}\n\n{"a":2', "line 3: the file ends in the middle of it"),
        ('{"a":1}\n{"a":2\n{"a":3}\n', "line 2: "),
        ('{"a":1},\n{"a":2}\n', "line 1: more stands behind its object"),
        ('{"a":1}\n{"a":2}{"a":3}\n', "line 2: more stands behind its object"),
        ('{"a":1}\n{"a":[1,\n2]}\n', "line 2: "),
        ('{"a":1}\n[1]\n', "line 2: it is a list"),
        ('{"a":1}\n// x\n', "line 2: JSON has no comments"),
    ],
)
def test_what_is_no_line_of_json_is_refused_with_its_line(content, said):
    assert refused(content, lines=True).startswith(said)


def test_blank_lines_and_windows_line_ends_are_fine_and_places_count_them():
    got = read_json('\r\n{"a":1}\r\n  \r\n{"a":2}\r\n', lines=True)

    assert got.rows == [("1",), ("2",)]
    assert got.places == [['line 2, "a"'], ['line 4, "a"']]


def test_objects_one_after_the_other_are_records():
    assert read_json('{\n "a": 1\n}\n{"a": [{"b": 2}]}{"a":3}').rows == [("1",), ('[{"b":2}]',), ("3",)]


def test_one_object_with_values_is_one_row_and_that_is_said():
    got = read_json('{"id": 7, "tags": ["x"]}')

    assert (got.rows, got.cells.remarks) == ([("7", '["x"]')], ("it is one object, read as one row",))


def test_a_list_in_an_object_is_the_table_and_what_is_left_out_is_a_warning():
    alone = read_json('{"data":[{"id":1},{"id":2}],"next":null,"errors":[]}')
    more = read_json('{"object":"list","data":[{"id":1},{"id":2}],"has_more":true}')

    assert alone.rows == more.rows == [("1",), ("2",)]
    assert (alone.cells.warnings, more.cells.warnings) == (
        (),
        ('its rows are those of the list "data"; what stands beside the list is left out: "object", "has_more"',),
    )


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ('],"total":60000}', None),
        ('],"data":1}', 'the key "data" stands twice'),
        ('],"other":[{"a":1}]}', "it is one object that holds several lists"),
        ("]", "the file ends in the middle of it"),
        ("],}", "a comma stands behind the last value"),
        ("]} x", "more stands behind the object"),
    ],
)
def test_a_list_in_an_object_that_is_too_long_to_be_held_is_read_as_well(end, said):
    records = ",".join(f'{{"id":{number},"name":"Invoice number {number}"}}' for number in range(60_000))
    content = f'{{"object":"list","data":[{records}{end}'

    if said is None:
        got = read_json(content)
        assert (len(got.rows), got.rows[-1]) == (60_000, ("59999", "Invoice number 59999"))
        assert got.cells.warnings[0].endswith('"object", "total"')
    else:
        assert said in refused(content)


def test_a_key_without_a_value_may_not_stand_twice_before_a_long_list_either():
    records = ",".join(f'{{"id":{number},"name":"Invoice number {number}"}}' for number in range(60_000))

    assert 'the key "next" stands twice' in refused(f'{{"next":null,"next":"b","data":[{records}]}}')


def test_a_month_without_records_has_the_columns_that_are_declared():
    got = read_json("[]", columns=declared("id", "amount"))

    assert (got.headings, got.rows) == (["id", "amount"], [])


def test_a_record_may_be_longer_than_a_chunk_but_not_than_all_limits():
    long = "x" * 3 * json_source.CHUNK_BYTES
    content = json.dumps([{"a": 1, "b": "y"}, {"a": long}, {"a": [long, 1.5]}, {"a": 2}])

    assert [row[0] for row in read_json(content).rows] == ["1", long, f'["{long}",1.5]', "2"]
    assert "longer than 16 MiB" in refused('[{"a":"' + "x" * (40 << 20) + '"}]')
    assert "longer than 16 MiB" in refused('{"a":"' + "x" * (40 << 20) + '"}\n', lines=True)


def test_there_are_limits_to_columns_and_cells():
    wide = [{f"k{number}": number} for number in range(json_rows.COLUMNS_MAX + 1)]
    assert refused(json.dumps(wide)) == "its records have more than 2,000 different keys"

    many = '{"a":0}\n' * 60_000 + json.dumps({f"k{number}": number for number in range(1_000)}) + "\n"
    assert refused(many, lines=True).startswith("it has more than 50,000,000 cells")


def test_an_encoding_is_obeyed_and_one_that_the_file_contradicts_is_refused():
    assert "byte order mark" in refused(b'\xef\xbb\xbf[{"a":1}]', encoding="cp1252")
    assert read_json('[{"a":"é"}]'.encode("cp1252"), encoding="cp1252").rows == [("é",)]


# Values as JSON, and what their cells say.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from([" : ", '":', "},{", "null"])
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=2) | st.integers(-(10**30), 10**30)
plain = st.none() | st.booleans() | numbers | texts
keys = st.sampled_from(["a", "b", 'q"', "x:y", "", "A", "é"]) | texts
tables = st.lists(st.dictionaries(keys, plain, max_size=5), min_size=1, max_size=12)


def cell(value):
    if value is None or isinstance(value, str):
        return value or None  # an empty text is an empty cell
    return str(value).lower() if isinstance(value, bool) else format(value, "f")


def rows_of(table):
    headings = list(dict.fromkeys(key for record in table for key in record))
    return headings, [tuple(cell(record.get(heading)) for heading in headings) for record in table]


def spelled(value, spaces):
    """What the standard library writes, with numbers as they are."""
    if isinstance(value, dict):
        inner = f",{spaces}".join(f"{json.dumps(key)}{spaces}:{spaces}{spelled(v, spaces)}" for key, v in value.items())
        return f"{{{spaces}{inner}}}"
    return json.dumps(value) if value is None or isinstance(value, bool | str) else format(value, "f")


@examples(8)
@given(tables, st.sampled_from(["", " ", "\n  "]), st.integers(1, 3))
def test_a_table_reads_the_same_from_every_writer_and_in_every_shape(table, spaces, times):
    table = table * times
    headings, rows = rows_of(table)
    encoder = msgspec.json.Encoder(decimal_format="number")
    raw = [{key: msgspec.Raw(format(v, "f").encode()) if not isinstance(v, bool | str | None) else v
            for key, v in record.items()} for record in table]  # fmt: skip
    shapes = [
        (encoder.encode(raw), False),
        (b"\n".join(map(encoder.encode, raw)), True),
        ("[" + ",".join(spelled(record, spaces) for record in table) + "]", False),
        (spaces.join(spelled(record, spaces) for record in table) + (" {}" if len(table) == 1 else ""), False),
    ]

    for content, lines in shapes[: 3 if len(table) == 1 else 4]:
        if not headings:
            assert "no keys" in refused(content, lines=lines)
            continue
        got = read_json(content, lines=lines)
        assert (got.headings, got.rows) == (headings, rows)


@examples(15)
@given(st.text(alphabet='{}[]:,"a1.e-\\ \nu', max_size=30))
def test_nothing_that_python_refuses_is_read(text):
    content = f'[{{"a":1}},{text}]'
    try:
        expected = json.loads(content, parse_constant=lambda name: pytest.fail(name))
    except (ValueError, RecursionError):
        refused(content)
        return
    if all(isinstance(record, dict) for record in expected):
        try:
            assert len(read_json(content).rows) == len(expected)
        except Problem as problem:
            assert "stands twice" in str(problem) or "half of a character" in str(problem) or "exponent" in str(problem)


HOSTILE = {
    "braces in texts": lambda n: '[{"a":1},{"a":2},' + '{"a":"},{"},' * n + '{"a":1}]',
    "the sign between records inside of records": lambda n: '[{"a":1},{"a":[' + ",".join(['{"a":1}'] * n) + "]}]",
    "a new key in every record": lambda n: "[" + ",".join(f'{{"k{i % 100}":1}}' for i in range(n // 50)) + "]",
    "never closed": lambda n: '[{"a":"' + "\\u00e9" * n,
    "one object, never closed": lambda n: '{"a":[' + "1," * n,
    "broken at the end": lambda n: "[" + '{"a":{"b":1}},' * n + "{]",
    "a twin at the end": lambda n: "[" + '{"a":1,"b":2},' * n + '{"a":1,"a":2}]',
    "blank lines": lambda n: "\n" * n * 5 + "{",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_with_the_size_of_a_hostile_file_and_no_faster(name, is_thorough):
    def seconds(size):
        content = HOSTILE[name](size).encode()
        begun = time.process_time()
        with suppress(Problem):
            read_json(content)
        return time.process_time() - begun

    seconds(1_000)
    size = 100_000 if is_thorough else 50_000
    small = min(seconds(size) for _ in range(2))
    assert min(seconds(2 * size) for _ in range(2)) < 2.5 * small + 0.1

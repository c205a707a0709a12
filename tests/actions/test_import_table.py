"""import_table: what goes into a table, what is rejected with its place, and what is said of a file."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import msgspec
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.contract import TABLE, OutputTarget
from procession.actions.importing import import_settings
from procession.actions.importing.import_settings import ImportSettings
from procession.actions.kinds import import_table, map_values
from procession.model.columns import Column, ColumnType
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect
from tests.actions.context import Played, play
from tests.support import examples

COLUMNS = {
    "account": {"type": "Text", "required": True},
    "amount": {"type": "Money"},
    "booked_on": {"type": "Date"},
}
LEDGER = "account,amount,booked_on\n0400,120.00,2026-01-31\n0410,-11.90,2026-02-02\n"
REJECTS = {"to": "${o.rejects}"}


def imported(folder: Path, rows: str | bytes | tuple[str, bytes] = LEDGER, **settings: object) -> Played:
    content = rows.encode() if isinstance(rows, str) else rows
    given = content if isinstance(content, tuple) else ("a.csv", content)
    said: dict[str, object] = {
        "source": "${f.a}",
        "columns": COLUMNS,
        "output": {"to": "${o.rows}", "as": "rows.csv"},
        **settings,
    }
    values = {"f.a": given, "f.b": ("b.csv", LEDGER.encode()), "p.x": Decimal("1.50"), "p.d": "2026-01-31T00:00:00"}
    return play(import_table.ACTION, folder, said, values)


def rows_of(played: Played, reference: str = "o.rows") -> list[list[str]]:
    assert reference in played.outputs, played.outcome.message
    return list(csv.reader(io.StringIO(played.outputs[reference].decode())))


@pytest.mark.parametrize(
    ("value", "account"),
    [
        ("Feb", "2"),
        (2, "2"),
        (Decimal(1), "1"),
        ("Mar", '"a.xlsx" has no sheet "Mar"'),
        (None, "has no value"),
        (True, "no name"),
    ],
)
def test_a_property_names_the_sheet(tmp_path: Path, value: object, account: str) -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        for number, name in enumerate(("Jan", "Feb"), start=1):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["account"])
            sheet.write_row(1, 0, [str(number)])
    given = {
        "source": {"file": "${f.a}", "sheet": "${p.month}", "columns": {"account": {"type": "Text"}}},
        "output": {"to": "${o.rows}", "as": "rows.csv"},
    }

    played = play(import_table.ACTION, tmp_path, given, {"f.a": ("a.xlsx", out.getvalue()), "p.month": value})

    if played.outputs:
        assert rows_of(played)[1:] == [[account]]
    else:
        assert account in played.outcome.message


def test_a_file_becomes_a_parquet_file_with_the_declared_types(tmp_path: Path) -> None:
    played = imported(tmp_path, output="${o.rows}")

    assert played.outcome.message == "2 rows of a.csv imported"
    assert played.names["o.rows"] == "step.parquet"
    (tmp_path / "r.parquet").write_bytes(played.outputs["o.rows"])
    types = duckdb.execute(f"DESCRIBE FROM '{tmp_path / 'r.parquet'}'").fetchall()
    assert [(row[0], row[1]) for row in types] == [
        ("account", "VARCHAR"),
        ("amount", "DECIMAL(19,4)"),
        ("booked_on", "DATE"),
    ]
    assert dict(played.outcome.figures) == {"rows_in": 2, "rows_out": 2, "total_out.amount": Decimal("108.1")}


def test_what_is_added_tells_where_each_row_is_from(tmp_path: Path) -> None:
    text = 'account,amount,booked_on\n\n0400,1,2026-01-31\n"04\n20",2,2026-01-31\n0430,3,2026-01-31\n'
    source = ["${f.a}", "${f.b}"]
    played = imported(tmp_path, text, source=source, add={"file": "file_name", "at": "line", "x": "${p.x}", "n": 7})

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert played.outcome.message == "5 rows of 2 files imported"
    assert [row[3:] for row in rows_of(played)] == [
        ["file", "at", "x", "n"],
        *(["a.csv", at, "1.5", "7"] for at in ("3", "4", "6")),
        *(["b.csv", at, "1.5", "7"] for at in ("2", "3")),
    ]


def test_lines_are_those_of_the_file_where_rows_before_them_were_rejected(tmp_path: Path) -> None:
    text = "account,amount\n1,x\n2,2\n3,y\n4,z\n5,5\n"
    columns = {"account": {"type": "Text"}, "amount": {"type": "Money"}}

    played = imported(tmp_path, text, columns=columns, add={"at": "line"}, rejects={**REJECTS, "at_most": 3})

    assert rows_of(played) == [["account", "amount", "at"], ["2", "2", "3"], ["5", "5", "6"]]
    assert [row[1] for row in rows_of(played, "o.rejects")] == ["line", "2", "4", "5"]


@pytest.mark.parametrize(("at_most", "is_failed"), [(0, True), (1, True), (2, False), ("39.9 %", True), ("40%", False)])
def test_more_rejects_than_allowed_fail_and_publish_nothing_but_themselves(
    tmp_path: Path, at_most: object, is_failed: bool
) -> None:
    text = LEDGER + ",1,2026-01-01\n0420,1.23456,32.01.2026\n0430,1,2026-01-31\n"

    played = imported(tmp_path, text, rejects={**REJECTS, "at_most": at_most})

    assert (played.outcome.status is StepStatus.FAILED) is is_failed, played.outcome.message
    assert ("o.rows" in played.outputs) is not is_failed
    assert rows_of(played, "o.rejects")[1:] == [
        ["a.csv", "4", "account", "", "is empty, and a value is required"],
        ["a.csv", "5", "amount", "1.23456", 'is not Money (at most 15 digits and 4 decimals; decimal mark ".")'],
        ["a.csv", "5", "booked_on", "32.01.2026", "is not Date (such as 2026-11-30)"],
    ]
    assert played.outcome.figures["rejected"] == 2
    first = 'a.csv, line 4, column "account": is empty, and a value is required; and others'
    assert f"2 rows do not fit the columns ({first})" in played.outcome.message


def test_without_rejects_the_file_is_refused_as_everywhere(tmp_path: Path) -> None:
    played = imported(tmp_path, LEDGER + "0420,x,2026-01-01\n")

    assert played.outcome.message.startswith('the file "a.csv" does not fit its columns: line 4, column "amount": "x"')
    assert played.outputs == {}


def test_no_rejects_are_a_file_without_rows(tmp_path: Path) -> None:
    played = imported(tmp_path, rejects=REJECTS)

    assert played.outcome.status is StepStatus.SUCCESS
    assert rows_of(played, "o.rejects") == [["file", "line", "column", "value", "reason"]]
    assert played.outcome.figures["rejected"] == 0


CELL = st.sampled_from(["", "1", "-2.50", "x", "1.23456", "EUR 3", "(4)", "N/A"])
GOOD = {"1": "1", "-2.50": "-2.5", "EUR 3": "3", "(4)": "-4", "": ""}


@examples(8)
@given(rows=st.lists(st.tuples(st.sampled_from(["0400", "", "0410"]), CELL), min_size=1, max_size=12))
def test_every_row_is_either_imported_or_rejected(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    text = "n,account,amount\n" + "".join(f"{n},{account},{amount}\n" for n, (account, amount) in enumerate(rows))
    columns = {"n": {"type": "Number"}, "account": {"type": "Text", "required": True}, "amount": {"type": "Money"}}

    played = imported(
        tmp_path_factory.mktemp("t"), text, columns=columns, rejects={**REJECTS, "at_most": "100 %"}, add={"at": "line"}
    )

    good = [(n, row) for n, row in enumerate(rows) if row[0] and row[1] in GOOD]
    assert rows_of(played)[1:] == [[str(n), account, GOOD[amount], str(n + 2)] for n, (account, amount) in good]
    bad = [
        (n, name)
        for n, (account, amount) in enumerate(rows)
        for name, is_bad in (("account", not account), ("amount", amount not in GOOD))
        if is_bad
    ]
    assert [(int(row[1]) - 2, row[2]) for row in rows_of(played, "o.rejects")[1:]] == bad
    assert played.outcome.figures["rejected"] == len(rows) - len(good)


@pytest.mark.parametrize(
    ("decimal", "good", "bad"),
    [
        (".", "999999999999999.99", "9999999999999999.99"),
        (".", "-999999999999999.9999", "-1000000000000000"),
        (".", "0.0001", "0.00001"),
        (".", "-0.00", "1e5"),
        (".", "007.50", "1,50"),
        (",", "999999999999999,99", "9999999999999999,99"),
        (",", "1,5", "1.50"),
        (",", "-1,50", "-1.5"),
    ],
)
def test_amounts_at_the_edge_are_taken_or_rejected_and_never_rounded(
    tmp_path: Path, decimal: str, good: str, bad: str
) -> None:
    columns = {"a": {"type": "Text"}, "m": {"type": "Money", "decimal": decimal}}
    text = f"a;m\nx;{good}\ny;{bad}\n"

    played = imported(
        tmp_path, text, columns=columns, rejects={**REJECTS, "at_most": 1}, output={"to": "${o.rows}", "as": "r.csv"}
    )

    ((name, value),) = rows_of(played)[1:]
    assert (name, Decimal(value)) == ("x", Decimal(good.replace(",", ".")))
    assert [row[3] for row in rows_of(played, "o.rejects")[1:]] == [bad]


def test_a_refused_text_names_no_currency(tmp_path: Path) -> None:
    text = "account,amount\n1,EUR 5\n2,ABCDEF\n3,N/A\n"
    columns = {"account": {"type": "Text"}, "amount": {"type": "Money"}}

    played = imported(tmp_path, text, columns=columns, rejects={**REJECTS, "at_most": 2})

    assert rows_of(played)[1:] == [["1", "5"]]
    assert 'the column "amount" is in EUR' in played.context.logged


def book(*rows: list[object], hidden: int | None = None) -> tuple[str, bytes]:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as made:
        page, day = made.add_worksheet("Data"), made.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                page.write(number, column, cell, *([day] if isinstance(cell, datetime) else []))
        if hidden is not None:
            page.set_row(hidden, None, None, {"hidden": True})
    return "a.xlsx", file.getvalue()


HEAD: list[object] = ["account", "amount", "booked_on"]


def test_a_workbook_tells_its_rejects_by_their_cells(tmp_path: Path) -> None:
    content = book(HEAD, ["0400", 1.5, datetime(2026, 1, 31)], ["0410", "x", datetime(2026, 1, 31)])

    played = imported(tmp_path, content, rejects={**REJECTS, "at_most": 1}, add={"at": "line"})

    assert rows_of(played, "o.rejects")[1][:4] == ["a.xlsx", "B3", "amount", "x"]
    assert rows_of(played)[1] == ["0400", "1.5", "2026-01-31", "2"]


def test_a_text_in_a_declared_column_of_a_workbook_is_refused_with_its_cell(tmp_path: Path) -> None:
    played = imported(tmp_path, book(HEAD, ["0400", 1.5, datetime(2026, 1, 31)], ["0410", "x.yz12345678901", None]))

    assert played.outcome.message.startswith(
        'the file "a.xlsx" does not fit its columns: cell B3 of the sheet "Data" of "a.xlsx", column "amount": "x.yz'
    )


def test_hidden_rows_and_times_of_days_are_a_warning(tmp_path: Path) -> None:
    rows: list[list[object]] = [HEAD, ["0400", 1, datetime(2026, 1, 31, 22)], ["0410", 2, datetime(2026, 2, 1)]]

    played = imported(tmp_path, book(*rows, hidden=2))

    assert played.outcome.status is StepStatus.WARNING
    assert 'the sheet "Data" of "a.xlsx" has 1 hidden row, read like the others' in played.outcome.message
    assert 'the column "booked_on" is a Date, and 1 value has a time of day, which is left out' in (
        played.outcome.message
    )


@pytest.mark.parametrize("text", ["2026-01-31 22:15:00", "2026-01-31T00:00:01", "2026-01-31T22:00Z"])
def test_a_time_in_a_column_of_days_is_a_warning_and_midnight_is_none(tmp_path: Path, text: str) -> None:
    told = imported(tmp_path / "a", f"account,amount,booked_on\n1,1,{text}\n")
    quiet = imported(tmp_path / "b", "account,amount,booked_on\n1,1,2026-01-31 00:00:00\n")

    assert "1 value has a time of day" in told.outcome.message
    assert quiet.outcome.status is StepStatus.SUCCESS, quiet.outcome.message


def test_a_column_that_nobody_declared_is_a_warning_unless_others_says_what_becomes_of_it(tmp_path: Path) -> None:
    text = "account,amount,booked_on,note\n1,1,2026-01-31,x\n"

    kept, dropped = imported(tmp_path / "a", text), imported(tmp_path / "b", text, others="drop")
    refused = imported(tmp_path / "c", text, others="refuse")

    assert 'a.csv has a column that is not declared: "note"' in kept.outcome.message
    assert (dropped.outcome.status, rows_of(dropped)[0]) == (StepStatus.SUCCESS, ["account", "amount", "booked_on"])
    assert refused.outcome.message == 'the file "a.csv" has columns that are not expected: note'


def test_one_file_without_a_column_is_a_warning_in_the_union(tmp_path: Path) -> None:
    source = [{"file": "${f.a}", "columns": {"account": {"type": "Text"}}}, "${f.b}"]

    played = imported(tmp_path, "account\n0900\n", source=source)

    assert rows_of(played)[1:] == [["0900", "", ""], ["0400", "120", "2026-01-31"], ["0410", "-11.9", "2026-02-02"]]
    assert 'a.csv has no column "amount"' in played.outcome.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("account,amount\n1,1\n", 'has no column "booked_on" (it has account, amount)'),
        ("account,amount,booked_on,Amount\n1,1,2026-01-31,2\n", 'has two columns of one name: "amount"'),
        ("account,amount,booked_on\n1,1,2026-01-31,2\n", "line 2 has 4 values, not 3"),
        (
            "account,amount,booked_on\n\u00e4,1,2026-01-31\n".encode("cp1252"),
            "it is not UTF-8 (the byte 0xE4 in line 2",
        ),
        ("", 'the file "a.csv" is empty'),
    ],
)
def test_what_no_reject_can_mend_fails(tmp_path: Path, text: str | bytes, words: str) -> None:
    played = imported(tmp_path, text, rejects={**REJECTS, "at_most": "100 %"})

    assert played.outcome.status is StepStatus.FAILED
    assert words in played.outcome.message
    assert played.outputs == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"source": "${table:A}"}, "source: a managed table is no file"),
        ({"source": {"file": "${f.a}", "columns": {"a": {"type": "Text"}}}}, "columns: every file says its own"),
        ({"columns": {}, "others": "drop"}, "others: means nothing without columns"),
        ({"add": {"a": 1, "A": 2}}, "add: two columns would have one name"),
        ({"add": {"a": "${x}"}}, 'add.a: "${x}" is not a reference'),
        ({"rejects": {"to": "${o.rows}"}}, "rejects.to: it is the output already"),
        ({"rejects": {"to": "${o.r}", "as": "a.txt"}}, 'rejects.as: "a.txt" must end in'),
        ({"output": "${table:A}"}, "output: say how the rows are written"),
        ({"columns": {"a": {"type": "Text", "pattern": "%d"}}}, "source.columns.a: pattern means nothing for Text"),
    ],
)
def test_mistakes_are_told_when_the_file_is_applied(settings: dict[str, object], words: str) -> None:
    said: dict[str, object] = {"source": "${f.a}", "columns": COLUMNS, "output": "${o.rows}"} | settings

    found = import_table.ACTION.check(msgspec.convert(said, ImportSettings))

    assert any(one.startswith(words) for one in found), found


@pytest.mark.parametrize("at_most", [-1, 100_001, "101 %", "some", "0.00001 %", 1.5])
def test_a_limit_that_is_none_is_refused(at_most: object) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape("at `$.rejects.at_most`")):
        msgspec.convert(
            {"source": "${f.a}", "output": "${o.r}", "rejects": {**REJECTS, "at_most": at_most}}, ImportSettings
        )


@pytest.mark.parametrize(
    ("mode", "effect"),
    [("append", Effect.PURE), ("replace", Effect.IDEMPOTENT), ("upsert", Effect.IDEMPOTENT),
     ("replace_where", Effect.IDEMPOTENT), (None, Effect.PURE)],
)  # fmt: skip
def test_the_effect_follows_the_mode(mode: str | None, effect: Effect) -> None:
    output = "${o.r}" if mode is None else {"to": "${table:A}", "mode": mode, "key": ["a"]}

    assert import_settings.effect_of(msgspec.convert({"source": "${f.a}", "output": output}, ImportSettings)) is effect


def test_no_rows_for_a_table_need_no_expectations(tmp_path: Path) -> None:
    columns = (
        Column(field=1, name="_Record_ID", type=ColumnType.NUMBER),
        *(Column(field=n, name=name, type=ColumnType.TEXT) for n, name in enumerate(["code", "rows", "nearest"], 2)),
    )
    settings = {
        "source": "${f.a}",
        "rules": "${f.b}",
        "match": ["code"],
        "give": {"to": "line"},
        "outputs": {"result": "${o.r}", "unmapped": {"to": "${table:U}", "mode": "append"}},
    }
    values = {"f.a": ("a.csv", b"code\nx\n"), "f.b": ("b.csv", b"code,to\nx,y\n")}
    target = OutputTarget(type=TABLE, file_name="U", columns=columns)

    played = play(map_values.ACTION, tmp_path, settings, values, {"table:U": target})

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message


@pytest.mark.parametrize(
    ("name", "content", "place", "line"),
    [
        ("a.json", b'[{"a": 1}, {"a": "x"}]', 'a.json, record 2, "a"', "2"),
        ("a.jsonl", b'{"a": 1}\n\n{"a": "x"}\n', 'a.jsonl, line 3, "a"', "3"),
        ("a.csv", b"a\n1\nx\n", 'a.csv, line 3, column "a"', "3"),
    ],
)
def test_a_reject_of_any_kind_of_file_is_told_once_by_its_place(
    tmp_path: Path, name: str, content: bytes, place: str, line: str
) -> None:
    columns = {"a": {"type": "Number"}}

    played = imported(tmp_path, (name, content), columns=columns, rejects={**REJECTS, "at_most": 1})

    assert f'({place}: "x" is not Number' in played.outcome.message
    assert rows_of(played, "o.rejects")[1][:4] == [name, line, "a", "x"]


def test_the_number_of_rejects_can_go_to_a_property(tmp_path: Path) -> None:
    settings = {"source": "${f.a}", "columns": {"a": {"type": "Number"}}, "output": "${o.rows}"}
    settings |= {"rejects": {"to": "${o.count}", "at_most": 5}}

    played = play(
        import_table.ACTION, tmp_path, settings, {"f.a": b"a\n1\nx\ny\n"}, {"o.count": OutputTarget(type="Number")}
    )

    assert played.outputs["o.count"] == 2


@pytest.mark.parametrize(("other", "status"), [("USD", StepStatus.FAILED), ("EUR", StepStatus.SUCCESS)])
def test_files_below_each_other_are_in_one_currency(tmp_path: Path, other: str, status: StepStatus) -> None:
    settings = {
        "source": ["${f.a}", "${f.b}"],
        "columns": {"amount": {"type": "Money"}},
        "output": {"to": "${o.rows}", "as": "rows.csv"},
    }
    values = {"f.a": ("a.csv", b"amount\nEUR 1\n"), "f.b": ("b.csv", f"amount\n{other} 2\n".encode())}

    played = play(import_table.ACTION, tmp_path, settings, values)

    assert played.outcome.status is status
    if status is StepStatus.FAILED:
        assert played.outputs == {}
        assert 'the column "amount" is in EUR in a.csv and in USD in b.csv' in played.outcome.message


def test_one_file_twice_is_a_mistake_and_two_sheets_of_it_are_not() -> None:
    def mistakes(*source: object) -> tuple[str, ...]:
        given = {"source": list(source), "output": "${o.rows}"}
        return import_settings.check(msgspec.convert(given, ImportSettings))

    assert mistakes("${f.a}", "${f.b}", {"file": "${f.a}"}) == (
        "source.3: it is given before, and its rows would be there twice",
    )
    assert mistakes({"file": "${f.a}", "sheet": "A"}, {"file": "${f.a}", "sheet": "B"}) == ()


@pytest.mark.parametrize(
    ("last", "is_told"),
    [
        ("TOTAL,108.10,", True),
        (",108.10,", True),  # only a number
        ("Summe,108.10,\n0500,1.90,2026-02-03\nSumme,1.90,\nGesamtsumme,110.00,", True),
        ("Total rent,108.11,2026-02-03", False),
        ("0420,108.10,2026-02-03", False),  # an item may have that very amount
        ("0420,108.10,", False),
    ],
)
def test_a_row_of_totals_that_nobody_spoke_of_is_told(tmp_path: Path, last: str, is_told: bool) -> None:
    """QuickBooks and DATEV end an export with its totals: imported as one more row, they doubled every sum."""
    columns = {**COLUMNS, "account": {"type": "Text"}}

    played = imported(tmp_path, f"{LEDGER}{last}\n", columns=columns)

    said = "of a.csv is read as a row, and looks like the total of the rows before it"
    assert (said in played.outcome.message) == is_told
    assert len(rows_of(played)) == 4 + last.count("\n")

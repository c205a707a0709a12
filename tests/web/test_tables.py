"""Tables: rows as of any version, filtered in the reader's numbers; imported only after a look at what would change."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import openpyxl
import pytest

from procession.clock import ManualClock
from procession.door import browser
from procession.engine.table_workers import TableWorkers
from procession.model.errors import Invalid
from procession.model.ids import TableId
from procession.model.people import NumberStyle, Role
from procession.operations import tables
from procession.store import people as people_store
from procession.store import permissions
from procession.store.database import Transaction
from procession.web import cells
from procession.web.page import reader
from tests.api.house import House, house
from tests.web.account_site import Visitor, visitor, words

CSV = (
    "Currency,Rate,Open items,Month end,Confirmed\nCHF,0.9315,-88410,2026-11-30,true\nGBP,0.83,12480004411.07,,false\n"
)
ONE_ROW = b"Currency\nUSD\n"
COLUMNS = [
    {"name": "Currency", "dataType": "FixedLengthText", "fieldLength": 3, "nullable": False},
    {"name": "Rate", "dataType": "Number"},
    {"name": "Open items", "dataType": "Money"},
    {"name": "Month end", "dataType": "Datetime"},
    {"name": "Confirmed", "dataType": "TrueFalse"},
]


@pytest.fixture
def rates(home: House) -> House:
    return furnished(home)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, table_workers: TableWorkers) -> Iterator[House]:
    """One for all tests that change no row."""
    with house(tmp_path_factory.mktemp("known"), ManualClock(), table_workers) as made:
        yield furnished(made)


def furnished(home: House) -> House:
    """The table mt-1 of `owner`, with two rows at version 8."""
    home.post("tables", json={"name": "Closing rates", "description": "Of one euro"})
    for column in COLUMNS:
        home.post("tables/mt-1/columns", json=column)
    home.post("tables/mt-1/rows", content=CSV.encode(), headers={"content-type": "text/csv"})

    def give(tx: Transaction) -> None:
        for who in ("reader", "editor"):
            permissions.give(tx, TableId(1), Role(who), holder=home.users[who].id)

    home.database.write(give)
    return home


def send(visit: Visitor, content: bytes, name: str = "rates.csv") -> httpx2.Response:
    token = browser.form_token(visit.cookie)
    return visit.ask("POST", f"/tables/mt-1/upload?form={token}", files={"file": (name, content)})


def sent(visit: Visitor, content: bytes, name: str = "rates.csv") -> str:
    """The address of the preview."""
    answer = send(visit, content, name)
    assert answer.status_code == 303, words(answer.text)
    return str(answer.headers["location"])


def confirmed(visit: Visitor) -> dict[str, Any]:
    """The fields of the button under a preview."""
    assert visit.page is not None
    form = visit.page.text.partition('action="/tables/mt-1/import"')[2].partition("</form>")[0]
    found: dict[str, Any] = {}
    for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form):
        found.setdefault(name, []).append(unescape(value))
    return {name: values for name, values in found.items() if name != "form"}


def row_count(home: House) -> int:
    with home.database.read() as tx:
        return tables.find(tx, TableId(1)).rows


def test_rows_are_shown_exactly_and_aligned(known: House) -> None:
    shown = visitor(known, "reader").open("/tables/mt-1")

    assert "1 30 Nov 2026" not in shown
    assert "CHF 0.9315 -88,410.00 30 Nov 2026 Yes" in shown
    assert "GBP 0.8300 12,480,004,411.07 empty No" in shown
    assert "text of 3, required" in shown
    assert "Rows 1 to 2 of 2" in shown
    assert "Import…" not in shown


def test_numbers_are_those_of_the_readers_language(rates: House) -> None:
    from msgspec.structs import replace

    user = replace(rates.users["reader"], numbers=NumberStyle.COMMA)
    rates.database.write(lambda tx: people_store.change_user(tx, user))
    reads = visitor(rates, "reader")

    assert "12.480.004.411,07" in reads.open("/tables/mt-1")
    assert "GBP" in reads.open("/tables/mt-1?column=Open+items&is=least&value=12.480.004.411,07")
    assert "CHF" not in words(str(reads.page and reads.page.text.partition("<tbody>")[2].partition("</tbody>")[0]))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("column=Currency&is=is&value=CHF", "CHF"),
        ("column=Rate&is=most&value=0.83", "GBP"),
        ("column=Open+items&is=least&value=1,000", "GBP"),
        ("column=Month+end&is=empty", "GBP"),
        ("column=Month+end&is=filled", "CHF"),
        ("column=Confirmed&is=is&value=yes", "CHF"),
        ("column=Currency&is=holds&value=B", "GBP"),
        ("column=Currency&is=not&value=CHF", "GBP"),
        ("column=_Record_ID&is=is&value=2", "GBP"),
        ("column=Currency&is=is&value=USD", ""),
    ],
)
def test_filters_find(known: House, query: str, found: str) -> None:
    reads = visitor(known, "reader")
    shown = reads.open(f"/tables/mt-1?{query}")

    names = [name for name in ("CHF", "GBP") if f'<th scope="row">{name}</th>' in reads.page.text]  # type: ignore[union-attr]
    assert names == ([found] if found else [])
    assert ("No row fits" in shown) == (not found)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("column=Rate&value=1,5", '"1,5" is not a number as you write them, such as 1,234.50'),
        ("column=Rate&value=1.234,50", "is not a number as you write them"),
        ("column=Month+end&value=tomorrow", "is not a date such as"),
        ("column=Confirmed&value=perhaps", '"perhaps" is neither yes nor no'),
        ("column=Colour&value=x", 'The table has no column "Colour"'),
        ("value=CHF", 'Choose the column in which to look for "CHF"'),
        ("column=Rate&is=is", 'Type what to look for in "Rate", or choose "is empty"'),
    ],
)
def test_a_filter_that_does_not_fit_is_told_beside_all_rows(known: House, query: str, said: str) -> None:
    answer = visitor(known, "reader").ask("GET", f"/tables/mt-1?{query}")

    assert said in words(answer.text)
    assert "Rows 1 to 2" in words(answer.text)


@pytest.mark.parametrize("query", ["version=99", "version=x", "cursor=x", "is=like", "version=1"])
def test_an_address_that_makes_no_sense_is_refused(known: House, query: str) -> None:
    assert visitor(known, "reader").ask("GET", f"/tables/mt-1?{query}").status_code == 400


def test_an_old_version_says_so_and_takes_no_import(known: House) -> None:
    owner = visitor(known, "owner")

    shown = owner.open("/tables/mt-1?version=7")

    assert "As it was at version 7" in shown
    assert "No rows" in shown
    assert "Import…" not in shown


def test_long_tables_have_pages_of_one_version(rates: House) -> None:
    lines = "Currency,Rate\n" + "".join(f"A{number:02},{number}\n" for number in range(99)) + "ZZZ,1\nEND,1\n"
    rates.post("tables/mt-1/rows?mode=replace", content=lines.encode(), headers={"content-type": "text/csv"})
    reads = visitor(rates, "reader")
    assert "Rows 1 to 100 of 101" in reads.open("/tables/mt-1")
    assert reads.page is not None
    following = unescape(re.search(r'href="([^"]+)">Next', reads.page.text)[1])  # type: ignore[index]
    rates.post("tables/mt-1/rows?mode=replace", content=CSV.encode(), headers={"content-type": "text/csv"})

    shown = reads.open(following)

    assert "END" in shown
    assert "Rows 101 to 101 of 101" in shown
    assert "As it was at version 9" in shown


def test_an_import_shows_what_would_change_before_it_does(rates: House) -> None:
    editor = visitor(rates, "editor")
    where = sent(editor, b"Currency,Rate,Open items\nCHF,0.94,-88410\nUSD,1.0582,1\n")

    shown = editor.open(f"{where}&mode=upsert&key=Currency")

    assert "Rows changed 1 Rows that say the same 0 Rows added 1 Rows then 3" in shown
    assert "CHF 0.9315 0.9400 -88,410.00" in shown
    assert row_count(rates) == 2
    assert editor.does("/tables/mt-1/import", **confirmed(editor)) == "/tables/mt-1?said=imported"
    assert row_count(rates) == 3
    assert "CHF 0.9400" in editor.open("/tables/mt-1")


def test_a_second_press_imports_nothing_again(rates: House) -> None:
    editor = visitor(rates, "editor")
    editor.open(sent(editor, b"Currency\nUSD\n"))
    fields = confirmed(editor)

    editor.does("/tables/mt-1/import", **fields)
    said = editor.refused("/tables/mt-1/import", **fields)

    assert "The table was changed meanwhile: it is at version 9, by editor" in said
    assert "Rows then 4" in said
    assert row_count(rates) == 3


def test_a_replacement_says_how_many_rows_go(rates: House) -> None:
    editor = visitor(rates, "editor")

    shown = editor.open(sent(editor, ONE_ROW) + "&mode=replace")

    assert "Rows that go 2 Rows then 1" in shown
    editor.does("/tables/mt-1/import", **confirmed(editor))
    assert row_count(rates) == 1


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (b"Currency,Rate\nUSD,much\n", "", 'column "Rate": "much" is not Number'),
        (b"Colour\nred\n", "", "the table has no column"),
        (b"Rate\n1\n", "", 'column "Currency": must not be null'),
        (b"Currency\nTOOLONG\n", "", "TOOLONG"),
        (b'Currency,Rate\nUSD,"1.234,50"\n', "", "1.234,50"),
        (b"Currency,Rate\nUSD,1.0\n", "&mode=upsert", "Tick the columns that tell rows apart"),
        (b"Currency,Rate\nUSD,1.0\n", "&mode=upsert&key=Colour", 'no column "Colour"'),
        (b"PK\x03\x04 broken", "", '"rates.csv" is damaged'),
        (b"", "", ""),
    ],
)
def test_a_mistake_is_told_by_row_and_column_and_nothing_is_done(
    known: House, content: bytes, more: str, said: str
) -> None:
    editor = visitor(known, "editor")

    answer = editor.ask("GET", sent(editor, content) + more)

    assert answer.text.count("<title>Error: ") == 1
    assert said.lower() in words(answer.text).lower()
    assert 'action="/tables/mt-1/import"' not in answer.text
    assert row_count(known) == 2


@pytest.mark.parametrize(
    ("style", "shown"), [("point", None), ("plain", None), ("comma", "USD 10.50"), ("space", "USD 10.50")]
)
def test_a_decimal_comma_is_never_lost(known: House, style: str, shown: str | None) -> None:
    """nocodb#4145: 10,5 became 105."""
    editor = visitor(known, "editor")
    where = sent(editor, b"Currency;Open items\nUSD;10,5\n")

    said = editor.open(f"{where}&numbers={style}")

    assert (shown or '"10,5" is not Money') in said


def test_what_was_exported_is_imported_as_it_was(rates: House) -> None:
    """n8n#29959: yes and no came back as numbers."""
    editor = visitor(rates, "editor")
    exported = editor.ask("GET", "/tables/mt-1/export?formulas=kept").content
    assert "choose to change rows and tick _Record_ID as their key" in editor.open(sent(editor, exported))

    changed = exported.replace(b"true", b"false")
    shown = editor.open(f"{sent(editor, changed)}&mode=upsert&key=_Record_ID")

    assert "Rows changed 1 Rows that say the same 1 Rows added 0 Rows then 2" in shown
    assert "Yes No" in shown
    editor.does("/tables/mt-1/import", **confirmed(editor))
    assert "30 Nov 2026 No" in editor.open("/tables/mt-1")
    assert "12,480,004,411.07 empty No" in editor.open("/tables/mt-1")


def test_a_csv_in_other_numbers_and_dates_is_read_as_it_is_said_to_be(known: House) -> None:
    editor = visitor(known, "editor")
    where = sent(editor, b"Currency;Open items;Month end\nUSD;-2.623.131,70;31.12.2026\n")

    shown = editor.open(f"{where}&numbers=comma&dates=dots")

    assert "USD -2,623,131.70 31 Dec 2026" in shown


def test_a_workbook_is_imported_too(rates: House) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Currency", "Open items"])  # type: ignore[union-attr]
    book.active.append(["USD", 1234.5])  # type: ignore[union-attr]
    held = io.BytesIO()
    book.save(held)
    editor = visitor(rates, "editor")

    assert "USD 1,234.50" in editor.open(sent(editor, held.getvalue(), "rates.xlsx"))
    editor.does("/tables/mt-1/import", **confirmed(editor))

    assert row_count(rates) == 3


def test_no_file_is_told_and_another_site_cannot_send_one(known: House) -> None:
    editor = visitor(known, "editor")

    assert "Choose a file first" in words(send(editor, b"", "").text)
    answer = editor.ask("POST", "/tables/mt-1/upload?form=x.y", files={"file": ("a.csv", b"Currency\nUSD\n")})
    assert answer.status_code == 403


def test_nobody_imports_a_content_that_they_have_not_sent(known: House) -> None:
    where = sent(visitor(known, "editor"), b"Currency\nUSD\n")
    other = visitor(known, "owner")

    assert other.ask("GET", where).status_code == 400
    fields = {**dict(parse_qsl(where.partition("?")[2])), "version": "8", "seal": "0" * 64}
    assert other.send("/tables/mt-1/import", **fields).status_code == 400
    assert row_count(known) == 2


def test_an_export_is_the_version_and_the_filter_without_formulas(rates: House) -> None:
    rates.post("tables/mt-1/columns", json={"name": "Source", "dataType": "FixedLengthText", "defaultValue": "=1+1"})
    rates.post("tables/mt-1/rows", content=b"Currency\nUSD\n", headers={"content-type": "text/csv"})
    reads = visitor(rates, "reader")

    safe = reads.ask("GET", "/tables/mt-1/export?column=Currency&is=is&value=USD")

    assert safe.headers["content-disposition"].startswith('attachment; filename="Closing rates.csv"')
    assert safe.text.splitlines()[1].endswith(",'=1+1")
    assert reads.ask("GET", "/tables/mt-1/export?formulas=kept").text.splitlines()[3].endswith(",=1+1")
    assert len(reads.ask("GET", "/tables/mt-1/export?version=8").text.splitlines()) == 3
    assert reads.ask("GET", "/tables/mt-1/export?format=parquet").content.startswith(b"PAR1")
    assert reads.ask("GET", "/tables/mt-1/export?format=pdf").status_code == 400


def test_a_table_is_made_given_columns_renamed_and_deleted_by_its_name(home: House) -> None:
    owner = visitor(home, "owner")

    assert owner.does("/tables/new", name="Ledger", description="") == "/tables/mt-1?said=made"
    assert "No columns yet" in owner.open("/tables/mt-1?said=made")
    column = {"name": "Amount", "type": "Money", "default": "1,000.5", "required": "on"}
    owner.does("/tables/mt-1/columns", **column)
    owner.does("/tables/mt-1", name="Main ledger", description="all of it")
    assert "money, required" in owner.open("/tables/mt-1")
    assert "Main ledger" in owner.open("/tables?q=MAIN")
    assert 'type the name of the table, "main ledger"' in owner.refused("/tables/mt-1/delete", name="ledger").lower()
    assert owner.does("/tables/mt-1/delete", name="Main ledger") == "/tables?said=deleted"
    assert "Nobody has given you a role on a table yet" in owner.open("/tables")


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/tables/new", {"name": "closing RATES", "description": ""}, 'There is a table "Closing rates" already'),
        ("/tables/new", {"name": " ", "description": ""}, "The name of a table must be one line"),
        ("/tables/mt-1", {"name": "x", "description": "x" * 4001}, "at most 4000 characters"),
        ("/tables/mt-1/columns", {"name": "rate", "type": "Number"}, 'The table has a column "Rate" already'),
        ("/tables/mt-1/columns", {"name": "a/b", "type": "Number"}, 'no "/"'),
        ("/tables/mt-1/columns", {"name": "x", "type": "Colour"}, "Choose what is in the column"),
        ("/tables/mt-1/columns", {"name": "x", "type": "FixedLengthText", "length": "0"}, "not a whole number from 1"),
        (
            "/tables/mt-1/columns",
            {"name": "x", "type": "Money", "required": "on"},
            "need a value for rows that name none",
        ),
        ("/tables/mt-1/columns", {"name": "x", "type": "Money", "default": "1,5"}, "not a number as you write them"),
    ],
)
def test_what_is_refused_says_why(known: House, path: str, fields: dict[str, str], said: str) -> None:
    assert said in visitor(known, "owner").refused(path, **fields)


def test_readers_read_editors_import_owners_delete(known: House) -> None:
    reads, edits, stranger = (visitor(known, who) for who in ("reader", "editor", "stranger"))

    assert reads.send("/tables/mt-1", name="Mine", description="").status_code == 403
    assert send(reads, b"Currency\nUSD\n").status_code == 403
    assert edits.send("/tables/mt-1/delete", name="Closing rates").status_code == 403
    assert stranger.ask("GET", "/tables/mt-1").status_code == 404
    assert stranger.ask("GET", "/tables/mt-1/export").status_code == 404
    assert reads.ask("GET", "/tables/new").status_code == 403
    assert "Closing rates" not in stranger.open("/tables")


@pytest.mark.parametrize(
    ("style", "text", "value"),
    [
        (NumberStyle.POINT, "-1,234.50", "-1234.50"),
        (NumberStyle.POINT, "1234.5", "1234.5"),
        (NumberStyle.COMMA, "1.234,5", "1234.5"),
        (NumberStyle.SPACE, "1 234,5", "1234.5"),
        (NumberStyle.SPACE, "1\u00a0234\u00a0567", "1234567"),
    ],
)
def test_typed_numbers_are_read_in_the_language_of_their_reader(
    known: House, style: NumberStyle, text: str, value: str
) -> None:
    from msgspec.structs import replace

    look = reader(replace(known.users["mate"], numbers=style), known.clock.now())

    assert cells.number(text, look) == value


@pytest.mark.parametrize(
    "text", ["1,5", "12,34", "1,2345", "1.2.3", "", "1e5", "--1", "1,234,5", "\u0661", "0x10", "1 234"]
)
def test_a_number_that_could_be_two_is_asked_back(known: House, text: str) -> None:
    with pytest.raises(Invalid, match="as you write them"):
        cells.number(text, reader(known.users["mate"], known.clock.now()))

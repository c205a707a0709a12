"""A file as its steps will read it: what the page says of good ones, and of those with the mistakes people make."""

from __future__ import annotations

import codecs
import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import xlsxwriter

from procession.clock import ManualClock
from procession.model.previews import Preview
from procession.operations.seen_files import SeenFiles
from tests.api.house import house
from tests.web.inputs_site import BANK, LEDGER, RIGHT, InputForm, apply
from tests.web.site import Site, text

OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
GERMAN = "Beleg;Buchung;Betrag;Text\n1;02.11.2026;-12.480,00;Müller\n2;03.11.2026;8,50;\n"


def place(page: str, label: str) -> str:
    """What stands in the place of one file."""
    found = re.search(
        rf'<div class="stack tight[^>]*id="f-[0-9]+"><label[^>]*>{label}.*?(?=<div class="stack tight|</section>)',
        page,
        re.S,
    )
    assert found, f"there is no {label}"
    return found[0]


def shown(form: InputForm, name: str, content: bytes, *, field: str = "ledger", label: str = "Ledger") -> str:
    """What a person reads of it once it is there."""
    run = form.kept(files={f"files.{field}": (name, content)})
    return said(place(form.site.get(run).text, label))


def said(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup))


def book(*rows: list[object], merged: str = "") -> bytes:
    stream = BytesIO()
    with xlsxwriter.Workbook(stream) as made:
        sheet = made.add_worksheet("Offene Posten")
        made.add_worksheet("Übersicht").write(0, 0, "x")
        if merged:
            sheet.merge_range(0, 0, 0, 3, merged)
        for number, row in enumerate(rows, start=2 if merged else 0):
            sheet.write_row(number, 0, row)
    return stream.getvalue()


def test_a_file_is_shown_as_the_step_reads_it(form: InputForm) -> None:
    run = form.kept(files={"files.ledger": ("ledger.csv", LEDGER)})

    markup = place(form.site.get(run).text, "Ledger")

    assert "ledger.csv 89 B · 2 rows · semicolon · UTF-8" in said(markup)
    assert '<th scope="col" class="num">Betrag</th>' in markup
    assert '<td class="num">-12,480.00</td>' in markup
    assert '<td class="num">900117</td>' in markup  # a number of a document has no thousands
    assert '<td class="no">2 Nov 2026</td>' in markup
    assert '<td class="nil"><i>empty</i></td>' in markup
    assert "All rows shown" in said(markup)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.csv", b"", "is empty"),
        ("title.csv", b"Kontoauszug\nvom 2.12.2026\n" + LEDGER, "line 3 has 4 values, not 1"),
        ("ragged.csv", LEDGER + b"900119;2026-11-04;1;x;y\r\n", "line 4 has 5 values, not 4"),
        ("german.csv", GERMAN.encode("cp1252"), "it is not UTF-8 (the byte 0xFC in line 2)"),
        ("old.xls", OLD_WORKBOOK, "is a workbook"),
        ("renamed.csv", OLD_WORKBOOK, "is a workbook"),
        ("login.xls", b"<html><title>Login</title><body><table><tr><td>", "is a web page (&#34;Login&#34;)"),
        ("invoice.pdf", b"%PDF-1.7\n", "is a PDF document"),
        ("picture.svg", b"<svg onload='alert(1)'><script>alert(1)</script></svg>", "is XML"),
        ("ledger.zip", b"", "zip of 1 file"),
    ],
)
def test_a_file_that_no_step_can_read_is_red_and_keeps_the_run_from_starting(
    form: InputForm, name: str, content: bytes, reason: str
) -> None:
    if name.endswith(".zip"):
        stream = BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("ledger.csv", LEDGER)
        content = stream.getvalue()

    answer = form.send(do="start", files={"files.ledger": (name, content)}, **RIGHT)

    assert answer.status_code == 303
    page = form.site.get(answer.headers["location"])
    markup = place(page.text, "Ledger")
    assert reason in said(markup)
    assert 'class="err" role="alert"' in markup
    assert "has-err" in markup
    assert "<title>Error: " in page.text
    assert "Ledger cannot be read" in text(page)
    assert "<script>alert" not in page.text
    # Another file in its place, and it starts.
    run = answer.headers["location"].partition("?")[0]
    assert form.status(run) == "NotStarted"
    assert form.send(run, do="start", files={"files.ledger": ("l.csv", LEDGER)}, **RIGHT).headers["location"] == run
    assert form.status(run) == "Scheduled"


@pytest.mark.parametrize(
    ("name", "content", "doubt"),
    [
        ("comma.csv", LEDGER.replace(b";", b","), "has one column by the delimiter &#34;;&#34;, and 4 by &#34;,&#34;"),
        ("head.csv", LEDGER.partition(b"\n")[0], "There are headings, and no rows below them"),
        ("german.csv", GERMAN.encode(), "The column &#34;Betrag&#34; stays text, because of &#34;-12.480,00&#34;"),
        ("marked.csv", codecs.BOM_UTF8 + LEDGER, "2 rows · semicolon · UTF-8"),
        ("wide.csv", codecs.BOM_UTF16_LE + LEDGER.decode().encode("utf-16-le"), "2 rows · semicolon · UTF-16-LE"),
        ("formula.csv", b"a;b\n=1+1;<b>x</b>\n", "=1+1 &lt;b&gt;x&lt;/b&gt;"),
        ("wide.csv", ";".join(f"c{n}" for n in range(40)).encode() + b"\n" + b";" * 39 + b"\n", "10 more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_odd_is_said_and_does_not_keep_the_run_from_starting(
    form: InputForm, name: str, content: bytes, doubt: str
) -> None:
    assert doubt in shown(form, name, content)

    answer = form.send(do="start", files={"files.ledger": (name, content)}, **RIGHT)
    assert form.status(answer.headers["location"]) == "Scheduled"


def test_a_workbook_says_which_sheet_is_read(form: InputForm) -> None:
    content = book(["Beleg", "Betrag"], ["a", 12.5])

    words = shown(form, "open.xlsx", content, field="statement", label="Statement")

    assert "1 row · sheet “Offene Posten”" in words
    assert "The first of 2 sheets is read" in words
    assert "12.50" in words


def test_a_title_in_a_merged_cell_is_seen_before_the_start(form: InputForm) -> None:
    content = book(["Beleg", "Buchung", "Betrag", "Text"], ["a", "b", 1, "c"], merged="Offene Posten per 30.11.")

    words = shown(form, "merged.xlsx", content, field="statement", label="Statement")

    assert "Offene Posten per 30.11. column2 column3 column4 Beleg Buchung Betrag Text" in words
    assert "has 1 merged area" in words


def test_what_a_condition_may_skip_or_only_a_script_reads_keeps_nobody_from_starting(form: InputForm) -> None:
    files = {
        "files.ledger": ("l.csv", LEDGER),
        "files.statement": ("s.pdf", b"%PDF-1.7\n"),
        "files.contract": ("c.pdf", b"%PDF-1.7\n2"),
    }

    answer = form.send(do="start", files=files, **RIGHT)

    assert form.status(answer.headers["location"]) == "Scheduled"
    run = form.kept(files=files)
    page = form.site.get(run).text
    assert "is a PDF document" in said(place(page, "Statement"))
    assert "No step reads it as a table" in said(place(page, "Contract"))
    assert "role=" not in place(page, "Contract")


def finished(form: InputForm, name: str, ledger: bytes) -> None:
    run = form.send(do="start", name=name, files={"files.ledger": (f"{name}.csv", ledger)}, **RIGHT).headers["location"]
    form.house.take(run.removeprefix("/runs/"))
    form.house.finish(run.removeprefix("/runs/"))


def test_a_file_is_compared_with_that_of_the_last_run_that_finished(form: InputForm) -> None:
    finished(form, "October", LEDGER)
    assert "Last time: October.csv" in text(form.site.get(form.new))
    assert "Usually takes 3 s" in text(form.site.get(form.new))

    longer = LEDGER + b"900119;2026-11-04;1.00;x\r\n"
    assert "Same 4 columns as in October 3 rows; 2 in October" in shown(form, "n.csv", longer)
    assert "Exactly the same file as in October" in shown(form, "n.csv", LEDGER)
    renamed = shown(form, "n.csv", LEDGER.replace(b"Buchung", b"Tag"))
    assert "Column “Buchung” of October is missing" in renamed
    assert "Column “Tag” is new since October" in renamed
    words = shown(form, "n.csv", LEDGER.replace(b"8.50", b"8,50"))
    assert "“Betrag” holds texts; in October it held numbers" in words


def test_the_same_file_in_two_places_is_said(form: InputForm) -> None:
    run = form.kept(files={"files.ledger": ("a.csv", LEDGER), "files.statement": ("b.csv", LEDGER)})

    assert "Exactly the same file as in “Statement”" in said(place(form.site.get(run).text, "Ledger"))


def test_a_server_that_has_forgotten_looks_again(form: InputForm) -> None:
    run = form.kept(files={"files.ledger": ("a.csv", LEDGER)})
    form.house.resources.previews.forget()
    markup = place(form.site.get(run).text, "Ledger")
    link = re.search(r'href="([^"]+/preview)"', markup)
    assert link
    assert "900117" not in markup

    answer = form.site.get(link[1])

    assert answer.headers["location"] == f"{run}#{link[1].split('/')[-2]}"
    assert "900117" in place(form.site.get(run).text, "Ledger")
    asked = form.site.get(link[1], **{"hx-request": "true"}).headers["location"].partition("#")[0]
    form.house.resources.previews.forget()
    # What is forgotten at once again is not asked for again and again by a page that is open.
    assert ('hx-trigger="load"' in form.site.get(run).text, 'hx-trigger="load"' in form.site.get(asked).text) == (
        True,
        False,
    )
    assert Site(house=form.house, who="stranger").sign_in().get(link[1]).status_code == 404


def test_a_server_that_has_nobody_to_look_keeps_and_starts_all_the_same(tmp_path: Path, clock: ManualClock) -> None:
    with house(tmp_path, clock) as bare:
        form = InputForm(site=Site(house=bare).sign_in(), process=apply(bare, BANK), name="Bank reconciliation")

        run = form.kept(files={"files.ledger": ("a.pdf", b"%PDF-1.7")})

        assert "Show the first rows" in text(form.site.get(run))
        link = re.search(r'href="([^"]+/preview)"', form.site.get(run).text)
        assert link
        assert form.site.get(link[1]).status_code == 503
        assert form.send(run, do="start", **RIGHT).headers["location"] == run
        assert form.status(run) == "Scheduled"


def test_what_was_seen_is_kept_within_bounds() -> None:
    kept = SeenFiles(most_bytes=1_000)

    for number in range(9):
        kept.keep(f"file {number}", Preview(problem=f"{number}" * 150))
        assert kept.get("file 0") is not None or number > 3
        kept.keep(f"file {number}", Preview(problem=f"{number}" * 150))

    assert kept.get("file 1") is None
    assert kept.get("file 8") == Preview(problem="8" * 150)
    assert kept._size_bytes <= 1_000


def test_the_api_says_the_same(form: InputForm) -> None:
    finished(form, "October", LEDGER)
    run = form.kept(files={"files.ledger": ("a.csv", LEDGER.replace(b"Text", b"Info"))})
    file = re.search(r'id="(f-[0-9]+)"><label[^>]*>Ledger', form.site.get(run).text)
    assert file

    found = form.house.get(f"files/{file[1]}/preview")

    (reading,) = found["readings"]
    assert (found["name"], found["sizeInBytes"]) == ("a.csv", len(LEDGER))
    assert (reading["steps"], reading["delimiter"], reading["rows"]) == (["2.1 Total"], ";", 2)
    assert [column["type"] for column in reading["columns"]] == ["number", "date", "number", "text"]
    assert reading["firstRows"][1] == ["900118", "2026-11-03", "8.50", None]
    assert [check["level"] for check in reading["checks"]] == ["doubt", "doubt", "told"]
    assert form.house.ask("GET", f"files/{file[1]}/preview", who="stranger").status_code == 404
    form.house.ask("DELETE", f"files/{file[1]}")
    assert form.house.ask("GET", f"files/{file[1]}/preview").status_code == 400


IMPORT = """
process: Importing
groups:
  - group: All
    steps:
      - data: Files
        key: files
        properties:
          - {name: Ledger, key: ledger, type: File, flow: INPUT, required: true}
          - {name: Lines, key: lines, type: File}
          - {name: Rejects, key: rejects, type: File}
      - action: import_table
        name: Import
        key: import
        with:
          source: {file: "${files.ledger}", delimiter: ";"}
          columns: {Betrag: {type: Money}}
          others: drop
          output: {to: "${files.lines}", as: lines.csv}
          rejects: {to: "${files.rejects}", at_most: AT_MOST}
"""


@pytest.mark.parametrize(("at_most", "status"), [("1", "Scheduled"), ("0", "NotStarted")])
def test_a_row_that_an_import_may_leave_out_keeps_nobody_from_starting(
    form: InputForm, at_most: str, status: str
) -> None:
    process = apply(form.house, IMPORT.replace("AT_MOST", at_most))
    importing = InputForm(site=form.site, process=process, name="Importing")

    answer = importing.send(do="start", files={"files.ledger": ("l.csv", LEDGER + b"900119;2026-11-04;x;y\r\n")})

    run = answer.headers["location"].partition("?")[0]
    assert form.status(run) == status
    told = said(place(form.site.get(answer.headers["location"]).text, "Ledger")) if status == "NotStarted" else ""
    assert ("does not fit its columns: line 4" in told) is (status == "NotStarted")

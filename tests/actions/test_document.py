"""document: data never become markup, the same data make the same bytes, and a template reaches nothing else."""

from __future__ import annotations

import io
import struct
import threading
import time
import zipfile
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from procession.actions import extras
from procession.actions.contract import OutputTarget
from procession.actions.documents import typesetting
from procession.actions.kinds import document
from procession.actions.problems import Problem
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

ROWS = b"name,amount,on,yes\nAcme,1234.5,2026-07-31,true\nDupont,-0.05,2026-08-01,false\n"
COLUMNS = {
    "name": {"type": "Text"}, "amount": {"type": "Money"}, "on": {"type": "Date"}, "yes": {"type": "TrueFalse"},
}  # fmt: skip
HEAD = (
    "#let rows = json(bytes(sys.inputs.rows))\n#let inputs = json(bytes(sys.inputs.inputs))\n"
    "#let files = json(bytes(sys.inputs.files))\n"
)
ROW = "#let row = json(bytes(sys.inputs.row))\n"


def documented(folder, template, rows=ROWS, *, columns=None, **settings):
    content = template if isinstance(template, bytes) else template.encode()
    given = {"template": "${f.template}", "output": "${o.file}", **settings}
    if rows is not None:
        given["source"] = {"file": "${f.rows}", "columns": COLUMNS if columns is None else columns}
    values = {"f.template": ("t.typ", content), "f.rows": rows, "p.month": "2026-07", "f.logo": ("logo.png", png())}
    assert document.ACTION.check(msgspec.convert(given, document.ACTION.settings)) == ()
    return play(document.ACTION, folder, given, values)


def made(*given, **options):
    played = documented(*given, **options)
    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    return played.outputs["o.file"]


def refused(*given, **options):
    played = documented(*given, **options)
    assert played.outcome.status is StepStatus.FAILED and played.outputs == {}
    return played.outcome.message


def png():
    """One red point."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "text", ["*bold* _x_ #panic()", "= Heading", "$x$ \\ // no", '#read("/etc/passwd")', "<a> @b `c`"]
)
def test_a_value_is_text_and_never_markup(tmp_path, text):
    rows = f'name,n\n"{text.replace(chr(34), chr(34) * 2)}",1\n'.encode()
    literal = text.replace("\\", "\\\\").replace('"', '\\"')

    shown = made(tmp_path / "a", f"{ROW}#row.name", rows, columns={"name": {"type": "Text"}}, each=True)
    written = made(tmp_path / "b", f'{ROW}#"{literal}"', rows, columns={"name": {"type": "Text"}}, each=True)

    one, other = (zipfile.ZipFile(io.BytesIO(content)) for content in (shown, written))
    assert [one.read(name) for name in one.namelist()] == [other.read(name) for name in other.namelist()]


def test_amounts_dates_and_truths_reach_the_template_exactly(tmp_path):
    checks = (
        '#assert.eq(rows.at(0), (name: "Acme", amount: "1234.50", on: "2026-07-31", yes: true))\n'
        '#assert.eq(rows.at(1).amount, "-0.05")\n#assert.eq(inputs, (month: "2026-07", rate: "0.1", n: 3))\n'
        '#assert.eq(decimal(rows.at(0).amount) + decimal(rows.at(1).amount), decimal("1234.45"))\n'
    )

    assert made(tmp_path, HEAD + checks, inputs={"month": "${p.month}", "rate": 0.1, "n": 3}).startswith(b"%PDF-")


def test_the_same_data_make_the_same_bytes_and_other_data_others(tmp_path):
    template = f"{HEAD}#datetime.today().display() #for row in rows [#row.name #row.amount \\ ]"

    first, second = (made(tmp_path / name, template) for name in "ab")

    assert first == second != made(tmp_path / "c", template, ROWS.replace(b"Acme", b"Acne"))


def test_each_row_gets_a_document_under_its_name(tmp_path):
    played = documented(
        tmp_path, f"{ROW}#row.name", each=True, name="{month}-{NAME}-{on}.pdf", inputs={"month": "${p.month}"}
    )

    archive = zipfile.ZipFile(io.BytesIO(played.outputs["o.file"]))
    assert archive.namelist() == ["2026-07-Acme-2026-07-31.pdf", "2026-07-Dupont-2026-08-01.pdf"]
    assert all(archive.read(name).startswith(b"%PDF-") for name in archive.namelist())
    assert played.outcome.message == "2 documents written to step.zip"
    assert played.outcome.figures == {"documents": 2}


def test_without_a_name_they_are_numbered(tmp_path):
    archive = zipfile.ZipFile(io.BytesIO(made(tmp_path, "x", each=True)))

    assert archive.namelist() == ["step-1.pdf", "step-2.pdf"]


def test_two_documents_of_one_name_are_refused_before_any_is_made(tmp_path):
    assert 'two files are called "x.pdf"' in refused(tmp_path / "a", "#panic()", each=True, name="x.pdf")
    assert 'there is no column "nme"' in refused(tmp_path / "b", "x", each=True, name="{nme}.pdf")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("= a\n\n#foo\n", 'the template "t.typ", line 3: unknown variable: foo'),
        ("#let x = (\n", 'the template "t.typ", line 1: unclosed delimiter'),
        ("#let f() = [\n#sys.inputs.nope]\n#f()", 'the template "t.typ", line 2: '),
        ("#while true {}", 'the template "t.typ", line 1: condition is always true'),
        ("#let i = 0\n#while i < 10000000 { i += 1 }", 'the template "t.typ", line 2: loop seems to be infinite'),
        ("#let f(x) = f(x + 1)\n#f(1)", 'the template "t.typ", line 1: maximum function call depth exceeded'),
        (b"a\n\xff", 'the template "t.typ" is no text in UTF-8 (line 2)'),
        (b"x" * (5 << 20), 'the template "t.typ" has 5 MiB; at most 4 are read'),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_line(tmp_path, template, said):
    assert refused(tmp_path, template).startswith(said)


@pytest.mark.parametrize(
    ("word", "is_broken"),
    [
        ("DE89370400440532013000" * 2, True),
        ("\u0416\u03a9" * 20, True),
        # typst/typst#674, typst/typst#4747: an address of mail, and a text as programs have it
        ("alan.mathison.turing\\@university-of-cambridge.com", True),
        ("`pd.Series(data=None,index=None,dtype=None,name=None)`", True),
        ("short enough", False),
        ("Rechnungsnummer", False),
    ],
)
def test_a_word_that_is_wider_than_its_cell_is_broken_and_no_other(tmp_path, word, is_broken):
    """typst/typst#674, typst/typst#6536: it ran over the cell beside it, and neither could be read."""
    row, plain = (f"measure(table(columns: (4cm, 1cm), [{text}], [5])).height" for text in (word, "x"))
    template = f"#context {{ assert({row} {'>' if is_broken else '=='} {plain}) }}\n#table[{word}]"

    assert made(tmp_path, template).startswith(b"%PDF-")


def test_a_mistake_behind_a_table_has_its_own_line(tmp_path):
    assert refused(tmp_path, "#table[x]\n#foo\n").startswith('the template "t.typ", line 2: unknown variable: foo')


def test_a_mistake_that_one_row_makes_is_told_with_the_row(tmp_path):
    said = refused(tmp_path, f'{ROW}#if row.name == "Dupont" {{ panic("no address") }}', each=True)

    assert said == 'row 2: the template "t.typ", line 2: panicked with: no address'


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../../../etc/passwd", "link", "document.typ", "/__typst_py_bytes__.typ"]
)
def test_a_template_reads_no_file(tmp_path, path):
    for call in (f'#read("{path}")', f'#image("{path}")', f'#include "{path}"', f'#csv("{path}")'):
        said = refused(tmp_path / call[1:4], call)
        assert "files are not read" in said or "cyclic import" in said, said


def test_a_link_below_its_root_is_not_followed(tmp_path, monkeypatch):
    # Not even where its root is there, with a link in it.
    monkeypatch.chdir(tmp_path)
    typesetting._compiler.cache_clear()
    monkeypatch.setattr(Path, "rmdir", lambda folder: (folder / "link.txt").symlink_to("/etc/hostname"))
    template = tmp_path / "t.typ"
    template.write_text('#read("link.txt")')

    with pytest.raises(Problem, match="files are not read"):
        typesetting.Typesetter.read(template, "t.typ").make({})
    monkeypatch.undo()
    typesetting._compiler.cache_clear()


def test_a_process_makes_one_compiler_for_all_its_steps(tmp_path):
    """Typst panics at the 65,536th of a process."""
    made(tmp_path / "a", "x")
    before = typesetting._compiler.cache_info()
    made(tmp_path / "b", "y")

    after = typesetting._compiler.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + 1)


def test_packages_are_not_fetched(tmp_path, monkeypatch):
    asked = []

    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self):
            asked.append(self.path)
            self.send_error(502)

        def log_message(self, format, *given):
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_port}")
    try:
        said = refused(tmp_path, '#import "@preview/cetz:0.2.2": *')
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert said == (
        'the template "t.typ", line 1: packages are not fetched from elsewhere; copy what you need into the template'
    )
    assert asked == []


def test_descriptors_can_be_opened_again_afterwards(tmp_path):
    refused(tmp_path, "#panic()")

    assert (tmp_path / "again").write_text("x") == 1


def test_a_picture_comes_with_the_step(tmp_path):
    template = f'{HEAD}#image(bytes(files.at("logo.png")), width: 1cm)'

    content = made(tmp_path, template, None, files={"logo.png": "${f.logo}"})

    assert b"/Subtype /Image" in content or b"/Subtype/Image" in content


def test_a_font_that_is_not_there_is_told_once(tmp_path):
    played = documented(tmp_path, '#set text(font: "Nope")\nx', each=True)

    assert played.outcome.status is StepStatus.WARNING
    assert played.outcome.message.count("unknown font family: nope") == 1


def test_five_hundred_letters_take_seconds(tmp_path):
    rows = b"name,amount,on,yes\n" + b"".join(b"c%d,%d.50,2026-07-31,true\n" % (n, n) for n in range(500))
    began = time.process_time()

    content = made(tmp_path, f"{ROW}= Letter\n\nDear #row.name,\n\n#row.amount EUR are open.", rows, each=True)

    assert len(zipfile.ZipFile(io.BytesIO(content)).namelist()) == 500
    assert time.process_time() - began < 15


def test_the_heart_of_the_process_beats_while_a_document_is_made(tmp_path):
    beats = []
    over = threading.Event()

    def beat():
        while not over.wait(0.005):
            beats.append(time.monotonic())

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        made(tmp_path, "#for i in range(600) [= Part #i \n #lorem(50)]", None)
    finally:
        over.set()
        thread.join()

    assert len(beats) > 5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"each": True}, "each: means nothing without a source"),
        ({"name": "{month}.pdf"}, 'name: "{month}" has no value'),
        ({"name": "x.doc"}, "name: x.doc must end in .pdf"),
        ({"inputs": {"a": "${b}"}}, 'inputs.a: "${b}" is not a reference'),
    ],
)
def test_a_mistake_is_told_when_the_file_is_applied(settings, said):
    given = msgspec.convert({"template": "${f.t}", "output": "${o.f}", **settings}, document.ACTION.settings)

    assert any(one.startswith(said) for one in document.ACTION.check(given)), document.ACTION.check(given)


def test_a_missing_library_is_told_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    given = msgspec.convert({"template": "${f.t}", "output": "${o.f}"}, document.ACTION.settings)

    assert any('pip install "procession[documents]"' in one for one in document.ACTION.check(given))


def test_a_document_goes_to_a_file_property(tmp_path):
    played = play(
        document.ACTION, tmp_path, {"template": "${f.t}", "output": "${o.n}"}, {"f.t": ("t.typ", b"x")},
        {"o.n": OutputTarget(type="Number")},
    )  # fmt: skip

    assert played.outcome.message == "the output goes to a Number, and a document is a file"


def test_a_letter_that_no_font_has_is_told_with_its_document(tmp_path):
    rows = "name\nM\u00fcller\n\u65e5\u672c\n\u0416\u03a9\nAnn \U0001f389\n"
    template = "#let row = json(bytes(sys.inputs.row))\n#row.name"

    told = documented(tmp_path / "a", template, rows.encode(), columns={}, each=True)
    fine = documented(tmp_path / "b", template, "name\n\u0416\u03a9\n".encode(), columns={}, each=True)

    assert told.outcome.status is StepStatus.WARNING
    assert told.outcome.message.endswith(
        '2 documents show an empty box in place of a letter that no font of this server has (document 2: "\u65e5")'
    )
    assert fine.outcome.status is StepStatus.SUCCESS

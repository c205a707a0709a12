"""Files that were good once: tables of each kind that is read, changed a little, the same ones every time (S4)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import duckdb
import openpyxl

HEADINGS = ("id", "name", "amount", "due", "paid")
ROWS = tuple(
    (number, f"Müller & Söhne {number}" if number % 3 else 'a "quoted", name', f"{number * 7}.{number % 90 + 10}", day)
    for number, day in ((number, date(2026, number % 12 + 1, number % 28 + 1)) for number in range(1, 41))
)
MOMENT = (2026, 1, 1, 0, 0, 0)  # of all parts of archives: the same files every time
OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
# What stands where it should not.
TOKENS = (
    b"\0", b'"', b"'", b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\xc3", b"NaN", b"-Infinity",
    b"1e999999", b"9" * 400, b"-0", b"0x10", b"1_000", b"=1+1", b"\\ud800", b"\\u0000", b"[" * 500, b'{"id":' * 300, b"null", b"true",
    b"sep=;\n", b"#", b"<!DOCTYPE a>", b"&b;", b"</row>", b'<row r="1"/>', b"<c/>", b'r="A1"', b't="s"', b'hidden="1"', b"]]>", b"<!--",
    b'"id": 1, "id": 2,', b"\x1a", b"\xe2\x80\xa8", b"2026-02-30", b"24:00", b"A" * 70_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`number` makes the same one again."""

    number: int
    name: str
    content: bytes


def mutants(count: int, first: int = 0) -> Iterator[Mutant]:
    """As many, of every kind in turn."""
    seeds = tuple(_seeds().items())
    for number in range(first, first + count):
        name, content = seeds[number % len(seeds)]
        random = Random(number)  # noqa: S311 - the same files every time
        is_inside = content.startswith(b"PK") and random.random() < 0.7
        changed = _changed_inside(content, random) if is_inside else _changed(content, random)
        yield Mutant(number=number, name=name, content=changed)


def originals() -> Iterator[Mutant]:
    return (Mutant(number=-1, name=name, content=content) for name, content in _seeds().items())


def _changed(content: bytes, random: Random) -> bytes:
    made = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        place, length = random.randrange(len(made) + 1), random.choice((1, 1, 2, 10, 100))
        match random.randrange(7):
            case 0:
                made[place : place + 1] = random.randbytes(1)
            case 1:
                del made[place : place + length]
            case 2 | 3:
                made[place:place] = random.choice(TOKENS)
            case 4:
                made[place : place + length] = random.choice(TOKENS)
            case 5:
                made[place:place] = made[place : place + length]
            case _:
                del made[place:]
    return bytes(made)


def _changed_inside(content: bytes, random: Random) -> bytes:
    """A part of an archive is changed, and the archive is whole."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    chosen = random.choice(list(parts))
    parts[chosen] = _changed(parts[chosen], random)
    return _archive(parts)


def _archive(parts: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=MOMENT), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _seeds() -> dict[str, bytes]:
    """The same table, as each kind of file."""
    records = [dict(zip(HEADINGS, (*row[:3], str(row[3]), row[0] % 2 == 0), strict=True)) for row in ROWS]
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    return {
        "a.csv": _delimited(",", "\n"),
        "b.csv": _delimited(";", "\r\n"),
        "c.json": json.dumps(records, ensure_ascii=False).encode(),
        "d.jsonl": "\n".join(lines).encode(),
        "e.xlsx": _workbook(),
        "f.ods": _open_document(),
        "g.parquet": _parquet(),
        "h.zip": _archive({"a.csv": _delimited(",", "\n")}),
    }


def _delimited(delimiter: str, end: str) -> bytes:
    quoted = ([_quoted(str(value)) for value in (*row, row[0] % 2 == 0)] for row in ROWS)
    return "".join(delimiter.join(line) + end for line in (HEADINGS, *quoted)).encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',;"') else text


def _workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADINGS)
    for number, name, amount, day in ROWS:
        sheet.append((number, name, float(amount), day, number % 2 == 0))
    made = io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as archive:
        # docProps holds the moment of writing.
        return _archive({name: archive.read(name) for name in archive.namelist() if not name.startswith("docProps")})


def _open_document() -> bytes:
    names = " ".join(f'xmlns:{name}="{OFFICE}:{name}:1.0"' for name in ("office", "table", "text"))
    rows = "".join(f"<table:table-row>{row}</table:table-row>" for row in _open_rows())
    content = (
        f"<office:document-content {names}><office:body><office:spreadsheet>"
        f'<table:table table:name="Data">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    return _archive({"mimetype": kind, "content.xml": content.encode(), "META-INF/manifest.xml": b""})


def _open_rows() -> Iterator[str]:
    yield "".join(_open_text(heading) for heading in HEADINGS)
    for number, name, amount, day in ROWS:
        shown = name.replace("&", "&amp;")
        cells = (("float", "value", number), ("float", "value", amount), ("date", "date-value", day))
        written = [
            f'<table:table-cell office:value-type="{kind}" office:{key}="{value}"/>' for kind, key, value in cells
        ]
        paid = f'<table:table-cell office:value-type="boolean" office:boolean-value="{str(number % 2 == 0).lower()}"/>'
        yield "".join((written[0], _open_text(shown), *written[1:], paid))


def _open_text(text: str) -> str:
    return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'


def _parquet() -> bytes:
    with duckdb.connect() as connection, TemporaryDirectory() as folder:
        connection.execute("CREATE TABLE t (id BIGINT, name VARCHAR, amount DECIMAL(18, 2), due DATE, paid BOOLEAN)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", [(*row, row[0] % 2 == 0) for row in ROWS])
        path = Path(folder, "t.parquet")
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
        return path.read_bytes()

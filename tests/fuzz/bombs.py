"""Small files that become large, deep or endless for whoever reads them without a limit (S4)."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tests.actions.reading.test_sheets_open_document import document
from tests.actions.reading.workbooks import MAIN, package, sheet, text

MB = 2**20
LAUGHS = (
    "<!DOCTYPE a ["
    + "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    + '<!ENTITY e0 "ha">]><worksheet>&e9;</worksheet>'
)
ENDLESS = '<table:table table:name="D"><table:table-row table:number-rows-repeated="1048576">{}</table:table-row></table:table>'
CELL = '<table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'


# Those that hold a table that can be read in full, and its rows.
WHOLE = {"rows without end in little": 30_000_000, "a number of ten million digits": 1}


def bombs() -> Iterator[tuple[str, str, bytes]]:
    """What it is, its name, its bytes."""
    with TemporaryDirectory() as folder:
        for what, make in _WORKBOOKS.items():
            yield what, "bomb.xlsx", make(Path(folder, "bomb.xlsx")).read_bytes()
        yield "an endless sheet", "bomb.ods", document(Path(folder, "a.ods"), ENDLESS.format(CELL)).read_bytes()
        yield "entities in a document", "laughs.ods", document(Path(folder, "b.ods"), LAUGHS).read_bytes()
        yield "rows without end in little", "bomb.parquet", _parquet(Path(folder, "a.parquet"))
    yield from ((what, name, make()) for what, (name, make) in _TEXTS.items())


def _blank(path: Path) -> Path:
    return package(path, sheet(text(" " * (300 * MB))))


def _many_parts(path: Path) -> Path:
    return package(path, sheet(text("a")), parts={f"xl/{number}": "x" for number in range(20_000)})


def _far_out(path: Path) -> Path:
    rows = "".join(f'<row r="{row}"><c r="XFD{row}"><v>1</v></c></row>' for row in range(1, 20_000))
    return package(path, f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>')


def _shared(path: Path) -> Path:
    strings = f'<sst xmlns="{MAIN}"><si><t>{"x" * 1_000_000}</t></si></sst>'
    cells = ['<c t="s"><v>0</v></c>'] * 20_000
    return package(path, sheet(*cells), parts={"xl/sharedStrings.xml": strings})


def _deep(path: Path) -> Path:
    return package(path, f'<worksheet xmlns="{MAIN}"><sheetData>{"<a>" * 500_000}')


def _laughs(path: Path) -> Path:
    return package(path, LAUGHS)


def _lying(path: Path) -> Path:
    """Both of its headers say that a part is 4 GB."""
    package(path, sheet(text("a")))
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + place : at + place + 4] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(content)
    return path


def _nested() -> bytes:
    content = b"a,b\n1,2\n" * 1_000_000
    for number in range(5):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{number}.zip", content)
        content = made.getvalue()
    return content


def _parquet(path: Path) -> bytes:
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 1 AS a, 2 AS b, 3 AS c FROM range({WHOLE['rows without end in little']})) TO '{path}' (FORMAT parquet)"
        )
    return path.read_bytes()


_WORKBOOKS: Mapping[str, Callable[[Path], Path]] = {
    "a sheet of 300 MB of blanks": _blank,
    "20,000 parts": _many_parts,
    "20,000 rows as wide as a sheet can be": _far_out,
    "a text of a megabyte in 20,000 cells": _shared,
    "500,000 elements in one another": _deep,
    "entities of entities": _laughs,
    "sizes that are not true": _lying,
}
_TEXTS: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "archives in one another": ("bomb.zip", _nested),
    "a line of 100 MB": ("bomb.csv", lambda: b"a,b\n" + b"x" * (100 * MB)),
    "a quote that is not closed": ("bomb.csv", lambda: b'a,b\n1,"' + b"x,\n" * (10 * MB)),
    "20,000 columns": ("bomb.csv", lambda: b",".join(b"c%d" % n for n in range(20_000)) + b"\n"),
    "lists in lists": ("bomb.json", lambda: b"[" * (10 * MB)),
    "objects in objects": ("bomb.json", lambda: b'[{"a":' * (2 * MB)),
    "a number of ten million digits": ("bomb.json", lambda: b'[{"a":' + b"9" * (10 * MB) + b"}]"),
    "a hundred thousand keys": (
        "bomb.json",
        lambda: b"[" + b",".join(b'{"k%d":1}' % n for n in range(100_000)) + b"]",
    ),
    "one key a hundred thousand times": ("bomb.json", lambda: b"[{" + b",".join([b'"a":1'] * 100_000) + b"}]"),
    "lines in lists in lines": ("bomb.jsonl", lambda: b"[" * (10 * MB) + b"\n"),
}

"""What is proposed of a file as a whole: what it needs to be read, and nothing that it does not tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession.actions.contract import FileInput
from procession.actions.reading.options import FileOptions
from procession.actions.tables import proposing_files
from procession.actions.tables.contract import PROPOSED_OPTIONS

ROWS = "4000;1,50;31.01.2026\n4010;2,25;28.02.2026\n"
FILES: dict[str, tuple[bytes, dict[str, object]]] = {
    "headings": (f"Konto;Betrag;Valuta\n{ROWS}".encode(), {"delimiter": ";"}),
    "cp1252": (f"Konto;Betr\u00e4ge;Valuta\n{ROWS}".encode("cp1252"), {"encoding": "cp1252", "delimiter": ";"}),
    "a title": (
        f"Kontoauszug M\u00e4rz\n\nBank X\nKonto;Betrag;Valuta\n{ROWS}".encode(),
        {"skip": 3, "delimiter": ";"},
    ),
    "no headings": (ROWS.encode(), {"delimiter": ";", "header": False}),
    # Nothing tells a year from an amount.
    "years": (b"Account,2025,2026\n4000,1,2\n4010,3,4\n", {"delimiter": ","}),
    "texts alone": (b"a\tb\nx\ty\n", {"delimiter": "\t"}),
    "a total": (f"Konto;Betrag;Valuta\n{ROWS}Summe;3,75\n".encode(), {"delimiter": ";"}),
    "one column": (b"a\n1\n2\n", {}),
    "a mark": (f"Konto;Betrag;Valuta\n{ROWS}".encode("utf-16"), {"delimiter": ";"}),
    "a line of sep=": (b"sep=;\na;b\n1,5;2\n", {"delimiter": ";"}),
    "not even cp1252": (b"a;\x81\xff\n1;2\n", {}),
    # TablePress/TablePress#198: a heading too few, and commas within the values
    "a heading too few": (b"a;b;c\n1;x,y,z;2;3\n1;x,y,z;2;3\n", {"delimiter": ";"}),
    # ankitects/anki#5253, CartoDB/cartodb#15423: other signs than the delimiter, in each line
    "other signs": (b"time,note\n9:00,wake up at once\n10:30,run as usual\n", {"delimiter": ","}),
    # BLSQ/iaso#3218: headings longer than what is looked at
    "long headings": (
        b";".join(b"h%d" % n * 9 for n in range(300)) + b"\n" + b";".join([b"x"] * 300) + b"\n",
        {"delimiter": ";"},
    ),
    "JSON": (b'[{"a": 1}]', {}),
}


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_tells_is_proposed(tmp_path: Path, name: str) -> None:
    content, wanted = FILES[name]
    path = tmp_path / "given"
    path.write_bytes(content)
    source = FileInput(path=str(path), name="a.csv" if name != "JSON" else "a.json", size_bytes=len(content))

    found = proposing_files.propose(source, FileOptions(file="${f.a}"), tmp_path, PROPOSED_OPTIONS)

    assert {one.name: one.value for one in found} == wanted
    assert all(one.note for one in found if one.name != "delimiter")

"""Names of files as clients send them, made harmless before they meet a file system, a header or a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.model.files import NAME_BYTES_MAX, clean_name


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("orders.csv", "orders.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\ledger.xlsx", "ledger.xlsx"),
        ("a\r\nSet-Cookie: x.csv", "aSet-Cookie: x.csv"),
        ("invoice\u202excod.exe", "invoicexcod.exe"),
        (" résumé.pdf ", "résumé.pdf"),
        ("half \ud800 a pair.csv", "half  a pair.csv"),
        ("..", "file"),
        ("folder/", "file"),
        ("\x00\x1f", "file"),
    ],
)
def test_a_name_loses_what_could_do_harm(given_name: str, name: str) -> None:
    assert clean_name(given_name) == name


def test_a_cut_leaves_the_extension_and_no_half_character() -> None:
    assert clean_name("x" * 300 + ".xlsx") == "x" * 250 + ".xlsx"
    assert clean_name("é" * 200 + ".csv") == "é" * 125 + ".csv"
    assert clean_name("x." + "y" * 300) == "x." + "y" * 253


@given(st.text())
def test_any_text_becomes_the_name_of_one_file(text: str) -> None:
    name = clean_name(text)

    assert 0 < len(name.encode()) <= NAME_BYTES_MAX
    assert not set(name) & set("/\\\0\n\r") and name not in {".", ".."}
    assert clean_name(name) in {name, name.strip()}  # a cut may end in a blank

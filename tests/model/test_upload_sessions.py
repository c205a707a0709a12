"""Chunks by number, and sessions by id, as a client may write them."""

from __future__ import annotations

import pytest

from procession.model import uploads
from procession.model.errors import Invalid, NotFound
from procession.model.uploads import CHUNKS_MAX, Chunk

SESSION = "0123abcd-0123-4567-89ab-0123456789ab"


def chunks(*numbers: int) -> list[Chunk]:
    return [
        Chunk(number=number, stored_as=f"{number}", file_name="a.csv", sha256="", size_bytes=1) for number in numbers
    ]


@pytest.mark.parametrize("numbers", [(), (1,), (1, 2, 3)])
def test_chunks_without_a_gap_are_whole(numbers: tuple[int, ...]) -> None:
    uploads.check_whole(chunks(*numbers))


@pytest.mark.parametrize(
    ("numbers", "missing"), [((2,), "missing: 1;"), ((1, 4), "missing: 2, 3;"), ((1, 3, 5), "missing: 2, 4;")]
)
def test_a_gap_is_named(numbers: tuple[int, ...], missing: str) -> None:
    with pytest.raises(Invalid, match=missing):
        uploads.check_whole(chunks(*numbers))


def test_many_gaps_are_counted() -> None:
    with pytest.raises(Invalid, match=r"missing: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 89 more; upload them"):
        uploads.check_whole(chunks(100))


def test_an_id_of_a_session_has_one_spelling() -> None:
    assert uploads.parse_session(SESSION.upper()) == SESSION


@pytest.mark.parametrize(
    "text", ["", "../x", SESSION + "\n", SESSION[:-1], SESSION.replace("-", ""), "\u0661" + SESSION[1:]]
)
def test_what_is_no_id_names_no_session(text: str) -> None:
    with pytest.raises(NotFound):
        uploads.parse_session(text)


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("007", 7), (str(CHUNKS_MAX), CHUNKS_MAX)])
def test_a_chunk_is_named_by_its_number(text: str, number: int) -> None:
    assert uploads.parse_chunk(text) == number


@pytest.mark.parametrize("text", ["", "0", "-1", "+1", "1.0", "1e3", " 1", "\u0661", str(CHUNKS_MAX + 1), "9" * 5_000])
def test_no_other_text_names_a_chunk(text: str) -> None:
    with pytest.raises(Invalid, match="numbered from 1 to 100000"):
        uploads.parse_chunk(text)

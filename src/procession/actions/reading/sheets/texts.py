"""The texts of a large workbook, those that its sheets share and those in cells, by SQL that proves them first."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.reading.cells import FAILS
from procession.actions.reading.sheets import cuts
from procession.actions.reading.sheets.office import OfficeBook

if TYPE_CHECKING:
    import duckdb

SHARED = "shared texts of a file"  # a table of one row: the list of all, so that a text is taken by its number
_LINES = "texts.csv"
_TEXTS = "texts of a file"
_ITEM, _ITEM_END, _END = b"<si>", b"</si>", b"</sst>"
_PLAIN, _SPACED, _BEHIND = "<si><t>", '<si><t xml:space="preserve">', "</t>"
_ENTITIES = {  # that cuts.bare() leaves; the last one last
    **{"&#10;": "chr(10)", "&#13;": "chr(13)"},
    **{"&lt;": "'<'", "&gt;": "'>'", "&quot;": "'\"'", "&apos;": "''''", "&amp;": "'&'"},
}
_ESCAPE = "_x[0-9A-Fa-f]{4}_"


def unescaped(text: str) -> str:
    """SQL of a text of XML as it is meant; it fails where there is more to it than usual."""
    known = literal("|".join(_ENTITIES))
    plain = text
    for entity, meant in _ENTITIES.items():
        plain = f"replace({plain}, {literal(entity)}, {meant})"
    is_known = f"NOT contains(regexp_replace({text}, {known}, '', 'g'), '&')"
    # ECMA-376 part 1, 22.4.2.4: how a workbook writes a character that XML cannot hold. One may begin within another.
    meant = f"replace({plain}, '_x000D_', chr(13))"
    is_other = f"regexp_matches({plain}, '{_ESCAPE}x') OR regexp_matches({meant}, '{_ESCAPE}')"
    usual = f"CASE WHEN {is_known} AND NOT ({is_other}) THEN {meant} ELSE {FAILS} END"
    return f"CASE WHEN contains({text}, '&') OR contains({text}, '_x') THEN {usual} ELSE {text} END"


def numbered(number: str) -> str:
    """SQL of the shared text of that number, from 0; fails when there is none. SHARED is the relation `shared`."""
    # A cast alone takes 5.5 for 6.
    place = f"CAST({number} AS UINTEGER)"
    return f"CASE WHEN {place}::VARCHAR = {number} THEN coalesce(texts[{place} + 1], {FAILS}) ELSE {FAILS} END"


def load(connection: duckdb.DuckDBPyConnection, book: OfficeBook, path: Path) -> None:
    """Make the table SHARED; lines lie at `path` on the way. Raises Problem for texts that are damaged."""
    import duckdb

    try:
        _write(book.text_chunks(), path)
        connection.execute(f"CREATE TABLE {quote(_TEXTS)} AS SELECT {_proved('line')} AS t FROM {_lines(path)}")
    except (duckdb.InvalidInputException, ValueError):
        # Some are written in another way, such as with formats in them.
        connection.execute(f"CREATE TABLE {quote(_TEXTS)} AS SELECT unnest(?::VARCHAR[]) AS t", [book.texts()])
    # list() alone keeps no order.
    connection.execute(f"CREATE TABLE {quote(SHARED)} AS SELECT list(t ORDER BY rowid) AS texts FROM {quote(_TEXTS)}")
    connection.execute(f"DROP TABLE {quote(_TEXTS)}")


def longest(connection: duckdb.DuckDBPyConnection) -> int:
    """Bytes of the longest of SHARED."""
    listed = f"SELECT unnest(texts) AS t FROM {quote(SHARED)}"
    row = connection.execute(f"SELECT max(strlen(t)) FROM ({listed})").fetchone()
    return (row and row[0]) or 0


def _write(chunks: Iterable[bytes], path: Path) -> None:
    """The texts as lines, each without its end. Raises ValueError for what is not written in the common way."""
    pieces = cuts.in_items(chunks, _ITEM_END)
    piece = next(pieces, b"")
    start = piece.find(_ITEM)
    if start < 0 or not cuts.is_utf8(piece[:start]):
        raise ValueError(piece[:start])
    piece = piece[start:]
    with path.open("wb") as file:
        for following in pieces:
            if file.tell() > cuts.BYTES_MAX:
                raise ValueError(path)
            file.write(cuts.bare(piece).replace(_ITEM_END, b"\n"))
            piece = following
    if piece.strip() != _END:
        raise ValueError(piece)


def _lines(path: Path) -> str:
    return (
        f"read_csv({literal(str(path))}, auto_detect = false, header = false, delim = '\x01', quote = '', escape = '', "
        "new_line = '\\n', columns = {'line': 'VARCHAR'})"
    )


def _proved(line: str) -> str:
    cases = ""
    for before in (_PLAIN, _SPACED):
        text = f"substr({line}, {len(before) + 1}, length({line}) - {len(before + _BEHIND)})"
        is_so = f"starts_with({line}, {literal(before)}) AND ends_with({line}, {literal(_BEHIND)})"
        cases += f"WHEN {is_so} AND NOT contains({text}, '<') THEN {unescaped(text)} "
    return f"CASE {cases} WHEN {line} = '<si><t/>' THEN '' ELSE {FAILS} END"

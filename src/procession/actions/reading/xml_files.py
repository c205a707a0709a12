"""Reads the records of an XML file as cells: the elements at a path, each value under the way to it.

A record is flat: the text of `<Amt Ccy="EUR">5</Amt>` is in the column Amt, its attribute in Amt/@Ccy. Namespaces are
left out. A document type is refused, because it is what entities come from; nothing outside of the file is ever read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from procession.actions import extras
from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading import json_files, tokens
from procession.actions.reading.cells import Cells
from procession.actions.reading.json_rows import RowsTooLarge, RowWriter
from procession.actions.reading.json_values import BadJson, shown
from procession.actions.reading.options import FileOptions
from procession.actions.reading.tokens import TokenTable

if TYPE_CHECKING:
    import duckdb
    from lxml.etree import _Element

BYTES_MAX = 1 << 30
# Deeper than any statement or order; libxml2 itself ends at 256.
_DEPTH_MAX = 100
_ELEMENTS_MAX = 10_000  # of a record, which is held as a whole
_PATHS_MAX = 1_000  # remembered, to name those that there are
_NAMED_MAX = 10


class _Wrong(Exception):
    """The text says what is wrong with the file."""


def read(connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions, folder: Path) -> Cells:
    """Raises Problem naming the record or the line."""
    if lacking := extras.lacking("lxml.etree", extra="statements", what="XML files"):
        raise Problem(lacking[0])
    from lxml import etree

    assert options.records is not None
    if source.size_bytes > BYTES_MAX:
        raise Problem(f"{source.called} cannot be read: it is larger than {BYTES_MAX >> 30} GB, the most for XML")
    path = folder / tokens.FILE
    with Path(source.path).open("rb") as file, path.open("wb") as out:
        rows = RowWriter(out)
        try:
            for number, record in enumerate(_records(file, options.records), start=1):
                rows.take(_flat(record, number), 0)
        except (_Wrong, RowsTooLarge, BadJson) as error:
            raise Problem(f"{source.called} cannot be read: {error}") from None
        except etree.XMLSyntaxError as error:
            raise Problem(f"{source.called} cannot be read: it is no XML: {error.msg}") from None
    columns = json_files.columns_of(source, rows, options)
    table = TokenTable(source=source, path=path, rows=rows, columns=columns, line_of=None)
    return tokens.cells(connection, table, (), ())


def _records(file: BinaryIO, wanted: str) -> Iterator[_Element]:
    """Each element at the path, whole; it is emptied when the next one is asked for."""
    at, seen, count, inside, held = list[str](), dict[str, None](), 0, 0, 0
    for event, element in _events(file):
        if event == "start":
            if not at:
                _refuse_type(element)
            at.append(_name(element.tag))
            here = f"/{'/'.join(at)}"
            inside += here == wanted or inside > 0
            held = held + 1 if inside else 0
            if held > _ELEMENTS_MAX:
                raise _Wrong(f"record {count + 1} has more than {_ELEMENTS_MAX:,} elements")
            if not inside and len(seen) < _PATHS_MAX:
                seen[here] = None
            if len(at) > _DEPTH_MAX:
                raise _Wrong(f"its elements are nested more than {_DEPTH_MAX} deep (line {element.sourceline})")
            continue
        at.pop()
        inside = max(inside - 1, 0)
        if inside:
            continue
        if f"/{'/'.join((*at, _name(element.tag)))}" == wanted:
            count, held = count + 1, 0
            yield element
        _forget(element)
    if not count:
        named = ", ".join(list(seen)[:_NAMED_MAX])
        raise _Wrong(f"records: there is no element {wanted} (there are: {named})")


def _events(file: BinaryIO) -> Iterator[tuple[str, _Element]]:
    """The start and the end of each element. Raises etree.XMLSyntaxError."""
    from lxml import etree

    # No entities, no network, and libxml2's own limits on depth and length.
    return etree.iterparse(
        file,
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _refuse_type(root: _Element) -> None:
    # Entities are declared there: bombs, and files of this machine.
    if root.getroottree().docinfo.doctype:
        raise _Wrong("it declares a document type (<!DOCTYPE), which is refused; take the declaration out")


def _forget(element: _Element) -> None:
    """Frees what was read: else the tree of a large file fills the memory."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _name(tag: object) -> str:
    """Without its namespace."""
    return str(tag).rpartition("}")[2]


def _flat(record: _Element, number: int) -> dict[str, str | None]:
    """The values by the way to each of them. Raises _Wrong for a way that is there twice."""
    found: dict[str, str | None] = {}
    left = [("", record)]
    while left:
        way, element = left.pop()
        children = list(element)
        text = "".join((element.text or "", *(child.tail or "" for child in children)))
        if children and text.strip():
            raise _Wrong(f"record {number}: words stand between the elements of {shown(way.lstrip('/') or '.')}")
        if not children:
            # Line ends and indents are how the file is laid out.
            _put(found, way, text if text.strip() else None, number)
        for name, value in element.attrib.items():
            _put(found, f"{way}/@{_name(name)}", str(value), number)
        # On a list and not by calls of itself, whose depth the file would choose. The last one first, so that they are
        # taken in their order.
        left += [(f"{way}/{_name(child.tag)}", child) for child in reversed(children)]
    return found


def _put(found: dict[str, str | None], way: str, value: str | None, number: int) -> None:
    name = way.lstrip("/") or "."
    if name in found:
        raise _Wrong(
            f"record {number} has {shown(name)} twice, and a row holds one value; name an element further in as records"
        )
    found[name] = value

"""Formats that a template's styles lack: dates and amounts, added at the end, so that no other number moves."""

from __future__ import annotations

from collections.abc import Sequence

from procession.actions.problems import Problem
from procession.actions.reporting import markup
from procession.actions.reporting.markup import Element

_OWN_FIRST = 164  # below are those that Excel knows by their numbers
_FORMATS_MAX = 64_000  # of a book, Excel's own limit


def add(content: bytes, formats: Sequence[str], what: str) -> tuple[bytes, list[int]]:
    """The styles with a cell format for each of the number formats; gives their numbers. Raises Problem."""
    content = markup.utf8(content, what)
    found = markup.elements(content, what)
    cells = markup.first(found, "cellXfs")
    if cells is None or found[0].name != "styleSheet":
        raise Problem(f"{what} has no styles; open it in Excel and save it again")
    given = [one for one in found if one.name == "numFmt" and one.parent is not None and one.parent.name == "numFmts"]
    numbers = [int(one.attributes["numFmtId"]) for one in given if one.attributes.get("numFmtId", "").isdecimal()]
    first = max([_OWN_FIRST - 1, *numbers]) + 1
    count = sum(1 for one in found if one.name == "xf" and one.parent is cells)
    if count + len(formats) > _FORMATS_MAX:
        raise Problem(f"{what} has {count:,} cell formats; Excel holds no more than {_FORMATS_MAX:,}")
    looks = [
        f'<{cells.tag("xf")} numFmtId="{first + number}" fontId="0" fillId="0" borderId="0" xfId="0" '
        'applyNumberFormat="1"/>'
        for number in range(len(formats))
    ]
    codes = [
        f'<{cells.tag("numFmt")} numFmtId="{first + number}" formatCode="{markup.escaped(code)}"/>'
        for number, code in enumerate(formats)
    ]
    edits = _longer(content, cells, looks, count)
    if (listed := markup.first(found, "numFmts")) is not None:
        edits += _longer(content, listed, codes, len(given))
    else:
        name, at = cells.tag("numFmts"), found[0].inner  # it comes first of all
        edits.append((at, at, f'<{name} count="{len(codes)}">{"".join(codes)}</{name}>'.encode()))
    return markup.replaced(content, edits), list(range(count, count + len(formats)))


def _longer(content: bytes, element: Element, more: Sequence[str], count: int) -> list[tuple[int, int, bytes]]:
    tag = markup.with_attribute(content, element, "count", str(count + len(more)))
    made = "".join(more).encode()
    if element.is_closed:
        end = f"</{element.tag(element.name)}>".encode()
        return [(element.start, element.end, tag[:-2].rstrip() + b">" + made + end)]
    return [(element.start, element.inner, tag), (element.inner_end, element.inner_end, made)]

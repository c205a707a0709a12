"""The parts of an Office workbook that its sheets share: cell styles and texts."""

from __future__ import annotations

from procession.actions.problems import Problem
from procession.actions.reading.sheets import formats
from procession.actions.reading.sheets.areas import CELLS_MAX
from procession.actions.reading.sheets.containers import Container
from procession.actions.reading.sheets.formats import Shows
from procession.actions.reading.sheets.markup import Attributes, Handlers, parse
from procession.actions.reading.sheets.values import unescaped


def styles(container: Container, part: str) -> list[Shows]:
    """What each cell style shows, by its number. Without styles every cell shows what it is."""
    codes: dict[int, str] = {}
    number_ids: list[int] = []
    is_inside = False

    def start(name: str, attributes: Attributes) -> None:
        nonlocal is_inside
        match name:
            case "numFmt" if attributes.get("numFmtId", "").isdigit():
                # A dxf may say its own code for an id: the list of codes comes first.
                codes.setdefault(int(attributes["numFmtId"]), attributes.get("formatCode", ""))
            case "cellXfs":
                is_inside = True
            case "xf" if is_inside:
                number = attributes.get("numFmtId", "0")
                number_ids.append(int(number) if number.isdigit() else 0)

    def end(name: str) -> None:
        nonlocal is_inside
        is_inside = is_inside and name != "cellXfs"

    if part in container:
        parse(container.chunks(part), Handlers(start=start, end=end), f'the styles of "{container.file_name}"')
    return formats.of_styles(number_ids, codes)


def strings(container: Container, part: str) -> list[str]:
    """The shared strings, by their number: all runs of rich text, without what tells how it is spoken."""
    found: list[str] = []
    parts: list[str] = []
    is_text = is_spoken = False

    def start(name: str, _: Attributes) -> None:
        nonlocal is_text, is_spoken
        if name == "rPh":
            is_spoken = True
        elif name == "t":
            is_text = not is_spoken

    def end(name: str) -> None:
        nonlocal is_text, is_spoken
        if name == "t":
            is_text = False
        elif name == "rPh":
            is_spoken = False
        elif name == "si":
            found.append(unescaped("".join(parts)))
            parts.clear()
            if len(found) > CELLS_MAX:
                raise Problem(f'"{container.file_name}" has more than {CELLS_MAX:,} texts')

    def text(part: str) -> None:
        if is_text:
            parts.append(part)

    if part in container:
        handlers = Handlers(start=start, end=end, text=text)
        parse(container.chunks(part), handlers, f'the texts of "{container.file_name}"')
    return found

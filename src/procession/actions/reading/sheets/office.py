"""An Office workbook (XLSX, XLSM, strict or not): where its tabs are, and how its sheets are to be understood."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from procession.actions.problems import Problem
from procession.actions.reading.sheets import shared
from procession.actions.reading.sheets.containers import Container
from procession.actions.reading.sheets.formats import Shows
from procession.actions.reading.sheets.markup import Attributes, Handlers, is_true, local, parse
from procession.actions.reading.sheets.rows import Findings, Row
from procession.actions.reading.sheets.tabs import Tab
from procession.actions.reading.sheets.worksheets import Texts, Worksheet

MAIN = "xl/workbook.xml"
_PIECE = 4 << 10  # bytes that are parsed at a time to see how a sheet begins


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relation:
    kind: str  # the last word of its type, in lower case: worksheet, chartsheet, styles, ...
    part: str


def main_part(container: Container) -> str:
    """The part that the package calls its document."""
    found = [relation.part for relation in relations(container, "").values() if relation.kind == "officedocument"]
    return next((part for part in found if part in container), MAIN)


class OfficeBook:
    """An Office workbook, open. Raises Problem when its frame is damaged."""

    def __init__(self, container: Container, part: str) -> None:
        self.tabs: list[Tab] = []
        self.is_1904 = False
        self.is_to_compute = False  # its program asks that formulas be computed when it is opened
        self._container = container
        self._related = relations(container, part)
        handlers = Handlers(start=self._start)
        parse(container.chunks(part), handlers, f'the workbook "{container.file_name}"')

    def rows(self, tab: Tab, where: str, findings: Findings) -> Iterator[Row]:
        if tab.part not in self._container:
            raise Problem(f"{where} is damaged: its cells are missing")
        return self._parsed(self._container.chunks(tab.part), where, findings, shared.strings)

    def size(self, tab: Tab) -> int:
        """Bytes of a sheet."""
        return self._size(tab.part)

    def texts_size(self) -> int:
        """Bytes of those that its sheets share."""
        return self._size(self.part_of("sharedstrings"))

    def _size(self, part: str) -> int:
        return self._container.size(part) if part in self._container else 0

    def chunks(self, tab: Tab) -> Iterator[bytes]:
        return self._container.chunks(tab.part)

    def top(self, content: bytes, where: str) -> Iterator[Row]:
        """The rows of the content of a sheet, parsed as far as they are asked for."""
        pieces = (content[at : at + _PIECE] for at in range(0, len(content), _PIECE))
        return self._parsed(pieces, where, Findings(), shared.FirstStrings)

    def note(self, around: bytes, where: str, findings: Findings) -> None:
        """Notes what lies around the rows of a sheet, given without them."""
        # It is run for what it notes.
        deque(self._parsed([around], where, findings, shared.FirstStrings), maxlen=0)

    def styles(self) -> list[Shows]:
        return shared.styles(self._container, self.part_of("styles"))

    def texts(self) -> list[str]:
        """Those that its sheets share. Raises Problem."""
        return shared.strings(self._container, self.part_of("sharedstrings"))

    def text_chunks(self) -> Iterator[bytes]:
        part = self.part_of("sharedstrings")
        return self._container.chunks(part) if part in self._container else iter(())

    def _parsed(
        self, chunks: Iterable[bytes], where: str, findings: Findings, texts: Callable[[Container, str], Texts]
    ) -> Iterator[Row]:
        sheet = Worksheet(
            where=where,
            styles=self.styles(),
            # A sheet of numbers needs no texts, and those of a large workbook take long to parse.
            texts=partial(texts, self._container, self.part_of("sharedstrings")),
            is_1904=self.is_1904,
            findings=findings,
        )
        return sheet.rows(chunks)

    def warnings(self, findings: Findings) -> list[str]:
        if not (self.is_to_compute and findings.has_formulas):
            return []
        return [
            f'the formulas of "{self._container.file_name}" are not computed yet, says the program that wrote it, and '
            "their stored values may be wrong; open it in a spreadsheet program and save it"
        ]

    def part_of(self, kind: str) -> str:
        """The part of that kind, "" when there is none."""
        return next((relation.part for relation in self._related.values() if relation.kind == kind), "")

    def _start(self, name: str, attributes: Attributes) -> None:
        match name:
            case "workbookPr":
                self.is_1904 = is_true(attributes, "date1904")
            case "calcPr":
                self.is_to_compute = is_true(attributes, "fullCalcOnLoad")
            case "sheet":
                self.tabs.append(_tab(attributes, self._related, self._container.file_name))


def _tab(attributes: Attributes, related: dict[str, _Relation], file_name: str) -> Tab:
    name = attributes.get("name", "")
    relation = related.get(local(attributes, "id"))
    if relation is None:
        raise Problem(f'the workbook "{file_name}" is damaged: it does not say where its sheet "{name}" is')
    return Tab(
        name=name,
        part=relation.part,
        is_hidden=attributes.get("state", "visible") != "visible",
        has_cells=relation.kind in ("worksheet", "xlmacrosheet"),
    )


def relations(container: Container, part: str) -> dict[str, _Relation]:
    """The parts that `part` names, by id; those of the whole package for ""."""
    folder, name = posixpath.split(part)
    listing = posixpath.join(folder, "_rels", f"{name}.rels")
    found: dict[str, _Relation] = {}

    def start(name: str, attributes: Attributes) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "").replace("\\", "/")
            found[attributes.get("Id", "")] = _Relation(
                kind=attributes.get("Type", "").rpartition("/")[2].lower(),
                # Joined to the root first: no number of `..` leads out of the package.
                part=posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/"),
            )

    if listing in container:
        parse(container.chunks(listing), Handlers(start=start), f'the workbook "{container.file_name}"')
    return found

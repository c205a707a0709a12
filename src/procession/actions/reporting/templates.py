"""A workbook of the user's that is filled: opened with care, because it comes from outside, and changed little."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading.sheets import containers
from procession.actions.reporting import markup, places
from procession.actions.reporting.markup import Element
from procession.actions.reporting.places import CellPlace
from procession.actions.writing.workbooks import COMPRESSION, ZIP64_BYTES

_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
# Parts that run something or take data from elsewhere when the book is opened, and what they are.
_REFUSED = {
    "xl/vbaproject.bin": "macros",
    "xl/macrosheets/": "macros of Excel 4.0",
    "xl/externallinks/": "links to other workbooks",
    "xl/connections.xml": "connections to other data",
    "xl/activex/": "controls that run code",
    "xl/model/": "a data model",
}
_SAVE_AS = "save it without them as .xlsx"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedPart:
    """A part that is made while it is written; of about that size."""

    size_bytes: int
    write: Callable[[BinaryIO], None]


@dataclass(slots=True, kw_only=True)
class Template:
    """`sheets` are the parts of its sheets by their names; `changed` are parts with new content."""

    name: str
    container: containers.Container
    sheets: Mapping[str, str]
    names: Mapping[str, Sequence[str]]  # what defined names refer to: each sheet may have one of the same name
    workbook: str
    changed: dict[str, bytes | StreamedPart] = field(default_factory=dict)
    added: dict[str, bytes] = field(default_factory=dict)

    def what(self, sheet: str) -> str:
        return f'the sheet "{sheet}" of the template "{self.name}"'

    def sheet_part(self, sheet: str) -> tuple[str, str]:
        """The name as the template writes it, and its part. Raises Problem naming those that there are."""
        for name, part in self.sheets.items():
            if name.lower() == sheet.lower():
                return name, part
        raise Problem(f'the template "{self.name}" has no sheet "{sheet}" (it has {", ".join(self.sheets)})')

    def place(self, text: str, sheet: str | None) -> tuple[str, CellPlace]:
        """Sheet and cell of B4, Summary!B2 or a name. Raises Problem for a name that there is not."""
        found = places.on_sheet(text)
        if found is None and sheet is not None and (cell := places.cell(text)) is not None:
            found = (sheet, cell)
        if found is None:
            found = self._named(text, sheet)
        name, _ = self.sheet_part(found[0])
        if sheet is not None and name.lower() != sheet.lower():
            raise Problem(f'"{text}" of the template "{self.name}" lies on the sheet "{name}", not on "{sheet}"')
        return name, found[1]

    def _named(self, text: str, sheet: str | None) -> tuple[str, CellPlace]:
        meant = next((refers for name, refers in self.names.items() if name.lower() == text.lower()), ())
        if not meant:
            there = f" (it has {', '.join(list(self.names)[:20])})" if self.names else ""
            raise Problem(f'the template "{self.name}" has no cell or name "{text}"{there}')
        # The first cell of a range that is named.
        places_of = {place for one in meant if (place := places.on_sheet(one.partition(":")[0])) is not None}
        if not places_of:
            raise Problem(f'the name "{text}" of the template "{self.name}" is no place on a sheet: {meant[0]}')
        # Of the sheet that is filled, where several have it; a value must not go to the first that comes.
        own = {place for place in places_of if sheet is not None and place[0].lower() == sheet.lower()} or places_of
        if len(own) > 1:
            on = ", ".join(sorted(name for name, _ in own))
            raise Problem(f'the template "{self.name}" has the name "{text}" on several sheets ({on}); name a cell')
        return own.pop()


def read(container: containers.Container, source: FileInput) -> Template:
    """Raises Problem for what must not be filled, and for what is no workbook of ours."""
    name = source.name
    parts = container.parts()
    if Path(name).suffix.lower() == ".xlsm":
        raise Problem(f'the template "{name}" may hold macros; {_SAVE_AS}')
    for part in parts:
        for start, what in _REFUSED.items():
            if part.lower().lstrip("/").startswith(start):
                raise Problem(f'the template "{name}" has {what}; {_SAVE_AS}')
        # Whoever unpacks our book would write there.
        if part.startswith("/") or "\\" in part or ".." in part.split("/") or ":" in part:
            raise Problem(f'the template "{name}" has a part with a path of its own: {part[:100]}')
        _refuse_document_types(container, part, name)
    # Whatever the file is called: Excel goes by this.
    if b"macroenabled" in container.read("[Content_Types].xml").lower():
        raise Problem(f'the template "{name}" may hold macros; {_SAVE_AS}')
    _refuse_links(container, parts, name)
    return _look(container, name)


def _refuse_document_types(container: containers.Container, part: str, name: str) -> None:
    """In those parts too that are only copied: the next program that reads the book might believe them."""
    if not part.lower().endswith((".xml", ".rels", ".vml")):
        return
    tail = b""
    for chunk in container.chunks(part):
        # Without zero bytes, so that UTF-16 hides nothing.
        text = (tail + chunk).replace(b"\0", b"")
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise Problem(f'the template "{name}" declares a document type in {part}, which no workbook has')
        tail = chunk[-64:]


def _refuse_links(container: containers.Container, parts: list[str], name: str) -> None:
    for part in parts:
        if not part.lower().endswith(".rels"):
            continue
        for one in markup.elements(markup.utf8(container.read(part), part), f"{part} of {name}"):
            is_outside = one.attributes.get("TargetMode", "").lower() == "external"
            # A link that somebody clicks is no data that a book fetches by itself.
            if is_outside and not one.attributes.get("Type", "").endswith("/hyperlink"):
                target = one.attributes.get("Target", "")[:100]
                raise Problem(f'the template "{name}" takes something from elsewhere ({target}); {_SAVE_AS}')


def _look(container: containers.Container, name: str) -> Template:
    what = f'"{name}"'
    workbook = next(
        (_target("", one) for one in _relations(container, "_rels/.rels", what) if _is(one, "/officeDocument")), ""
    )
    if workbook not in container or not workbook:
        raise Problem(f"{what} is no workbook of Excel (.xlsx)")
    folder, file = posixpath.split(workbook)
    # Sheets of charts and of dialogues are no worksheets, and have no cells.
    targets = {
        one.attributes.get("Id", ""): _target(folder, one)
        for one in _relations(container, f"{folder}/_rels/{file}.rels".lstrip("/"), what)
        if _is(one, "/worksheet")
    }
    content = markup.utf8(container.read(workbook), what)
    found = markup.elements(content, what)
    sheets = {}
    for one in found:
        if one.name == "sheet":
            # Which prefix the namespace of relations has is the choice of whoever wrote it.
            number = next((value for key, value in one.attributes.items() if key.endswith(":id")), "")
            if number in targets and targets[number] in container:
                sheets[one.attributes.get("name", "")] = targets[number]
    # Names of a single sheet too: a report is filled by whoever knows the template.
    names: dict[str, list[str]] = {}
    for one in found:
        if one.name == "definedName" and "name" in one.attributes:
            refers = _unescaped(content[one.inner : one.inner_end].decode())
            names.setdefault(one.attributes["name"], []).append(refers)
    return Template(name=name, container=container, sheets=sheets, names=names, workbook=workbook)


def parts_of(template: Template, part: str, kind: str) -> list[str]:
    """The parts that another one goes by, such as the tables of a sheet."""
    folder, file = posixpath.split(part)
    listed = _relations(template.container, f"{folder}/_rels/{file}.rels".lstrip("/"), f'"{template.name}"')
    return [found for one in listed if _is(one, kind) and (found := _target(folder, one)) in template.container]


def _relations(container: containers.Container, part: str, what: str) -> list[Element]:
    if part not in container:
        return []
    return markup.elements(markup.utf8(container.read(part), what), what)


def _is(one: Element, kind: str) -> bool:
    return one.name == "Relationship" and one.attributes.get("Type", "").endswith(kind)


def _target(folder: str, one: Element) -> str:
    return posixpath.normpath(posixpath.join("/", folder, one.attributes.get("Target", ""))).lstrip("/")


def _unescaped(text: str) -> str:
    for mark, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(mark, letter)
    return text


def recalculate(template: Template) -> None:
    """Has formulas calculated when the book is opened: what they show was calculated without the rows."""
    what = f'"{template.name}"'
    content = markup.utf8(template.container.read(template.workbook), what)
    found = markup.elements(content, what)
    present = markup.first(found, "calcPr")
    # Its other settings, such as calculation by hand, are the template's own affair.
    if present is not None:
        tag = markup.with_attribute(content, present, "fullCalcOnLoad", "1")
        template.changed[template.workbook] = markup.replaced(content, [(present.start, present.inner, tag)])
        return
    # In this order, which the schema prescribes; the last of those that are there.
    before = [one for name in ("sheets", "functionGroups", "definedNames") if (one := markup.first(found, name))]
    at = before[-1].end
    tag = f'<{before[-1].tag("calcPr")} calcId="0" fullCalcOnLoad="1"/>'.encode()
    template.changed[template.workbook] = markup.replaced(content, [(at, at, tag)])


def stale(template: Template) -> Iterator[str]:
    """What goes on showing the old rows: pivot tables keep a copy of theirs until they are refreshed."""
    for part in template.container.parts():
        if "pivotcachedefinition" in part.lower() and part.lower().endswith(".xml"):
            root = markup.elements(markup.utf8(template.container.read(part), part), f"{part} of {template.name}")[0]
            if root.attributes.get("refreshOnLoad", "0") not in {"1", "true"}:
                yield (
                    f'the template "{template.name}" has a pivot table that shows its old rows until it is refreshed; '
                    'have it "refresh data when opening the file"'
                )
                return


def add_sheet(template: Template, sheet: str, content: bytes) -> None:
    """Adds a sheet behind all others. Called after recalculate(). Raises Problem for a name that is taken."""
    if any(name.lower() == sheet.lower() for name in template.sheets):
        raise Problem(f'the template "{template.name}" has a sheet "{sheet}" already')
    what = f'"{template.name}"'
    folder, file = posixpath.split(template.workbook)
    taken = {part.lower() for part in template.container.parts()}
    # Compared without case: on some systems both would be one file.
    number = next(n for n in range(1, len(taken) + 2) if f"{folder}/worksheets/sheet{n}.xml".lower() not in taken)
    part = f"{folder}/worksheets/sheet{number}.xml".lstrip("/")
    # As it is by now: it was changed before.
    workbook = template.changed[template.workbook]
    assert isinstance(workbook, bytes)
    found = markup.elements(workbook, what)
    sheets = markup.first(found, "sheets")
    assert sheets is not None
    ids = [int(one.attributes["sheetId"]) for one in found if one.attributes.get("sheetId", "").isdecimal()]
    mark = "rProcessionSignOff"
    tag = (
        f'<{sheets.tag("sheet")} xmlns:rel="{_RELATIONS}" name="{markup.escaped(sheet)}" '
        f'sheetId="{max(ids, default=0) + 1}" rel:id="{mark}"/>'
    ).encode()
    template.changed[template.workbook] = markup.replaced(workbook, [(sheets.inner_end, sheets.inner_end, tag)])
    _append(
        template, f"{folder}/_rels/{file}.rels".lstrip("/"), "Relationship",
        {"Id": mark, "Type": f"{_RELATIONS}/worksheet", "Target": f"/{part}"},
    )  # fmt: skip
    _append(template, "[Content_Types].xml", "Override", {"PartName": f"/{part}", "ContentType": _SHEET_TYPE})
    template.added[part] = content


def _append(template: Template, part: str, name: str, attributes: Mapping[str, str]) -> None:
    """One more element at the end of a part's root."""
    content = markup.utf8(template.container.read(part), part)
    root = markup.elements(content, part)[0]
    shown = " ".join(f'{key}="{markup.escaped(value)}"' for key, value in attributes.items())
    tag = f"<{root.tag(name)} {shown}/>".encode()
    template.changed[part] = markup.replaced(content, [(root.inner_end, root.inner_end, tag)])


def write(template: Template, path: Path) -> None:
    """The book with its changes; every other part has the bytes that it had."""
    container = template.container
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as out:
        # By name: then zipfile takes the compression of the archive, and a time that is always the same.
        for part in container.parts():
            new = template.changed.get(part)
            size = container.size(part) if new is None else len(new) if isinstance(new, bytes) else new.size_bytes
            with out.open(part, "w", force_zip64=size >= ZIP64_BYTES) as copy:
                if new is None:
                    for chunk in container.chunks(part):
                        copy.write(chunk)
                elif isinstance(new, bytes):
                    copy.write(new)
                else:
                    new.write(cast("BinaryIO", copy))
        for part, content in template.added.items():
            with out.open(part, "w") as copy:
                copy.write(content)

"""How a file is shown: what was recognised, its first rows, and what differs from last time; looked at elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial

from procession.door.contract import Given, RedirectReply, StreamCall
from procession.model.errors import NotFound, Unavailable
from procession.model.files import File
from procession.model.ids import FileId, RunId
from procession.model.previews import CheckLevel, ColumnKind, FileCheck, Preview
from procession.model.steps import PropertyRow
from procession.operations import files, previews
from procession.operations.previews import FileQuestion, FileView
from procession.pages import formats
from procession.pages.formats import Reader

LOOKED = "looked"  # in the query of a page
COLUMNS_SHOWN = 30  # a page stays light; the rest is counted
REMARKS_SHOWN = 3
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "space"}
_KINDS = {"csv": "CSV", "json": "JSON", "json lines": "JSON lines", "parquet": "Parquet", "xml": "XML"}
_ICONS = {CheckLevel.OK: ("ok", "done"), CheckLevel.TOLD: ("", "info"), CheckLevel.DOUBT: ("warn tag", "remarks")}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewCell:
    text: str
    kind: str = ""  # a class of the style sheet
    is_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """One way in which steps read a file, for a page. `facts`: size, rows, what was recognised."""

    title: str
    facts: str
    problem: str
    trouble: str
    headings: Sequence[PreviewCell]
    rows: Sequence[Sequence[PreviewCell]]
    is_whole: bool  # there are no more rows than these
    more_columns: int
    said: Sequence[tuple[str, str, str]]  # class, icon, text


@dataclass(frozen=True, slots=True, kw_only=True)
class FileZone:
    """The place of an input that is a file. `views` is None where somebody has to look first."""

    row: PropertyRow
    file: File
    size: str
    views: Sequence[ShownFile] | None
    reads_tables: bool = False
    blocks: bool = False
    earlier_name: str = ""
    mistake: str = ""

    @property
    def id(self) -> str:
        return str(self.file.id)

    @property
    def is_filled(self) -> bool:
        return self.file.sha256 is not None


def shown(views: Sequence[FileView] | None, reader: Reader) -> list[ShownFile] | None:
    return None if views is None else [_shown(view, reader, is_one=len(views) == 1) for view in views]


def _shown(view: FileView, reader: Reader, *, is_one: bool) -> ShownFile:
    seen = view.preview
    columns = seen.columns[:COLUMNS_SHOWN]
    kinds = [column.kind for column in columns]
    whole = [_is_whole(seen, place) for place in range(len(columns))]
    return ShownFile(
        title=""
        if is_one
        else f"As {_listed(view.reading.steps)} {'reads' if len(view.reading.steps) == 1 else 'read'} it",
        facts=_facts(seen, reader),
        problem=seen.problem,
        trouble=_trouble(view),
        headings=[PreviewCell(text=column.name, kind=_align(column.kind)) for column in columns],
        rows=[
            [
                _cell(text, kind, reader, is_whole=is_whole)
                for text, kind, is_whole in zip(row, kinds, whole, strict=False)
            ]
            for row in seen.first
        ],
        is_whole=len(seen.first) == seen.rows,
        more_columns=len(seen.columns) - len(columns),
        said=_said(view),
    )


def _listed(steps: Sequence[str]) -> str:
    return " and ".join(f"step {step}" for step in steps)


def _trouble(view: FileView) -> str:
    """Why there is no table, where that is no fault of the file."""
    seen = view.preview
    if seen.problem and not view.reading.steps:
        return "No step reads it as a table; a script reads it as it is"
    return seen.trouble


def _facts(seen: Preview, reader: Reader) -> str:
    if not seen.is_read:
        return ""
    rows = f"{reader.whole(seen.rows)} {'row' if seen.rows == 1 else 'rows'}"
    recognised = [_DELIMITERS.get(seen.delimiter, f"“{seen.delimiter}”") if seen.delimiter else ""]
    recognised += [seen.encoding.upper(), f"sheet “{seen.sheet}”" if seen.sheet else ""]
    if not any(recognised):
        recognised = [_KINDS.get(seen.kind, seen.kind)]
    return " · ".join([rows, *filter(None, recognised)])


def _is_whole(seen: Preview, place: int) -> bool:
    """Whether the numbers shown of a column have no decimals: they may be years or numbers of documents."""
    return not any("." in (row[place] or "") for row in seen.first)


def _align(kind: ColumnKind) -> str:
    return "num" if kind is ColumnKind.NUMBER else ""


def _cell(text: str | None, kind: ColumnKind, reader: Reader, *, is_whole: bool) -> PreviewCell:
    if text is None:
        return PreviewCell(text="empty", kind="nil", is_empty=True)
    if kind is ColumnKind.NUMBER:
        # A year or a number of a document is no amount: 2,026 would be a strange year.
        return PreviewCell(text=text if is_whole else reader.number(text), kind="num")
    if kind is ColumnKind.DATE:
        with suppress(ValueError):
            return PreviewCell(text=formats.day(date.fromisoformat(text)), kind="no")
    if not text.strip():
        return PreviewCell(text=f"“{text}”")
    return PreviewCell(text=text)


def _said(view: FileView) -> list[tuple[str, str, str]]:
    checks = list(view.checks)
    seen = view.preview
    # What no step reads as a table need be none.
    if seen.is_read and view.reading.steps:
        checks += [FileCheck(level=CheckLevel.DOUBT, text=text) for text in seen.warnings[:REMARKS_SHOWN]]
        if not seen.rows:
            checks.append(FileCheck(level=CheckLevel.DOUBT, text="There are headings, and no rows below them"))
        checks += [FileCheck(level=CheckLevel.TOLD, text=text) for text in seen.remarks[:REMARKS_SHOWN]]
    return [(*_ICONS[check.level], f"{check.text[:1].upper()}{check.text[1:]}") for check in checks]


async def look(call: StreamCall) -> RedirectReply:
    """Has somebody look at the file, and comes back to its page, which then shows it."""
    file_id, run_id = call.id(FileId), call.id(RunId)
    with call.database.snapshot() as tx:
        file = of_run(files.find(tx, file_id), run_id)
        asked = previews.question(tx, call.context.resources, file)
    if file_id not in await looked_at(call, [asked]):
        raise Unavailable("nobody is free to look at the file; its run can start all the same")
    # A script that came for the place alone must not be sent for it again by what it gets.
    query = f"?{LOOKED}" if "hx-request" in call.request.headers else ""
    return RedirectReply(location=f"/runs/{run_id}{query}#{file_id}")


def of_run(file: File, run: RunId) -> File:
    """Raises NotFound for a file of another run: the address names both, and the role was asked on one of them."""
    if file.run != run:
        raise NotFound(f"there is no file {file.id} in process run {run}")
    return file


async def looked_at(call: Given, asked: Sequence[FileQuestion]) -> dict[FileId, list[FileView]]:
    """What each of the files looks like; one is left out where the server has nobody free to look."""
    resources = call.context.resources
    found: dict[FileId, list[FileView]] = {}

    async def one(question: FileQuestion) -> None:
        with suppress(Unavailable):
            work = partial(previews.look, resources, question)
            found[question.file.id] = await asyncio.wrap_future(resources.table_workers.call(work))

    await asyncio.gather(*map(one, asked))
    return found

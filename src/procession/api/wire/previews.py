"""What a file looks like to its steps, on the wire."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from procession.api.wire.scalars import AFile, Count, Sha256
from procession.model import files as model
from procession.operations.previews import FileView


class PreviewColumnShape(Struct, frozen=True, kw_only=True):
    name: str
    type: str


class CheckShape(Struct, frozen=True, kw_only=True):
    level: str
    text: str


class FileReadingShape(Struct, frozen=True, kw_only=True):
    """`steps` read the file so; `problem` says why they cannot, `trouble` why nobody looked."""

    steps: list[str]
    kind: str
    delimiter: str
    encoding: str
    sheet: str
    sheets: list[str]
    rows: Count
    columns: list[PreviewColumnShape]
    firstRows: list[list[str | None]]
    remarks: list[str]
    warnings: list[str]
    problem: str
    trouble: str
    checks: list[CheckShape]


class FilePreview(Struct, frozen=True, kw_only=True):
    id: AFile
    name: str
    sizeInBytes: Count
    sha256: Sha256
    readings: list[FileReadingShape]


def preview(file: model.File, views: Sequence[FileView]) -> FilePreview:
    return FilePreview(
        id=str(file.id),
        name=file.name,
        sizeInBytes=file.size_bytes,
        sha256=file.sha256 or "",
        readings=[_reading(view) for view in views],
    )


def _reading(view: FileView) -> FileReadingShape:
    seen = view.preview
    return FileReadingShape(
        steps=list(view.reading.steps),
        kind=seen.kind,
        delimiter=seen.delimiter,
        encoding=seen.encoding,
        sheet=seen.sheet,
        sheets=list(seen.sheets),
        rows=seen.rows,
        columns=[PreviewColumnShape(name=column.name, type=column.kind) for column in seen.columns],
        firstRows=[list(row) for row in seen.first],
        remarks=list(seen.remarks),
        warnings=list(seen.warnings),
        problem=seen.problem,
        trouble=seen.trouble,
        checks=[CheckShape(level=check.level, text=check.text) for check in view.checks],
    )

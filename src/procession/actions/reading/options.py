"""What a process file says about a file: how it is written, and what its columns are."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.references import ReferenceText

Character = Annotated[str, msgspec.Meta(min_length=1, max_length=1)]
Type = Literal["Text", "Number", "Money", "Date", "Datetime", "TrueFalse"]
Heading = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Pattern = Annotated[str, msgspec.Meta(min_length=2, max_length=60)]
Thousands = Literal[".", ",", " ", "'", "_"]


class ColumnOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a column is. It is then never guessed, so that next month's file has the same types."""

    name: Annotated[Heading | None, msgspec.Meta(description="what the step calls it; its heading if left out")] = None
    type: Annotated[Type, msgspec.Meta(description="a value that does not fit is refused, never rounded")]
    required: Annotated[bool, msgspec.Meta(description="refuse an empty cell")] = False
    decimal: Annotated[
        Literal[".", ","] | None, msgspec.Meta(description="the decimal mark; the file's if left out")
    ] = None
    thousands: Annotated[Thousands | None, msgspec.Meta(description="the mark between groups of three digits")] = None
    pattern: Annotated[Pattern | None, msgspec.Meta(description="how dates are written, such as %d.%m.%Y")] = None
    trim: Annotated[bool | None, msgspec.Meta(description="take blanks from both ends")] = None


_PLACES = ("skip", "header", "sheet", "range")  # where a table lies in its file: nothing to say of JSON and Parquet


class FileOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file, and what cannot be known by looking at it."""

    file: Annotated[ReferenceText, msgspec.Meta(description="the property that holds the file")]
    delimiter: Annotated[Character | None, msgspec.Meta(description="CSV: found in the header if left out")] = None
    quote: Annotated[Character, msgspec.Meta(description="CSV: the mark around values")] = '"'
    header: Annotated[bool, msgspec.Meta(description="does the first row hold the headings?")] = True
    skip: Annotated[int, msgspec.Meta(ge=0, le=1000, description="lines or rows before the header")] = 0
    encoding: Annotated[
        Annotated[str, msgspec.Meta(max_length=40)] | None,
        msgspec.Meta(description="CSV: such as cp1252; UTF-8 or what its first bytes say if left out"),
    ] = None
    sheet: Annotated[str | int | None, msgspec.Meta(description="name, or number from 1; the first if left out")] = None
    range: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{1,3}[0-9]{0,7}:[A-Za-z]{1,3}[0-9]{0,7}$")] | None,
        msgspec.Meta(description="part of a sheet, such as B4:H"),
    ] = None
    errors: Annotated[
        Literal["refuse", "empty"],
        msgspec.Meta(description="cells of a sheet that hold an error, or a formula without a value"),
    ] = "refuse"
    columns: Annotated[dict[str, ColumnOptions], msgspec.Meta(description="by heading, or by number from 1")] = {}
    others: Annotated[
        Literal["keep", "drop", "refuse"], msgspec.Meta(description="columns that `columns` does not name")
    ] = "keep"
    decimal: Annotated[Literal[".", ","] | None, msgspec.Meta(description="the decimal mark of all columns")] = None
    thousands: Annotated[Thousands | None, msgspec.Meta(description="the mark between groups, of all columns")] = None
    date: Annotated[Pattern | None, msgspec.Meta(description="how dates are written, such as %d.%m.%Y")] = None
    trim: Annotated[bool, msgspec.Meta(description="take blanks from both ends of every cell")] = False
    zone: Annotated[str, msgspec.Meta(max_length=64, description="IANA zone in which a moment's day is taken")] = "UTC"


def refuse_place(source: FileInput, options: FileOptions, kind: str) -> None:
    """Raises Problem for an option that says where the table lies, in a kind of file that is one table."""
    plain = FileOptions(file=options.file)
    for name in _PLACES:
        if getattr(options, name) != getattr(plain, name):
            raise Problem(f'{source.called} is {kind}, where "{name}" means nothing; leave it out')

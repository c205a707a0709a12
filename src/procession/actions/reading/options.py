"""A source of rows in a process file: a file, how it is written and what its columns are; or a managed table."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from procession.actions.column_names import FileHeading
from procession.actions.references import ReferenceText, TableText

Character = Annotated[str, msgspec.Meta(min_length=1, max_length=1)]
Type = Literal["Text", "Number", "Money", "Date", "Datetime", "TrueFalse"]
Heading = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Pattern = Annotated[str, msgspec.Meta(min_length=2, max_length=60)]
Format = Literal["csv", "tsv", "fixed", "xlsx", "xlsm", "xlsb", "xls", "ods", "json", "jsonl", "xml", "parquet"]
Thousands = Literal[".", ",", " ", "'", "_"]


class ColumnOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a column is. It is then never guessed, so that next month's file has the same types."""

    name: Annotated[Heading | None, msgspec.Meta(description="what the step calls it; its heading if left out")] = None
    # Required: a column that is named and not typed would still be guessed.
    type: Annotated[Type, msgspec.Meta(description="a value that does not fit is refused, never rounded")]
    required: Annotated[bool, msgspec.Meta(description="refuse an empty cell")] = False
    decimal: Annotated[
        Literal[".", ","] | None, msgspec.Meta(description="the decimal mark; the file's if left out")
    ] = None
    thousands: Annotated[Thousands | None, msgspec.Meta(description="the mark between groups of three digits")] = None
    pattern: Annotated[Pattern | None, msgspec.Meta(description="how dates are written, such as %d.%m.%Y")] = None
    trim: Annotated[bool | None, msgspec.Meta(description="take blanks from both ends")] = None


class FixedField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a value stands in each line; blanks around it do not belong to it."""

    name: Annotated[Heading, msgspec.Meta(description="the heading of the column")]
    at: Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="its first character, from 1")]
    size: Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="how many characters it takes")]


# What is left out stays out where it crosses the pipe: an empty text is no reference.
class FileOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file, and what cannot be known by looking at it; or a managed table, whose columns have their types."""

    file: Annotated[
        ReferenceText,
        # A form shows it first: it may be left out for a table only.
        msgspec.Meta(description="the property that holds the file", extra_json_schema={"x-wanted": True}),
    ] = ""
    table: Annotated[TableText, msgspec.Meta(description="a managed table, in place of a file")] = ""
    version: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | ReferenceText | None,
        msgspec.Meta(description="tables: the one to read; the present one when the step begins if left out"),
    ] = None
    format: Annotated[
        Format | None,
        msgspec.Meta(description="what it must be, of workbooks any; its first bytes tell if left out, then its name"),
    ] = None
    delimiter: Annotated[Character | None, msgspec.Meta(description="CSV: found in the header if left out")] = None
    quote: Annotated[Character, msgspec.Meta(description="CSV: the mark around values")] = '"'
    header: Annotated[bool, msgspec.Meta(description="CSV, workbooks: does the first row hold the headings?")] = True
    skip: Annotated[int, msgspec.Meta(ge=0, le=1000, description="CSV, workbooks: lines or rows before the header")] = 0
    encoding: Annotated[
        Annotated[str, msgspec.Meta(max_length=40)] | None,
        msgspec.Meta(description="CSV, JSON: such as cp1252; UTF-8 or what its first bytes say if left out"),
    ] = None
    sheet: Annotated[
        str | int | None,
        msgspec.Meta(description="workbooks: name, number from 1, or ${step.property} with one; the first if left out"),
    ] = None
    range: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{1,3}[0-9]{0,7}:[A-Za-z]{1,3}[0-9]{0,7}$")] | None,
        msgspec.Meta(description="workbooks: part of a sheet, such as B4:H"),
    ] = None
    errors: Annotated[
        Literal["refuse", "empty"],
        msgspec.Meta(description="workbooks: cells that hold an error, or a formula without a value"),
    ] = "refuse"
    fixed: Annotated[
        list[FixedField], msgspec.Meta(max_length=2_000, description="text without delimiters: where each value stands")
    ] = []
    records: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^(/[^/\s]+)+$", max_length=1_000)] | None,
        msgspec.Meta(description="XML, JSON: where the rows are, such as /Document/Entry"),
    ] = None
    total_row: Annotated[
        Literal["skip", "check"] | None,
        msgspec.Meta(
            description="the last row holds totals: leave it out, or refuse the file where they are not right"
        ),
    ] = None
    columns: Annotated[
        dict[FileHeading, ColumnOptions], msgspec.Meta(description="by heading, or by number from 1")
    ] = {}
    others: Annotated[
        Literal["keep", "drop", "refuse"], msgspec.Meta(description="columns that `columns` does not name")
    ] = "keep"
    decimal: Annotated[Literal[".", ","] | None, msgspec.Meta(description="the decimal mark of all columns")] = None
    thousands: Annotated[Thousands | None, msgspec.Meta(description="the mark between groups, of all columns")] = None
    date: Annotated[Pattern | None, msgspec.Meta(description="how dates are written, such as %d.%m.%Y")] = None
    trim: Annotated[bool, msgspec.Meta(description="take blanks from both ends of every cell")] = False
    zone: Annotated[
        Annotated[str, msgspec.Meta(max_length=64)] | None,
        msgspec.Meta(description="IANA zone in which a moment's day is taken; UTC if left out"),
    ] = None

"""Table jobs between server and child: their settings and the names of their outputs."""

from __future__ import annotations

from typing import Literal

import msgspec

from procession.actions.reading.options import FileOptions, Type
from procession.model.columns import Column
from procession.model.suggestions import Show

ROWS_KIND, CHANGE_KIND, READ_KIND, PREVIEW_KIND = "table_rows", "table_change", "table_read", "file_preview"
COMPACT_KIND, REVIEW_KIND, SAMPLE_KIND = "table_compact", "suggestion_review", "file_sample"
RULES_KIND, FIT_KIND = "rules_found", "sample_fit"
# Outputs of every job. REFUSED says what is wrong with the request; if present, ignore the others.
REFUSED, RESULT = "job.refused", "job.result"

Mode = Literal["append", "replace", "upsert", "replace_where"]
Format = Literal["json", "csv", "parquet"]
GivenFormat = Literal["json", "jsonl", "csv", "parquet", "workbook"]


class PartFile(msgspec.Struct, frozen=True, kw_only=True):
    """A Parquet file of a version; `number` is its row's id in our database."""

    number: int
    path: str
    rows: int


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """A version: its columns, `_Record_ID` first, and the files that hold its rows."""

    columns: tuple[Column, ...]
    parts: tuple[PartFile, ...]


# Structs, because they cross the pipe to the child.
class RowsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Rows to write; `key`: columns of an upsert or a replace_where. `mode` and `key` in a JSON body take precedence.

    `without`: ranges of record ids, the second of each left out, whose rows go in the same version.
    """

    contents: Contents
    next_record: int
    format: GivenFormat
    request: str  # path of the body
    mode: Mode = "append"
    key: tuple[str, ...] = ()
    encoding: str | None = None  # of a CSV body that says so
    trim: bool = False  # blanks at both ends of every value
    # How texts of a CSV are written; other formats say it themselves.
    decimal: str = "."
    thousands: str | None = None
    pattern: str | None = None  # of dates; None: as in 2026-11-30
    name: str = ""  # of the file, for messages; "": a body that has none
    without: tuple[tuple[int, int], ...] = ()
    sample: int = 0  # only look: nothing is written, and so many rows are shown as they would be


class SampleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the request, and the record that it changes; None for a new row. Values are texts, None for empty.

    `before` is what that record holds now, of the columns that the request names.
    """

    number: int
    record: int | None
    values: tuple[str | None, ...]
    before: tuple[str | None, ...] | None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    columns: tuple[str, ...]
    rows: tuple[SampleRow, ...]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """Files that a version adds (by output name) and drops; `mode`: what was done.

    `rows_updated`: of those given, those with the key of a record; of them, `rows_unchanged` say what it holds already.
    `rows_removed`: records that went. Otherwise each given row is a new one.
    """

    mode: str
    added: dict[str, int]  # output name -> rows
    removed: tuple[int, ...]
    rows_given: int
    rows_updated: int
    next_record: int
    rows_unchanged: int = 0
    rows_removed: int = 0
    remarks: tuple[str, ...] = ()
    sample: Sample | None = None


class ChangeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Check, and where `rewrites`, convert the column `before` to `after` (the same field)."""

    contents: Contents
    before: Column
    after: Column
    rewrites: bool


class CompactSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Make one file of these."""

    contents: Contents


COMPARISONS = {"eq": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
OPERATORS = (*COMPARISONS, "contains", "null")


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """`operator` is one of OPERATORS."""

    column: str
    operator: str
    value: str


class ReadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Rows after the record `after`, in the order of their ids; at most `limit` of them, None for all.

    With an `order`, the name of a column, a page is of that order, beyond the first `skip` rows of it.
    """

    contents: Contents
    format: Format
    conditions: tuple[Condition, ...] = ()
    after: int = 0
    limit: int | None = None
    escapes: bool = False  # formulas, in CSV
    order: str = ""
    is_down: bool = False
    skip: int = 0


class PreviewSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A file to look at: `request` is the path of its bytes, `name` what people call it.

    `rejects`: rows that do not fit are left out, and counted.
    """

    request: str
    name: str
    options: FileOptions
    rejects: bool = False


class SampleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A file of which the first `rows` are to be written to `target`, behind a heading and `skip` lines."""

    request: str
    name: str
    target: str
    rows: int
    skip: int = 0


class TakenSample(msgspec.Struct, frozen=True, kw_only=True):
    """`is_cut`: more rows follow in the file. `whole` says why it was taken as it is, "" where it was sampled."""

    is_cut: bool = False
    whole: str = ""


class FitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A file of which the first `rows` are to be read as `options` say.

    `proposes`: also what its columns may be declared as is wanted, and these options of the file; None: neither.
    """

    request: str
    name: str
    options: FileOptions
    rows: int
    proposes: tuple[str, ...] | None = None


class ProposedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """What a column may be declared as (reading/options.ColumnOptions); `note` says what a person must decide."""

    heading: str
    type: Type
    decimal: str | None = None
    thousands: str | None = None
    pattern: str | None = None
    note: str = ""


PROPOSED_OPTIONS = frozenset({"encoding", "skip", "delimiter", "header"})


class ProposedOption(msgspec.Struct, frozen=True, kw_only=True):
    """What may be said of the whole file (reading/options.FileOptions), and what a person should look at."""

    name: str
    value: str | int | bool
    note: str = ""


class WorstValue(msgspec.Struct, frozen=True, kw_only=True):
    """Of a column: its first value that does not fit, and why; where all of them do, its longest."""

    heading: str
    value: str | None
    reason: str = ""
    misfits: int = 0


class SampleFit(msgspec.Struct, frozen=True, kw_only=True):
    """What the first rows of a file are as its columns are declared. `problem` says why they cannot be read so.

    `rejects`: line, column, value and reason of the first values that do not fit. `is_cut`: more rows follow.
    """

    rows: int = 0
    rejected: int = 0
    is_cut: bool = False
    columns: tuple[WorstValue, ...] = ()
    rejects: tuple[tuple[str | None, ...], ...] = ()
    proposed: tuple[ProposedColumn, ...] = ()
    options: tuple[ProposedOption, ...] = ()  # proposed, and what `proposed` was read with
    problem: str = ""


class RulesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a reconciliation has matched, suggested and left, as Parquet; of each rule the first `shown` are wanted."""

    matched: str
    suggested: str
    only_left: str
    only_right: str
    shown: int


class RuleFinds(msgspec.Struct, frozen=True, kw_only=True):
    """How many matches, or suggestions, a rule has made, and the lines of the first ones as texts.

    `took`: rows of the left and of the right that no later rule sees.
    """

    rule: str
    suggests: bool
    count: int
    took: tuple[int, int]
    lines: tuple[tuple[str | None, ...], ...]


class FoundByRules(msgspec.Struct, frozen=True, kw_only=True):
    """`columns` are the headings of all lines: which match, then the columns of the left side, then of the right.

    `left`: rows of the left and of the right that no rule has taken.
    """

    left: tuple[int, int]
    columns: tuple[str, ...]
    rules: tuple[RuleFinds, ...]


class ReviewSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A file of suggestions to look at, beside the version of a table that holds what people decided.

    `columns` are pairs of headings of the file, the keys first, then the amounts. `numbers` asks for these suggestions
    only; else `limit` of those that `show` names come, after the first `skip`. With an `open_side` the file holds open
    rows of that side, and the one with the key `key` is wanted, as suggestion 0.
    """

    request: str
    name: str
    columns: tuple[tuple[str, str], ...]
    escaped: bool  # formulas, in a CSV
    contents: Contents
    show: Show = Show.OPEN
    numbers: tuple[int, ...] = ()
    skip: int = 0
    limit: int = 0
    open_side: str = ""
    key: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """`last` is the last record's id where more follow, else 0."""

    rows: int
    last: int

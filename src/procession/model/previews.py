"""What a file looks like to the steps that read it, and what that says beside the file of an earlier run."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

NAMES_SHOWN_MAX = 5


class ColumnKind(StrEnum):
    """What the values of a column are, as a person says it."""

    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    MOMENT = "date and time"
    TRUTH = "yes or no"


class PreviewColumn(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: ColumnKind


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A file as a relation: how many rows, the first of them, what was recognised; "" for what its kind has not.

    `problem` says why it cannot be read so. `trouble` says why nobody looked: too large, too slow; then the file may
    be well. In both cases there are no columns. `first` holds texts, None for an empty cell.
    """

    kind: str = ""
    delimiter: str = ""
    encoding: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    rows: int = 0
    columns: tuple[PreviewColumn, ...] = ()
    first: tuple[tuple[str | None, ...], ...] = ()
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: str = ""
    trouble: str = ""

    @property
    def is_read(self) -> bool:
        return not self.problem and not self.trouble


class CheckLevel(StrEnum):
    OK = "ok"
    TOLD = "told"
    DOUBT = "doubt"  # something to look at; it never keeps a run from starting


class FileCheck(msgspec.Struct, frozen=True, kw_only=True):
    level: CheckLevel
    text: str


def compare(now: Preview, then: Preview, name: str) -> Iterator[FileCheck]:
    """What differs from the file of an earlier run; `name` is the run's."""
    if not now.is_read or not then.is_read:
        return
    yield from _columns(now, then, name)
    rows = f"{now.rows:,} {'row' if now.rows == 1 else 'rows'}; {then.rows:,} in {name}"
    # Half as many, or none, is what a file that was cut off looks like.
    is_odd = not now.rows or now.rows * 2 < then.rows
    yield FileCheck(level=CheckLevel.DOUBT if is_odd else CheckLevel.TOLD, text=rows)


def _columns(now: Preview, then: Preview, name: str) -> Iterator[FileCheck]:
    present, before = {c.name: c.kind for c in now.columns}, {c.name: c.kind for c in then.columns}
    missing = [column for column in before if column not in present]
    new = [column for column in present if column not in before]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        yield FileCheck(level=CheckLevel.DOUBT, text=f"{_named(missing)} of {name} {verb} missing")
    if new:
        verb = "is" if len(new) == 1 else "are"
        yield FileCheck(level=CheckLevel.DOUBT, text=f"{_named(new)} {verb} new since {name}")
    changed = [column for column in present if column in before and present[column] is not before[column]]
    for column in changed[:NAMES_SHOWN_MAX]:
        said = f"“{column}” holds {_plural(present[column])}; in {name} it held {_plural(before[column])}"
        yield FileCheck(level=CheckLevel.DOUBT, text=said)
    if missing or new or changed:
        return
    count = f"Same {len(present)} columns as in {name}" if len(present) != 1 else f"Same column as in {name}"
    if list(present) == list(before):
        yield FileCheck(level=CheckLevel.OK, text=count)
    else:
        yield FileCheck(level=CheckLevel.TOLD, text=f"{count}, in another order")


def _named(names: list[str]) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:NAMES_SHOWN_MAX])
    more = f" and {len(names) - NAMES_SHOWN_MAX:,} more" if len(names) > NAMES_SHOWN_MAX else ""
    return f"{'Column' if len(names) == 1 else 'Columns'} {shown}{more}"


_PLURALS = {
    ColumnKind.NUMBER: "numbers",
    ColumnKind.TEXT: "texts",
    ColumnKind.DATE: "dates",
    ColumnKind.MOMENT: "dates with times",
    ColumnKind.TRUTH: "yes or no",
}


def _plural(kind: ColumnKind) -> str:
    return _PLURALS[kind]

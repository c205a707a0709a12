"""What the address of a table's page asks for: a version, a filter, a page of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from procession.actions.tables.contract import Condition
from procession.model import columns as rules
from procession.model.columns import ColumnType
from procession.model.errors import Invalid, NotFound
from procession.model.ids import TableId
from procession.model.tables import Snapshot
from procession.pages.formats import Reader
from procession.web import cells, sorting
from procession.web.sorting import Order
from procession.web.tables import HERE

# Of the filter: what people choose, and what the store calls it.
CONDITIONS: Mapping[str, tuple[str, str, str]] = {
    "is": ("is", "eq", ""),
    "not": ("is not", "ne", ""),
    "least": ("is at least", "gte", ""),
    "most": ("is at most", "lte", ""),
    "holds": ("contains", "contains", ""),
    "empty": ("is empty", "null", "true"),
    "filled": ("is not empty", "null", "false"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuery:
    """`after` is the record before the page, `before` how many rows were on earlier pages."""

    version: int | None
    column: str
    condition: str
    value: str
    after: int
    before: int
    order: str = ""

    def address(self, table: TableId, path: str = "", **changes: Any) -> str:
        present = {"version": self.version, "column": self.column, "is": self.condition, "value": self.value}
        present |= {"order": self.order, **changes}
        kept = {name: str(value) for name, value in present.items() if value}
        return f"{HERE}/{table}{path}{'?' if kept else ''}{urlencode(kept)}"

    @property
    def is_filtered(self) -> bool:
        """Also by half a filter, which is told: all rows would look as if they fitted."""
        return bool(self.column or self.value)


def query_of(query: Mapping[str, str]) -> TableQuery:
    """Raises Invalid."""
    condition = query.get("is", "") or "is"
    if condition not in CONDITIONS:
        raise Invalid(f'"{condition[:40]}" is no condition; choose one of {", ".join(CONDITIONS)}')
    after, _, before = query.get("cursor", "").partition(".")
    return TableQuery(
        version=_whole(query.get("version", ""), "version") or None,
        column=query.get("column", ""),
        condition=condition,
        value=query.get("value", ""),
        after=_whole(after, "cursor"),
        before=_whole(before, "cursor"),
        order=query.get("order", ""),
    )


def order_of(present: Snapshot, asked: Mapping[str, str]) -> Order:
    """A version without the column that is sorted by has the order of its records."""
    names = [column.name for column in present.version.columns]
    (usual,) = (column.name for column in present.version.columns if column.is_record_id)
    numbers = [column.name for column in present.version.columns if column.type is not ColumnType.TEXT]
    try:
        return sorting.read(asked, names, usual, greatest_first=numbers)
    except Invalid:
        return sorting.read({**asked, "order": ""}, names, usual, greatest_first=numbers)


def _whole(text: str, what: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Invalid(f'{what} is "{text[:40]}", not a whole number')
    return int(text or 0)


def conditions_of(present: Snapshot, query: TableQuery, look: Reader) -> tuple[Condition, ...]:
    """Raises Invalid."""
    if not query.is_filtered:
        return ()
    if not query.column:
        raise Invalid(f'choose the column in which to look for "{query.value[:80]}"')
    if not query.value and query.condition not in {"empty", "filled"}:
        raise Invalid(f'type what to look for in "{query.column[:80]}", or choose "is empty"')
    try:
        column = rules.find(present.version.columns, query.column)
    except NotFound as error:
        raise Invalid(error.message) from None
    _, operator, value = CONDITIONS[query.condition]
    # A part of a number or a date is not one itself, so it stays a text.
    typed = value or (query.value if operator == "contains" else cells.typed(column, query.value, look))
    return (Condition(column=column.name, operator=operator, value=typed),)

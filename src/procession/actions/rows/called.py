"""The rows for which a step starts runs: read, chosen, and filled into the inputs. The engine starts the runs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

from procession.actions import database, naming, references
from procession.actions.contract import Context, StepOutcome
from procession.actions.database import quote
from procession.actions.expecting import Expect
from procession.actions.problems import Problem
from procession.actions.rows import expressions, kinds, looks, work
from procession.actions.rows.called_settings import EachCall, RunProcessSettings, constants
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork
from procession.model.child_runs import KEY_CHARACTERS_MAX, ROWS_BYTES_MAX, ROWS_MAX, CalledRow
from procession.model.lifecycle import StepStatus

_SOURCE = "rows"
Cell = str | bool | None


def read(context: Context) -> StepOutcome:
    """What to start runs for; the message is a remark only where the step ends as Warning."""
    found: list[CalledRow] = []
    outcome = work.perform(context, lambda doing: _read(doing, found))
    return outcome if outcome.status is StepStatus.FAILED else replace(outcome, rows=tuple(found))


def _read(doing: RowWork, found: list[CalledRow]) -> str:
    settings: RunProcessSettings = doing.context.settings
    each = settings.each
    assert each is not None, "the engine itself starts a single run"
    total = doing.load(_SOURCE, each.source, Expect())
    doing.lock()
    fill = _Fill.of(settings, each, list(database.columns(doing.connection, _SOURCE)))
    found += _distinct(fill, _rows(doing, each, fill))
    if total and not found:
        doing.warnings.append("no row fits where, so nothing is run")
    return f"{len(found):,} of {total:,} {'row' if total == 1 else 'rows'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fill:
    """Which columns are filled in, as they are written in the rows, by the names that the settings use."""

    settings: RunProcessSettings
    columns: Mapping[str, str]
    key: tuple[str, ...]

    @classmethod
    def of(cls, settings: RunProcessSettings, each: EachCall, there: list[str]) -> _Fill:
        """Raises Problem for a column that is not there."""
        used = dict.fromkeys(name for given in constants(settings) for name in naming.keys(given))
        columns = {name: kinds.column(there, name, "inputs") for name in used}
        keys = [kinds.column(there, name, "each.key") for name in each.key] or list(columns.values())
        return cls(settings=settings, columns=columns, key=tuple(dict.fromkeys(keys)))

    def wanted(self) -> list[str]:
        return list(dict.fromkeys((*self.columns.values(), *self.key)))

    def row(self, number: int, cells: Mapping[str, Any]) -> CalledRow:
        """Raises Problem."""
        known = {name: cells[column] for name, column in self.columns.items()}
        given = {
            place: _filled(given, known)
            for place, given in self.settings.inputs.items()
            if isinstance(given, str) and references.parse(given) is None and naming.keys(given)
        }
        key = " · ".join(_text(cells[column]) or "" for column in self.key)
        # They would break the lines in which keys are shown; what has no width is told with its code.
        key = "".join(" " if unicodedata.category(one) in {"Cc", "Zl", "Zp"} else one for one in key)
        if len(key) > KEY_CHARACTERS_MAX:
            raise Problem(f"row {number}: its key has {len(key):,} characters; name short columns in each.key")
        return CalledRow(number=number, key=key, given=given)


def _filled(given: str, known: Mapping[str, Any]) -> Cell:
    (first, *more) = naming.keys(given)
    # A cell alone keeps what it is: an empty one stays empty, and true is no text.
    if not more and given == f"{{{first}}}":
        value = known[first]
        return value if isinstance(value, bool) else _text(value)
    return naming.fill(given, {name: _text(value) for name, value in known.items()})


def _text(value: Any) -> str | None:
    """A cell as the text that the input of a run is read from."""
    match value:
        case None:
            return None
        # A managed table keeps days as moments: midnight is the day.
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case _:
            return naming.plain(value)


def _rows(doing: RowWork, each: EachCall, fill: _Fill) -> Iterator[CalledRow]:
    """In the order of the source. Raises Problem."""
    columns = fill.wanted()
    where = _condition(doing, each.where) if each.where else "TRUE"
    listed = ", ".join(quote(column) for column in columns)
    # In their order: numbers of rows are those of the source, and every try starts them in the same order.
    source = numbered(doing.connection, _SOURCE)
    select = f"SELECT {ROW} + 1, {listed} FROM {source} WHERE {where} ORDER BY {ROW} LIMIT {ROWS_MAX + 1}"
    rows = doing.connection.execute(select).fetchall()
    if len(rows) > ROWS_MAX:
        raise Problem(f"more than {ROWS_MAX:,} rows are to be run; a step starts so many runs at most")
    for number, *cells in rows:
        odd = next((column for column, cell in zip(columns, cells, strict=True) if not _is_plain(cell)), None)
        if odd is not None:
            raise Problem(f'row {number}: the column "{odd}" holds no single value that an input could take')
        yield fill.row(number, dict(zip(columns, cells, strict=True)))


def _is_plain(cell: Any) -> bool:
    return not isinstance(cell, list | tuple | dict | bytes)


def _condition(doing: RowWork, text: str) -> str:
    """Raises Problem for what is no condition."""
    parsed = expressions.parse(doing, text, "each.where")
    kind = kinds.of(expressions.type_of(doing, parsed, _SOURCE, "each.where"))
    if kind is not ValueKind.TRUTH:
        raise Problem(f"each.where: this is {kind.value}, and a condition is wanted, such as amount > 0")
    return f"{parsed.sql} IS TRUE"


def _distinct(fill: _Fill, rows: Iterator[CalledRow]) -> list[CalledRow]:
    """Raises Problem for two rows whose keys look alike, and for more than can be kept."""
    by_key: dict[str, CalledRow] = {}
    size_bytes = 0
    for row in rows:
        before = by_key.setdefault(looks.as_seen(row.key), row)
        if before is not row:
            raise Problem(_same(before, row, ", ".join(fill.key)))
        cells = (cell for cell in row.given.values() if isinstance(cell, str))
        size_bytes += len(row.key.encode()) + sum(len(cell.encode()) for cell in cells)
        if size_bytes > ROWS_BYTES_MAX:
            raise Problem(f"the rows give more than {ROWS_BYTES_MAX // 2**20} MB of inputs; no run was started")
    return list(by_key.values())


def _same(before: CalledRow, row: CalledRow, names: str) -> str:
    # A restart could not tell which of them has succeeded, and nobody which of them is which.
    said = f"rows {before.number} and {row.number} have the same {names}"
    if before.key == row.key:
        return f'{said}: "{row.key}"; no run was started'
    one, other = looks.visible(before.key), looks.visible(row.key)
    return f'{said} as far as one can see: "{one}" and "{other}"; no run was started'

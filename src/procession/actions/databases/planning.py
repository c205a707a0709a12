"""What is written where: rows checked against the columns of a table, before anything of them is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from procession.actions.database import quote
from procession.actions.databases import fitting_cells, targets
from procession.actions.databases.arriving import shown
from procession.actions.databases.fitting_cells import FittingCell
from procession.actions.databases.targets import TargetColumn
from procession.actions.databases.write_settings import WriteDatabaseSettings
from procession.actions.problems import Problem
from procession.actions.reading import aggregates
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork

SOURCE = "source"  # the relation of the rows


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePlan:
    """`columns` and `cells` by the names of the rows' columns; `key` names columns of the table."""

    columns: Mapping[str, TargetColumn]
    cells: Mapping[str, FittingCell]
    key: tuple[str, ...]

    @property
    def spelled(self) -> list[str]:
        """The columns of the table that the rows fill."""
        return [column.name for column in self.columns.values()]

    @property
    def texts(self) -> list[str]:
        """SQL of each cell as the text that is sent."""
        return [f"CAST({cell.text} AS VARCHAR)" for cell in self.cells.values()]


def plan(doing: RowWork, columns: Sequence[TargetColumn]) -> WritePlan:
    """Raises Problem for all that would not fit."""
    settings: WriteDatabaseSettings = doing.context.settings
    kinds = {row[0]: row[1] for row in doing.connection.execute(f"DESCRIBE {quote(SOURCE)}").fetchall()}
    named = targets.matched(columns, list(kinds), marker=settings.batch, key=settings.key)
    cells = {name: fitting_cells.fit(name, kinds[name], column) for name, column in named.items()}
    _refuse_cells(doing, cells)
    spelled = {column.name.lower(): name for name, column in named.items()}
    key = {named[spelled[name.lower()]].name: spelled[name.lower()] for name in settings.key}
    _refuse_keys(doing, list(key.values()), are_unique=settings.mode == "upsert")
    _refuse_empty(doing, named)
    return WritePlan(columns=named, cells=cells, key=tuple(key))


def batch_of(doing: RowWork) -> str:
    """The run and the step: the same for every try and every restart."""
    # Without its last part, which counts the restarts of the run.
    return doing.context.idempotency_key.rpartition("/")[0]


def refuse_alike(stored: Sequence[str]) -> None:
    """Of a key in the table that is none of those that were given, and that the table takes for one of them."""
    raise Problem(
        f"the table holds the key {', '.join(map(shown, stored))}, which it takes for a key of these rows though its"
        " letters are others; give it as it is there, or change it there; nothing was written"
    )


def refuse_changed(rows: int, *, written: int, changed: int) -> None:
    """Raises Problem where what the table has of the rows is not what was given."""
    if written != rows or changed:
        raise Problem(
            f"the table took {written:,} of {rows:,} rows, and has {changed:,} of them otherwise than they"
            " were given: a trigger or a rule of its own; nothing was written"
        )


def _refuse_cells(doing: RowWork, cells: dict[str, FittingCell]) -> None:
    # An empty cell is NULL, which every type has.
    firsts = [
        f"min(CASE WHEN {quote(name)} IS NOT NULL AND ({cell.wrong}) THEN {ROW} END)" for name, cell in cells.items()
    ]
    rows = numbered(doing.connection, SOURCE)
    found = aggregates.over(doing.connection, firsts, rows)
    wrong = [(row, number) for number, row in enumerate(found) if row is not None]
    if not wrong:
        return
    row, number = min(wrong)
    name = list(cells)[number]
    value = doing.connection.execute(
        f"SELECT CAST({quote(name)} AS VARCHAR) FROM {rows} WHERE {ROW} = ?", [row]
    ).fetchone()
    assert value is not None
    place = doing.place(SOURCE, row, name)
    raise Problem(f'{place}, column "{name}": {shown(value[0])} {cells[name].words}; nothing was written')


def _refuse_keys(doing: RowWork, key: list[str], *, are_unique: bool) -> None:
    """A key that is empty would be equal to none, and of two rows of one key only one would stay."""
    if not key:
        return
    empty = " OR ".join(f"{quote(name)} IS NULL" for name in key)
    rows = numbered(doing.connection, SOURCE)
    row = doing.connection.execute(f"SELECT min({ROW}) FROM {rows} WHERE {empty}").fetchone()
    if row is not None and row[0] is not None:
        raise Problem(
            f"{doing.place(SOURCE, row[0], key[0])}: the key ({', '.join(key)}) is empty; nothing was written"
        )
    if not are_unique:
        return
    listed = ", ".join(map(quote, key))
    twice = doing.connection.execute(
        f"SELECT min({ROW}), max({ROW}) FROM {rows} GROUP BY {listed} HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    ).fetchone()
    if twice is not None:
        first, second = (doing.place(SOURCE, row, key[0]) for row in twice)
        raise Problem(f"{first} and {second} have one key ({', '.join(key)}); nothing was written")


def _refuse_empty(doing: RowWork, named: dict[str, TargetColumn]) -> None:
    full = [name for name, column in named.items() if column.is_full]
    for name in full:
        rows = numbered(doing.connection, SOURCE)
        row = doing.connection.execute(f"SELECT min({ROW}) FROM {rows} WHERE {quote(name)} IS NULL").fetchone()
        if row is not None and row[0] is not None:
            place = doing.place(SOURCE, row[0], name)
            raise Problem(f'{place}, column "{name}": it is empty, and the table wants a value; nothing was written')

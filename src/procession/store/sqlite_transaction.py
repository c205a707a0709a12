"""What operations see of SQLite (database.Transaction)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from procession.model.ids import RunId
from procession.store.database import Row, SealedRow, check
from procession.store.sqlite_errors import is_of_transaction


class SqliteTransaction:
    """On one connection. Parameters always travel beside the text."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._afterwards: list[Callable[[], None]] = []
        self.looks: list[RunId] = []
        self.ended: list[RunId] = []
        self.sealed: list[SealedRow] = []

    def one(self, sql: str, *parameters: Any) -> Row | None:
        check(parameters)
        row: Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, *parameters: Any) -> list[Row]:
        check(parameters)
        return self._connection.execute(sql, parameters).fetchall()

    def run(self, sql: str, *parameters: Any) -> int:
        """Execute a statement that changes rows; gives how many."""
        check(parameters)
        return self._connection.execute(sql, parameters).rowcount

    def insert(self, sql: str, *parameters: Any) -> int:
        row = self.one(sql, *parameters)
        assert row is not None
        return int(row[0])

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        for row in rows:
            check(row)
        return self._connection.executemany(sql, rows).rowcount

    @contextmanager
    def part(self) -> Iterator[None]:
        """What is written inside leaves no trace when the block raises; the rest of the transaction stays."""
        self._connection.execute("SAVEPOINT part")
        kept = len(self.sealed)
        try:
            yield
        except BaseException:
            del self.sealed[kept:]
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")

    def has_table(self, name: str) -> bool:
        return self.one("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", name) is not None

    def references(self, table: str) -> list[tuple[str, str]]:
        """Tables and their columns whose foreign keys name that table, by name."""
        rows = self.all(
            'SELECT m.name, f."from" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f'
            " WHERE m.type = 'table' AND f.\"table\" = ? ORDER BY 1, 2",
            table,
        )
        return [(name, column) for name, column in rows]

    def is_lost_with(self, error: Exception) -> bool:
        """Whether the error is one of the whole transaction: a full disk is no refusal of one operation."""
        return is_of_transaction(error)

    def look(self, run: RunId) -> None:
        """The engine is to look at this run: in this transaction if it drives this database, else after it."""
        self.looks.append(run)

    def seal(self, rows: Sequence[SealedRow]) -> None:
        """Adds rows of this transaction to the audit trail, in their order, when it ends."""
        self.sealed += rows

    def ends(self, run: RunId) -> None:
        """This run is ended here: where that cannot be written now, its processes end first, and it is tried again."""
        self.ended.append(run)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call it once the change is durable; never called when it is not."""
        self._afterwards.append(callback)

    def forget(self, callbacks: int, looks: int) -> None:
        """All but the first so many: the operation that wanted them was refused."""
        del self._afterwards[callbacks:]
        del self.looks[looks:]

    def callbacks(self) -> list[Callable[[], None]]:
        return self._afterwards

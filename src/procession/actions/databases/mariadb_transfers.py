"""Rows on their way into a table of MariaDB: into a temporary one, then on, and read back as they are stored.

INSERT ... ON DUPLICATE KEY UPDATE is not used: it goes by whichever unique key is hit, not by the one that is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pymysql
from pymysql.cursors import SSCursor

from procession.actions.databases import mariadb, mariadb_targets, planning
from procession.actions.databases.arriving import TEXT, ArrivingRows, rows_at_once
from procession.actions.databases.mariadb import MariadbSession, listed, name
from procession.actions.databases.planning import SOURCE, WritePlan
from procession.actions.databases.targets import Holds
from procession.actions.problems import Problem
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork

# With blanks: a temporary table hides one of the same name.
_BESIDE = "procession rows"
_ROW = "procession row"
_STATEMENT_BYTES_MAX = 1 << 20
_ROOM_BYTES = 1_024  # of a packet, for what stands before the rows
_AT_ROW = re.compile(r"for column (?:`[^`]*`\.`[^`]*`\.)?[`'](?P<column>[^`']+)[`'] at row (?P<row>\d+)$")


@dataclass(slots=True, kw_only=True)
class MariadbTransfer:
    """`rows` counts those that were sent; `told` puts what the server says into words."""

    doing: RowWork
    session: MariadbSession
    plan: WritePlan
    told: Callable[[pymysql.Error], str]
    rows: int = field(default=0)

    def begin(self) -> None:
        """A table of the session, of the same columns, and a transaction: what makes a table would end one."""
        if self.doing.context.settings.mode == "upsert":
            mariadb_targets.refuse_key(self.session, self.doing.context.settings.table, self.plan.key)
        columns = listed(self.plan.spelled)
        # With a key of its own, which a server may ask of every table (innodb_force_primary_key).
        made = f"{name(_BESIDE)} ({name(_ROW)} bigint AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB"
        self.session.ask(f"CREATE TEMPORARY TABLE {made} AS SELECT {columns} FROM {self._table()} LIMIT 0")
        self.session.ask("START TRANSACTION")

    def copy(self) -> None:
        """Sends the rows. What the database cannot read, or would change, is told by now. Raises Problem."""
        begins = f"INSERT INTO {name(_BESIDE)} ({listed(self.plan.spelled)}) VALUES "
        for values in self._statements():
            try:
                self._done(self.session.ask(begins + ",".join(values)))
            except pymysql.Error as error:
                raise self._wrong(error) from None
            self.rows += len(values)

    def _statements(self) -> Iterator[list[str]]:
        """The rows as SQL: each cell by its bytes, so that no sign of it is read as anything else."""
        room = int(self.session.rows("SELECT @@max_allowed_packet")[0][0]) - _ROOM_BYTES
        cells = (f"coalesce('_utf8mb4 X''' || hex(encode({text})) || '''', 'NULL')" for text in self.plan.texts)
        row = f"'(' || {(chr(32) + '|| chr(44) || ').join(cells)} || ')'"
        rows = numbered(self.doing.connection, SOURCE)
        query = self.doing.connection.execute(f"SELECT {row} FROM {rows} ORDER BY {ROW}")
        held: list[str] = []
        size = 0
        while batch := query.fetchmany(rows_at_once(len(self.plan.texts))):
            for (values,) in batch:
                if held and size + len(values) > min(room, _STATEMENT_BYTES_MAX):
                    yield held
                    held, size = [], 0
                if len(values) > room:
                    raise Problem(f"{self._place(len(held))}: it is longer than the server takes (max_allowed_packet)")
                held.append(values)
                size += len(values) + 1
        if held:
            yield held

    def _place(self, row: int) -> str:
        return self.doing.place(SOURCE, self.rows + row, next(iter(self.plan.columns)))

    def replace(self) -> int:
        """Deletes what these rows take the place of; gives how many those were.

        The rows of their keys are locked, and the gaps where others might come (REPEATABLE READ).
        """
        settings = self.doing.context.settings
        if settings.mode == "upsert" or (settings.mode == "append" and settings.batch is None):
            return 0
        mariadb_targets.refuse_cascades(self.session, settings.table)
        if settings.mode == "append":
            statement = f"DELETE FROM {self._table()} WHERE {name(settings.batch)} = {self._batch()}"
        else:
            joined = f"{self._table()} t JOIN (SELECT DISTINCT {listed(self.plan.key)} FROM {name(_BESIDE)}) k"
            self._refuse_alike(joined)
            statement = f"DELETE t FROM {joined} ON {self._same()}"
        self._done(self.session.ask(statement))
        return int(self.session.affected_rows())

    def _refuse_alike(self, joined: str) -> None:
        """A table may take `ann` for `ANN`, and rows of a key that nobody gave would go. Raises Problem."""
        texts = [c.name for c in self.plan.columns.values() if c.holds is Holds.TEXT and c.name in self.plan.key]
        if not texts:
            return
        # By their bytes, which every collation tells apart; locked, so that what is deleted is what was looked at.
        given, stored = (", ".join(f"HEX(CONVERT({side}.{name(c)} USING utf8mb4))" for c in texts) for side in "kt")
        self._kept("given", self.session.ask(f"SELECT DISTINCT {given} FROM {name(_BESIDE)} k"))
        self._kept("alike", self.session.ask(f"SELECT DISTINCT {stored} FROM {joined} ON {self._same()} FOR UPDATE"))
        found = self.doing.connection.execute("FROM alike EXCEPT FROM given LIMIT 1").fetchone()
        if found is not None:
            planning.refuse_alike([bytes.fromhex(text).decode() for text in found])

    def insert(self) -> None:
        """Moves the rows over, and reads back what the table has of them. Raises Problem where it is anything else."""
        stored = self._upserted() if self.doing.context.settings.mode == "upsert" else self._inserted()
        written = self._kept("stored", stored)
        self._kept("sent", self.session.ask(f"SELECT {self._given()} FROM {name(_BESIDE)}"))
        # As texts: 1.0 is not what was given as 1.00.
        row = self.doing.connection.execute("SELECT count(*) FROM (FROM sent EXCEPT ALL FROM stored)").fetchone()
        assert row is not None
        planning.refuse_changed(self.rows, written=written, changed=row[0])

    def _inserted(self) -> SSCursor:
        batch = self.doing.context.settings.batch
        names = listed([*self.plan.spelled, *([batch] if batch is not None else [])])
        # What comes back are the rows as they are stored, after the table's own triggers.
        return self.session.ask(
            f"INSERT INTO {self._table()} ({names}) SELECT {self._given()} FROM {name(_BESIDE)} RETURNING {names}"
        )

    def _given(self) -> str:
        """What the rows are to be, with the mark of the batch."""
        mark = [self._batch()] if self.doing.context.settings.batch is not None else []
        return ", ".join([listed(self.plan.spelled), *mark])

    def _upserted(self) -> SSCursor:
        others = [column for column in self.plan.spelled if column not in self.plan.key]
        if others:
            changes = ", ".join(f"t.{name(column)} = k.{name(column)}" for column in others)
            self._done(
                self.session.ask(f"UPDATE {self._table()} t JOIN {name(_BESIDE)} k ON {self._same()} SET {changes}")
            )
        of_rows, of_table = (", ".join(f"{side}.{name(column)}" for column in self.plan.spelled) for side in ("k", "t"))
        new = f"t.{name(self.plan.key[0])} IS NULL"
        self._done(
            self.session.ask(
                f"INSERT INTO {self._table()} ({listed(self.plan.spelled)}) SELECT {of_rows} FROM {name(_BESIDE)} k"
                f" LEFT JOIN {self._table()} t ON {self._same()} WHERE {new}"
            )
        )
        return self.session.ask(f"SELECT {of_table} FROM {self._table()} t JOIN {name(_BESIDE)} k ON {self._same()}")

    def _kept(self, relation: str, coming: SSCursor) -> int:
        """The rows of an answer as a relation of texts; gives how many there were."""
        kept = ArrivingRows(
            self.doing.connection, relation, {f"c{number}": TEXT for number in range(len(coming.description))}
        )
        while batch := coming.fetchmany(rows_at_once(len(coming.description))):
            kept.add(batch)
        self._done(coming)
        return kept.rows

    def _done(self, cursor: SSCursor) -> None:
        """Raises Problem for what the server only warns of: a number that it has rounded is one."""
        if cursor.warning_count:
            _, number, said = self.session.rows("SHOW WARNINGS")[0]
            raise self._wrong(pymysql.Error(int(number), said))

    def _wrong(self, error: pymysql.Error) -> Problem:
        """The server's words, with the place of the cell where they say it."""
        said = self.told(error)
        found = _AT_ROW.search(said)
        if found is None:
            return Problem(f"{said}; nothing was written")
        named = {column.name.lower(): given for given, column in self.plan.columns.items()}
        given = named.get(found["column"].lower(), found["column"])
        place = self.doing.place(SOURCE, self.rows + int(found["row"]) - 1, given)
        return Problem(f'{place}, column "{given}": {said[: found.start()].strip()}; nothing was written')

    def _same(self) -> str:
        return " AND ".join(f"t.{name(column)} = k.{name(column)}" for column in self.plan.key)

    def _batch(self) -> str:
        return mariadb.text(planning.batch_of(self.doing))

    def _table(self) -> str:
        return name(*self.doing.context.settings.table)

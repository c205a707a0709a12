"""Rows on their way into a table of PostgreSQL: copied into a temporary one, then moved by two statements."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from procession.actions.database import quote
from procession.actions.databases import planning, targets
from procession.actions.databases.arriving import rows_at_once
from procession.actions.databases.planning import SOURCE, WritePlan
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

_BESIDE = "procession_rows"  # in the session's own schema, where no table of others is
_DETAIL_CHARS_MAX = 500
_IN_COPY = re.compile(rf'COPY {_BESIDE}, line (\d+), column (.+?): "')
_CASCADES = (
    "SELECT conrelid::regclass::text, CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE"
    " 'SET DEFAULT' END FROM pg_constraint"
    " WHERE contype = 'f' AND confrelid = %s::regclass AND confdeltype IN ('c', 'n', 'd') LIMIT 1"
)
# Texts that are equal though their letters are not: citext, and collations that are not deterministic.
_LOOSE = (
    "SELECT attname FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = attcollation"
    " WHERE attrelid = %s::regclass AND attname = ANY(%s)"
    " AND (NOT collisdeterministic OR format_type(atttypid, NULL) ~ 'citext')"
)


@dataclass(slots=True, kw_only=True)
class TableTransfer:
    """`rows` counts those that were sent."""

    doing: RowWork
    session: psycopg.Connection[Any]
    plan: WritePlan
    rows: int = field(default=0)

    def copy(self) -> None:
        """Sends the rows into a table that ends with the transaction: what the database cannot read is told by now."""
        from psycopg import sql

        self.session.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                self._beside(), self._names(), self._table()
            )
        )
        query = self.doing.connection.execute(
            f"SELECT {', '.join(self.plan.texts)} FROM {numbered(self.doing.connection, SOURCE)} ORDER BY {ROW}"
        )
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(self._beside(), self._names())
        with self.session.cursor().copy(statement) as copy:
            while batch := query.fetchmany(rows_at_once(len(self.plan.texts))):
                for row in batch:
                    copy.write_row(row)
                self.rows += len(batch)

    def replace(self) -> int:
        """Deletes what these rows take the place of; gives how many those were."""
        from psycopg import sql

        settings = self.doing.context.settings
        if settings.mode == "upsert" or (settings.mode == "append" and settings.batch is None):
            return 0
        # Nobody may add rows of the same key, or of the same batch, between the two statements.
        self.session.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(self._table()))
        self._refuse_cascades()
        if settings.mode == "append":
            statement = sql.SQL("DELETE FROM {} WHERE {} = {}").format(
                self._table(), sql.Identifier(self._marker()), sql.Literal(planning.batch_of(self.doing))
            )
        else:
            self._refuse_alike()
            statement = sql.SQL("DELETE FROM {} t USING {}").format(self._table(), self._keys())
        return self.session.execute(statement).rowcount

    def _keys(self) -> sql.Composable:
        """The keys of the rows, and where `t` is one of them."""
        from psycopg import sql

        same = sql.SQL(" AND ").join(sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in self.plan.key)
        return sql.SQL("(SELECT DISTINCT {} FROM {}) k WHERE {}").format(_listed(self.plan.key), self._beside(), same)

    def _refuse_cascades(self) -> None:
        """Raises Problem where rows of another table would go with those that are replaced."""
        for other, rule in self.session.execute(_CASCADES, [self._table().as_string(self.session)]):
            targets.refuse_cascade(other, rule)

    def _refuse_alike(self) -> None:
        """A table may take `ann` for `ANN`, and rows of a key that nobody gave would go. Raises Problem."""
        from psycopg import sql

        asked = [self._table().as_string(self.session), list(self.plan.key)]
        loose = [row[0] for row in self.session.execute(_LOOSE, asked)]
        if not loose:
            return
        given, stored = (
            sql.SQL(", ").join(sql.SQL('{}::text COLLATE "C"').format(sql.Identifier(side, name)) for name in loose)
            for side in "kt"
        )
        statement = sql.SQL("SELECT {} FROM {} t, {} EXCEPT SELECT {} FROM {} k LIMIT 1").format(
            stored, self._table(), self._keys(), given, self._beside()
        )
        found = self.session.execute(statement).fetchone()
        if found is not None:
            planning.refuse_alike(found)

    def insert(self) -> None:
        """Moves the rows over, and reads back what the table has of them. Raises Problem where it is anything else."""
        from psycopg import sql

        # As texts: not every type can be compared (json, point), and 1.0 is not what was given as 1.00.
        texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in self.plan.spelled)
        names, values = self._names(), self._names()
        if self.doing.context.settings.batch is not None:
            names = sql.SQL("{}, {}").format(names, sql.Identifier(self._marker()))
            values = sql.SQL("{}, {}").format(values, sql.Literal(planning.batch_of(self.doing)))
        # What comes back are the rows as they are stored, after the table's own triggers.
        statement = sql.SQL(
            "WITH written AS (INSERT INTO {} ({}) SELECT {} FROM {} {} RETURNING {}), "
            "changed AS (SELECT {} FROM {} EXCEPT ALL SELECT * FROM written) "
            "SELECT (SELECT count(*) FROM written), (SELECT count(*) FROM changed)"
        ).format(
            self._table(), names, values, self._beside(), self._conflict(), texts, texts, self._beside()
        )  # fmt: skip
        row = self.session.execute(statement).fetchone()
        assert row is not None
        written, changed = row
        planning.refuse_changed(self.rows, written=written, changed=changed)

    def _conflict(self) -> sql.Composable:
        from psycopg import sql

        if self.doing.context.settings.mode != "upsert":
            return sql.SQL("")
        # Where there is nothing but the key it is set to itself, so that every row comes back.
        others = [name for name in self.plan.spelled if name not in self.plan.key] or list(self.plan.key)
        return sql.SQL("ON CONFLICT ({}) DO UPDATE SET {}").format(
            _listed(self.plan.key),
            sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in others),
        )

    def _table(self) -> sql.Composable:
        from psycopg import sql

        return sql.Identifier(*self.doing.context.settings.table)

    def _beside(self) -> sql.Composable:
        from psycopg import sql

        return sql.Identifier("pg_temp", _BESIDE)

    def _names(self) -> sql.Composable:
        return _listed(self.plan.spelled)

    def _marker(self) -> str:
        marker: str = self.doing.context.settings.batch
        return marker


def _listed(names: Sequence[str]) -> sql.Composable:
    from psycopg import sql

    return sql.SQL(", ").join(map(sql.Identifier, names))


def complaint(doing: RowWork, error: psycopg.Error, told: str) -> str:
    """The database's words, with the place of the cell that it could not read."""
    from psycopg import errors

    if isinstance(error, errors.QueryCanceled):
        return "a statement took longer than `timeout` and was ended"
    # Its words would name no column.
    if isinstance(error, errors.InvalidColumnReference):
        return f"the table has no unique key of {', '.join(doing.context.settings.key)}, which upsert goes by"
    found = _IN_COPY.search(error.diag.context or "")
    if found is None:
        # Several lines of a deadlock, and as long as the key that was there already.
        detail = " ".join((error.diag.message_detail or "").split())[:_DETAIL_CHARS_MAX]
        return f"{told} ({detail})" if detail else told
    given = doing.connection.execute(f"DESCRIBE {quote(SOURCE)}").fetchall()
    name = next((row[0] for row in given if row[0].lower() == found[2].lower()), found[2])
    return f'{doing.place(SOURCE, int(found[1]) - 1, name)}, column "{name}": {told}'

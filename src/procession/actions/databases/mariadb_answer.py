"""A user's statement over MariaDB: sent with its values beside it, in a transaction that may only read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from pymysql.cursors import SSCursor

from procession.actions.contract import ConnectionInput
from procession.actions.databases import arriving, mariadb, mariadb_kinds, statements
from procession.actions.databases.arriving import ArrivingKind
from procession.actions.databases.mariadb import MariadbSession
from procession.actions.databases.mariadb_kinds import SentColumn
from procession.actions.databases.statements import StatementPart
from procession.actions.problems import Problem

_OWN = "procession_"  # what our names in the session begin with
_READS = frozenset({"select", "with", "values", "show", "explain", "describe", "desc", "("})
_FIRST = re.compile(r"\s*(\w+|\()")
# What writes a file on the server's machine, or a variable, though the transaction may only read.
_INTO = re.compile(r"\binto\b", re.IGNORECASE)
_RUN_ALL_THE_SAME = re.compile(r"/\*M?!")
_ROWS_AT_ONCE = 1_000
# Of warnings those that say that something is not all there: a value of GROUP_CONCAT, one longer than the server
# sends, and the rows of a statement that ended early (max_recursive_iterations, LIMIT ROWS EXAMINED).
_CUT = frozenset({"1260", "1301", "1931"})
_WARNINGS_SHOWN = 3
_WARNINGS_MAX = 65_535  # that a server keeps of one statement
_BINARY = 63  # the number of the "characters" of bytes


class MariadbAnswer:
    """The values go to the server as variables, and the statement is prepared and executed with them: no sign of either
    is ever read as a part of the other.
    """

    def __init__(
        self,
        session: MariadbSession,
        connection: ConnectionInput,
        parts: Sequence[StatementPart],
        values: Mapping[str, object],
    ) -> None:
        self._session, self._connection = session, connection
        self.sql = statements.written(parts, lambda _: "?")
        # A mark for each place: the protocol has no numbers.
        self._values = [_literal(values[part.name]) for part in parts if part.name]
        self._cursor: SSCursor | None = None
        _refuse(parts)

    def rows(self) -> Iterator[Sequence[str | None]]:
        """Raises Problem, pymysql.Error."""
        session = self._session
        session.ask("SET SESSION TRANSACTION READ ONLY")
        session.ask("START TRANSACTION READ ONLY")
        marks = [f"@{_OWN}{number}" for number in range(len(self._values))]
        for mark, value in zip(marks, self._values, strict=True):
            session.ask(f"SET {mark} = {value}")
        session.ask(f"SET @{_OWN}sql = {mariadb.text(self.sql)}")
        session.ask(f"PREPARE {_OWN}statement FROM @{_OWN}sql")
        self._cursor = session.ask(f"EXECUTE {_OWN}statement{' USING ' if marks else ''}{', '.join(marks)}")
        while batch := self._cursor.fetchmany(_ROWS_AT_ONCE):
            for row in batch:
                yield [cell.hex() if isinstance(cell, bytes) else cell for cell in row]

    def columns(self) -> dict[str, ArrivingKind]:
        """What each column becomes, once the statement is sent. Raises Problem."""
        sent = self._sent()
        arriving.refuse_names([column.name for column in sent])
        return {column.name: mariadb_kinds.kind_of(column) for column in sent}

    def _sent(self) -> list[SentColumn]:
        if self._cursor is None or self._cursor.description is None:
            return []
        fields = self._cursor._result.fields
        return [
            SentColumn(
                name=field.name,
                code=field.type_code,
                flags=field.flags,
                is_binary=field.charsetnr == _BINARY,
                length=field.length,
                decimals=field.scale,
            )
            for field in fields
        ]

    def warnings(self) -> list[str]:
        """What the server warns of once all rows are there. Raises Problem where a value, or a row, is not there."""
        found = self._session.rows("SHOW WARNINGS")
        said = [mariadb.clean(words, self._connection) for level, _, words in found if level != "Note"]
        cut = next((words for _, number, words in found if number in _CUT), None)
        if cut is not None:
            told = mariadb.clean(cut, self._connection)
            raise Problem(f"the database has not given all of it: {told}; nothing was published")
        if len(found) >= _WARNINGS_MAX:
            raise Problem(
                f"the database warns more than {_WARNINGS_MAX - 1:,} times ({said[0] if said else ''}), and whether it"
                " has cut a value is not known; nothing was published"
            )
        more = f", and {len(said) - _WARNINGS_SHOWN} more" if len(said) > _WARNINGS_SHOWN else ""
        return [f"the database warns: {'; '.join(said[:_WARNINGS_SHOWN])}{more}"] if said else []


def _refuse(parts: Sequence[StatementPart]) -> None:
    """Raises Problem for what a transaction that may only read would let through, or what would end it."""
    plain = statements.plain(parts)
    first = _FIRST.match(plain)
    if first is None or first[1].lower() not in _READS:
        raise Problem("sql: the statement gives no rows; write a SELECT")
    if _INTO.search(plain):
        raise Problem("sql: INTO writes a file or a variable there, and the statement may only read")
    if any(part.quoted and _RUN_ALL_THE_SAME.match(part.text) for part in parts):
        raise Problem("sql: the server runs what stands within /*! ... */; write it without")


def _literal(value: object) -> str:
    """A value as SQL that holds digits alone, or its bytes."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case int():
            return str(value)
        case Decimal() if value.is_finite():
            return f"{value:f}"
        case dt.date():
            return mariadb.text(value.isoformat())
    return mariadb.text(str(value))

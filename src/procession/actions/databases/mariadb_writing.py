"""Rows into MariaDB: one transaction, of which only we can say afterwards what became of it."""

from __future__ import annotations

from functools import partial

import pymysql

from procession.actions.contract import ConnectionInput
from procession.actions.databases import commits, mariadb, mariadb_targets, planning
from procession.actions.databases.commits import CommitMark
from procession.actions.databases.mariadb import MariadbSession
from procession.actions.databases.mariadb_transfers import MariadbTransfer
from procession.actions.databases.planning import SOURCE
from procession.actions.databases.write_settings import WriteDatabaseSettings
from procession.actions.problems import Problem
from procession.actions.rows.work import RowWork

_NO_ANSWER = 1180  # "got an error during COMMIT": of a disk, a cluster, a replica; what it left is not said


def write(doing: RowWork, connection: ConnectionInput) -> int | None:
    """How many rows went before; None where an earlier try had written these. Raises Problem."""
    session = mariadb.connect(connection, timeout_seconds=doing.context.settings.timeout)
    try:
        with mariadb.in_words():
            return _transact(doing, session, connection)
    except pymysql.Error as error:
        # Before the commit: whatever was done is gone.
        raise Problem(f"{connection.called}: {mariadb.told(error, connection)}; nothing was written") from None
    finally:
        session.drop()


def _transact(doing: RowWork, session: MariadbSession, connection: ConnectionInput) -> int | None:
    settings: WriteDatabaseSettings = doing.context.settings
    mark = CommitMark(doing, SOURCE)
    if settings.batch is None and settings.mode == "append" and commits.had_written(mark, mark.told):
        return None
    plan = planning.plan(doing, mariadb_targets.look_up(session, settings.table))
    told = partial(mariadb.told, connection=connection)
    transfer = MariadbTransfer(doing=doing, session=session, plan=plan, told=told)
    transfer.begin()
    transfer.copy()
    gone = transfer.replace()
    transfer.insert()
    _commit(mark, session, connection)
    return gone


def _commit(mark: CommitMark, session: MariadbSession, connection: ConnectionInput) -> None:
    """Commits. The server keeps no word of it: where its answer is lost, nobody can be asked. Raises Problem."""
    # A number that no other try has, on this server.
    number = str(session.rows("SELECT UUID_SHORT()")[0][0])
    mark.write(number)
    try:
        session.ask("COMMIT")
    except pymysql.Error as error:
        if mariadb.is_lost(error) or mariadb.code(error) == _NO_ANSWER:
            raise commits.doubt(mark.doing.context.settings, connection) from None
        mark.end(number, "aborted")
        raise
    mark.end(number, "committed")

"""PostgreSQL, by psycopg: a session whose texts mean one thing on every server, and its errors in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from procession.actions.blackout import Blackout
from procession.actions.contract import ConnectionInput
from procession.actions.databases import places
from procession.actions.databases.statements import StatementPart, names, written
from procession.actions.problems import Problem
from procession.model.connections import DatabaseOptions

if TYPE_CHECKING:
    import psycopg
    from psycopg.pq.abc import PGresult

# Fewer at a time than are kept at once: wide rows lie in memory meanwhile.
_STREAM_ROWS = 1_000
_SESSION = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",  # the shortest text that is this very number
    "standard_conforming_strings": "on",
}
# What libpq says of a connection that did not come about, and what we say: its words name host, port and user.
_REFUSALS = {
    "password authentication failed": "it refuses the user or the password",
    "no password supplied": "it asks for a password, and the connection has none",
    "pg_hba.conf": "it lets nobody in with this user, database and address",
    "certificate verify failed": "nobody we trust has signed its certificate",
    "does not match host name": "its certificate is for another host",
    "root certificate file": "there are no certificates of authorities here to check its own with",
    "server does not support SSL": 'it speaks no TLS; the connection may say tls: "off" where it is on one machine',
    "authentication method requirement": "it asks for the password in clear, which is sent over tls: verify only",
    "role": "it refuses the user or the password",
    "database": "it has no such database",
    "timeout expired": f"it did not answer within {places.CONNECT_SECONDS} s",
    "Connection refused": "nothing listens at its port",
    "too many": "it has no room for another connection",
    "starting up": "it is starting; try again in a moment",
    "shutting down": "it is shutting down",
}


def connect(connection: ConnectionInput) -> psycopg.Connection[Any]:
    """A session without a transaction (begin). Raises Problem."""
    import psycopg

    options = DatabaseOptions(**connection.options)
    addresses = [str(place.address) for place in places.addresses(connection, options)]
    try:
        return psycopg.connect(
            # A name for each address: it stands in the server's certificate, and nobody looks it up again.
            host=",".join([options.host] * len(addresses)),
            hostaddr=",".join(addresses),
            port=options.port,
            dbname=options.database,
            user=options.user,
            # Never left out: libpq would look for a file of passwords.
            password=connection.secrets.get("password", ""),
            passfile=os.devnull,
            connect_timeout=places.CONNECT_SECONDS,
            application_name="procession",
            client_encoding="UTF8",
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            autocommit=True,
            # A pooler gives the next transaction another server, which knows nothing of what was prepared.
            prepare_threshold=None,
            # Else a ticket of this machine's own user would be shown, and no certificate be asked for.
            gssencmode="disable",
            **_tls(options.tls),
        )
    except psycopg.Error as error:
        raise Problem(f"{connection.called}: {_refusal(error)}") from None


def begin(session: psycopg.Connection[Any], *, timeout_seconds: int, reads_only: bool = False) -> None:
    """A transaction in UTC, each statement within the time. Raises psycopg.Error.

    What is set is set for the transaction: a pooler such as PgBouncer may give it another server than the session had.
    """
    session.autocommit, session.read_only = False, reads_only
    settings = {**_SESSION, "statement_timeout": str(timeout_seconds * 1_000)}
    asked = ", ".join("set_config(%s, %s, true)" for _ in settings)
    session.execute(f"SELECT {asked}", [text for setting in settings.items() for text in setting])


def _tls(tls: str) -> dict[str, Any]:
    # Without a name that was checked, a password in clear goes to whoever answers.
    if tls == "verify":
        return {"sslmode": "verify-full", "sslrootcert": places.roots(), "sslcertmode": "disable"}
    mode = "require" if tls == "require" else "disable"
    return {"sslmode": mode, "require_auth": "!password", "sslcertmode": "disable"}


def _refusal(error: psycopg.Error) -> str:
    text = str(error)
    # In the order above: what says more stands first, since "role" and "database" are in many a sentence.
    for part, words in _REFUSALS.items():
        if part in text:
            return words
    return "it could not be reached"


def told(error: psycopg.Error, connection: ConnectionInput) -> str:
    """The database's own words, on one line, without secrets."""
    text = error.diag.message_primary or ""
    if not text:
        return "the connection to it was lost"
    hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
    # Before it is cut: of a secret at the end the first half would stay.
    return " ".join(Blackout(connection).text(f"{text}{hint}").split())[:1_000]


def complaint(error: psycopg.Error, connection: ConnectionInput, sql: str) -> str:
    """The same of a user's statement, with its line."""
    from psycopg import errors

    if isinstance(error, errors.QueryCanceled):
        return "the statement took longer than `timeout` and was ended"
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return f"the statement changes something, and may only read: {told(error, connection)}"
    place = error.diag.statement_position
    # The marks of values have no line breaks, so the lines are those that the user wrote.
    line = f"line {sql.count(chr(10), 0, int(place) - 1) + 1}: " if place else ""
    return f"sql, {line}{told(error, connection)}" if line else told(error, connection)


class PostgresAnswer:
    """A statement sent with its values bound, which the protocol allows for a single one only; its rows come as texts,
    each cell as the database writes it.
    """

    def __init__(
        self, session: psycopg.Connection[Any], parts: Sequence[StatementPart], values: Mapping[str, object]
    ) -> None:
        import psycopg
        from psycopg.types.string import TextLoader

        known = names(parts)
        self._session = session
        self.sql = written(parts, lambda name: f"${known.index(name) + 1}")
        self._values = [values[name] for name in known]
        self._cursor = psycopg.RawCursor(session)
        for info in self._cursor.adapters.types:
            for oid in {info.oid, info.array_oid} - {0}:
                self._cursor.adapters.register_loader(oid, TextLoader)
        self._cursor.adapters.register_loader(0, TextLoader)

    def rows(self) -> Iterator[Sequence[str | None]]:
        return self._cursor.stream(self.sql, self._values, size=_STREAM_ROWS)

    def described(self) -> list[tuple[str, int, int]]:
        """Name, type and its modifier of each column, once the first row has come or there is none."""
        result = self._cursor.pgresult
        if result is None:
            result = self._asked()
        named = [(result.fname(number) or b"").decode() for number in range(result.nfields)]
        return [(name, result.ftype(number), result.fmod(number)) for number, name in enumerate(named)]

    def _asked(self) -> PGresult:
        """Of an answer without rows nothing is kept that says what they would be: the database is asked for it."""
        from psycopg import generators
        from psycopg.adapt import PyFormat, Transformer

        transformer, line = Transformer(self._session), self._session.pgconn
        transformer.dump_sequence(self._values, [PyFormat.AUTO] * len(self._values))
        # Not the calls that wait by themselves: they would keep every other thread from running.
        line.send_prepare(b"", self.sql.encode(), transformer.types)
        self._session.wait(generators.execute(line))
        line.send_describe_prepared(b"")
        described: PGresult = self._session.wait(generators.execute(line))[0]
        return described

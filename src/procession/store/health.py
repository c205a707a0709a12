"""Can the database be read?"""

from __future__ import annotations

from procession.store.database import Transaction


def check(tx: Transaction) -> None:
    """Raises what the database raises when it cannot."""
    tx.one("SELECT number FROM schema_migration LIMIT 1")

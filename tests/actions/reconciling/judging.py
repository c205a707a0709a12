"""How right a reconciliation of the ledgers is: every match against the truth, and every amount to the cent.

A match is right when all its rows are of one true group, and of rows that stand for one another (a double posting) at
most one is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

_MUST = "kind NOT LIKE 'trap%' AND kind NOT LIKE 'break%'"
_STANDS = "coalesce(nullif(twin, 0)::VARCHAR, id)"
_SIDES = (("left", "entry_id", "amount"), ("right", "line_id", "paid"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`missed`: rows of a kind that must match and did not, by kind; `wrong`: matches of a kind that are not right.

    `lost`: rows in no result, in two, or with another amount."""

    missed: dict[str, int]
    wrong: dict[str, int]
    lost: int
    rows: int


def judge(truth: Path, matched: Sequence[Path], only_left: Path, only_right: Path) -> Verdict:
    """The files are Parquet; those of matches may be several, of periods that follow each other."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE truth AS FROM read_parquet(?)", [str(truth)])
    connection.execute("CREATE TABLE items (side VARCHAR, id VARCHAR, match VARCHAR, cents HUGEINT)")
    for number, file in enumerate(matched):
        for side, key, amount in _SIDES:
            connection.execute(
                f"INSERT INTO items SELECT '{side}', {side}_{key}, '{number}/' || match, {_cents(f'{side}_{amount}')} "
                f"FROM read_parquet(?) WHERE {side}_{key} IS NOT NULL",
                [str(file)],
            )
    connection.execute("CREATE TABLE results AS SELECT side, id, cents FROM items")
    for (side, key, amount), file in zip(_SIDES, (only_left, only_right), strict=True):
        connection.execute(
            f"INSERT INTO results SELECT '{side}', {key}, {_cents(amount)} FROM read_parquet(?)", [str(file)]
        )
    _judge_matches(connection)
    return Verdict(missed=_missed(connection), wrong=_wrong(connection), lost=_lost(connection), rows=_rows(connection))


def _cents(amount: str) -> str:
    return f"round({amount}::DECIMAL(19,4) * 100)::HUGEINT"


def _judge_matches(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"""
        CREATE TABLE judged AS
        WITH known AS (SELECT i.*, t.kind, t."group", {_STANDS} AS stands FROM items i JOIN truth t USING (side, id))
        SELECT *, min("group") OVER m = max("group") OVER m AND min("group") OVER m > 0 AND n = count(*) OVER m AS is_right
        FROM known JOIN (SELECT match, count(DISTINCT side || stands) AS n FROM known GROUP BY 1) USING (match)
        WINDOW m AS (PARTITION BY match)
    """)


def _missed(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(
        connection.execute(f"""
            SELECT kind, count(DISTINCT side || {_STANDS}) AS missed FROM truth t
            WHERE {_MUST} AND NOT EXISTS (
                SELECT 1 FROM judged j WHERE j.is_right AND j.side = t.side
                AND j.stands = coalesce(nullif(t.twin, 0)::VARCHAR, t.id)
            ) GROUP BY kind
        """).fetchall()
    )


def _wrong(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    query = f"SELECT kind, count(DISTINCT match) FROM judged WHERE NOT is_right OR NOT ({_MUST}) GROUP BY kind"
    return dict(connection.execute(query).fetchall())


def _lost(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("""
        SELECT (SELECT count(*) FROM truth ANTI JOIN results USING (side, id, cents))
            + (SELECT count(*) FROM results) - (SELECT count(*) FROM truth)
    """).fetchone()
    assert row is not None
    return int(row[0])


def _rows(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT count(*) FROM judged WHERE is_right").fetchone()
    assert row is not None
    return int(row[0])

"""The eight rules over two ledgers in plain DuckDB, with all six files: text keys and windows, as one writes by hand.

    python -m bench.plain.duckdb_books FOLDER OUT

Reads FOLDER/left.parquet and right.parquet, writes matched, suggested, only_left, only_right, summary and differences.
No decisions, no checks of what people set and no control totals: nobody writes them for one pair of files.
"""

from __future__ import annotations

import sys

import duckdb

from bench.plain import duckdb_files
from bench.plain.duckdb_files import NARROW

_TABLES = {
    "pairs": "rule INTEGER, l VARCHAR, r VARCHAR",
    "grouped": "rule INTEGER, match VARCHAR, side VARCHAR, id VARCHAR",
    "doubts": "rule INTEGER, l VARCHAR, r VARCHAR",
    "sets": "t VARCHAR, side VARCHAR, items VARCHAR[], why VARCHAR",
}
_PLACE = "l.account = r.account AND l.ccy = r.ccy"
_WINDOW = "r.day - l.day BETWEEN -1 AND 5"
_CANDIDATES_MAX = 10  # of a row, for people to look at
_POOL_MAX = 40


def write(folder: str, out: str) -> None:
    connection = duckdb.connect(config={"threads": "2"})
    for side, columns in NARROW.items():
        connection.execute(f"CREATE TABLE {side}_rows AS FROM read_parquet('{folder}/{side}.parquet')")
        connection.execute(f"CREATE TABLE {side}_open AS SELECT {columns} FROM {side}_rows")
    for name, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
    apply(connection)
    duckdb_files.write(connection, out)


def apply(connection: duckdb.DuckDBPyConnection) -> None:
    exact(connection)
    nearest(connection, 2, f"{_PLACE} AND l.ref = r.ref AND l.amount = r.amount AND {_WINDOW}", "0")
    groups(connection)
    apart = "abs(l.amount - r.amount)"
    nearest(connection, 4, f"{_PLACE} AND l.ref = r.ref AND {_WINDOW} AND "
            f"({apart} <= 0.50 OR {apart} * 1000 <= abs(l.amount) * 5)", apart)  # fmt: skip
    for side in NARROW:
        reversals(connection, side)
    mistyped(connection)
    no_reference(connection)
    subsets(connection, "right", "left")
    subsets(connection, "left", "right")


def exact(connection: duckdb.DuckDBPyConnection) -> None:
    keys = "PARTITION BY account, ccy, ref, amount, day ORDER BY id"
    sides = [f"SELECT *, row_number() OVER ({keys}) AS turn FROM {side}_open WHERE ref IS NOT NULL" for side in NARROW]
    take(connection, 1, f"SELECT l.id AS l, r.id AS r FROM ({sides[0]}) l JOIN ({sides[1]}) r "
         "USING (account, ccy, ref, amount, day, turn)")  # fmt: skip


def take(connection: duckdb.DuckDBPyConnection, rule: int, found: str) -> int:
    connection.execute(f"CREATE OR REPLACE TABLE found AS {found}")
    connection.execute(f"INSERT INTO pairs SELECT {rule}, l, r FROM found")
    for side in NARROW:
        close(connection, side, f"SELECT {side[0]} AS id FROM found")
    row = connection.execute("SELECT count(*) FROM found").fetchone()
    assert row is not None
    return int(row[0])


def close(connection: duckdb.DuckDBPyConnection, side: str, rows: str) -> None:
    connection.execute(f"CREATE OR REPLACE TABLE {side}_open AS FROM {side}_open ANTI JOIN ({rows}) USING (id)")


def nearest(connection: duckdb.DuckDBPyConnection, rule: int, on: str, apart: str) -> None:
    """Each other's single best, again and again; what is left is for people to look at."""
    connection.execute(
        f"CREATE OR REPLACE TABLE candidates AS SELECT l.id AS l, r.id AS r, {apart} AS apart, "
        f"abs(r.day - l.day) AS days FROM left_open l JOIN right_open r ON {on}"
    )
    choose(connection, rule)


def choose(connection: duckdb.DuckDBPyConnection, rule: int) -> None:
    best = """
        SELECT l, r FROM candidates
        QUALIFY rank() OVER (PARTITION BY l ORDER BY apart, days) = 1
            AND rank() OVER (PARTITION BY r ORDER BY apart, days) = 1
            AND count(*) OVER (PARTITION BY l, apart, days) = 1 AND count(*) OVER (PARTITION BY r, apart, days) = 1
    """
    while take(connection, rule, best):
        narrow(connection)
    keep_doubts(connection, rule)


def narrow(connection: duckdb.DuckDBPyConnection) -> None:
    left = "FROM candidates ANTI JOIN (SELECT l FROM found) USING (l) ANTI JOIN (SELECT r FROM found) USING (r)"
    connection.execute(f"CREATE OR REPLACE TABLE candidates AS {left}")


def keep_doubts(connection: duckdb.DuckDBPyConnection, rule: int) -> None:
    connection.execute(
        f"INSERT INTO doubts SELECT {rule}, l, r FROM candidates "
        f"QUALIFY row_number() OVER (PARTITION BY l ORDER BY apart, days, r) <= {_CANDIDATES_MAX}"
    )


def groups(connection: duckdb.DuckDBPyConnection) -> None:
    sums = "SELECT account, ccy, ref, sum(amount) AS total, count(*) AS n, min(day) AS a, max(day) AS z FROM {}_open " \
        "WHERE ref IS NOT NULL GROUP BY ALL"  # fmt: skip
    connection.execute(
        f"CREATE TABLE sums AS SELECT account, ccy, ref FROM ({sums.format('left')}) l JOIN ({sums.format('right')}) r "
        "USING (account, ccy, ref) WHERE l.total = r.total AND l.n + r.n > 2 AND r.a - l.z >= -1 AND r.z - l.a <= 5"
    )
    for side in NARROW:
        connection.execute(
            f"CREATE OR REPLACE TABLE found AS SELECT account || ccy || ref AS match, id FROM {side}_open "
            "JOIN sums USING (account, ccy, ref)"
        )
        connection.execute(f"INSERT INTO grouped SELECT 3, match, '{side}', id FROM found")
        close(connection, side, "SELECT id FROM found")


def reversals(connection: duckdb.DuckDBPyConnection, side: str) -> None:
    connection.execute(f"""
        CREATE OR REPLACE TABLE found AS
        SELECT l.id AS l, r.id AS r FROM {side}_open l JOIN {side}_open r ON {_PLACE} AND l.ref = r.ref
            AND l.amount > 0 AND l.amount = -r.amount AND abs(l.day - r.day) <= 10
        QUALIFY rank() OVER (PARTITION BY l.id ORDER BY abs(l.day - r.day)) = 1
            AND rank() OVER (PARTITION BY r.id ORDER BY abs(l.day - r.day)) = 1
            AND count(*) OVER (PARTITION BY l.id, abs(l.day - r.day)) = 1
            AND count(*) OVER (PARTITION BY r.id, abs(l.day - r.day)) = 1
    """)
    connection.execute(f"INSERT INTO grouped SELECT 5, l || r, '{side}', unnest([l, r]) FROM found")
    close(connection, side, "SELECT unnest([l, r]) AS id FROM found")


def mistyped(connection: duckdb.DuckDBPyConnection) -> None:
    """At most two edits, and at most a fifth of the shorter reference."""
    clean = "regexp_replace(upper({}.ref), '[^A-Z0-9]', '', 'g')"
    connection.execute(f"""
        CREATE OR REPLACE TABLE candidates AS
        SELECT l, r, damerau_levenshtein(one, other) AS apart, days FROM (
            SELECT l.id AS l, r.id AS r, abs(r.day - l.day) AS days, {clean.format("l")} AS one,
                {clean.format("r")} AS other
            FROM left_open l JOIN right_open r ON {_PLACE} AND l.amount = r.amount AND {_WINDOW}
        ) WHERE apart <= 2 AND apart * 5 <= least(length(one), length(other))
    """)
    choose(connection, 6)


def no_reference(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE OR REPLACE TABLE candidates AS SELECT l.id AS l, r.id AS r, 0 AS apart, abs(r.day - l.day) AS days "
        f"FROM left_open l JOIN right_open r ON {_PLACE} AND l.amount = r.amount AND {_WINDOW} "
        "AND (l.ref IS NULL OR r.ref IS NULL)"
    )
    take(connection, 7, "SELECT l, r FROM candidates QUALIFY count(*) OVER (PARTITION BY l) = 1 "
         "AND count(*) OVER (PARTITION BY r) = 1")  # fmt: skip
    narrow(connection)
    keep_doubts(connection, 7)


def subsets(connection: duckdb.DuckDBPyConnection, one: str, many: str) -> None:
    """Sums of two items are a table, and of four are two of them."""
    connection.execute(f"""
        CREATE OR REPLACE TABLE pool AS
        SELECT t.id AS t, t.amount AS goal, i.id AS i, i.amount AS v FROM {one}_open t JOIN {many}_open i
            ON t.account = i.account AND t.ccy = i.ccy AND sign(t.amount) = sign(i.amount)
            AND abs(i.amount) <= abs(t.amount) AND t.day - i.day BETWEEN 0 AND 5
        WHERE t.ref IS NULL QUALIFY count(*) OVER (PARTITION BY t.id) <= {_POOL_MAX}
    """)
    connection.execute(
        "CREATE OR REPLACE TABLE two AS SELECT a.t, a.goal, a.i, b.i AS j, a.v + b.v AS v FROM pool a JOIN pool b "
        "ON a.t = b.t AND a.i < b.i WHERE abs(a.v + b.v) <= abs(a.goal)"
    )
    connection.execute("""
        CREATE OR REPLACE TABLE sums AS
        SELECT t, [i] AS items FROM pool WHERE v = goal
        UNION ALL SELECT t, [i, j] FROM two WHERE v = goal
        UNION ALL SELECT a.t, [a.i, a.j, b.i] FROM two a JOIN pool b ON a.t = b.t AND b.v = a.goal - a.v AND b.i > a.j
        UNION ALL SELECT a.t, [a.i, a.j, b.i, b.j] FROM two a JOIN two b ON a.t = b.t AND b.v = a.goal - a.v
            AND b.i > a.j
    """)
    judge(connection)
    good = "(SELECT t, any_value(items) AS items FROM sums JOIN judged USING (t) WHERE why IS NULL GROUP BY t)"
    connection.execute(
        f"CREATE OR REPLACE TABLE found AS SELECT t, '{many}' AS side, unnest(items) AS id FROM {good} "
        f"UNION ALL SELECT t, '{one}', t FROM {good}"
    )
    connection.execute("INSERT INTO grouped SELECT 8, t, side, id FROM found")
    connection.execute(f"INSERT INTO sets SELECT t, '{one}', items, why FROM sums JOIN judged USING (t) "
                       "WHERE why IS NOT NULL")  # fmt: skip
    for side in NARROW:
        close(connection, side, f"SELECT id FROM found WHERE side = '{side}'")


def judge(connection: duckdb.DuckDBPyConnection) -> None:
    """judged (t, why): NULL for the rows of which one set is the only one, nobody else's, and no chance.

    A hundred times the sets of two to four of n items must not be more than the amount, counted in the largest power
    of ten that divides the amounts of the pool."""
    connection.execute("""
        CREATE OR REPLACE TABLE judged AS
        WITH parts AS (SELECT DISTINCT t, unnest(items) AS i FROM sums),
        shared AS (SELECT DISTINCT t FROM parts WHERE i IN (SELECT i FROM parts GROUP BY i HAVING count(*) > 1)),
        cents AS (SELECT t, (abs(goal) * 100)::BIGINT AS goal, (abs(v) * 100)::BIGINT::VARCHAR AS v FROM pool),
        pools AS (
            SELECT t, count(*) AS n, any_value(goal) // 10 ** min(length(v) - length(rtrim(v, '0'))) AS units
            FROM cents GROUP BY t
        )
        SELECT t, CASE WHEN count(*) > 1 THEN 'several sets of items give the amount'
            WHEN t IN (FROM shared) THEN 'an item of it may belong to another row as well'
            WHEN 100 * (n * (n - 1) // 2 + n * (n - 1) * (n - 2) // 6 + n * (n - 1) * (n - 2) * (n - 3) // 24) > units
            THEN 'so many items give such an amount by chance' END AS why
        FROM sums JOIN pools USING (t) GROUP BY t, n, units HAVING max(len(items)) > 1
    """)


if __name__ == "__main__":
    write(*sys.argv[1:])

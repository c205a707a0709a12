"""The eight rules over two ledgers in plain DuckDB: text keys and windows, as one writes them by hand.

    python duckdb_books.py FOLDER OUT

Reads FOLDER/left.parquet and right.parquet, writes matched, only_left and only_right. No reasons, suggestions,
decisions, totals or checks of what people set.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import duckdb

_SIDES = {
    "left": "entry_id AS id, account, currency AS ccy, booked_on AS day, nullif(reference, '') AS ref, amount",
    "right": "line_id AS id, account_no AS account, ccy, value_on AS day, nullif(bank_reference, '') AS ref, "
    "paid AS amount",
}
_PLACE = "l.account = r.account AND l.ccy = r.ccy"
_WINDOW = "r.day - l.day BETWEEN -1 AND 5"
_CLEAN = "regexp_replace(upper({}.ref), '[^A-Z0-9]', '', 'g')"


def main() -> None:
    folder, out = sys.argv[1:]
    connection = duckdb.connect(config={"threads": "2"})
    for side, columns in _SIDES.items():
        connection.execute(f"CREATE TABLE {side}_rows AS FROM read_parquet('{folder}/{side}.parquet')")
        connection.execute(f"CREATE TABLE {side}_open AS SELECT {columns} FROM {side}_rows")
    connection.execute("CREATE TABLE items (rule VARCHAR, match VARCHAR, side VARCHAR, id VARCHAR)")
    exact = "PARTITION BY account, ccy, ref, amount, day ORDER BY id"
    sides = [f"SELECT *, row_number() OVER ({exact}) AS turn FROM {side}_open WHERE ref IS NOT NULL" for side in _SIDES]
    take(connection, "Exact", f"SELECT l.id AS l, r.id AS r FROM ({sides[0]}) l JOIN ({sides[1]}) r "
         "USING (account, ccy, ref, amount, day, turn)")  # fmt: skip
    nearest(connection, "Date window", f"{_PLACE} AND l.ref = r.ref AND l.amount = r.amount AND {_WINDOW}", "0")
    groups(connection)
    apart = "abs(l.amount - r.amount)"
    nearest(connection, "Charges", f"{_PLACE} AND l.ref = r.ref AND {_WINDOW} AND "
            f"({apart} <= 0.50 OR {apart} * 1000 <= abs(l.amount) * 5)", apart)  # fmt: skip
    for side in _SIDES:
        reversals(connection, side)
    edits = f"damerau_levenshtein({_CLEAN.format('l')}, {_CLEAN.format('r')})"
    nearest(connection, "Mistyped", f"{_PLACE} AND l.amount = r.amount AND {_WINDOW} AND {edits} <= 2", edits)
    only = f"{_PLACE} AND l.amount = r.amount AND {_WINDOW} AND (l.ref IS NULL OR r.ref IS NULL)"
    take(connection, "No reference", f"SELECT l.id AS l, r.id AS r FROM left_open l JOIN right_open r ON {only} "
         "QUALIFY count(*) OVER (PARTITION BY l.id) = 1 AND count(*) OVER (PARTITION BY r.id) = 1")  # fmt: skip
    subsets(connection, "right", "left")
    subsets(connection, "left", "right")
    write(connection, out)


def take(connection: duckdb.DuckDBPyConnection, rule: str, found: str) -> int:
    connection.execute(f"CREATE OR REPLACE TABLE found AS {found}")
    for side in _SIDES:
        connection.execute(f"INSERT INTO items SELECT '{rule}', l || r, '{side}', {side[0]} FROM found")
        close(connection, side)
    row = connection.execute("SELECT count(*) FROM found").fetchone()
    assert row is not None
    return int(row[0])


def close(connection: duckdb.DuckDBPyConnection, side: str) -> None:
    connection.execute(
        f"CREATE TABLE rest AS SELECT * FROM {side}_open WHERE id NOT IN (SELECT id FROM items WHERE side = '{side}')"
    )
    connection.execute(f"DROP TABLE {side}_open")
    connection.execute(f"ALTER TABLE rest RENAME TO {side}_open")


def nearest(connection: duckdb.DuckDBPyConnection, rule: str, on: str, apart: str) -> None:
    candidates = f"SELECT l.id AS l, r.id AS r, {apart} AS apart, abs(r.day - l.day) AS days FROM left_open l " \
        f"JOIN right_open r ON {on}"  # fmt: skip
    query = f"""
        SELECT l, r FROM ({candidates})
        QUALIFY rank() OVER (PARTITION BY l ORDER BY apart, days) = 1
            AND rank() OVER (PARTITION BY r ORDER BY apart, days) = 1
            AND count(*) OVER (PARTITION BY l, apart, days) = 1 AND count(*) OVER (PARTITION BY r, apart, days) = 1
    """
    while take(connection, rule, query):
        pass


def groups(connection: duckdb.DuckDBPyConnection) -> None:
    sums = "SELECT account, ccy, ref, sum(amount) AS total, count(*) AS n, min(day) AS a, max(day) AS z FROM {}_open " \
        "WHERE ref IS NOT NULL GROUP BY ALL"  # fmt: skip
    connection.execute(
        f"CREATE TABLE sums AS SELECT account, ccy, ref FROM ({sums.format('left')}) l JOIN ({sums.format('right')}) r "
        "USING (account, ccy, ref) WHERE l.total = r.total AND l.n + r.n > 2 AND r.a - l.z >= -1 AND r.z - l.a <= 5"
    )
    for side in _SIDES:
        connection.execute(
            f"INSERT INTO items SELECT 'Batches', account || ccy || ref, '{side}', id FROM {side}_open "
            "JOIN sums USING (account, ccy, ref)"
        )
        close(connection, side)


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
    connection.execute(f"INSERT INTO items SELECT 'Reversals', l || r, '{side}', unnest([l, r]) FROM found")
    close(connection, side)


def subsets(connection: duckdb.DuckDBPyConnection, one: str, many: str) -> None:
    connection.execute(f"""
        CREATE OR REPLACE TABLE pool AS
        SELECT t.id AS t, t.amount AS goal, i.id AS i, i.amount AS v, count(*) OVER (PARTITION BY t.id) AS n
        FROM {one}_open t JOIN {many}_open i ON t.account = i.account AND t.ccy = i.ccy
            AND sign(t.amount) = sign(i.amount) AND abs(i.amount) <= abs(t.amount)
            AND t.day - i.day BETWEEN 0 AND 5
        WHERE t.ref IS NULL
    """)
    connection.execute(f"CREATE OR REPLACE TABLE sums AS {' UNION ALL '.join(_sums())}")
    connection.execute("""
        CREATE OR REPLACE TABLE alone AS SELECT t, any_value(chosen) AS chosen FROM sums GROUP BY t HAVING count(*) = 1
    """)
    parts = "(SELECT t, unnest(chosen) AS i FROM alone WHERE len(chosen) > 1)"
    shared = f"(SELECT t FROM {parts} WHERE i IN (SELECT i FROM {parts} GROUP BY i HAVING count(*) > 1))"
    connection.execute(f"""
        INSERT INTO items SELECT 'Paid together', t, '{many}', i FROM {parts} WHERE t NOT IN {shared}
        UNION ALL SELECT DISTINCT 'Paid together', t, '{one}', t FROM {parts} WHERE t NOT IN {shared}
    """)
    close(connection, one)
    close(connection, many)


def _sums() -> Sequence[str]:
    pool = "(SELECT * FROM pool WHERE n BETWEEN 2 AND 40)"
    joined = [f"{pool} a"]
    found = ["SELECT t, [i] AS chosen FROM pool WHERE v = goal AND n BETWEEN 2 AND 40"]
    for names in ("ab", "abc", "abcd"):
        before, last = names[-2], names[-1]
        joined.append(f"JOIN {pool} {last} ON a.t = {last}.t AND {before}.i < {last}.i")
        chosen = ", ".join(f"{name}.i" for name in names)
        total = " + ".join(f"{name}.v" for name in names)
        found.append(f"SELECT a.t, [{chosen}] FROM {' '.join(joined)} WHERE {total} = a.goal")
    return found


def write(connection: duckdb.DuckDBPyConnection, out: str) -> None:
    connection.execute(f"""
        COPY (
            WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY match, side ORDER BY id) AS turn FROM items),
            lines AS (
                SELECT match, rule, turn, max(id) FILTER (side = 'left') AS l, max(id) FILTER (side = 'right') AS r
                FROM numbered GROUP BY ALL
            )
            SELECT match, rule, l.*, r.* FROM lines LEFT JOIN left_rows l ON l.entry_id = lines.l
            LEFT JOIN right_rows r ON r.line_id = lines.r ORDER BY lines.l, lines.r
        ) TO '{out}/matched.parquet' (FORMAT parquet, COMPRESSION zstd)
    """)
    for side, key in (("left", "entry_id"), ("right", "line_id")):
        connection.execute(
            f"COPY (SELECT * FROM {side}_rows WHERE {key} IN (SELECT id FROM {side}_open)) "
            f"TO '{out}/only_{side}.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )


if __name__ == "__main__":
    main()

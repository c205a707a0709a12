"""The six files of what plain DuckDB found: every match and suggestion, and of every open row why it is open."""

from __future__ import annotations

import duckdb

_RULES = ("Exact", "Date window", "Batches", "Charges", "Reversals", "Mistyped", "No reference", "Paid together")
_NAMES = "['" + "', '".join(_RULES) + "']"
_OTHER = {"left": "right", "right": "left"}
_KEYS = {"left": "entry_id", "right": "line_id"}
_COLUMNS = {
    "left": ("entry_id", "account", "currency", "booked_on", "reference", "amount", "party"),
    "right": ("line_id", "account_no", "ccy", "value_on", "bank_reference", "paid", "counterparty"),
}
NARROW = {
    "left": "entry_id AS id, account, currency AS ccy, booked_on AS day, nullif(reference, '') AS ref, amount",
    "right": "line_id AS id, account_no AS account, ccy, value_on AS day, nullif(bank_reference, '') AS ref, "
    "paid AS amount",
}
_ROWS = {
    "left": "(SELECT entry_id AS id, currency AS ccy, amount FROM left_rows)",
    "right": "(SELECT line_id AS id, ccy, paid AS amount FROM right_rows)",
}
_SEVERAL = "one of several candidates"


def write(connection: duckdb.DuckDBPyConnection, out: str) -> None:
    number_matches(connection)
    suggest(connection)
    for side in _KEYS:
        explain(connection, side)
    summarise(connection)
    queries = {
        "matched": matched(), "suggested": suggested(), "only_left": opened("left"), "only_right": opened("right"),
        "summary": "SELECT * EXCLUDE (place) FROM summary ORDER BY currency, place", "differences": differences(),
    }  # fmt: skip
    for name, query in queries.items():
        connection.execute(
            f"COPY ({query}) TO '{out}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )


def number_matches(connection: duckdb.DuckDBPyConnection) -> None:
    """lines (match, rule, turn, l, r): by rule, then by the first left row; a group has lines for its longer side."""
    connection.execute("""
        CREATE TABLE lines AS
        WITH turns AS (SELECT *, row_number() OVER (PARTITION BY rule, match, side ORDER BY id) AS turn FROM grouped),
        every AS (
            SELECT rule, NULL AS match, 1 AS turn, l, r FROM pairs
            UNION ALL SELECT rule, match, turn, max(id) FILTER (side = 'left'), max(id) FILTER (side = 'right')
            FROM turns GROUP BY ALL
        ),
        numbered AS (
            SELECT rule, match, l, r, row_number() OVER (ORDER BY rule, l NULLS LAST, r) AS number FROM every
            WHERE turn = 1
        )
        SELECT number AS match, rule, 1 AS turn, l, r, NULL::DECIMAL(38, 2) AS total FROM numbered WHERE match IS NULL
        UNION ALL SELECT n.number, e.rule, e.turn, e.l, e.r, 0 FROM every e JOIN numbered n USING (rule, match)
    """)


def _shown() -> str:
    return ", ".join(f"{side[0]}.{name} AS {side}_{name}" for side, names in _COLUMNS.items() for name in names)


def matched() -> str:
    """Pairs in the order of the left side, and groups behind them, whose sums are equal by their rules."""
    return f"""
        SELECT match, {_NAMES}[rule] AS rule,
            CASE WHEN total IS NULL THEN l.amount - r.paid WHEN turn = 1 THEN total END AS difference, {_shown()}
        FROM lines n LEFT JOIN left_rows l ON l.entry_id = n.l LEFT JOIN right_rows r ON r.line_id = n.r
        ORDER BY total IS NOT NULL, CASE WHEN total IS NULL THEN n.l END, match, turn
    """


def differences() -> str:
    return f"""
        SELECT match, {_NAMES}[rule] AS rule, CASE rule WHEN 4 THEN '6990' END AS book_to, l.currency,
            l.entry_id AS left_key, r.line_id AS right_key, l.amount - r.paid AS difference
        FROM lines n JOIN left_rows l ON l.entry_id = n.l JOIN right_rows r ON r.line_id = n.r
        WHERE total IS NULL AND l.amount <> r.paid ORDER BY match
    """


def suggest(connection: duckdb.DuckDBPyConnection) -> None:
    """suggested_items (suggestion, rule, why, side, id): candidates and sets all of whose rows are still open."""
    is_open = "(SELECT id FROM left_open UNION ALL SELECT id FROM right_open)"
    connection.execute(f"""
        CREATE TABLE suggested_items AS
        WITH undecided AS (
            SELECT min(rule) AS rule, l, r FROM doubts WHERE l IN {is_open} AND r IN {is_open} GROUP BY l, r
        ),
        parts AS (SELECT t, items, unnest(items) AS id FROM sets),
        gone AS (SELECT DISTINCT t, items FROM parts ANTI JOIN {is_open} USING (id)),
        every AS (
            SELECT rule, '{_SEVERAL}: ' || count(*) OVER (PARTITION BY l) || ' of the left row, '
                || count(*) OVER (PARTITION BY r) || ' of the right row' AS why, [l] AS ls, [r] AS rs FROM undecided
            UNION ALL
            SELECT 8, why, if(side = 'left', [t], items), if(side = 'left', items, [t]) FROM sets
            ANTI JOIN gone USING (t, items) WHERE t IN {is_open}
        ),
        numbered AS (SELECT row_number() OVER (ORDER BY rule, list_min(ls), list_min(rs)) AS suggestion, * FROM every)
        SELECT suggestion, rule, why, 'left' AS side, unnest(ls) AS id FROM numbered
        UNION ALL SELECT suggestion, rule, why, 'right', unnest(rs) FROM numbered
    """)


def suggested() -> str:
    return f"""
        WITH turns AS (
            SELECT s.*, row_number() OVER (PARTITION BY suggestion, side ORDER BY s.id) AS turn,
                coalesce(l.amount, -r.paid) AS signed
            FROM suggested_items s LEFT JOIN left_rows l ON side = 'left' AND l.entry_id = s.id
            LEFT JOIN right_rows r ON side = 'right' AND r.line_id = s.id
        ),
        lines AS (
            SELECT suggestion, rule, why, turn, max(id) FILTER (side = 'left') AS l,
                max(id) FILTER (side = 'right') AS r FROM turns GROUP BY ALL
        ),
        totals AS (SELECT suggestion, sum(signed) AS difference FROM turns GROUP BY suggestion)
        SELECT suggestion, {_NAMES}[rule] AS rule, why, if(turn = 1, difference, NULL) AS difference, {_shown()}
        FROM lines n JOIN totals USING (suggestion)
        LEFT JOIN left_rows l ON l.entry_id = n.l LEFT JOIN right_rows r ON r.line_id = n.r
        ORDER BY suggestion, turn
    """


def explain(connection: duckdb.DuckDBPyConnection, side: str) -> None:
    """{side}_reasons (id, reason, near_key): the first reason that holds, and the nearest row of the other side."""
    apart, days = "abs(s.amount - o.amount)", "abs(s.day - o.day)"
    near = f"FROM {side}_open s JOIN {_OTHER[side]}_open o ON s.ccy = o.ccy AND s.account = o.account"
    within = "o.day - s.day BETWEEN -1 AND 5" if side == "left" else "s.day - o.day BETWEEN -1 AND 5"
    found = f"s.id, o.id AS near_key, {apart} AS apart, {days} AS days"
    elsewhere = f"FROM {side}_open s JOIN {_OTHER[side]}_open o ON s.ref = o.ref AND s.amount = o.amount AND {within}"
    connection.execute(f"""
        CREATE TABLE {side}_reasons AS
        WITH reasons(place, reason, id, near_key, apart, days) AS (
            SELECT if(starts_with(s.why, '{_SEVERAL}'), 2, 1), if(starts_with(s.why, '{_SEVERAL}'),
                'several candidates', 'suggested'), s.id, o.id, 0, 0
            FROM suggested_items s JOIN suggested_items o ON o.suggestion = s.suggestion AND o.side <> s.side
            WHERE s.side = '{side}'
            UNION ALL SELECT 3, 'booked twice?', id, NULL, 0, 0 FROM {side}_open
            SEMI JOIN (
                SELECT {NARROW[side]} FROM {side}_rows WHERE {_KEYS[side]} IN (SELECT {side[0]} FROM pairs)
            ) USING (account, ccy, ref, amount, day)
            UNION ALL SELECT 4, {days} || if({days} = 1, ' day apart', ' days apart'), {found}
            {near} AND s.ref = o.ref AND s.amount = o.amount WHERE s.day <> o.day
            UNION ALL SELECT 5, 'amount differs by ' || {apart}, {found} {near} AND s.ref = o.ref
            WHERE s.amount <> o.amount
            UNION ALL SELECT 6, 'other account', {found} {elsewhere} AND s.ccy = o.ccy WHERE s.account <> o.account
            UNION ALL SELECT 7, 'other currency', {found} {elsewhere} AND s.account = o.account WHERE s.ccy <> o.ccy
            UNION ALL SELECT 8, 'other reference', {found} {near} AND s.amount = o.amount AND {within}
            WHERE s.ref <> o.ref
        )
        SELECT id, reason, near_key FROM reasons
        QUALIFY row_number() OVER (PARTITION BY id ORDER BY place, apart, days, near_key) = 1
    """)


def opened(side: str) -> str:
    return (
        f"SELECT s.*, coalesce(reason, 'nothing on the other side') AS reason, near_key FROM {side}_rows s "
        f"JOIN {side}_open o ON o.id = s.{_KEYS[side]} LEFT JOIN {side}_reasons e ON e.id = o.id "
        f"ORDER BY s.{_KEYS[side]}"
    )


def summarise(connection: duckdb.DuckDBPyConnection) -> None:
    """summary (currency, line, counts and totals of both sides): rules, matched, suggested, open, everything."""
    counted = "count(*) AS n, sum(amount) AS total"
    parts = [
        f"SELECT {rule} AS rule, '{side}' AS side, ccy, {counted} FROM {rows} JOIN {found} USING (id) GROUP BY ALL"
        for side, rows in _ROWS.items()
        for rule, found in (
            ("rule", f"(SELECT rule, {side[0]} AS id FROM pairs)"),
            ("rule", f"(SELECT rule, id FROM grouped WHERE side = '{side}')"),
            ("10", f"(SELECT DISTINCT id FROM suggested_items WHERE side = '{side}')"),
            ("11" if side == "left" else "12", f"(SELECT id FROM {side}_open)"),
        )
    ]
    connection.execute(f"CREATE TABLE counted AS {' UNION ALL '.join(parts)}")
    names = f"list_concat({_NAMES}, ['Matched', 'Suggested', 'Only left', 'Only right', 'Everything'])"
    totals = ", ".join(
        f"coalesce(sum(n) FILTER (side = '{side}'), 0)::BIGINT AS {side}_count, "
        f"coalesce(sum(total) FILTER (side = '{side}'), 0) AS {side}_total"
        for side in _ROWS
    )
    connection.execute(f"""
        CREATE TABLE summary AS
        WITH placed AS (
            SELECT rule AS place, * FROM counted
            UNION ALL SELECT 9, * FROM counted WHERE rule < 9 UNION ALL SELECT 13, * FROM counted WHERE rule <> 10
        )
        SELECT place, ccy AS currency, {names}[place] AS line, {totals}, left_total - right_total AS difference
        FROM placed GROUP BY place, ccy
    """)

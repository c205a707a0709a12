"""One row without a reference that pays two to four open items of the other side.

Taken only where a single set of items gives the amount, no item is in the sets of two rows, and a hit by chance is
unlikely. Sums of one and of two items are relations, and so is everything that is made of them: for a pool of n items
there are n * n rows, and never a loop over sets.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from procession.actions.problems import Problem
from procession.actions.reconciling import matching
from procession.actions.reconciling.matching import MatchingRule, asked
from procession.actions.reconciling.nearest_pairs import CANDIDATES_MAX
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb

POOL_MAX = 40  # items that one row may stand for; chance finds a sum among more
_SOLUTIONS_MAX = 2_000  # ways to a sum; a pool with more has no single one, and is not looked through
_CHANCE = 100  # a hit by chance must be rarer than one in so many
_SHOWN_MAX = 10  # sets of a row that are suggested
_TABLES = ("pool", "sized", "two", "overfull", "sums", "judged")
# How many sets of 2, 3 and 4 there are among n.
_SETS = ("n * (n - 1) // 2", "n * (n - 1) * (n - 2) // 6", "n * (n - 1) * (n - 2) * (n - 3) // 24")
_UNCLEAR = {
    "solutions > 1": "several sets of items give the amount",
    "solutions = 1 AND is_shared": "an item of it may belong to another row as well",
    "solutions = 1 AND NOT is_shared AND is_chance": "so many items give such an amount by chance",
}
_CLEAR = "solutions = 1 AND NOT is_shared AND NOT is_chance"


def apply(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> str:
    """The rows of the side given first are looked at first."""
    return "; ".join(_of(connection, rule, side) for side in rule.sides)


def _of(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, side: str) -> str:
    _make_pools(connection, rule, side)
    _make_sums(connection, rule)
    _judge(connection, rule)
    # Every set stays as it was judged: what is taken here changes nothing for the others.
    found = _take(connection, rule, side, _CLEAR)
    as_suggestion = replace(rule, suggests=True)
    # Shown and never taken: the remittance advice tells a person which items were paid.
    unclear = sum(_take(connection, as_suggestion, side, test, why) for test, why in _UNCLEAR.items())
    skipped = _skipped(connection)
    connection.execute("INSERT INTO skipped_pools VALUES (?, ?)", [rule.number, skipped])
    for name in _TABLES:
        connection.execute(f"DROP TABLE {name}")
    more = f", {skipped:,} pools with too many items or sums skipped" if skipped else ""
    return f"{found:,} for rows of the {side}, {unclear:,} sets of others suggested{more}"


def _make_pools(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, side: str) -> None:
    """pool (t, goal, i, v): the rows without a reference and the items that each may stand for; sized: with n, their
    number, where it is not too large."""
    # Items of one sign: with credits among them, nearly any amount is some sum.
    on = [f"t.{key} = i.{key}" for key in rule.hashes] + ["t.sign = i.sign"]
    by = [*rule.hashes, "sign(amount) AS sign"]
    if rule.days is not None:
        on.append(f"t.day_{rule.day} - i.day_{rule.day} BETWEEN {rule.days[0]} AND {rule.days[1]}")
        by.append(f"day_{rule.day}")
    targets = (
        f"(SELECT *, sign(amount) AS sign FROM {asked(rule, side)} WHERE hash_{rule.empty} IS NULL AND amount <> 0)"
    )
    items = f"(SELECT *, sign(amount) AS sign FROM {asked(rule, SIDES[1 - SIDES.index(side)])})"
    _refuse_many(connection, rule, (targets, items), (", ".join(by), " AND ".join(on)))
    connection.execute(
        "CREATE TABLE pool AS SELECT t.row AS t, t.amount AS goal, i.row AS i, i.amount AS v "
        f"FROM {targets} t JOIN {items} i ON {' AND '.join(on)} AND abs(i.amount) <= abs(t.amount)"
    )
    # Before the sums: of two sets of items, the one that people did not rule out is the only one.
    row, item = (f"{one}_row" for one in (side, SIDES[1 - SIDES.index(side)]))
    connection.execute(f"DELETE FROM pool WHERE (t, i) IN (SELECT ({row}, {item}) FROM never)")
    # A pool of one too: an item that is another row's whole amount may not be a part of this one's.
    connection.execute(
        "CREATE TABLE sized AS SELECT * FROM pool JOIN (SELECT t, count(*) AS n FROM pool GROUP BY t "
        f"HAVING count(*) <= {POOL_MAX}) USING (t)"
    )


def _refuse_many(
    connection: duckdb.DuckDBPyConnection, rule: MatchingRule, sides: tuple[str, str], how: tuple[str, str]
) -> None:
    """Raises Problem where the pools together would be too many rows. `how`: what they are counted by and joined on."""
    by, on = how
    # Days are counted, not rows: there are few of them for each key.
    t, i = (f"(SELECT {by}, count(*)::HUGEINT AS n FROM {side} GROUP BY ALL)" for side in sides)
    row = connection.execute(f"SELECT coalesce(sum(t.n * i.n), 0) FROM {t} t JOIN {i} i ON {on}").fetchone()
    assert row is not None
    if row[0] > CANDIDATES_MAX:
        raise Problem(
            f'the rule "{rule.name}" would have to look at {row[0]:,} pairs of rows with equal keys, more than '
            f"{CANDIDATES_MAX:,}; compare more columns, fewer days, or narrow it by where"
        )


def _make_sums(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> None:
    """sums (t, chosen): every set of items that gives the goal, those of one item too."""
    connection.execute(
        "CREATE TABLE two AS SELECT a.t, a.goal, a.i, b.i AS j, a.v + b.v AS v FROM sized a JOIN sized b "
        "ON a.t = b.t AND a.i < b.i WHERE abs(a.v + b.v) <= abs(a.goal)"
    )
    # Where all amounts are alike, any two pairs give the sum: too many to write down, and no choice anyway.
    connection.execute(f"""
        CREATE TABLE overfull AS
        WITH ways AS (SELECT t, goal, v, count(*) AS n FROM two GROUP BY ALL)
        SELECT a.t FROM ways a JOIN ways b ON a.t = b.t AND b.v = a.goal - a.v
        GROUP BY a.t HAVING sum(a.n * b.n) > {_SOLUTIONS_MAX}
    """)
    pairs = "(SELECT * FROM two ANTI JOIN overfull USING (t))"
    wanted = [
        "SELECT t, [i] AS chosen FROM sized WHERE v = goal",
        f"SELECT t, [i, j] FROM {pairs} WHERE v = goal",
        f"SELECT p.t, [p.i, p.j, s.i] FROM {pairs} p JOIN sized s ON p.t = s.t AND s.v = p.goal - p.v AND s.i > p.j",
        # Of the ways to split four items in two pairs, one has its first pair before the second.
        f"SELECT p.t, [p.i, p.j, q.i, q.j] FROM {pairs} p JOIN {pairs} q "
        "ON p.t = q.t AND q.v = p.goal - p.v AND q.i > p.j",
    ]
    connection.execute(f"CREATE TABLE sums AS {' UNION ALL '.join(wanted[: rule.items])}")


def _judge(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> None:
    """judged (t, solutions, is_shared, is_chance) for rows with a set of at least two items.

    Amounts are counted in the largest power of ten that divides all of the pool: of 100, 200 and 300 chance makes more
    than of 101.37, 212.95 and 300.04.
    """
    digits = "replace(CAST(abs({}) AS VARCHAR), '.', '')"
    zeros = f"length({digits.format('v')}) - length(rtrim({digits.format('v')}, '0'))"
    goal = digits.format("any_value(goal)")
    units = f"CAST(left({goal}, -greatest(min({zeros}), 0)) AS HUGEINT)"
    units = f"CASE WHEN min({zeros}) = 0 THEN CAST({goal} AS HUGEINT) ELSE {units} END"
    sets = " + ".join(_SETS[: rule.items - 1])
    connection.execute(f"""
        CREATE TABLE judged AS
        WITH counts AS (
            SELECT t, count(*) AS solutions FROM sums GROUP BY t HAVING max(len(chosen)) > 1
        ),
        parts AS (SELECT DISTINCT t, unnest(chosen) AS i FROM sums),
        shared AS (SELECT DISTINCT t FROM parts WHERE i IN (SELECT i FROM parts GROUP BY i HAVING count(*) > 1)),
        pools AS (SELECT t, any_value(n) AS n, {units} AS units FROM sized SEMI JOIN counts USING (t) GROUP BY t)
        SELECT t, solutions, t IN (FROM shared) AS is_shared, {_CHANCE} * ({sets}) > units AS is_chance
        FROM counts JOIN pools USING (t)
    """)


def _take(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, side: str, test: str, why: str = "") -> int:
    """The sets of the rows of which the test is true."""
    if connection.execute(f"SELECT 1 FROM judged WHERE {test} LIMIT 1").fetchone() is None:
        return 0
    number = SIDES.index(side)
    connection.execute(
        "CREATE TABLE sets AS SELECT row_number() OVER (ORDER BY t, chosen) AS id, t, chosen FROM sums "
        f"WHERE t IN (SELECT t FROM judged WHERE {test}) "
        f"QUALIFY row_number() OVER (PARTITION BY t ORDER BY chosen) <= {_SHOWN_MAX}"
    )
    connection.execute(
        f"CREATE TABLE found AS SELECT id, {number} AS side, t AS row FROM sets "
        f"UNION ALL SELECT id, {1 - number}, unnest(chosen) FROM sets"
    )
    connection.execute("DROP TABLE sets")
    return matching.take_groups(connection, rule, why)


def _skipped(connection: duckdb.DuckDBPyConnection) -> int:
    """Number of rows whose pool was not looked through."""
    row = connection.execute(
        f"SELECT (SELECT count(*) FROM (SELECT t FROM pool GROUP BY t HAVING count(*) > {POOL_MAX})) "
        "+ (SELECT count(*) FROM overfull)"
    ).fetchone()
    assert row is not None
    return int(row[0])

"""What people decided: pairs that belong together, pairs that never do, rows that are closed with words.

`open` is a decision taken back: the row stays, and says who did, and nothing follows from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.contract import Context
from procession.actions.problems import Problem
from procession.actions.reconciling import ledgers as ledgers_
from procession.actions.reconciling import matching, sides, sources
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import BY_HAND, CLOSED
from procession.actions.reconciling.reconcile_settings import SideSource
from procession.actions.reconciling.sides import SIDES, Side

if TYPE_CHECKING:
    import duckdb

_RELATION = "decisions"
_KEYS = ("left_key", "right_key")
_WORDS = ("match", "never", "close", "open")
DECISIONS_MAX = 200_000
Item = tuple[int, int]  # side, row


def load(context: Context, connection: duckdb.DuckDBPyConnection, given: SideSource) -> Side:
    """The relation of decisions as read. Raises Problem for one without the columns that it must have."""
    made, _ = sources.load(context, connection, _RELATION, [given], frozenset(_KEYS))
    side = sides.side(connection, _RELATION, made)
    for name in ("decision", *_KEYS):
        if name not in side.types:
            raise Problem(
                f'the decisions have no column "{name}" (they have {", ".join(side.types)}); they need decision, '
                "left_key and right_key, and may have comment"
            )
    # They are joined into groups in Python, where each of them takes memory.
    if made.rows > DECISIONS_MAX:
        raise Problem(f"there are {made.rows:,} decisions, and at most {DECISIONS_MAX:,} are taken")
    return side


def find(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, given: Side, key: int) -> Iterator[str]:
    """Makes decided (n, decision, left_row, right_row, left_key, right_key, comment) and `never`; gives warnings.

    A key that is not there is NULL as a row: it was settled in an earlier month, or is a slip. Raises Problem for an
    unknown decision, and for two that contradict each other."""
    # Cleaned like the key itself, or a key copied from the ledger would find no row.
    texts = {side: ledgers_.cleaned(given.written(f"{side}_key"), ledgers.keys[key]) for side in SIDES}
    comment = "CAST(t.comment AS VARCHAR)" if "comment" in given.types else "NULL::VARCHAR"
    rows = " ".join(
        f"LEFT JOIN ({_rows(ledgers, side, key)}) {side[0]} ON {side[0]}.key = d.{side}_key" for side in SIDES
    )
    connection.execute(
        f"CREATE TABLE decided AS SELECT d.*, l.row AS left_row, r.row AS right_row FROM (SELECT {given.row} AS n, "
        f"lower(trim(CAST(t.decision AS VARCHAR))) AS decision, CAST({texts['left']} AS VARCHAR) AS left_key, "
        f"CAST({texts['right']} AS VARCHAR) AS right_key, {comment} AS comment FROM {given.rows}) d {rows}"
    )
    # A slip in a decision is a wrong match, or one that nobody makes: nothing is guessed here.
    _refuse(connection, given)
    connection.execute(
        "CREATE OR REPLACE TABLE never AS SELECT left_row, right_row FROM decided WHERE decision = 'never' "
        "AND left_row IS NOT NULL AND right_row IS NOT NULL"
    )
    # Both missing is an old decision on rows that are gone; one missing is worth a look.
    half = connection.execute(
        "SELECT count(*), arg_min(coalesce(left_key, ''), n), arg_min(coalesce(right_key, ''), n) FROM decided "
        "WHERE decision = 'match' AND (left_row IS NULL) <> (right_row IS NULL)"
    ).fetchone()
    assert half is not None
    if half[0]:
        yield (
            f"{half[0]:,} decisions to match find only one of their two rows, such as {half[1]} with {half[2]}; "
            "it stays open"
        )
    yield from _slips(connection, ledgers, key)


def _slips(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, key: int) -> Iterator[str]:
    """Tells of keys that would be a row's but for blanks, case and zeros in front: a sheet makes 12 of 0012."""
    alike = "upper(ltrim(trim({}), '0'))".format
    found = " UNION ALL ".join(
        f"SELECT n, {side}_key AS said, key AS meant FROM decided JOIN ({_rows(ledgers, side, key)}) "
        f"ON {alike('key')} = {alike(f'{side}_key')} WHERE decision <> 'open' AND {side}_row IS NULL"
        for side in SIDES
    )
    row = connection.execute(f"SELECT count(DISTINCT n), arg_min(said, n), arg_min(meant, n) FROM ({found})").fetchone()
    assert row is not None
    # Not taken for the row's: nobody is forbidden to have a 12 and a 0012.
    if row[0]:
        yield (
            f"{row[0]:,} decisions count for nothing: they name rows by keys that are not quite theirs, such as "
            f'"{row[1]}" for "{row[2]}"'
        )


def _rows(ledgers: Ledgers, side: str, key: int) -> str:
    one = ledgers.side(side)
    value = f"CAST({ledgers.values[side][key]} AS VARCHAR)"
    # Numbers lose the zeros of their type, which nobody writes in a decision.
    if not ledgers.is_text(key):
        value = f"CASE WHEN contains({value}, '.') THEN rtrim(rtrim({value}, '0'), '.') ELSE {value} END"
    # A key that was given twice names the row that counts.
    given_twice = f"(SELECT row FROM {side}_given_twice)"
    return f"SELECT {one.row} AS row, {value} AS key FROM {one.rows} WHERE {one.row} NOT IN {given_twice}"


def _refuse(connection: duckdb.DuckDBPyConnection, given: Side) -> None:
    known = ", ".join(f"'{word}'" for word in _WORDS)
    wrong = connection.execute(
        f"SELECT n, decision FROM decided WHERE decision IS NULL OR decision NOT IN ({known}) "
        "OR (decision = 'close' AND (left_key IS NULL) = (right_key IS NULL)) "
        "OR (decision = 'open' AND left_key IS NULL AND right_key IS NULL) "
        "OR (decision IN ('match', 'never') AND (left_key IS NULL OR right_key IS NULL)) ORDER BY n LIMIT 1"
    ).fetchone()
    if wrong is None:
        return
    number, word = wrong
    at = given.made.place(number, "decision")
    if word not in _WORDS:
        from procession.model.nearest import nearest

        near = nearest(word or "", _WORDS)
        hint = f'; did you mean "{near}"?' if near else ""
        raise Problem(f'the decisions, {at}: "{word or ""}" is none of {", ".join(_WORDS)}{hint}')
    which = {"close": "one key, and the other empty", "open": "a key"}.get(word, "left_key and right_key")
    raise Problem(f"the decisions, {at}: {word} needs {which}")


def apply(connection: duckdb.DuckDBPyConnection) -> None:
    """Takes what people matched and closed out of the open items, before any rule.

    Raises Problem for decisions that contradict each other."""
    rows = connection.execute(
        "SELECT decision, left_row, right_row, left_key, right_key FROM decided WHERE decision IN ('match', 'close') "
        "ORDER BY n"
    ).fetchall()
    pairs = [row for row in rows if row[0] == "match" and row[1] is not None and row[2] is not None]
    closed = {item: row[3] or row[4] for row in rows if row[0] == "close" for item in _items(row[1], row[2])}
    never = _never(connection)
    # Of two decisions that contradict each other, nobody can know which was meant.
    for _, left, right, left_key, right_key in pairs:
        for item in _items(left, right):
            if item in closed:
                raise Problem(f'the decisions both close and match the key "{closed[item]}"')
        if (left, right) in never:
            raise Problem(f'the decisions both match "{left_key}" with "{right_key}" and say that they never match')
    _record(connection, BY_HAND, list(_groups((left, right) for _, left, right, _, _ in pairs)))
    # Before any rule, so that none matches what a person has written off.
    _record(connection, CLOSED, [[item] for item in closed])
    comments = "SELECT {n} AS side, {side}_row AS row, comment FROM decided WHERE decision IN ('match', 'close') AND " \
        "{side}_row IS NOT NULL AND comment IS NOT NULL"  # fmt: skip
    connection.execute(
        "INSERT INTO comments " + " UNION ALL ".join(comments.format(n=n, side=side) for n, side in enumerate(SIDES))
    )


def _items(left: int | None, right: int | None) -> Iterator[Item]:
    yield from ((side, row) for side, row in ((0, left), (1, right)) if row is not None)


def _never(connection: duckdb.DuckDBPyConnection) -> set[tuple[int, int]]:
    return set(connection.execute("SELECT left_row, right_row FROM never").fetchall())


def _groups(pairs: Iterable[tuple[int, int]]) -> Iterator[list[Item]]:
    """Rows that are joined by pairs, over however many: one payment decided with two invoices is one match."""
    first: dict[Item, Item] = {}

    def root(item: Item) -> Item:
        while first.setdefault(item, item) != item:
            first[item] = item = first[first[item]]
        return item

    for left, right in pairs:
        first[root((1, right))] = root((0, left))
    members: Mapping[Item, list[Item]] = defaultdict(list)
    for item in sorted(first):
        members[root(item)].append(item)
    yield from members.values()


def _record(connection: duckdb.DuckDBPyConnection, rule: int, groups: list[list[Item]]) -> None:
    rows = [(rule, number, side, row) for number, group in enumerate(groups, start=1) for side, row in group]
    if not rows:
        return
    connection.execute("CREATE TABLE found (rule INTEGER, id INTEGER, side INTEGER, row INTEGER)")
    # Numbers of ours, and so many at once that a statement stays short.
    for start in range(0, len(rows), 1_000):
        some = rows[start : start + 1_000]
        connection.execute(f"INSERT INTO found VALUES {', '.join(map(str, some))}")
    top = database.count(connection, "grouped")
    connection.execute(f"INSERT INTO grouped SELECT rule, {top} + id, side, row FROM found")
    for number, side in enumerate(SIDES):
        matching.close(connection, side, f"SELECT row FROM found WHERE side = {number}")
    connection.execute("DROP TABLE found")

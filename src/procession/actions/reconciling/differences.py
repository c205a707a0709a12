"""The differences of matches, ready for a journal: what was within a tolerance, and where to book it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from procession.actions.database import literal
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import BY_HAND, MatchingRule

if TYPE_CHECKING:
    import duckdb


def make(
    connection: duckdb.DuckDBPyConnection,
    ledgers: Ledgers,
    rules: Sequence[MatchingRule],
    columns: tuple[int | None, int | None],
) -> None:
    """The relation `differences`: match, rule, book_to, and as far as known currency, left_key, right_key; difference.

    `columns`: those of the currency and of the key. One line a match, by its first rows; left less right."""
    currency, key = columns
    # Not what was closed by hand: its whole amount would look like a difference to book.
    named = [(BY_HAND, "By hand", ""), *((rule.number, rule.name, rule.book_to) for rule in rules)]
    listed = ", ".join(f"({number}, {literal(name)}, {literal(book_to)})" for number, name, book_to in named)
    chosen, joined = ["n.match", "v.name AS rule", "nullif(v.book_to, '') AS book_to"], ""
    # Of either side, because one of the files may leave its currency empty.
    if currency is not None:
        chosen.append("c.name AS currency")
        joined += (
            " LEFT JOIN left_items li ON li.row = n.left_row LEFT JOIN right_items ri ON ri.row = n.right_row "
            f"LEFT JOIN currency_names c ON c.hash = coalesce(li.hash_{currency}, ri.hash_{currency})"
        )
    if key is not None:
        for one in ledgers.sides:
            chosen.append(f"{one.name[0]}.key AS {one.name}_key")
            value = one.written(ledgers.keys[key].of(one.name))
            joined += (
                f" LEFT JOIN (SELECT {one.row} AS row, CAST({value} AS VARCHAR) AS key FROM {one.rows} WHERE {one.row} "
                f"IN (SELECT {one.name}_row FROM match_lines WHERE difference <> 0)) {one.name[0]} "
                f"ON {one.name[0]}.row = n.{one.name}_row"
            )
    # A group has its difference once, on its first line.
    connection.execute(
        f"CREATE TABLE differences AS SELECT {', '.join(chosen)}, n.difference FROM "
        f"(SELECT * FROM match_lines WHERE difference <> 0 AND rule IN ({', '.join(str(n) for n, _, _ in named)})) n "
        f"JOIN (VALUES {listed}) v(number, name, book_to) ON v.number = n.rule{joined} ORDER BY n.match"
    )

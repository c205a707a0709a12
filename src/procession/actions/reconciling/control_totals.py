"""Counts and totals of a reconciliation, and the proof that nothing was lost: each side adds up to what came in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reconciling import items
from procession.actions.reconciling.items import Hashing
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import BY_HAND, CLOSED, MatchingRule
from procession.actions.reconciling.sides import SIDES, Side

if TYPE_CHECKING:
    import duckdb

_ALL = "All"
_EXACT = Context(prec=80)  # Python's default rounds to 28 digits; two totals have up to 38 each
# The column names of the summary, which a user's key may not have twice.
_OURS = frozenset({"line", "left_count", "left_total", "right_count", "right_total", "difference", "currency"})
# In the place of a rule: open rows of the left and of the right, and rows of suggestions, which are among them.
_MATCHED = 3_000  # where the lines behind those of the rules begin
_ONLY, _SUGGESTED = (1_001, 1_002), 2_000


def make(connection: duckdb.DuckDBPyConnection, currency: int | None, purpose: int | None) -> None:
    """The relation `sums`: rule, side, currency and purpose (hashes), n, total; a few rows that make all totals.

    A match is of the purpose of its left side, and each row of its own currency."""
    # A group may hold several purposes; one stands for all, or two lines would show false differences.
    joined = "" if purpose is None else items.joined("grouped", "g")
    connection.execute(
        f"CREATE TABLE heads AS SELECT rule, id, {_head(purpose)} AS purpose FROM grouped g {joined} GROUP BY rule, id"
    )
    parts = [part for number in range(len(SIDES)) for part in _parts(number, currency, purpose)]
    connection.execute(
        "CREATE TABLE sums AS SELECT rule, side, currency, purpose, count(*) AS n, coalesce(sum(amount), 0) AS total "
        f"FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL"
    )
    connection.execute("DROP TABLE heads")


def _hash(alias: str, column: int | None) -> str:
    return "NULL::UBIGINT" if column is None else f"{alias}.hash_{column}"


def _head(purpose: int | None) -> str:
    if purpose is None:
        return "NULL::UBIGINT"
    first = "arg_min({0}.hash_{1}, g.row) FILTER (g.side = {2})"
    return f"coalesce({first.format('l', purpose, 0)}, {first.format('r', purpose, 1)})"


def _parts(number: int, currency: int | None, purpose: int | None) -> list[str]:
    side = SIDES[number]
    rows = f"{side}_items i"
    counted = f"{number} AS side, i.row, i.amount, {_hash('i', currency)} AS currency"
    # Both sides of a pair in one line of the summary, or each purpose would show a difference that there is not.
    own, joined = _hash("i", purpose), ""
    if purpose is not None:
        other = SIDES[1 - number]
        joined = f" JOIN {other}_items o ON o.row = p.{other}_row"
        own = f"coalesce({', '.join(_hash(alias, purpose) for alias in ('io' if side == 'left' else 'oi'))})"
    return [
        f"SELECT p.rule, {counted}, {own} AS purpose FROM pairs p JOIN {rows} ON i.row = p.{side}_row{joined}",
        f"SELECT g.rule, {counted}, h.purpose FROM grouped g JOIN {rows} ON i.row = g.row "
        f"JOIN heads h ON h.rule = g.rule AND h.id = g.id WHERE g.side = {number}",
        f"SELECT {_ONLY[number]}, {counted}, {_hash('i', purpose)} FROM {side}_open i",
        f"SELECT {_SUGGESTED}, {counted}, {_hash('i', purpose)} FROM {rows} "
        f"SEMI JOIN (SELECT row FROM suggested_items WHERE side = {number}) s ON s.row = i.row",
    ]


def check(connection: duckdb.DuckDBPyConnection) -> dict[str, Decimal]:
    """Compare what came in with what the sums say is matched, closed or open, side by side.

    Returns left_total, right_total and difference (left less right) of all rows that came in.

    Raises Problem when a row is in no result or in two, or when the totals differ."""
    totals: dict[str, Decimal] = {}
    for number, side in enumerate(SIDES):
        count, came, last = _row(
            connection, f"SELECT count(*), coalesce(sum(amount), 0), coalesce(max(row), 0) FROM {side}_items"
        )
        rows, went = _row(
            connection,
            "SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(total), 0) FROM sums "
            f"WHERE side = {number} AND rule < {_SUGGESTED}",
        )
        # A bit for each row: one that is in two results cannot be hidden by one that is in none.
        [different] = _row(
            connection,
            f"SELECT coalesce(bit_count(bitstring_agg(row, 0, {last})), 0) FROM (SELECT {side}_row AS row FROM pairs "
            f"UNION ALL SELECT row FROM grouped WHERE side = {number} UNION ALL SELECT row FROM {side}_open)",
        )
        if (count, count, came) != (rows, different, went):
            raise Problem(
                f"the control totals of the {side} side do not balance: {count:,} rows and {came} came in, "
                f"{rows:,} rows and {went} would go out; nothing was published"
            )
        totals[f"{side}_total"] = Decimal(came)
    return totals | {"difference": _EXACT.subtract(totals["left_total"], totals["right_total"])}


def check_rules(connection: duckdb.DuckDBPyConnection, rules: Sequence[MatchingRule]) -> None:
    """Raises Problem where the matches of a rule that allows no difference have one."""
    # Equal rows are found by one hash of their columns, amount and day: two amounts may have the same.
    differ = dict(
        connection.execute(
            "SELECT rule, sum(CASE side WHEN 0 THEN total ELSE -total END) FROM sums GROUP BY rule"
        ).fetchall()
    )
    for rule in rules:
        if not rule.allows and differ.get(rule.number, 0) != 0:
            raise Problem(
                f'the matches of the rule "{rule.name}", which allows no difference, differ by '
                f"{differ[rule.number]}; nothing was published"
            )


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)


def summarise(
    connection: duckdb.DuckDBPyConnection,
    ledgers: Ledgers,
    rules: Sequence[MatchingRule],
    hashing: Hashing,
    columns: tuple[int | None, int | None],
) -> None:
    """The relation `summary`: a line for each rule, for all that matched, was closed, is suggested or open, and for
    everything; for each currency, and within it for all rows and for each purpose, where `columns` has these two.

    Columns: currency and the purpose under its name, if there are any, line, left_count, left_total, right_count,
    right_total, difference (left minus right)."""
    currency, purpose = columns
    for what, column in (("currency", currency), ("purpose", purpose)):
        connection.execute(f"CREATE TABLE {what}_names AS {_names(ledgers, hashing, column)}")
    chosen = [] if currency is None else ["c.name AS currency"]
    chosen += [] if purpose is None else [f"purpose AS {quote(_heading(ledgers.keys[purpose].name))}"]
    scopes = f"SELECT {literal(_ALL)} AS purpose, 0 AS purpose_order, * EXCLUDE (purpose) FROM sums"
    if purpose is not None:
        scopes += (
            " UNION ALL BY NAME SELECT coalesce(p.name, '') AS purpose, 1 AS purpose_order, s.* EXCLUDE (purpose) "
            "FROM sums s LEFT JOIN purpose_names p ON p.hash = s.purpose"
        )
    totals = ", ".join(
        f"coalesce(sum(n) FILTER (side = {number}), 0)::BIGINT AS {side}_count, "
        f"coalesce(sum(total) FILTER (side = {number}), 0) AS {side}_total"
        for number, side in enumerate(SIDES)
    )
    connection.execute(f"""
        CREATE TABLE summary AS
        SELECT {", ".join([*chosen, "line"])}, left_count, left_total, right_count, right_total,
            left_total - right_total AS difference
        FROM (
            SELECT s.currency, purpose_order, purpose, line_order, line, {totals}
            FROM ({scopes}) s JOIN ({_lines(rules)}) ON rule = counts GROUP BY ALL
        ) s LEFT JOIN currency_names c ON c.hash = s.currency
        ORDER BY c.name NULLS FIRST, purpose_order, purpose, line_order
    """)


def by_currency(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    """Currency, left total, right total and their difference, of all that came in."""
    # Rows without a currency are named too, or their amounts would be missing from the message.
    rows = connection.execute(
        f"SELECT coalesce(c.name, 'no currency'), {', '.join(_total(number) for number in range(len(SIDES)))} "
        f"FROM sums s LEFT JOIN currency_names c ON c.hash = s.currency WHERE rule < {_SUGGESTED} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [(name, Decimal(left), Decimal(right), _EXACT.subtract(left, right)) for name, left, right in rows]


def _total(side: int) -> str:
    return f"coalesce(sum(total) FILTER (side = {side}), 0)"


def _lines(rules: Sequence[MatchingRule]) -> str:
    """Which sums are counted in which line: line_order, line, counts (a rule of the sums)."""
    own = [(BY_HAND, "By hand", BY_HAND), *((rule.number, rule.name, rule.number) for rule in rules)]
    ruled = [BY_HAND, *(rule.number for rule in rules)]
    own += [(_MATCHED, "Matched", number) for number in ruled]
    own += [(_MATCHED + 1, "Closed by hand", CLOSED), (_MATCHED + 2, "Suggested", _SUGGESTED)]
    own += [(_MATCHED + 3 + n, name, _ONLY[n]) for n, name in enumerate(("Only left", "Only right"))]
    # Without the suggested: their rows are open ones, and would count twice.
    own += [(_MATCHED + 5, "Everything", number) for number in (*ruled, CLOSED, *_ONLY)]
    listed = ", ".join(f"({order}, {literal(name)}, {number})" for order, name, number in own)
    return f"SELECT * FROM (VALUES {listed}) v(line_order, line, counts)"


def _names(ledgers: Ledgers, hashing: Hashing, key: int | None) -> str:
    """hash, name: the texts of a column of both sides by their hashes."""
    if key is None:
        return "SELECT NULL::UBIGINT AS hash, NULL::VARCHAR AS name WHERE false"
    sides = [
        f"SELECT {hashing.of('v')} AS hash, {_text('v', is_text=ledgers.is_text(key))} AS name "
        f"FROM (SELECT DISTINCT {ledgers.values[one.name][key]} AS v FROM {_different(ledgers, one, key)})"
        for one in ledgers.sides
    ]
    # One name for a value that the two sides write differently, such as 10 and 10.00 as declared numbers.
    # With no value too, whose hash is equal to none: a condition on it would be asked of every row.
    return f"SELECT hash, min(name) AS name FROM ({' UNION ALL '.join(sides)}) GROUP BY hash"


def _different(ledgers: Ledgers, one: Side, key: int) -> str:
    """The side's rows for what is asked of this column alone: of a million there are a few different ones."""
    column = ledgers.keys[key].of(one.name)
    # Where texts stand beside the rows, either may be asked.
    return one.rows if column in one.texts else f"(SELECT DISTINCT {quote(column)} FROM {quote(one.name)}) t"


def _text(value: str, *, is_text: bool) -> str:
    """The same for equal values: numbers without the zeros that only their type has."""
    text = f"CAST({value} AS VARCHAR)"
    return text if is_text else f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"


def _heading(name: str) -> str:
    """A user's column may have the name of one of ours."""
    return f"{name} (by)" if name.lower() in _OURS else name

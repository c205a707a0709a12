"""The workbook of a reconciliation: totals and who signs them, the rules as set, and every row that it gave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from procession.actions.contract import Context
from procession.actions.database import literal, quote
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.reconcile_settings import ReconcileSettings
from procession.actions.reconciling.rule_settings import ColumnPair, RuleSettings
from procession.actions.reconciling.sides import Side

if TYPE_CHECKING:
    import duckdb

_SIGN = ("Prepared by", "Prepared on", "Reviewed by", "Reviewed on")


def sheets(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    ledgers: Ledgers,
    rules: Sequence[MatchingRule],
    as_of: date | None,
) -> dict[str, str]:
    """Makes what only the report has; gives all its sheets and their relations, in order."""
    settings: ReconcileSettings = context.settings
    _make_sign_off(context, connection, ledgers, as_of)
    _make_rules(connection, settings, rules)
    # The order in which a reviewer asks: what came of it, who answers for it, by what rules, on what rows.
    found = {
        "Summary": "summary",
        "Sign-off": "sign_off",
        "Rules": "rules_as_set",
        "Matched": "matched",
        "Suggested": "suggested_rows",
        "Only left": "only_left",
        "Only right": "only_right",
    }
    if as_of is not None:
        found["Ages"] = "ages"
    return found | ({"Differences": "differences"} if any(rule.allows for rule in rules) else {})


def _make_sign_off(
    context: Context, connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, as_of: date | None
) -> None:
    """What was reconciled, by what, and lines to sign."""
    lines = [
        ("Step", context.step_key),
        ("Run", context.idempotency_key),
        ("As of", "" if as_of is None else str(as_of)),
    ]
    for one in ledgers.sides:
        # The hash ties the signature to these bytes, and to no later version of the file.
        for part in one.made.parts:
            lines += [
                (f"{one.name.capitalize()}: file", part.file),
                ("Rows", f"{part.rows:,}"),
                ("SHA-256", part.sha256),
            ]
    lines += _control_lines(connection, ledgers.sides)
    _table(connection, "sign_off", ("item", "value"), [*lines, *((words, "") for words in _SIGN)])


def _control_lines(connection: duckdb.DuckDBPyConnection, sides: Iterable[Side]) -> list[tuple[str, str]]:
    """Each side: what came in is what went out; checked before anything is written."""
    found = []
    for one in sides:
        row = connection.execute(
            f"SELECT count(*), coalesce(sum(amount), 0)::VARCHAR, (SELECT count(*) FROM {one.name}_open), "
            f"(SELECT coalesce(sum(amount), 0)::VARCHAR FROM {one.name}_open) FROM {one.name}_items"
        ).fetchone()
        assert row is not None
        rows, total, open_rows, open_total = row
        name = one.name.capitalize()
        found += [
            (f"{name}: rows in", f"{rows:,}"),
            (f"{name}: total in", total),
            (f"{name}: rows matched or closed", f"{rows - open_rows:,}"),
            (f"{name}: rows open", f"{open_rows:,}"),
            (f"{name}: total open", open_total),
        ]
    return found


def _make_rules(
    connection: duckdb.DuckDBPyConnection, settings: ReconcileSettings, rules: Sequence[MatchingRule]
) -> None:
    headings = ("number", "rule", "match", "equal", "amounts apart", "days", "more", "choice", "outcome", "book to")
    lines = [_rule(given, made) for given, made in zip(settings.rules, rules, strict=True)]
    _table(connection, "rules_as_set", headings, lines)


def _rule(given: RuleSettings, made: MatchingRule) -> tuple[str, ...]:
    limits = [f"{made.tolerance:f}"] if made.tolerance else []
    limits += [f"{made.percent:f} %"] if made.percent else []
    more = [] if given.empty is None else [f"{_named(given.empty)} empty"]
    more += [] if given.alike is None else [f"{_named(given.alike.column)} with at most {given.alike.edits} edits"]
    more += [] if given.word_of is None else [f"{given.word_of.reference} a word of {given.word_of.text}"]
    more += [f"{side}: {text}" for side, text in zip(("left", "right"), made.where, strict=True) if text is not None]
    return (
        *(str(made.number), given.name, given.match, ", ".join(_named(column) for column in given.equal)),
        " or ".join(limits),
        "" if made.days is None else f"{made.days[0]} to {made.days[1]}",
        "; ".join(more),
        ("only" if made.only else "nearest") if given.match == "pairs" else "",
        "suggested" if made.suggests else "matched",
        made.book_to,
    )


def _named(given: str | ColumnPair) -> str:
    return given if isinstance(given, str) else f"{given.left} / {given.right}"


def _table(
    connection: duckdb.DuckDBPyConnection, name: str, headings: Sequence[str], lines: Sequence[Sequence[str]]
) -> None:
    shown = ", ".join(quote(heading) for heading in headings)
    rows = ", ".join(f"({', '.join(literal(text) for text in line)})" for line in lines)
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM (VALUES {rows}) v({shown})")

"""Pairs of rows that are near each other in amount, day or text: the nearest, or the only one.

Candidates are weighed by edits, then by how far the amounts are apart, then the days. A tie for the best is no choice:
the rows stay open, and so do those that only they hold up. Rows that the rule cannot tell apart are one to it, and are
taken by their place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions.problems import Problem
from procession.actions.reconciling import choosing, edits, matching
from procession.actions.reconciling.choosing import End
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule, asked
from procession.actions.reconciling.sides import SIDES, Side

if TYPE_CHECKING:
    import duckdb

CANDIDATES_MAX = 50_000_000
_KEYS_SHOWN = 5
_SHARE = 5  # at most a fifth of the shorter text may be edited
_WORD = r"[\p{L}\p{N}-]{5,40}"
_NUMBER = r"[\p{L}\p{N}][\p{L}\p{N}/._-]{3,38}[\p{L}\p{N}]"  # of a document, such as INV/2026/00001
_WORDS_MAX = 20  # of a row


def apply(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rule: MatchingRule) -> str:
    # A table for what is worth to be made once: the open items themselves are at hand.
    kind = "TABLE" if rule.word else "VIEW"
    for side in SIDES:
        connection.execute(f"CREATE {kind} {side}_asked AS {_prepared(ledgers, rule, side)}")
    keys = _keys(rule)
    # Counted before they are made: a join of all with all would fill the disk first.
    count = _refuse_many(connection, ledgers, rule, keys)
    if rule.alike:
        _clean(connection, ledgers, rule, keys)
    connection.execute(f"CREATE TABLE candidates AS {_candidates(rule, keys)}")
    # Before the choice: a pair that people ruled out must not stand in the way of the second best.
    matching.remove_never(connection, "candidates")
    choosing.part_lonely(connection, rule)
    if rule.only:
        found = choosing.only(connection, rule)
    else:
        # The whole text too: rows of two documents that share a word are no twins.
        compared = (*rule.compared, *(["text"] if rule.word else []))
        left, right = (End(side=n, relation=f"{side}_asked", compared=compared) for n, side in enumerate(SIDES))
        found = choosing.nearest(connection, rule, (left, right), matching.take_pairs)
    doubts = choosing.keep_doubts(connection, rule)
    choosing.clear(connection)
    for side in SIDES:
        connection.execute(f"DROP {kind} {side}_asked")
        connection.execute(f"DROP TABLE IF EXISTS {side}_cleaned")
    more = f"; {doubts:,} left rows have several equally good partners and stay unmatched" if doubts else ""
    return f"{found:,} pairs of {count:,} candidates{more}"


def _keys(rule: MatchingRule) -> list[str]:
    """Columns of the asked items that are equal in all candidates."""
    return [*rule.hashes, *([] if rule.allows else ["amount"]), *(["word"] if rule.word else [])]


def _prepared(ledgers: Ledgers, rule: MatchingRule, side: str) -> str:
    """The items asked, with the words that the rule looks for."""
    one = ledgers.side(side)
    if rule.word is not None:
        return f"SELECT o.*, x.word, x.text FROM {asked(rule, side)} o JOIN ({_words(one, rule.word)}) x USING (row)"
    return f"SELECT * FROM {asked(rule, side)}"


def _clean(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rule: MatchingRule, keys: list[str]) -> None:
    """Makes left_cleaned and right_cleaned: the items asked whose texts are to be compared, with these as `clean`."""
    assert rule.alike is not None
    for one in ledgers.sides:
        own, other = one.name, one.other
        # Only texts of rows with a counterpart are cleaned; and not, as without materialized, those of all rows.
        found = (
            f"SELECT * FROM {own}_asked {own[0]} SEMI JOIN {other}_asked {other[0]} ON {' AND '.join(_on(rule, keys))}"
        )
        clean = edits.cleaned(ledgers.values[own][rule.alike[0]])
        joined = f"SELECT o.*, {clean} AS clean FROM ({found}) o JOIN {one.rows} ON o.row = {one.row}"
        connection.execute(
            f"CREATE TABLE {own}_cleaned AS WITH joined AS MATERIALIZED ({joined}) FROM joined WHERE clean IS NOT NULL"
        )


def _words(one: Side, asked_word: tuple[str, str, str]) -> str:
    """Each row's reference, or the words of its text, as hashes; `text` tells the whole from others."""
    owner, reference, text = asked_word
    written = f"CAST({one.written(reference if one.name == owner else text)} AS VARCHAR)"
    rows = f"SELECT {one.row} AS row, hash({written}) AS text, upper({written}) AS written FROM {one.rows}"
    if one.name == owner:
        return f"SELECT row, text, hash(written) AS word FROM ({rows}) WHERE regexp_full_match(written, '{_NUMBER}')"
    # Before the first twenty are taken: a word that stands there twice is one.
    # Both: INV/2026/00001 is one number, and INV-00001/INV-00002 are two.
    words = " || ".join(f"regexp_extract_all(written, '{pattern}')" for pattern in (_WORD, _NUMBER))
    found = f"list_distinct({words})[:{_WORDS_MAX}]"
    return f"SELECT row, text, hash(word) AS word FROM (SELECT row, text, unnest({found}) AS word FROM ({rows}))"


def _refuse_many(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rule: MatchingRule, keys: list[str]) -> int:
    """How many pairs have equal keys. Raises Problem for too many, naming the worst keys."""
    key = f"hash({', '.join(keys)})"
    empty = "false" if rule.empty is None else f"hash_{rule.empty} IS NULL"
    right = f"SELECT {key} AS k, count(*) AS n, count(*) FILTER ({empty}) AS empty FROM right_asked GROUP BY 1"
    # Where one of both must be empty, pairs of two that are not are never made.
    partners = "r.n" if rule.empty is None else "CASE WHEN l.empty THEN r.n ELSE r.empty END"
    left = f"SELECT {key} AS k, {empty} AS empty, row FROM left_asked"
    joined = f"SELECT k, row, {partners} AS n FROM ({left}) l JOIN ({right}) r USING (k)"
    row = connection.execute(f"SELECT coalesce(sum(n), 0) FROM ({joined})").fetchone()
    assert row is not None
    if row[0] <= CANDIDATES_MAX:
        return int(row[0])
    # A few keys make most of the pairs, and they show where the rule must be narrowed.
    worst = connection.execute(
        f"SELECT sum(n) AS n, min(row) AS row FROM ({joined}) GROUP BY k ORDER BY n DESC, row LIMIT {_KEYS_SHOWN}"
    ).fetchall()
    named = "; ".join(f"{_key_in_words(connection, ledgers, rule, place)}: {n:,}" for n, place in worst)
    raise Problem(
        f'the rule "{rule.name}" would have to look at {row[0]:,} pairs of rows with equal keys, more than '
        f"{CANDIDATES_MAX:,}; compare more columns, or narrow it by where. Most have {named}"
    )


def _key_in_words(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rule: MatchingRule, row: int) -> str:
    one = ledgers.side("left")
    shown = [ledgers.values["left"][key] for key in rule.keys] + ([] if rule.allows else [ledgers.amount["left"]])
    found = connection.execute(
        f"SELECT {', '.join(f'CAST({value} AS VARCHAR)' for value in shown)} FROM {one.rows} WHERE {one.row} = {row}"
    ).fetchone()
    assert found is not None
    return " ".join(f'"{text}"' for text in found)


def _candidates(rule: MatchingRule, keys: list[str]) -> str:
    """left_row, right_row and score: what makes one candidate better than another, the least is the best."""
    on = _on(rule, keys)
    score = ["abs(l.amount - r.amount)"] if rule.allows else []
    score += [] if rule.days is None else [f"abs(r.day_{rule.day} - l.day_{rule.day})"]
    ends = "l.row AS left_row, r.row AS right_row"
    if rule.alike is None:
        return f"SELECT {ends}, {_score(score)} AS score FROM left_asked l JOIN right_asked r ON {' AND '.join(on)}"
    most = rule.alike[1]
    # Lengths first, which rule out most pairs at the price of a subtraction.
    on.append(f"abs(length(l.clean) - length(r.clean)) <= {most}")
    # Materialized, or DuckDB counts the edits for the condition and once more for the score.
    return f"""
        WITH weighed AS MATERIALIZED (
            SELECT {ends}, {edits.distance("l.clean", "r.clean", most)} AS edits,
                least(length(l.clean), length(r.clean)) AS length, {_score(score)} AS rest
            FROM left_cleaned l JOIN right_cleaned r ON {" AND ".join(on)}
        )
        SELECT left_row, right_row, {{'a': edits, 'b': rest}} AS score FROM weighed
        WHERE edits <= {most} AND edits * {_SHARE} <= length
    """


def _on(rule: MatchingRule, keys: list[str]) -> list[str]:
    """SQL conditions on two items, l and r, that every candidate meets."""
    on = [f"l.{key} = r.{key}" for key in keys]
    if rule.days is not None:
        on.append(f"r.day_{rule.day} - l.day_{rule.day} BETWEEN {rule.days[0]} AND {rule.days[1]}")
    if rule.allows:
        on.append(rule.is_within("l.amount", "r.amount"))
    if rule.empty is not None:
        on.append(f"(l.hash_{rule.empty} IS NULL OR r.hash_{rule.empty} IS NULL)")
    return on


def _score(parts: list[str]) -> str:
    if len(parts) < 2:
        return parts[0] if parts else "0"
    return "{" + ", ".join(f"'{letter}': {part}" for letter, part in zip("ab", parts, strict=True)) + "}"

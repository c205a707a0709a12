"""Reads a page of a step's suggestions, each with the decisions that people made on its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.contract import Context, FileInput, FileOutput
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import loading
from procession.actions.reading.columns import WantedRelation, texts_of
from procession.actions.reading.kinds import FileKind
from procession.actions.reading.options import FileOptions
from procession.actions.tables import conversion, sources
from procession.actions.tables.contract import ReviewSettings
from procession.actions.tables.sources import RECORD
from procession.actions.writing import csv_cells
from procession.model.columns import Column
from procession.model.suggestions import COLUMNS, ROWS_MAX, DecisionRow, Review, Show, SuggestedRow, Suggestion

if TYPE_CHECKING:
    import duckdb

TEXT_CHARACTERS_MAX = 2_000  # of a cell; a key is shorter than what a column of a table holds
DECISIONS_MAX = 500  # beside one suggestion
_RELATION = "suggested"
_SIDES = ("left", "right")
_HEADS = ("suggestion", "rule", "why", "difference")
_AMOUNT = 1  # the place of the amounts among the columns
_NUMBERS = ("DECIMAL", "BIGINT", "HUGEINT", "INTEGER")


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[Review, dict[str, FileOutput]]:
    """A file that cannot be read is an answer too: nothing is wrong with the request."""
    settings: ReviewSettings = context.settings
    try:
        if settings.open_side:
            _load_open(context, connection, settings)
        else:
            _load(context, connection, settings)
    except Problem as problem:
        return Review(problem=str(problem)), {}
    _find_decisions(connection, settings.contents.columns, settings)
    row = connection.execute("SELECT count(*), count(*) FILTER (NOT decided) FROM every").fetchone()
    assert row is not None
    return Review(suggestions=tuple(_page(connection, settings)), total=row[0], undecided=row[1]), {}


def _load(context: Context, connection: duckdb.DuckDBPyConnection, settings: ReviewSettings) -> None:
    """Makes lines (n, s, rule, why, difference, has_left, has_right, l0.., r0..): texts as they were written."""
    path = Path(settings.request)
    given = FileInput(path=str(path), name=settings.name, size_bytes=path.stat().st_size)
    headings = [name for pair in settings.columns for name in pair]
    wanted = WantedRelation(file=settings.name, name=_RELATION, texts=frozenset(headings))
    found = loading.relation_of(context, connection, given, FileOptions(file=""), wanted)
    types = database.columns(connection, _RELATION)
    missing = [name for name in (*_HEADS, *headings) if name not in types]
    if missing:
        raise Problem(f'the file "{settings.name}" has no column "{missing[0]}": its step has written another file')
    # Only a CSV has apostrophes that are not the file's own.
    restores = settings.escaped and found.kind is FileKind.CSV
    # Keys are compared as they were written: a value that was read as a number has lost its zeros.
    beside = f" POSITIONAL JOIN {quote(texts_of(_RELATION))} w" if _texts(connection) else ""
    shown = [*_there(types), *_values(connection, types, settings.columns, restores=restores)]
    difference = _number("t.difference", types["difference"])
    connection.execute(
        "CREATE TABLE lines AS SELECT t.rowid AS n, CAST(t.suggestion AS BIGINT) AS s, CAST(t.rule AS VARCHAR) AS rule,"
        f" CAST(t.why AS VARCHAR) AS why, {difference} AS difference, {', '.join(shown)}"
        f" FROM {quote(_RELATION)} t{beside}"
    )
    # What a page shows is all that is needed from here on.
    for name in (_RELATION, *([texts_of(_RELATION)] if beside else [])):
        database.drop(connection, name)


def _load_open(context: Context, connection: duckdb.DuckDBPyConnection, settings: ReviewSettings) -> None:
    """The same of the open row with the key: one suggestion of that row alone."""
    path, ((column, _),) = Path(settings.request), settings.columns
    given = FileInput(path=str(path), name=settings.name, size_bytes=path.stat().st_size)
    wanted = WantedRelation(file=settings.name, name=_RELATION, texts=frozenset({column}))
    found = loading.relation_of(context, connection, given, FileOptions(file=""), wanted)
    if column not in database.columns(connection, _RELATION):
        raise Problem(f'the file "{settings.name}" has no column "{column}": its step has written another file')
    has_texts = column in _texts(connection)
    text = f"CAST({'w' if has_texts else 't'}.{quote(column)} AS VARCHAR)"
    if settings.escaped and found.kind is FileKind.CSV:
        text = csv_cells.restored(text)
    beside = f" POSITIONAL JOIN {quote(texts_of(_RELATION))} w" if has_texts else ""
    is_left = settings.open_side == "left"
    connection.execute(
        "CREATE TABLE lines AS SELECT 0 AS n, 0::BIGINT AS s, '' AS rule, '' AS why, '' AS difference,"
        f" {is_left} AS has_left, {not is_left} AS has_right, CASE WHEN {is_left} THEN key END AS l0,"
        f" CASE WHEN NOT {is_left} THEN key END AS r0"
        f" FROM (SELECT {text} AS key FROM {quote(_RELATION)} t{beside}) WHERE key = ? LIMIT 1",
        [settings.key],
    )


def _texts(connection: duckdb.DuckDBPyConnection) -> Mapping[str, str]:
    """The columns whose texts are kept beside their values."""
    known = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    return database.columns(connection, texts_of(_RELATION)) if texts_of(_RELATION) in known else {}


def _there(types: Mapping[str, str]) -> list[str]:
    """A row of a side is there where any of its cells is: its key may be empty."""
    own = {side: [f"t.{quote(name)} IS NOT NULL" for name in types if name.startswith(f"{side}_")] for side in _SIDES}
    return [f"({' OR '.join(tests)}) AS has_{side}" for side, tests in own.items()]


def _values(
    connection: duckdb.DuckDBPyConnection,
    types: Mapping[str, str],
    pairs: Sequence[tuple[str, str]],
    *,
    restores: bool,
) -> list[str]:
    """SQL of what is compared: l0, r0 and so on. Amounts as numbers, all else as it stands in the file."""
    beside, made = _texts(connection), list[str]()
    for number, pair in enumerate(pairs):
        for side, name in zip(_SIDES, pair, strict=True):
            text = f"CAST({'w' if name in beside else 't'}.{quote(name)} AS VARCHAR)"
            if number == _AMOUNT and types[name].startswith(_NUMBERS):
                text = _number(f"t.{quote(name)}", types[name])
            elif restores:
                text = csv_cells.restored(text)
            # A key that is cut would name another row.
            shown = text if number == 0 else f"left({text}, {TEXT_CHARACTERS_MAX})"
            made.append(f"{shown} AS {side[0]}{number}")
    return made


def _number(value: str, kind: str) -> str:
    """The shortest text that says it exactly."""
    text = f"CAST({value} AS VARCHAR)"
    return f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END" \
        if kind.startswith("DECIMAL") else text  # fmt: skip


def _find_decisions(connection: duckdb.DuckDBPyConnection, known: Sequence[Column], settings: ReviewSettings) -> None:
    """Makes made (the rows of the table), beside (s, record: what touches a suggestion) and every (s, decided)."""
    rows = sources.rows_of(connection, known, settings.contents.parts)
    texts = ", ".join(_text(known, name) for name in COLUMNS)
    connection.execute(f"CREATE TABLE made AS SELECT {RECORD} AS record, {texts} FROM {rows}")
    # As the step reads them: people write Match and match.
    connection.execute("UPDATE made SET decision = lower(trim(decision))")
    connection.execute(
        "CREATE TABLE items AS SELECT DISTINCT s, 'left' AS side, l0 AS key FROM lines WHERE l0 IS NOT NULL "
        "UNION ALL SELECT DISTINCT s, 'right', r0 FROM lines WHERE r0 IS NOT NULL"
    )
    hits = " UNION ALL ".join(
        f"SELECT i.s, m.record, '{side}' AS side FROM items i JOIN made m ON i.side = '{side}' AND i.key = m.{side}_key"
        for side in _SIDES
    )
    # That two rows never belong together says nothing about either of them with a third.
    connection.execute(f"""
        CREATE TABLE beside AS
        SELECT h.s, h.record, any_value(m.decision) AS decision
        FROM ({hits}) h JOIN made m USING (record) GROUP BY h.s, h.record
        HAVING any_value(m.decision) IN ('match', 'close') OR count(DISTINCT h.side) = 2
            OR any_value(m.left_key) IS NULL OR any_value(m.right_key) IS NULL
    """)
    connection.execute("""
        CREATE TABLE every AS
        SELECT s, s IN (SELECT s FROM beside WHERE decision IN ('match', 'close', 'never')) AS decided
        FROM (SELECT DISTINCT s FROM lines)
    """)


def _text(known: Sequence[Column], name: str) -> str:
    column = next((column for column in known if column.name.casefold() == name), None)
    value = "NULL::VARCHAR" if column is None else conversion.to_text(column, quote(column.name))
    return f"{value} AS {name}"


def _page(connection: duckdb.DuckDBPyConnection, settings: ReviewSettings) -> list[Suggestion]:
    if settings.open_side:
        wanted = "SELECT s FROM every"
    elif settings.numbers:
        wanted = f"SELECT s FROM every WHERE s IN ({', '.join(str(int(number)) for number in settings.numbers)})"
    else:
        test = {Show.OPEN: "NOT decided", Show.DECIDED: "decided", Show.ALL: "true"}[settings.show]
        wanted = f"SELECT s FROM every WHERE {test} ORDER BY s LIMIT {settings.limit} OFFSET {settings.skip}"
    # First which ones, then their rows: a page of many suggestions must not sort all rows of the file.
    connection.execute(f"CREATE TABLE page AS {wanted}")
    decisions = _decisions(connection)
    heads = connection.execute(
        "SELECT s, any_value(rule), any_value(why), any_value(difference), count(*) FILTER (has_left) "
        "+ count(*) FILTER (has_right) FROM lines JOIN page USING (s) GROUP BY s ORDER BY s"
    ).fetchall()
    rows = _rows(connection, len(settings.columns))
    return [
        Suggestion(
            number=number,
            rule=rule or "",
            why=why or "",
            difference=difference or "",
            rows=tuple(rows[number]),
            rows_count=count,
            decisions=tuple(decisions[number]),
        )
        for number, rule, why, difference, count in heads
    ]


def _rows(connection: duckdb.DuckDBPyConnection, width: int) -> Mapping[int, list[SuggestedRow]]:
    """The first of each suggestion, the left ones before the right ones."""
    parts = " UNION ALL ".join(
        f"SELECT s, n, '{side}' AS side, [{', '.join(f'{side[0]}{number}' for number in range(width))}] AS texts "
        f"FROM lines JOIN page USING (s) WHERE has_{side}"
        for side in _SIDES
    )
    found = connection.execute(
        f"SELECT s, side, texts FROM ({parts}) QUALIFY row_number() OVER (PARTITION BY s ORDER BY side, n) "
        f"<= {ROWS_MAX} ORDER BY s, side, n"
    ).fetchall()
    rows: dict[int, list[SuggestedRow]] = defaultdict(list)
    for number, side, texts in found:
        rows[number].append(SuggestedRow(side=side, values=tuple(texts)))
    return rows


def _decisions(connection: duckdb.DuckDBPyConnection) -> Mapping[int, list[DecisionRow]]:
    found: list[tuple[Any, ...]] = connection.execute(
        f"SELECT b.s, m.* FROM beside b JOIN page USING (s) JOIN made m USING (record) "
        f"QUALIFY row_number() OVER (PARTITION BY b.s ORDER BY m.record DESC) <= {DECISIONS_MAX} "
        "ORDER BY b.s, m.record"
    ).fetchall()
    rows: dict[int, list[DecisionRow]] = defaultdict(list)
    for number, record, decision, left, right, comment, who, at in found:
        row = DecisionRow(
            record=record, decision=decision or "", left_key=left, right_key=right, comment=comment, by=who, at=at
        )
        rows[number].append(row)
    return rows

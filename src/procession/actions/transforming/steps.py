"""What each kind of step does with the rows before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.rows import expressions, kinds, looks, stacking
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.numbering import ROW
from procession.actions.rows.sources import Several
from procession.actions.sql import pitfalls
from procession.actions.transforming.stage import AFTER, TransformRows
from procession.actions.transforming.transform_settings import DedupeStep, GroupStep, PivotStep, UnpivotStep

_WINDOW = re.compile(r"\bover\b|\bshare_out\b", re.IGNORECASE)
_RANK = quote("rank in its duplicates")
UNION = "rows of the union of step {}"


def keep_if(stage: TransformRows, text: str) -> None:
    """Rows of which the condition is true."""
    parsed = expressions.parse(stage.work, text, stage.where)
    type_ = expressions.type_of(stage.work, parsed, stage.relation, stage.where)
    # SQL would take a number for a condition, and every amount but 0 would be true.
    if kinds.of(type_) is not ValueKind.TRUTH:
        raise Problem(f"{stage.where}: this is {kinds.of(type_).value}, and a condition is wanted, such as amount > 0")
    select, before = f"SELECT * FROM {quote(stage.relation)} WHERE {parsed.sql}", stage.totals()
    stage.warn_if_mixed(select)
    _warn_of_pitfalls(stage, select)
    # The commonest loss of rows that there is, and SQL says nothing of it.
    if unknown := stage.count(f"({parsed.sql}) IS NULL"):
        rows = "1 row is" if unknown == 1 else f"{unknown:,} rows are"
        stage.warn(
            f"{rows} left out because the condition is neither true nor false for an empty cell; "
            "write what is meant, such as status IS NULL OR status <> 'void'"
        )
    stage.becomes(select)
    stage.tell_totals(before)


def derive(stage: TransformRows, columns: Mapping[str, str]) -> None:
    """New columns, and columns with new values, each from those before it."""
    connection, step = stage.work.connection, stage.where
    views = [stage.relation]
    for number, (name, text) in enumerate(columns.items(), start=1):
        stage.where = f"{step} {name}"
        parsed = expressions.parse(stage.work, text, stage.where)
        type_ = expressions.type_of(stage.work, parsed, views[-1], stage.where)
        if kinds.of(type_) is ValueKind.OTHER and type_ != '"NULL"':
            raise Problem(f"{stage.where}: no column of a file can hold a {type_}")
        select = _with(database.columns(connection, views[-1]), name, parsed.sql, views[-1])
        stage.warn_if_mixed(select)
        _warn_of_doubts(stage, parsed, views[-1])
        views.append(f"derived {number} of {stage.relation}")
        # Views, so that twenty columns are one copy of the rows and not twenty.
        # A view takes no parameters, and keeps no order.
        is_table = stage.work.used(select) or _looks_at_others(parsed.sql)
        stage.create("TABLE" if is_table else "VIEW", views[-1], select)
    stage.where = step
    stage.becomes(f"SELECT * FROM {quote(views[-1])}")
    for view in views[:0:-1]:
        database.drop(connection, view)


def _with(columns: Mapping[str, str], name: str, sql: str, relation: str) -> str:
    # SQL knows no case: "Net" beside "net" would be two columns that no later step can name.
    there = next((column for column in columns if column.lower() == name.lower()), None)
    new = f"SELECT *, {sql} AS {quote(name)}" if there is None else f"SELECT * REPLACE ({sql} AS {quote(there)})"
    if not _looks_at_others(sql):
        return f"{new} FROM {quote(relation)}"
    # A window sorts the rows; those of a journal stay where they are.
    numbered = f"SELECT *, row_number() OVER () AS {ROW} FROM {quote(relation)}"
    return f"SELECT * EXCLUDE ({ROW}) FROM ({new} FROM ({numbered})) ORDER BY {ROW}"


def _looks_at_others(sql: str) -> bool:
    """Whether a value of a row hangs on other rows, as in a window. More than these is only slower."""
    return _WINDOW.search(sql) is not None


def _warn_of_pitfalls(stage: TransformRows, select: str) -> None:
    for doubt in dict.fromkeys(pitfalls.warnings(stage.work.connection, select, stage.work.used(select) or {})):
        stage.warn(doubt)


def _warn_of_doubts(stage: TransformRows, parsed: expressions.Parsed, relation: str) -> None:
    """What is seldom meant, and values that are lost although all that they are made of is there."""
    _warn_of_pitfalls(stage, f"SELECT {parsed.sql} AS made FROM {quote(relation)}")
    if parsed.makes_null or not parsed.columns:
        return
    # In a query inside, because a window function cannot stand in a WHERE.
    there = {name.lower() for name in database.columns(stage.work.connection, relation)}
    names = [name for name in parsed.columns if name.lower() in there]  # a parameter of a lambda is none
    used = ", ".join(f"{quote(name)} AS {quote(f'used {number}')}" for number, name in enumerate(names))
    filled = " AND ".join(f"{quote(f'used {number}')} IS NOT NULL" for number in range(len(names)))
    inner = f"SELECT {parsed.sql} AS {quote('made')}, {used} FROM {quote(relation)}"
    lost = stage.ask(f"SELECT count(*) FROM ({inner}) WHERE {quote('made')} IS NULL AND {filled}")[0]
    if lost:
        values = "1 value is" if lost == 1 else f"{lost:,} values are"
        advice = (
            "; where that is meant, coalesce(..., 0) says what stands there" if "try_cast" in parsed.sql.lower() else ""
        )
        stage.warn(f"{values} empty although the cells that they are made of are filled{advice}")


def dedupe(stage: TransformRows, said: DedupeStep) -> None:
    by = [stage.column(name) for name in said.by]
    _warn_of_looks(stage, by)
    before, rows = stage.totals(), stage.count("true")
    # The place in the file decides last, so that two runs keep the same row.
    order = ", ".join([*_order(stage, said.order), ROW])
    if said.keep == "last":
        order = ", ".join([*_order(stage, said.order, turned=True), f"{ROW} DESC"])
    keys = ", ".join(quote(name) for name in by)
    rank = f"row_number() OVER (PARTITION BY {keys} ORDER BY {order})"
    ranked = f"SELECT *, {rank} AS {_RANK} FROM {stage.numbered}"
    # A row without any of the keys is equal to none.
    stays = f"{_RANK} = 1 OR coalesce({', '.join(f'CAST({quote(name)} AS VARCHAR)' for name in by)}) IS NULL"
    stage.becomes(f"SELECT * EXCLUDE ({ROW}, {_RANK}) FROM ({ranked}) WHERE {stays} ORDER BY {ROW}")
    gone, removed = stage.tell_totals(before), rows - stage.count("true")
    if removed:
        what = "1 duplicate is" if removed == 1 else f"{removed:,} duplicates are"
        stage.warn(f"{what} removed{f' ({gone})' if gone else ''}")


def _warn_of_looks(stage: TransformRows, columns: Sequence[str]) -> None:
    """Two rows for what everybody takes for one."""
    if columns and (told := looks.twins(stage.work.connection, stage.relation, columns)):
        stage.warn(told)


def _order(stage: TransformRows, columns: Sequence[str], *, turned: bool = False) -> list[str]:
    """SQL of an order: -column is the other way round, unless a column has that very name; empty cells come last."""
    found = []
    names = {name.lower() for name in stage.columns}
    # Last in both directions: DuckDB would put them first when an order is turned round.
    for said in columns:
        falls = said.startswith("-") and said.lower() not in names
        column = stage.column(said[1:] if falls else said)
        found.append(f"{quote(column)} {'DESC' if falls is not turned else 'ASC'} NULLS LAST")
    return found


def group(stage: TransformRows, said: GroupStep) -> None:
    by = [stage.column(name) for name in said.by]
    _warn_of_looks(stage, by)
    chosen = [quote(name) for name in by]
    for name in said.sum:
        column = stage.amount(name)
        # The sum of no amounts is 0 for an accountant, and no value for SQL.
        chosen.append(f"coalesce(sum({quote(column)}), 0) AS {quote(column)}")
    for function, names in (("min", said.min), ("max", said.max)):
        chosen += [f"{function}({quote(stage.column(name))}) AS {quote(stage.column(name))}" for name in names]
    if said.count is not None:
        chosen.append(f"count(*) AS {quote(said.count)}")
    keys = ", ".join(quote(name) for name in by)
    # Groups come in no order of their own; keys that are the same whatever the threads make one.
    end = f" GROUP BY {keys} ORDER BY {', '.join(f'{quote(name)} NULLS LAST' for name in by)}" if by else ""
    stage.becomes(f"SELECT {', '.join(chosen)} FROM {quote(stage.relation)}{end}")


def unpivot(stage: TransformRows, said: UnpivotStep) -> None:
    columns = {stage.column(name): None for name in said.columns}
    stays = {name: type_ for name, type_ in stage.columns.items() if name not in columns}
    # DuckDB would make texts of numbers that stand beside texts.
    found = {kinds.of(stage.columns[name]): name for name in columns}
    if len(found) > 1:
        told = " and ".join(f'"{name}" is {kind.value}' for kind, name in found.items())
        raise Problem(f"{stage.where}: {told}; columns of one kind become the values of one column")
    for name in (said.name, said.value):
        if name.lower() in {column.lower() for column in stays}:
            raise Problem(f'{stage.where}: there is a column "{name}" already')
    wanted = kinds.with_all_decimals(stage.columns[name] for name in columns)
    cells = [f"CAST({quote(name)} AS {wanted})" if wanted else quote(name) for name in columns]
    # Lists side by side: a SELECT for each column takes DuckDB the square of their number to plan.
    lists = (
        f"unnest(range({len(columns)})) AS {_RANK}",
        f"unnest([{', '.join(map(literal, columns))}]) AS {quote(said.name)}",
        f"unnest([{', '.join(cells)}]) AS {quote(said.value)}",
    )
    chosen = ", ".join([ROW, *map(quote, stays), *lists])
    # Not DuckDB's UNPIVOT, which leaves out empty cells unless it is told otherwise.
    stage.becomes(
        f"SELECT * EXCLUDE ({ROW}, {_RANK}) FROM (SELECT {chosen} FROM {stage.numbered}) ORDER BY {ROW}, {_RANK}"
    )


def pivot(stage: TransformRows, said: PivotStep) -> None:
    name, value = stage.column(said.name), stage.column(said.value)
    stays = [column for column in stage.columns if column not in {name, value}]
    headings = _headings(stage, name, said.columns_max)
    _warn_of_looks(stage, [*stays, name])
    taken = {column.lower() for column in stays}
    if clash := next((heading for heading in headings if heading.lower() in taken), None):
        raise Problem(f'{stage.where}: the value "{clash}" of "{name}" is the name of a column that stays')
    how = "sum" if kinds.of(stage.columns[value]) is ValueKind.NUMBER else "any_value"
    # Of several texts for one cell any would do for SQL.
    if how == "any_value":
        _refuse_several(stage, [*stays, name], value)
    if not stays and not headings:
        raise Problem(f"{stage.where}: there are no rows, so there are no columns")
    is_it = f"{kinds.as_text(quote(name), stage.columns[name])} ="
    # No FILTER: DuckDB cuts all columns of the statement to size for each, which is their square.
    cells = [f"{how}(CASE WHEN {is_it} {literal(one)} THEN {quote(value)} END) AS {quote(one)}" for one in headings]
    keys = ", ".join(quote(column) for column in stays)
    end = f" GROUP BY {keys} ORDER BY {', '.join(f'{quote(column)} NULLS LAST' for column in stays)}" if stays else ""
    chosen = ", ".join([*([keys] if stays else []), *cells])
    stage.becomes(f"SELECT {chosen} FROM {quote(stage.relation)}{end}")


def _headings(stage: TransformRows, name: str, most: int) -> list[str]:
    """The values of a column, which become headings. Raises Problem for too many, an empty one, and two alike."""
    rows = stage.work.connection.execute(
        f"SELECT DISTINCT {kinds.as_text(quote(name), stage.columns[name])} AS heading FROM {quote(stage.relation)} "
        f"ORDER BY heading NULLS FIRST LIMIT {most + 1}"
    ).fetchall()
    # Before they become columns: ten thousand of them would take all memory.
    found: list[str | None] = [row[0] for row in rows]
    if len(found) > most:
        raise Problem(f'{stage.where}: "{name}" has more than {most:,} values; columns_max allows more columns')
    headings = [heading for heading in found if heading]
    if len(headings) < len(found):
        without = stage.count(f"coalesce(CAST({quote(name)} AS VARCHAR), '') = ''")
        raise Problem(f'{stage.where}: rows without a "{name}": {without:,}; filter them before')
    known: dict[str, str] = {}
    for heading in headings:
        if (other := known.setdefault(heading.lower(), heading)) != heading:
            raise Problem(f'{stage.where}: "{other}" and "{heading}" of "{name}" would be one column')
    return headings


def _refuse_several(stage: TransformRows, keys: Sequence[str], value: str) -> None:
    listed = ", ".join(quote(key) for key in keys)
    row = stage.work.connection.execute(
        f"SELECT count(*), {listed} FROM {quote(stage.relation)} WHERE {quote(value)} IS NOT NULL "
        f"GROUP BY {listed} HAVING count(*) > 1 ORDER BY {listed} LIMIT 1"
    ).fetchone()
    if row is not None:
        shown = ", ".join(f"{key} {kinds.in_words([cell])}" for key, cell in zip(keys, row[1:], strict=True))
        raise Problem(
            f'{stage.where}: {row[0]:,} rows have a "{value}" for {shown}, and it is no number to be added up'
        )


def select(stage: TransformRows, said: Sequence[str | dict[str, str]]) -> None:
    # As `name` of columns and `give` of map_values: first what is there, then what it is called from here on.
    pairs = [next(iter(one.items())) if isinstance(one, dict) else (one, stage.column(one)) for one in said]
    known: set[str] = set()
    for _, new in pairs:
        if new.lower() in known:
            raise Problem(f'{stage.where}: "{new}" is named twice')
        known.add(new.lower())
    chosen = ", ".join(f"{quote(stage.column(old))} AS {quote(new)}" for old, new in pairs)
    stage.becomes(f"SELECT {chosen} FROM {quote(stage.relation)}")


def sort(stage: TransformRows, said: Sequence[str]) -> None:
    """Rows that are equal in it stay in their order."""
    order = ", ".join([*_order(stage, said), ROW])
    stage.becomes(f"SELECT * EXCLUDE ({ROW}) FROM {stage.numbered} ORDER BY {order}")


def union(stage: TransformRows, said: Several) -> None:
    """Of the files, which were loaded before the lock as UNION and the number of the step."""
    files = "the file of union" if len(said) == 1 else "the files of union"
    parts = {stage.relation: "what was there before", UNION.format(stage.number): files}
    for text in stacking.stack(stage.work.connection, AFTER.format(stage.number), parts):
        stage.warn(text)
    stage.relation = AFTER.format(stage.number)


STEPS: Mapping[str, Callable[[TransformRows, Any], None]] = {
    "filter": keep_if,
    "derive": derive,
    "dedupe": dedupe,
    "group": group,
    "unpivot": unpivot,
    "pivot": pivot,
    "select": select,
    "sort": sort,
    "union": union,
}

"""map_values at work: the different values of the rows find their rule, and the rows get what it gives."""

from __future__ import annotations

from procession.actions import database, references
from procession.actions.contract import Context, StepOutcome
from procession.actions.database import quote
from procession.actions.expecting import Expect
from procession.actions.mapping import map_remarks, map_settings, patterns
from procession.actions.mapping.map_settings import VALID_FROM, VALID_TO, MapSettings
from procession.actions.mapping.map_task import ANY, RULES, SOURCE, MapTask
from procession.actions.problems import Problem
from procession.actions.rows import defaults, kinds, work
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork
from procession.actions.writing import exports

_NEAREST = 3
_NAMED = 5
_HELPED = 100  # values that are told with the nearest rules
_DAYS = frozenset({ValueKind.DATE, ValueKind.MOMENT})


def run(context: Context) -> StepOutcome:
    return work.perform(context, _map)


def _map(doing: RowWork) -> str:
    settings: MapSettings = doing.context.settings
    for name, target in map_settings.targets(settings).items():
        exports.refuse(doing.context, name, target, f"{name}.csv")
    rows = doing.load(SOURCE, settings.source, Expect())
    doing.load(RULES, settings.rules, Expect())
    doing.lock()
    task = MapTask(work=doing, settings=settings, given=_given(doing, settings))
    _make_keys(task)
    _make_patterns(task)
    _find(task)
    _choose(task)
    without = _tell_unmapped(task)
    map_remarks.tell(task)
    _make_result(task)
    unused = _make_unused(task)
    doing.total("mapped", "total_out")
    gave = doing.publish("mapped", settings.outputs.result, default=f"{doing.context.step_key}.csv")
    doing.figures.update({"rows_in": rows, "rows_out": gave, "unmapped": without, "unused": unused})
    for name, target in map_settings.targets(settings).items():
        if name != "result":
            doing.publish(name, target, default=f"{name}.csv")
    told = f"{rows:,} {'row' if rows == 1 else 'rows'}, {rows - without:,} of them mapped"
    return f"{told}; {unused:,} {'rule' if unused == 1 else 'rules'} not used" if unused else told


def _given(doing: RowWork, settings: MapSettings) -> dict[str, str]:
    source, rules = (database.columns(doing.connection, name) for name in (SOURCE, RULES))
    taken = {name.lower(): name for name in source}
    found: dict[str, str] = {}
    for column, name in settings.give.items():
        if name.lower() in taken:
            raise Problem(f'give: the rows have a column "{taken[name.lower()]}" already; call it by another name')
        found[name] = kinds.column(rules, column, "give")
    return found


def _make_keys(task: MapTask) -> None:
    """Makes `keys`: each different combination of matched values, and day, once, with how many rows have it."""
    connection, settings = task.work.connection, task.settings
    # A million rows have a few thousand accounts, and patterns are dear to compare.
    chosen = [patterns.text_of(connection, SOURCE, name, "source") for name in settings.match]
    if settings.on is not None:
        types = database.columns(connection, SOURCE)
        day = kinds.column(types, settings.on.date, "on.date")
        if kinds.of(types[day]) not in _DAYS:
            raise Problem(f'on.date: the column "{day}" is {kinds.of(types[day]).value}, and no day')
        chosen.append(f"CAST({quote(day)} AS DATE)")
    names = [*task.values, *(["day"] if settings.on is not None else [])]
    listed = ", ".join(f"{sql} AS {name}" for sql, name in zip(chosen, names, strict=True))
    connection.execute(f"CREATE TABLE coded AS SELECT {ROW}, {listed} FROM {numbered(connection, SOURCE)}")
    connection.execute(
        f"CREATE TABLE keys AS SELECT row_number() OVER () AS key, * FROM "
        f"(SELECT {', '.join(names)}, count(*) AS n FROM coded GROUP BY {', '.join(names)})"
    )


def _make_patterns(task: MapTask) -> None:
    connection, settings = task.work.connection, task.settings
    types = database.columns(connection, RULES)
    more = [f"{ROW} AS rule"]
    priority = "0"
    if settings.priority is not None:
        priority = quote(kinds.require(types, settings.priority, ValueKind.NUMBER, "priority"))
    # A rule without a priority comes behind all that have one.
    more.append(f"{priority} AS priority")
    if settings.on is not None:
        for name in (VALID_FROM, VALID_TO):
            column = kinds.column(types, name, "rules")
            if kinds.of(types[column]) not in _DAYS and database.count(connection, RULES):
                _refuse_filled(task, column)
                more.append(f"CAST(NULL AS DATE) AS {name}")
            else:
                more.append(f"CAST({quote(column)} AS DATE) AS {name}")
    exact = frozenset(name.lower() for name in settings.exact)
    patterns.make(connection, RULES, settings.match, exact, more)


def _refuse_filled(task: MapTask, column: str) -> None:
    """A column without a single day is one of texts, and no mistake."""
    query = f"SELECT {quote(column)} FROM {quote(RULES)} WHERE {quote(column)} IS NOT NULL LIMIT 1"
    row = task.work.connection.execute(query).fetchone()
    if row is not None:
        raise Problem(f'rules: "{row[0]}" in "{column}" is no day; say Date under columns, with its pattern')


def _find(task: MapTask) -> None:
    """Makes `candidates`: for each key the rules that fit it. One join for each combination of shapes that occurs."""
    connection, count = task.work.connection, len(task.settings.match)
    kinds_of = [patterns.kind(number) for number in range(count)]
    connection.execute("CREATE TABLE candidates (key BIGINT, rule BIGINT)")
    # A single join with OR over the shapes would compare every key with every rule.
    for found in connection.execute(f"SELECT DISTINCT {', '.join(kinds_of)} FROM patterns r ORDER BY ALL").fetchall():
        fits = [patterns.fits(kind, number) for number, kind in enumerate(found)]
        is_so = [f"{sql} = {kind}" for sql, kind in zip(kinds_of, found, strict=True)]
        if task.settings.on is not None:
            fits.append(f"(r.{VALID_FROM} IS NULL OR r.{VALID_FROM} <= k.day)")
            fits.append(f"(r.{VALID_TO} IS NULL OR r.{VALID_TO} >= k.day)")
        connection.execute(
            f"INSERT INTO candidates SELECT k.key, r.rule FROM keys k "
            f"JOIN (SELECT * FROM patterns r WHERE {' AND '.join(is_so)}) r ON {' AND '.join(fits)}"
        )


def _choose(task: MapTask) -> None:
    """Makes `chosen`: for each key the rule of the least priority that says most.

    Raises Problem for two that tie, unless they give the same.
    """
    count, connection = len(task.settings.match), task.work.connection
    filled = " + ".join(f"(r.shape_{number} > {patterns.ANY})::INTEGER" for number in range(count))
    says = " + ".join(f"r.says_{number}" for number in range(count))
    order = f"r.priority NULLS LAST, {filled} DESC, {says} DESC"
    given = ", ".join(f"g.{quote(column)}" for column in task.given.values())
    connection.execute(
        f"CREATE TABLE ranked AS SELECT c.key, c.rule, ROW({given}) AS given, r.priority, {filled} AS filled, "
        f"rank() OVER (PARTITION BY c.key ORDER BY {order}) AS place FROM candidates c "
        f"JOIN patterns r ON r.rule = c.rule JOIN {numbered(connection, RULES)} g ON g.{ROW} = c.rule"
    )
    # Of rules that give the same, the first: it is the one that a reader of the table finds.
    connection.execute("CREATE TABLE chosen AS SELECT key, min(rule) AS rule FROM ranked WHERE place = 1 GROUP BY key")
    # Never by chance: which of two comes first must not depend on their order in a file that people sort.
    _refuse_rivals(task, "b.place = 1", "fit {} equally well", "say more in it")
    # A value in two ranges that overlap is mostly at the limit of both, which one of them has too many.
    crossed = " OR ".join(patterns.crosses(number) for number in range(count))
    same = f"b.priority IS NOT DISTINCT FROM a.priority AND b.filled = a.filled AND ({crossed})"
    _refuse_rivals(task, same, "fit {}, and neither lies within the other", "mend their limits")


def _refuse_rivals(task: MapTask, is_rival: str, what: str, remedy: str) -> None:
    """Raises Problem where the chosen rule `a` of a key and another one, `b`, give different things."""
    row = task.work.connection.execute(
        f"SELECT a.rule, b.rule, {', '.join(f'k.{name}' for name in task.values)} FROM chosen c "
        "JOIN ranked a ON a.key = c.key AND a.rule = c.rule JOIN ranked b ON b.key = c.key AND a.given <> b.given "
        "JOIN patterns p ON p.rule = a.rule JOIN patterns q ON q.rule = b.rule "
        f"JOIN keys k ON k.key = c.key WHERE {is_rival} ORDER BY a.rule, b.rule LIMIT 1"
    ).fetchone()
    if row is not None:
        told, both = what.format(kinds.in_words(row[2:], none=ANY)), sorted(row[:2])
        listed = " and ".join(task.rule(rule) for rule in both)
        raise Problem(f"two rules {told}: {listed}; give one of them a priority, or {remedy}")


def _tell_unmapped(task: MapTask) -> int:
    """Makes `unmapped`, with the nearest rules of each; gives how many rows they are."""
    connection, names = task.work.connection, task.values
    shown = ", ".join(f"k.{value} AS {quote(name)}" for value, name in zip(names, task.columns, strict=True))
    taken = {name.lower() for name in task.columns}
    rows, near = (quote(name if name not in taken else f"number of {name}") for name in ("rows", "nearest"))
    code = "concat_ws(' ', " + ", ".join(f"low_{number}" for number in range(len(names))) + ")"
    asked = "concat_ws(' ', " + ", ".join(f"k.{name}" for name in names) + ")"
    # Of different values on both sides: a million rows are a few thousand of them.
    nearest = (
        f"(SELECT string_agg(code, '; ' ORDER BY apart, code) FROM (SELECT code, levenshtein(code, {asked}) AS apart "
        f"FROM (SELECT DISTINCT {code} AS code FROM patterns) WHERE code <> '' ORDER BY apart, code LIMIT {_NEAREST}))"
    )
    day = f", k.day AS {quote('day' if 'day' not in taken else 'valid on')}" if task.settings.on is not None else ""
    order = ", ".join(f"k.{name} NULLS LAST" for name in (*names, *(["day"] if task.settings.on is not None else [])))
    connection.execute(
        f"CREATE TABLE lost AS SELECT k.*, row_number() OVER (ORDER BY k.n DESC, {order}) AS place FROM keys k "
        "ANTI JOIN chosen c ON c.key = k.key"
    )
    # Of the most frequent: with the wrong file of rules, all keys by all rules would be compared letter by letter.
    connection.execute(f"CREATE TABLE near AS SELECT k.key, {nearest} AS codes FROM lost k WHERE k.place <= {_HELPED}")
    connection.execute(
        f"CREATE TABLE unmapped AS SELECT {shown}{day}, k.n AS {rows}, h.codes AS {near} FROM lost k "
        "LEFT JOIN near h ON h.key = k.key ORDER BY k.place"
    )
    row = connection.execute(f"SELECT coalesce(sum({rows}), 0) FROM unmapped").fetchone()
    assert row is not None
    if row[0]:
        listed = ", ".join(quote(name) for name in task.columns)
        found = connection.execute(f"SELECT {listed} FROM unmapped LIMIT {_NAMED}").fetchall()
        more = database.count(connection, "unmapped") - len(found)
        told = "; ".join(kinds.in_words(cells) for cells in found)
        what = "1 row has a value" if row[0] == 1 else f"{row[0]:,} rows have values"
        task.work.warnings.append(f"{what} that no rule fits ({told}{f' and {more:,} more' if more > 0 else ''})")
    return int(row[0])


def _make_result(task: MapTask) -> None:
    """Makes `mapped`: the rows in their order, with what the rules give, or the default."""
    connection = task.work.connection
    types = database.columns(connection, RULES)
    default, bound = references.resolve(task.work.context, task.settings.default), dict[str, object]()
    chosen = []
    for name, column in task.given.items():
        value = f"r.{quote(column)}"
        if default is not None:
            # Bound, because the value may come from another step, with any quotes in it.
            bound["default"] = defaults.fitting(connection, default, name, types[column], "default")
            value = f"CASE WHEN c.rule IS NULL THEN CAST($default AS {types[column]}) ELSE {value} END"
        chosen.append(f"{value} AS {quote(name)}")
    # IS NOT DISTINCT FROM: an empty value is a key of its own, which a rule for any fits.
    same = " AND ".join(f"k.{name} IS NOT DISTINCT FROM d.{name}" for name in task.values)
    if task.settings.on is not None:
        same += " AND k.day IS NOT DISTINCT FROM d.day"
    connection.execute(
        f"CREATE TABLE mapped AS SELECT s.* EXCLUDE ({ROW}), {', '.join(chosen)} FROM {numbered(connection, SOURCE)} s "
        f"JOIN coded d ON d.{ROW} = s.{ROW} JOIN keys k ON {same} LEFT JOIN chosen c ON c.key = k.key "
        f"LEFT JOIN {numbered(connection, RULES)} r ON r.{ROW} = c.rule ORDER BY s.{ROW}",
        bound or None,
    )


def _make_unused(task: MapTask) -> int:
    """Makes `unused`, the rules that were the first to fit nothing, in their order; gives how many."""
    connection = task.work.connection
    # A rule that fits nothing is often misspelt, or hidden by one that comes before it.
    connection.execute(
        f"CREATE TABLE unused AS SELECT * EXCLUDE ({ROW}) FROM {numbered(connection, RULES)} "
        f"ANTI JOIN chosen c ON c.rule = {ROW} ORDER BY {ROW}"
    )
    return database.count(connection, "unused")

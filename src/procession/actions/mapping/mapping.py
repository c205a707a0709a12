"""map_values at work: the different values of the rows find their rule, and the rows get what it gives."""

from __future__ import annotations

from dataclasses import dataclass

from procession.actions import database, references
from procession.actions.contract import Context, StepOutcome
from procession.actions.database import quote
from procession.actions.expecting import Expect
from procession.actions.mapping import map_settings, patterns
from procession.actions.mapping.map_settings import VALID_FROM, VALID_TO, MapSettings
from procession.actions.problems import Problem
from procession.actions.rows import defaults, kinds, looks, work
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork
from procession.actions.writing import exports

SOURCE, RULES = "source", "rules"
ANY = "any"
_NEAREST = 3
_NAMED = 5
_HELPED = 100  # values that are told with the nearest rules
_DAYS = frozenset({ValueKind.DATE, ValueKind.MOMENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Map:
    """`given` is new name -> column of the rules, as it is written there."""

    work: RowWork
    settings: MapSettings
    given: dict[str, str]

    @property
    def columns(self) -> list[str]:
        """The matched columns of the rows, as they are written."""
        there = database.columns(self.work.connection, SOURCE)
        return [kinds.column(there, name, "source") for name in self.settings.match]

    @property
    def values(self) -> list[str]:
        """Names of the key's values, by their order in `match`."""
        return [f"v_{number}" for number in range(len(self.settings.match))]


def run(context: Context) -> StepOutcome:
    return work.perform(context, _map)


def _map(doing: RowWork) -> str:
    settings: MapSettings = doing.context.settings
    for name, target in map_settings.targets(settings).items():
        exports.refuse(doing.context, name, target, f"{name}.csv")
    rows = doing.load(SOURCE, settings.source, Expect())
    doing.load(RULES, settings.rules, Expect())
    doing.lock()
    task = _Map(work=doing, settings=settings, given=_given(doing, settings))
    _make_keys(task)
    _make_patterns(task)
    _find(task)
    _choose(task)
    without = _tell_unmapped(task)
    _tell_looks(task)
    _tell_empty(task)
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


def _make_keys(task: _Map) -> None:
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


def _make_patterns(task: _Map) -> None:
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


def _refuse_filled(task: _Map, column: str) -> None:
    """A column without a single day is one of texts, and no mistake."""
    query = f"SELECT {quote(column)} FROM {quote(RULES)} WHERE {quote(column)} IS NOT NULL LIMIT 1"
    row = task.work.connection.execute(query).fetchone()
    if row is not None:
        raise Problem(f'rules: "{row[0]}" in "{column}" is no day; say Date under columns, with its pattern')


def _find(task: _Map) -> None:
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


def _choose(task: _Map) -> None:
    """Makes `chosen`: for each key the rule of the least priority that says most.

    Raises Problem for two that tie, unless they give the same.
    """
    count, connection = len(task.settings.match), task.work.connection
    filled = " + ".join(f"(r.shape_{number} > {patterns.ANY})::INTEGER" for number in range(count))
    says = " + ".join(f"r.says_{number}" for number in range(count))
    order = f"r.priority NULLS LAST, {filled} DESC, {says} DESC"
    given = ", ".join(f"g.{quote(column)}" for column in task.given.values())
    connection.execute(
        f"CREATE TABLE first AS SELECT c.key, c.rule, ROW({given}) AS given FROM candidates c "
        f"JOIN patterns r ON r.rule = c.rule JOIN {numbered(connection, RULES)} g ON g.{ROW} = c.rule "
        f"QUALIFY rank() OVER (PARTITION BY c.key ORDER BY {order}) = 1"
    )
    # Of rules that give the same, the first: it is the one that a reader of the table finds.
    connection.execute("CREATE TABLE chosen AS SELECT key, min(rule) AS rule FROM first GROUP BY key")
    # Never by chance: which of two comes first must not depend on their order in a file that people sort.
    row = connection.execute(
        f"SELECT a.rule, b.rule, {', '.join(f'k.{name}' for name in task.values)} FROM chosen c "
        "JOIN first a ON a.key = c.key AND a.rule = c.rule JOIN first b ON b.key = c.key AND a.given <> b.given "
        "JOIN keys k ON k.key = c.key ORDER BY a.rule, b.rule LIMIT 1"
    ).fetchone()
    if row is not None:
        values, both = kinds.in_words(row[2:], none=ANY), f"{_rule(task, row[0])} and {_rule(task, row[1])}"
        raise Problem(f"two rules fit {values} equally well: {both}; give one of them a priority, or say more in it")


def _rule(task: _Map, rule: int) -> str:
    """Which rule it is, in the user's words."""
    names = [kinds.column(database.columns(task.work.connection, RULES), name, "rules") for name in task.settings.match]
    listed = ", ".join(f"CAST({quote(name)} AS VARCHAR)" for name in names)
    row = task.work.connection.execute(
        f"SELECT {listed} FROM {numbered(task.work.connection, RULES)} WHERE {ROW} = ?", [rule]
    ).fetchone()
    assert row is not None
    return f"rule {rule + 1} ({kinds.in_words(row, none=ANY)})"


def _tell_unmapped(task: _Map) -> int:
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


def _tell_looks(task: _Map) -> None:
    """Values that would find a rule of their own if case, blanks and what nobody sees did not count."""
    for number, value in enumerate(task.values):
        is_own = f"shape_{number} = {patterns.ITSELF}"
        own = f"SELECT DISTINCT low_{number} AS code FROM patterns WHERE {is_own}"
        # Those too that a wider rule has taken, of which nobody would hear.
        owned = f"SELECT c.key FROM chosen c JOIN patterns p ON p.rule = c.rule WHERE p.{is_own}"
        others = f"SELECT DISTINCT {value} FROM keys ANTI JOIN ({owned}) USING (key)"
        row = task.work.connection.execute(
            f"SELECT k.{value}, r.code FROM ({others}) k JOIN ({own}) r "
            f"ON {looks.folded(f'k.{value}')} = {looks.folded('r.code')} AND k.{value} <> r.code ORDER BY ALL LIMIT 1"
        ).fetchone()
        if row is not None:
            one, other = (looks.visible(text) for text in row)
            task.work.warnings.append(f'"{one}" and "{other}" differ only in case, blanks or signs unseen')


def _tell_empty(task: _Map) -> None:
    """Rows whose rule gives nothing: they count as mapped, and no default fills them."""
    given = ", ".join(f"CAST(g.{quote(column)} AS VARCHAR)" for column in task.given.values())
    row = task.work.connection.execute(
        f"SELECT sum(k.n), min(c.rule) FROM chosen c JOIN keys k ON k.key = c.key "
        f"JOIN {numbered(task.work.connection, RULES)} g ON g.{ROW} = c.rule WHERE coalesce({given}) IS NULL"
    ).fetchone()
    if row and row[0]:
        rows = "1 row is" if row[0] == 1 else f"{row[0]:,} rows are"
        task.work.warnings.append(f"{rows} mapped to nothing, by {_rule(task, row[1])}")


def _make_result(task: _Map) -> None:
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


def _make_unused(task: _Map) -> int:
    """Makes `unused`, the rules that were the first to fit nothing, in their order; gives how many."""
    connection = task.work.connection
    # A rule that fits nothing is often misspelt, or hidden by one that comes before it.
    connection.execute(
        f"CREATE TABLE unused AS SELECT * EXCLUDE ({ROW}) FROM {numbered(connection, RULES)} "
        f"ANTI JOIN chosen c ON c.rule = {ROW} ORDER BY {ROW}"
    )
    return database.count(connection, "unused")

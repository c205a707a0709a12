"""What each rule finds: rows and cells that break it, added to the table `broken`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from procession.actions import database, references, values
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.references import Given
from procession.actions.rows import expressions, kinds, looks
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork
from procession.actions.sql import pitfalls
from procession.actions.validating.validate_settings import ValidationRule

SOURCE = "source"
KNOWN = "values known to rule {}"
_DAYS = frozenset({ValueKind.DATE, ValueKind.MOMENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRows:
    """The rows before one rule."""

    work: RowWork
    rule: ValidationRule
    number: int

    @property
    def where(self) -> str:
        """The rule, in messages."""
        return f'the rule "{self.rule.name}"'

    @property
    def columns(self) -> dict[str, str]:
        return database.columns(self.work.connection, SOURCE)

    @property
    def source(self) -> str:
        """SQL of the rows with ROW, their numbers."""
        return numbered(self.work.connection, SOURCE)

    @property
    def column(self) -> str:
        """Of a rule on cells, as it is written. Raises Problem."""
        return kinds.column(self.columns, self.rule.column or "", self.where)

    @property
    def kind(self) -> ValueKind:
        return kinds.of(self.columns[self.column])

    def text(self, name: str, alias: str = "") -> str:
        """SQL of a column's cells as people write them."""
        return kinds.as_text(f"{alias}{quote(name)}", self.columns[name])

    def add(self, select: str, bound: Mapping[str, Any] | None = None) -> None:
        """Rows of ROW, column, value and words are broken. Raises Problem."""
        import duckdb

        # One table for all rules: what a row breaks is asked of it in both directions.
        try:
            self.work.connection.execute(
                f"INSERT INTO broken SELECT {self.number}, * FROM ({select})", dict(bound or {}) or None
            )
        except duckdb.Error as error:
            hidden = database.places(self.work.context.folder)
            self.work.context.log(f"{database.hide(str(error), hidden)}\n")
            raise Problem(f"{self.where}: {database.complaint(error, hidden)}") from error

    def add_cells(self, is_broken: str, words: str, bound: Mapping[str, Any] | None = None) -> None:
        """Cells of the column of which the condition is true; `words` is SQL, as the condition is."""
        name = self.column
        self.add(
            f"SELECT {ROW}, {literal(name)}, {self.text(name)}, {words} FROM {self.source} WHERE {is_broken}",
            bound,
        )

    def add_all(self, value: str, words: str, column: str = "") -> None:
        """What is wrong with the rows as a whole."""
        self.add("SELECT NULL, $column, $value, $words", {"column": column or None, "value": value, "words": words})

    def resolve(self, given: Given, kind: ValueKind) -> object:
        """The value as its column has it. Raises Problem for one of another kind."""
        value = references.resolve(self.work.context, given)
        try:
            # Python takes true for 1, which no author of a limit means.
            if kind is ValueKind.NUMBER and not isinstance(value, bool) and value is not None:
                return str(Decimal(str(value)))
            if kind in _DAYS and isinstance(value, str):
                return date.fromisoformat(value[: references.DATE_CHARACTERS])
        except (ValueError, InvalidOperation):
            pass
        if value is None:
            raise Problem(f"{self.where}: what it is compared with is empty ({given})")
        raise Problem(f'{self.where}: "{value}" cannot be compared with {kind.value}')


def _is(rows: CheckedRows) -> None:
    cell = quote(rows.column)
    if rows.rule.is_ == "empty":
        rows.add_cells(f"{cell} IS NOT NULL", "'is filled'")
        return
    # Blanks alone look empty, and a person meant so.
    blank = f" OR {looks.seen(cell)} = ''" if rows.kind is ValueKind.TEXT else ""
    rows.add_cells(f"{cell} IS NULL{blank}", "'is empty'")


def _matches(rows: CheckedRows) -> None:
    # The whole cell: a pattern that only occurs somewhere in it proves nothing.
    text = rows.text(rows.column)
    words = f"'does not match ' || {literal(rows.rule.matches or '')}"
    rows.add_cells(f"NOT regexp_full_match({text}, $pattern)", words, {"pattern": rows.rule.matches})


def _one_of(rows: CheckedRows) -> None:
    wanted = rows.rule.one_of or []
    # As numbers: 2 of the settings is the 2.00 of the file.
    if rows.kind is ValueKind.NUMBER:
        listed = ", ".join(f"CAST({literal(str(rows.resolve(one, rows.kind)))} AS DECIMAL(38,10))" for one in wanted)
        condition = f"{quote(rows.column)} NOT IN ({listed})"
    else:
        listed = ", ".join(literal(str(one)) for one in wanted)
        condition = f"{rows.text(rows.column)} NOT IN ({listed})"
    shown = ", ".join(str(one) for one in wanted[:5]) + (", ..." if len(wanted) > 5 else "")
    alike = _but_for(rows, quote(rows.column), f"(SELECT unnest([{listed}]))")
    rows.add_cells(condition, f"{literal(f'is none of {shown}')}{alike}")


def _but_for(rows: CheckedRows, cell: str, known: str) -> str:
    """SQL to put behind the words: whether a text is one of the known ones but for what an eye passes over."""
    if rows.kind is not ValueKind.TEXT:
        return ""
    values = f"(SELECT lower({looks.seen('value')}) FROM {known} AS known(value))"
    return (
        f" || CASE WHEN lower({looks.seen(cell)}) IN {values} THEN ', but for case, blanks or signs unseen' ELSE '' END"
    )


def _in(rows: CheckedRows) -> None:
    assert rows.rule.in_ is not None
    known = KNOWN.format(rows.number)
    there = database.columns(rows.work.connection, known)
    column = kinds.column(there, rows.rule.in_.column, rows.where)
    # SQL would find the account 007 among the numbers that hold a 7.
    if kinds.of(there[column]) is not rows.kind:
        raise Problem(
            f'{rows.where}: "{rows.column}" is {rows.kind.value} and "{column}" of the known values '
            f"{kinds.of(there[column]).value}; say its type under columns of both"
        )
    name = rows.column
    alike = _but_for(rows, f"s.{quote(name)}", f"(SELECT DISTINCT {quote(column)} FROM {quote(known)})")
    # Empty cells pass: that they must be filled is a rule of its own.
    rows.add(
        f"SELECT s.{ROW}, {literal(name)}, {rows.text(name, 's.')}, 'is not known'{alike} "
        f"FROM {rows.source} s ANTI JOIN {quote(known)} k ON k.{quote(column)} = s.{quote(name)} "
        f"WHERE s.{quote(name)} IS NOT NULL"
    )


def _between(rows: CheckedRows) -> None:
    low, high = rows.rule.between or (None, None)
    if rows.kind is not ValueKind.NUMBER and rows.kind not in _DAYS:
        raise Problem(f'{rows.where}: "{rows.column}" is {rows.kind.value}; between takes numbers and days')
    # A moment on the last day is within it.
    cell = f"CAST({quote(rows.column)} AS DATE)" if rows.kind in _DAYS else quote(rows.column)
    as_type = "DATE" if rows.kind in _DAYS else "DECIMAL(38,10)"
    conditions, bound, shown = [], dict[str, object](), []
    for name, mark, given, word in (("low", "<", low, "from"), ("high", ">", high, "to")):
        if given is not None:
            bound[name] = rows.resolve(given, rows.kind)
            conditions.append(f"{cell} {mark} CAST(${name} AS {as_type})")
            shown.append(f"{word} {bound[name]}")
    rows.add_cells(" OR ".join(conditions), literal(f"is not {' '.join(shown)}"), bound)


def _at_most_characters(rows: CheckedRows) -> None:
    text, most = rows.text(rows.column), rows.rule.at_most_characters
    rows.add_cells(f"length({text}) > {most}", f"'has ' || length({text}) || ' characters, more than {most}'")


def _unique(rows: CheckedRows) -> None:
    named = [kinds.column(rows.columns, name, rows.where) for name in rows.rule.unique or []]
    keys = ", ".join(quote(name) for name in named)
    texts = ", ".join(rows.text(name) for name in named)
    # Rows without any of the values are equal to none: that they should be filled is another rule.
    rows.add(
        f"SELECT {ROW}, {literal(', '.join(named))}, concat_ws(', ', {texts}), "
        f"'is in ' || count(*) OVER same || ' rows, first in row ' || (min({ROW}) OVER same + 1) "
        f"FROM {rows.source} WHERE coalesce({texts}) IS NOT NULL "
        f"WINDOW same AS (PARTITION BY {keys}) QUALIFY count(*) OVER same > 1"
    )
    if told := looks.twins(rows.work.connection, SOURCE, named):
        rows.work.warnings.append(f"{rows.where}: {told}")


def _balance(rows: CheckedRows) -> None:
    said = rows.rule.balance
    assert said is not None
    amount = kinds.require(rows.columns, said.column, ValueKind.NUMBER, rows.where)
    by = [kinds.column(rows.columns, name, rows.where) for name in said.by]
    shown = " || ', ' || ".join(f"coalesce({rows.text(name)}, 'empty')" for name in by)
    keys = ", ".join(quote(name) for name in by)
    # Rows without the columns of the group are a group too, and must balance as any other.
    total = f"coalesce(sum({quote(amount)}), 0)"
    shown_total = kinds.as_text(total, rows.columns[amount])
    rows.add(
        f"SELECT NULL, {literal(amount)}, {shown_total}, {literal(', '.join(by))} || ' ' || {shown} "
        f"|| ' adds up to ' || {shown_total} FROM {quote(SOURCE)} GROUP BY {keys} "
        f"HAVING abs({total}) > CAST($most AS DECIMAL(38,10)) ORDER BY {keys}",
        {"most": str(said.tolerance)},
    )
    # No row of its own is wrong, and none of such a journal must be posted as a good one.
    rows.work.connection.execute(
        f"INSERT INTO apart SELECT {ROW} FROM {rows.source} QUALIFY abs(coalesce(sum({quote(amount)}) OVER "
        f"(PARTITION BY {keys}), 0)) > CAST($most AS DECIMAL(38,10))",
        {"most": str(said.tolerance)},
    )


def _total(rows: CheckedRows) -> None:
    said = rows.rule.total
    assert said is not None
    amount = kinds.require(rows.columns, said.column, ValueKind.NUMBER, rows.where)
    # By decimals and not by SQL: a constant of YAML with a fraction came as a binary number.
    wanted = Decimal(str(rows.resolve(said.equals, ValueKind.NUMBER)))
    row = rows.work.connection.execute(
        f"SELECT CAST(coalesce(sum({quote(amount)}), 0) AS VARCHAR) FROM {quote(SOURCE)}"
    ).fetchone()
    assert row is not None
    if Decimal(row[0]) != wanted:
        found, expected = values.alike(Decimal(row[0]), wanted)
        rows.add_all(
            f"{values.trimmed(Decimal(row[0])):f}", f"{amount} adds up to {found}, and {expected} was expected", amount
        )


def _rows(rows: CheckedRows) -> None:
    said, count = rows.rule.rows, database.count(rows.work.connection, SOURCE)
    assert said is not None
    if said.at_least is not None and count < said.at_least:
        rows.add_all(str(count), f"there are {count:,} rows, and at least {said.at_least:,} were expected")
    if said.at_most is not None and count > said.at_most:
        rows.add_all(str(count), f"there are {count:,} rows, and at most {said.at_most:,} were expected")
    if said.against is not None and said.within_percent is not None:
        # Of the number before, so that 80 after 100 is 20 percent away, and 125 is 25.
        before = _before(rows, said.against)
        if abs(count - before) * 100 > Decimal(str(said.within_percent)) * before:
            words = f"there are {count:,} rows, more than {said.within_percent:g} % away from {before:,f}"
            rows.add_all(str(count), words)


def _before(rows: CheckedRows, against: Given) -> Decimal:
    if rows.rule.known is not None:
        return Decimal(database.count(rows.work.connection, KNOWN.format(rows.number)))
    return Decimal(str(rows.resolve(against, ValueKind.NUMBER)))


def _where(rows: CheckedRows) -> None:
    parsed = expressions.parse(rows.work, rows.rule.where or "", rows.where)
    kind = kinds.of(expressions.type_of(rows.work, parsed, SOURCE, rows.where))
    if kind is not ValueKind.TRUTH:
        raise Problem(f"{rows.where}: this is {kind.value}, and a condition is wanted, such as amount > 0")
    # What cannot be decided is not kept: an empty cell must not pass for a right one.
    words = f"CASE WHEN {parsed.sql} IS NULL THEN 'cannot be decided: a cell is empty' ELSE 'is not so' END"
    select = f"SELECT {ROW}, NULL, NULL, {words} FROM {rows.source} WHERE {parsed.sql} IS NOT TRUE"
    asked = f"SELECT {parsed.sql} FROM {quote(SOURCE)}"
    for doubt in pitfalls.warnings(rows.work.connection, asked, rows.work.used(asked) or {}):
        rows.work.warnings.append(f"{rows.where}: {doubt}")
    rows.add(select, rows.work.used(select))


RULES: Mapping[str, Callable[[CheckedRows], None]] = {
    "is_": _is,
    "matches": _matches,
    "one_of": _one_of,
    "in_": _in,
    "between": _between,
    "at_most_characters": _at_most_characters,
    "unique": _unique,
    "balance": _balance,
    "total": _total,
    "rows": _rows,
    "where": _where,
}

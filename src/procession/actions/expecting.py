"""Expected rows and control totals of a step, checked before anything is published."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from procession.actions import references, values
from procession.actions.column_names import ResultColumn
from procession.actions.contract import Context
from procession.actions.database import quote
from procession.actions.problems import Problem

if TYPE_CHECKING:
    import duckdb

    from procession.actions.reading.columns import Relation

Count = Annotated[int, msgspec.Meta(ge=0)]


class Rows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rows there must be; `at_least: 0` says that none are fine, too."""

    at_least: Annotated[Count | None, msgspec.Meta(description="so many, or more")] = None
    at_most: Annotated[Count | None, msgspec.Meta(description="so many, or fewer")] = None


# A number of YAML with more than 15 digits loses some, and must be text.
_Exact = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"{references.PATTERN}|^-?[0-9]{{1,28}}(\.[0-9]{{1,10}})?$",
        description="${step.property}, or a number in quotes",
    ),
]


class Total(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a column must add up to, exactly."""

    column: Annotated[ResultColumn, msgspec.Meta(description="a column of amounts")]
    equals: Annotated[float | int | _Exact, msgspec.Meta(description="the total, to the last digit")]


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Checked on the rows that the step gives: `result` of run_sql. `rows: {at_least: 0}` also allows empty inputs."""

    rows: Annotated[Rows, msgspec.Meta(description="how many rows there must be")] = Rows()
    total: Annotated[Total | None, msgspec.Meta(description="what a column must add up to")] = None
    otherwise: Annotated[
        Literal["fail", "warn"],
        msgspec.Meta(description="whether the step then fails and publishes nothing, or ends as Warning"),
    ] = "fail"


_EMPTY_IS_FINE = Expect(rows=Rows(at_least=0))


def mistakes(expect: Expect) -> tuple[str, ...]:
    """Expectations that no result could meet, or that check nothing."""
    rows = expect.rows
    if rows.at_least is not None and rows.at_most is not None and rows.at_least > rows.at_most:
        return (f"expect.rows: at_least {rows.at_least:,} is more than at_most {rows.at_most:,}",)
    if expect.otherwise == "warn" and rows == Rows() and expect.total is None:
        return ("expect.otherwise: means nothing without rows or total",)
    return ()


def reads(expect: Expect) -> tuple[object, ...]:
    """References that expected totals are taken from."""
    return () if expect.total is None else (expect.total.equals,)


def asks(expect: Expect) -> bool:
    """Whether anything is expected of the result itself, not only of input files."""
    return expect not in (Expect(), _EMPTY_IS_FINE)


def check_rows(expect: Expect, made: Relation, warnings: list[str]) -> None:
    """Warns of a file with a header and no rows, unless that is allowed."""
    if made.rows == 0 and expect.rows.at_least != 0:
        warnings.append(f"0 rows in {made.file}")


def check(
    context: Context, connection: duckdb.DuckDBPyConnection, relation: str, expect: Expect, warnings: list[str]
) -> None:
    """Raises Problem, or adds a warning if so configured."""
    # Before anything is written: a report with a wrong total must not exist.
    for said in _unmet(context, connection, relation, expect):
        if expect.otherwise == "fail":
            raise Problem(f"{said}; nothing was published")
        warnings.append(said)


def _unmet(context: Context, connection: duckdb.DuckDBPyConnection, relation: str, expect: Expect) -> list[str]:
    row = connection.execute(f"SELECT count(*) FROM {quote(relation)}").fetchone()
    assert row is not None
    found, rows = [], row[0]
    if expect.rows.at_least is not None and rows < expect.rows.at_least:
        found.append(f"the result has {rows:,} rows, and at least {expect.rows.at_least:,} were expected")
    if expect.rows.at_most is not None and rows > expect.rows.at_most:
        found.append(f"the result has {rows:,} rows, and at most {expect.rows.at_most:,} were expected")
    if expect.total is not None:
        total, wanted = _total(connection, relation, expect.total.column), _wanted(context, expect.total)
        if total != wanted:
            is_, should_be = values.alike(total, wanted)
            found.append(f'the column "{expect.total.column}" adds up to {is_}, and {should_be} was expected')
    return found


def _total(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> Decimal:
    kinds = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {quote(relation)}").fetchall()}
    if column not in kinds:
        raise Problem(f'the result has no column "{column}" to add up (it has {", ".join(kinds)})')
    if kinds[column] in {"VARCHAR", "DATE", "BOOLEAN"}:
        # Refused: a total of dates is a mistake in the file and no number.
        raise Problem(f'the column "{column}" of the result cannot be added up: it is no number')
    amount = quote(column)
    if kinds[column] in {"DOUBLE", "FLOAT"}:  # as doubles, 1e16 + 1 is 1e16 and 0.1 + 0.2 is more than 0.3
        amount = f"CAST(CAST({amount} AS VARCHAR) AS DECIMAL(38,10))"
    row = connection.execute(f"SELECT CAST(coalesce(sum({amount}), 0) AS VARCHAR) FROM {quote(relation)}").fetchone()
    assert row is not None
    return Decimal(row[0])


def _wanted(context: Context, total: Total) -> Decimal:
    value = references.resolve(context, total.equals)
    try:
        # By its text: a constant with a fraction came as a float of YAML.
        return Decimal(str(value))
    except ArithmeticError:
        raise Problem(f"expect.total.equals is no number: {value}") from None

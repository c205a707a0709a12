"""SQL expressions of a user: one value or condition of a row, and nothing else that SQL can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec

from procession.actions import database
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.rows import kinds
from procession.actions.rows.kinds import ValueKind
from procession.actions.sql import sql_complaints, sql_facts, sql_reading
from procession.actions.sql.sql_reading import Facts

if TYPE_CHECKING:
    from procession.actions.rows.work import RowWork

CHARACTERS_MAX = 10_000
Expression = Annotated[str, msgspec.Meta(min_length=1, max_length=CHARACTERS_MAX)]
_DIVIDE = "write div_money(a, b) for a / b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """`sql` is to be put where a value stands; `columns` are those that it names, as it writes them."""

    sql: str
    columns: Sequence[str]
    divided: Sequence[str]
    makes_null: bool  # it says NULL itself, or what is meant to give it


def mistakes(steps: Sequence[Iterable[tuple[str, str, frozenset[str]]]]) -> list[list[tuple[str, str]]]:
    """What is wrong with the expressions of each step, all read by one process, as setting and message.

    Each expression is given as the setting that it stands in, its text, and the names of the values that it may use.
    """
    # One process for all: starting it takes longer than reading a hundred of them.
    listed = [list(step) for step in steps]
    facts = sql_reading.read([(text,) for step in listed for _, text, _ in step])
    answers = iter(facts)
    found = [[(path, _mistake(next(answers, {}), values)) for path, _, values in step] for step in listed]
    return [[(path, said) for path, said in step if said] for step in found]


def _mistake(facts: Facts | None, values: Iterable[str]) -> str:
    if facts is None:
        return "cannot be understood within 1 GB of memory and 3 s; is something nested too deeply?"
    if "error" in facts:
        said = database.complaint(facts["error"], {})
        return f"{said}{sql_complaints.quotes(said)}"
    unknown = [name for name in facts.get("parameters", ()) if name not in values]
    known = sql_complaints.listed([f"${value}" for value in sorted(values)])
    return f"${unknown[0]} is not among the inputs (there are: {known})" if unknown else ""


def parse(work: RowWork, text: str, where: str) -> Parsed:
    """Raises Problem for what is no single expression, or names a value that is not given."""
    facts = sql_facts.expression(work.connection, text)
    if said := _mistake(facts, work.values):
        raise Problem(f"{where}: {said}")
    # The bracket has its own line, because a comment at the end of the text would hide it.
    return Parsed(sql=f"({text}\n)", columns=facts["columns"], divided=facts["divided"], makes_null=facts["makes_null"])


def type_of(work: RowWork, parsed: Parsed, relation: str, where: str) -> str:
    """The DuckDB type of its value over the rows of a relation.

    Raises Problem for columns that there are not, and for what would make a binary number of an exact one.
    """
    import duckdb

    connection = work.connection
    columns = {name.lower(): type_ for name, type_ in database.columns(connection, relation).items()}
    query = f"SELECT {parsed.sql} AS value FROM {quote(relation)}"
    # Where a CAST stands around it too: the digits are gone before it sees them.
    for name in parsed.divided:
        if kinds.of(columns.get(name.lower(), "")) is ValueKind.NUMBER:
            raise Problem(f'{where}: / and avg make a binary number of "{name}", which cannot hold money; {_DIVIDE}')
    try:
        rows = connection.execute(f"DESCRIBE {query}", work.used(query)).fetchall()
    except duckdb.Error as error:
        raise Problem(f"{where}: {sql_complaints.complaint(error, connection, query, {})}") from error
    # Only where an amount goes in: what was a binary number before cannot lose digits here.
    amounts = [name for name in parsed.columns if columns.get(name.lower(), "").startswith("DECIMAL")]
    if kinds.of(rows[0][1]) is ValueKind.BINARY and amounts:
        raise Problem(f'{where}: this makes a binary number of "{amounts[0]}", which cannot hold money; {_DIVIDE}')
    return str(rows[0][1])

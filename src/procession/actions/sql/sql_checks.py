"""Checks a step's SQL before it runs: when its process file is applied, and when the step starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from procession.actions import database, expecting
from procession.actions.sql import sql_complaints, sql_inputs, sql_reading
from procession.actions.sql.sql_reading import Facts
from procession.actions.sql.sql_settings import RunSqlSettings
from procession.model import table_uses
from procession.model.processes import KEY_PATTERN

WHERE = "the SQL of this step"
RESULT = "result"
# Everything else (COPY, ATTACH, SET, LOAD, EXPORT, PREPARE, CALL, PRAGMA, EXPLAIN ANALYZE of those) is refused,
# whatever DuckDB's own locks would make of it. MULTI is PIVOT.
ALLOWED = frozenset({"SELECT", "CREATE", "INSERT", "UPDATE", "DELETE", "MERGE_INTO", "DROP", "ALTER", "MULTI"})
GIVE_ROWS = frozenset({"SELECT", "MULTI"})
_REFERENCE = re.compile(rf"\$\{{(?:{KEY_PATTERN}\.{KEY_PATTERN}|{table_uses.PREFIX}{table_uses.NAME_PATTERN})\}}")
NOT_UNDERSTOOD = f"{WHERE} cannot be understood within 1 GB of memory and 3 s; is something nested too deeply?"


def together(steps: Sequence[RunSqlSettings]) -> list[list[tuple[str, str]]]:
    """The mistakes in the SQL of each step, as setting and message; all the texts are read by one process."""
    # All at once: starting the process takes longer than reading them.
    facts = sql_reading.read([step.sql for step in steps])
    found = [[("sql", said) for said in _mistakes(step, fact)] for step, fact in zip(steps, facts, strict=False)]
    return [*found, *([] for _ in steps[len(facts) :])]  # the file is refused for others


def _mistakes(step: RunSqlSettings, facts: Facts | None) -> Iterator[str]:
    if facts is None:
        yield NOT_UNDERSTOOD
        return
    found = list(of_text(facts))
    if "statements" in facts:
        values = {name for name, given in step.inputs.items() if not sql_inputs.is_relation(given)}
        found += [*of_names(facts, values), *_of_results(facts)]
    found += _of_references(step.sql)
    # Names missing from a wrong statement prove nothing.
    yield from found or _of_outputs(step, facts)


def at_run(facts: Facts, values: set[str]) -> Iterator[str]:
    """Mistakes that stop a step. Others are reported only at apply: older processes may contain them."""
    # Again although the file was checked: older servers have applied files with fewer checks.
    yield from of_text(facts)
    yield from of_names(facts, values)


def of_text(facts: Facts) -> Iterator[str]:
    """Mistakes of the text alone."""
    if "error" in facts:
        yield _unreadable(facts["error"])
        return
    if facts["telling"]:
        line, name = facts["telling"]
        yield _at(line, f"{name} is not available here")
    if not facts["statements"]:
        yield f"{WHERE} is empty: there is no statement in it"
    for statement in facts["statements"]:
        if statement["kind"] not in ALLOWED:
            kind = statement["kind"].replace("_", " ")
            yield _at(statement["line"], f"{kind} is not allowed here; SELECT, CREATE TABLE and the like are")


def _unreadable(error: str) -> str:
    # The parser's own limit, met before the process's.
    if error.startswith("Out of Memory"):
        return NOT_UNDERSTOOD
    if "Mixing named and positional parameters" in error:
        return f"{WHERE}: ? and $1 mean nothing here; inputs are written as $name"
    said = database.complaint(error, {})
    return _at(database.line_of(error), f"{said}{sql_complaints.quotes(said)}")


def of_names(facts: Facts, values: set[str]) -> Iterator[str]:
    """Parameters that name no input value."""
    known = sql_complaints.listed([f"${name}" for name in sorted(values)])
    for statement in facts["statements"]:
        for name in statement["parameters"]:
            if name.isdecimal():
                yield _at(statement["line"], f"? and ${name} mean nothing here; inputs are written as $name ({known})")
            elif name not in values:
                yield _at(statement["line"], f"${name} is not among the inputs that are values (there are: {known})")


def _of_references(sql: str) -> Iterator[str]:
    """A reference inside quotes is plain text and would match nothing."""
    for line, text in enumerate(sql.split("\n"), start=1):
        for reference in _REFERENCE.findall(text):
            yield _at(line, f"{reference} is not looked up inside of SQL; name it under inputs, and write $name")


def _of_results(facts: Facts) -> Iterator[str]:
    """Rows that would be discarded silently."""
    for line in [one["line"] for one in facts["statements"] if one["kind"] in GIVE_ROWS][:-1]:
        yield _at(
            line,
            "only the last SELECT is the result, and what this one gives would be lost; "
            "keep it as CREATE TABLE name AS SELECT ...",
        )


def _of_outputs(step: RunSqlSettings, facts: Facts) -> Iterator[str]:
    """Outputs that nothing in the text creates."""
    gives_rows = any(one["kind"] in GIVE_ROWS for one in facts["statements"])
    # Only whether the name occurs at all: parsing what each statement creates would be DuckDB's work again.
    words = set(re.findall(r"\w+", step.sql.lower()))
    for name in step.outputs:
        if name in step.inputs or (name == RESULT and gives_rows) or name.lower() in words:
            continue
        yield f'the output "{name}" is {missing(name)}'
    if expecting.asks(step.expect) and not gives_rows and RESULT not in words:
        yield NO_RESULT


NO_RESULT = "expect asks about the rows of the last SELECT, and the SQL of this step has none"


def missing(name: str) -> str:
    return "the rows of a SELECT, and the SQL has none" if name == RESULT else "no table or view of the SQL"


def _at(line: int, message: Any) -> str:
    return f"{WHERE}, line {line}: {message}"

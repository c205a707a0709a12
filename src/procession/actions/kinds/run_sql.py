"""run_sql: a user's SQL over files and managed tables, in a DuckDB that sees nothing but its inputs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from procession.actions import database, expecting, messages, references, relations, values
from procession.actions.contract import (
    TABLE,
    Action,
    Context,
    Example,
    FileOutput,
    OutputTarget,
    OutputValue,
    StepOutcome,
)
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.rows import macros, valueless
from procession.actions.sql import comparing, pitfalls, sql_checks, sql_complaints, sql_facts, sql_inputs
from procession.actions.sql.sql_checks import RESULT, WHERE
from procession.actions.sql.sql_settings import RunSqlSettings
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect
from procession.model.table_uses import TableUse

if TYPE_CHECKING:
    import duckdb

    from procession.actions.reading.columns import Relation

_EXACT = {  # by type: what DuckDB's Python would change, or wants a module for that is not installed
    "TIMESTAMP WITH TIME ZONE": "strftime({}, '%Y-%m-%dT%H:%M:%S.%fZ')",
    "TIMESTAMP_NS": "replace(CAST({} AS VARCHAR), ' ', 'T')",
    "FLOAT": "CAST(CAST({} AS VARCHAR) AS DOUBLE)",
}


def run(context: Context) -> StepOutcome:
    import duckdb

    connection = database.connect(context.folder, context.memory_bytes_max)
    warnings: list[str] = []
    try:
        # The files of tables are named by it.
        with contextlib.chdir(context.folder):
            return _run(context, connection, warnings)
    except Problem as problem:
        return StepOutcome(status=StepStatus.FAILED, message=str(problem))
    except duckdb.Error as error:  # while writing: memory or disk
        return StepOutcome(status=StepStatus.FAILED, message=database.complaint(error, database.places(context.folder)))
    finally:
        connection.close()


def _run(context: Context, connection: duckdb.DuckDBPyConnection, warnings: list[str]) -> StepOutcome:

    for name, target in context.settings.outputs.items():
        # Before an hour of work, not after it.
        exports.refuse(context, name, target, _default_name(context, name))
    parameters, made = sql_inputs.load(context, connection, warnings)
    # While the files can still be looked at.
    warnings += comparing.warnings(connection, made, context.settings.sql)
    macros.make(connection)
    # Between our reading of files and the user's SQL.
    database.lock(connection, context.folder, database.table_files())
    _execute(context, connection, parameters, made, warnings)
    _check_result(context, connection, warnings)
    given, outputs = _collect(context, connection, warnings)
    status = StepStatus.WARNING if warnings else StepStatus.SUCCESS
    read = ", ".join(f"{name} ({_rows(one.rows)})" for name, one in made.items())
    gave = ", ".join(f"{name} ({'one value' if rows is None else _rows(rows)})" for name, rows in given.items())
    said = "; ".join([*([f"read {read}"] if read else []), *([f"gave {gave}"] if gave else [])])
    figures = {f"rows_in.{name}": one.rows for name, one in made.items()}
    figures |= {f"rows_out.{name}": rows for name, rows in given.items() if rows is not None}
    return StepOutcome(
        status=status, message=messages.joined(context, said, warnings), outputs=outputs, figures=figures
    )


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count != 1 else ''}"


def _check_result(context: Context, connection: duckdb.DuckDBPyConnection, warnings: list[str]) -> None:
    if expecting.asks(context.settings.expect):
        expecting.check(context, connection, _relation(connection, RESULT), context.settings.expect, warnings)


def _execute(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    parameters: dict[str, Any],
    made: Mapping[str, Relation],
    warnings: list[str],
) -> None:
    import duckdb

    sql = context.settings.sql
    facts = sql_facts.facts(connection, sql)
    if mistake := next(sql_checks.at_run(facts, set(parameters)), None):
        raise Problem(mistake)
    statements = sql_facts.statements(connection, sql)
    last = max((i for i, (_, statement) in enumerate(statements) if _gives_rows(statement)), default=None)
    for number, (line, statement) in enumerate(statements):
        # DuckDB refuses a parameter that the statement does not name.
        bound = {name: parameters[name] for name in statement.named_parameters}
        if comparing.is_mixed(connection, statement.query, bound):
            warnings.append(f"{WHERE}, line {line}: {comparing.MIXED}")
        try:
            doubts = dict.fromkeys(pitfalls.warnings(connection, statement.query, bound))
            warnings += [f"{WHERE}, line {line}: {doubt}" for doubt in doubts]
            # Its rows are the result; it runs once, so they are kept as a table.
            if number == last:
                _keep(connection, statement, bound)
            else:
                connection.execute(statement, bound or None)
        except duckdb.Error as error:
            hidden = database.places(context.folder)
            context.log(f"{database.hide(str(error), hidden)}\n")
            # DuckDB counts from the statement, people count from the top.
            at = line + database.line_of(error) - 1
            said = sql_complaints.complaint(error, connection, statement.query, hidden)
            why = valueless.hint(connection, {name: [one] for name, one in made.items()}, said)
            raise Problem(f"{WHERE}, line {at}: {said}{sql_complaints.hint(error, made)}{why}") from error


def _gives_rows(statement: duckdb.Statement) -> bool:
    return statement.type.name in sql_checks.GIVE_ROWS


def _keep(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, bound: dict[str, Any]) -> None:
    # On the same line, so that DuckDB counts lines as the user does; the text behind was found to be one statement.
    connection.execute(f"CREATE TABLE {quote(database.LAST_SELECT)} AS {statement.query}", bound or None)


def _collect(
    context: Context, connection: duckdb.DuckDBPyConnection, warnings: list[str]
) -> tuple[dict[str, int | None], dict[str, OutputValue]]:
    """By name how many rows each output has, None for a value; and the outputs."""
    gave: dict[str, int | None] = {}
    outputs: dict[str, OutputValue] = {}
    for name, target in context.settings.outputs.items():
        output = _output(context, connection, name, target, warnings)
        is_file = isinstance(output, FileOutput)
        gave[name] = database.count(connection, _relation(connection, name)) if is_file else None
        outputs[exports.reference_of(target)] = output
    return gave, outputs


def _relation(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    rows = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    known: dict[str, str] = {row[0].lower(): row[0] for row in rows}
    if name == RESULT and database.LAST_SELECT in known:
        return database.LAST_SELECT
    if name.lower() not in known:
        raise Problem(f'the output "{name}" is {sql_checks.missing(name)}')
    return database.fixed(connection, known[name.lower()])


def _output(
    context: Context, connection: duckdb.DuckDBPyConnection, name: str, target: Target, warnings: list[str]
) -> OutputValue:
    relation = _relation(connection, name)
    kind = context.target(exports.reference_of(target)).type
    if kind in {"File", TABLE}:
        from procession.actions.writing import files

        return files.write(
            context, connection, relation, target, default=_default_name(context, name), warnings=warnings
        )
    return _single(connection, name, relation, kind)


def _default_name(context: Context, name: str) -> str:
    return f"{context.step_key}.csv" if name == RESULT else f"{name}.csv"


def _single(connection: duckdb.DuckDBPyConnection, name: str, relation: str, kind: str) -> OutputValue:
    types = database.columns(connection, relation)
    exact = {column: _EXACT[kind].format(quote(column)) for column, kind in types.items() if kind in _EXACT}
    replaced = ", ".join(f"{text} AS {quote(column)}" for column, text in exact.items())
    chosen = f"* REPLACE ({replaced})" if replaced else "*"
    # Two: enough to know that it is not one.
    rows = connection.execute(f"SELECT {chosen} FROM {quote(relation)} LIMIT 2").fetchall()
    if len(rows) != 1 or len(rows[0]) != 1:
        count = database.count(connection, relation)
        width = len(types)
        raise Problem(f'the output "{name}" goes to a {kind} and must be one value; it is {count:,} rows of {width}')
    (column, type_) = next(iter(types.items()))
    # DuckDB's Python gives 9999-12-31 for infinity, which would be believed.
    if type_.startswith(("DATE", "TIMESTAMP")) and _is_infinite(connection, relation, column):
        raise Problem(f'the output "{name}": an infinite date cannot be kept')
    try:
        return values.fit(rows[0][0], kind)
    except values.DoesNotFit as error:
        raise Problem(f'the output "{name}": {error}') from None


def _is_infinite(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> bool:
    query = f"SELECT 1 FROM {quote(relation)} WHERE NOT isfinite({quote(column)})"
    return connection.execute(query).fetchone() is not None


def reads(settings: RunSqlSettings) -> tuple[str, ...]:
    return references.only([*relations.named(sql_inputs.every(settings)), *expecting.reads(settings.expect)])


def tables(settings: RunSqlSettings) -> tuple[TableUse, ...]:
    return (*relations.tables_of(sql_inputs.every(settings)), *exports.tables_of(settings.outputs.values()))


def writes(settings: RunSqlSettings) -> tuple[str, ...]:
    return references.only(exports.options_of(target).to for target in settings.outputs.values())


def check(settings: RunSqlSettings) -> tuple[str, ...]:
    found = [*sql_inputs.mistakes(settings.inputs)]
    for name, target in settings.outputs.items():
        found += exports.check(f"outputs.{name}", target)
    return (*found, *expecting.mistakes(settings.expect))


EXAMPLE = Example(
    settings={
        "inputs": {"payments": {"file": "${files.payments}", "delimiter": ";"}, "least": "${parameters.least}"},
        "sql": """\
CREATE TABLE large AS SELECT * FROM payments WHERE amount >= $least;
CREATE VIEW number AS SELECT count(*) FROM large;
SELECT account, sum(amount) AS total FROM large GROUP BY account ORDER BY account
""",
        "outputs": {"result": "${files.totals}", "number": "${files.number}"},
    },
    inputs={
        "files.payments": ("payments.csv", b"account;amount\n00123;10.10\n00123;20.20\n00456;5.00\n00456;-0.50\n"),
        "parameters.least": 5,
    },
    targets={"files.totals": OutputTarget(type="File"), "files.number": OutputTarget(type="Number")},
    expected={"files.totals": b"account,total\n00123,30.3\n00456,5\n", "files.number": 3},
    message="read payments (4 rows); gave result (2 rows), number (one value)",
)

ACTION = Action(
    kind="run_sql",
    effect=Effect.PURE,
    title="Run SQL over files and tables",
    settings=RunSqlSettings,
    run=run,
    reads=reads,
    writes=writes,
    relations=sql_inputs.files,
    examples=(EXAMPLE,),
    check=check,
    tables=tables,
    check_together=sql_checks.together,
)

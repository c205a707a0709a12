"""run_sql: a user's SQL over files, in a DuckDB that sees nothing but its inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from procession.actions import database, expecting, exports, references, relations, values
from procession.actions.contract import (
    Action,
    Context,
    Example,
    FileInput,
    FileOutput,
    Outcome,
    OutputTarget,
    OutputValue,
)
from procession.actions.database import quote
from procession.actions.expecting import Expect
from procession.actions.exports import Target
from procession.actions.problems import Problem
from procession.actions.reading.columns import Made
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given, Name
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect

if TYPE_CHECKING:
    import duckdb

SQL_CHARACTERS_MAX = 262_144
RESULT = "result"
_WHERE = "the SQL of this step"
# They tell where the server keeps its files; the last two run a text that this pattern cannot see.
_TELLS_PLACES = re.compile(
    r"\b(duckdb_settings|duckdb_profiling_settings|pg_settings|current_setting|duckdb_extensions|duckdb_secrets"
    r"|duckdb_temporary_files|duckdb_databases|temp_directory|json_execute_serialized_sql)\b|\bquery\"?\s*(?=\(|--|/\*)",
    re.IGNORECASE,
)
_LAST_SELECT = "the last select"  # the relation behind RESULT; no user's relation is likely to be called so
# Everything else (COPY, ATTACH, SET, LOAD, EXPORT, PREPARE, CALL, PRAGMA, EXPLAIN ANALYZE of those) is refused,
# whatever DuckDB's own locks would make of it. MULTI is PIVOT.
ALLOWED = frozenset({"SELECT", "CREATE", "INSERT", "UPDATE", "DELETE", "MERGE_INTO", "DROP", "ALTER", "MULTI"})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=SQL_CHARACTERS_MAX, description="DuckDB SQL")]
    inputs: Annotated[
        dict[Name, Given | FileOptions],
        msgspec.Meta(description="a file is a relation by its name; anything else is a parameter, as in $name"),
    ] = {}
    outputs: Annotated[
        dict[Name, Target],
        msgspec.Meta(description="`result` is the last SELECT, any other name the relation that is called so"),
    ] = {}
    expect: Annotated[Expect, msgspec.Meta(description="what the rows of `result` must be")] = Expect()


def run(context: Context) -> Outcome:
    import duckdb

    connection = database.connect(context.folder, context.memory_bytes_max)
    warnings: list[str] = []
    try:
        parameters, made = _load(context, connection, warnings)
        database.lock(connection, context.folder)
        _execute(context, connection, parameters, made)
        _check_result(context, connection, warnings)
        outputs, gave = _collect(context, connection, warnings)
    except Problem as problem:
        return Outcome(status=StepStatus.FAILED, message=str(problem))
    except duckdb.Error as error:  # while writing: memory or disk
        return Outcome(status=StepStatus.FAILED, message=database.complaint(error, database.places(context.folder)))
    finally:
        connection.close()
    status = StepStatus.WARNING if warnings else StepStatus.SUCCESS
    read = ", ".join(f"{name} ({_rows(one.rows)})" for name, one in made.items())
    said = [*([f"read {read}"] if read else []), *([f"gave {gave}"] if gave else []), *warnings]
    return Outcome(status=status, message="; ".join(said), outputs=outputs)


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count != 1 else ''}"


def _load(
    context: Context, connection: duckdb.DuckDBPyConnection, warnings: list[str]
) -> tuple[dict[str, Any], dict[str, Made]]:
    """The inputs that are values, to be bound, and the relations that the files became."""
    parameters: dict[str, Any] = {}
    made: dict[str, Made] = {}
    for name, given in context.settings.inputs.items():
        value = None if isinstance(given, FileOptions) else references.resolve(context, given)
        if isinstance(given, FileOptions) or isinstance(value, FileInput):
            options = given if isinstance(given, FileOptions) else FileOptions(file=str(given))
            made[name] = relations.load(context, connection, name, options)
            warnings += made[name].warnings
            expecting.check_rows(context.settings.expect, made[name], warnings)
        else:
            parameters[name] = value
    return parameters, made


def _check_result(context: Context, connection: duckdb.DuckDBPyConnection, warnings: list[str]) -> None:
    if expecting.asks(context.settings.expect):
        expecting.check(context, connection, _relation(connection, RESULT), context.settings.expect, warnings)


def _execute(
    context: Context, connection: duckdb.DuckDBPyConnection, parameters: dict[str, Any], made: Mapping[str, Made]
) -> None:
    import duckdb

    statements = list(_statements(connection, context.settings.sql))
    last = max((i for i, (_, statement) in enumerate(statements) if _gives_rows(statement)), default=None)
    for number, (line, statement) in enumerate(statements):
        bound = {name: parameters[name] for name in _needed(statement, parameters, line)}
        try:
            if number == last:
                _keep(connection, statement, bound)
            else:
                connection.execute(statement, bound or None)
        except duckdb.Error as error:
            hidden = database.places(context.folder)
            context.log(f"{database.hide(str(error), hidden)}\n")
            at = line + database.line_of(error) - 1
            raise Problem(f"{_WHERE}, line {at}: {database.complaint(error, hidden)}{_hint(error, made)}") from error


def _hint(error: duckdb.Error, made: Mapping[str, Made]) -> str:
    """Why a column is text: most often the reason that nothing can be done with it."""
    if "VARCHAR" not in str(error):
        return ""
    notes = [
        f'{name}: the column "{column}" {note}' for name, one in made.items() for column, note in one.notes.items()
    ]
    return "".join(f"; {note}" for note in notes[:3])


def _statements(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[int, duckdb.Statement]]:
    """Each statement with the line it begins on. Raises Problem for one that is not allowed."""
    import duckdb

    if told := _TELLS_PLACES.search(sql):
        line = sql.count("\n", 0, told.start()) + 1
        raise Problem(f"{_WHERE}, line {line}: {told[0].strip()} is not available here")
    try:
        found = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise Problem(f"{_WHERE}, line {database.line_of(error)}: {database.complaint(error, {})}") from error
    position = 0
    for statement in found:
        position = max(sql.find(statement.query.strip(), position), position)
        line = sql.count("\n", 0, position) + 1
        kind = statement.type.name
        if kind not in ALLOWED:
            raise Problem(
                f"{_WHERE}, line {line}: {kind.replace('_', ' ')} is not allowed here; "
                "SELECT, CREATE TABLE and the like are"
            )
        yield line, statement
        position += len(statement.query.strip())


def _gives_rows(statement: duckdb.Statement) -> bool:
    return statement.type.name in {"SELECT", "MULTI"}


def _needed(statement: duckdb.Statement, parameters: dict[str, Any], line: int) -> set[str]:
    unknown = sorted(statement.named_parameters - parameters.keys())
    if unknown:
        known = ", ".join(f"${name}" for name in parameters) or "none"
        raise Problem(
            f"{_WHERE}, line {line}: ${unknown[0]} is not among the inputs that are values (there are: {known})"
        )
    return set(statement.named_parameters)


def _keep(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, bound: dict[str, Any]) -> None:
    # On the same line, so that DuckDB counts lines as the user does; the text behind was found to be one statement.
    connection.execute(f"CREATE TABLE {quote(_LAST_SELECT)} AS {statement.query}", bound or None)


def _collect(
    context: Context, connection: duckdb.DuckDBPyConnection, warnings: list[str]
) -> tuple[dict[str, OutputValue], str]:
    """The outputs, and in words how much each is."""
    gave: list[str] = []
    outputs: dict[str, OutputValue] = {}
    for name, target in context.settings.outputs.items():
        output = _output(context, connection, name, target, warnings)
        is_file = isinstance(output, FileOutput)
        rows = _rows(database.count(connection, _relation(connection, name))) if is_file else "one value"
        gave.append(f"{name} ({rows})")
        outputs[exports.reference_of(target)] = output
    return outputs, ", ".join(gave)


def _relation(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    rows = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    known: dict[str, str] = {row[0].lower(): row[0] for row in rows}
    if name == RESULT and _LAST_SELECT in known:
        return _LAST_SELECT
    if name.lower() not in known:
        raise Problem(f'the output "{name}" is neither "{RESULT}" (of a SELECT) nor a table or view of the SQL')
    return database.fixed(connection, known[name.lower()])


def _output(
    context: Context, connection: duckdb.DuckDBPyConnection, name: str, target: Target, warnings: list[str]
) -> OutputValue:
    relation = _relation(connection, name)
    kind = context.target(exports.reference_of(target)).type
    if kind == "File":
        return exports.write(
            context, connection, relation, target, default=_default_name(context, name), warnings=warnings
        )
    return _single(connection, name, relation, kind)


def _default_name(context: Context, name: str) -> str:
    return f"{context.step_key}.csv" if name == RESULT else f"{name}.csv"


def _single(connection: duckdb.DuckDBPyConnection, name: str, relation: str, kind: str) -> OutputValue:
    # A moment with a zone as text: DuckDB's Python wants a module for it that is not installed.
    moments = ", ".join(
        f"strftime({quote(column)}, '%Y-%m-%dT%H:%M:%S.%fZ') AS {quote(column)}"
        for column, type_ in database.columns(connection, relation).items()
        if type_ == "TIMESTAMP WITH TIME ZONE"
    )
    chosen = f"* REPLACE ({moments})" if moments else "*"
    rows = connection.execute(f"SELECT {chosen} FROM {quote(relation)} LIMIT 2").fetchall()
    if len(rows) != 1 or len(rows[0]) != 1:
        count = database.count(connection, relation)
        width = len(database.columns(connection, relation))
        raise Problem(f'the output "{name}" goes to a {kind} and must be one value; it is {count:,} rows of {width}')
    try:
        return values.fit(rows[0][0], kind)
    except values.DoesNotFit as error:
        raise Problem(f'the output "{name}": {error}') from None


def reads(settings: Settings) -> tuple[str, ...]:
    given = settings.inputs.values()
    return references.only(item.file if isinstance(item, FileOptions) else item for item in given)


def writes(settings: Settings) -> tuple[str, ...]:
    return references.only(exports.options_of(target).to for target in settings.outputs.values())


def check(settings: Settings) -> tuple[str, ...]:
    found: list[str] = []
    for name, given in settings.inputs.items():
        path = f"inputs.{name}"
        found += relations.check(path, given) if isinstance(given, FileOptions) else references.mistakes(path, given)
    for name, target in settings.outputs.items():
        found += exports.check(f"outputs.{name}", target)
    return tuple(found)


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
    title="Run SQL over files",
    settings=Settings,
    run=run,
    reads=reads,
    writes=writes,
    examples=(EXAMPLE,),
    check=check,
)

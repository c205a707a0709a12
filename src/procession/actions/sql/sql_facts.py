"""What DuckDB's parser finds in SQL, without running it.

A program too, which reads texts that nobody has vetted: ten nested WITH take all the memory that there is, so it limits
itself first. It imports nothing of ours: a small process is up in a fraction of the time.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

BYTE_ORDER_MARK = "\ufeff"  # a byte order mark, as editors write it
MEMORY_BYTES_MAX = 2**30
CPU_SECONDS_MAX = 3  # of one text; 262,144 characters of plain SQL take half a second

# They reveal where the server keeps its files; the last three run or look up what parsing cannot see.
_TELLING_FUNCTIONS = frozenset({"duckdb_settings", "duckdb_profiling_settings", "current_setting"})
_TELLING_FUNCTIONS |= {"duckdb_extensions", "duckdb_secrets", "duckdb_temporary_files"}
# They run a text that no check has seen.
_TELLING_FUNCTIONS |= {"json_execute_serialized_sql", "query", "query_table"}
# What they give differs from one run of the step to the next.
_FICKLE_FUNCTIONS = frozenset(
    {"random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "nextval", "currval"}
)
_FICKLE_FUNCTIONS |= {"now", "today", "current_date", "get_current_time", "current_time", "current_timestamp", "age"}
_FICKLE_FUNCTIONS |= {"get_current_timestamp", "transaction_timestamp", "localtimestamp", "localtime"}
_DIVIDING = frozenset({"/", "avg", "mean"})  # they make binary numbers of exact ones
_NO_VALUES = {"SUBQUERY": "a SELECT inside of it", "STAR": "*, where a column is meant,"}
_TELLING_TABLES = frozenset({"pg_settings"})
_TELLING_SETTINGS = re.compile(r"\w*(director|path|location|output|repositor)\w*")  # in SHOW temp_directory
_BEFORE_TABLES = frozenset({"from", "join", "table", "into", "update", "describe", "show", "summarize", "pivot"})
_BEFORE_TABLES |= {"unpivot", "using", "desc"}
_CLAUSES = _BEFORE_TABLES | {"select", "where", "on", "group", "order", "having", "values", "set", "qualify", "limit"}
_BEFORE_NEW_NAMES = frozenset({"table", "into", "with", "recursive", "exists", "view"})


def statements(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[int, duckdb.Statement]]:
    """Each statement with its first line. Raises duckdb.Error if the text is not SQL."""
    sql = sql.removeprefix(BYTE_ORDER_MARK)
    found = connection.extract_statements(sql)
    # Comments belong to the statement before them, and none precedes the first: so count lines from the end.
    position = len(sql) - sum(len(statement.query) for statement in found)
    numbered, line, counted = [], 1, 0
    for statement in found:
        line += sql.count("\n", counted, position)
        numbered.append((line, statement))
        counted, position = position, position + len(statement.query)
    return numbered


def telling(sql: str) -> tuple[int, str] | None:
    """Line and name of anything in the SQL that would reveal the server's configuration."""
    words = _words(sql)
    clauses = [""]  # one for each parenthesis that is open
    for number, (line, word) in enumerate(words):
        name = word.strip("\"'").lower()
        # By tokens and not by a search: the word may stand in a string or be a column.
        if name in _TELLING_FUNCTIONS and _is_call(words, number):
            return line, name
        if name in _TELLING_TABLES and clauses[-1] in _BEFORE_TABLES:
            return line, name
        if clauses[-1] == "show" and _TELLING_SETTINGS.fullmatch(name):
            return line, f"SHOW {name}"
        if name in _CLAUSES and name == word.lower():
            clauses[-1] = name
        # A subquery begins in the clause around it until it names one of its own.
        elif word == "(":
            clauses.append(clauses[-1])
        elif word == ")" and len(clauses) > 1:
            clauses.pop()
    return None


def _words(sql: str) -> list[tuple[int, str]]:
    """The text's words, marks and literals, each with its line; no comments."""
    import duckdb

    text = sql.encode()
    tokens = duckdb.tokenize(sql)
    ends = [offset for offset, _ in tokens[1:]] + [len(text)]
    words, line, counted = [], 1, 0
    for (offset, kind), end in zip(tokens, ends, strict=True):
        line += text.count(b"\n", counted, offset)
        counted = offset
        if kind != duckdb.token_type.comment:
            words.append((line, text[offset:end].decode(errors="replace").strip()))
    return words


def _is_call(words: list[tuple[int, str]], number: int) -> bool:
    """Whether the word here is a function call, not a literal, a column or a new table."""
    is_literal = words[number][1].startswith("'")
    before = words[number - 1][1].lower() if number else ""
    after = words[number + 1][1] if number + 1 < len(words) else ""
    return after.startswith("(") and not is_literal and before not in _BEFORE_NEW_NAMES


def facts(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """Facts about a text as JSON; if it is not SQL, `error` has DuckDB's message."""
    import duckdb

    try:
        # Half a pair makes DuckDB's binding raise something else.
        sql.encode()
        found = statements(connection, sql)
    except duckdb.Error as error:
        return {"error": str(error)}
    except UnicodeEncodeError:
        return {"error": "there is half a character in it, which is no text"}
    return {
        "statements": [
            {"line": line, "kind": statement.type.name, "parameters": sorted(statement.named_parameters)}
            for line, statement in found
        ],
        "telling": telling(sql),
    }


def expression(connection: duckdb.DuckDBPyConnection, text: str) -> dict[str, Any]:
    """Facts about a text that is to be one value, in its query SELECT (text): the `columns` that it names, its
    `parameters`, those that it divides or averages (`divided`), whether it `makes_null` itself; or the `error`.
    """
    import duckdb

    query = f"SELECT ({text}\n)"
    try:
        found = statements(connection, query)
        # As a parameter: the text is data here.
        row = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [query]).fetchone()
    except (duckdb.Error, UnicodeEncodeError) as error:
        return {"error": str(error)}
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree["error"] or len(found) != 1 or not _is_value(tree["statements"][0]["node"]):
        return {"error": "write one expression, such as amount > 0, without SELECT, FROM or a comma outside of ()"}
    value = tree["statements"][0]["node"]["select_list"][0]
    if said := _refused(value):
        return {"error": said}
    if shown := telling(query):
        return {"error": f"{shown[1]} is not available here"}
    return {
        "columns": sorted(_columns(value)),
        "parameters": sorted(found[0][1].named_parameters),
        # Of constants too: 15/100 is binary, and so is what it multiplies.
        "divided": sorted(
            {name for node in nodes(value) if _name(node) in _DIVIDING for name in _columns(node) or _columns(value)}
        ),
        "makes_null": any(map(_may_be_null, nodes(value))),
    }


def _is_value(node: dict[str, Any]) -> bool:
    """Whether it is SELECT and one value: no FROM, WHERE, GROUP BY, WITH or anything behind it."""
    items = list(node.get("select_list") or [])
    # By what SELECT (1) has and no more, so that a clause of a newer DuckDB is refused too.
    others = {key: value for key, value in node.items() if key not in {"type", "select_list", "from_table"}}
    return (
        node["type"] == "SELECT_NODE"
        and node["from_table"]["type"] == "EMPTY"
        and len(items) == 1
        and not items[0]["alias"]
        and all(value in (None, [], {}, {"map": []}, "STANDARD_HANDLING") for value in others.values())
    )


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a serialized statement."""
    if isinstance(tree, list):
        for each in tree:
            yield from nodes(each)
    elif isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from nodes(value)


def _name(node: dict[str, Any]) -> str:
    """Of the function that it calls, else of the column."""
    return str(node.get("function_name") or (node.get("column_names") or [""])[-1]).lower()


def _columns(tree: Any) -> set[str]:
    return {node["column_names"][-1] for node in nodes(tree) if node.get("class") == "COLUMN_REF"}


def _refused(tree: Any) -> str:
    for node in nodes(tree):
        if (what := _NO_VALUES.get(str(node.get("class")))) is not None:
            return f"{what} is not possible in an expression"
        # Some of them are written without brackets, and are parsed as columns.
        if (name := _name(node)) in _FICKLE_FUNCTIONS:
            return f"{name} gives something else each time the step runs; name a property under inputs, and write $name"
    return ""


def _may_be_null(node: dict[str, Any]) -> bool:
    is_null = (node.get("literal") or {}).get("kind") == "NULL_LITERAL"
    return is_null or _name(node) == "nullif"


def main() -> None:
    """Reads texts as one JSON list; prints the facts of each as a line of JSON, as soon as known.

    A text in a list of its own is an expression().
    """
    # A core of a gigabyte for each hostile text would fill the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    import duckdb

    connection = duckdb.connect(config={"threads": "1"})
    for sql in json.load(sys.stdin):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(usage.ru_utime + usage.ru_stime) + 1 + CPU_SECONDS_MAX
        # Moved on for each text: the limit is of the whole process.
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        found = facts(connection, sql) if isinstance(sql, str) else expression(connection, sql[0])
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()

"""What DuckDB's parser finds in SQL, without running it.

A program too, which reads texts that nobody has vetted: ten nested WITH take all the memory that there is, so it limits
itself first. It imports nothing of ours: a small process is up in a fraction of the time.
"""

from __future__ import annotations

import json
import re
import resource
import sys
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


def main() -> None:
    """Reads texts as one JSON list; prints the facts of each as a line of JSON, as soon as known."""
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
        print(json.dumps(facts(connection, sql)), flush=True)


if __name__ == "__main__":
    main()

"""A DuckDB of the step's own: in memory, spilling into the step's folder, and locked before a user's SQL reaches it.

Three walls stand between a user's SQL and the machine: no access to files once inputs are loaded, a configuration that
can no longer be changed, and (in run_sql) a list of the statements that are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_MEMORY_SHARE = 0.6  # of what the process may use: the rest is for Python, the file readers and DuckDB's own overdraft
_MEMORY_BYTES_MIN = 64 << 20
_THREADS = 2
LAST_SELECT = "the last select"  # the relation behind `result`; no user's relation is likely to be called so
EXPORT_FOLDER = "export"  # the only place that DuckDB may write to once it is locked
COMPLAINT_CHARACTERS_MAX = 1_000
_ADVICE = re.compile(r"\n\s*(?:Possible (?:fix|solution)|file = |LINE \d+:|Candidate |Did you mean)", re.IGNORECASE)
_SETTING = re.compile(r",? or SET \w+ ?= ?\w+ to [^.]*")  # nobody can set it here
_NOTHING = re.compile(r"^(?:Invalid Input|IO) Error: ")  # kinds of errors that say nothing to whoever sent a file
_KIND = re.compile(r"^(?:Binder|Catalog|Parser|Conversion|Constraint|Permission|Out of Range) Error: ")
_AT_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)


def connect(folder: Path, memory_bytes_max: int) -> duckdb.DuckDBPyConnection:
    """An empty database that may read files and loads no extension from anywhere."""
    import duckdb

    (folder / EXPORT_FOLDER).mkdir(exist_ok=True)
    memory = max(int(memory_bytes_max * _MEMORY_SHARE), _MEMORY_BYTES_MIN)
    connection = duckdb.connect(
        config={
            "allow_community_extensions": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": f"{memory // 1024}KiB",
            "python_enable_replacements": "false",  # otherwise SQL could name our Python variables
            "temp_directory": str(folder / "spill"),
            "threads": str(_THREADS),
        }
    )
    # The day of a moment must not depend on the zone that the server runs in; cursors are to have it too.
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def lock(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """From now on no file but those in the export folder, and no other setting, for good."""
    export = literal(str(folder / EXPORT_FOLDER))
    connection.execute(f"SET allowed_directories = [{export}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def quote(name: str) -> str:
    """A column or relation name as it must be written in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as it must be written in SQL, where it cannot be bound."""
    return "'" + text.replace("'", "''") + "'"


def columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Column name -> DuckDB type, in order."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {quote(relation)}").fetchall()
    return {row[0]: row[1] for row in rows}


def count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {quote(relation)}").fetchone()
    assert row is not None
    return int(row[0])


def tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of each table and view, none of our own."""
    rows = connection.execute(
        "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
        "WHERE NOT internal AND table_name <> ? GROUP BY table_name ORDER BY table_name",
        [LAST_SELECT],
    ).fetchall()
    return dict(rows)


def complaint(error: Exception | str, hidden: Mapping[str, str]) -> str:
    """DuckDB's message on one line, without its drawing of the place, its guesses and its advice on settings.

    `hidden` as for hide().
    """
    text = _SETTING.sub("", _ADVICE.split(hide(str(error), hidden).split("\n\n")[0])[0])
    return " ".join(_KIND.sub("", _NOTHING.sub("", text)).split())[:COMPLAINT_CHARACTERS_MAX]


def places(folder: Path) -> dict[str, str]:
    """Hides the step's folder: what lies in it keeps its name."""
    return {f"{folder}/": "", str(folder): "the step's folder"}


def hide(text: str, hidden: Mapping[str, str]) -> str:
    """The text with what stands for paths of this machine; of paths that begin alike the longest is taken first."""
    for path in sorted(hidden, key=len, reverse=True):
        text = text.replace(path, hidden[path])
    return text


def line_of(error: duckdb.Error | str) -> int:
    """The line inside the statement that DuckDB complains about, 1 when it does not say."""
    found = _AT_LINE.search(str(error))
    return int(found.group(1)) if found else 1

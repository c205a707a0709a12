"""The step's DuckDB: in memory, spilling into the step's folder, and locked before it runs a user's SQL.

Three walls protect the machine from a user's SQL: no access to files once inputs are loaded, but to those of the
managed tables that the step reads; a configuration that can no longer be changed; and (in run_sql) a list of the
statements that are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_MEMORY_SHARE = (
    0.6  # of the process's memory: the rest is for Python, the file readers and what DuckDB uses beyond its limit
)
# Below it DuckDB cannot even sort.
_MEMORY_BYTES_MIN = 64 << 20
# Steps share the machine, and one more thread costs memory for its own buffers.
THREADS = 2
# With blanks, so that it can be meant only in quotes.
LAST_SELECT = "the last select"  # the relation behind `result`; users are unlikely to use this name
EXPORT_FOLDER = "export"  # the only folder that DuckDB may write to once locked
TABLES_FOLDER = "tables"  # files of managed tables by plain names
# Of a table or view; from here on, planning a statement costs more than its rows.
_WIDE_COLUMNS = 100
# Optimizers of DuckDB 2.0 whose time grows with the square of the columns: 9 s for a CSV file of 2,400.
_QUADRATIC = "common_subexpressions,projection_placement"
# DuckDB may quote the whole statement.
COMPLAINT_CHARACTERS_MAX = 1_000
# Blanks of one line only: DuckDB quotes the file, and lines of blanks would be looked through from each of them.
_ADVICE = re.compile(
    r"\n[^\S\n]*+(?:Possible (?:fix|solution)|file = |LINE \d+:|Candidate |Did you mean)", re.IGNORECASE
)
_SETTING = re.compile(r",? or SET \w+ ?= ?\w+ to [^.]*")  # cannot be set here
_NOTHING = re.compile(r"^(?:Invalid Input|IO) Error: ")  # error kinds that mean nothing to the sender of a file
_KIND = re.compile(r"^(?:Binder|Catalog|Parser|Conversion|Constraint|Permission|Out of Range) Error: ")
_AT_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)


def connect(folder: Path, memory_bytes_max: int, threads: int = THREADS) -> duckdb.DuckDBPyConnection:
    """An empty database that may read files but load no extensions."""
    import duckdb

    (folder / EXPORT_FOLDER).mkdir(exist_ok=True)
    memory = max(int(memory_bytes_max * _MEMORY_SHARE), _MEMORY_BYTES_MIN)
    connection = duckdb.connect(
        config={
            # An extension is native code from elsewhere.
            "allow_community_extensions": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": f"{memory // 1024}KiB",
            "python_enable_replacements": "false",  # otherwise SQL could name our Python variables
            # Inside the step's folder, which has a quota and is removed with it.
            "temp_directory": str(folder / "spill"),
            "threads": str(threads),
        }
    )
    # The day of a moment must not depend on the server's zone; GLOBAL also covers cursors.
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def lock(connection: duckdb.DuckDBPyConnection, folder: Path, readable: Sequence[str] = ()) -> None:
    """From now on, for good: no files outside the export folder but `readable` ones, no change of settings.

    DuckDB would write to those too: only the list of allowed statements keeps a user's SQL from it.
    """
    export = literal(str(folder / EXPORT_FOLDER))
    plan_for(connection, _widest(connection))
    # Before external access goes: afterwards it cannot be set any more.
    connection.execute(f"SET allowed_directories = [{export}]")
    connection.execute(f"SET allowed_paths = [{', '.join(map(literal, readable))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def plan_for(connection: duckdb.DuckDBPyConnection, columns: int) -> None:
    """Has statements over so many columns planned in time that grows with these; their results are the same."""
    if columns > _WIDE_COLUMNS:
        connection.execute(f"SET disabled_optimizers = '{_QUADRATIC}'")


def _widest(connection: duckdb.DuckDBPyConnection) -> int:
    """The columns of the widest table or view."""
    row = connection.execute(
        "SELECT greatest((SELECT max(column_count) FROM duckdb_tables()), (SELECT max(column_count) FROM "
        "duckdb_views() WHERE NOT internal), 0)"
    ).fetchone()
    return 0 if row is None else int(row[0])


def table_files() -> list[str]:
    """The files of managed tables that the step reads, for lock(); its folder is the current one."""
    place = Path(TABLES_FOLDER)
    return sorted(map(str, place.iterdir())) if place.is_dir() else []


def quote(name: str) -> str:
    """A quoted column or relation name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted text, for where SQL takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Column name -> DuckDB type, in order."""
    # Not DESCRIBE: it says iban of a view with iban AS IBAN, and the rows have IBAN.
    found = connection.execute(f"FROM {quote(relation)} LIMIT 0").description or ()
    return {name: str(type_) for name, type_, *_ in found}


def count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {quote(relation)}").fetchone()
    assert row is not None
    return int(row[0])


def holds_days(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> bool:
    """Whether all moments of the column are midnight, as days are in a managed table, which has no type for them."""
    value = quote(column)
    query = f"SELECT count(*) FROM {quote(relation)} WHERE {value} <> CAST({value} AS DATE)::TIMESTAMP"
    return connection.execute(query).fetchone() == (0,)


def drop(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Of a managed table it is a view over its files, and DuckDB wants to be told."""
    query = "SELECT table_type = 'VIEW' FROM information_schema.tables WHERE table_name = ?"
    row = connection.execute(query, [relation]).fetchone()
    connection.execute(f"DROP {'VIEW' if row is not None and row[0] else 'TABLE'} {quote(relation)}")


def fixed(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """The relation; a view becomes a table, since it might order its rows differently each time."""
    table = f"the rows of {relation}"
    kinds = dict(connection.execute("SELECT table_name, table_type FROM information_schema.tables").fetchall())
    # A table has an order of its rows; a view may give another one each time it is asked.
    if kinds[relation] != "VIEW":
        return relation
    if table not in kinds:
        connection.execute(f"CREATE TABLE {quote(table)} AS FROM {quote(relation)}")
    return table


def tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of each table and view, none of our own."""
    rows = connection.execute(
        "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
        "WHERE NOT internal AND table_name <> ? GROUP BY table_name ORDER BY table_name",
        [LAST_SELECT],
    ).fetchall()
    return dict(rows)


_OVER_A_MACRO = "Window function macro bodies must contain exactly one aggregate"


def complaint(error: Exception | str, hidden: Mapping[str, str]) -> str:
    """DuckDB's message on one line, without its drawing, its guesses and its advice on settings.

    `hidden` as for hide().
    """
    text = _SETTING.sub("", _ADVICE.split(hide(str(error), hidden).split("\n\n")[0])[0])
    if _OVER_A_MACRO in text:
        return "this function has no OVER; share_out takes pool := column in place of OVER (PARTITION BY column)"
    return " ".join(_KIND.sub("", _NOTHING.sub("", text)).split())[:COMPLAINT_CHARACTERS_MAX]


def places(folder: Path) -> dict[str, str]:
    """Replacements for hide(): the step's folder goes, the names of its files stay."""
    return {f"{folder}/": "", str(folder): "the step's folder"}


def hide(text: str, hidden: Mapping[str, str]) -> str:
    """Replaces paths of this machine in the text, longest first."""
    # The longest first, or a folder's path would be cut out of its file's.
    for path in sorted(hidden, key=len, reverse=True):
        text = text.replace(path, hidden[path])
    return text


def line_of(error: duckdb.Error | str) -> int:
    """The line inside the statement that DuckDB complains about, 1 when it does not say."""
    found = _AT_LINE.search(str(error))
    return int(found.group(1)) if found else 1

"""What steps are made of, and what they say, is read in time that grows with its size: SQL, patterns, messages (S4)."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import msgspec
import pytest

from procession.actions import database
from procession.actions.reading import patterns
from procession.actions.sql import comparing, equations, sql_checks, sql_complaints, sql_facts
from procession.actions.sql.sql_settings import SQL_CHARACTERS_MAX, RunSqlSettings
from procession.commands import archive
from procession.engine.isolation import frames
from procession.engine.isolation.codec import DECIMAL
from procession.model.errors import ProcessionError
from procession.serving import server_log
from tests.fuzz.growth import Case, complaint, memory_complaint, sized
from tests.fuzz.test_time_to_size import numbered, repeated

SQL_SIZE = SQL_CHARACTERS_MAX // 4
MESSAGE_BYTES = 1_000_000
SHORT_SIZE = 100_000
OUTPUTS_SIZE = 200_000


def parsed(sql: str) -> object:
    """As the process does that parses the SQL of a step."""
    with duckdb.connect() as connection:
        return list(sql_checks.of_text(sql_facts.facts(connection, sql)))


def is_mixed(sql: str) -> object:
    with duckdb.connect() as connection:
        return comparing.is_mixed(connection, sql, {})


def said(text: str) -> object:
    return database.complaint(text, {"/a": ""})


def told(text: str) -> object:
    with duckdb.connect() as connection:
        return sql_complaints.complaint(duckdb.Error(text), connection, "SELECT 1", {})


def references(sql: str) -> object:
    return list(sql_checks._of_references(sql))


def outputs(text: str) -> object:
    given: Any = {name: f"${{o.{name}}}" for name in text.split(",")}
    facts = {"statements": [{"line": 1, "kind": "SELECT", "parameters": []}], "telling": None}
    return list(sql_checks._of_outputs(RunSqlSettings(sql=text, outputs=given), facts))


def pattern(text: str) -> object:
    return patterns.mistake(text), patterns.written(text)


def frame(payload: bytes) -> object:
    return frames.decode(payload)


def log_line(text: str) -> object:
    return server_log._SECRET.sub("", server_log._UNSEEN.sub("", text))


def done(outputs: Callable[[int], dict[Any, Any]], message: str = "") -> Callable[[int], bytes]:
    return lambda size: msgspec.msgpack.encode(["done", 1, "Success", message, outputs(size), True, False])


def many_outputs(size: int) -> dict[Any, Any]:
    return {f"data.k{number}": number for number in range(size // 20)}


def wrong_at_the_end(size: int) -> dict[Any, Any]:
    return {**many_outputs(size), "data.end": 1.5}


def decimals(size: int) -> dict[Any, Any]:
    digits = msgspec.msgpack.Ext(DECIMAL, b"9" * 400)
    return {f"data.k{number}": digits for number in range(size // 400)}


def long_text(size: int) -> dict[Any, Any]:
    return {"data.text": "x" * size}


def long_name(size: int) -> dict[Any, Any]:
    return {"x" * size: 1}


def backup(content: bytes) -> object:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "backup"
        path.write_bytes(content)
        return archive.read(path, nowhere)


def nowhere(name: str) -> None:
    return None


def members(tail: bytes) -> Callable[[int], bytes]:
    """A backup of files without a manifest."""

    def make(size: int) -> bytes:
        with io.BytesIO() as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                for number in range(size // 512):
                    tar.addfile(tarfile.TarInfo(f"files/00/{number:062x}"))
            return file.getvalue() + tail

    return make


def long_member(size: int) -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(tarfile.TarInfo("x" * size))
        return file.getvalue()


SHAPES: list[tuple[str, Callable[[Any], object], int, Callable[[int], Any]]] = [
    ("statements", parsed, 20_000, repeated("", "SELECT 1;\n")),
    ("a mistake at the end of statements", parsed, 20_000, repeated("", "SELECT 1;\n", "SELEC")),
    ("statements that are not allowed", parsed, 20_000, repeated("", "SET a = 1;\n")),
    ("comments", parsed, SQL_SIZE, repeated("SELECT 1 ", "/* a */", "-- b")),
    ("quotes", parsed, SQL_SIZE, repeated("SELECT '", "''", "'")),
    ("an open quote", parsed, SQL_SIZE, repeated("SELECT '", "''")),
    ("columns of a SELECT", parsed, SQL_SIZE, numbered("SELECT 1", ", c#")),
    ("names that tell nothing", parsed, SQL_SIZE, repeated("SELECT 1", ", query")),
    ("line ends", parsed, SQL_SIZE, repeated("SELECT 1", "\n", "x y")),
    ("the word CREATE in a text", equations.select_of, SQL_SIZE, repeated("SELECT '", "CREATE ", "'")),
    ("blanks of a SELECT", equations.select_of, SQL_SIZE, repeated("SELECT", " ", "1")),
    ("blanks of a CREATE", equations.select_of, SQL_SIZE, repeated("CREATE TABLE a AS", " ", "1")),
    ("the word AS", equations.select_of, SQL_SIZE, repeated("CREATE TABLE a ", " AS ")),
    ("blanks of an INSERT", equations.filled, SQL_SIZE, repeated("INSERT INTO a", " ", "x")),
    ("blanks in a comparison", is_mixed, SQL_SIZE, repeated("SELECT", " ", "1 = 1")),
    ("CREATE in a comparison", is_mixed, SQL_SIZE, repeated("SELECT '", "CREATE ", "' = 1")),
    ("lines of blanks in a message", said, SHORT_SIZE, repeated("Conversion Error: ", "\n ", "x")),
    ("settings in a message", said, SHORT_SIZE, repeated("Conversion Error: ", " or SET a = b to c", "x")),
    (
        "quotes in a message",
        told,
        SHORT_SIZE,
        repeated("No function matches the given name and argument types '", "'."),
    ),
    ("references in SQL", references, SQL_SIZE, repeated("", "${a.b}\n")),
    ("open references in SQL", references, SQL_SIZE, repeated("", "${a.")),
    ("outputs that nothing makes", outputs, SQL_SIZE, numbered("a", ",b#")),
    ("a pattern of dates", pattern, SHORT_SIZE, repeated("%Y-%m-%d", "%H")),
    ("a pattern that is none", pattern, SHORT_SIZE, repeated("", "%", "q")),
    ("outputs", frame, OUTPUTS_SIZE, done(many_outputs)),
    ("a wrong output at the end", frame, OUTPUTS_SIZE, done(wrong_at_the_end)),
    ("outputs of many digits", frame, MESSAGE_BYTES, done(decimals)),
    ("a long text", frame, MESSAGE_BYTES, done(long_text)),
    ("a long name", frame, MESSAGE_BYTES, done(long_name)),
    ("nested arrays", frame, MESSAGE_BYTES, lambda size: b"\x91" * size),
    ("zeros", frame, MESSAGE_BYTES, lambda size: b"\x97\xa4done" + b"\0" * size),
    ("a line of the log", log_line, MESSAGE_BYTES, repeated("", "aA0-", "\x7f")),
    ("words of the log", log_line, MESSAGE_BYTES, repeated("", "a" * 39 + " ")),
    ("files of a backup", backup, OUTPUTS_SIZE, members(b"")),
    ("a backup that is damaged at its end", backup, OUTPUTS_SIZE, members(b"x" * 512)),
    ("a long name in a backup", backup, MESSAGE_BYTES, long_member),
]
REFUSALS = (ProcessionError, duckdb.Error)
CASES = [
    Case(name=name, parse=parse, make=make, size=size, bytes_max=150, refusals=REFUSALS)
    for name, parse, size, make in SHAPES
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_twice_the_input_takes_about_twice_the_time(case: Case, is_thorough: bool) -> None:
    assert complaint(sized(case, is_thorough=is_thorough)) == ""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_twice_the_input_takes_about_twice_the_memory(case: Case, is_thorough: bool) -> None:
    assert memory_complaint(sized(case, is_thorough=is_thorough)) == ""

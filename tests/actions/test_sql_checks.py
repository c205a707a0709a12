"""The SQL of steps, checked when their process file is applied: nothing of it runs, and no text can hurt."""

from __future__ import annotations

import subprocess

import msgspec
import pytest

from procession import actions
from procession.actions.kinds import run_sql
from procession.actions.sql import sql_checks, sql_reading
from procession.actions.sql.sql_settings import RunSqlSettings
from procession.model import process_file
from procession.model.process_file.documents import FileMistakes
from tests.actions.context import play

NESTED = "WITH a AS (" * 12  # DuckDB's parser takes all the memory there is


def told(sql, **more):
    """What apply says of a step with this SQL, one input value, one input file, and `result`."""
    inputs = {"least": "${p.least}", "payments": {"file": "${f.payments}"}}
    settings = {"sql": sql, "inputs": inputs, "outputs": {"result": "${o.r}"}} | more
    [mistakes] = sql_checks.together([msgspec.convert(settings, RunSqlSettings)])
    assert all(setting == "sql" for setting, _ in mistakes)
    return [message for _, message in mistakes]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1;\nSELCT 2", 'line 2: syntax error at or near "SELCT"'),
        ("\n\nSELCT 2", 'line 3: syntax error at or near "SELCT"'),
        ("\ufeffSELECT 1 +\n;", 'line 2: syntax error at or near ";"'),
        ("SELECT 'abc", "line 1: unterminated string literal"),
        ("-- c\nCOPY t TO 'x';", "line 2: COPY is not allowed here; SELECT, CREATE TABLE and the like are"),
        ("/* COPY t */\nFROM payments;\nATTACH 'x'", "line 3: ATTACH is not allowed here"),
        ("INSTALL httpfs", "line 1: LOAD is not allowed here"),
        ("SELECT\n$lest", "line 1: $lest is not among the inputs that are values (there are: $least)"),
        ("SELECT $payments", "line 1: $payments is not among the inputs that are values (there are: $least)"),
        ("SELECT ?", "line 1: ? and $1 mean nothing here; inputs are written as $name ($least)"),
        ("SELECT $1", "line 1: ? and $1 mean nothing here; inputs are written as $name ($least)"),
        ("SELECT current_setting('a')", "line 1: current_setting is not available here"),
    ],
)
def test_a_mistake_is_told_with_its_line(sql, message):
    [found] = told(sql)

    assert found.startswith(f"the SQL of this step, {message}")


def test_texts_that_are_only_comments_are_empty():
    assert told("-- later\n;") == ["the SQL of this step is empty: there is no statement in it"]


def test_every_mistake_of_a_text_is_told():
    found = told("SELECT $a;\nLOAD x;\nSELECT $b")

    assert [said.split(":")[0].removeprefix("the SQL of this step, ") for said in found] == [
        "line 2",
        "line 1",
        "line 3",
        "line 1",
    ]
    assert found[-1].endswith("what this one gives would be lost; keep it as CREATE TABLE name AS SELECT ...")


@pytest.mark.parametrize(
    ("outputs", "expect", "message"),
    [
        ({"result": "${o.r}"}, {}, 'the output "result" is the rows of a SELECT, and the SQL has none'),
        ({"totl": "${o.r}"}, {}, 'the output "totl" is no table or view of the SQL'),
        (
            {},
            {"rows": {"at_least": 1}},
            "expect asks about the rows of the last SELECT, and the SQL of this step has none",
        ),
    ],
)
def test_an_output_that_nothing_can_be_is_told(outputs, expect, message):
    assert told("CREATE TABLE total AS FROM payments", outputs=outputs, expect=expect) == [message]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE result AS FROM payments",
        "SELECT $least;",
        "SELECT 1; -- SELECT 2;",
        "SELECT $$it's $1; ?$$ AS a\r\n;\r\n",
        "PIVOT payments ON a USING sum(b)",
        "CREATE TABLE query (a INT); WITH query (a) AS (SELECT 1) SELECT a, 'current_setting(1)' FROM query",
        "SELECT pg_settings, 'pg_settings', \"duckdb_settings\" FROM payments -- duckdb_settings()",
        "SELECT account AS \"Überweisung; 'Nr.'\" FROM payments",
        "TRUNCATE payments; FROM payments",
    ],
)
def test_sql_that_runs_is_not_refused(sql):
    assert told(sql) == []


def test_a_text_that_takes_all_the_memory_is_refused_and_the_others_are_read():
    def steps(*texts):
        return [msgspec.convert({"sql": text, "outputs": {}}, RunSqlSettings) for text in texts]

    nested, plain, wrong = sql_checks.together(steps(NESTED, "SELECT 1", "SELCT"))

    assert nested[0][1].startswith("the SQL of this step cannot be understood within 1 GB of memory and 3 s")
    assert plain == []
    assert wrong[0][1] == 'the SQL of this step, line 1: syntax error at or near "SELCT"'


def test_a_text_that_ends_the_process_is_refused_and_the_others_are_read(monkeypatch, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import json, os, sys\n"
        "for text in json.load(sys.stdin):\n"
        "    if text == 'die': print('{\"torn', end='', flush=True); os.kill(os.getpid(), 9)\n"
        "    print(json.dumps({'error': text}), flush=True)\n"
    )
    monkeypatch.setattr("procession.actions.sql.sql_facts.__file__", str(program))

    found = [each[0][1] for each in sql_checks.together([RunSqlSettings(sql=text) for text in ("a", "die", "b")])]

    assert [said.partition(",")[2] or said for said in found] == [" line 1: a", sql_checks.NOT_UNDERSTOOD, " line 1: b"]


@pytest.fixture
def started(monkeypatch):
    """The processes that were started."""
    found = []
    start = subprocess.Popen

    def counted(*arguments, **options):
        found.append(arguments)
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", counted)
    return found


def test_a_text_is_read_once_and_told_as_often_as_it_is_asked_for(started):
    texts: list[str | tuple[str]] = ["SELECT 1 AS kept", ("1 AS kept",), "SELECT 1 AS kept", "SELCT kept"]

    first, second = sql_reading.read(texts), sql_reading.read([*texts, "SELECT 2 AS new"])

    assert len(started) == 2
    assert first == second[:4]
    assert ["error" in (facts or {}) for facts in first] == [False, True, False, True]
    # What a caller does with its answer is no other's affair.
    (first[0] or {}).clear()
    assert sql_reading.read(texts[:1]) == second[:1]


def test_of_texts_that_are_kept_the_latest_are(started, monkeypatch):
    monkeypatch.setattr(sql_reading, "KEPT_MAX", 2)
    monkeypatch.setattr(sql_reading, "_KEPT", {})

    for text in ("SELECT 'a'", "SELECT 'b'", "SELECT 'a'", "SELECT 'c'", "SELECT 'a'", "SELECT 'b'"):
        sql_reading.read([text])

    assert len(started) == 4  # b had to go for c

    sql_reading.read(["SELECT " + "1 + " * sql_reading.KEPT_CHARACTERS_MAX + "1"])
    assert len(sql_reading._KEPT) == 2


def process(*texts):
    """A process file with a step for each text."""
    steps = "".join(
        f"      - {{action: run_sql, name: S, key: s{i}, with: {{sql: {text!r}}}}}\n" for i, text in enumerate(texts)
    )
    return f"process: P\ngroups:\n  - group: G\n    steps:\n{steps}"


def test_the_mistakes_in_sql_are_told_together_with_all_others():
    text = process("SELCT 1", "SELECT 1").replace("groups:", "concurrency: no\ngroups:")

    with pytest.raises(FileMistakes) as raised:
        process_file.parse(text, file="p.yaml", actions=actions.registry())

    lines = raised.value.message.splitlines()
    assert len(lines) == 2
    assert lines[1] == ('p.yaml:6:57: step 1.1 "S": the SQL of this step, line 1: syntax error at or near "SELCT"')


def test_three_hundred_steps_are_read_by_one_process(started):
    process_file.parse(process(*(f"SELECT {n}" for n in range(300))), actions=actions.registry())

    assert len(started) == 1


# What DuckDB complains of when it runs

PAYMENTS = "account,amount,Überweisung Nr.\na,1.5,x\n".encode()


def complained(folder, sql):
    settings = {"sql": sql, "inputs": {"payments": "${f.p}"}, "outputs": {"result": "${o.r}"}}
    played = play(run_sql.ACTION, folder, settings, {"f.p": ("p.csv", PAYMENTS)})
    assert played.outputs == {}
    return played.outcome.message.removeprefix("the SQL of this step, line 1: ")


HAS = "payments has: account, amount, Überweisung Nr."


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT acount FROM payments", f'there is no column "acount" here; {HAS}'),
        ("SELECT p.acount FROM PAYMENTS p", f'there is no column "acount" here; {HAS}'),
        ("SELECT * EXCLUDE (acount) FROM payments", f'there is no column "acount" here; {HAS}'),
        ("UPDATE payments SET acount = 1", f'there is no column "acount" here; {HAS}'),
        ("INSERT INTO payments (acount) VALUES (1)", f'there is no column "acount" here; {HAS}'),
        ("FROM payments JOIN payments q USING (acount)", f'there is no column "acount" here; {HAS}'),
        ("WITH t AS (SELECT 1 AS total) SELECT totl FROM t", 'there is no column "totl" here; there is: "total"'),
        ("FROM paymnts", 'there is no table "paymnts"; there are: payments'),
        ("SELECT x.account FROM payments", 'there is no table "x"; there are: payments'),
        ("FROM duckdb_settings", 'there is no table "duckdb_settings"; there are: payments'),
        ("SELECT sume(amount) FROM payments", 'there is no function "sume"'),
        ("SELECT account::daet FROM payments", 'there is no type "daet"'),
        (
            "SELECT sum(account) FROM payments",
            "sum(VARCHAR) is not possible with values of these types; CAST(value AS type) gives one another type",
        ),
        (
            "SELECT year('x')",
            "year(VARCHAR) is not possible with values of these types; CAST(value AS type) gives one another type",
        ),
    ],
)
def test_what_is_missing_is_said_with_what_there_is(tmp_path, sql, message):
    assert complained(tmp_path, sql) == message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nope FROM payments",
        "SELECT {'a': 1}.nope",
        "SELECT COLUMNS('nope') FROM payments",
        "DROP TABLE nope",
        "ALTER TABLE payments DROP COLUMN nope",
        "SELECT list_sum([1], 2, 3)",
        "FROM range(1, 2, 3, 4, 5)",
        "SELECT amount + account FROM payments",
        "FROM 'x.csv'",
        'SELECT nope FROM "the last select"',
        "FROM read_csv('export/x.csv')",
        "FROM glob('export/*/../../*')",
    ],
)
def test_no_guess_and_no_name_of_ours_stands_in_a_message(tmp_path, sql):
    message = complained(tmp_path, sql)

    assert not any(word in message for word in ("Candidate", "Did you mean", str(tmp_path), "duckdb_", "LINE"))

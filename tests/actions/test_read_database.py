"""read_database over a real PostgreSQL: every type exact or refused in words, nothing changed, nothing told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from procession.actions.contract import StepOutcome
from procession.actions.databases import postgres as driver
from procession.actions.kinds import read_database
from procession.model.lifecycle import StepStatus
from tests.actions import postgres as servers
from tests.actions.asking import TARGETS, Asked
from tests.actions.context import play
from tests.actions.postgres import PASSWORD, Postgres


@pytest.fixture
def asked(postgres: Postgres, tmp_path: Path) -> Asked:
    return Asked(postgres, tmp_path)


# What PostgreSQL holds, as the type and the value that the file has.
EXACT = {
    "0.10::numeric(12,2)": ("DECIMAL(12,2)", Decimal("0.10")),
    "12345678901234567890123456789012345678::numeric(38)": (
        "DECIMAL(38,0)",
        Decimal("12345678901234567890123456789012345678"),
    ),
    "1.10::numeric": ("DECIMAL(38,10)", Decimal("1.1000000000")),
    "0.000000000000000000000000000000000001::numeric": ("DECIMAL(38,36)", Decimal("1e-36")),
    "1234567890123456789012345678.123::numeric": (
        "DECIMAL(38,10)",
        Decimal("1234567890123456789012345678.1230000000"),
    ),
    "12345678901234567890123456789.5::numeric": ("DECIMAL(38,1)", Decimal("12345678901234567890123456789.5")),
    "1500::numeric(2,-2)": ("DECIMAL(38,10)", Decimal("1500.0000000000")),
    "5::numeric(60,2)": ("DECIMAL(38,10)", Decimal("5.0000000000")),
    "9223372036854775807::bigint": ("BIGINT", 9223372036854775807),
    "true": ("BOOLEAN", True),
    "0.1::real": ("DOUBLE", 0.1),
    "0.1::float8 + 0.2::float8": ("DOUBLE", 0.30000000000000004),
    "date '0001-01-01'": ("DATE", dt.date(1, 1, 1)),
    "date '9999-12-31'": ("DATE", dt.date(9999, 12, 31)),
    "timestamp '2026-03-29 02:30:00.123456'": ("TIMESTAMP", dt.datetime(2026, 3, 29, 2, 30, 0, 123456)),
    "(timestamptz '2026-03-29 02:30:00+05:45' AT TIME ZONE 'UTC')": ("TIMESTAMP", dt.datetime(2026, 3, 28, 20, 45)),
    "time '23:59:59.999999'": ("TIME", dt.time(23, 59, 59, 999999)),
    "timetz '10:00+02'": ("VARCHAR", "10:00:00+02"),
    "interval '1 year 2 months 3 days 04:05:06.7'": ("VARCHAR", "P1Y2M3DT4H5M6.7S"),
    r"'\xdeadbeef00'::bytea": ("BLOB", b"\xde\xad\xbe\xef\0"),
    "ARRAY['a,b', NULL, 'c']": ("VARCHAR", '{"a,b",NULL,c}'),
    """'{"b": 1.10,  "a":12345678901234567890.5}'::json""": ("VARCHAR", '{"b": 1.10,  "a":12345678901234567890.5}'),
    "'{\"a\": 12345678901234567890.50}'::jsonb": ("VARCHAR", '{"a": 12345678901234567890.50}'),
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid": ("VARCHAR", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "'large'::size": ("VARCHAR", "large"),
    "1.25::amount": ("DECIMAL(10,2)", Decimal("1.25")),
    "'ab'::char(4)": ("VARCHAR", "ab  "),
    "''::text": ("VARCHAR", ""),
    "NULL::text": ("VARCHAR", None),
    "NULL::numeric": ("DECIMAL(38,10)", None),
    "E'a\\r\\nb\\n\"c\",\\\\N;\\u00e9\\U0001F600'": ("VARCHAR", 'a\r\nb\n"c",\\N;é😀'),
    "'$from'": ("VARCHAR", "$from"),
}


@pytest.mark.parametrize("value", EXACT)
def test_a_value_comes_as_it_is(asked_types: Asked, value: str) -> None:
    types, rows = asked_types.rows(f"SELECT {value} AS v")

    assert (types[0], rows[0][0]) == EXACT[value]


@pytest.fixture(scope="module")
def asked_types(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    script = "CREATE TYPE size AS ENUM ('small', 'large'); CREATE DOMAIN amount AS numeric(10,2)"
    return Asked(postgres, tmp_path_factory.mktemp("types"), script)


def test_a_moment_with_a_zone_is_one(asked: Asked) -> None:
    played = asked.ask(
        "SELECT timestamptz '2026-03-29 02:30:00+05:45' AS at", output={"to": "${files.rows}", "as": "rows.csv"}
    )

    assert played.outputs["files.rows"] == b"at\n2026-03-28 20:45:00+00\n"


REFUSED = {
    "SELECT 1 AS n, 'NaN'::numeric AS v": 'row 1, column "v": NaN is no number',
    "SELECT x AS v FROM (VALUES (1::numeric), ('-Infinity')) t(x)": 'row 2, column "v": -Infinity is no number',
    "SELECT 'NaN'::numeric(10,2) AS v": 'row 1, column "v": NaN is no number',
    "SELECT 'NaN'::float8 AS v": 'column "v"',
    "SELECT repeat('9', 39)::numeric AS v": 'row 1, column "v": ' + "9" * 39 + " and the others",
    "SELECT x AS v FROM (VALUES (1e30::numeric), (1e-30)) t(x)": 'column "v"',
    "SELECT x AS v FROM (VALUES (date '2026-01-01'), ('infinity')) t(x)": 'row 2, column "v": infinity is no date',
    "SELECT date '0044-03-15 BC' AS v": 'row 1, column "v": 0044-03-15 BC is no date',
    "SELECT date '10000-01-01' AS v": 'row 1, column "v": 10000-01-01 is no date',
    "SELECT timestamp '-infinity' AS v": 'row 1, column "v": -infinity is no date',
    "SELECT timestamptz '20000-01-01 00:00Z' AS v": 'row 1, column "v": 20000-01-01 00:00:00+00 is no date',
    "SELECT time '24:00:00' AS v": 'row 1, column "v": 24:00:00 is no time of a day',
    "SELECT 1::money AS v": 'the column "v" is of the type money',
    "SELECT 1 AS a, 2 AS a": 'two columns have one name, "a" and "a"',
    'SELECT 1 AS a, 2 AS "A"': 'two columns have one name, "a" and "A"',
    "SELECT 1, 2": "two columns have one name",
    "SELECT": "gives no columns",
    "SELECT 1; SELECT 2": "cannot insert multiple commands",
    "SELECT 1;\n\nSELECT frm": "cannot insert multiple commands",
    "SELECT 1\n\nFROM nothing": 'sql, line 3: relation "nothing" does not exist',
    "SELECT 1 AS v WHERE $ab = 1": "sql: $ab is given no value",
    "SELECT $1": "values have names here, write $from and not $1",
    "SELECT 'open": "sql, line 1: ' is not closed",
    "SELECT 1 /* /* */": "sql, line 1: /* is not closed",
    "SELECT $x$ a $y$": "sql, line 1: $x$ is not closed",
    "INSERT INTO ledger VALUES (9)": "may only read",
    "INSERT INTO ledger VALUES (9) RETURNING entry": "may only read",
    "WITH x AS (DELETE FROM ledger RETURNING entry) SELECT * FROM x": "may only read",
    "CREATE TABLE more (a int)": "may only read",
    "DO $$ BEGIN DELETE FROM ledger; END $$": "may only read",
    "SELECT set_config('transaction_read_only', 'off', true), evil()": "read-write mode",
    "SELECT evil()": "may only read",
    "SET TRANSACTION READ WRITE": "read-write mode",
    "COMMIT": "gives no rows",
    "COPY ledger TO STDOUT": "gives no rows",
    "COPY ledger FROM STDIN": "",
    "VALUES (1/0)": "division by zero",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_cannot_be_right_is_refused_and_changes_nothing(asked_ledger: Asked, sql: str) -> None:
    assert REFUSED[sql] in asked_ledger.refused(sql)

    with asked_ledger.server.admin(asked_ledger.database) as admin:
        assert admin.execute("SELECT count(*) FROM ledger").fetchone() == (4,)
        assert admin.execute("SELECT to_regclass('more')").fetchone() == (None,)


@pytest.fixture(scope="module")
def asked_ledger(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    evil = "CREATE FUNCTION evil() RETURNS int AS $$ DELETE FROM ledger RETURNING entry $$ LANGUAGE sql VOLATILE"
    return Asked(postgres, tmp_path_factory.mktemp("refused"), servers.LEDGER + evil)


def test_values_are_bound_and_never_text(asked: Asked) -> None:
    given = "x'; DROP TABLE ledger; --"
    sql = """SELECT $v AS v, 'it''s $v' AS quoted, $tag$ $v $tag$ AS dollars -- $v
        , E'\\'$v' AS escaped, "$c" AS named /* $v /* $v */ */ FROM (SELECT 1 AS "$c") t WHERE $v = $v"""

    _, rows = asked.rows(sql, values={"v": given})

    assert rows == [(given, "it's $v", " $v ", "'$v", 1)]


# What others report of their programs, and what ours gives.
REPORTED = {
    # pandas-dev/pandas#15229, psycopg/psycopg2#827: a sign of the driver's own in the text
    "SELECT count(*) AS v FROM (VALUES ('urban'), ('rural')) t(x) WHERE x LIKE 'urban%' AND x <> $v AND 7 % 4 = 3": 1,
    # atlanhq/application-sdk#2722: colons that are no values
    "SELECT '12:30:00'::time::text || ('ab' ~ '^(?:ab|c)$')::text || $v AS v": "12:30:00true-",
    # duckdb/duckdb-postgres#92: numbers of all sizes in one column
    "SELECT sum(x) AS v FROM (SELECT 10::numeric ^ n AS x FROM generate_series(-3, 20) n) t WHERE $v = '-'": Decimal(
        "111111111111111111111.1110000000"
    ),
    # airbytehq/airbyte#7870: money beyond 1,000
    "SELECT '92233720368547758.07'::money::numeric AS v WHERE $v = '-'": Decimal("92233720368547758.0700000000"),
}


@pytest.mark.parametrize("sql", REPORTED)
def test_what_others_get_wrong_is_right(asked_ledger: Asked, sql: str) -> None:
    assert asked_ledger.rows(sql, values={"v": "-"})[1] == [(REPORTED[sql],)]


def test_a_preview_shows_the_statement_and_its_values(tmp_path: Path) -> None:
    def shown(context: Any) -> StepOutcome:
        assert read_database.ACTION.preview is not None
        return StepOutcome(status=StepStatus.SUCCESS, message=read_database.ACTION.preview(context))

    settings = {"connection": "erp", "sql": "SELECT $v\n", "inputs": {"v": "${values.v}"}, "output": "${files.rows}"}
    played = play(dataclasses.replace(read_database.ACTION, run=shown), tmp_path, settings, {"values.v": 5}, TARGETS)

    assert played.outcome.message == 'would ask the connection "erp": SELECT $v; $v = 5'


def test_values_have_their_types(asked: Asked) -> None:
    values = {"whole": 5, "amount": Decimal("0.10"), "yes": True, "none": None, "on": "2026-01-31"}
    sql = "SELECT $whole + 1 AS a, $amount + 0.2 AS b, $yes AS c, $none::int AS d, $on::date + 1 AS e"

    _, rows = asked.rows(sql, values=values)

    assert rows == [(6, Decimal("0.3000000000"), True, None, dt.date(2026, 2, 1))]


def test_rows_come_in_batches_and_in_order(asked: Asked) -> None:
    types, rows = asked.rows("SELECT n, n::numeric / 8 AS part FROM generate_series(1, 25000) n", rows_max=25_000)

    assert types == ["INTEGER", "DECIMAL(38,10)"]
    assert [row[0] for row in rows] == list(range(1, 25_001))
    assert rows[-1][1] == Decimal("3125")


def test_a_wrong_cell_far_down_is_named(asked: Asked) -> None:
    sql = "SELECT CASE n WHEN 23456 THEN 'NaN'::numeric ELSE n END AS v FROM generate_series(1, 30000) n"

    assert 'row 23,456, column "v": NaN' in asked.refused(sql)


def test_more_rows_than_allowed_fail_and_are_not_cut(asked: Asked) -> None:
    assert asked.rows("SELECT generate_series(1, 10) AS n", rows_max=10)[1][-1] == (10,)
    assert "more rows than 10 (rows_max)" in asked.refused("SELECT generate_series(1, 11) AS n", rows_max=10)
    assert "more rows than 10" in asked.refused("SELECT generate_series(1, 1000000000) AS n", rows_max=10)


def test_a_statement_that_takes_too_long_ends(asked: Asked) -> None:
    assert "took longer than `timeout`" in asked.refused("SELECT pg_sleep(60)", timeout=1)


def test_a_pooler_that_gives_the_transaction_another_server_changes_nothing(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PgBouncer's pool_mode = transaction (keygen-sh/keygen-api#1029): dates came day first, and nothing ended."""
    connect = driver.connect

    def pooled(*given: Any, **more: Any) -> Any:
        session = connect(*given, **more)
        session.execute("DISCARD ALL")
        return session

    monkeypatch.setattr(driver, "connect", pooled)
    with asked.server.admin() as admin:
        for setting in ("DateStyle TO 'SQL, DMY'", "IntervalStyle TO 'postgres_verbose'", "bytea_output TO 'escape'"):
            admin.execute(f"ALTER DATABASE {asked.database} SET {setting}")

    told = asked.rows("SELECT date '2026-02-03' AS d, interval '1 day' AS i, 'a'::bytea AS b")

    assert told[1] == [(dt.date(2026, 2, 3), "P1D", b"a")]
    assert "took longer than `timeout`" in asked.refused("SELECT pg_sleep(60)", timeout=1)


def test_no_rows_are_a_warning_unless_that_is_fine(asked: Asked) -> None:
    sql = "SELECT 1::numeric AS amount, 'x' AS text WHERE false"

    warned = asked.ask(sql)
    fine = asked.ask(sql, expect={"rows": {"at_least": 0}}, output={"to": "${files.rows}", "as": "rows.csv"})

    assert (warned.outcome.status, warned.outcome.message) == (
        StepStatus.WARNING,
        '0 rows from the connection "erp"; 0 rows: nothing fits the statement',
    )
    assert (fine.outcome.status, fine.outputs["files.rows"]) == (StepStatus.SUCCESS, b"amount,text\n")


def test_an_expected_total_is_checked_first(asked: Asked) -> None:
    said = asked.refused("SELECT 1.10::numeric AS v", expect={"total": {"column": "v", "equals": 1.2}})

    assert "adds up to 1.10, and 1.20 was expected" in said


def test_text_without_an_encoding_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    with postgres.admin() as admin:
        admin.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    asked = Asked(postgres, tmp_path)
    asked.database = "ascii"

    said = asked.refused("SELECT 'fine' AS v UNION ALL SELECT convert_from('\\xe9'::bytea, 'SQL_ASCII')")

    assert 'invalid byte sequence for encoding "UTF8": 0xe9' in said


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "password": ({"password": "guess"}, "refuses the user or the password"),
    "database": ({"database": "nowhere"}, "has no such database"),
    "user": ({"user": "stranger"}, "refuses the user or the password"),
    "port": ({"port": 1}, "nothing listens"),
    "host": ({"host": "nowhere.invalid"}, "the address of its host cannot be found"),
    "clear": ({"user": "clear"}, "asks for the password in clear"),
    "tls": ({"tls": "require"}, "speaks no TLS"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_connection_that_fails_tells_no_secret(asked: Asked, what: str) -> None:
    options, words = WRONG[what]
    given: dict[str, Any] = {"database": asked.database} | options
    connection = servers.connection(asked.server, given.pop("database"), **given)

    played = asked.ask("SELECT 1 AS v", connection=connection)

    assert words in played.outcome.message
    told = played.outcome.message + played.context.logged
    assert not any(
        secret in told for secret in (PASSWORD, "127.0.0.1", str(connection.options["port"]), "stranger", "invalid")
    )


def test_a_private_host_needs_an_administrators_word(asked: Asked) -> None:
    connection = msgspec.structs.replace(servers.connection(asked.server, asked.database), private_hosts=False)

    said = asked.refused("SELECT 1 AS v", connection=connection)

    assert "its host is an address of this machine or of a private network; an administrator can allow" in said
    assert "127.0.0.1" not in said


def test_the_database_tells_no_password(asked: Asked) -> None:
    said = asked.refused(f"SELECT 1/0 AS v, '{PASSWORD}'::int AS x")

    assert PASSWORD not in said and "[secret]" in said


def test_tls_is_verified_by_host_and_authority(asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, context = servers.certificate(tmp_path, "localhost")

    def asked_by(**options: Any) -> str:
        connection = servers.connection(asked.server, asked.database, context=context, **options)
        return asked.ask("SELECT 1 AS v", connection=connection).outcome.message

    assert "nobody we trust has signed" in asked_by(host="localhost", tls="verify")
    assert asked_by(host="localhost", tls="require") == '1 row from the connection "erp"'
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    assert asked_by(host="localhost", tls="verify") == '1 row from the connection "erp"'
    assert "certificate is for another host" in asked_by(host="127.0.0.1", tls="verify")
    assert asked_by(host="localhost", tls="verify", user="clear") == '1 row from the connection "erp"'


def test_a_line_that_is_cut_says_so(asked: Asked) -> None:
    seen = threading.Event()

    def cut(data: bytes) -> None:
        if b"pg_sleep" in data:
            seen.set()
            raise servers.Cut

    connection = servers.connection(asked.server, asked.database, hook=cut)

    assert "the connection to it was lost" in asked.refused("SELECT pg_sleep(0) AS v", connection=connection)
    assert seen.is_set()

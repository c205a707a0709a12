"""read_database over a real MariaDB: every type exact or refused in words, nothing changed, nothing told."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from procession.model.lifecycle import StepStatus
from tests.actions import mariadb as servers
from tests.actions.asking import Asked
from tests.actions.mariadb import Mariadb
from tests.actions.postgres import PASSWORD, Cut

pytestmark = servers.needed
LEDGER = (
    servers.LEDGER
    + """CREATE TABLE old (a int) ENGINE=MyISAM;
CREATE FUNCTION evil() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM ledger; RETURN 1; END;
CREATE FUNCTION evil_old() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO old VALUES (1); RETURN 1; END;
CREATE PROCEDURE worse() BEGIN COMMIT; DELETE FROM ledger; SELECT 1 AS v; END
"""
)
TYPES = """
CREATE TABLE v (tiny tinyint(1), small smallint unsigned, big bigint unsigned zerofill, whole int zerofill, d decimal(12,2) unsigned,
    long_d decimal(65,30), g double, day date, at datetime(6), moment timestamp(3) NULL, t time(6), y year, j json,
    e enum('a','b'), s set('x','y'), bytes varbinary(5), padded binary(4), c char(4),
    old varchar(10) CHARACTER SET latin1, three text CHARACTER SET utf8mb3, b1 bit(1), b9 bit(9), u uuid, ip inet6, f float, p point);
INSERT INTO v VALUES (2, 65535, 18446744073709551615, 7, 1.50, 12345678.5, 0.1e0 + 0.2e0, '9999-12-31',
    '2026-03-29 02:30:00.123456', '2026-03-29 02:30:00.5', '23:59:59.999999', 2026, '{"b": 1.10,  "a":1}',
    'a', 'x,y', X'DEAD00', 'ab', 'ab  ', 'é', 'é€', b'1', b'100000001', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::1', 0.1,
    point(1, 2));
CREATE TABLE zeros (day date, at datetime, moment timestamp NULL, t time);
SET SESSION sql_mode = '';
INSERT INTO zeros VALUES ('0000-00-00', '2026-02-00', '0000-00-00 00:00:00', '-00:30:00')
"""


@pytest.fixture(scope="module")
def asked(mariadb: Mariadb, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(mariadb, tmp_path_factory.mktemp("types"), LEDGER + ";\n" + TYPES, servers.connection)


# What MariaDB holds, as the type and the value that the file has.
EXACT: dict[str, tuple[str, Any]] = {
    "tiny FROM v": ("TINYINT", 2),
    "small FROM v": ("INTEGER", 65_535),
    "big FROM v": ("DECIMAL(20,0)", Decimal("18446744073709551615")),
    "whole FROM v": ("BIGINT", 7),
    "-9223372036854775808": ("BIGINT", -9223372036854775808),
    "d FROM v": ("DECIMAL(12,2)", Decimal("1.50")),
    "long_d FROM v": ("DECIMAL(38,10)", Decimal("12345678.5000000000")),
    "-0.10": ("DECIMAL(3,2)", Decimal("-0.10")),
    "sum(amount) FROM ledger": ("DECIMAL(34,2)", Decimal("7.01")),
    "CAST(12345678901234567890123456789012345678 AS decimal(38))": (
        "DECIMAL(38,0)",
        Decimal("12345678901234567890123456789012345678"),
    ),
    "g FROM v": ("DOUBLE", 0.30000000000000004),
    "1e22": ("DOUBLE", 1e22),
    "123456789.123456789e0": ("DOUBLE", 123456789.123456789),
    "CAST(f AS double) FROM v": ("DOUBLE", 0.10000000149011612),
    "day FROM v": ("DATE", dt.date(9999, 12, 31)),
    "at FROM v": ("TIMESTAMP", dt.datetime(2026, 3, 29, 2, 30, 0, 123456)),
    "t FROM v": ("TIME", dt.time(23, 59, 59, 999999)),
    "DATE'0007-01-05'": ("DATE", dt.date(7, 1, 5)),
    "CAST(t AS CHAR) FROM zeros": ("VARCHAR", "-00:30:00"),
    "NULLIF(day, 0) FROM zeros": ("DATE", None),
    "y FROM v": ("SMALLINT", 2026),
    "j FROM v": ("VARCHAR", '{"b": 1.10,  "a":1}'),
    "e FROM v": ("VARCHAR", "a"),
    "s FROM v": ("VARCHAR", "x,y"),
    "bytes FROM v": ("BLOB", b"\xde\xad\x00"),
    "padded FROM v": ("BLOB", b"ab\0\0"),
    "c FROM v": ("VARCHAR", "ab"),
    "old FROM v": ("VARCHAR", "é"),
    "three FROM v": ("VARCHAR", "é€"),
    "b1 FROM v": ("BOOLEAN", True),
    "max(b9 + 0) FROM v": ("DECIMAL(20,0)", Decimal(257)),
    "b9 FROM v": ("DECIMAL(20,0)", Decimal(257)),
    "u FROM v": ("VARCHAR", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "ip FROM v": ("VARCHAR", "::1"),
    "NULL": ("VARCHAR", None),
    "''": ("VARCHAR", ""),
    "'a\\r\\nb\\n\"c\",\\\\N;é😀'": ("VARCHAR", 'a\r\nb\n"c",\\N;é😀'),
    "'$from'": ("VARCHAR", "$from"),
    "ST_AsText(p) FROM v": ("VARCHAR", "POINT(1 2)"),
}


@pytest.mark.parametrize("value", EXACT)
def test_a_value_comes_as_it_is(asked: Asked, value: str) -> None:
    what, _, table = value.partition(" FROM ")
    types, rows = asked.rows(f"SELECT {what} AS v{' FROM ' + table if table else ''}")

    assert (types[0], rows[0][0]) == EXACT[value]


def test_a_moment_of_a_timestamp_is_one_in_utc(asked: Asked) -> None:
    asked.server.run("SET GLOBAL time_zone = '+05:45'")

    played = asked.ask("SELECT moment, at FROM v", output={"to": "${files.rows}", "as": "rows.csv"})

    # It was stored by a session in UTC, as the machine is.
    assert played.outputs["files.rows"] == b"moment,at\n2026-03-29 02:30:00.5+00,2026-03-29 02:30:00.123456\n"


REFUSED = {
    "SELECT 1 AS n, day AS v FROM zeros": 'row 1, column "v": 0000-00-00 is no day of the calendar',
    # airbytehq/airbyte#16159: converted to NULL or the epoch, or a crash
    "SELECT CAST('0000-11-30' AS date) AS v": "",
    "SELECT at FROM zeros": 'row 1, column "at": 2026-02-00 00:00:00 is no day of the calendar',
    "SELECT moment FROM zeros": 'column "moment": 0000-00-00 00:00:00 is no day',
    "SELECT t FROM v UNION ALL SELECT t FROM zeros": 'row 2, column "t": -00:30:00.000000 is a duration',
    "SELECT TIME'24:00:00' AS v": 'column "v": 24:00:00 is a duration',
    # go-sql-driver/mysql#308, datajoint/datajoint-matlab#12: 123456789 came as 123457000
    "SELECT f FROM v": 'the column "f" is FLOAT, of which the server sends six digits',
    "SELECT p FROM v": 'the column "p" is of a type that is not known here',
    "SELECT CAST(REPEAT('9', 39) AS decimal(39)) AS v": 'row 1, column "v": ' + "9" * 39 + " and the others",
    "SELECT 1 AS a, 2 AS A": 'two columns have one name, "a" and "A"',
    "SELECT 1 AS a; SELECT 2 AS b": "You have an error in your SQL syntax",
    "SELECT 1 AS a\n\nFROM nothing": "nothing' doesn't exist",
    "SELECT 1 AS a\n\nFRM nothing": "sql, line 3: You have an error in your SQL syntax",
    "SELECT 1 AS v WHERE $ab = 1": "sql: $ab is given no value",
    "SELECT 'open": "sql, line 1: ' is not closed",
    "SELECT account, amount FROM ledger GROUP BY account": "isn't in GROUP BY",
    "INSERT INTO ledger (entry) VALUES (9)": "gives no rows",
    "DELETE FROM ledger": "gives no rows",
    "WITH x AS (SELECT 1) DELETE FROM ledger": "error in your SQL syntax",
    "SELECT evil() AS v": "may only read",
    "SELECT evil_old() AS v": "may only read",
    "CALL worse()": "gives no rows",
    "SELECT entry FROM ledger FOR UPDATE": "may only read",
    "SELECT entry FROM ledger INTO OUTFILE 'x'": "INTO writes a file",
    "SELECT 1 AS v /*! INTO OUTFILE 'x' */": "the server runs what stands within",
    "SELECT 1 AS v /*M!100100 INTO OUTFILE 'x' */": "the server runs what stands within",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE ledger": "gives no rows",
    "/* x */ COMMIT": "gives no rows",
    "LOCK TABLES ledger WRITE": "gives no rows",
    "SET @a = 1": "gives no rows",
    "ANALYZE TABLE ledger": "gives no rows",
    "EXECUTE IMMEDIATE 'DELETE FROM ledger'": "gives no rows",
    "KILL 1": "gives no rows",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_cannot_be_right_is_refused_and_changes_nothing(asked: Asked, sql: str) -> None:
    assert REFUSED[sql] in asked.refused(sql)

    assert asked.server.run("SELECT count(*), (SELECT count(*) FROM old) FROM ledger", asked.database) == [(4, 0)]


def test_values_are_bound_and_never_text(asked: Asked) -> None:
    given = "x\\'; DROP TABLE ledger; -- ?%s é😀"
    sql = """SELECT $v AS v, 'it''s \\' $v' AS quoted, "$v" AS doubled, -- $v
        `$c` AS named /* $v */ # $v
        FROM (SELECT 1 AS `$c`) t WHERE $v = $v"""

    _, rows = asked.rows(sql, values={"v": given})

    assert rows == [(given, "it's ' $v", "$v", 1)]


def test_values_have_their_types(asked: Asked) -> None:
    values = {"whole": 5, "amount": Decimal("0.10"), "yes": True, "none": None, "on": "2026-01-31"}
    sql = """SELECT $whole + 1 AS a, $amount + 0.2 AS b, $yes AS c, $none IS NULL AS d,
        CAST($on AS date) + INTERVAL 1 DAY AS e, account FROM ledger WHERE booked_on = $on AND account = $account"""

    _, rows = asked.rows(sql, values=values | {"account": "0400"})

    assert rows == [(6, Decimal("0.30"), 1, 1, dt.date(2026, 2, 1), "0400")]


# What others report of their programs, and what ours gives.
REPORTED: dict[str, Any] = {
    # pandas-dev/pandas#15229: a sign of the driver's own in the text
    "SELECT count(*) AS v FROM ledger WHERE account LIKE '%04%' AND 7 % 4 = 3 AND $v = '-'": 4,
    # keeps/dbptk-developer#323, sfu-db/connector-x#779: 2 in a TINYINT(1) became true
    "SELECT tiny FROM v WHERE $v = '-'": 2,
    # PyMySQL/PyMySQL#255: half an hour before midnight became half an hour after it
    "SELECT TIME_TO_SEC(t) AS v FROM zeros WHERE $v = '-'": -1_800,
    # values that are compared with columns of another collation
    "SELECT old AS v FROM v WHERE old = 'é' AND old COLLATE latin1_german2_ci <> $v": "é",
}


@pytest.mark.parametrize("sql", REPORTED)
def test_what_others_get_wrong_is_right(asked: Asked, sql: str) -> None:
    assert asked.rows(sql, values={"v": "-"})[1] == [(REPORTED[sql],)]


def test_what_the_server_warns_of_is_a_warning(asked: Asked) -> None:
    played = asked.ask("SELECT 1 / 0 AS v, 'a' + 1 AS w")

    assert played.outcome.status is StepStatus.WARNING
    assert "the database warns: Division by 0; Truncated incorrect DOUBLE value: 'a'" in played.outcome.message


def test_a_value_that_the_server_cut_is_refused(asked: Asked) -> None:
    sql = "SELECT group_concat(account SEPARATOR ', ') AS v FROM ledger, (SELECT REPEAT('x', 2000000) AS r) r WHERE $v = r.r OR 1"
    asked.server.run("SET GLOBAL group_concat_max_len = 8")
    try:
        assert "the database has not given all of it" in asked.refused(sql, values={"v": "-"})
    finally:
        asked.server.run("SET GLOBAL group_concat_max_len = 1048576")


def test_a_cut_is_noticed_behind_other_warnings_and_on_a_server_that_keeps_none(asked: Asked) -> None:
    many = "WITH RECURSIVE t AS (SELECT 1 n UNION ALL SELECT n + 1 FROM t WHERE n < 200) SELECT n / 0 AS v FROM t"
    cut = "SELECT group_concat(account, repeat('x', 1000000)) AS v FROM ledger"
    asked.server.run("SET GLOBAL max_error_count = 0")
    try:
        assert "was cut by GROUP_CONCAT" in asked.refused(f"{many} UNION ALL {cut}")
    finally:
        asked.server.run("SET GLOBAL max_error_count = 64")


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE t AS (SELECT 1 n UNION ALL SELECT n + 1 FROM t WHERE n < 5000) SELECT sum(n) AS v FROM t",
        "SELECT sum(amount) AS v FROM ledger LIMIT 9 ROWS EXAMINED 2",
    ],
)
def test_rows_that_the_server_leaves_out_are_no_answer(asked: Asked, sql: str) -> None:
    assert "The query result may be incomplete; nothing was published" in asked.refused(sql)


@pytest.mark.parametrize("value", ["max(b9)", "max(b1)", "coalesce(b9, b9)", "min(b9) OVER ()"])
def test_what_is_worked_out_of_bits_is_refused(asked: Asked, value: str) -> None:
    # dbeaver/dbeaver#15329, #5755. The digits 257 came as 3290423, and a max of 0 as true.
    assert "is worked out of bits" in asked.refused(f"SELECT {value} AS v FROM v")


def test_a_server_that_commits_nothing_by_itself_is_read(asked: Asked) -> None:
    asked.server.run("SET GLOBAL autocommit = 0")
    try:
        assert asked.rows("SELECT entry FROM ledger WHERE entry = 1")[1] == [(1,)]
    finally:
        asked.server.run("SET GLOBAL autocommit = 1")


def test_rows_come_in_batches_and_in_order(asked: Asked) -> None:
    _, rows = asked.rows("SELECT seq AS n, seq / 8 AS part FROM seq_1_to_25000", rows_max=25_000)

    assert [row[0] for row in rows] == list(range(1, 25_001))
    assert rows[-1][1] == Decimal("3125")


def test_more_rows_than_allowed_fail_and_are_not_cut(asked: Asked) -> None:
    assert asked.rows("SELECT seq AS n FROM seq_1_to_10", rows_max=10)[1][-1] == (10,)
    assert "more rows than 10 (rows_max)" in asked.refused("SELECT seq AS n FROM seq_1_to_11", rows_max=10)
    # Nobody waits for the rest of them.
    assert "more rows than 10" in asked.refused("SELECT seq AS n FROM seq_1_to_1000000000", rows_max=10)


def test_a_statement_that_takes_too_long_ends(asked: Asked) -> None:
    assert "took longer than `timeout`" in asked.refused("SELECT sleep(60) AS v", timeout=1)
    assert "took longer than `timeout`" in asked.refused(
        "SELECT sum(a.seq) AS v FROM seq_1_to_1000000 a, seq_1_to_1000000 b", timeout=1
    )


def test_no_rows_are_a_warning_unless_that_is_fine(asked: Asked) -> None:
    sql = "SELECT amount, account FROM ledger WHERE entry < 0"

    warned = asked.ask(sql)
    fine = asked.ask(sql, expect={"rows": {"at_least": 0}}, output={"to": "${files.rows}", "as": "rows.csv"})

    assert warned.outcome.status is StepStatus.WARNING
    assert (fine.outcome.status, fine.outputs["files.rows"]) == (StepStatus.SUCCESS, b"amount,account\n")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "password": ({"password": "guess"}, "refuses the user or the password"),
    "database": ({"database": "mysql"}, "its user may not use the database"),
    "user": ({"user": "stranger"}, "refuses the user or the password"),
    "port": ({"port": 1}, "nothing listens"),
    "host": ({"host": "nowhere.invalid"}, "the address of its host cannot be found"),
    "kind": ({"dialect": "oracle"}, "is to oracle, and databases that can be reached are postgresql, mariadb"),
    "mysql": ({"dialect": "mysql"}, "is to mysql, and databases that can be reached are postgresql, mariadb"),
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

    assert "an administrator can allow" in asked.refused("SELECT 1 AS v", connection=connection)


def test_the_database_tells_no_password(asked: Asked) -> None:
    said = asked.refused(f"SELECT `{PASSWORD}` AS v")

    assert PASSWORD not in said and "[secret]" in said


def test_tls_is_verified_by_host_and_authority(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked_by(**options: Any) -> str:
        connection = servers.connection(asked.server, asked.database, **options)
        return asked.ask("SELECT 1 AS v", connection=connection).outcome.message

    assert "nobody we trust has signed" in asked_by(host="localhost", tls="verify")
    assert asked_by(host="localhost", tls="require") == '1 row from the connection "erp"'
    monkeypatch.setenv("SSL_CERT_FILE", str(asked.server.authority))
    assert asked_by(host="localhost", tls="verify") == '1 row from the connection "erp"'
    assert "certificate is for another host" in asked_by(host="127.0.0.1", tls="verify")


def _without_tls(data: bytes) -> bytes:
    """The greeting of a server that speaks none: its lower capabilities stand 14 bytes after the version's NUL."""
    at = data.find(b"-MariaDB")
    if at < 0:
        return data
    place = data.index(b"\0", at) + 14
    return data[:place] + bytes([data[place], data[place + 1] & ~0x08]) + data[place + 2 :]


def _greets(version: bytes) -> Any:
    return lambda data: data.replace(b"10.11.", version, 1) if b"-MariaDB" in data else data


def _asks(plugin: bytes) -> Any:
    return lambda data: data.replace(b"mysql_native_password", plugin.ljust(21, b"\0"))


def _wants_a_file(data: bytes) -> bytes:
    # The answer to the first question of ours: the contents of a file.
    return b"\x0c\x00\x00\x01\xfb/etc/passwd" if data[3:5] == b"\x01\x00" else data


EVIL: dict[str, tuple[dict[str, Any], str]] = {
    "no TLS": ({"answer": _without_tls, "tls": "require"}, "it speaks no TLS"),
    "an old one": ({"answer": _greets(b"10.4.1")}, "no MariaDB of 10.5 or later"),
    "MySQL": ({"answer": lambda data: data.replace(b"-MariaDB", b"-commerc")}, "nothing else was tried"),
    "in clear": ({"answer": _asks(b"mysql_clear_password")}, "asks for the password in clear"),
    "in clear, encrypted": ({"answer": _asks(b"sha256_password"), "tls": "off"}, "asks for the password in clear"),
    "unknown": ({"answer": _asks(b"auth_gssapi_client")}, "a proof of who we are that is not known"),
    "a file": ({"answer": _wants_a_file}, "asks for a file of this machine, and gets none"),
    "noise": ({"answer": lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"}, ""),
}


@pytest.mark.parametrize("what", EVIL)
def test_an_evil_server_gets_nothing(asked: Asked, what: str) -> None:
    options, words = EVIL[what]
    sent: list[bytes] = []
    connection = servers.connection(asked.server, asked.database, hook=sent.append, **options)

    assert words in asked.refused("SELECT 1 AS v", connection=connection)

    assert b"root:" not in b"".join(sent) and PASSWORD.encode() not in b"".join(sent)


def test_a_line_that_is_cut_says_so(asked: Asked) -> None:
    seen = threading.Event()

    def cut(data: bytes) -> None:
        if b"EXECUTE" in data:
            seen.set()
            raise Cut

    connection = servers.connection(asked.server, asked.database, hook=cut)

    assert "the connection to it was lost" in asked.refused("SELECT 1 AS v", connection=connection)
    assert seen.is_set()


def test_text_that_is_not_of_its_characters_is_refused(asked: Asked, tmp_path: Path) -> None:
    # Bytes that were never looked at: of another program, in a column that says UTF-8.
    sql = "SELECT CONVERT(CAST(X'C3' AS CHAR CHARACTER SET latin1) USING utf8mb4) AS v"

    assert asked.rows(sql)[1] == [("Ã",)]

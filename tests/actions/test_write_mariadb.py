"""write_database into a real MariaDB: all rows or none, as they were given, and never twice."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions import mariadb as servers
from tests.actions.mariadb import Mariadb
from tests.actions.postgres import Cut, CutAfter
from tests.actions.written import (
    AFTER,
    BEFORE,
    MODES,
    NEW_ROWS,
    ROWS,
    Cutter,
    Reached,
    Written,
    cuts,
    kill,
    parquet,
    pieces,
    points,
    rows_of,
    write_recording,
)
from tests.crashing import finish, in_a_child
from tests.support import wait_until

pytestmark = servers.needed
LEDGER = """
CREATE TABLE ledger (entry int PRIMARY KEY, account varchar(4) NOT NULL, amount decimal(12,2),
    booked_on date DEFAULT '2026-01-01', batch varchar(60), made int GENERATED ALWAYS AS (entry * 2) STORED);
"""
FIRST = "INSERT INTO ledger (entry, account, amount) VALUES (1, '0400', 10), (2, '0400', 20), (3, '0410', 30)"
UPSERT = MODES["upsert"]
DOUBT = "is not known"


class WrittenMaria(Written):
    into = "ledger"
    connect = staticmethod(servers.connection)

    def rows(self, sql: str = "SELECT entry, account, CAST(amount AS CHAR) FROM ledger ORDER BY entry") -> list[Any]:
        return self.server.run(sql, self.database)  # type: ignore[no-any-return]

    def is_quiet(self) -> bool:
        sql = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'erp' AND DB = DATABASE()"
        return self.rows(sql) == [(0,)]


@pytest.fixture
def written(mariadb: Mariadb, tmp_path: Path) -> WrittenMaria:
    return WrittenMaria(mariadb, tmp_path, LEDGER + FIRST)


# Rows that cannot be written as they are, and what is said of them.
REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "rounded": (b"entry,account,amount\n4,a,1.005\n", UPSERT, 'line 2, column "amount": 1.0050 does not fit decimal'),
    "too long a text": (
        b"entry,account\n4,a\n5,abcde\n",
        UPSERT,
        'line 3, column "account": abcde has more than the 4',
    ),
    "out of range": (b"entry,account\n4294967296,a\n", UPSERT, "4294967296 does not fit int"),
    "words for a day": (b"entry,account,booked_on\n4,a,tomorrow\n", UPSERT, "tomorrow is no date"),
    "a zero day": (b"entry,account,booked_on\n4,a,0000-00-00\n", UPSERT, "0000-00-00 is no date"),
    "a column too many": (b"entry,account,amout\n4,a,1\n", UPSERT, 'no column "amout"; did you mean "amount"?'),
    "a column too few": (b"entry,amount\n4,1\n", UPSERT, 'the rows lack "account"'),
    "made there": (b"entry,account,made\n4,a,8\n", UPSERT, '"made" is made by the database'),
    "empty": (b"entry,account,amount\n4,,1\n", UPSERT, 'line 2, column "account": it is empty, and the table wants'),
    "one key twice": (b"entry,account\n4,a\n5,b\n4,c\n", UPSERT, "line 2 and line 4 have one key (entry)"),
    "no unique key": (ROWS, {"mode": "upsert", "key": ["account"]}, "no unique key of account"),
    "there already": (ROWS, {"mode": "append"}, "Duplicate entry '2' for key"),
    "no table": (ROWS, {"into": "ledgr"} | UPSERT, "there is no table ledgr"),
    "another case": (ROWS, {"into": "Ledger"} | UPSERT, "there is no table Ledger"),
    "a name": (ROWS, {"into": '"ledger`; DROP TABLE x"'} | UPSERT, "there is no table ledger`; DROP"),
    "a view": (ROWS, {"into": "information_schema.TABLES"} | UPSERT, "is no table"),
    "no way back": (ROWS, {"into": "old"} | UPSERT, "a table of MyISAM, which takes nothing back"),
    "a total": (ROWS, {"expect": {"total": {"column": "amount", "equals": 1}}} | UPSERT, "1.00 was expected"),
    "no mark": (NEW_ROWS, {"mode": "append", "batch": "btch"}, 'no column "btch"'),
    "a number as mark": (NEW_ROWS, {"mode": "append", "batch": "made"}, '"made" is made by the database'),
    "a day as mark": (
        NEW_ROWS,
        {"mode": "append", "batch": "booked_on"},
        "is date, and the marker of a batch is a text",
    ),
}


@pytest.fixture(scope="module")
def shared(mariadb: Mariadb, tmp_path_factory: pytest.TempPathFactory) -> WrittenMaria:
    script = f"{LEDGER}{FIRST};\nCREATE TABLE old (entry int PRIMARY KEY, account char(4), amount decimal(9,2)) ENGINE=MyISAM"
    return WrittenMaria(mariadb, tmp_path_factory.mktemp("shared"), script)


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_with_its_place(shared: WrittenMaria, what: str) -> None:
    content, settings, words = REFUSED[what]

    assert words in shared.refused(content, **settings)


# A type of the table, what the rows have, and the text that is stored; None: refused.
FITS = [
    ("decimal(38,10)", "1.2345678901::DECIMAL(38,10)", "1.2345678901"),
    ("decimal(5,2)", "1.50::DECIMAL(38,10)", "1.50"),
    ("decimal(5,2)", "0.125::DOUBLE", None),
    ("decimal(5,2)", "1000", None),
    ("decimal(5,2) unsigned", "-1.00::DECIMAL(5,2)", None),
    ("double", "0.1::DECIMAL(19,4)", "0.1"),
    ("double", "12345678901234567.8::DECIMAL(38,10)", None),
    ("double(10,2)", "1.555::DOUBLE", None),
    ("float", "0.1::DOUBLE", "0.1"),
    ("float", "16777217::INTEGER", None),
    ("bigint unsigned", "18446744073709551615::UBIGINT", "18446744073709551615"),
    ("bigint", "18446744073709551615::UBIGINT", None),
    ("tinyint(1)", "true", "1"),
    ("tinyint(1)", "2", "2"),
    ("tinyint", "true", None),
    ("smallint unsigned", "-1", None),
    ("text", "'x' || chr(0)", None),
    ("text", "E'a\\tb\\\\N\\n\"c'';--'", "a\tb\\N\n\"c';--"),
    ("tinytext", "repeat('é', 128)", None),
    ("varchar(3)", "'ab '", "ab "),
    ("varchar(3)", "'abc '", None),
    ("char(3)", "'ab '", None),
    ("varchar(9) CHARACTER SET latin1", "'é€'", "é€"),
    ("varchar(9) CHARACTER SET latin1", "'中'", None),
    ("varchar(9) CHARACTER SET utf8mb3", "'😀'", None),
    ("varchar(9) CHARACTER SET utf8mb4", "'😀'", "😀"),
    ("blob", "'x'", None),
    ("bit(8)", "'1'", None),
    ("enum('a','b''c','2')", "'b''c'", "b'c"),
    ("enum('a','b')", "'2'", None),
    ("enum('a','b')", "'A'", None),
    (r"enum('a\\b')", r"'a\b'", r"a\b"),
    ("set('x','y')", "'x,y'", "x,y"),
    ("set('x','y')", "'3'", None),
    ("year", "2026", "2026"),
    ("year", "26", None),
    ("date", "DATE '2026-01-31'", "2026-01-31"),
    ("date", "TIMESTAMP '2026-01-31 00:00:01'", None),
    ("datetime(6)", "TIMESTAMP '2026-01-31 10:00:00.123456'", "2026-01-31 10:00:00.123456"),
    ("datetime", "TIMESTAMP '2026-01-31 10:00:00.5'", None),
    ("datetime", "TIMESTAMPTZ '2026-01-31 10:00:00+01'", None),
    ("timestamp NULL", "TIMESTAMPTZ '2026-01-31 10:00:00+01'", "2026-01-31 09:00:00"),
    ("timestamp NULL", "TIMESTAMP '2200-01-31 10:00:00'", None),
    ("time", "TIME '10:00:00'", "10:00:00"),
    ("time", "TIME '10:00:00.5'", None),
    ("json", "'{\"a\": 1.10}'", '{"a": 1.10}'),
    ("json", "'{'", None),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("uuid", "'x'", None),
    ("inet6", "'::1'", "::1"),
    ("int AUTO_INCREMENT PRIMARY KEY", "0", "0"),
    ("int AUTO_INCREMENT PRIMARY KEY", "NULL::INTEGER", None),
]


@pytest.mark.parametrize(("kind", "value", "stored"), FITS, ids=lambda value: str(value)[:30])
def test_a_value_is_stored_as_it_is_or_refused(shared: WrittenMaria, kind: str, value: str, stored: str | None) -> None:
    # As a server may be set that cuts in silence.
    shared.server.run("SET GLOBAL sql_mode = ''")
    shared.rows(f"DROP TABLE IF EXISTS t;\nCREATE TABLE t (v {kind})")

    played = shared.write(parquet(f"SELECT {value} AS v"), into="t", mode="append")

    sql = "SET time_zone = '+00:00';\nSELECT CAST(v AS CHAR) FROM t"
    assert shared.rows(sql) == ([] if stored is None else [(stored,)]), played.outcome.message
    assert (played.outcome.status is StepStatus.FAILED) == (stored is None), played.outcome.message


def test_what_only_the_server_can_read_is_refused_with_its_place(shared: WrittenMaria) -> None:
    shared.rows("DROP TABLE IF EXISTS t;\nCREATE TABLE t (v uuid)")
    rows = b"v\na0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\nx\n"

    said = shared.write(rows, into="t", mode="append").outcome.message

    assert "line 3, column \"v\": Incorrect uuid value: 'x'; nothing was written" in said


def test_names_are_quoted(shared: WrittenMaria) -> None:
    shared.rows("CREATE TABLE `a``b; --` (`K %s` int PRIMARY KEY, `Select {}` text)")

    played = shared.write(
        b'K %s,Select {}\n1,"x; DROP TABLE y"\n', into=f'{shared.database}."a`b; --"', mode="upsert", key=["K %s"]
    )

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert shared.rows("SELECT * FROM `a``b; --`") == [(1, "x; DROP TABLE y")]


def test_an_upsert_goes_by_the_key_that_is_named(written: WrittenMaria) -> None:
    # FlexLabs.Upsert#61, objectstack#8755: ON DUPLICATE KEY changed the row that another unique key hit.
    written.rows("ALTER TABLE ledger ADD UNIQUE (amount)")
    rows = b"entry,account,amount\n9,0420,30.00\n"

    assert "Duplicate entry" in written.refused(rows, **UPSERT)


def test_an_upsert_changes_rows_and_keeps_their_other_columns(written: WrittenMaria) -> None:
    written.rows("UPDATE ledger SET booked_on = '2020-02-02' WHERE entry = 2")

    written.write(ROWS, **UPSERT)

    assert written.rows("SELECT CAST(booked_on AS CHAR) FROM ledger ORDER BY entry")[1] == ("2020-02-02",)


def test_a_key_that_the_table_takes_for_another_is_noticed(shared: WrittenMaria) -> None:
    shared.rows("CREATE TABLE people (name varchar(9) PRIMARY KEY, v int);\nINSERT INTO people VALUES ('ANN', 1)")

    played = shared.write(b"name,v\nann,2\n", into="people", mode="upsert", key=["name"])

    assert "has 1 of them otherwise than they were given" in played.outcome.message
    assert shared.rows("SELECT * FROM people") == [("ANN", 1)]


def test_rows_of_a_key_that_nobody_gave_stay(shared: WrittenMaria) -> None:
    people = "INSERT INTO folk VALUES ('Müller', 1), ('muller ', 2), ('x', 3)"
    shared.rows(f"CREATE TABLE folk (name varchar(9) COLLATE utf8mb4_general_ci, v int);\n{people}")
    replace: dict[str, Any] = {"into": "folk", "mode": "replace_where", "key": ["name"]}

    assert "the table holds the key Müller, which it takes for" in shared.refused(b"name,v\nMuller,9\n", **replace)
    assert shared.write(b"name,v\nx,9\n", **replace).outcome.status is StepStatus.SUCCESS
    assert shared.rows("SELECT v FROM folk ORDER BY v") == [(1,), (2,), (9,)]


@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
def test_rows_of_another_table_do_not_go_along(written: WrittenMaria, rule: str) -> None:
    written.rows(f"CREATE TABLE line (e int, FOREIGN KEY (e) REFERENCES ledger (entry) ON DELETE {rule})")
    written.rows("INSERT INTO line VALUES (2)")

    for mode in ("replace_where", "batch"):
        assert f".line refers to the table with ON DELETE {rule}" in written.refused(rows_of(mode), **MODES[mode])
    assert written.write(ROWS, **UPSERT).outcome.status is StepStatus.SUCCESS
    assert written.rows("SELECT e FROM line") == [(2,)]


def test_a_trigger_that_changes_the_mark_of_a_batch_is_noticed(written: WrittenMaria) -> None:
    written.rows("CREATE TRIGGER shout BEFORE INSERT ON ledger FOR EACH ROW SET NEW.batch = 'x'")

    assert "of them otherwise than they were given" in written.refused(NEW_ROWS, **MODES["batch"])


@pytest.mark.parametrize("setting", ["sql_safe_updates", "innodb_force_primary_key"])
def test_a_server_that_is_strict_otherwise_takes_rows(written: WrittenMaria, setting: str) -> None:
    written.server.run(f"SET GLOBAL {setting} = 1")
    try:
        assert written.write(ROWS, **MODES["replace_where"]).outcome.status is StepStatus.SUCCESS
    finally:
        written.server.run(f"SET GLOBAL {setting} = 0")
    assert written.rows() == AFTER["replace_where"]


def test_a_trigger_that_changes_rows_is_noticed(written: WrittenMaria) -> None:
    written.rows("CREATE TRIGGER meddle BEFORE INSERT ON ledger FOR EACH ROW SET NEW.amount = 0")

    for mode in ("append", "batch", "upsert", "replace_where"):
        assert "of them otherwise than they were given" in written.refused(rows_of(mode), **MODES[mode]), mode


def test_a_row_that_is_longer_than_the_server_takes_is_named(shared: WrittenMaria) -> None:
    shared.rows("DROP TABLE IF EXISTS t;\nCREATE TABLE t (v longtext)")

    said = shared.write(parquet("SELECT repeat('x', 9000000) AS v"), into="t", mode="append").outcome.message

    assert "longer than the server takes (max_allowed_packet)" in said


@pytest.mark.parametrize(("mode", "error"), cuts(Cut, CutAfter, begins_with=Cut))
def test_a_line_cut_at_any_point_leaves_rows_right_once_they_are_written_again(
    mariadb: Mariadb, tmp_path: Path, mode: str, error: type[Exception], is_thorough: bool
) -> None:
    count = pieces(WrittenMaria(mariadb, tmp_path / "count", LEDGER + FIRST), mode)
    assert count > 10
    written = WrittenMaria(mariadb, tmp_path, LEDGER)
    for at in points(mode, count, is_thorough=is_thorough):
        written.rows(f"DELETE FROM ledger;\n{FIRST}")
        first = written.write(rows_of(mode), connection=written.reach(Cutter(at, error)), **MODES[mode])
        wait_until(written.is_quiet)
        assert written.rows() in (BEFORE, AFTER[mode])
        if first.outcome.status is StepStatus.SUCCESS:
            assert written.rows() == AFTER[mode]
        there = written.rows()

        again = written.write(rows_of(mode), recorded=first.context.recorded, **MODES[mode])

        _assert_right(written, mode, again, there)


def _assert_right(written: WrittenMaria, mode: str, again: Any, there: list[Any]) -> None:
    """The next try has written the rows, or says that it cannot know whether they are there: nothing is there twice."""
    if mode == "append" and DOUBT in again.outcome.message:
        assert again.outcome.status is StepStatus.FAILED and written.rows() == there
        return
    assert again.outcome.status is StepStatus.SUCCESS, again.outcome.message
    assert written.rows() == AFTER[mode]


@pytest.mark.parametrize(("mode", "then"), [("upsert", "run the step again"), ("append", "look there before the step")])
def test_a_commit_whose_answer_is_lost_is_in_doubt(written: WrittenMaria, mode: str, then: str) -> None:
    def cut(data: bytes) -> None:
        if data.endswith(b"\x03COMMIT"):
            raise CutAfter

    played = written.write(rows_of(mode), connection=written.reach(cut), **MODES[mode])

    assert played.outcome.status is StepStatus.FAILED
    assert "they are all there or none is" in played.outcome.message and then in played.outcome.message


def test_a_try_that_was_heard_of_is_not_repeated(written: WrittenMaria) -> None:
    first = written.write(NEW_ROWS, **MODES["append"])

    again = written.write(NEW_ROWS, recorded=first.context.recorded, **MODES["append"])
    other = written.refused(b"entry,account,amount\n7,a,1\n", recorded=first.context.recorded, **MODES["append"])

    assert "since an earlier try" in again.outcome.message and written.rows() == AFTER["append"]
    assert "an earlier try has written other rows than these" in other


def test_a_commit_that_the_server_refuses_may_be_tried_again(written: WrittenMaria) -> None:
    sent: list[bytes] = []

    def swallow(data: bytes) -> bytes:
        # The answer to the commit becomes an error: what a cluster says of a conflict.
        return b"\x0b\x00\x00\x01\xff\xbd\x04#40001no" if sent and sent[-1].endswith(b"COMMIT") else data

    reached = servers.connection(written.server, written.database, hook=sent.append, answer=swallow)
    first = written.write(NEW_ROWS, connection=reached, **MODES["append"])
    written.rows(f"DELETE FROM ledger;\n{FIRST}")

    again = written.write(NEW_ROWS, recorded=first.context.recorded, **MODES["append"])

    assert "nothing was written" in first.outcome.message
    assert again.outcome.status is StepStatus.SUCCESS and written.rows() == AFTER["append"]


@pytest.mark.crash
@pytest.mark.thorough
@pytest.mark.parametrize("mode", MODES)
def test_a_process_killed_at_any_point_leaves_rows_right(mariadb: Mariadb, tmp_path: Path, mode: str) -> None:
    count = pieces(WrittenMaria(mariadb, tmp_path / "count", LEDGER + FIRST), mode)
    for at in points(mode, count, is_thorough=True):
        place = tmp_path / f"{at}"
        place.mkdir()
        written, journal = WrittenMaria(mariadb, place / "again", LEDGER + FIRST), place / "journal"
        pids: list[int] = []
        reached = written.reach(partial(kill, Cutter(at, Reached), pids))
        pids.append(in_a_child(place, partial(write_recording, written, reached, journal, mode)))
        assert finish(pids[0]) == -signal.SIGKILL
        wait_until(written.is_quiet)
        recorded = journal.read_text().splitlines() if journal.exists() else []
        there = written.rows()
        assert there in (BEFORE, AFTER[mode])

        again = written.write(rows_of(mode), recorded=recorded, **MODES[mode])

        _assert_right(written, mode, again, there)

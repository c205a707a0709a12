"""write_database into a real PostgreSQL: all rows or none, as they were given, and never twice."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from procession.actions.contract import StepOutcome
from procession.actions.kinds import write_database
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect
from tests.actions import postgres as servers
from tests.actions.context import play
from tests.actions.postgres import Postgres
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

LEDGER = """
CREATE SCHEMA finance;
CREATE TABLE finance.ledger (entry integer PRIMARY KEY, account varchar(4) NOT NULL, amount numeric(12,2),
    booked_on date DEFAULT '2026-01-01', batch text, made integer GENERATED ALWAYS AS (entry * 2) STORED);
INSERT INTO finance.ledger (entry, account, amount) VALUES (1, '0400', 10), (2, '0400', 20), (3, '0410', 30);
"""


@pytest.fixture
def written(postgres: Postgres, tmp_path: Path) -> Written:
    return Written(postgres, tmp_path, LEDGER)


def test_a_preview_says_what_would_be_written_and_writes_nothing(tmp_path: Path) -> None:
    settings = {"connection": "erp", "source": "${files.rows}", "into": "finance.ledger"} | MODES["upsert"]

    played = play(replace(write_database.ACTION, run=_previewed), tmp_path, settings, {"files.rows": ROWS})

    assert played.outcome.message == (
        'would write 2 rows (entry, account, amount) to finance.ledger of the connection "erp": upsert by entry'
    )


def _previewed(context: Any) -> StepOutcome:
    assert write_database.ACTION.preview is not None
    return StepOutcome(status=StepStatus.SUCCESS, message=write_database.ACTION.preview(context))


def test_only_appending_without_a_mark_is_done_once() -> None:
    for mode, given in MODES.items():
        settings = {"connection": "erp", "source": "${files.rows}", "into": "t"} | given
        converted = msgspec.convert(settings, write_database.ACTION.settings)

        assert write_database.ACTION.effect_of is not None
        wanted = Effect.ONCE if mode == "append" else Effect.IDEMPOTENT
        assert write_database.ACTION.effect_of(converted) is wanted


UPSERT = MODES["upsert"]
# Rows that cannot be written as they are, and what is said of them.
REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "rounded": (
        b"entry,account,amount\n4,a,1.005\n",
        UPSERT,
        'line 2, column "amount": 1.0050 does not fit numeric(12,2)',
    ),
    "too long a number": (
        b"entry,account,amount\n4,a,12345678901.00\n",
        UPSERT,
        'line 2, column "amount": 12345678901',
    ),
    "too long a text": (
        b"entry,account\n4,a\n5,abcde\n",
        UPSERT,
        'line 3, column "account": abcde has more than the 4',
    ),
    "blanks beyond": (b"entry,account\n4,abcd  \n", UPSERT, 'column "account": abcd   has more than the 4'),
    "a fraction": (b"entry,account\n4,a\n4.5,b\n", UPSERT, 'line 3, column "entry": 4.5000 does not fit integer'),
    "out of range": (b"entry,account\n4294967296,a\n", UPSERT, "4294967296 does not fit integer"),
    "zeros before": (b"entry,account\n007,a\n", UPSERT, "007 does not fit integer"),
    "no number": (b"entry,account\nx,a\n", UPSERT, "x does not fit integer"),
    "words for a day": (b"entry,account,booked_on\n4,a,tomorrow\n", UPSERT, "tomorrow is no date"),
    "a short day": (b"entry,account,booked_on\n4,a,05-04-24\n", UPSERT, "05-04-24 is no date"),
    "no such day": (b"entry,account,booked_on\n4,a,2026-02-30\n", UPSERT, "2026-02-30 is no date"),
    "a column too many": (b"entry,account,amout\n4,a,1\n", UPSERT, 'no column "amout"; did you mean "amount"?'),
    "a column too few": (b"entry,amount\n4,1\n", UPSERT, 'the rows lack "account"'),
    "made there": (b"entry,account,made\n4,a,8\n", UPSERT, '"made" is made by the database'),
    "empty": (b"entry,account,amount\n4,,1\n", UPSERT, 'line 2, column "account": it is empty, and the table wants'),
    "an empty key": (b"entry,account\n,a\n", UPSERT, "line 2: the key (entry) is empty"),
    "one key twice": (b"entry,account\n4,a\n5,b\n4,c\n", UPSERT, "line 2 and line 4 have one key (entry)"),
    "no such key": (
        b"entry,account\n4,a\n",
        {"mode": "upsert", "key": ["amount"]},
        'no column "amount", which is part',
    ),
    "no unique key": (ROWS, {"mode": "upsert", "key": ["account"]}, "no unique key of account"),
    "there already": (ROWS, {"mode": "append"}, "duplicate key value violates unique constraint"),
    "no table": (ROWS, {"into": "finance.ledgr"} | UPSERT, "there is no table finance.ledgr"),
    "a name": (ROWS, {"into": 'finance."ledger; DROP TABLE x"'} | UPSERT, "there is no table finance.ledger; DROP"),
    "a view": (ROWS, {"into": "pg_catalog.pg_tables"} | UPSERT, "is no table"),
    "a total": (ROWS, {"expect": {"total": {"column": "amount", "equals": 1}}} | UPSERT, "1.00 was expected"),
    "a mark": (b"entry,account,batch\n4,a,b\n", MODES["batch"], 'a column "batch" of their own'),
    "no mark": (NEW_ROWS, {"mode": "append", "batch": "btch"}, 'no column "btch"'),
}


@pytest.fixture(scope="module")
def shared(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Written:
    types = (
        "CREATE TYPE size AS ENUM ('large'); CREATE DOMAIN short AS varchar(3); CREATE DOMAIN cents AS numeric(10,2);"
    )
    return Written(postgres, tmp_path_factory.mktemp("shared"), types + LEDGER)


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_with_its_place(shared: Written, what: str) -> None:
    content, settings, words = REFUSED[what]

    assert words in shared.refused(content, **settings)


# A type of the table, what the rows have, and the text that is stored; None: refused.
FITS = [
    ("numeric", "1.2345678901::DECIMAL(38,10)", "1.2345678901"),
    ("numeric(5,2)", "1.50::DECIMAL(38,10)", "1.50"),
    ("numeric(5,2)", "0.1::DOUBLE", "0.10"),
    ("numeric(5,2)", "0.125::DOUBLE", None),
    ("numeric", "'NaN'::DOUBLE", None),
    ("double precision", "0.1::DECIMAL(19,4)", "0.1"),
    ("double precision", "12345678901234567.8::DECIMAL(38,10)", None),
    ("real", "0.1::DOUBLE", "0.1"),
    ("real", "16777217::INTEGER", None),
    ("bigint", "3.0::DOUBLE", "3"),
    ("smallint", "40000", None),
    ("text", "'x' || chr(0)", None),
    ("text", "E'a\\tb\\\\N\\n\"c'", 'a\tb\\N\n"c'),
    ("text", "1.50::DECIMAL(19,4)", "1.5000"),
    ("bytea", "'x'", None),
    ("boolean", "true", "true"),
    ("boolean", "'yes'", None),
    ("boolean", "1", None),
    ("date", "DATE '2026-01-31'", "2026-01-31"),
    ("date", "TIMESTAMP '2026-01-31 00:00:00'", "2026-01-31"),
    ("date", "TIMESTAMP '2026-01-31 00:00:01'", None),
    ("date", "DATE 'infinity'", None),
    ("timestamp", "TIMESTAMP '2026-01-31 10:00:00.123456'", "2026-01-31 10:00:00.123456"),
    ("timestamp(0)", "TIMESTAMP '2026-01-31 10:00:00.5'", None),
    ("timestamp", "TIMESTAMPTZ '2026-01-31 10:00:00+01'", None),
    ("timestamptz", "TIMESTAMPTZ '2026-01-31 10:00:00+01'", "2026-01-31 09:00:00+00"),
    ("timestamptz", "TIMESTAMP '2026-01-31 10:00:00'", "2026-01-31 10:00:00+00"),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("uuid", "'x'", None),
    ("jsonb", "'{\"a\": 1.10}'", '{"a": 1.10}'),
    ("integer[]", "'{1,2}'", "{1,2}"),
    ("size", "'large'", "large"),
    ("size", "'huge'", None),
    ("short", "'abcd'", None),
    ("cents", "1.005::DECIMAL(19,4)", None),
    ("money", "1", None),
    ("time", "TIME '10:00:00'", "10:00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "stored"), FITS, ids=lambda value: str(value)[:30])
def test_a_value_is_stored_as_it_is_or_refused(shared: Written, kind: str, value: str, stored: str | None) -> None:
    with shared.server.admin(shared.database) as admin:
        admin.execute(f"DROP TABLE IF EXISTS t; CREATE TABLE t (v {kind}); ALTER TABLE t OWNER TO erp")

    played = shared.write(parquet(f"SELECT {value} AS v"), into="t", mode="append")

    assert _texts(shared) == ([] if stored is None else [(stored,)]), played.outcome.message
    assert (played.outcome.status is StepStatus.FAILED) == (stored is None), played.outcome.message


def _texts(written: Written) -> list[Any]:
    with written.server.admin(written.database) as admin:
        admin.execute("SET TIME ZONE 'UTC'")
        return list(admin.execute("SELECT v::text FROM t").fetchall())


def test_names_are_quoted(postgres: Postgres, tmp_path: Path) -> None:
    script = 'CREATE SCHEMA "My.Schema"; CREATE TABLE "My.Schema"."a""b; --" ("K %s" int PRIMARY KEY, "Select {}" text)'
    written = Written(postgres, tmp_path, script)

    played = written.write(
        b'K %s,Select {}\n1,"x; DROP TABLE y"\n', into='"My.Schema"."a""b; --"', mode="upsert", key=["K %s"]
    )

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert written.rows('SELECT * FROM "My.Schema"."a""b; --"') == [(1, "x; DROP TABLE y")]


def test_a_name_that_begins_with_a_quote_is_not_another_one(postgres: Postgres, tmp_path: Path) -> None:
    written = Written(postgres, tmp_path, 'CREATE TABLE books (v int); CREATE TABLE """books" (v int)')

    played = written.write(b"v\n1\n", into='"""books"', mode="append")

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert (written.rows('SELECT v FROM """books"'), written.rows("SELECT v FROM books")) == ([(1,)], [])


def test_a_trigger_that_changes_or_swallows_rows_is_noticed(written: Written) -> None:
    with written.server.admin(written.database) as admin:
        admin.execute(
            "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.amount = 0; RETURN NEW; END $$;"
            "CREATE TRIGGER meddle BEFORE INSERT ON finance.ledger FOR EACH ROW EXECUTE FUNCTION meddle()"
        )

    assert "took 2 of 2 rows, and has 2 of them otherwise" in written.refused(NEW_ROWS, **MODES["append"])
    with written.server.admin(written.database) as admin:
        admin.execute(
            "CREATE OR REPLACE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
        )
    assert "took 0 of 2 rows" in written.refused(NEW_ROWS, **MODES["append"])


def test_rows_of_another_table_do_not_go_along(written: Written) -> None:
    with written.server.admin(written.database) as admin:
        admin.execute(
            "CREATE TABLE finance.line (e int REFERENCES finance.ledger ON DELETE CASCADE);"
            " INSERT INTO finance.line VALUES (2)"
        )

    for mode in ("replace_where", "batch"):
        said = written.refused(rows_of(mode), **MODES[mode])
        assert "finance.line refers to the table with ON DELETE CASCADE" in said
    assert written.rows("SELECT e FROM finance.line") == [(2,)]


# As the extension citext, which not every server brings: texts that are equal in another case.
CITEXT = """
CREATE TYPE citext;
CREATE FUNCTION ci_in(cstring) RETURNS citext LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION ci_out(citext) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE citext (INPUT = ci_in, OUTPUT = ci_out, LIKE = text, CATEGORY = 'S', COLLATABLE = true);
CREATE CAST (citext AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE FUNCTION ci(citext, citext) RETURNS int LANGUAGE sql IMMUTABLE AS
    'SELECT bttextcmp(lower($1::text), lower($2::text))';
"""
CITEXT += "".join(
    f"CREATE FUNCTION ci{number}(citext, citext) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT ci($1, $2) {sign} 0';"
    f"CREATE OPERATOR {sign} (LEFTARG = citext, RIGHTARG = citext, FUNCTION = ci{number});"
    for number, sign in enumerate(("<", "<=", "=", ">=", ">"), start=1)
)
CITEXT += """
CREATE OPERATOR CLASS ci_ops DEFAULT FOR TYPE citext USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 ci(citext, citext);
CREATE TABLE folk (name citext, v int);
INSERT INTO folk VALUES ('ANN', 1), ('x', 3);
ALTER TABLE folk OWNER TO erp;
"""


def test_rows_of_a_key_that_nobody_gave_stay(postgres: Postgres, tmp_path: Path) -> None:
    written = Written(postgres, tmp_path, "SELECT 1")
    with postgres.admin(written.database) as admin:
        admin.execute(CITEXT)
    replace: dict[str, Any] = {"into": "folk", "mode": "replace_where", "key": ["name"]}

    refused = written.write(b"name,v\nann,9\n", **replace)

    assert "the table holds the key ANN, which it takes for" in refused.outcome.message
    assert written.write(b"name,v\nx,9\n", **replace).outcome.status is StepStatus.SUCCESS
    assert written.rows("SELECT v FROM folk ORDER BY v") == [(1,), (9,)]


@pytest.mark.thorough  # a deadlock is found after so many seconds, and by ours
def test_a_deadlock_is_told_on_one_line_and_leaves_nothing(written: Written) -> None:
    """cloudquery/cloudquery#21268, PostHog/posthog#82614: two syncs of the same rows in another order."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'procession'"
    with written.server.admin(written.database) as admin, written.server.admin(written.database) as other:
        admin.execute(f"ALTER DATABASE {written.database} SET deadlock_timeout = '5s'")
        other.execute("SET deadlock_timeout = '1min'")
        other.autocommit = False
        other.execute("UPDATE finance.ledger SET amount = 21 WHERE entry = 2")
        with ThreadPoolExecutor(1) as threads:
            played = threads.submit(written.write, b"entry,account,amount\n1,0400,5\n2,0400,6\n", **MODES["upsert"])
            wait_until(lambda: admin.execute(waits).fetchone())
            other.execute("UPDATE finance.ledger SET amount = 11 WHERE entry = 1")
            other.commit()

    told = played.result().outcome.message
    assert "deadlock detected (" in told and told.endswith("; nothing was written") and "\n" not in told
    assert [row[2] for row in written.rows()][:2] == ["11.00", "21.00"]


def test_a_constraint_that_waits_for_the_commit_leaves_nothing(written: Written) -> None:
    with written.server.admin(written.database) as admin:
        admin.execute(
            "CREATE TABLE finance.account (code varchar(4) PRIMARY KEY); INSERT INTO finance.account VALUES ('0400'),"
            "('0410'); ALTER TABLE finance.ledger ADD FOREIGN KEY (account) REFERENCES finance.account"
            " DEFERRABLE INITIALLY DEFERRED"
        )

    assert "violates foreign key constraint" in written.refused(NEW_ROWS, **MODES["append"])


@pytest.mark.parametrize(("mode", "error"), cuts(servers.Cut, servers.CutAfter, begins_with=servers.CutAfter))
def test_a_line_cut_at_any_point_leaves_rows_right_once_they_are_written_again(
    postgres: Postgres, tmp_path: Path, mode: str, error: type[Exception], is_thorough: bool
) -> None:
    count = pieces(Written(postgres, tmp_path / "count", LEDGER), mode)
    assert count > 10
    written = Written(postgres, tmp_path, LEDGER)
    before = "TRUNCATE finance.ledger; INSERT INTO finance.ledger (entry, account, amount) VALUES (1, '0400', 10),"
    for at in points(mode, count, is_thorough=is_thorough):
        with postgres.admin(written.database) as admin:
            admin.execute(f"{before} (2, '0400', 20), (3, '0410', 30)")
        reached = written.reach(Cutter(at, error))
        first = written.write(rows_of(mode), connection=reached, **MODES[mode])
        wait_until(written.is_quiet)
        assert written.rows() in (BEFORE, AFTER[mode])
        if first.outcome.status is StepStatus.SUCCESS:
            assert written.rows() == AFTER[mode]

        # What was recorded is there for the next try, as on a server.
        again = written.write(rows_of(mode), recorded=first.context.recorded, **MODES[mode])

        assert again.outcome.status is StepStatus.SUCCESS, (at, again.outcome.message)
        assert written.rows() == AFTER[mode], at


def test_a_lost_commit_is_asked_for(written: Written) -> None:
    def cut(data: bytes) -> None:
        if b"COMMIT\0" in data:
            raise servers.CutAfter

    reached = written.reach(cut)

    played = written.write(NEW_ROWS, connection=reached, **MODES["append"])

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert "the connection was lost at the commit; transaction" in played.context.logged
    assert written.rows() == AFTER["append"]


@pytest.mark.parametrize(("mode", "then"), [("upsert", "run the step again"), ("append", "look there before the step")])
def test_a_commit_that_nobody_can_be_asked_about_is_in_doubt(written: Written, mode: str, then: str) -> None:
    lost: list[bytes] = []

    def cut(data: bytes) -> None:
        # From the commit on nobody is reached.
        if b"COMMIT\0" in data or lost:
            lost.append(data)
            raise servers.CutAfter

    reached = written.reach(cut)

    played = written.write(rows_of(mode), connection=reached, **MODES[mode])

    assert played.outcome.status is StepStatus.FAILED
    assert "they are all there or none is" in played.outcome.message and then in played.outcome.message


def test_a_line_that_is_lost_again_while_the_commit_is_asked_about_leaves_it_in_doubt(written: Written) -> None:
    """It was told that nothing was written, and all of it was."""

    def cut(data: bytes) -> None:
        if b"COMMIT\0" in data or b"pg_xact_status" in data:
            raise servers.CutAfter

    played = written.write(NEW_ROWS, connection=written.reach(cut), **MODES["append"])

    assert played.outcome.status is StepStatus.FAILED
    assert "they are all there or none is; look there before" in played.outcome.message
    assert written.rows() == AFTER["append"]


def test_an_earlier_try_that_wrote_other_rows_is_no_success(written: Written) -> None:
    first = written.write(NEW_ROWS, **MODES["append"])

    said = written.refused(b"entry,account,amount\n7,a,1\n", recorded=first.context.recorded, **MODES["append"])

    assert "an earlier try has written other rows than these" in said


# What is killed ends as its line does: `make test` tries the mode that nothing protects, and one that has a key.
@pytest.mark.crash
@pytest.mark.parametrize(
    "mode",
    [pytest.param(mode, marks=() if mode in ("append", "upsert") else pytest.mark.thorough) for mode in MODES],
)
def test_a_process_killed_at_any_point_leaves_rows_right(
    postgres: Postgres, tmp_path: Path, mode: str, is_thorough: bool
) -> None:
    count = pieces(Written(postgres, tmp_path / "count", LEDGER), mode)
    for at in points(mode, count, is_thorough=is_thorough):
        place = tmp_path / f"{at}"
        place.mkdir()
        written, journal = Written(postgres, place / "again", LEDGER), place / "journal"
        pids: list[int] = []
        reached = written.reach(partial(kill, Cutter(at, Reached), pids))
        pids.append(in_a_child(place, partial(write_recording, written, reached, journal, mode)))
        assert finish(pids[0]) == -signal.SIGKILL
        wait_until(written.is_quiet)
        recorded = journal.read_text().splitlines() if journal.exists() else []

        again = written.write(rows_of(mode), recorded=recorded, **MODES[mode])

        assert again.outcome.status is StepStatus.SUCCESS, again.outcome.message
        assert written.rows() == AFTER[mode]

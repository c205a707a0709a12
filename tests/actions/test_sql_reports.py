"""SQL in steps: what people reported of schedulers and BI programs. Each case names its report."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import msgspec
import pytest

from procession.actions.kinds import run_sql
from procession.actions.sql import sql_checks
from procession.actions.sql.sql_settings import RunSqlSettings
from procession.model.lifecycle import StepStatus
from tests.actions.context import LocalContext, play

ROWS = """account,amount,day,größe,order,"a""b",id
x,1.50,2026-01-31,3,1,2,9007199254740993
y,2.25,2026-02-28,4,2,3,9007199254740993
"""


def asked(folder, sql, content=ROWS, **values):
    inputs = {"t": "${f.t}", **{name: f"${{p.{name}}}" for name in values}}
    settings = {"sql": sql, "inputs": inputs, "outputs": {"result": "${o.r}"}}
    [mistakes] = sql_checks.together([msgspec.convert(settings, RunSqlSettings)])
    assert mistakes == []
    given = {f"p.{name}": value for name, value in values.items()}
    return play(run_sql.ACTION, folder, settings, {"f.t": ("t.csv", content.encode()), **given})


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        # Templating: fugue-project/fugue#76, sripathikrishnan/jinjasql#28, hashedin/squealy#230, sqlfluff#205, #1143
        ("SELECT account FROM t WHERE account NOT LIKE '{%' AND account NOT LIKE '%SNB%'", "account x y"),
        ("SELECT strftime(day, '%Y-%m') AS m FROM t WHERE amount < 2", "m 2026-01"),
        ("SELECT '{{x,{% raw %}&lt;%s%(a)s%%}}' AS a", 'a "{{x,{% raw %}&lt;%s%(a)s%%}}"'),
        # The end of the text: metabase#68361, #28218, evidence#1450, superset#12963, #29466, #7483, pymonetdb#20
        ("SELECT 1 AS a;;", "a 1"),
        ("SELECT 1 AS a;\n-- SELECT 2 LIMIT 10;\n", "a 1"),
        ("SELECT 1 AS a -- the end", "a 1"),
        ("SELECT 1 AS a /* the end; */ ;", "a 1"),
        # Semicolons: dbt-core#711, harlequin#1019, sqlparse#307, #763
        ("SELECT -- this is; only a test\n 1 AS a", "a 1"),
        ("CREATE MACRO f(x) AS x || ';'; SELECT f(account) AS a FROM t", "a x; y;"),
        ("SELECT $$a;b$$ AS a, $tag$it's;$1?$tag$ AS b", "a,b a;b,it's;$1?"),
        ("SELECT account FROM t WHERE account=$$x$$", "account x"),
        # Characters: XiaoMi/soar#110, sqlfmt#381, and text that was copied from a web page
        ("\ufeffSELECT 1 AS a", "a 1"),
        ("SELECT\u00a01 AS a", "a 1"),
        ("SELECT 1 AS a\r\n;\r\nCREATE TABLE x AS SELECT 2;\r\n", "a 1"),
        # Names: h-sphere/sql-seal#77, dbcodeio/public#444
        ('SELECT größe, "a""b", "order" FROM t', 'größe,"a""b",order 3,2,1 4,3,2'),
        # Digits: pgadmin4#4786
        ("SELECT id FROM t WHERE id >= 9007199254740993", "id 9007199254740993 9007199254740993"),
        ("SELECT sum(id) AS s FROM t", "s 18014398509481986"),
        # Division of whole numbers, which other databases cut off
        ("SELECT 7 / 2 AS x, 7 // 2 AS y", "x,y 3.5,3"),
        # Order: duckdb#17170
        ("SELECT account FROM t WHERE account = 'y' OR account = 'x'", "account x y"),
    ],
)
def test_sql_means_what_its_author_wrote(tmp_path, sql, rows):
    assert asked(tmp_path, sql).outputs["o.r"].decode().split() == rows.split()


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT account FROM t WHERE day = $day", "account x"),
        ("SELECT account FROM t WHERE day > $day", "account y"),
        ("SELECT month($day) AS m, last_day($day) AS l, $day + 1 AS n", "m,l,n 1,2026-01-31,2026-02-01"),
        ("SELECT 'until ' || $day AS t", "t until 2026-01-31"),
    ],
)
def test_a_datepicker_is_a_date(tmp_path, sql, rows, monkeypatch):
    """duckdb/duckdb#2138, minusxai/minusx#538: dates that were bound as texts."""
    monkeypatch.setattr(LocalContext, "type_of", lambda self, reference: "Datepicker" if reference == "p.day" else "")

    assert asked(tmp_path, sql, day="2026-01-31").outputs["o.r"].decode().split() == rows.split()


def test_a_parameter_keeps_its_digits_and_its_kind(tmp_path):
    """duckdb/duckdb-node-neo#366: a number that was bound as a smaller kind."""
    played = asked(tmp_path, "SELECT $a AS a, $b AS b, $c AS c, $d AS d", a=2**63, b=None, c=True, d=Decimal("0.10"))

    assert played.outputs["o.r"] == b"a,b,c,d\n9223372036854775808,,true,0.1\n"


def test_a_number_with_all_digits_behind_the_point_has_its_zero(tmp_path):
    sql = "SELECT unnest([0, 0.5, -0.25]::DECIMAL(2,2)[]) AS x, unnest([0, 0.5, -0.25]::DECIMAL(38,38)[]) AS y"

    assert asked(tmp_path, sql).outputs["o.r"] == b"x,y\n0,0\n0.5,0.5\n-0.25,-0.25\n"


def test_a_parquet_file_of_such_numbers_is_read_and_written_alike(tmp_path):
    path = tmp_path / "made.parquet"
    duckdb.execute(f"COPY (SELECT unnest([0, 0.5]::DECIMAL(2,2)[]) AS x) TO '{path}'")
    settings = {"sql": "SELECT x, x || '' AS t FROM t", "inputs": {"t": "${f.t}"}, "outputs": {"result": "${o.r}"}}

    played = play(run_sql.ACTION, tmp_path, settings, {"f.t": ("t.parquet", path.read_bytes())})

    assert played.outputs["o.r"] == b"x,t\n0,0.00\n0.5,0.50\n"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        # duckdb#25297, sqlglot#7969, frappe/insights#1397
        (
            "SELECT 5 // 0 AS x",
            "Division by zero in expression (5 // 0). Use TRY(...) to return NULL for this expression.",
        ),
        ("SELECT 5 / 0 AS x", "is inf, which is no number"),
        ("SELECT DATE 'infinity' AS x", 'row 1 of the column "x" is infinity, which is no date; write NULL, or a last'),
        ("SELECT TIMESTAMP '-infinity' AS x", "is -infinity, which is no date"),
        ("SELECT TIMESTAMPTZ 'infinity' AS x", "is infinity, which is no date"),
        # matrixone#10148
        (
            "SELECT sum(x) FROM (VALUES (99999999999999999999999999999999999.833::DECIMAL(38,3)), "
            "(99999999999999999999999999999999999.833)) v(x)",
            "Overflow",
        ),
        ("SELECT \u2018x\u2019 AS a", "write ' and \" as quotes, not typographic ones"),
        ("SELECT account FROM t WHERE amount = '1,5'", 'Could not convert string "1,5" to DECIMAL(19,4)'),
        ('SELECT account FROM t WHERE account = "x"', 'there is no column "x" here; t has: account, amount'),
    ],
)
def test_what_is_no_number_and_what_cannot_be_meant_is_refused(tmp_path, sql, message):
    outcome = asked(tmp_path, sql).outcome

    assert outcome.status is StepStatus.FAILED
    assert message in outcome.message


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT 1\nWHERE 'a' = '${My-Data.account}'",
            "line 2: ${My-Data.account} is not looked up inside of SQL; name it under",
        ),
        ("SELECT {{ account }}", 'line 1: syntax error at or near "{"'),
        ("SELECT :account", 'line 1: syntax error at or near ":"'),
        ("SELECT 'x' AS \u201ca b\u201d", "write ' and \" as quotes, not typographic ones"),
        ("BEGIN; COMMIT", "line 1: TRANSACTION is not allowed here"),
    ],
)
def test_the_habits_of_other_programs_are_told_at_apply(sql, message):
    [mistakes] = sql_checks.together([RunSqlSettings(sql=sql)])

    assert any(message in said for _, said in mistakes)

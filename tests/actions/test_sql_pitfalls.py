"""run_sql warns of SQL that is right as SQL and wrong as bookkeeping."""

from __future__ import annotations

import pytest

from procession.actions.kinds import run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

MOVED = {"a": "id,amount,name\n1,10.1,x\n", "b": "id,name,amount\n2,y,20.2\n"}
TWICE = {
    "a": "k,day,amount\n1,3,10\n1,4,20\n2,5,3\n",
    "b": "k,first,last,z\n1,1,3,a\n1,4,9,b\n",
    "c": "k,z\n1,a\n2,b\n",
}


def asked(folder, sql, files, *, name="r.csv", **values):
    inputs = {**{key: f"${{f.{key}}}" for key in files}, **{key: f"${{p.{key}}}" for key in values}}
    settings = {"sql": sql, "inputs": inputs, "outputs": {"result": {"to": "${o.r}", "as": name}}}
    given = {f"f.{key}": (f"{key}.csv", text.encode()) for key, text in files.items()}
    outcome = play(run_sql.ACTION, folder, settings, given | {f"p.{k}": v for k, v in values.items()}).outcome
    assert outcome.status is not StepStatus.FAILED, outcome.message
    return outcome


def warned(folder, sql, files, told, **values):
    outcome = asked(folder, sql, files, **values)
    assert told in outcome.message
    return outcome.status is StepStatus.WARNING


def silent(folder, sql, files, **values):
    outcome = asked(folder, sql, files, **values)
    return outcome.status is StepStatus.SUCCESS or outcome.message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM a UNION ALL SELECT * FROM b",
        "SELECT * FROM a UNION SELECT * FROM b ORDER BY 1",
        "SELECT id, amount FROM a EXCEPT SELECT amount, id FROM b",
        "WITH x AS (FROM b) SELECT * FROM a UNION ALL SELECT * FROM x",
        "CREATE TABLE t AS SELECT * FROM a UNION ALL SELECT * FROM b; FROM t",
        "FROM (SELECT id, amount FROM a WHERE id > $least UNION ALL SELECT amount, id FROM b WHERE id > $least)",
        "CREATE TABLE t AS SELECT id, amount FROM a; INSERT INTO t SELECT amount, id FROM b; FROM t",
    ],
)
def test_columns_that_are_put_together_by_position_have_one_order(tmp_path, sql):
    values = {"least": 0} if "$" in sql else {}

    assert warned(tmp_path, sql, MOVED, "puts columns together by their positions", **values)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM a UNION ALL BY NAME SELECT * FROM b",
        "SELECT id, amount FROM a UNION ALL SELECT id, amount FROM b",
        "SELECT id AS number, amount FROM a UNION ALL SELECT id, amount FROM b",
        "CREATE TABLE t AS FROM a; INSERT INTO t BY NAME SELECT * FROM b; FROM t",
        "CREATE TABLE t AS FROM a; INSERT INTO t (id, name, amount) SELECT * FROM b; FROM t",
    ],
)
def test_columns_of_one_order_are_none_to_warn_of(tmp_path, sql):
    assert silent(tmp_path, sql, MOVED) is True


@pytest.mark.parametrize(
    ("sql", "is_told"),
    [
        ("SELECT * FROM a WHERE k NOT IN (SELECT k FROM n)", True),
        ("WITH m AS (FROM n) SELECT * FROM a WHERE NOT (k IN (SELECT k FROM m)) OR k = 0", True),
        ("SELECT * FROM a WHERE k NOT IN (SELECT k FROM n WHERE k IS NOT NULL)", False),
        ("SELECT * FROM a WHERE k IN (SELECT k FROM n)", False),
        ("SELECT * FROM a WHERE NOT EXISTS (SELECT 1 FROM n WHERE n.k = a.k)", False),
        ("SELECT * FROM a WHERE k NOT IN (SELECT n.k FROM n WHERE n.z = a.day)", False),
    ],
)
def test_not_in_a_list_with_an_empty_value_makes_a_warning(tmp_path, sql, is_told):
    files = TWICE | {"n": "k,z\n1,1\n,2\n"}

    assert warned(tmp_path, sql, files, "NOT IN takes no row") if is_told else silent(tmp_path, sql, files) is True


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(amount) AS s FROM a JOIN b USING (k)",
        "FROM a LEFT JOIN b ON b.k = a.k",
        "FROM a x JOIN b y ON x.k = y.k",
        "FROM c JOIN a ON a.k = c.k JOIN b ON a.k = b.k",
        "WITH j AS (SELECT * FROM a JOIN b USING (k)) SELECT count(*) AS n FROM j",
        "SELECT sum(amount) AS s FROM a JOIN b USING (k) WHERE amount > 5",
    ],
)
def test_a_join_that_repeats_rows_of_both_sides_makes_a_warning(tmp_path, sql):
    told = 'repeats rows of both: "1" stands 2 times in a and 2 times in b'

    assert warned(tmp_path, sql, TWICE, told)


@pytest.mark.parametrize(
    "sql",
    [
        "FROM a JOIN c USING (k)",
        "FROM a SEMI JOIN b USING (k)",
        "FROM a JOIN b ON a.k = b.k AND day BETWEEN first AND last",
        "FROM a JOIN b USING (k) WHERE day BETWEEN first AND last",
        "SELECT DISTINCT a.k FROM a JOIN b USING (k)",
        "FROM a JOIN b USING (k) QUALIFY row_number() OVER (PARTITION BY day ORDER BY z) = 1",
        "FROM a JOIN (SELECT k, min(z) AS z FROM b GROUP BY k) USING (k)",
        "WITH b AS (FROM c) FROM a JOIN b USING (k)",
    ],
)
def test_a_join_that_repeats_no_rows_is_none_to_warn_of(tmp_path, sql):
    assert silent(tmp_path, sql, TWICE) is True


@pytest.mark.parametrize(
    ("sql", "is_told"),
    [
        ("SELECT k, count(*) AS n FROM a GROUP BY k LIMIT 1", True),
        ("FROM a JOIN c USING (k) LIMIT 1", True),
        ("SELECT k, count(*) AS n FROM a GROUP BY k ORDER BY n LIMIT 1", False),
        ("FROM a LIMIT 1", False),
    ],
)
def test_a_limit_of_rows_in_no_order_makes_a_warning(tmp_path, sql, is_told):
    told = "LIMIT takes any rows where nothing orders them"

    assert warned(tmp_path, sql, TWICE, told) if is_told else silent(tmp_path, sql, TWICE) is True


@pytest.mark.parametrize("name", ["r.csv", "r.xlsx", "r.parquet"])
@pytest.mark.parametrize("value", ["x / 1", "x::DOUBLE"])
def test_binary_fractions_of_amounts_are_told(tmp_path, name, value):
    told = 'the column "s" holds 1 binary fractions such as 0.6000000000000001'

    assert warned(tmp_path, f"SELECT sum({value}) AS s FROM t", {"t": "x\n0.10\n0.20\n0.30\n"}, told, name=name)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(x) AS s, round(sum(x / 1), 2) AS r FROM t",
        "SELECT 1 / (range + 1) AS s FROM range(5000)",
        "SELECT avg(x) * (range + 1) AS s FROM t, range(50) GROUP BY range",
    ],
)
def test_shares_and_averages_are_no_residues(tmp_path, sql):
    assert silent(tmp_path, sql, {"t": "x\n0.10\n0.20\n0.37\n"}) is True


@pytest.mark.parametrize(
    ("sql", "is_told"),
    [
        # xaprb, "The dangerous subtleties of LEFT JOIN and COUNT() in SQL": it was an inner join, and nobody saw it.
        ("SELECT l.k, n FROM l LEFT JOIN r ON l.k = r.k WHERE n > 0", True),
        ("SELECT l.k, count(*) AS c FROM l LEFT JOIN r USING (k) WHERE n > 0 GROUP BY l.k ORDER BY l.k LIMIT 1", True),
        ("WITH x AS (SELECT l.k FROM l LEFT JOIN r USING (k) WHERE n > $least) FROM x", True),
        ("SELECT l.k FROM l LEFT JOIN r ON l.k = r.k WHERE r.k IS NULL", False),
        ("SELECT l.k FROM l LEFT JOIN r ON l.k = r.k AND n > 0", False),
        ("SELECT l.k FROM l LEFT JOIN r ON l.k = r.k WHERE coalesce(n, 0) >= 0", False),
        ("SELECT l.k FROM l JOIN r ON l.k = r.k WHERE n > 0", False),
    ],
)
def test_a_where_that_undoes_an_outer_join_makes_a_warning(tmp_path, sql, is_told):
    files, values = {"l": "k,a\n1,5\n2,6\n", "r": "k,n\n1,3\n"}, {"least": 0} if "$least" in sql else {}
    told = "the WHERE behind the LEFT JOIN leaves out 1 row"

    assert warned(tmp_path, sql, files, told, **values) if is_told else silent(tmp_path, sql, files) is True


@pytest.mark.parametrize(
    ("sql", "is_told"),
    [
        # datarekha, "running total": rows of one day all had the total behind the last of them.
        ("SELECT *, sum(v) OVER (PARTITION BY k ORDER BY d) AS total FROM t", True),
        ("SELECT *, sum(v) OVER (ORDER BY d ROWS UNBOUNDED PRECEDING) AS total FROM t", False),
        ("SELECT *, sum(v) OVER (ORDER BY k, d, v) AS total FROM t", False),
        ("SELECT *, sum(v) OVER (PARTITION BY k) AS total FROM t", False),
        ("SELECT k, sum(sum(v)) OVER (ORDER BY k) AS total FROM t GROUP BY k ORDER BY k", False),
    ],
)
def test_a_running_total_over_rows_of_one_place_makes_a_warning(tmp_path, sql, is_told):
    files = {"t": "k,d,v\na,2026-01-01,1\na,2026-01-01,2\nb,2026-01-02,4\n"}

    assert (
        warned(tmp_path, sql, files, "the total behind the last") if is_told else silent(tmp_path, sql, files) is True
    )


FINE = {"a": "k,v,r\na,1.25,0.123456\n", "b": "k,v\nb,1.2491\nc,1.2500\n"}
ZONED = {"a": "k,d\na,2026-01-31T23:30:00-05:00\nb,2026-02-01T00:30:00+02:00\n", "b": "d\n2026-01-31T23:30:00\n"}
SUMS = "CREATE TABLE t AS SELECT k, sum(v) AS s, any_value(r) AS r FROM a GROUP BY k; "


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT k, sum(v) AS v FROM a GROUP BY k UNION ALL SELECT k, r FROM a", 'UNION of "r" makes 0.1235 of 0.123456'),
        ("SELECT sum(v) AS v FROM a UNION ALL BY NAME SELECT k, r AS v FROM a", 'UNION of "v" makes 0.1235 of 0.123456'),
        ("SELECT k FROM a WHERE r IN (SELECT sum(v) FROM b GROUP BY k)", "IN makes 0.1235 of 0.123456"),
        (f"{SUMS}SELECT k, CASE WHEN s > 5 THEN s ELSE r END AS x FROM t", "CASE makes 0.1235 of 0.123456"),
        ("SELECT k, coalesce(nullif(sum(v), 1.25), max(r)) FROM a GROUP BY k", "coalesce() makes 0.1235 of 0.123456"),
        (f"{SUMS}UNPIVOT t ON s, r INTO NAME n VALUE v", "UNPIVOT makes 0.1235 of 0.123456"),
        ("SELECT * FROM (SELECT k, sum(v) AS r FROM a GROUP BY k) FULL JOIN (SELECT k, r FROM a) USING (k, r)",
         'FULL JOIN of "r" makes 0.1235 of 0.123456'),
        (f"{SUMS}SELECT least(s, r) FROM t", "least() makes 0.1235 of 0.123456"),
        ("CREATE TABLE t AS SELECT sum(v) AS v FROM a; INSERT INTO t SELECT r FROM a; FROM t", "INSERT makes 0.1235 of 0.12"),
        ("CREATE TABLE t (v INTEGER); INSERT INTO t SELECT v FROM a; FROM t", "INSERT makes 1 of 1.25"),
        # Nothing is lost: not taken, no more decimals, said otherwise.
        (f"{SUMS}SELECT coalesce(s, r) FROM t", ""),
        ("SELECT k, sum(v) AS v FROM a GROUP BY k UNION ALL SELECT k, v FROM b", ""),
        ("SELECT k, coalesce(sum(v), 0.00) FROM a GROUP BY k", ""),
        ("SELECT k, CAST(sum(v) AS DECIMAL(28,10)) AS v FROM a GROUP BY k UNION ALL SELECT k, r FROM a", ""),
        # What conditions leave out may not be computed.
        ("SELECT k FROM a WHERE k <> 'a' AND coalesce(CAST(k AS INTEGER), 0.5) > 1", ""),
    ],
)  # fmt: skip
def test_decimals_that_are_lost_beside_a_sum_are_told(tmp_path, sql, told):
    if told:
        assert warned(tmp_path, sql, FINE, told)
    else:
        assert silent(tmp_path, sql, FINE)


@pytest.mark.parametrize(
    ("sql", "is_told"),
    [
        ("SELECT CAST(d AS DATE) AS day FROM a", True),
        ("SELECT strftime(d, '%Y-%m') AS month, count(*) FROM a GROUP BY 1", True),
        ("SELECT k FROM a WHERE d < DATE '2026-02-01'", True),
        ("SELECT k FROM a WHERE d BETWEEN '2026-01-01' AND '2026-01-31'", True),
        ("SELECT k, month_end(d) AS last FROM a", True),
        ("SELECT k, strftime(timezone('Europe/Berlin', d), '%Y-%m') AS month FROM a", False),
        ("SELECT k, d FROM a ORDER BY d", False),
        ("SELECT strftime(d, '%Y-%m') AS month FROM b", False),
    ],
)
def test_days_in_utc_of_moments_with_a_zone_are_told(tmp_path, sql, is_told):
    if is_told:
        assert warned(tmp_path, sql, ZONED, "the day of d, a moment with a zone, is taken as clocks in UTC show it")
    else:
        assert silent(tmp_path, sql, ZONED)

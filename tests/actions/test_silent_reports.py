"""What people reported of other software: files read, joined and compared wrongly in silence. Each case names its report."""

from __future__ import annotations

import pytest

from procession.actions.kinds import reconcile, run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import play
from tests.actions.reading.relation import read, refusal

MONEY = {"type": "Money"}
GERMAN = {"type": "Money", "decimal": ",", "thousands": "."}
FIELDS = "CREATE TABLE f AS FROM (VALUES (0,0),(0,1),(1,100),(1,101)) v(k,a); "
KEYS = "CREATE TABLE d AS FROM (VALUES (0),(0),(1),(1),(1),(1)) v(k); "
SIDES = "CREATE TABLE l AS FROM (VALUES (1,NULL),(2,2),(3,3)) v(id,n); "
OTHERS = "CREATE TABLE r AS FROM (VALUES (2,2),(3,99),(4,NULL)) v(id,n); "
LEFT = "CREATE TABLE l AS FROM (VALUES (1,'x'),(2,'y'),(3,'p')) v(a,ak); "
RIGHT = "CREATE TABLE r AS FROM (VALUES (10,'p'),(11,'q')) v(b,bk); "


@pytest.mark.parametrize(
    ("content", "columns", "values"),
    [
        ("x,v\na,\n,1111111111111111111\n", {}, [None, "1111111111111111111"]),  # pandas#5697
        ("x,v\n1,\n,1234567890123456789\n", {}, [None, "1234567890123456789"]),  # pandas#48170, #32453
        ("x,v\na,-0.000000000048314\n", {}, ["-0.000000000048314"]),  # pandas#39514
        ("x,v\na,135217135789158401\nb,1352171357E+5\n", {}, ["135217135789158401", "1352171357E+5"]),  # pandas#2697
        ("x,v\na,000000000010084566.0\nb,1.5\n", {}, ["000000000010084566.0", "1.5"]),  # pandas#65951
        ("x,v\na,11898508762506083287\n", {}, ["11898508762506083287"]),  # tidyverse/readr#976
        ("x,v\na,6144039378640938.000000\n", {}, ["6144039378640938.0000000000"]),  # pandas#12340
        ('x;v\na;" -110.7 €"\n', {"v": {**MONEY, "trim": True}}, ["-110.7000"]),  # actualbudget/actual#5020
        ("x;v\na;-1.080\nb;-1.070,10\n", {"v": GERMAN}, ["-1080.0000", "-1070.1000"]),  # beancount-dkb#206
        ("x;v\na;-1.080\nb;-1.070,10\n", {}, ["-1.080", "-1.070,10"]),  # the same, not declared
        ('x,v\na,"25,000"\nb,"3,000"\n', {}, ["25,000", "3,000"]),  # securo#665
        ("x,v\na,0.01\nb,0.001\nc,-0.01\n", {"v": MONEY}, ["0.0100", "0.0010", "-0.0100"]),  # rustledger#974
        ("x,v\na,03/02/2018 10:21:42\n", {}, ["03/02/2018 10:21:42"]),  # csvkit#935
        ("x\tv\na\t1.2\nb\tNULL\n", {}, ["1.2", "NULL"]),  # csvkit#1052
        ("x,v\na,20160506175330-3168-01\n", {}, ["20160506175330-3168-01"]),  # csvkit#607
        ("x,v\na,T00370201\n", {}, ["T00370201"]),  # csvkit#231
        ("x,v\na,DEPARTURE: MONDAY 29 MAY\n", {}, ["DEPARTURE: MONDAY 29 MAY"]),  # csvkit#822
        ("x,v\na,1944-06-06 Tag X\nb,1990-06-13\n", {}, ["1944-06-06 Tag X", "1990-06-13"]),  # csvkit#956
        ("x,v\na,1-1-19\nb,1-1-20\n", {}, ["1-1-19", "1-1-20"]),  # csvkit#965
        ("x,v\na,2026-08-01 06:00:00\n", {"v": {"type": "Datetime"}}, ["2026-08-01 06:00:00"]),  # objectstack#8485
    ],
)
def test_what_other_readers_made_something_else_of_is_read_as_it_stands(tmp_path, content, columns, values):
    assert read(tmp_path, content, columns=columns).column("v")[1] == values


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ('"₦1,500.00"', {"v": {**MONEY, "thousands": ","}}),  # securo#665 dropped the row
        ("-0.0.66962", {"v": MONEY}),  # hledger#1985 read -66962
    ],
)
def test_what_is_no_amount_is_refused_and_no_row_dropped(tmp_path, text, columns):
    assert "is not Money" in refusal(tmp_path, f"x,v\na,1.00\nb,{text}\n", columns=columns)


@pytest.mark.parametrize(
    ("texts", "options", "is_told"),
    [
        (["-3.000", "-4.000"], {}, True),  # actualbudget/actual#2374 read 3,00
        (["1.080"], {}, True),
        (["", "3.000"] * 600, {}, True),
        (["3.000", "0.400"], {}, False),
        (["3.000", "1234.000"], {}, False),
        (["3.00", "4.00"], {}, False),
        (["3.000"], {"decimal": "."}, False),
        (["3.000"], {"columns": {"v": {"type": "Number"}}}, False),
        (["3.000"], {"columns": {"v": GERMAN}}, False),
    ],
)
def test_a_point_that_may_group_thousands_is_told(tmp_path, texts, options, is_told):
    found = read(tmp_path, "x;v\n" + "".join(f"a;{text}\n" for text in texts), **options)

    assert any('the column "v" of t.csv is read with three decimals' in said for said in found.warnings) == is_told


@pytest.mark.parametrize(
    ("left", "right", "matched"),
    [
        ("9998700990704001708177961516923014", "9998700990704001708177961516923015", 0),  # datacompy#121
        ("0", '[{"key": "0", "amount": 1}]', 1),  # pandas#9780
        ("", "", 0),  # dbt-audit-helper#68: nothing is equal to nothing
    ],
)
def test_keys_are_compared_as_they_are_written(tmp_path, left, right, matched):
    is_json = right.startswith("[")
    files = {
        "f.l": f"key,amount\n{left},1\n".encode(),
        "f.r": ("r.json" if is_json else "r.csv", (right if is_json else f"key,amount\n{right},1\n").encode()),
    }
    rules, outputs = [{"name": "Exact", "equal": ["key"]}], {"matched_count": "${o.n}"}
    settings = {"left": "${f.l}", "right": "${f.r}", "amount": "amount", "rules": rules, "outputs": outputs}

    played = play(reconcile.ACTION, tmp_path, settings, files)

    assert played.outputs["o.n"] == matched
    assert (played.outcome.status is StepStatus.SUCCESS) == bool(matched)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (f"{FIELDS}{KEYS}SELECT median(a) AS m, quantile_disc(a, 0.25) AS q FROM f JOIN d USING (k)", "m,q\n100,1\n"),
        (
            f"{SIDES}{OTHERS}SELECT count(*) AS n FROM l LEFT JOIN r USING (id) WHERE l.n IS NOT DISTINCT FROM r.n",
            "n\n2\n",
        ),
        (
            f"{LEFT}{RIGHT}SELECT count(*) AS n FROM (SELECT a, b FROM l LEFT JOIN r ON ak = bk "
            "ORDER BY b DESC NULLS FIRST, a LIMIT 2) WHERE b <= 20",
            "n\n0\n",
        ),
        ("SELECT count(*) AS n FROM (SELECT [1,2,3]::INTEGER[3] AS a) WHERE a[4] IS NULL", "n\n1\n"),
        (
            f"{LEFT}{RIGHT}SELECT count(*) AS n FROM (FROM l LEFT JOIN r ON ak = bk WHERE NOT (b > 5) "
            "UNION ALL FROM l LEFT JOIN r ON ak = bk WHERE (b > 5) IS NULL)",
            "n\n2\n",
        ),
        (
            "WITH t AS (FROM (VALUES (1,NULL,NULL,NULL),(NULL,NULL,NULL,NULL),(1,1,1,1)) v(p,q,r,s)) "
            "SELECT count(*) AS n FROM t JOIN t AS u USING (p, q, r, s)",
            "n\n1\n",
        ),
    ],
    ids=["duckdb#24626", "duckdb#23688", "duckdb#24542", "duckdb#24247", "duckdb#24624", "polars#19870"],
)
def test_this_version_of_duckdb_has_not_the_reported_fault(tmp_path, sql, rows):
    played = play(run_sql.ACTION, tmp_path, {"sql": sql, "outputs": {"result": "${o.r}"}})

    assert played.outputs["o.r"].decode() == rows, played.outcome.message


def test_a_column_that_is_not_there_is_not_taken_from_around(tmp_path):
    """duckdb/duckdb#17456: a misspelled column in a CTE was found in another table."""
    sql = (
        "WITH p AS (SELECT id, sum(amount * coalesce(rate, 1)) AS paid FROM payments GROUP BY id) "
        "SELECT i.id, paid FROM invoices i LEFT JOIN p ON p.id = i.id"
    )
    settings = {"sql": sql, "inputs": {"invoices": "${f.i}", "payments": "${f.p}"}}
    files = {"f.i": b"id,amount\n1,10\n", "f.p": b"id,rate,amnt\n1,2,5\n"}

    assert 'there is no column "amount" here' in play(run_sql.ACTION, tmp_path, settings, files).outcome.message

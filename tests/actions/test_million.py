"""A million rows of each kind of file, to the cent and to the row; what they add up to is known without reading them."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import duckdb
import pytest

from procession.actions.contract import OutputTarget
from procession.actions.kinds import reconcile, run_sql
from tests.actions.context import play

pytestmark = pytest.mark.thorough

ROWS = 1_000_000
# Row i, from 0, has the amount of i mod 99,991 cents less 30,000.
COUNT, SUM = OutputTarget(type="Number"), OutputTarget(type="Decimal")


@cache
def amounts():
    # Not at the top: whoever looks for tests would wait for them.
    return [Decimal(i % 99_991 - 30_000) / 100 for i in range(ROWS)]


def csv(gap=None):
    """Without the row `gap`, when there is one."""
    lines = (f"INV-{i:07d},{amount:.2f}" for i, amount in enumerate(amounts()) if i != gap)
    return "\n".join(["ref,amount", *lines]).encode()


def json_lines():
    return "\n".join(f'{{"ref": "INV-{i:07d}", "amount": {amount:.2f}}}' for i, amount in enumerate(amounts())).encode()


def parquet(path):
    rows = f"SELECT printf('INV-%07d', i) AS ref, ((i % 99991 - 30000)::DECIMAL(18, 2) / 100)::DECIMAL(18, 2) AS amount FROM range({ROWS}) r(i)"
    duckdb.connect().sql(rows).write_parquet(str(path))
    return path.read_bytes()


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_a_million_rows_add_up_to_the_cent(tmp_path, name):
    content = {"rows.csv": csv, "rows.jsonl": json_lines, "rows.parquet": lambda: parquet(tmp_path / name)}[name]()
    settings = {
        "inputs": {"t": "${f.t}"},
        "sql": f"SELECT sum(amount) FROM t HAVING count(DISTINCT ref) = {ROWS}",
        "outputs": {"result": {"to": "${o.total}"}},
    }

    played = play(run_sql.ACTION, tmp_path, settings, {"f.t": (name, content)}, {"o.total": SUM})

    assert played.outputs == {"o.total": sum(amounts())}, played.outcome.message


def test_a_million_rows_find_their_twins_and_the_one_that_has_none(tmp_path):
    settings = {
        "left": "${f.l}",
        "right": "${f.r}",
        "amount": "amount",
        "rules": [{"name": "Same", "equal": ["ref"]}],
        "outputs": {"matched_count": "${o.n}", "only_left": "${o.ol}", "difference": "${o.d}"},
    }
    files = {"f.l": ("left.csv", csv()), "f.r": ("right.csv", csv(gap=654_321))}

    played = play(reconcile.ACTION, tmp_path, settings, files, {"o.n": COUNT, "o.d": SUM})

    assert played.outputs["o.n"] == ROWS - 1, played.outcome.message
    assert played.outputs["o.d"] == amounts()[654_321]
    assert played.outputs["o.ol"].decode().splitlines()[1:] == [
        f"INV-0654321,{amounts()[654_321]:.2f},nothing on the other side"
    ]

"""Makes the files of examples/bank-reconciliation: `python -m tests.examples.bank_reconciliation`.

The two ledgers with planted differences (tests/actions/reconciling/ledgers): the books as CSV, the bank as statements in
MT940, a statement for each account and half-year. The truth about every row goes where the test wants it.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from tests.actions.reconciling import ledgers
from tests.actions.reconciling.ledgers import Plan

DATA = Path(__file__).parents[2] / "examples" / "bank-reconciliation" / "data"
ROWS, SEED = 1_200, 7
PERIODS = (date(2026, 6, 30), date(2026, 12, 31))


def make(folder: Path) -> Path:
    """Writes books-1.csv, bank-1.sta and those of the second period; gives the folder with the truth, for the caller to
    judge by."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "truth"
    ledgers.write(ledgers.make(Plan(rows=ROWS, seed=SEED)), made, formats=("parquet", "csv"), split=PERIODS[0])
    connection = duckdb.connect()
    opening: dict[str, int] = {}
    for number, end in enumerate(PERIODS, start=1):
        (folder / f"books-{number}.csv").write_bytes((made / f"left-{number}.csv").read_bytes())
        # Accounts without a movement have statements too.
        accounts = connection.execute(
            f"SELECT DISTINCT account_no, ccy FROM '{made / 'right.parquet'}' ORDER BY ALL"
        ).fetchall()
        statements = []
        for account, currency in accounts:
            rows = connection.execute(
                f"SELECT line_id, value_on, bank_reference, (paid * 100)::BIGINT, counterparty "
                f"FROM '{made / f'right-{number}.parquet'}' WHERE account_no = ? ORDER BY line_id",
                [account],
            ).fetchall()
            before = opening.get(account, 0)
            opening[account] = before + sum(row[3] for row in rows)
            statements.append(_statement(account, currency, number, end, before, rows))
        (folder / f"bank-{number}.sta").write_text("".join(statements), encoding="utf-8", newline="")
    return made


def _statement(account: str, currency: str, number: int, end: date, before: int, rows: list[Any]) -> str:
    first = date(end.year, 1, 1) if number == 1 else PERIODS[0]
    lines = [":20:STARTUMSE", f":25:{account}", f":28C:{number}/1", f":60F:{_balance(before, first, currency)}"]
    for line, value_on, reference, cents, party in rows:
        mark = "C" if cents >= 0 else "D"
        lines.append(f":61:{value_on:%y%m%d}{value_on:%m%d}{mark}{_amount(cents)}NTRF{reference or 'NONREF'}//{line}")
        lines.append(f":86:166?00TRANSFER?32{party}")
    lines.append(f":62F:{_balance(before + sum(row[3] for row in rows), end, currency)}")
    return "".join(f"{line}\r\n" for line in [*lines, "-"])


def _balance(cents: int, on: date, currency: str) -> str:
    return f"{'C' if cents >= 0 else 'D'}{on:%y%m%d}{currency}{_amount(cents)}"


def _amount(cents: int) -> str:
    return f"{abs(cents) // 100},{abs(cents) % 100:02}"


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        make(Path(place))
        for file in sorted(Path(place).glob("*.*")):
            (DATA / file.name).write_bytes(file.read_bytes())
            sys.stdout.write(f"{file.name}: {file.stat().st_size:,} bytes\n")

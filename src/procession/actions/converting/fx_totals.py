"""Totals of a conversion: what each currency was and became."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from procession.actions import database, values
from procession.actions.database import quote
from procession.actions.rows import kinds, totals
from procession.actions.rows.work import RowWork

_SEEN = 0.005  # of an amount: half a cent
_CODE_CHARACTERS_MAX = 20  # of a currency


def tell(doing: RowWork, *, currency: str, amount: str, converted: str, to: str) -> None:
    """Logs the totals of the relation `converted`, by its columns, and keeps them as figures."""
    rows = doing.connection.execute(
        f"SELECT {quote(currency)}, coalesce(sum({quote(amount)}), 0), coalesce(sum({quote(converted)}), 0) "
        "FROM converted WHERE rate IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    every = totals.of(doing.connection, "converted")
    whole = {to: every[converted]} if converted in every else {}
    doing.figures.update(totals.figures(whole, "total_out"))
    for code, before, after in rows:
        was, now = values.alike(Decimal(before), Decimal(after))
        doing.context.log(f"{code} {was} are {to} {now}\n")
        # Of the first, in their order: a file of many thousand currencies is a mistake, and no figures.
        if len(doing.figures) < 2 * totals.COLUMNS_MAX and len(code) <= _CODE_CHARACTERS_MAX:
            doing.figures[f"total_in.{code}"] = values.trimmed(Decimal(before))
            doing.figures[f"total_out.{to} of {code}"] = values.trimmed(Decimal(after))


def rounded_rates(doing: RowWork, rates: str, wanted: str, amounts: tuple[str, str]) -> Iterator[str]:
    """What to tell where binary rates of the file were rounded to ten decimals, and an amount may show it.

    `amounts` are the columns before and after, `wanted` that of the rates.
    """
    column, (amount, converted) = kinds.column(database.columns(doing.connection, rates), wanted, "rates"), amounts
    told = f'the column "{column}": '
    remarks = [said.removeprefix(told) for one in doing.loaded[rates] for said in one.remarks if said.startswith(told)]
    if not remarks:
        return
    # Half of the tenth decimal of a rate: so much of the amount, and of a rate that was turned round so much the more.
    apart = (
        f"CASE rate_source WHEN 'direct' THEN abs({quote(amount)})::DOUBLE "
        f"ELSE greatest(abs({quote(amount)})::DOUBLE, abs({quote(converted)})::DOUBLE * rate::DOUBLE) END * 5e-11"
    )
    row = doing.connection.execute(
        f"SELECT max({apart}) FROM converted WHERE rate_source <> 'same currency'"
    ).fetchone()
    if row and (row[0] or 0) >= _SEEN:
        yield f'rates: "{column}": {remarks[0]}, which amounts may show; declare it as Text, or round it in the file'

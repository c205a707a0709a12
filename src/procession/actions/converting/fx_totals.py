"""Totals of a conversion: what each currency was and became."""

from __future__ import annotations

from decimal import Decimal

from procession.actions import values
from procession.actions.database import quote
from procession.actions.rows import totals
from procession.actions.rows.work import RowWork

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

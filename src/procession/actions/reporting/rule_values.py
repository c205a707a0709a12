"""What a rule that shows cells compares them with: a value of the kind that its column holds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from procession.actions.problems import Problem
from procession.actions.writing.workbook_columns import MOMENTS, SheetColumn, is_text

SIGNS = {"below": "<", "above": ">", "equals": "="}


def fitting(
    test: str, column: SheetColumn, value: str | int | Decimal | bool | date | None
) -> str | int | Decimal | bool | date:
    """A text in ISO is a day where the column has days: YAML gives no other. Raises Problem for what no cell is."""
    has_days, is_words = column.kind == "DATE" or column.kind in MOMENTS, is_text(column.kind)
    if has_days and isinstance(value, str):
        value = _day(value)
    if value is None or (isinstance(value, str) and (test != "equals" or not is_words)):
        raise Problem(f'rules: {test} of "{column.name}" needs a number or a date, not {value or "nothing"}')
    # The sheet keeps a number that is no text: the rule would hold for no cell, and nobody would see why.
    if is_words and not isinstance(value, str):
        raise Problem(f'rules: the column "{column.name}" holds texts, and {test} compares it with {value}')
    if has_days and not isinstance(value, date):
        raise Problem(f'rules: the column "{column.name}" holds days, and {test} compares it with {value}')
    return value


def _day(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text

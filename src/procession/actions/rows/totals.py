"""Control totals: what the columns of amounts of a relation add up to, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from procession.actions import values
from procession.actions.database import quote
from procession.model.figures import Figure

# As figures in and out: a step keeps at most 200.
COLUMNS_MAX = 90
_NAME_CHARACTERS_MAX = 180  # with the prefix, less than a figure's name may have


def of(columns: Mapping[str, str], relation: str, ask: Callable[[str], Sequence[Any] | None]) -> dict[str, Decimal]:
    """The total of each column of amounts; `ask` gives the one row of a query."""
    # Exact types only: the sum of binary numbers depends on the order in which threads add them.
    amounts = [name for name, type_ in columns.items() if type_.startswith("DECIMAL")]
    if not amounts:
        return {}
    sums = ", ".join(f"coalesce(sum({quote(name)}), 0)" for name in amounts)
    row = ask(f"SELECT {sums} FROM {quote(relation)}")
    assert row is not None
    return {name: Decimal(str(total)) for name, total in zip(amounts, row, strict=True)}


def figures(found: Mapping[str, Decimal], prefix: str) -> dict[str, Figure]:
    """The same as figures of a step, such as total_out.amount."""
    named = list(found.items())[:COLUMNS_MAX]
    return {f"{prefix}.{name}": values.trimmed(total) for name, total in named if len(name) <= _NAME_CHARACTERS_MAX}

"""What a reconciliation has found out, on its way from the rules to the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from procession.actions.reconciling.items import Hashing
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.plans import ReconcilePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`warnings` end the step as Warning; `figures` are counts and totals by the names of the settings.

    `by_currency`: currency, left total, right total and their difference, where a column of currencies is named."""

    ledgers: Ledgers
    rules: Sequence[MatchingRule]
    plan: ReconcilePlan
    hashing: Hashing
    as_of: date | None
    warnings: list[str]
    figures: dict[str, int | Decimal] = field(default_factory=dict)
    by_currency: list[tuple[str, Decimal, Decimal, Decimal]] = field(default_factory=list)

"""Reconciliations of small files: both sides as lines of CSV, and what came of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from procession.actions.kinds import reconcile
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play

HEADINGS = "id,account,ref,day,amount"
EXACT = {"name": "Exact", "equal": ["account", "ref"], "days": 0}
FILES = ("matched", "suggested", "only_left", "only_right", "summary", "differences")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    played: Played

    @property
    def message(self) -> str:
        return self.played.outcome.message

    def rows(self, name: str) -> list[dict[str, str]]:
        assert self.played.outcome.status is not StepStatus.FAILED, self.message
        return list(csv.DictReader(io.StringIO(self.played.outputs[f"o.{name}"].decode())))

    @property
    def matches(self) -> list[tuple[str, str, str]]:
        """rule, left ids, right ids of each match; ids of one side joined by +."""
        return joined(self.rows("matched"), "match")

    @property
    def suggestions(self) -> list[tuple[str, str, str]]:
        return joined(self.rows("suggested"), "suggestion")

    def open(self, side: str, column: str = "reason") -> dict[str, str]:
        """What is said of each open row, by id."""
        return {row["id"]: row[column] for row in self.rows(f"only_{side}")}


def joined(rows: Iterable[Mapping[str, str]], number: str) -> list[tuple[str, str, str]]:
    found: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        found.setdefault(row[number], []).append(row)
    return [(some[0]["rule"], _ids(some, "left"), _ids(some, "right")) for some in found.values()]


def _ids(rows: Iterable[Mapping[str, str]], side: str) -> str:
    return "+".join(row[f"{side}_id"] for row in rows if row[f"{side}_id"])


def lines(given: Sequence[str], headings: str = HEADINGS) -> bytes:
    return ("\n".join([headings, *given]) + "\n").encode()


def reconciled(
    folder: Path,
    left_lines: Sequence[str],
    right_lines: Sequence[str],
    *rules: Mapping[str, Any],
    files: Mapping[str, Any] | None = None,
    run: Callable[[Any], Any] = reconcile.ACTION.run,
    **settings: Any,
) -> Reconciled:
    """Columns id, account, ref, day, amount on both sides; `day` is the date and `id` the key."""
    outputs = {name: {"to": f"${{o.{name}}}", "as": f"{name}.csv"} for name in FILES}
    if not any(rule.get("tolerance") or rule.get("percent") for rule in rules):
        del outputs["differences"]
    given = {
        "left": "${f.l}",
        "right": "${f.r}",
        "amount": "amount",
        "date": "day",
        "key": "id",
        "rules": list(rules or (EXACT,)),
        "outputs": outputs,
    }
    values = {"f.l": ("left.csv", lines(left_lines)), "f.r": ("right.csv", lines(right_lines))} | dict(files or {})
    return Reconciled(played=play(replace(reconcile.ACTION, run=run), folder, given | settings, values))

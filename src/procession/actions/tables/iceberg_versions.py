"""The versions of a table as they are published: what a snapshot holds, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from procession.model.columns import Column

# What a version did, in Iceberg's words; all of them may remove files.
_OPERATIONS = {"append": "append", "compact": "replace"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IcebergPart:
    """A file of ours, by its SHA-256."""

    name: str
    path: Path
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IcebergVersion:
    """`run` and `step` are those that made it, as their ids; empty where somebody else did."""

    number: int
    at: datetime
    operation: str
    columns: tuple[Column, ...]
    parts: tuple[IcebergPart, ...]
    run: str = ""
    step: str = ""

    @property
    def summary(self) -> dict[str, str]:
        """What its snapshot says of it: the totals that readers know, and where it comes from."""
        origin = {"version": str(self.number), "run": self.run, "step": self.step}
        return {
            "operation": _OPERATIONS.get(self.operation, "overwrite"),
            "total-records": str(sum(part.rows for part in self.parts)),
            "total-data-files": str(len(self.parts)),
            **{f"procession.{name}": value for name, value in origin.items() if value},
        }

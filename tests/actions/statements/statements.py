"""Runs parse_statement over files, as a step does, and gives what came of it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from procession.actions.kinds.parse_statement import ACTION
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play

Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    status: StepStatus
    message: str
    rows: Rows
    balances: Rows
    played: Played

    def column(self, name: str) -> list[str]:
        return [row[name] for row in self.rows]


def parse(folder: Path, *files: bytes | tuple[str, bytes], **settings: Any) -> Parsed:
    names = [f"files.f{number}" for number in range(len(files))]
    outputs = {"transactions": "${work.transactions}", "balances": "${work.balances}"}
    played = play(
        ACTION,
        Path(mkdtemp(dir=folder)),
        {"files": [f"${{{name}}}" for name in names], "outputs": outputs, **settings},
        {
            name: file if isinstance(file, tuple) else (f"{name[-2:]}.txt", file)
            for name, file in zip(names, files, strict=True)
        },
    )
    return Parsed(
        status=played.outcome.status,
        message=played.outcome.message,
        rows=_rows(played, "work.transactions"),
        balances=_rows(played, "work.balances"),
        played=played,
    )


def _rows(played: Played, name: str) -> Rows:
    return list(csv.DictReader(io.StringIO(played.outputs.get(name, b"").decode())))

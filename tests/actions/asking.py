"""A database that a test asks by read_database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from procession.actions.contract import ConnectionInput, OutputTarget
from procession.actions.kinds import read_database
from procession.model.lifecycle import StepStatus
from tests.actions import postgres as servers
from tests.actions.context import Played, play

TARGETS = {"files.rows": OutputTarget(type="File")}
Connect = Callable[..., ConnectionInput]


class Asked:
    """A database that a test asks; each question in a folder of its own."""

    def __init__(self, server: Any, folder: Path, script: str = "", connect: Connect = servers.connection) -> None:
        self.server, self.folder, self.connect = server, folder, connect
        self.database = server.fresh(script)
        self.times = 0

    def ask(self, sql: str, /, connection: ConnectionInput | None = None, **settings: Any) -> Played:
        self.times += 1
        values = {f"values.{name}": value for name, value in settings.pop("values", {}).items()}
        inputs = {name.partition(".")[2]: f"${{{name}}}" for name in values} | settings.pop("inputs", {})
        given = {"connection": "erp", "sql": sql, "inputs": inputs, "output": "${files.rows}"} | settings
        reached = connection or self.connect(self.server, self.database)
        return play(read_database.ACTION, self.folder / f"{self.times}", given, values, TARGETS, connection=reached)

    def rows(self, sql: str, /, **settings: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The types and the rows of what it gives."""
        played = self.ask(sql, **settings)
        assert played.outcome.status is not StepStatus.FAILED, played.outcome.message
        path = self.folder / f"{self.times}.parquet"
        path.write_bytes(played.outputs["files.rows"])
        relation = duckdb.from_parquet(str(path))
        return [str(kind) for kind in relation.types], relation.fetchall()

    def refused(self, sql: str, /, **settings: Any) -> str:
        played = self.ask(sql, **settings)
        assert played.outcome.status is StepStatus.FAILED, played.outcome.message
        assert played.outputs == {}
        return played.outcome.message

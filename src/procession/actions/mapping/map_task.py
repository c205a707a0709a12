"""What a mapping is about: the rows, the rules, and what they are called to people."""

from __future__ import annotations

from dataclasses import dataclass

from procession.actions import database
from procession.actions.database import quote
from procession.actions.mapping.map_settings import MapSettings
from procession.actions.rows import kinds
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork

SOURCE, RULES = "source", "rules"
ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapTask:
    """`given` is new name -> column of the rules, as it is written there."""

    work: RowWork
    settings: MapSettings
    given: dict[str, str]

    @property
    def columns(self) -> list[str]:
        """The matched columns of the rows, as they are written."""
        there = database.columns(self.work.connection, SOURCE)
        return [kinds.column(there, name, "source") for name in self.settings.match]

    @property
    def values(self) -> list[str]:
        """Names of the key's values, by their order in `match`."""
        return [f"v_{number}" for number in range(len(self.settings.match))]

    def rule(self, number: int) -> str:
        """Which rule it is, in the user's words."""
        connection, there = self.work.connection, database.columns(self.work.connection, RULES)
        names = [kinds.column(there, name, "rules") for name in self.settings.match]
        listed = ", ".join(f"CAST({quote(name)} AS VARCHAR)" for name in names)
        query = f"SELECT {listed} FROM {numbered(connection, RULES)} WHERE {ROW} = ?"
        row = connection.execute(query, [number]).fetchone()
        assert row is not None
        return f"rule {number + 1} ({kinds.in_words(row, none=ANY)})"

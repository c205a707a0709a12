"""The entry point: one server, one sign-in, and access to every noun."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from procession.client import asking, reading
from procession.client.connection import Connection
from procession.client.errors import NotFound
from procession.client.files import File
from procession.client.options import Options
from procession.client.paging import pages
from procession.client.people import People
from procession.client.processes import YAML, Process
from procession.client.runs import Run
from procession.client.shapes import ListedRun, Named
from procession.client.tables import Table, Tables

_PROCESS_ID = re.compile(r"p-[0-9]+", re.IGNORECASE)


class Client:
    """Use it in a `with`, or close() it; safe to use from several threads.

    Signs in by client_credentials, or with a refresh token when one is given. Every call may raise a ProcessionError.
    """

    def __init__(
        self,
        address: str,
        *,
        client_id: str,
        client_secret: str | None = None,
        refresh_token: str | None = None,
        options: Options | None = None,
    ) -> None:
        self._connection = Connection(
            address,
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
            options=options or Options(),
        )
        self.tables = Tables(self._connection)
        self.people = People(self._connection)

    def __repr__(self) -> str:
        return f"Client({self._connection.address!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def processes(
        self,
        *,
        name: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> list[Named]:
        """All processes this user may see; `name` filters by part of the name."""
        query = {"name": name, "dateCreatedStart": created_after, "dateCreatedEnd": created_before}
        return reading.shapes(Named, self._connection.get("processes", query))

    def process(self, text: str) -> Process:
        """By its name, else by its id. Raises NotFound."""
        # The filter finds parts of names in any case; the name must be exactly this.
        named = next((row for row in self.processes(name=text) if row.name == text), None)
        if named is not None:
            return Process(self._connection, named.id)
        if _PROCESS_ID.fullmatch(text) is None:
            raise NotFound(f'there is no process "{text}"')
        return Process(self._connection, Process(self._connection, text).details().id)

    def apply(self, text: str) -> Process:
        """Creates the process that the file describes, or publishes the next version of the one with that name.

        Raises Invalid with `mistakes` in its fields, each with line, column and message.
        """
        ask = asking.keyed("processes", asking.fixed(text.encode(), YAML))
        return Process(self._connection, str(reading.field(self._connection.json(ask), "id")))

    def run(self, run_id: str) -> Run:
        """A run by id, without a request."""
        return Run(self._connection, asking.segment(run_id))

    def file(self, file_id: str) -> File:
        return File(self._connection, asking.segment(file_id))

    def table(self, table_id: str) -> Table:
        return Table(self._connection, asking.segment(table_id))

    def runs(self, *, page: int = 100, **filters: Any) -> Iterator[ListedRun]:
        """Runs of all visible processes, newest first, fetched `page` at a time on demand.

        Filters: process, name, status, outcome, created_after, created_before, started_by.
        """
        query: dict[str, object] = {"limit": page}
        for name, value in filters.items():
            # The server ignores what it does not know, and the list would be of everything.
            if name not in RUN_FILTERS:
                raise TypeError(f"there is no filter {name}; there are {', '.join(RUN_FILTERS)}")
            query[RUN_FILTERS[name]] = value
        # On demand: whoever wants the latest ten must not fetch ten thousand.
        for row in pages(self._connection, "processruns", query):
            yield reading.shape(ListedRun, row)


RUN_FILTERS = {
    "process": "process",
    "name": "name",
    "status": "status",
    "outcome": "outcome",
    "created_after": "createdAfter",
    "created_before": "createdBefore",
    "started_by": "startedBy",
}

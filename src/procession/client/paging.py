"""Lists that come a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from procession.client import asking, reading
from procession.client.connection import Connection, answer


def pages(connection: Connection, path: str, query: Mapping[str, object]) -> Iterator[Any]:
    """The items of all pages; the next one is named in the Link header (RFC 8288)."""
    cursor: str | None = None
    while True:
        with connection.stream(asking.get(path, {**query, "cursor": cursor})) as response:
            rows = reading.objects(answer(response))
            # Take only the cursor: a link must not send our token elsewhere.
            link = response.links.get("next", {}).get("url", "")
        # After the connection is closed: the caller may take an hour between two items.
        yield from rows
        cursor = next(iter(parse_qs(urlsplit(link).query).get("cursor", ())), None)
        if cursor is None:
            return

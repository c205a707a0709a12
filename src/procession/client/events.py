"""Server-Sent Events of a run (WHATWG HTML 9.2.6), resumed after a break without loss or repetition."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

from procession.client import asking, errors, reading
from procession.client.connection import Connection
from procession.client.shapes import RUN_FINAL, Event

SILENCE_SECONDS_MAX = 45.0  # the server says something every 15 s


def follow(connection: Connection, run_id: str, after: str | None = None) -> Iterator[Event]:
    """Yields events until the run is over. Raises Unavailable after several breaks in a row without an event."""
    breaks, timing = 0, connection.options.timing
    while True:
        try:
            for event in _once(connection, run_id, after):
                # Progress has no id, and must not make the stream begin anew.
                after, breaks = event.id or after, 0
                yield event
            # The stream ends with the run, or with the server; the status tells which.
            if reading.field(connection.get(f"processruns/{run_id}/runstatus"), "status") in RUN_FINAL:
                return
            broken: errors.Unavailable | None = None
        except errors.Unavailable as error:
            broken = error
        breaks += 1
        if breaks >= connection.options.attempts_max:
            raise broken or errors.Unavailable(f"the events of {run_id} end again and again without a word")
        timing.rest(connection.options.backoff(breaks))


def _once(connection: Connection, run_id: str, after: str | None) -> Iterator[Event]:
    headers = {"accept": "text/event-stream"} | ({} if after is None else {"last-event-id": after})
    ask = asking.get(f"processruns/{run_id}/events", headers=headers, read_seconds=SILENCE_SECONDS_MAX)
    with connection.stream(ask) as response:
        yield from parse(response)


def parse(response: httpx2.Response) -> Iterator[Event]:
    """Yields events completed by their blank line; drops a part before a break."""
    fields: dict[str, list[str]] = {}
    for line in response.iter_lines():
        if not line:
            if "data" in fields:
                yield _event(fields)
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            # One blank only, as the standard says: a log line may begin with more.
            fields.setdefault(name, []).append(value.removeprefix(" "))


def _event(fields: dict[str, list[str]]) -> Event:
    text = "\n".join(fields["data"])
    try:
        content = reading.decode(text.encode())
    except ValueError:
        content = text
    return Event(id=fields.get("id", [""])[-1], name=fields.get("event", ["message"])[-1], content=content)

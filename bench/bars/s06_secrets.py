"""S6: secrets of a real server, used well and badly, looked for in every answer, log, file, backup and process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.figures import Figure, Report, count
from bench.server import Server, folder


def measure(*, full: bool) -> Report:
    """Each secret in every spelling, and in part; and what is known to be there, to see that the search finds it."""
    from tests.fuzz import canaries

    with folder() as place:
        server = Server(home=place / "home", workers_max=2, settings=canaries.SETTINGS)
        server.start()
        try:
            server.sign_in()
            made = canaries.search(server)
        finally:
            server.end()
    hits = made.hits()
    return Report(
        work="S6",
        title=f"{len(made.secrets)} secrets in {len(made.places)} kinds of places",
        figures=(
            count("secrets", len(made.secrets)),
            count("texts that were searched", sum(map(len, made.places.values()))),
            Figure(name="of", unit="MB", values=(made.read / 10**6,)),
            count("hits", len(hits), at_most=0),
            *_controls(made, canaries),
        ),
        remarks=tuple(f"{secret}: in {where}" for secret, where in hits),
    )


def _controls(made: Any, canaries: Any) -> Iterator[Figure]:
    found = made.shows(canaries.PLAIN.encode())
    kept = [secret for secret in made.secrets.values() if any(made.shows(one) for one in canaries.digest(secret))]
    yield Figure(name="places where a plain word is found", unit="", values=(len(found),), at_least=3)
    yield Figure(name="secrets whose hash is found where it must be", unit="", values=(len(kept),), at_least=5)

"""Sends attacks to the application, one after the other, and counts what became of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.fuzz.places import Attack

SECONDS_MAX = 10
HANG_SECONDS = 60
# Where a text changes the path, nobody asks that operation any more.
OF_PATHS = {"404", "405"}

Oracle = Callable[[Attack, httpx2.Response], Iterable[str]]


@dataclass(slots=True)
class Tally:
    """`failures` are sentences; `hits` those of the oracle among them."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    undocumented: int = 0
    longest_seconds: float = 0.0

    @property
    def asked(self) -> int:
        return self.statuses.total()

    def of_class(self, first: int) -> int:
        """How many answers are 2xx, say, for 2."""
        return sum(number for status, number in self.statuses.items() if status // 100 == first)


def send(app: Any, attacks: Iterable[Attack], oracle: Oracle, *, headers: Mapping[str, str]) -> Tally:
    """Every attack, with these headers too; `oracle` says what an answer should not have shown."""
    return asyncio.run(_send(app, attacks, oracle, headers))


async def _send(app: Any, attacks: Iterable[Attack], oracle: Oracle, headers: Mapping[str, str]) -> Tally:
    tally = Tally()
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://house.example", headers=headers) as client:
        for attack in attacks:
            tally.failures += [f"{attack}: {problem}" async for problem in _problems(client, attack, oracle, tally)]
    return tally


async def _problems(client: Any, attack: Attack, oracle: Oracle, tally: Tally) -> Any:
    began = time.monotonic()
    try:
        answer = await asyncio.wait_for(_ask(client, attack), HANG_SECONDS)
    except TimeoutError:
        tally.longest_seconds = HANG_SECONDS
        yield "no answer"
        return
    seconds = time.monotonic() - began
    tally.statuses[answer.status_code] += 1
    tally.longest_seconds = max(tally.longest_seconds, seconds)
    for hit in oracle(attack, answer):
        tally.hits.append(f"{attack}: {hit}")
        yield hit
    for problem in _of_answer(attack, answer, seconds, tally):
        yield problem


async def _ask(client: Any, attack: Attack) -> httpx2.Response:
    answer: httpx2.Response = await client.request(
        attack.method,
        attack.path,
        params=attack.params or None,
        content=attack.body or None,
        headers={**({"content-type": attack.kind} if attack.kind else {}), **attack.headers},
    )
    return answer


def _of_answer(attack: Attack, answer: httpx2.Response, seconds: float, tally: Tally) -> Iterator[str]:
    if answer.status_code >= 500:
        yield f"status {answer.status_code}"
    if attack.documented and str(answer.status_code) not in {*attack.documented, *OF_PATHS}:
        tally.undocumented += 1
        yield f"status {answer.status_code}, which openapi.json does not name"
    if seconds > SECONDS_MAX:
        yield "too slow"

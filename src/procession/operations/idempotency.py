"""Carries out a request with an Idempotency-Key once, however often it is sent (docs/wire.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from procession.model.errors import Invalid
from procession.operations.act import Act
from procession.store import idempotency
from procession.store.database import Transaction

# A script that is run again the next day means a new request.
LIFE = timedelta(hours=24)
DROPPED_MAX = 20  # at each new one, so that they never pile up


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request with a key: `hash` covers user, key and route, `asked` the request's content."""

    hash: str
    asked: str


class RepeatedRequest(Exception):
    """Raised for a request that was carried out before; `answer`: its answer then."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer = answer


def check(tx: Transaction, keyed: KeyedRequest | None, now: datetime) -> None:
    """Raises RepeatedRequest if the request was carried out before, Invalid if its key was used for another.

    `now` is the home clock's least(): a clock that is set ahead must not have anything carried out twice.
    """
    found = None if keyed is None else idempotency.find(tx, keyed.hash, now - LIFE)
    if keyed is None or found is None:
        return
    asked, answer = found
    # Doing the second request under the first one's answer would lose it silently.
    if asked != keyed.asked:
        raise Invalid("this Idempotency-Key was used for another body before; take a new key for a new request")
    if answer is None:
        raise Invalid(
            "this request was carried out before under the same Idempotency-Key; its answer was not kept, "
            "because it held a secret"
        )
    raise RepeatedRequest(answer)


def mark(act: Act, keyed: KeyedRequest | None) -> None:
    """Marks the request as carried out in this transaction. Raises as check(): of two at once only one is."""
    if keyed is None:
        return
    tx, now = act.tx, act.resources.home_clock.least()
    # Some at a time: a day's keys in one statement would hold up the commit.
    idempotency.drop(tx, now - LIFE, DROPPED_MAX)
    # The write decides, and the look after it says why not: two that only look first would both be carried out.
    while not idempotency.add(tx, keyed.hash, keyed.asked, now=now, since=now - LIFE):
        check(tx, keyed, now)


def keep(tx: Transaction, keyed: KeyedRequest | None, answer: bytes | None) -> None:
    """Keeps its answer in the transaction of mark(), so no crash comes between. None: do not keep it."""
    if keyed is not None and answer is not None:
        idempotency.answer(tx, keyed.hash, answer)

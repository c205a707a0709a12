"""Hostile texts and bodies (S4) and a secret that must stay secret (S6), on every operation."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest

from procession.model.people import SCOPES
from procession.operations import applications, consents
from procession.store import applications as application_store
from procession.store.database import Transaction
from tests.api.house import House
from tests.fuzz import attacking
from tests.fuzz.hostile import HITS, attacks
from tests.fuzz.places import Attack
from tests.fuzz.world import World
from tests.support import one_in

CANARY = "canary-7f3b2a91"


SAMPLE = 4  # of so many attacks `make test` makes one: each text and body still meets many operations


def test_no_text_and_no_body_does_anything_but_be_refused_or_kept(
    prepared: World, caplog: pytest.LogCaptureFixture, is_thorough: bool
) -> None:
    caplog.set_level(logging.DEBUG, logger="procession")
    prepared.house.database.write(lambda tx: _give_canary(tx, prepared.house))
    document = json.loads(prepared.house.ask("GET", "openapi.json").content)
    secrets = (CANARY, prepared.ids["client_secret"])

    def shown(attack: Attack, answer: httpx2.Response) -> Iterator[str]:
        yield from (f"shows {word}" for word in (*HITS, *secrets) if word in answer.text or word in str(answer.headers))

    headers = {"authorization": f"Bearer {CANARY}"}
    made = one_in(SAMPLE, attacks(document, prepared.ids), unless=is_thorough)
    tally = attacking.send(prepared.house.app, made, shown, headers=headers)

    assert len(made) > 1_000
    assert tally.failures == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    told = [record for record in caplog.records if CANARY in json.dumps(record.__dict__, default=str)]
    assert told == []


def _give_canary(tx: Transaction, made: House) -> None:
    now = made.clock.now()
    item, _ = applications.create(tx, name="canary", user_login=made.users["admin"].login, scopes=SCOPES, now=now)
    expires_at = now + timedelta(days=30)
    application_store.add_token(tx, consents.digest(CANARY), item, scopes=SCOPES, expires_at=expires_at)

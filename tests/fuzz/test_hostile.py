"""Hostile texts and bodies (S4, S5) and secrets that must stay secret (S6), on every operation."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from procession.model.people import SCOPES
from procession.operations import applications, consents
from procession.store import applications as application_store
from procession.store.database import Transaction
from tests.api.house import House
from tests.fuzz.hostile import HITS, Attack, attacks
from tests.fuzz.world import World

CANARY = "canary-7f3b2a91"
SECONDS_MAX = 10
HANG_SECONDS = 60


def test_no_text_and_no_body_does_anything_but_be_refused_or_kept(
    prepared: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="procession")
    prepared.house.database.write(lambda tx: _give_canary(tx, prepared.house))
    document = json.loads(prepared.house.ask("GET", "openapi.json").content)

    failures = asyncio.run(_ask_all(prepared, list(attacks(document, prepared.ids))))

    assert failures == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    told = [record for record in caplog.records if CANARY in json.dumps(record.__dict__, default=str)]
    assert told == []


def _give_canary(tx: Transaction, made: House) -> None:
    now = made.clock.now()
    item, _ = applications.create(tx, name="canary", user_login=made.users["admin"].login, scopes=SCOPES, now=now)
    expires_at = now + timedelta(days=30)
    application_store.add_token(tx, consents.digest(CANARY), item, scopes=SCOPES, expires_at=expires_at)


async def _ask_all(prepared: World, found: list[Attack]) -> list[str]:
    transport = httpx2.ASGITransport(app=prepared.house.app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {CANARY}"}
    secrets = (CANARY, prepared.ids["client_secret"])
    async with httpx2.AsyncClient(transport=transport, base_url="http://house.example", headers=headers) as client:
        return [text for attack in found for text in await _ask(client, attack, secrets)]


async def _ask(client: Any, attack: Attack, secrets: tuple[str, ...]) -> list[str]:
    began = time.monotonic()
    request = client.request(
        attack.method,
        attack.path,
        params=attack.params or None,
        content=attack.body or None,
        headers={"content-type": attack.kind},
    )
    try:
        answer = await asyncio.wait_for(request, HANG_SECONDS)
    except TimeoutError:
        return [f"{attack.method} {attack.path} {attack.params}: no answer"]
    said = [word for word in (*HITS, *secrets) if word in answer.text or word in str(answer.headers)]
    problems = [
        *([f"status {answer.status_code}"] if answer.status_code >= 500 else []),
        *([f"shows {said}"] if said else []),
        *(["too slow"] if time.monotonic() - began > SECONDS_MAX else []),
        *(["a header of its own"] if "evil" in str(answer.headers) else []),
    ]
    return [f"{attack.method} {attack.path} {attack.params} {attack.body[:80]!r}: {problem}" for problem in problems]

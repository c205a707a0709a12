"""Races for one code, one refresh token, one account: one success, then the end of all that came of it (S8, S2)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from procession.model.people import SCOPES, AccountStatus, Caller
from procession.operations import consents
from procession.operations import people as people_operations
from procession.operations.act import Act
from procession.store import consents as consent_store
from tests.oauth.world import PKCE, VERIFIER, World

MANY = 24


def all_at_once(*questions: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    with ThreadPoolExecutor(len(questions)) as threads:
        return [future.result() for future in [threads.submit(question) for question in questions]]


def tokens_of(answers: list[httpx2.Response]) -> list[dict[str, Any]]:
    return [answer.json() for answer in answers if answer.status_code == 200]


def count(made: World, table: str, where: str = "1 = 1") -> int:
    return int(made.write(lambda tx: tx.one(f"SELECT count(*) FROM {table} WHERE {where}"))[0])


@pytest.mark.parametrize("kind", ["code", "refresh"])
def test_of_many_uses_one_wins_and_its_tokens_end_with_the_others(made: World, kind: str) -> None:
    text = made.code(made.web, **PKCE)
    if kind == "refresh":
        text = made.redeem(text, code_verifier=VERIFIER).json()["refresh_token"]

    def use() -> httpx2.Response:
        return made.redeem(text, code_verifier=VERIFIER) if kind == "code" else made.refresh(text)

    answers = all_at_once(*[use] * MANY)

    (won,) = tokens_of(answers)
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {(answer.status_code, answer.json()["error"]) for answer in refused} == {(400, "invalid_grant")}
    assert not made.opens(won["access_token"])
    assert made.refresh(won["refresh_token"]).json()["error"] == "invalid_grant"
    assert (count(made, "token"), count(made, "oauth_grant", "revoked_at IS NULL")) == (0, 0)


def test_a_code_that_was_used_since_it_was_found_gives_nothing_and_ends_its_consent(made: World) -> None:
    text, now = made.code(), made.clock.now()

    def use_twice(tx: Any) -> tuple[bool, bool]:
        found = consents.find_code(tx, text, made.web.id, now)
        assert found is not None
        return consents.use(tx, found, now), consents.use(tx, found, now)

    assert made.write(use_twice) == (True, False)
    assert count(made, "oauth_grant", "revoked_at IS NULL") == 0


def test_a_code_whose_consent_was_revoked_since_it_was_found_gives_nothing(made: World) -> None:
    text, now = made.code(), made.clock.now()

    def revoke_and_use(tx: Any) -> bool:
        found = consents.find_code(tx, text, made.web.id, now)
        assert found is not None
        consent_store.revoke(tx, found.consent, now)
        return consents.use(tx, found, now)

    assert made.write(revoke_and_use) is False


def test_a_family_that_was_revoked_gets_no_member_from_a_race(made: World) -> None:
    """Refreshes, each with the newest token it knows, while the family is revoked: nothing is alive afterwards."""
    first = made.redeem(made.code()).json()

    def go_on() -> httpx2.Response:
        token = first["refresh_token"]
        for _ in range(MANY):
            answer = made.refresh(token)
            if answer.status_code != 200:
                return answer
            token = answer.json()["refresh_token"]
        return answer

    def revoke() -> httpx2.Response:
        return made.post("revoke", token=first["refresh_token"], **made.credentials)

    going, revoked = all_at_once(go_on, revoke)

    assert revoked.status_code == 200
    assert going.status_code == 400
    assert (count(made, "token"), count(made, "oauth_grant", "revoked_at IS NULL")) == (0, 0)


@pytest.mark.parametrize("end", ["suspended", "password"])
def test_no_token_that_races_with_the_end_of_its_user_outlives_it(made: World, end: str) -> None:
    """Codes, refreshes and own tokens on their way when the account is suspended, or its password
    is another one. What is asked for with a client's secret after a new password is a new beginning, and allowed."""
    codes = [made.code() for _ in range(4)]
    refreshes = [made.redeem(made.code()).json()["refresh_token"] for _ in range(4)]

    def finish() -> httpx2.Response:
        made.write(lambda tx: _end(tx, made, end))
        return made.post("token")

    asked: list[Callable[[], httpx2.Response]] = [finish]
    for code, token in zip(codes, refreshes, strict=True):
        asked.insert(0, partial(made.redeem, code))
        asked.append(partial(made.refresh, token))
        asked.append(partial(made.token, grant_type="client_credentials", **made.credentials))

    answers = all_at_once(*asked)

    given = [token for token in tokens_of(answers) if "refresh_token" in token or end == "suspended"]
    assert not any(made.opens(token["access_token"]) for token in given)
    assert count(made, "oauth_grant", "revoked_at IS NULL") == 0
    assert count(made, "token", "grant_id IS NOT NULL") == 0
    for token in given:
        assert "refresh_token" not in token or made.refresh(token["refresh_token"]).status_code in {400, 401}


def _end(tx: Any, made: World, end: str) -> None:
    if end == "password":
        people_operations.set_password(tx, made.ada.id, "x", made.clock.now())
        return
    admin = people_operations.create_user(
        tx, email="admin@example.com", first_name="A", last_name="B", role=made.ada.role, now=made.clock.now()
    )
    wanted = replace(people_operations.user(tx, made.ada.id), status=AccountStatus.SUSPENDED)
    caller = Caller(user=admin, scopes=SCOPES)
    people_operations.change_user(Act(tx=tx, caller=caller, now=made.clock.now(), resources=made.resources), wanted)

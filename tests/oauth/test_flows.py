"""Signing in, consent, codes, refresh tokens: as a user's browser and an application meet them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from procession.clock import ManualClock
from procession.operations import applications, consents
from procession.operations import people as people_operations
from procession.store import applications as application_store
from procession.store import consents as consent_store
from procession.store import people as people_store
from tests import plain_http
from tests.oauth.world import PASSWORD, PKCE, REDIRECT, VERIFIER, World


def advance(made: World, seconds: float) -> None:
    assert isinstance(made.clock, ManualClock)
    made.clock.advance(seconds)


def test_a_user_signs_in_agrees_and_the_application_acts_for_them(made: World) -> None:
    browser = made.browser()

    browser.sign_in(made.question(made.web, scope="process_read file_read", **PKCE))
    consent = browser.text
    back = browser.submit(do="allow").back
    answer = made.redeem(back["code"], code_verifier=VERIFIER).json()

    assert "Ledger" in consent and "Ada Byron" in consent and "Read files" in consent and "app.example" in consent
    assert (back["state"], back["iss"]) == ("xyz", made.address)
    assert answer["scope"] == "file_read process_read" and answer["expires_in"] == 3_600
    assert made.opens(answer["access_token"]) and answer["refresh_token"]
    assert made.write(lambda tx: people_store.user(tx, made.ada.id)).signed_in_at == made.clock.now()


def test_who_has_signed_in_is_asked_for_consent_at_once_and_may_leave(made: World) -> None:
    browser = made.browser()
    browser.sign_in(made.question())

    assert browser.open(made.question()).forms.buttons == {"allow", "deny", "leave"}
    assert browser.submit(do="leave").forms.buttons == {"sign-in"}
    assert browser.open(made.question()).forms.buttons == {"sign-in"}


def test_deny_is_told_to_the_application_and_leaves_nothing(made: World) -> None:
    browser = made.browser()

    back = browser.sign_in(made.question()).submit(do="deny").back

    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "xyz", made.address)
    assert made.write(lambda tx: tx.one("SELECT count(*) FROM oauth_grant")) == (0,)


def test_a_code_is_good_once_and_its_second_use_ends_what_came_of_the_first(made: World) -> None:
    code = made.code()
    first = made.redeem(code).json()

    second = made.redeem(code)

    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert not made.opens(first["access_token"])
    assert made.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_lives_for_a_minute(made: World) -> None:
    code = made.code()

    advance(made, consents.CODE_SECONDS)

    assert made.redeem(code).json()["error"] == "invalid_grant"


def test_a_refresh_token_is_rotated_and_a_replay_ends_the_family(made: World) -> None:
    first = made.redeem(made.code()).json()
    second = made.refresh(first["refresh_token"]).json()
    assert made.opens(second["access_token"])

    replay = made.refresh(first["refresh_token"])

    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    assert not made.opens(second["access_token"]) and not made.opens(first["access_token"])
    assert made.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


def test_refresh_tokens_slide_and_end_half_a_year_after_their_last_use(made: World) -> None:
    token = made.redeem(made.code()).json()["refresh_token"]
    for _ in range(3):
        advance(made, 180 * 86_400)
        token = made.refresh(token).json()["refresh_token"]

    advance(made, consents.REFRESH_DAYS * 86_400)

    assert made.refresh(token).json()["error"] == "invalid_grant"


def test_refresh_may_ask_for_less_and_the_next_again_for_all(made: World) -> None:
    first = made.redeem(made.code(scope="process file_read")).json()

    less = made.refresh(first["refresh_token"], scope="process_read").json()
    more = made.refresh(less["refresh_token"], scope="file")
    again = made.refresh(less["refresh_token"]).json()

    assert (less["scope"], again["scope"]) == ("process_read", "file_read process")
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


def test_a_public_application_uses_any_port_of_this_machine_with_pkce(made: World) -> None:
    uri = "http://127.0.0.1:51234/cb"
    code = made.code(made.native, redirect_uri=uri, **PKCE)

    answer = made.token(grant_type="authorization_code", code=code, client_id=made.native.client_id,
                        redirect_uri=uri, code_verifier=VERIFIER)  # fmt: skip
    again = made.token(grant_type="refresh_token", client_id=made.native.client_id,
                       refresh_token=answer.json()["refresh_token"])  # fmt: skip

    assert made.opens(answer.json()["access_token"]) and made.opens(again.json()["access_token"])


def test_revoking_a_refresh_token_ends_all_and_an_access_token_only_itself(made: World) -> None:
    first = made.redeem(made.code()).json()
    assert made.post("revoke", token=first["access_token"], **made.credentials).json() == {}
    assert not made.opens(first["access_token"])
    second = made.refresh(first["refresh_token"]).json()
    assert made.opens(second["access_token"])

    made.post("revoke", token=second["refresh_token"], token_type_hint="nonsense", **made.credentials)

    assert not made.opens(second["access_token"])
    assert made.refresh(second["refresh_token"]).status_code == 400
    assert made.post("revoke", token="unknown", **made.credentials).status_code == 200


def test_introspection_tells_a_client_about_its_own_tokens_only(made: World) -> None:
    tokens = made.redeem(made.code()).json()

    own = made.post("introspect", token=tokens["access_token"], **made.credentials).json()
    refresh = made.post("introspect", token=tokens["refresh_token"], **made.credentials).json()
    strange = made.post("introspect", token=tokens["access_token"], client_id=made.other.client_id,
                        client_secret=made.other_secret).json()  # fmt: skip
    made.refresh(tokens["refresh_token"])
    used = made.post("introspect", token=tokens["refresh_token"], **made.credentials).json()

    assert (own["active"], own["username"], own["client_id"]) == (True, "ada", made.web.client_id)
    assert own["exp"] == int(made.clock.now().timestamp()) + 3_600 and refresh["active"]
    assert strange == used == {"active": False}


@pytest.mark.parametrize("end", ["suspend", "password", "reset", "delete"])
def test_what_ends_a_user_or_an_application_ends_their_tokens(made: World, end: str) -> None:
    tokens = made.redeem(made.code()).json()
    now = made.clock.now()
    operations: dict[str, Callable[[Any], Any]] = {
        "suspend": lambda tx: tx.run("UPDATE user_account SET status = 'Suspended' WHERE id = ?", made.ada.id.number),
        "password": lambda tx: people_operations.set_password(tx, made.ada.id, "x", now),
        "reset": lambda tx: application_store.revoke_tokens(tx, made.web.id, now),
        "delete": lambda tx: applications.delete(tx, made.web.id),
    }

    made.write(operations[end])

    assert not made.opens(tokens["access_token"])
    assert made.refresh(tokens["refresh_token"]).status_code in {400, 401}


def test_the_metadata_is_true(made: World) -> None:
    metadata = plain_http.get(f"{made.address}/.well-known/oauth-authorization-server").json()

    assert metadata["issuer"] == made.address
    for name in ("authorization", "token", "revocation", "introspection"):
        answer = plain_http.post(metadata[f"{name}_endpoint"], data={})
        assert answer.status_code in {400, 401} and metadata[f"{name}_endpoint"].startswith(made.address)


def test_the_page_of_a_session_whose_user_was_suspended_asks_to_sign_in(made: World) -> None:
    browser = made.browser()
    browser.sign_in(made.question())

    made.write(lambda tx: tx.run("UPDATE user_account SET status = 'Suspended'"))

    assert browser.submit(do="allow").answer.status_code == 400


def test_consents_keep_no_text_of_a_code(made: World) -> None:
    code = made.code()

    found = made.write(lambda tx: consent_store.code(tx, consents.digest(code)))

    assert found.redirect_uri == "" and not found.is_used and PASSWORD not in str(found) and REDIRECT not in str(found)


def test_what_a_user_consents_to_cannot_make_itself_permanent(made: World) -> None:
    """An application that it registered would outlive the consent, and the user's password."""
    wider = replace(made.web, scopes=made.web.scopes | {"application"})
    made.write(lambda tx: application_store.change(tx, wider))

    asked = plain_http.get(made.address + made.question(scope="application"))
    given = made.redeem(made.code()).json()

    assert "error=invalid_scope" in asked.headers["location"]
    assert given["scope"] and "application" not in given["scope"]

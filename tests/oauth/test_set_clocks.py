"""Somebody sets the wall clock: nothing lives longer than it was promised to, and nobody is locked out (R15).

What others reported, tried here: a token that lives on after the clock was set back
(AzureAD/azure-activedirectory-library-for-android#428, AzureAD/microsoft-authentication-library-for-js#3206), nobody
who can sign in after it was set ahead (IdentityServer/IdentityServer3#3807), tokens "issued in the future"
(lexik/LexikJWTAuthenticationBundle#286, zitadel/zitadel#5322), lives that stand still while the machine sleeps
(ltratt/pizauth#47, axboe/liburing#369: the clock that counts sleep).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from procession.clock import ManualClock
from procession.oauth.core import LIFETIME_SECONDS
from procession.operations import consents, links, sessions
from tests import plain_http
from tests.oauth.world import World

HOUR, DAY = 3_600, 86_400

# Something new, and what says whether it is still good; asked once, because a code is used up.
Probe = Callable[[], bool]


def _access_token(made: World) -> Probe:
    token = made.token(grant_type="client_credentials", **made.credentials).json()["access_token"]
    return lambda: made.opens(token)


def _refresh_token(made: World) -> Probe:
    token = made.redeem(made.code()).json()["refresh_token"]
    return lambda: made.refresh(token).status_code == 200


def _code(made: World) -> Probe:
    code = made.code()
    return lambda: made.redeem(code).status_code == 200


def _session(made: World) -> Probe:
    browser = made.browser()
    browser.sign_in(made.question())
    return lambda: "allow" in browser.open(made.question()).forms.buttons


def _link(made: World) -> Probe:
    link = made.write(lambda tx: links.create(tx, made.ada.id, made.resources.home_clock.most()))
    return lambda: plain_http.get(f"{made.address}/oauth/password?link={link}").status_code == 200


KINDS: dict[Callable[[World], Probe], int] = {
    _access_token: LIFETIME_SECONDS,
    _refresh_token: consents.REFRESH_DAYS * DAY,
    _code: consents.CODE_SECONDS,
    _session: sessions.SESSION_HOURS * HOUR,
    _link: links.LINK_DAYS * DAY,
}
every_kind = pytest.mark.parametrize(
    ("make", "seconds"), KINDS.items(), ids=[make.__name__.strip("_") for make in KINDS]
)


@every_kind
@pytest.mark.parametrize("before", [0, HOUR, DAY])
@pytest.mark.parametrize("is_over", [False, True])
def test_a_clock_set_back_gives_no_time_and_takes_none(
    made: World, clock: ManualClock, make: Callable[[World], Probe], seconds: int, before: int, is_over: bool
) -> None:
    clock.jump(before)
    is_good = make(made)
    clock.jump(-DAY)

    clock.advance(seconds - (not is_over))

    assert is_good() is not is_over


@every_kind
@pytest.mark.parametrize("jump", [-DAY, DAY, 400 * DAY])
def test_nobody_is_locked_out_however_the_clock_was_set(
    made: World, clock: ManualClock, make: Callable[[World], Probe], seconds: int, jump: int
) -> None:
    make(made)
    clock.jump(jump)
    assert make(made)()
    clock.jump(-jump)
    assert make(made)()


@every_kind
def test_a_clock_set_ahead_may_end_it_because_the_machine_may_have_stood_still(
    made: World, clock: ManualClock, make: Callable[[World], Probe], seconds: int
) -> None:
    is_good = make(made)

    clock.jump(seconds)

    assert not is_good()


def test_introspection_tells_the_end_by_the_clock_as_it_is_set_now(made: World, clock: ManualClock) -> None:
    token = made.token(grant_type="client_credentials", **made.credentials).json()["access_token"]
    clock.jump(-HOUR)

    told = made.post("introspect", token=token, **made.credentials).json()

    assert told["exp"] == int(clock.now().timestamp()) + LIFETIME_SECONDS


def test_guessing_stays_stopped_when_the_clock_is_set_back(made: World, clock: ManualClock) -> None:
    browser = made.browser()
    browser.open(made.question())
    while browser.submit(login="ada", password="wrong", do="sign-in").answer.status_code == 400:
        pass

    clock.jump(-HOUR)

    assert browser.sign_in(made.question()).answer.status_code == 429
    assert urlsplit(browser.url).path == "/oauth/authorize"

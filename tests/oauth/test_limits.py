"""Counting attempts: within a time, by key, and never more than the memory that is meant for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from procession.door.limits import KEY_CHARACTERS_MAX, KEYS_MAX, SLOTS, Counter, Limit
from procession.model.errors import TooMany
from procession.model.ids import UserId
from procession.oauth import limits
from procession.oauth.limits import OAuthLimits

NOW = datetime(2026, 11, 30, tzinfo=UTC)
TWO = Limit(most=2, seconds=60)


def test_one_too_many_waits_until_the_time_is_over() -> None:
    counter = Counter(TWO)

    said = [counter.take("ada", NOW + timedelta(seconds=seconds)) for seconds in (0, 10, 20, 59, 60)]

    assert said == [0, 0, 40, 1, 0]


def test_two_bursts_across_an_edge_are_no_more_than_a_window_lets_through() -> None:
    """A fixed minute let the first burst end one window, and the second begin the next."""
    counter = Counter(Limit(most=10, seconds=60))
    moments = [0.0, *[59.0] * 20, *[60.5] * 20, *[61 + tenth / 10 for tenth in range(1_200)]]

    admitted = [at for at in moments if counter.take("ada", NOW + timedelta(seconds=at)) == 0]

    assert len(admitted) > 10
    assert max(sum(at <= other < at + 60 for other in admitted) for at in admitted) == 10


def test_a_counter_keeps_little_of_many_attempts() -> None:
    counter = Counter(Limit(most=1_000_000, seconds=60))

    for tenth in range(10_000):
        counter.take("ada", NOW + timedelta(seconds=tenth / 10))

    assert len(counter._seen["ada"]) <= SLOTS + 2


def test_keys_do_not_know_each_other_and_success_is_forgiven() -> None:
    counter = Counter(TWO)

    for _ in range(5):
        assert counter.take("ada", NOW) == 0
        counter.forgive("ada")

    assert counter.take("bob", NOW) == 0


def test_a_clock_that_goes_back_locks_nobody_out() -> None:
    counter = Counter(TWO)
    counter.take("ada", NOW)
    counter.take("ada", NOW)

    assert counter.take("ada", NOW - timedelta(hours=1)) == 0


def test_no_more_keys_are_kept_than_a_limit_says() -> None:
    counter = Counter(TWO)

    for number in range(KEYS_MAX + 50):
        counter.take("x" * 1_000 + str(number), NOW)
        counter.take(str(number), NOW)

    assert len(counter._seen) == KEYS_MAX
    assert max(len(key) for key in counter._seen) <= KEY_CHARACTERS_MAX


def test_an_account_is_one_from_wherever_it_is_tried() -> None:
    limiter = OAuthLimits()
    account = limits.account(UserId(5), "ada")

    for number in range(limits.SIGN_INS_OF_ACCOUNT.most):
        limiter.admit_sign_in(account, f"10.0.0.{number}", NOW)

    with pytest.raises(TooMany) as stopped:
        limiter.admit_sign_in(account, "10.1.1.1", NOW)
    assert stopped.value.headers == {"retry-after": str(limits.SIGN_INS_OF_ACCOUNT.seconds)}


def test_whatever_name_a_user_gives_it_is_one_account() -> None:
    user = UserId(5)

    assert limits.account(user, "ada") == limits.account(user, "Ada@Example.com")
    assert (
        len(
            {
                limits.account(None, name)
                for name in ("straße", "STRASSE", " Straße ", "\N{LATIN SMALL LIGATURE ST}rasse")
            }
        )
        == 1
    )
    assert limits.account(None, str(user)) != limits.account(user, "ada")


@pytest.mark.parametrize("address", ["2001:db8:1:2::%x", "::ffff:10.0.0.7", "10.0.0.7"])
def test_a_household_is_one_address(address: str) -> None:
    """Whoever has one address of IPv6 has 2**64 of them."""
    limiter = OAuthLimits()

    for number in range(limits.SIGN_INS_OF_ADDRESS.most):
        limiter.admit_sign_in(f" {number}", address.replace("%x", f"{number:x}"), NOW)

    with pytest.raises(TooMany):
        limiter.admit_sign_in(" another", address.replace("%x", "ffff"), NOW)
    limiter.admit_sign_in(" another", "2001:db8:1:3::1", NOW)


def test_a_script_that_asks_all_the_time_is_slowed_down_though_it_succeeds() -> None:
    limiter = OAuthLimits()

    for _ in range(limits.REQUESTS_OF_CLIENT.most):
        limiter.admit_client("c", "10.0.0.1", NOW)
        limiter.forgive_client("c", "10.0.0.1")

    with pytest.raises(TooMany):
        limiter.admit_client("c", "10.0.0.1", NOW)

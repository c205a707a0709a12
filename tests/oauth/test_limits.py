"""Counting attempts: within a time, by key, and never more than the memory that is meant for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from procession.model.errors import TooMany
from procession.oauth import limits
from procession.oauth.limits import Counter, Limit, OAuthLimits

NOW = datetime(2026, 11, 30, tzinfo=UTC)
TWO = Limit(most=2, seconds=60)


def test_one_too_many_waits_until_the_time_is_over() -> None:
    counter = Counter(TWO)

    said = [counter.take("ada", NOW + timedelta(seconds=seconds)) for seconds in (0, 10, 20, 59, 60)]

    assert said == [0, 0, 40, 1, 0]


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

    for number in range(limits.KEYS_MAX + 50):
        counter.take("x" * 1_000 + str(number), NOW)
        counter.take(str(number), NOW)

    assert len(counter._seen) == limits.KEYS_MAX
    assert max(len(key) for key in counter._seen) <= limits.KEY_CHARACTERS_MAX


def test_a_login_is_one_whatever_its_case_and_from_wherever_it_is_tried() -> None:
    limiter = OAuthLimits()

    for number in range(limits.SIGN_INS_OF_LOGIN.most):
        limiter.admit_sign_in("Ada" if number % 2 else " ada ", f"10.0.0.{number}", NOW)

    with pytest.raises(TooMany) as stopped:
        limiter.admit_sign_in("ADA", "10.1.1.1", NOW)
    assert stopped.value.headers == {"retry-after": str(limits.SIGN_INS_OF_LOGIN.seconds)}


def test_a_script_that_asks_all_the_time_is_slowed_down_though_it_succeeds() -> None:
    limiter = OAuthLimits()

    for _ in range(limits.REQUESTS_OF_CLIENT.most):
        limiter.admit_client("c", "10.0.0.1", NOW)
        limiter.forgive_client("c", "10.0.0.1")

    with pytest.raises(TooMany):
        limiter.admit_client("c", "10.0.0.1", NOW)

"""Passwords are hashed slowly, checked in the same time for everybody, and bounded."""

from __future__ import annotations

import pytest

from procession.model.errors import Invalid
from procession.operations import passwords


def test_a_password_matches_its_hash_and_no_other() -> None:
    stored = passwords.hashed("correct horse battery")

    assert passwords.matches(stored, "correct horse battery")
    assert not passwords.matches(stored, "correct horse batterY")
    assert "correct" not in stored


@pytest.mark.parametrize("password", ["eleven char", "x" * 65])
def test_a_password_that_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match="12 to 64 characters"):
        passwords.hashed(password)


def test_a_user_without_a_password_cannot_sign_in_with_any() -> None:
    assert not passwords.matches(None, "")
    assert not passwords.matches("not a hash", "correct horse battery")

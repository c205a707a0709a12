"""Passwords are hashed slowly, checked in the same time for everybody, and bounded."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from procession.model.errors import Invalid
from procession.operations import passwords


@pytest.fixture
def as_served() -> ModuleType:
    """The module as it is before the tests make it quick."""
    spec = importlib.util.find_spec(passwords.__name__)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_a_server_hashes_as_owasp_advises_and_as_long_for_nobody(as_served: ModuleType) -> None:
    parameters = "$argon2id$v=19$m=19456,t=2,p=1$"

    assert as_served.hashed("correct horse battery").startswith(parameters)
    assert as_served.NOBODY.startswith(parameters)
    assert not as_served.matches(None, "correct horse battery")


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

"""Passwords: hashed with argon2id, which takes tens of milliseconds on purpose, so never in the writer's thread."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from procession.model.errors import Invalid

PASSWORD_CHARACTERS_MIN = 12  # docs/wire.md, People and log
# NIST SP 800-63B asks for at least 64; a bound keeps a megabyte from being hashed.
PASSWORD_CHARACTERS_MAX = 64
# 19 MiB and two passes: the OWASP password storage cheat sheet's first choice for argon2id.
MEMORY_KIB = 19 * 1_024
PASSES = 2
# Of a password that nobody knows: a user without one takes as long to refuse as a wrong password.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$0ncxPHpeIYsn5Mg/zLE1YA$cAcP2XgHNKJ1TUwixYF+v6WE6ZNkKaxrLXQsR9zVPIc"


def hashed(password: str) -> str:
    """What is stored of it. Raises Invalid for one that is too short, too long or blank."""
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise Invalid(f"a password has {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters")
    if not password.strip():
        raise Invalid("a password cannot be all blanks")
    return _hasher().hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password; as slow for a user without one as for a wrong one."""
    try:
        # One more than the longest, so that a longer one never matches its beginning.
        _hasher().verify(stored or NOBODY, password[: PASSWORD_CHARACTERS_MAX + 1])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def _hasher() -> PasswordHasher:
    # One lane: more would start threads inside a pool of threads.
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)

"""Ways of sending no good token: spoilt ones, those that were good once, and those that are for another use."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from procession.model.consents import IssuedToken
from procession.model.people import AccountStatus, Application, User, UserRole
from procession.operations import applications, consents, people
from procession.store import consents as consent_store
from procession.store import people as people_store
from procession.store.database import Transaction
from tests.rights.asking import Headers
from tests.rights.world import ALL

GOOD = "kP3v-Xq_Zr8wB1nYt5sLd0HfJc7mGaUe2oViRx6TbQ4"  # as long, and of such characters, as tokens are
FORM = b"application/x-www-form-urlencoded"


def bearer(text: str | bytes, scheme: bytes = b"Bearer ") -> Headers:
    return ((b"authorization", scheme + (text if isinstance(text, bytes) else text.encode())),)


def bad(dead: dict[str, str]) -> dict[str, Headers]:
    """By what is wrong with them; `dead` are texts that are no access tokens any more, or never were."""
    good = GOOD.encode()
    found: dict[str, Headers] = {"no header": ()}
    found |= {f"the scheme {scheme!r}": bearer(good, scheme) for scheme in SCHEMES}
    found |= {f"the header {value!r}": ((b"authorization", value),) for value in HEADERS}
    found |= {what: bearer(text) for what, text in _spoilt(good)}
    found |= {name: bearer(text) for name, text in dead.items()}
    first, other = bearer(good)[0], bearer(b"other")[0]
    for what, pair in (("good", first), ("bad", other), ("empty", (b"authorization", b"")), ("Basic", BASIC)):
        found[f"two headers, good and {what}"] = (first, pair)
        found[f"two headers, {what} and good"] = (pair, first)
    for header in (b"x-authorization", b"proxy-authorization", b"authorization ", b"x-access-token", b"cookie"):
        found[f"another header, {header!r}"] = ((header, b"Bearer " + good),)
    return found


BASIC = (b"authorization", b"Basic Zm9vOmJhcg==")
SCHEMES = (
    b"", b" ", b"Basic ", b"Digest ", b"Token ", b"Bearer", b"Bearer:", b"Bearer\t", b"Bearer=", b"Bearer\xa0",
    b"Bearer, ", b"Bearers ", b"earer ", b"OAuth ", b"MAC ", b"DPoP ", b"Bearer Bearer ", b"Bearer token=", b'Bearer "',
)  # fmt: skip
HEADERS = (
    b"", b" ", b"Bearer", b"Bearer ", b"Bearer  ", b"bearer", b"null", b"Bearer null", b"Bearer undefined", b"Bearer 0",
    b"Bearer true", b"Bearer *", b"Bearer %", b"Bearer ' OR '1'='1", b"Bearer ../../etc", b"Bearer {}", b"Bearer []",
    b"Bearer \x00", b"\x00", b"Bearer \xff\xfe", b"Bearer \xc3\xa9", b"\xc3\xa9", b"Bearer " + b"a" * 7_000,
    b"Bearer " + b"a " * 3_000, b"Bearer " + b"\xff" * 3_000, BASIC[1],
)  # fmt: skip


def _spoilt(good: bytes) -> Iterator[tuple[str, bytes]]:
    for at in range(len(good)):
        letter = good[at : at + 1]
        yield f"another character at {at}", good[:at] + (b"A" if letter != b"A" else b"B") + good[at + 1 :]
        yield f"the first {at}", good[:at]
        yield f"the last {at}", good[len(good) - at :] if at else b""
        yield f"none at {at}", good[:at] + good[at + 1 :]
        yield f"twice at {at}", good[:at] + letter + good[at:]
        if good[at : at + 2] != good[at : at + 2][::-1]:
            yield f"two exchanged at {at}", good[:at] + good[at : at + 2][::-1] + good[at + 2 :]
        if letter.isalpha():
            yield f"the other case at {at}", good[:at] + letter.swapcase() + good[at + 1 :]
        if at:
            yield f"a blank before {at}", good[:at] + b" " + good[at:]
            yield f"a byte that is no character before {at}", good[:at] + BYTES[at % len(BYTES)] + good[at:]
    for piece in BYTES:
        if piece != b"\t":  # behind the value of a header it is no part of it (RFC 9110 section 5.5)
            yield f"{piece!r} after it", good + piece
        yield f"{piece!r} before it", piece + good
    for what in (good.lower(), good.upper(), good[::-1], good + good, good + b"," + good, good + b" " + good):
        yield f"{what!r}", what


BYTES = (
    b"\x00",
    b"\t",
    b"\n",
    b"\r",
    b"\x0b",
    b"\x0c",
    b"\x1c",
    b"\x7f",
    b"\x85",
    b"\xa0",
    b"\xff",
    b"%20",
    b"=",
    b"'",
)


def seed(tx: Transaction, user: User, now: datetime) -> dict[str, str]:
    """The good token, and by what they are: texts that look like one."""
    application, secret = applications.create(tx, name="Seed", user_login=user.login, scopes=ALL, now=now)
    _add(tx, GOOD, application, user, now + timedelta(days=1))
    found = {
        "a token that expires now": _issued(tx, application, user, now),
        "a token that has expired": _issued(tx, application, user, now - timedelta(days=1)),
        "a revoked token": _revoked(tx, application, user, now),
        "a token of a deleted application": _of_deleted_application(tx, user, now),
        "a client secret": secret,
        "a client id": application.client_id,
        "the hash that is stored": consents.digest(GOOD),
        **_of_a_consent(tx, application, user, now),
    }
    for status in (AccountStatus.SUSPENDED, AccountStatus.LOCKED):
        found[f"a token of a user who is {status}"] = _of_user(tx, status, now)
    return found


def _add(tx: Transaction, text: str, application: Application, user: User, expires_at: datetime) -> None:
    issued = IssuedToken(application=application.id, user=user.id, login=user.login, scopes=ALL, expires_at=expires_at)
    consent_store.add_token(tx, consents.digest(text), issued, None)


def _issued(tx: Transaction, application: Application, user: User, expires_at: datetime) -> str:
    text = secrets.token_urlsafe(32)
    _add(tx, text, application, user, expires_at)
    return text


def _revoked(tx: Transaction, application: Application, user: User, now: datetime) -> str:
    text = _issued(tx, application, user, now + timedelta(days=1))
    assert consents.revoke(tx, text, application.id, now)
    return text


def _of_deleted_application(tx: Transaction, user: User, now: datetime) -> str:
    application, _ = applications.create(tx, name="Gone", user_login=user.login, scopes=ALL, now=now)
    text = _issued(tx, application, user, now + timedelta(days=1))
    applications.delete(tx, application.id)
    return text


def _of_a_consent(tx: Transaction, application: Application, user: User, now: datetime) -> dict[str, str]:
    """What an authorization code flow gives besides access tokens."""
    asked = consents.ConsentRequest(
        application=application, scopes=ALL, redirect_uri="https://a.example/", challenge=None
    )
    code = consents.allow(tx, user.id, asked, now)
    found = consents.find_code(tx, code, application.id, now)
    assert found is not None
    return {
        "an authorization code": code,
        "a refresh token": consents.issue_refresh_token(tx, found.consent, ALL, now),
    }


def _of_user(tx: Transaction, status: AccountStatus, now: datetime) -> str:
    """A token that was not taken back when the account was closed, as one issued in between."""
    email = f"{status.lower()}.{secrets.token_hex(4)}@example.com"
    user = people.create_user(tx, email=email, first_name="A", last_name="B", role=UserRole.CLIENT_ADMIN, now=now)
    application, _ = applications.create(tx, name="Closed", user_login=user.login, scopes=ALL, now=now)
    text = _issued(tx, application, user, now + timedelta(days=1))
    people_store.change_user(tx, replace(user, status=status))
    return text

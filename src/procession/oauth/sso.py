"""Signing in with somebody else's word: OpenID Connect, by a provider that the operator has named.

The code flow with PKCE, a state and a nonce (OpenID Connect Core 1.0 section 3.1). Who somebody is comes from the
provider, by an e-mail that it says it has verified; what they may do is ours.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import ssl
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from procession.config import SsoProvider
from procession.door import browser
from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model.errors import ProcessionError, Unavailable
from procession.oauth import signing
from procession.oauth.signing import Signing
from procession.operations import sessions

COOKIE_SECONDS = 600  # for the whole way there and back
ANSWER_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 1_000_000  # metadata and keys are some kilobytes
METADATA_SECONDS = 3_600.0  # keys change; one that is not known is asked for at once
CLOCK_SECONDS = 120  # by which the provider's clock may differ
# Signed with a key of the provider's own; "none" and shared secrets are not among them.
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "RS384", "RS512", "ES384", "ES512"]
BACK = "sign-in/sso/back"


class _Refused(ProcessionError):
    """Nobody is signed in, and the user is told why."""

    status = 400


class _Trip(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser takes along to the provider and back, in a cookie."""

    state: str
    nonce: str
    verifier: str
    to: str


class Sso:
    """`provider` as the operator has named it."""

    def __init__(self, provider: SsoProvider, proving: Signing) -> None:
        self.provider = provider
        self._proving = proving
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = -METADATA_SECONDS

    async def begin(self, call: StreamCall) -> RedirectReply | HtmlReply:
        """To the provider."""
        try:
            metadata = await self._known()
        except Unavailable as error:
            return self._told(call, error.message)
        trip = _Trip(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            to=call.request.query.get("to", ""),
        )
        question = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": _back_address(call),
            "scope": "openid email profile",
            "state": trip.state,
            "nonce": trip.nonce,
            "code_challenge": create_s256_code_challenge(trip.verifier),
            "code_challenge_method": "S256",
        }
        start = metadata["authorization_endpoint"]
        location = f"{start}{'&' if '?' in start else '?'}{urlencode(question)}"
        packed = base64.urlsafe_b64encode(msgspec.json.encode(trip)).decode().rstrip("=")
        return RedirectReply(location=location, cookies=(browser.trip_cookie(call.request, packed, COOKIE_SECONDS),))

    async def finish(self, call: StreamCall) -> RedirectReply | HtmlReply:
        """Back from the provider: in, or told why not."""
        home_clock, address = call.context.resources.home_clock, call.request.client
        self._proving.limits.admit_trip(address, home_clock.most())
        try:
            trip = _trip_of(call)
            email = await self._email(call, trip)
            operation = partial(
                sessions.sign_in_verified,
                email=email,
                by=self.provider.name,
                now=call.clock(),
                home_clock=home_clock,
                browser=browser.described(call.request),
            )
            opened: str | None = await asyncio.wrap_future(call.database.submit(operation))
            if opened is None:
                raise _Refused(f"nobody here has the email {email}; ask your administrator to add you")
        except (_Refused, Unavailable) as error:
            return self._told(call, error.message)
        self._proving.limits.forgive_trip(address)
        cookies = (browser.session_cookie(call.request, opened), browser.trip_cookie(call.request, "", 0))
        return RedirectReply(location=signing.own_path(trip.to), cookies=cookies)

    def _told(self, call: StreamCall | Call, problem: str) -> HtmlReply:
        return signing.sign_in_card(call, problem=f"{problem[:1].upper()}{problem[1:]}.", sso=self.provider.name)

    async def _email(self, call: StreamCall, trip: _Trip) -> str:
        """Which the provider has verified. Raises _Refused, Unavailable."""
        query = call.request.query
        if query.get("error"):
            raise _Refused(f"{self.provider.name} did not sign you in")
        metadata = await self._known()
        # RFC 9207: whoever answers must be whom we asked.
        if query.get("iss", metadata["issuer"]) != metadata["issuer"]:
            raise _Refused("the answer comes from another service than the one that was asked")
        answer = await self._token(call, trip, metadata)
        claims = await self._claims(str(answer.get("id_token", "")), trip, metadata, call.clock())
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise _Refused(f"{self.provider.name} does not say that it has verified your email")
        return email

    async def _token(self, call: StreamCall, trip: _Trip, metadata: dict[str, Any]) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": call.request.query.get("code", ""),
            "redirect_uri": _back_address(call),
            "code_verifier": trip.verifier,
        }
        # RFC 6749 section 2.3.1, which every provider must take (OpenID Connect Discovery 1.0: the default).
        auth = (self.provider.client_id, self.provider.client_secret)
        answer = await _ask("POST", metadata["token_endpoint"], self.provider, data=form, auth=auth)
        if "id_token" not in answer:
            raise _Refused(f"{self.provider.name} did not accept the sign-in; begin again")
        return answer

    async def _claims(self, token: str, trip: _Trip, metadata: dict[str, Any], now: datetime) -> dict[str, Any]:
        """OpenID Connect Core 1.0 section 3.1.3.7. Raises _Refused."""
        try:
            try:
                claims = jwt.decode(token, await self._key_set(metadata), algorithms=ALGORITHMS).claims
            except (JoseError, ValueError):
                # A provider that has changed its keys since: once more with those of now.
                self._keys = None
                claims = jwt.decode(token, await self._key_set(metadata), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            raise _Refused(f"what {self.provider.name} says is not signed by it") from None
        moment = now.timestamp()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        is_good = (
            claims.get("iss") == metadata["issuer"]
            and audiences == [self.provider.client_id]
            and secrets.compare_digest(str(claims.get("nonce", "")), trip.nonce)
            and isinstance(expires := claims.get("exp"), int | float)
            and expires > moment - CLOCK_SECONDS
            and isinstance(issued := claims.get("iat"), int | float)
            and issued < moment + CLOCK_SECONDS
        )
        if not is_good:
            raise _Refused(f"what {self.provider.name} says is not for this sign-in; begin again")
        return claims

    async def _known(self) -> dict[str, Any]:
        """Raises Unavailable."""
        moment = asyncio.get_running_loop().time()
        if moment - self._read_at >= METADATA_SECONDS:
            address = f"{self.provider.issuer}/.well-known/openid-configuration"
            found = await _ask("GET", address, self.provider)
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            # OpenID Connect Discovery 1.0 section 4.3: the issuer, letter by letter.
            if str(found.get("issuer", "")).rstrip("/") != self.provider.issuer or not all(
                _is_safe(found.get(name)) for name in needed
            ):
                raise Unavailable(f"{self.provider.name} describes itself in a way that cannot be used")
            self._metadata, self._read_at, self._keys = found, moment, None
        return self._metadata

    async def _key_set(self, metadata: dict[str, Any]) -> KeySet:
        if self._keys is None:
            found: Any = await _ask("GET", metadata["jwks_uri"], self.provider)
            self._keys = KeySet.import_key_set(found)
        return self._keys


def _is_safe(address: object) -> bool:
    """Over TLS, but on this machine."""
    parts = urlsplit(address if isinstance(address, str) else "")
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"})


@cache
def _authorities(ca_file: Path | None) -> ssl.SSLContext:
    """Raises OSError for a file that is not PEM."""
    return httpx2.create_ssl_context() if ca_file is None else ssl.create_default_context(cafile=ca_file)


async def _ask(method: str, address: str, provider: SsoProvider, **more: Any) -> dict[str, Any]:
    """A JSON object. Raises Unavailable."""
    try:
        # It takes 40 ms the first time, for which no other request waits.
        verify = await asyncio.to_thread(_authorities, provider.ca_file)
        async with httpx2.AsyncClient(verify=verify, timeout=ANSWER_SECONDS_MAX, follow_redirects=False) as client:
            answer = await client.request(method, address, headers={"accept": "application/json"}, **more)
        found = json.loads(answer.content) if len(answer.content) <= ANSWER_BYTES_MAX else None
    except (httpx2.HTTPError, OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise Unavailable(f"{provider.name} does not answer as it should; try again, or sign in with a password")
    return found


def _back_address(call: StreamCall) -> str:
    return f"{call.request.origin}/{BACK}"


def _trip_of(call: StreamCall) -> _Trip:
    """Of this browser: an answer that was begun in another is nobody's here. Raises _Refused."""
    packed = browser.cookie(call.request, browser.TRIP)
    try:
        trip = msgspec.json.decode(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), type=_Trip)
    except (ValueError, msgspec.DecodeError):
        raise _Refused("this sign-in did not begin in this browser, or too long ago; begin again") from None
    state = call.request.query.get("state", "")
    if not secrets.compare_digest(trip.state.encode(), state.encode("utf-8", "replace")):
        raise _Refused("this sign-in did not begin in this browser, or too long ago; begin again")
    return trip

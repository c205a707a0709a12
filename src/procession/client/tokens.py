"""The access token: fetched when needed, renewed before it expires, thrown away after a 401. Never shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from procession.client.errors import Unauthorized
from procession.client.options import Options

# Posts a form to the token endpoint, returns its JSON; the flag: may it be sent twice?
Exchange = Callable[[Mapping[str, str], bool], Any]

MARGIN_SECONDS_MAX = 30.0  # renews a token this long before its end, at most a tenth of its life
LIFETIME_SECONDS = 600.0  # lifetime of a token whose answer does not say


class Tokens:
    """The tokens of one client; safe to use from several threads."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        client_id: str,
        client_secret: str | None,
        refresh_token: str | None,
        options: Options,
    ) -> None:
        self._exchange = exchange
        self._client_id, self._client_secret = client_id, client_secret
        self._refresh_token = refresh_token
        self._options = options
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at = 0.0

    def __repr__(self) -> str:
        return f"Tokens(client_id={self._client_id!r})"

    def current(self) -> str:
        """A token that is valid for a while. Raises Unauthorized, Unavailable."""
        with self._lock:
            if self._token is None or self._options.timing.monotonic() >= self._renew_at:
                self._fetch()
            assert self._token is not None
            return self._token

    def drop(self, token: str) -> None:
        """Drops a token that the server refused: the next call fetches another, unless a thread already has."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _fetch(self) -> None:
        asked_at = self._options.timing.monotonic()
        # A refresh token works once; a replay revokes its whole family.
        answer = self._exchange(self._form(), self._refresh_token is None)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise Unauthorized("the token endpoint gave no access token")
        seconds = float(answer.get("expires_in") or LIFETIME_SECONDS)
        self._token = token
        self._renew_at = asked_at + seconds - min(MARGIN_SECONDS_MAX, seconds / 10)
        self._keep_refresh_token(answer.get("refresh_token"))

    def _form(self) -> dict[str, str]:
        form = {"client_id": self._client_id, "grant_type": "client_credentials"}
        if self._client_secret is not None:
            form["client_secret"] = self._client_secret
        if self._refresh_token is not None:
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        if self._options.scope is not None:
            form["scope"] = self._options.scope
        return form

    def _keep_refresh_token(self, token: object) -> None:
        # A client_credentials answer should have none (RFC 6749 section 4.4.3): ignore one.
        if self._refresh_token is None or not isinstance(token, str) or token == self._refresh_token:
            return
        self._refresh_token = token
        if self._options.on_refresh_token is not None:
            self._options.on_refresh_token(token)

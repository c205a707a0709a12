"""Which redirect URIs an application may register (RFC 6749 3.1.2, RFC 8252 7, RFC 9700 2.1)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from procession.model.errors import Invalid

# It becomes part of the header Location, whose length proxies bound.
CHARACTERS_MAX = 1_000
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
# What RFC 3986 allows in an address: no blank, no control character, nothing that is not ASCII.
_ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+\Z")
_HOST = re.compile(r"[a-z0-9.-]+\Z|[0-9a-f:.]+\Z")
_SCHEME = re.compile(r"[a-z][a-z0-9+\-.]*\Z")


def check(uri: str) -> None:
    """https; http for this machine only; or a scheme of the application's own, with a dot. Raises Invalid."""
    if len(uri) > CHARACTERS_MAX:
        raise Invalid(f"a redirect URI has at most {CHARACTERS_MAX} characters")
    if not _ADDRESS.match(uri):
        raise Invalid(f'the redirect URI "{uri[:80]}" holds a fragment or a character that no address has')
    try:
        parts = urlsplit(uri)
        # Both are parsed only when they are asked for, and raise then.
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Invalid(f'the redirect URI "{uri[:80]}" is not an address') from None
    # https://good.example@evil.example leads to evil.example.
    if parts.username is not None or parts.password is not None:
        raise Invalid(f'the redirect URI "{uri[:80]}" holds a user name')
    if not _is_allowed(parts.scheme, host):
        raise Invalid(
            f'the redirect URI "{uri[:80]}" must begin with https://, or with http:// for this machine (127.0.0.1,'
            " [::1], localhost), or with a scheme of your own that has a dot (com.example.app:/)"
        )


def _is_allowed(scheme: str, host: str | None) -> bool:
    if scheme in {"https", "http"}:
        # No other character can stand in a name or an address, nor be slipped into a policy that names the host.
        return _HOST.match(host or "") is not None and (scheme == "https" or host in LOOPBACK_HOSTS)
    # RFC 8252 section 7.1: a name in reverse, so that two applications do not share one.
    return "." in scheme and _SCHEME.match(scheme) is not None

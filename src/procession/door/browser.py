"""What we leave in a browser: the cookie of a session, one that ties a form to the browser that it was shown in, and a
mark that its user has signed in here before.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from procession.door.contract import Request
from procession.model.errors import Forbidden
from procession.operations.sessions import SESSION_HOURS

# 256 bits, as for tokens: nobody guesses it while the form is open.
FORM_BYTES = 32
_SALT_BYTES = 6
# A form is shown before anybody has signed in, and a mark outlives the session.
SESSION, FORM, MARK, TRIP = "procession_session", "procession_form", "procession_mark", "procession_trip"
MARK_SECONDS = 180 * 86_400  # who has been away for longer signs in as from a new browser
# In this order: each claims to be all that follow it.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
THEME, THEMES = "procession_theme", ("auto", "light", "dark")
THEME_SECONDS = 365 * 86_400
STALE = "this form is not from this browser, or is too old; go back, reload the page and try again"


def cookie(request: Request, name: str) -> str:
    """The value of a cookie of ours, or ""."""
    return plain_cookie(request, _name(request, name))


def plain_cookie(request: Request, wanted: str) -> str:
    """The same, of one that proves nothing, such as a choice of colours."""
    for part in request.headers.get("cookie", "").split(";"):
        found, _, value = part.strip().partition("=")
        if found == wanted:
            return value
    return ""


def described(request: Request) -> str:
    """The browser in a few words, such as "Firefox on Windows", so that its user knows it again; "" for another."""
    # Not the header itself: it says more of a person than they need to be told.
    header = request.headers.get("user-agent", "")
    name = next((name for mark, name in _BROWSERS if mark in header), "")
    system = next((name for mark, name in _SYSTEMS if mark in header), "")
    return f"{name} on {system}" if name and system else name or system


def session_cookie(request: Request, value: str) -> str:
    """The header that sets it; "" for the value takes it away."""
    return _header(request, SESSION, value, SESSION_HOURS * 3_600 if value else 0)


def mark_cookie(request: Request, value: str) -> str:
    """The header that sets it."""
    return _header(request, MARK, value, MARK_SECONDS)


def theme_cookie(theme: str) -> str:
    """The header that sets it. It proves nothing, so the script of the pages may read and set it too."""
    return f"{THEME}={theme}; Path=/; Max-Age={THEME_SECONDS}; SameSite=Lax"


def trip_cookie(request: Request, value: str, seconds: int) -> str:
    """The header that sets what a browser takes along to somebody who proves its user; "" takes it away."""
    return _header(request, TRIP, value, seconds)


def form_cookie(request: Request) -> tuple[str, tuple[str, ...]]:
    """The browser's, or a new one with the header that sets it."""
    # Kept across forms, so that two tabs of one browser do not invalidate each other.
    value = cookie(request, FORM)
    if value:
        return value, ()
    value = secrets.token_urlsafe(FORM_BYTES)
    return value, (_header(request, FORM, value, SESSION_HOURS * 3_600),)


def _header(request: Request, name: str, value: str, seconds: int) -> str:
    # Without TLS a Secure cookie would never come back, and sign-in would loop.
    secure = "; Secure" if _is_secure(request) else ""
    # Lax: an application sends its users here from its own pages.
    return f"{_name(request, name)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def _name(request: Request, name: str) -> str:
    """The prefix keeps other hosts of the same domain from planting one."""
    # Browsers accept the prefix only with Secure, Path=/ and without Domain (RFC 6265bis).
    return f"__Host-{name}" if _is_secure(request) else name


def _is_secure(request: Request) -> bool:
    return request.origin.startswith("https:")


def form_token(value: str) -> str:
    """What stands in a form shown to the browser with this cookie; the cookie cannot be told from it.

    Each is another: pages are compressed, and whoever can have a page shown again and again, with a text of theirs in
    it, could guess one that stays from the page's size (BREACH).
    """
    salt = secrets.token_urlsafe(_SALT_BYTES)
    return f"{salt}.{_sealed(salt, value)}"


def _sealed(salt: str, value: str) -> str:
    # Prefixed, so that it is no other hash that we keep of the same value.
    return hashlib.sha256(f"form {salt} {value}".encode()).hexdigest()


def sealed(request: Request, text: str) -> str:
    """Proves that we said this text to the browser that asks, while its session lasts."""
    # The cookie is the key: it is as secret as the session, and ends with it.
    return hmac.new(cookie(request, SESSION).encode(), text.encode(), hashlib.sha256).hexdigest()


def is_sealed(request: Request, text: str, seal: str) -> bool:
    return hmac.compare_digest(sealed(request, text).encode(), seal.encode("utf-8", "replace"))


def require_form(request: Request, token: str, value: str) -> None:
    """Refuse a form that another site sends in the user's name; `value` is of the cookie. Raises Forbidden."""
    salt, _, seal = token.partition(".")
    # compare_digest() takes texts only of ASCII and raises for others.
    is_ours = bool(value) and hmac.compare_digest(_sealed(salt, value), seal.encode("ascii", "replace").decode())
    if not is_ours or not _is_from_here(request):
        raise Forbidden(STALE)


def _is_from_here(request: Request) -> bool:
    """Browsers that say from where a form was sent are believed; "none" is the user."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    # The host alone: behind a proxy, ours may be told as http.
    return origin is None or urlsplit(origin).netloc == urlsplit(request.origin).netloc

"""Where a request is sent to, put together of checked parts below the connection's address, and where it is led on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

from procession.actions.problems import Problem
from procession.actions.reaching import host_names

URL_CHARACTERS_MAX = 8_000
_PORTS = {"http": 80, "https": 443}
_LITERAL = "/%:@!$&'()*+,;=~"  # in a path as it is written; what comes from values is quoted whole
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpUrl:
    """`target` is path and query as they are sent, in ASCII."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host.lower(), self.port

    @property
    def authority(self) -> str:
        """The Host header: no port where it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(text: str) -> HttpUrl:
    """An absolute address of http or https, without user and fragment. Raises Problem."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise Problem(f"{_shown(text)} is no address: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Problem(f"{_shown(text)} is no address of http or https")
    if parts.username is not None or parts.password is not None:
        raise Problem(f"{_shown(parts.hostname)}: a user or a password in an address is not sent")
    try:
        # As it is looked up, and as certificates have it.
        host = host_names.as_ascii(parts.hostname.rstrip("."))
    except UnicodeError as error:
        raise Problem(f"{_shown(parts.hostname)} is no name of a host") from error
    target = quote(parts.path, safe=_LITERAL) or "/"
    if parts.query:
        target += "?" + quote(parts.query, safe=_LITERAL + "?")
    found = HttpUrl(scheme=parts.scheme, host=host, port=port or _PORTS[parts.scheme], target=target)
    if len(str(found)) > URL_CHARACTERS_MAX:
        raise Problem(f"{_shown(text)}: an address has at most {URL_CHARACTERS_MAX:,} characters")
    return found


def below(base: str, path: str, query: Mapping[str, str]) -> HttpUrl:
    """The address of a path below that of the connection. Raises Problem for a path that leads out of it.

    In `path`, values were quoted before (`value`).
    """
    if _CONTROL.search(path) or "?" in path or "#" in path:
        raise Problem(f"path: {_shown(path)} holds a blank, a backslash, ? or #; query is a setting of its own")
    # Also as percent-encoded, which servers decode before they walk, and some a second time; with backslashes, which
    # Windows takes for slashes; and before ";", behind which servers of Java see parameters of a segment.
    walked = re.split(r"[/\\]", unquote(unquote(path)))
    if any(segment.partition(";")[0].strip() in {".", ".."} for segment in walked):
        raise Problem(f"path: {_shown(path)} leads out of the connection's address")
    start = parse(base)
    target = start.target.rstrip("/") + "/" + quote(path.lstrip("/"), safe=_LITERAL) if path else start.target
    words = urlencode(query, quote_via=quote)
    return parse(f"{start.scheme}://{start.authority}{target}" + (f"?{words}" if words else ""))


def value(text: str) -> str:
    """A value for one place of a path: nothing in it is a separator."""
    return quote(text, safe="")


def with_query(url: HttpUrl, name: str, text: str) -> HttpUrl:
    """The same address with this one word of its query set."""
    path, _, query = url.target.partition("?")
    # Set and not added: of two of one name, servers take the first, the last or both.
    words = [word for word in query.split("&") if word and unquote(word.partition("=")[0]) != name]
    words.append(f"{quote(name, safe='')}={quote(text, safe='')}")
    return parse(f"{url.scheme}://{url.authority}{path}?{'&'.join(words)}")


def next_of(url: HttpUrl, reference: str) -> HttpUrl:
    """Where a redirect, or the address of a next page, leads. Raises Problem for one that nobody follows."""
    if _CONTROL.search(reference.strip()):
        raise Problem(f"{url.host} leads on to {_shown(reference)}, which is no address")
    try:
        text = urljoin(str(url), reference.strip())
    except ValueError as error:
        raise Problem(f"{url.host} leads on to {_shown(reference)}, which is no address") from error
    found = parse(text.partition("#")[0])
    if url.scheme == "https" and found.scheme != "https":
        raise Problem(f"{url.host} leads on to {found.host} without TLS; that is not followed")
    return found


def _shown(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}...")

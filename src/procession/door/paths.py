"""From a request's raw path to a route: normalised once, matched by whole segments, denied by default.

Rules T1 to T4 and T11 of docs/wire.md. Nothing is redirected, and nothing is decoded twice: whatever looks
like a way around a rule (`..`, an encoded slash, an empty segment) belongs to no route.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

import msgspec

from procession.door.contract import Route, Space
from procession.model.errors import NotFound, ProcessionError

PATH_BYTES_MAX = 2_048
# The documents' curl lines misspell the first (T4); solvexia-sdk 1.1 asks for the members of a group by the second.
ALIASES = {"permisions": "permissions", "members": "users"}
# solvexia-sdk 1.3.0 sends GET to these (T11).
VERBS_OF_RUNS = frozenset({"start", "cancel", "restartfromhere"})
PREFIXES = {Space.API: "/api/v1/", Space.OAUTH: "/oauth/", Space.ROOT: "/"}
HOST_SUFFIX = ".solvexia.com"
# As almost every path is: nothing to decode, and nothing to refuse.
_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?\Z")


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """`segments` are decoded, as the client wrote them; `keys` are the same in lower case, for matching literals."""

    space: Space
    segments: tuple[str, ...]
    # Twice, because ids and names keep their case while literals are matched without it (T2).
    keys: tuple[str, ...]


class MethodNotAllowed(ProcessionError):
    """The path exists, this method on it does not; `allow` lists those that do."""

    # RFC 9110 section 15.5.6 demands the Allow header with it.
    status = 405

    def __init__(self, message: str, *, allow: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allow = allow


def normalise(raw_path: bytes) -> Path:
    """The path as routes know it. Raises NotFound for a path that can belong to no route."""
    # Before anything is split: what is longer than any route would only cost time.
    if len(raw_path) > PATH_BYTES_MAX:
        raise NotFound(f"the path is longer than {PATH_BYTES_MAX} bytes")
    segments = _split(raw_path)
    keys = list(map(str.lower, segments))
    if not ALIASES.keys().isdisjoint(keys):
        keys = [ALIASES.get(key, key) for key in keys]
    # The SDK hard-codes https://{env}.solvexia.com; env = "host:port/app" makes a leading segment of it (T1).
    start = 1 if keys and keys[0].endswith(HOST_SUFFIX) else 0
    space, taken = _space(keys[start:])
    start += taken
    return Path(space=space, segments=tuple(segments[start:]), keys=tuple(keys[start:]))


def _split(raw_path: bytes) -> list[str]:
    if _PLAIN.match(raw_path):
        return raw_path.decode().strip("/").split("/")
    if not raw_path.startswith(b"/"):
        raise NotFound("the path does not begin with /")
    parts = raw_path[1:].split(b"/")
    if parts[-1] == b"":  # a trailing slash is accepted, once (T3)
        parts.pop()
    return [_decode(part) for part in parts]


def _decode(part: bytes) -> str:
    try:
        # Once only. Decoding twice would turn %252e%252e into a step upwards that no rule has seen.
        segment = (unquote_to_bytes(part) if b"%" in part else part).decode()
    except UnicodeDecodeError:
        raise NotFound("the path is not valid UTF-8") from None
    # Refused and not cleaned: what a proxy before us made of it may differ from what we would.
    if segment in {"", ".", ".."} or "/" in segment or "\\" in segment or not segment.isprintable():
        raise NotFound("the path holds an empty, relative or unprintable segment")
    return segment


def _space(keys: list[str]) -> tuple[Space, int]:
    match keys:
        case ["api", "v1", *_]:
            return Space.API, 2
        case ["v1", *_]:
            return Space.API, 1
        case ["oauth", *_]:
            return Space.OAUTH, 1
    return Space.ROOT, 0


@dataclass(slots=True)
class _Node:
    """One place in a path: what may stand here as a literal, or the name of the id that stands here."""

    literals: dict[str, _Node] = field(default_factory=dict)
    name: str = ""
    child: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)


class Router:
    """Routes by their segments. A pattern given twice, or two names for one place, is refused when it is built."""

    __slots__ = ("_roots",)

    def __init__(self, routes: Iterable[Route]) -> None:
        self._roots = {space: _Node() for space in Space}
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        # A tree and not one regular expression: routes of one space cannot shadow those of another.
        node = self._roots[route.space]
        for part in filter(None, route.pattern.split("/")):
            node = _child(node, part[1:-1]) if part.startswith("{") else node.literals.setdefault(part.lower(), _Node())
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.pattern}")
        node.routes[route.method] = route

    def find(self, method: str, path: Path) -> tuple[Route, dict[str, str]]:
        """The route, and the ids of its path as text. Raises NotFound or MethodNotAllowed."""
        node: _Node | None = self._roots[path.space]
        ids: dict[str, str] = {}
        for segment, key in zip(path.segments, path.keys, strict=True):
            assert node is not None
            # A literal wins over an id, so that `current` can stand where an id stands.
            following = node.literals.get(key)
            if following is None and (following := node.child) is not None:
                ids[node.name] = segment
            if (node := following) is None:
                break
        if node is None or not node.routes:
            raise NotFound(f"there is nothing at {_shown(path)}; /openapi.json lists what there is")
        # RFC 9110 section 9.3.2: HEAD is GET without the body.
        route = node.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            raise _refused(method, path, node.routes)
        return route, ids


def _child(node: _Node, name: str) -> _Node:
    if node.child is None:
        node.name, node.child = name, _Node()
    if node.name != name:
        raise ValueError(f"one place in a path is called {node.name} and {name}")
    return node.child


def _shown(path: Path) -> str:
    return PREFIXES[path.space] + "/".join(path.segments)[:200]


def _refused(method: str, path: Path, routes: Mapping[str, Route]) -> MethodNotAllowed:
    allow = tuple(sorted({*routes, *(["HEAD"] if "GET" in routes else [])}))
    # Some clients follow a redirected POST with GET: told as 404, a run that never started looks started.
    if method in {"GET", "HEAD"} and path.keys[-1:] and path.keys[-1] in VERBS_OF_RUNS:
        message = (
            f"{path.keys[-1]} changes a run, so it must be sent as POST; nothing was changed. "
            "solvexia-sdk 1.3.0 sends GET here: upgrade solvexia-sdk to 1.3.1 or later"
        )
    else:
        message = f"{_shown(path)} does not know {method[:20]}; it knows {', '.join(allow)}"
    return MethodNotAllowed(message, allow=allow)

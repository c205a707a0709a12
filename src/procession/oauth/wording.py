"""What the page of consent says of scopes, and of where an answer goes."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from procession.model.people import User, UserRole
from procession.model.rights import USER_ROLE_RANK

# What people want to know that an application cannot do: each, with the scopes that would let it.
_BEYOND = {
    "run processes": {"process_execute", "process"},
    "change processes": {"process"},
    "upload files": {"file"},
    "change tables": {"mtable"},
    "manage people": {"user", "usergroup"},
    "decide who may do what": {"permission"},
}

# Scopes that nobody below this user role can use, whatever role they are given on a thing.
_LEAST = {"process": UserRole.DESIGNER, "user": UserRole.CLIENT_ADMIN, "usergroup": UserRole.CLIENT_ADMIN}


def is_idle(scope: str, user: User) -> bool:
    """Whether the scope lets an application do nothing that this user may do."""
    return USER_ROLE_RANK[user.role] < USER_ROLE_RANK[_LEAST.get(scope, UserRole.SUBSCRIBER)]


def beyond(scopes: Collection[str]) -> str:
    """What none of the scopes allows, as the end of a sentence; "" for nothing."""
    words = [word for word, needed in _BEYOND.items() if needed.isdisjoint(scopes)]
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def shown_target(uri: str) -> str:
    """Where an answer goes, as much of it as tells a person who gets it."""
    parts = urlsplit(uri)
    # A user recognises a host, and nothing else of an address.
    return parts.netloc or f"{parts.scheme}:"


def form_target(uri: str) -> str:
    """Where a form's answer may redirect to, as the Content-Security-Policy names it."""
    parts = urlsplit(uri)
    # A policy can name neither an address of IPv6 nor more of a private scheme than the scheme.
    if parts.scheme not in {"http", "https"} or "[" in parts.netloc:
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"

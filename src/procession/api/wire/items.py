"""What many nouns answer with: an item of a list, an error."""

from __future__ import annotations

from msgspec import Struct

from procession.api.wire.scalars import (
    Uuid,
)


class Error(Struct, frozen=True, kw_only=True):
    message: str
    supportId: Uuid


class Named(Struct, frozen=True, kw_only=True):
    id: str
    name: str


def named(id: object, name: str) -> Named:
    return Named(id=str(id), name=name)

"""The user log on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

SevenDigitsWithOffset = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}[+-]\d\d:\d\d$")]


class LogItemShape(Struct, frozen=True, kw_only=True):
    id: str
    message: str
    userName: str
    timeStamp: SevenDigitsWithOffset

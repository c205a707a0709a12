"""Which type of id stands at each named place of a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from procession.model.ids import (
    ApplicationId,
    FileId,
    GroupId,
    ProcessId,
    PropertyId,
    RunId,
    TableId,
    UserId,
    parse_resource,
    parse_step,
)
from procession.model.uploads import parse_chunk, parse_session

PARSERS: Mapping[str, Callable[[str], Any]] = {
    "process": ProcessId.parse,
    "run": RunId.parse,
    "step": parse_step,
    "property": PropertyId.parse,
    "file": FileId.parse,
    "table": TableId.parse,
    "user": UserId.parse,
    "group": GroupId.parse,
    "resource": parse_resource,
    "application": ApplicationId.parse,
    "session": parse_session,
    "chunk": parse_chunk,
    "column": str,  # by its name
}


def parse_ids(texts: Mapping[str, str]) -> dict[str, Any]:
    """The path's ids by name. Raises NotFound: a malformed id is an id of nothing."""
    return {name: PARSERS[name](text) for name, text in texts.items()}

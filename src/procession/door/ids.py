"""Which type of id stands at each named place of a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from procession.model.ids import (
    ApplicationId,
    ConnectionId,
    FileId,
    GroupId,
    Id,
    ProcessId,
    PropertyId,
    ResourceId,
    RunId,
    StepId,
    TableId,
    UserId,
    parse_resource,
    parse_step,
)
from procession.model.uploads import parse_chunk, parse_session

# What an id of each type is called in a pattern: no pattern has two of one type.
NAMES: Mapping[type[Id], str] = {
    ProcessId: "process",
    RunId: "run",
    StepId: "step",
    PropertyId: "property",
    FileId: "file",
    TableId: "table",
    UserId: "user",
    GroupId: "group",
    ResourceId: "resource",
    ApplicationId: "application",
    ConnectionId: "connection",
}
PARSERS: Mapping[str, Callable[[str], Any]] = {
    **{name: kind.parse for kind, name in NAMES.items()},
    "step": parse_step,
    "resource": parse_resource,
    "session": parse_session,
    "chunk": parse_chunk,
    "column": str,  # by its name
    "asset": str,
}


def parse_ids(texts: Mapping[str, str]) -> dict[str, Any]:
    """The path's ids by name. Raises NotFound: a malformed id is an id of nothing."""
    return {name: PARSERS[name](text) for name, text in texts.items()}

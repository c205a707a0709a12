"""Ids: opaque to clients, a prefix and a number to us (docs/wire.md, Values)."""

from __future__ import annotations

import re
from typing import ClassVar, Self

import msgspec

from procession.model.errors import NotFound

# SQLite's and PostgreSQL's largest integer has 19 digits; 18 can never overflow.
_NUMBER = re.compile(r"[1-9][0-9]{0,17}\Z")


# A Struct hashes in C: each step looks its ids up in a dozen dictionaries.
class Id(msgspec.Struct, frozen=True, order=True):
    """A numbered thing of one kind; `str()` gives what a client sees."""

    number: int
    prefix: ClassVar[str]
    noun: ClassVar[str]

    def __str__(self) -> str:
        return f"{self.prefix}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses a client's id, in any case. Raises NotFound: a malformed id names nothing."""
        # Any case: ids are copied out of mails and sheets.
        prefix, _, number = text.lower().partition("-")
        if prefix != cls.prefix or not _NUMBER.match(number):
            hint = "" if prefix == cls.prefix else f' (ids of a {cls.noun} begin with "{cls.prefix}-")'
            raise NotFound(f"there is no {cls.noun} {text[:80]}{hint}")
        return cls(int(number))


class ResourceId(Id, frozen=True, order=True):
    """What permissions are granted on: a process or a table."""


class ProcessId(ResourceId, frozen=True, order=True):
    prefix = "p"
    noun = "process"


class RunId(Id, frozen=True, order=True):
    prefix = "pr"
    noun = "process run"


class StepId(Id, frozen=True, order=True):
    """A data step or an action step."""


class DataStepId(StepId, frozen=True, order=True):
    prefix = "ds"
    noun = "data step"


class ActionStepId(StepId, frozen=True, order=True):
    prefix = "as"
    noun = "action step"


class PropertyId(Id, frozen=True, order=True):
    # The prefixes are SolveXia's, which scripts match.
    prefix = "dsprop"
    noun = "property"


class FileId(Id, frozen=True, order=True):
    prefix = "f"
    noun = "file"


class UserId(Id, frozen=True, order=True):
    prefix = "u"
    noun = "user"


class GroupId(Id, frozen=True, order=True):
    prefix = "ug"
    noun = "user group"


class TableId(ResourceId, frozen=True, order=True):
    prefix = "mt"
    noun = "table"


class ApplicationId(Id, frozen=True, order=True):
    prefix = "c"
    noun = "application"


class ConnectionId(Id, frozen=True, order=True):
    prefix = "cn"
    noun = "connection"


type_of_step: dict[str, type[DataStepId] | type[ActionStepId]] = {
    DataStepId.prefix: DataStepId,
    ActionStepId.prefix: ActionStepId,
}


def parse_step(text: str) -> StepId:
    """The id of a data step or an action step. Raises NotFound."""
    kind = type_of_step.get(text.lower().partition("-")[0])
    if kind is None:
        raise NotFound(f'there is no step {text[:80]} (ids of a step begin with "ds-" or "as-")')
    return kind.parse(text)


def parse_resource(text: str) -> ResourceId:
    """The id of a process or a table. Raises NotFound."""
    kinds: dict[str, type[ProcessId] | type[TableId]] = {ProcessId.prefix: ProcessId, TableId.prefix: TableId}
    kind = kinds.get(text.lower().partition("-")[0])
    if kind is None:
        raise NotFound(f'there is no process or table {text[:80]} (their ids begin with "p-" or "mt-")')
    return kind.parse(text)

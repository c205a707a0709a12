"""The texts of the wire that have a form of their own (docs/wire.md, Values), for shapes and openapi.json."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from procession.model import lifecycle, people, processes, timezones
from procession.model.ids import (
    ActionStepId,
    ApplicationId,
    DataStepId,
    FileId,
    GroupId,
    Id,
    ProcessId,
    PropertyId,
    RunId,
    TableId,
    UserId,
)


def _one_of(kind: type[StrEnum]) -> Meta:
    # Only in the document: reading takes any case and answers in words.
    return Meta(extra_json_schema={"enum": [member.value for member in kind]})


def _id(*kinds: type[Id]) -> Meta:
    # 18 digits fit into a column of 64 bits.
    return Meta(pattern=f"^({'|'.join(kind.prefix for kind in kinds)})-[1-9][0-9]{{0,17}}$")


# msgspec knows no union of text and Decimal; the document says what it is.
Value = Annotated[Any, Meta(extra_json_schema={"type": ["string", "number", "boolean", "null"]})]

SevenDigits = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}$")]
Milliseconds = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$")]
MillisecondsZ = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Count = Annotated[int, Meta(ge=0)]

AProcess = Annotated[str, _id(ProcessId)]
ARun = Annotated[str, _id(RunId)]
AStep = Annotated[str, _id(DataStepId, ActionStepId)]
ADataStep = Annotated[str, _id(DataStepId)]
AProperty = Annotated[str, _id(PropertyId)]
ATable = Annotated[str, _id(TableId)]
AFile = Annotated[str, _id(FileId)]
AUser = Annotated[str, _id(UserId)]
AGroup = Annotated[str, _id(GroupId)]
AnApplication = Annotated[str, _id(ApplicationId)]
AResource = Annotated[str, _id(ProcessId, TableId)]

RunState = Annotated[str, _one_of(lifecycle.RunStatus)]
StepState = Annotated[str, _one_of(lifecycle.StepStatus)]
RunOutcome = Annotated[str, _one_of(lifecycle.Outcome)]
StepKind = Annotated[str, _one_of(processes.StepKind)]
Effect = Annotated[str, _one_of(processes.Effect)]
DataType = Annotated[str, _one_of(processes.PropertyType)]
Flow = Annotated[str, _one_of(processes.Flow)]
Variable = Annotated[str, _one_of(processes.SystemVariable)]
UserRole = Annotated[str, _one_of(people.UserRole)]
AccountStatus = Annotated[str, _one_of(people.AccountStatus)]
ResourceRole = Annotated[str, _one_of(people.Role)]
Timezone = Annotated[str, Meta(extra_json_schema={"enum": [*timezones.NAMES]})]

# Of requests. The reading itself (api/wire/reading) is more lenient (T6); null is the same as leaving a field out.
Name = Annotated[str, Meta(max_length=255)]
GivenName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
Text = Annotated[str, Meta(max_length=100_000)]
Why = Annotated[str, Meta(max_length=1_000)]

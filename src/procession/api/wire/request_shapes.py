"""The shapes of request bodies, for openapi.json; the reading itself is in api/reading, which is more lenient (T6).

null is the same as leaving a field out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from procession.api.wire.scalars import ARun, DataType, Flow, Value, Variable

# ruff: noqa: RUF036  (the wire's names, and its order of types)
Name = Annotated[str, Meta(max_length=255)]
GivenName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
Text = Annotated[str, Meta(max_length=100_000)]
Why = Annotated[str, Meta(max_length=1_000)]


class NewProcessRun(Struct, frozen=True, kw_only=True):
    """What creating a run may carry; all or nothing."""

    namePrefix: Name | None | UnsetType = UNSET
    inputs: dict[str, Value] | None | UnsetType = UNSET
    start: bool | None | UnsetType = UNSET


class RunRequest(Struct, frozen=True, kw_only=True):
    """The body of the deprecated POST requests."""

    request: Literal["ProcessRun_StartRq", "ProcessRun_CancelRq"]
    processRunId: ARun


class Reason(Struct, frozen=True, kw_only=True):
    reason: Why | None | UnsetType = UNSET


class Restart(Struct, frozen=True, kw_only=True):
    """`release` names steps declared `once` that may happen a second time, by key or id.

    With `version`, the run goes on with the newest version of its process.
    """

    reason: Why | None | UnsetType = UNSET
    version: Literal["latest"] | None | UnsetType = UNSET
    release: Annotated[list[str], Meta(max_length=1_000)] | None | UnsetType = UNSET


class PropertyChange(Struct, frozen=True, kw_only=True):
    """A full or a partial Property; what is left out stays as it is, and so does what its type does not have."""

    name: GivenName | None | UnsetType = UNSET
    dataType: DataType | UnsetType = UNSET
    required: bool | None | UnsetType = UNSET
    visible: bool | None | UnsetType = UNSET
    informationFlowType: Flow | None | UnsetType = UNSET
    mouseoverText: Text | None | UnsetType = UNSET
    value: Value | UnsetType = UNSET
    options: Annotated[list[Name], Meta(max_length=10_000)] | None | UnsetType = UNSET
    foregroundColor: Name | None | UnsetType = UNSET
    decimalPoints: Annotated[int, Meta(ge=0, le=15)] | None | UnsetType = UNSET
    variableType: Variable | None | UnsetType = UNSET


class FileName(Struct, frozen=True, kw_only=True):
    name: GivenName

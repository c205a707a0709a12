"""The settings of run_process, also where it starts a run for each of many rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import references
from procession.actions.column_names import ColumnName
from procession.actions.references import Given, ReferenceText
from procession.actions.rows.expressions import Expression
from procession.actions.rows.sources import Sources
from procession.model.child_runs import AT_ONCE_MAX
from procession.model.processes import KEY_PATTERN

PROPERTIES_MAX = 200  # each is looked up when the step begins, in a transaction

TheirProperty = Annotated[str, msgspec.Meta(pattern=rf"^{KEY_PATTERN}\.{KEY_PATTERN}$")]


class EachCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run for each row, whose cells are {column} in the inputs."""

    source: Annotated[Sources, msgspec.Meta(description="the rows")]
    where: Annotated[
        Expression | None, msgspec.Meta(description="a condition; rows of which it is not true are left out")
    ] = None
    key: Annotated[
        list[ColumnName],
        msgspec.Meta(
            max_length=20,
            description="columns that tell the rows apart, so that a restart knows them again; those that stand in the"
            " inputs if left out",
        ),
    ] = []
    at_once: Annotated[
        int, msgspec.Meta(ge=1, le=AT_ONCE_MAX, description="so many runs are under way at the same time")
    ] = 4
    stop: Annotated[
        Literal["at_first_failure", "never"],
        msgspec.Meta(description="whether further runs are started once one has failed; those under way go on"),
    ] = "at_first_failure"


class RunProcessSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    process: Annotated[str, msgspec.Meta(min_length=1, max_length=255, description="name of the process to run")]
    inputs: Annotated[
        dict[TheirProperty, Given],
        msgspec.Meta(
            max_length=PROPERTIES_MAX,
            description="inputs of that process, as step.property, and what they get: a constant, or ${step.property}"
            " of this one; those left out keep what the process has. With each, {column} of a constant is filled in",
        ),
    ] = {}
    outputs: Annotated[
        dict[TheirProperty, ReferenceText],
        msgspec.Meta(
            max_length=PROPERTIES_MAX,
            description="properties of that process, as step.property, and those of this one that get what they hold."
            " With each: a File that lists it for every row, or gets the file of the only one",
        ),
    ] = {}
    each: Annotated[EachCall | None, msgspec.Meta(description="a run for each row")] = None
    wait: Annotated[
        bool, msgspec.Meta(description="false: the step succeeds once the run has started, whatever becomes of it")
    ] = True
    again: Annotated[
        Literal["failed", "all"],
        msgspec.Meta(
            description="what a restart of this step does where its last run succeeded with the same inputs: failed"
            " keeps that run, all starts another; with each, for every row"
        ),
    ] = "failed"


def constants(settings: RunProcessSettings) -> Iterator[str]:
    """The inputs in which cells of a row may stand."""
    for given in settings.inputs.values():
        if isinstance(given, str) and references.parse(given) is None:
            yield given

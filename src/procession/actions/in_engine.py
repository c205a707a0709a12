"""What an action is given that needs no process: the engine performs it, or waits for people (actions/contract)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from procession.model.conditions import Facts
from procession.model.plans import StepAmong
from procession.model.processes import Property, Value

Place = tuple[str | int, ...]  # in the settings of a step


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineContext:
    """The world of an action that the engine performs itself: no file, no process, only what the run knows.

    `properties` are all of the process by "step.property", each with its present value. Of a File there is only
    whether it is among `facts.updated`.
    """

    settings: Any
    facts: Facts
    properties: Mapping[str, Property]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A constant that a step gives a property: where it stands in the settings, and "step.property"."""

    place: Place
    reference: str
    value: Value | float


def finds_none_among(settings: Any, among: StepAmong) -> Sequence[tuple[Place, str]]:
    return ()


def in_the_engine(context: Any) -> Any:
    """For `run` of an action that the engine performs: no process ever gets it."""
    raise AssertionError("the engine performs this action itself")

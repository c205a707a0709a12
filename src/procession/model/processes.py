"""A process as its file defines it: groups of steps, their properties, conditions and limits (docs/process-file.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

# The keys of steps and of properties: what ${step.property} is made of.
KEY_PATTERN = "[A-Za-z0-9_][A-Za-z0-9_-]{0,63}"


class PropertyType(StrEnum):
    DROPDOWN = "Dropdown"
    TEXT = "Text"
    STRING = "String"
    NUMBER = "Number"
    DECIMAL = "Decimal"
    CHECK_BOX = "CheckBox"
    SYSTEM_VARIABLE = "SystemVariable"
    DATEPICKER = "Datepicker"
    FILE = "File"


class Flow(StrEnum):
    INPUT = "INPUT"
    OUTPUT = "OUTPUT"
    NONE = "NONE"


class SystemVariable(StrEnum):
    USERNAME = "USERNAME"
    USER_ID = "USER_ID"
    USER_EMAIL = "USER_EMAIL"
    PROCESS_ID = "PROCESS_ID"
    PROCESS_NAME = "PROCESS_NAME"
    CURRENT_DATE_TIME = "CURRENT_DATE_TIME"


class StepKind(StrEnum):
    DATA = "Data"
    ACTION = "Action"


class Effect(StrEnum):
    """Whether a crash or a restart may repeat the step. ONCE: only if released by name (docs/crash.md)."""

    PURE = "pure"
    IDEMPOTENT = "idempotent"
    ONCE = "once"


class AlertWhen(StrEnum):
    ALWAYS = "always"
    PROBLEMS = "problems"
    NEVER = "never"


# Dates are ISO text ("2026-11-30"), money is Decimal, a File's value lives in its file row. None: no value.
Value = str | int | Decimal | bool | None


class Property(msgspec.Struct, frozen=True, kw_only=True):
    """One property of a data step, without its current value's history; `value` is the value it is born with."""

    key: str
    name: str
    type: PropertyType
    flow: Flow = Flow.NONE
    required: bool = False
    visible: bool = True
    mouseover: str = ""
    value: Value = None
    # Tuples and not lists: a definition is shared by all runs that follow it.
    options: tuple[str, ...] = ()  # Dropdown
    decimal_points: int | None = None  # Decimal
    foreground_color: str | None = None  # Text
    variable: SystemVariable | None = None  # SystemVariable


class AtomKind(StrEnum):
    """The kinds of atom: the first five test a step, UPDATED a File property, the rest compare values."""

    SUCCEEDED = "succeeded"  # Success or Warning
    WARNED = "warned"
    FAILED = "failed"
    COMPLETED = "completed"  # any of the three
    SKIPPED = "skipped"
    UPDATED = "updated"  # {updated: step.property}: the file was written by a step or uploaded for this run
    EQUALS = "equals"  # {equals: {property: step.property, value: X}}, likewise the five below
    NOT_EQUALS = "not_equals"
    GREATER = "greater"
    AT_LEAST = "at_least"
    LESS = "less"
    AT_MOST = "at_most"


class Atom(msgspec.Struct, frozen=True, kw_only=True):
    kind: AtomKind
    subject: str  # a step key, or "step.property"
    value: Value = None  # for comparisons


class Join(StrEnum):
    ALL = "all"
    ANY = "any"
    NOT = "not"


class Junction(msgspec.Struct, frozen=True, kw_only=True):
    join: Join
    parts: tuple[Condition, ...]  # NOT has exactly one


Condition = Atom | Junction


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """`times` tries after the first; the n-th waits `wait_seconds * backoff ** (n - 1)`."""

    times: int
    wait_seconds: float = 10.0
    backoff: float = 2.0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A data step (with `properties`) or an action step (with `action` and `settings`)."""

    key: str
    name: str
    kind: StepKind
    order: str  # "2.1": the first step of group two
    group: str
    enabled: bool = True
    properties: tuple[Property, ...] = ()
    action: str = ""
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)  # the `with` block, references unresolved
    needs: tuple[str, ...] | None = None  # None: the previous enabled step; (): nothing
    when: Condition | None = None
    skip_when: Condition | None = None
    time_limit_seconds: float | None = None
    retry: Retry | None = None
    # Most steps may run twice, and a crash should not need a person to go on.
    effect: Effect = Effect.IDEMPOTENT


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """The definition of a process: what one version of it says."""

    name: str
    description: str = ""
    alert_email: str = ""
    alert_sms: str = ""
    # Mail for every success is mail that nobody reads when it matters.
    alert_when: AlertWhen = AlertWhen.PROBLEMS
    # Some limit for all: a run that hangs would hold its place for ever.
    time_limit_seconds: float = 86_400.0  # 24 h
    runs_at_once: int | None = None  # None: no limit of its own (`concurrency` in the file)
    steps: tuple[
        Step, ...
    ] = ()  # in order; a group is the run of steps that share `group` and the order's first number

    def step(self, key: str) -> Step | None:
        return next((step for step in self.steps if step.key == key), None)

    def properties(self) -> Iterator[tuple[Step, Property]]:
        for step in self.steps:
            for item in step.properties:
                yield step, item

    def property(self, reference: str) -> Property | None:
        """The property named by "step.property", or None."""
        step_key, _, key = reference.partition(".")
        return next((item for step, item in self.properties() if step.key == step_key and item.key == key), None)

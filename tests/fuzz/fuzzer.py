"""Schemathesis against the real application: seeded, with the ids of a prepared world, and what it found as text."""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.engine import events, from_schema
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER, HookContext

from tests.fuzz.world import World

SEED = 20261130
# One id in so many is left as it was generated, and names nothing.
STRANGE_IDS = 6


@dataclass(slots=True)
class Found:
    """`statuses` by operation, and each kind of failure once with its first example."""

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    failures: dict[str, str] = field(default_factory=dict)


def fuzz(world: World, *, who: str, examples: int, only: str = "") -> Found:
    """Ask every operation `examples` times and more, as the user `who`."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", world.house.app, config=_config(who, examples))
    if only:
        schema = schema.include(path_regex=only)
    found = Found()
    with _real_ids(world):
        for event in from_schema(schema).execute():
            _note(event, found)
    return found


def _config(who: str, examples: int) -> SchemathesisConfig:
    generation = GenerationConfig(max_examples=examples, deterministic=True, no_shrink=True, database="none")
    project = ProjectConfig(
        headers={"Authorization": f"Bearer {who}"},
        generation=generation,
        phases=PhasesConfig(),
        checks=ChecksConfig(),
        request_timeout=10,
        continue_on_failure=True,
    )
    return SchemathesisConfig(seed=SEED, projects=ProjectsConfig(default=project))


@contextmanager
def _real_ids(world: World) -> Iterator[None]:
    def before_call(context: HookContext, case: Any, kwargs: dict[str, Any]) -> None:
        ids = world.ids_for(case.operation.label)
        case.path_parameters = {name: _real(name, value, ids) for name, value in (case.path_parameters or {}).items()}
        query = case.query or {}
        for name in query:
            if name == "wait" and str(query[name]).isdecimal():
                query[name] = 0  # an answer that nobody has to wait for
            elif name in ids:
                query[name] = _real(name, query[name], ids)
        if isinstance(case.body, dict) and "processRunId" in case.body:
            case.body["processRunId"] = _real("run", case.body["processRunId"], ids)

    GLOBAL_HOOK_DISPATCHER.hook("before_call")(before_call)
    try:
        yield
    finally:
        GLOBAL_HOOK_DISPATCHER.unregister(before_call)


def _real(name: str, value: Any, ids: Any) -> Any:
    """The id of something that is there, for most ids that could be one."""
    is_id = name in ids and isinstance(value, str) and re.fullmatch(r"[a-z]+-[1-9][0-9]*", value)
    return ids[name] if is_id and zlib.crc32(value.encode()) % STRANGE_IDS else value


def _note(event: Any, found: Found) -> None:
    if isinstance(event, events.FatalError | events.NonFatalError):
        raise AssertionError(str(event))
    if not isinstance(event, events.ScenarioFinished):
        return
    recorder = event.recorder
    for case_id, interaction in recorder.interactions.items():
        response = interaction.response
        if response is not None:
            case = recorder.cases[case_id].value
            if interaction.request.method == case.operation.method.upper():
                found.statuses[case.operation.label][response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                _note_failure(check, recorder, case_id, found)


def _note_failure(check: Any, recorder: Any, case_id: str, found: Found) -> None:
    label = recorder.cases[case_id].value.operation.label
    failure = check.failure_info.failure
    found.failures.setdefault(
        f"{label}: {check.name}: {failure.title}", f"{failure.message}\n{check.failure_info.code_sample}"
    )

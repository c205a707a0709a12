"""Schemathesis against the real application: seeded, with the ids of a prepared world, and what it found as text."""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import schemathesis
from schemathesis.config import (
    ChecksConfig,
    CoveragePhaseConfig,
    GenerationConfig,
    PhasesConfig,
    PositiveDataAcceptanceConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import TestPhase
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER, HookContext

from tests.fuzz.excuses import is_excused
from tests.fuzz.world import Ids, World

SEED = 20261130
# One id in so many is left as it was generated, and names nothing.
STRANGE_IDS = 6
# An application that asks for a token has its proof in the body, and sends no other.
OAUTH, ALL = "^/oauth/", "^/(?!oauth/)"
# So many failures are allowed in five minutes (oauth/limits.FAILURES_OF_CLIENT).
OAUTH_PAUSE_SECONDS = 15
# Answers to a request in order: 404 and 416 are about what is there.
ACCEPTING = ["2xx", "3xx", "401", "403", "404", "412", "416"]


@dataclass(slots=True)
class Found:
    """`statuses` by operation, and each kind of failure once with its first example; `checks` counts all failures."""

    statuses: dict[str, Counter[int]] = field(default_factory=partial(defaultdict, Counter))
    failures: dict[str, str] = field(default_factory=dict)
    checks: Counter[str] = field(default_factory=Counter)
    longest_seconds: float = 0.0


def fuzz(world: World, *, who: str, examples: int, paths: str = ALL, bounds: bool = True) -> Found:
    """Ask every operation of `paths` `examples` times and more, as the user `who`; "" sends no token.

    `bounds`: and every bound of every field, once.
    """
    schema: Any = schemathesis.openapi.from_asgi(
        "/openapi.json", world.house.app, config=_config(who, examples, bounds=bounds)
    )
    schema = schema.include(path_regex=paths)
    found = Found()
    with _hooks(world):
        for event in from_schema(schema).execute():
            _note(event, found)
    return found


def _config(who: str, examples: int, *, bounds: bool) -> SchemathesisConfig:
    generation = GenerationConfig(max_examples=examples, deterministic=True, no_shrink=True, database="none")
    project = ProjectConfig(
        headers={"Authorization": f"Bearer {who}"} if who else None,
        generation=generation,
        phases=PhasesConfig(coverage=CoveragePhaseConfig(enabled=bounds)),
        checks=ChecksConfig(positive_data_acceptance=PositiveDataAcceptanceConfig(expected_statuses=ACCEPTING)),
        request_timeout=10,
        continue_on_failure=True,
    )
    return SchemathesisConfig(seed=SEED, projects=ProjectsConfig(default=project))


@contextmanager
def _hooks(world: World) -> Iterator[None]:
    def before_call(context: HookContext, case: Any, kwargs: dict[str, Any]) -> None:
        # A scenario of several steps has the ids of what it made itself.
        is_scenario = case.meta is not None and case.meta.phase.name is TestPhase.STATEFUL
        path = case.path_parameters or {}
        is_ruinous = case.operation.label in world.ruinous and (
            not is_scenario or not world.protected.isdisjoint(str(value).lower() for value in path.values())
        )
        ids = {} if is_scenario and not is_ruinous else world.ids_for(case.operation.label)
        is_strange = not zlib.crc32("".join(map(str, path.values())).encode(errors="replace")) % STRANGE_IDS
        if not is_strange or is_ruinous:
            case.path_parameters = {name: _real(name, value, ids) for name, value in path.items()}
        # A part of a YAML text ends schemathesis' thread. A POST under a key that was used before says what it said
        # then, and brings nothing back.
        for name in _unsent(case, is_scenario=is_scenario):
            (case.headers or {}).pop(name, None)
        if case.operation.path.startswith("/oauth/"):
            world.house.clock.advance(OAUTH_PAUSE_SECONDS)
        query = case.query or {}
        for name in query:
            if isinstance(query[name], float) and query[name].is_integer():
                query[name] = int(query[name])  # 10.0 is an integer to a schema; in an address it is a text
            if name == "wait" and str(query[name]).isdecimal():
                query[name] = 0  # an answer that nobody has to wait for
            elif name in ids:
                query[name] = _real(name, query[name], ids)
        if isinstance(case.body, dict):
            case.body = _real_body(case.body, ids)

    def filter_failure(context: HookContext, failure: Any, case: Any, response: Any) -> bool:
        return not is_excused(failure, case, response)

    hooks = (before_call, filter_failure)
    for hook in hooks:
        GLOBAL_HOOK_DISPATCHER.hook(hook)
    try:
        yield
    finally:
        for hook in hooks:
            GLOBAL_HOOK_DISPATCHER.unregister(hook)


def _unsent(case: Any, *, is_scenario: bool) -> list[str]:
    return ["Range"] * case.operation.path.endswith("/definition") + ["Idempotency-Key"] * is_scenario


def _real(name: str, value: Any, ids: Ids) -> Any:
    """The id of something that is there, for an id that could be one."""
    is_id = name in ids and isinstance(value, str) and re.fullmatch(r"[a-z]+-[1-9][0-9]*|[ -~]{1,40}", value)
    return ids[name] if is_id else value


def _real_body(body: dict[str, Any], ids: Ids) -> dict[str, Any]:
    if "processRunId" in body:
        return {**body, "processRunId": _real("run", body["processRunId"], ids)}
    if "resource" in ids and "resourceId" in body:
        return {**body, "resourceId": _real("resource", body["resourceId"], ids)}
    if "process name" in ids and isinstance(body.get("process"), str):
        return {**body, "process": ids["process name"]}
    if "client_id" in ids and "client_id" in body and isinstance(body["client_id"], str | None):
        return {**body, "client_id": ids["client_id"], "client_secret": ids["client_secret"]}
    return body


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
                found.longest_seconds = max(found.longest_seconds, response.elapsed)
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                _note_failure(check, recorder, case_id, found)


def _note_failure(check: Any, recorder: Any, case_id: str, found: Found) -> None:
    label = recorder.cases[case_id].value.operation.label
    failure = check.failure_info.failure
    found.checks[check.name] += 1
    found.failures.setdefault(
        f"{label}: {check.name}: {failure.title}", f"{failure.message}\n{check.failure_info.code_sample}"
    )

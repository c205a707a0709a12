"""What may stand in a path, a query and a header, for openapi.json: by name, because one name means one thing here.

A name that is in no list is described as text, so that a new route needs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from procession.door import idempotency_key
from procession.door.contract import Route
from procession.door.ids import PARSERS
from procession.model.ids import ActionStepId, DataStepId, Id, ProcessId, TableId, parse_resource, parse_step
from procession.model.lifecycle import Outcome, RunStatus

ID_NAMES = re.compile(r"\{(\w+)\}")
# The ids of one place may be of several kinds.
KINDS: dict[Callable[[str], Any], tuple[type[Id], ...]] = {
    parse_step: (DataStepId, ActionStepId),
    parse_resource: (ProcessId, TableId),
}

MOMENT = {
    "type": "string",
    "anyOf": [{"format": "date-time"}, {"format": "date"}],
    "description": "ISO 8601; without a zone it means UTC. The bound itself is not included.",
    "examples": ["2025-02-05T22:40:19Z", "2025-02-05"],
}
TEXT: dict[str, Any] = {"type": "string"}
SEARCHED = {**TEXT, "pattern": "^[^\\x00]*$"}
QUERY: dict[str, dict[str, Any]] = {
    "name": {**SEARCHED, "description": "A part of the name, any case"},
    "dateCreatedStart": MOMENT,
    "dateCreatedEnd": MOMENT,
    "createdAfter": MOMENT,
    "createdBefore": MOMENT,
    "startDate": MOMENT,
    "endDate": MOMENT,
    "status": {"type": "string", "enum": [status.value for status in RunStatus]},
    "outcome": {"type": "string", "enum": [outcome.value for outcome in Outcome]},
    "startedBy": {**SEARCHED, "description": "A user's id or login name"},
    "text": {
        **SEARCHED,
        "maxLength": 200,
        "description": "A part of a name or of the message of the first problem, or an id",
    },
    "needsPerson": {
        "type": "boolean",
        "description": "Those that ended badly or with remarks, and nobody has dealt with",
    },
    "limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100},
    "cursor": {"type": "string", "description": "Of the Link header of the page before"},
    "since": {"type": "integer", "minimum": 0, "maximum": 10**15, "description": "The revision that is known already"},
    "wait": {"type": "integer", "minimum": 0, "maximum": 60, "description": "Seconds to wait for a newer revision"},
    "include": {"type": "string", "enum": ["all"]},
    "follow": {"type": "string", "enum": ["true", "false", "1", "0"], "description": "Until the step ends"},
    "attempt": {"type": "integer", "minimum": 1, "maximum": 10**9, "description": "Of the run, from 1"},
    "version": {
        "type": "integer",
        "minimum": 1,
        "maximum": 10**12,
        "description": "Which one, from 1; the present one if left out",
    },
    "escape": {"type": "boolean", "description": "Texts that a spreadsheet would run as formulas, marked as texts"},
    "mode": {"type": "string", "enum": ["append", "replace", "upsert", "replace_where"]},
    "key": {"type": "string", "description": "Names of the columns that tell rows apart, with commas between"},
    "trim": {"type": "boolean", "description": "Take blanks from both ends of every value"},
}
# Where one name means something else.
OF_ROUTE: dict[tuple[str, str], dict[str, Any]] = {
    ("tables/{table}/rows", "limit"): {"type": "integer", "minimum": 1, "maximum": 10_000},
    ("processruns/{run}/events", "since"): {
        "type": "string",
        "pattern": r"^[0-9]{1,15}(\.[0-9]{1,15}(\.[0-9]{1,15}-[0-9]{1,15})*)?$",
        "description": "The id of the last event that was seen, where the header Last-Event-ID cannot be sent",
    },
    ("logs", "limit"): {"type": "integer", "minimum": 1, "maximum": 10_000},
}
RANGE = {"name": "Range", "in": "header", "schema": TEXT, "example": "bytes=0-99"}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same key and body within 24 hours, a request is carried out once",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
IF_MATCH = {"name": "If-Match", "in": "header", "schema": TEXT}
IF_NONE_MATCH = {"name": "If-None-Match", "in": "header", "schema": TEXT}


def of_route(route: Route) -> list[dict[str, Any]]:
    """All parameters of the route, in the order in which a reader meets them."""
    found = [_in_path(name) for name in ID_NAMES.findall(route.pattern)]
    found += [_in_query(name, route.pattern) for name in route.query]
    if idempotency_key.counts_for(route):
        found.append(IDEMPOTENCY_KEY)
    if route.is_ranged:
        found += [RANGE, IF_NONE_MATCH]
    if route.is_conditional:
        found += [IF_MATCH, IF_NONE_MATCH]
    return found


def _in_path(name: str) -> dict[str, Any]:
    parser = PARSERS.get(name)
    # A parser is mostly a class method of the type of id.
    kind = getattr(parser, "__self__", None)
    kinds = KINDS.get(parser, (kind,) if kind else ()) if parser else ()
    schema = _id(kinds) if kinds else {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _id(kinds: tuple[type[Id], ...]) -> dict[str, Any]:
    """Any case is taken; the pattern shows the one that is sent."""
    prefixes = "|".join(kind.prefix for kind in kinds)
    pattern = f"^({prefixes})-[1-9][0-9]{{0,17}}$"
    nouns = " or ".join(kind.noun for kind in kinds)
    return {
        "type": "string",
        "pattern": pattern,
        "description": f"The id of a {nouns}",
        "examples": [f"{kind.prefix}-1" for kind in kinds],
    }


def _in_query(name: str, pattern: str) -> dict[str, Any]:
    schema = OF_ROUTE.get((pattern, name)) or (_id((ProcessId,)) if name == "process" else QUERY.get(name, TEXT))
    # An empty value is no value: forms of web pages send all their fields.
    return {"name": name, "in": "query", "required": False, "allowEmptyValue": True, "schema": schema}

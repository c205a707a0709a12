"""What schemathesis calls a failure and is none here, each with its reason; all other checks are on, everywhere."""

from __future__ import annotations

import re
from typing import Any

from schemathesis.core.failures import AcceptedNegativeData, MalformedJson
from schemathesis.openapi.checks import JsonSchemaError, RejectedPositiveData

# The kind of failure, a pattern of the operation, why.
EXCUSES = (
    (
        RejectedPositiveData,
        r"^(POST|PUT) |^DELETE /api/v1/(processruns/\{run\}|files/\{file\})\?|/(preview|results)\?|\?(attempt|cursor|version)"
        r"|/steps/\{step\}|/events\?since",
        "400 also says what the present state, the process's own rules or a sibling field do not allow (docs/wire.md)"
        "; no schema knows a run's state, the keys of its inputs, that an as- step has no properties, or the "
        "cursors, versions and events that there are",
    ),
    (
        AcceptedNegativeData,
        r"^POST /api/v1/files/\{file\}(/uploadsessions/\{session\}/chunks/\{chunk\})?\?",
        "any bytes are a file, or a part of one",
    ),
    (
        AcceptedNegativeData,
        r"^POST /api/v1/tables/\{table\}/rows\?",
        "any text that begins with a column's name is CSV",
    ),
    (
        AcceptedNegativeData,
        r"^GET /api/v1/process(es|runs)/[^?]*\?",
        "the fuzzer puts real ids for bad ones; parameters that are unknown are ignored, of repeated ones the last counts",
    ),
    (
        AcceptedNegativeData,
        r"^PUT /api/v1/processes/\{process\}/draft\?",
        "any text is a draft: only what is published has to be a process file",
    ),
    (
        AcceptedNegativeData,
        "^POST /oauth/",
        "what is no text counts as its JSON text; another grant's field is ignored",
    ),
    (
        AcceptedNegativeData,
        r"^POST /api/v1/steps/\{step\}/properties/\{property\}\?",
        "what a type of property does not have is ignored, so that a whole Property can be posted back (T6)",
    ),
)


def is_excused(failure: Any, case: Any, response: Any) -> bool:
    """Whether this failure is one of those that are none."""
    if response.status_code == 206 and isinstance(failure, MalformedJson | JsonSchemaError):
        return True  # a part of a JSON text is no JSON text, or another one
    asked = f"{case.operation.label}?{'?'.join(case.query or {})}"
    return any(isinstance(failure, kind) and re.search(pattern, asked) for kind, pattern, _ in EXCUSES)

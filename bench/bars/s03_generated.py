"""S3: every operation of openapi.json under requests that schemathesis generates, 500 of them at random each."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bench import peaks
from bench.figures import Figure, Report, count
from bench.server import folder

EXAMPLES = 500
STRANGERS = EXAMPLES // 4
SECONDS_MAX = 10.0
CHILD_MB_MAX = 512.0
OTHERS = ("not_a_server_error", "status_code_conformance", "response_schema_conformance")


def measure(*, full: bool) -> Report:
    """By an administrator, by a stranger, and by an application that asks for tokens; each in a world of its own."""
    from tests.fuzz import fuzzer  # schemathesis takes seconds to import
    from tests.fuzz.world import alone

    asked = (("admin", EXAMPLES, fuzzer.ALL), ("stranger", STRANGERS, fuzzer.ALL), ("", EXAMPLES, fuzzer.OAUTH))
    found = list[fuzzer.Found]()
    with _errors() as errors, peaks.of_children(os.getpid()) as peak:
        for who, examples, paths in asked:
            with folder() as place, alone(place) as world:
                found.append(fuzzer.fuzz(world, who=who, examples=examples, paths=paths))
    checks = sum((one.checks for one in found), Counter[str]())
    statuses = sum((seen for one in found for seen in one.statuses.values()), Counter[int]())
    failures = [f"{name}: {text}"[:300] for one in found for name, text in one.failures.items()]
    return Report(
        work="S3",
        title=f"{len(found[0].statuses)} operations, {EXAMPLES} generated requests each and more, by three callers",
        figures=(
            *_of_statuses(statuses),
            count("undocumented statuses", checks["status_code_conformance"], at_most=0),
            count("answers of another shape", checks["response_schema_conformance"], at_most=0),
            count("other checks that failed", checks.total() - sum(checks[name] for name in OTHERS), at_most=0),
            count("errors in the server's log", len(errors), at_most=0),
            Figure(name="longest", unit="s", values=(max(one.longest_seconds for one in found),), at_most=SECONDS_MAX),
            Figure(name="most memory of a child", unit="MB", values=(peak.mb,), at_most=CHILD_MB_MAX),
        ),
        remarks=(*failures, *errors[:5]),
    )


def _of_statuses(statuses: Counter[int]) -> Iterator[Figure]:
    yield count("requests", statuses.total())
    yield count("of them done", sum(number for status, number in statuses.items() if status < 400))
    yield count("refused", sum(number for status, number in statuses.items() if 400 <= status < 500))
    yield count("5xx", sum(number for status, number in statuses.items() if status >= 500), at_most=0)


class _Kept(logging.Handler):
    """What the server's log tells as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


@contextmanager
def _errors() -> Iterator[list[str]]:
    kept, logger = _Kept(), logging.getLogger("procession")
    logger.addHandler(kept)
    try:
        yield kept.told
    finally:
        logger.removeHandler(kept)

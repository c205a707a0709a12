"""How a run ended: the words for its history, the user log and the alert, and whether to send one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.processes import AlertWhen
from procession.model.runs import Run
from procession.model.steps import StepRow

# A mail with a thousand failed steps is read by nobody.
STEPS_MAX = 20  # named of each kind; the counts cover the rest
MESSAGE_CHARACTERS_MAX = 1_000
LINE_CHARACTERS_MAX = 500
# One alert is one row and one mail for each; a list belongs to the mail server.
ADDRESSES_MAX = 20

# Narrower than RFC 5321: no quotes, no literals, ASCII; every mail server takes what is left.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z", re.ASCII
)
_INCOMPLETE = {StepStatus.NOT_STARTED, StepStatus.CANCELLED}


def addresses(text: str) -> list[str]:
    """The mail addresses of an alert, separated by commas or semicolons, each once. Raises ValueError, naming one."""
    # Outlook writes semicolons, everything else commas.
    found = dict.fromkeys(part.strip() for part in re.split("[,;]", text) if part.strip())
    for part in found:
        if _ADDRESS.match(part) is None:
            raise ValueError(f'"{one_line(part)[:100]}" is no mail address such as close@example.com')
    if len(found) > ADDRESSES_MAX:
        raise ValueError(f"an alert goes to at most {ADDRESSES_MAX} addresses, not {len(found)}")
    return list(found)


def is_told(when: AlertWhen, run: Run) -> bool:
    """Whether this end calls for an alert. A cancelled run does not: whoever cancelled it knows."""
    match when:
        case AlertWhen.NEVER:
            return False
        case AlertWhen.ALWAYS:
            return True
        case AlertWhen.PROBLEMS:
            # A warning too: a Success with remarks is what gets overlooked.
            return run.status is RunStatus.TIMED_OUT or run.outcome in {Outcome.FAILED, Outcome.WARNING}


def facts(steps: Iterable[StepRow]) -> dict[str, Any]:
    """What went wrong, for the history: failed steps, steps with warnings, and steps that never finished."""
    enabled = [step for step in steps if step.enabled]
    kinds = {
        "failed": [step for step in enabled if step.status is StepStatus.FAILED],
        "warned": [step for step in enabled if step.status is StepStatus.WARNING],
        "notCompleted": [step for step in enabled if step.status in _INCOMPLETE],
    }
    return {name: _told(rows) for name, rows in kinds.items() if rows}


def first_problem(run: Run, steps: Iterable[StepRow]) -> StepRow | None:
    """The step that a list names as the reason: the first that failed, or the first with remarks."""
    wanted = StepStatus.WARNING if run.outcome is Outcome.WARNING else StepStatus.FAILED
    return next((step for step in steps if step.enabled and step.status is wanted), None)


def shortened(message: str) -> str:
    return message if len(message) <= MESSAGE_CHARACTERS_MAX else f"{message[: MESSAGE_CHARACTERS_MAX - 1]}…"


def _told(rows: Sequence[StepRow]) -> dict[str, Any]:
    return {"count": len(rows), "steps": [_step(row) for row in rows[:STEPS_MAX]]}


def _step(row: StepRow) -> dict[str, str]:
    message = shortened(row.message)
    return {"step": str(row.id), "stepOrder": row.order, "name": row.name, "completionMessage": message}


def failure(run: Run, found: Mapping[str, Any]) -> str:
    """The user log's line on where and why a run failed; "" if it did not fail."""
    if run.status is not RunStatus.TIMED_OUT and run.outcome is not Outcome.FAILED:
        return ""
    verb = "timed out" if run.status is RunStatus.TIMED_OUT else "failed"
    return f'Process run "{run.name}" {verb}{place(found)}'[:LINE_CHARACTERS_MAX]


def place(found: Mapping[str, Any]) -> str:
    """at step 2.1 "Match orders": why."""
    # The failure is the cause; what never ran is its consequence.
    kind = found.get("failed") or found.get("notCompleted")
    if kind is None:
        return ""
    first, more = kind["steps"][0], kind["count"] - 1
    others = f" (and {more} more)" if more else ""
    text = one_line(f'at step {first["stepOrder"]} "{first["name"]}"{others}: {first["completionMessage"]}')
    return f" {text.rstrip(': ')}"


def one_line(text: str) -> str:
    """On one line, without control characters: they could drive a terminal or break a mail header."""
    return "".join(character if character.isprintable() else " " for character in text)

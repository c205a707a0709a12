"""Writes the mail about a run's end from its history: the same at every try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from procession.model.ends import one_line
from procession.model.lifecycle import Outcome
from procession.model.outbox import RunEnd
from procession.model.runs import HistoryKind, HistoryRow, Run
from procession.store import history, processes, runs
from procession.store.database import Transaction

# Some mail servers refuse a header line that is longer than 998 bytes (RFC 5322 section 2.1.1), and UTF-8 is encoded.
SUBJECT_CHARACTERS_MAX = 200

_WORDS = {
    Outcome.SUCCESS: ("Finished", "has finished"),
    Outcome.WARNING: ("Warning", "has finished, with remarks"),
    Outcome.FAILED: ("Failed", "has failed"),
    HistoryKind.CANCELLED: ("Cancelled", "was cancelled"),
    HistoryKind.TIMED_OUT: ("Timed out", "has timed out"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail about to be sent, to one address. `key` is what a repeat has in common with it; "": repeats differ."""

    address: str
    subject: str
    text: str
    at: datetime
    name: str = ""
    key: str = ""


def write(tx: Transaction, end: RunEnd, *, key: str, public_url: str, now: datetime) -> Letter:
    """The mail to the address; restarts since then change only one line of it."""
    run = runs.find(tx, end.run)
    # The end as it was then: the run itself may have been restarted since.
    (row,) = history.of_run(tx, end.run, after=end.revision - 1, limit=1)
    assert run is not None
    assert row.revision == end.revision, "the reference is a foreign key"
    process = processes.find(tx, run.process)
    assert process is not None
    title, verb = _WORDS[_how(row)]
    link = f"{public_url.rstrip('/')}/runs/{run.id}"
    name = one_line(process.name)
    paragraphs = [
        f'The process run "{one_line(run.name)}" {verb}.',
        *_steps(row.detail),
        "\n".join(_circumstances(run, row)),
        f"{link}\n\nIn a terminal: procession status {run.id}",
        f'This address stands under "alert" in the process file of "{name}".',
    ]
    return Letter(
        address=end.target,
        # The outcome first: a phone shows the first thirty characters.
        subject=one_line(f"{title}: {run.name}")[:SUBJECT_CHARACTERS_MAX],
        text="\n\n".join(paragraphs) + "\n",
        at=now,
        key=key,
    )


def _how(row: HistoryRow) -> Outcome | HistoryKind:
    return Outcome(row.detail["outcome"]) if row.kind is HistoryKind.FINISHED else row.kind


def _steps(detail: Mapping[str, Any]) -> Iterator[str]:
    """Failed steps and those with remarks with what they say; the names of those that did not come to an end."""
    for kind, title in (("failed", "Failed"), ("warned", "With remarks")):
        found = detail.get(kind, {"count": 0, "steps": ()})
        for step in found["steps"]:
            yield f"{title}: {_named(step)}\n{_indented(step['completionMessage'])}"
        if found["count"] > len(found["steps"]):
            yield f"{title}: {found['count'] - len(found['steps'])} more steps"
    rest = detail.get("notCompleted")
    if rest is not None:
        more = rest["count"] - len(rest["steps"])
        names = [_named(step) for step in rest["steps"]] + ([f"and {more} more"] if more else [])
        yield "Not completed:\n" + "\n".join(f"    {name}" for name in names)


def _named(step: Mapping[str, str]) -> str:
    return f'step {step["stepOrder"]} "{one_line(step["name"])}"'


def _indented(text: str) -> str:
    return "\n".join(f"    {one_line(line)}" for line in text.splitlines())


def _circumstances(run: Run, row: HistoryRow) -> Iterator[str]:
    yield f"Ended: {row.at:%Y-%m-%d %H:%M:%S} UTC, in attempt {row.attempt}"
    if row.user is not None:
        yield f"By: {row.user}"
    if row.detail.get("reason"):
        yield f"Reason: {one_line(row.detail['reason'])}"
    # The one line that may differ between two tries, because a stale alert without it would be misleading.
    if run.attempt > row.attempt:
        yield f"Since then it was restarted: attempt {run.attempt} is {run.outcome or run.status}."

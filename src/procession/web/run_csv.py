"""The list of runs for a spreadsheet: all that the filter shows, and nothing that it would take for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from procession.door.contract import Call, TextReply
from procession.model.errors import Invalid
from procession.model.runs import RunEntry, RunFilter
from procession.operations import run_lists
from procession.pages import statuses
from procession.web import run_filters
from procession.web.page import reader

CSV_RUNS_MAX = 10_000
CSV_PAGE = 500  # that are read at a time
CSV_HEADERS = ("Id", "Run", "Process", "Status", "Reason", "Created (UTC)", "Started (UTC)", "Seconds", "Started by")
# What a spreadsheet would take for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(call: Call) -> TextReply:
    """All runs that the filter shows, as a spreadsheet reads them. Raises Invalid for more than it should hold."""
    asked = run_filters.read(call.request.query)
    own = reader(call.caller.user, call.now)
    shown = run_filters.applied(call.tx, call.caller, asked, own.zone)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_HEADERS)
    found = _all(call, shown)
    for item in reversed(list(found)) if asked.order else found:
        writer.writerow([_plain(cell) for cell in _cells(item)])
    # Excel takes a file without the mark for one of its own country's encoding.
    return TextReply(text=f"\ufeff{text.getvalue()}", media_type="text/csv; charset=utf-8")


def _all(call: Call, shown: RunFilter) -> Iterator[RunEntry]:
    before, many = None, 0
    while True:
        found = run_lists.page(call.tx, call.caller, shown, before=before, limit=CSV_PAGE)
        many += len(found.runs)
        if many > CSV_RUNS_MAX:
            raise Invalid(
                f"more than {CSV_RUNS_MAX:,} runs match, which is more than one file should hold; choose a shorter time"
            )
        yield from found.runs
        if (before := found.next_before) is None:
            return


def _cells(item: RunEntry) -> tuple[str, ...]:
    run = item.run
    seconds = "" if run.duration_seconds is None else str(int(run.duration_seconds))
    reason = "" if item.problem is None else f"{item.problem.order} {item.problem.message}".strip()
    word = statuses.of_run(run.status, run.outcome).word
    moments = (_moment(run.created_at), _moment(run.started_at))
    return (str(run.id), run.name, item.process_name, word, reason, *moments, seconds, item.person)


def _moment(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def _plain(text: str) -> str:
    """Without control characters, and not a formula: a name or a message may come from anybody."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return f"'{clean}" if text.startswith(_FORMULA) else clean

"""The page of one run: what it says, its steps, the open step with its log, results, inputs, history, evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from procession.door.contract import Call, Given, HtmlReply
from procession.model.errors import Invalid
from procession.model.figures import ComparedFigure, EarlierFigures, Figures, compare
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_ACTIVE, RUN_FINAL, Outcome, RunStatus
from procession.model.processes import Flow, StepKind
from procession.model.runs import HistoryKind
from procession.model.steps import PropertyRow, StepRow
from procession.model.table_uses import PREFIX, is_table
from procession.operations import planning, run_views, suggestions
from procession.operations.resources import Resources
from procession.operations.run_views import ShownRun
from procession.pages import formats
from procession.web import approving, inputs, other_runs, run_now, run_offers, run_steps, run_words
from procession.web.approving import SentDecision
from procession.web.page import page, reader

LOG_BYTES_MAX = 65_536  # the last part of a log, on the page; the whole one is a link
LOG_LINES_MAX = 400
HISTORY_MAX = 200  # rows on the page
ATTEMPTS_MAX = 10**9


def show(call: Call, sent: SentDecision | None = None) -> HtmlReply:
    """`?step=3.1` opens a step, `?attempt=1` shows an earlier attempt. `sent`: what was refused here."""
    query = call.request.query
    view = run_views.of_run(call.tx, call.caller, call.id(RunId), attempt=attempt_of(query))
    if view.run.status is RunStatus.NOT_STARTED:
        return inputs.show_for_run(call, view.run)
    content = described(call, view, query.get("step", ""))
    content["printed_by"], content["printed_at"] = _printed(call)
    content["others"] = other_runs.of_run(call.tx, call.caller, view.run.id)
    content["called"] = other_runs.of_rows(call.tx, call.caller, view.run.id) if view.is_present else []
    content["asked"] = approving.asked(call.tx, call.caller, view, sent)
    content["asked_mark"] = approving.mark_of(approving.states(call.tx, view))
    content["refused"] = sent.refused.message if sent else ""
    content["status_code"] = sent.refused.status if sent else 200
    title = f"{'Error: ' if sent else ''}{run_now.page_title(view)}"
    return page(call, call.caller, call.now, "run", title=title, entry="/runs", **content)


def _printed(call: Call) -> tuple[str, str]:
    """By whom the sheet is printed, and when: in their zone and in UTC."""
    user = call.caller.user
    own, utc = call.now.astimezone(reader(user, call.now).zone), call.now.astimezone(UTC)
    when = f"{formats.day(own.date())} {own:%H:%M} ({utc:%H:%M} UTC)"
    return f"{user.first_name} {user.last_name}".strip() or user.login, when


def attempt_of(query: Mapping[str, str]) -> int | None:
    """The attempt that `?attempt=` names; None for the present one. Raises Invalid."""
    return whole_of(query, "attempt")


def whole_of(query: Mapping[str, str], name: str) -> int | None:
    """A number from 1 on; None where there is none. Raises Invalid."""
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= ATTEMPTS_MAX):
        raise Invalid(f'"{text[:20]}" is not the number of {"an attempt" if name == "attempt" else "a try"}')
    return int(text[:10])


def described(call: Given, view: ShownRun, wanted: str) -> dict[str, Any]:
    """All that the templates of a run show; `wanted` is the number of the step to open, "" for the usual one."""
    resources = call.context.resources
    chosen = view.step(wanted) if wanted else None
    opened = chosen or (None if is_report(view) else run_steps.default_open(view))
    steps = run_steps.shown(view, open_step=opened, steady=resources.steady())
    show = call.request.query.get("show", "")
    return {
        **header(view, resources),
        "steps": steps,
        "groups": run_steps.grouped(run_steps.filtered(steps, show)),
        "chips": run_steps.chips(steps, show),
        "is_dense": len(steps) >= run_steps.DENSE_FROM,
        "opened": None if opened is None else panel(view, opened, resources),
        "is_chosen": chosen is not None,
        "is_report": is_report(view) and opened is None,
        "attempts": range(1, view.attempts_made + 1),
        # Also while what was at work is being ended: the page owes its reader the proof that nothing is left.
        "is_live": view.is_present and (view.run.status in RUN_ACTIVE or not view.is_gone),
        **outcome(view, resources),
    }


def is_report(view: ShownRun) -> bool:
    """A run that went well shows what came out of it; all others show their steps first."""
    return view.run.status is RunStatus.FINISHED and view.run.outcome is not Outcome.FAILED


def header(view: ShownRun, resources: Resources) -> dict[str, Any]:
    """Of #head and #now."""
    process, name = run_words.title(view)
    return {
        "view": view,
        "run": view.run,
        "process_name": process,
        "run_name": name,
        "tag_of_run": run_now.tag(view),
        "now": run_now.answer(view),
        "counts": run_steps.counts(view),
        "offered": run_offers.offered(view),
        "started": _started(view),
        "took": formats.duration(view.run.seconds(resources.steady())),
        "usual": formats.duration(view.usual_seconds),
        "is_final": view.run.status in RUN_FINAL,
        "words": run_words,
        "formats": formats,
        "deciding": _deciding(view, resources),
        "query": "" if view.is_present else f"?attempt={view.attempt}",
    }


def _deciding(view: ShownRun, resources: Resources) -> dict[str, StepRow]:
    """The steps that have suggested something for people to decide, by the property of their file."""
    if not view.is_present:
        return {}
    rows = {row.key: row for row in view.steps}
    filled = {row.reference for row in view.properties if row.file is not None and row.file.sha256 is not None}
    found = suggestions.sources(resources, view.process)
    return {one.output: rows[key] for key, one in found.items() if key in rows and one.output in filled}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptBegin:
    """Who began the shown attempt; `reason` and `step` are of a restart."""

    who: str
    reason: str = ""
    step: str = ""


def _started(view: ShownRun) -> AttemptBegin | None:
    wanted = (HistoryKind.STARTED, HistoryKind.RESTARTED)
    row = next((row for row in reversed(view.events) if row.kind in wanted), None)
    if row is None:
        return None
    step = run_words.step_name(view, row.step) if row.kind is HistoryKind.RESTARTED else ""
    return AttemptBegin(who=view.who(row.user), reason=str(row.detail.get("reason", "")), step=step)


def outcome(view: ShownRun, resources: Resources) -> dict[str, Any]:
    """Of #results, #inputs, #history and the evidence."""
    rows = [row for row in view.properties if row.item.visible or row.file is not None]
    events = list(run_words.history(view))
    return {
        "outputs": [row for row in rows if row.item.flow is Flow.OUTPUT],
        "writers": "" if run_offers.has_results(view) else _writers(view, resources),
        "inputs": [row for row in rows if row.item.flow is Flow.INPUT],
        "inputs_sha256": next(
            (row.detail["inputsSha256"] for row in view.events if row.kind is HistoryKind.STARTED), ""
        ),
        "history": events[:HISTORY_MAX],
        "history_left": max(len(events) - HISTORY_MAX, 0),
    }


def _writers(view: ShownRun, resources: Resources) -> str:
    """The steps that would have written the results."""
    outputs = {row.reference for row in view.properties if row.item.flow is Flow.OUTPUT}
    touched = planning.touches(resources, view.process)
    names = [f"step {row.order}" for row in view.steps if row.key in touched and touched[row.key].writes & outputs]
    return run_words.listed(names)


# --- the open step -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPanel:
    """`reads` and `writes` name properties and tables; `log` is the last part of what the shown try has printed."""

    row: StepRow
    kind: str
    message: str
    reads: Sequence[str]
    writes: Sequence[str]
    properties: Sequence[PropertyRow]
    log: str
    log_end: str  # up to where the log is shown, for the stream that goes on from there: "attempt-bytes"
    is_cut: bool
    lines: int
    has_log: bool
    tries: int
    figures: Sequence[ComparedFigure]
    before: EarlierFigures | None


def panel(view: ShownRun, row: StepRow, resources: Resources) -> StepPanel:
    step = view.process.step(row.key)
    touched = planning.touches(resources, view.process, only=row.key).get(row.key)
    shown = log_tail(view, row, resources)
    action = resources.actions.get(step.action) if step is not None else None
    return StepPanel(
        row=row,
        kind="Inputs and results" if row.kind is StepKind.DATA else (action.title if action else "Action"),
        message=run_steps.message(view, row, most=4_000),
        reads=_names(view, touched.reads) if touched else (),
        writes=_names(view, touched.writes) if touched else (),
        properties=[item for item in view.properties if item.step == row.id],
        log=shown.text,
        log_end=shown.end,
        is_cut=shown.is_cut,
        lines=shown.text.count("\n"),
        has_log=row.kind is StepKind.ACTION,
        tries=sum(item.step == row.id and item.attempt == view.attempt for item in view.attempts),
        figures=compare(_figures(view, row), view.figures_before.get(row.key)),
        before=view.figures_before.get(row.key),
    )


def _figures(view: ShownRun, row: StepRow) -> Figures:
    """Of its last try up to the shown attempt."""
    return next((item.figures for item in reversed(view.attempts) if item.step == row.id), {})


def _names(view: ShownRun, references: frozenset[str]) -> list[str]:
    tables = sorted(reference.removeprefix(PREFIX) for reference in references if is_table(reference))
    return [
        *(row.item.name for row in view.properties if row.reference in references),
        *(f'the table "{name}"' for name in tables),
    ]


def last_try(view: ShownRun, row: StepRow) -> int | None:
    """Whose log is shown: the number of the last try up to the shown attempt."""
    return next((item.id for item in reversed(view.attempts) if item.step == row.id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTail:
    """The last lines of a log; `is_cut`: something stands before them."""

    text: str = ""
    end: str = ""
    is_cut: bool = False


def log_tail(view: ShownRun, row: StepRow, resources: Resources) -> LogTail:
    """Of the try that is shown."""
    tried = last_try(view, row)
    if tried is None:
        return LogTail()
    size = resources.step_logs.size_bytes(tried)
    begin = max(size - LOG_BYTES_MAX, 0)
    raw = resources.step_logs.read(tried, begin, size - begin)
    # Up to the last whole line: what follows is sent when it has its end.
    raw = raw[: raw.rfind(b"\n") + 1] or raw
    lines = raw.decode(errors="replace").splitlines(keepends=True)
    # The first of a part is rarely a whole one.
    kept = lines[1:] if begin and len(lines) > 1 else lines
    is_cut = begin > 0 or len(kept) > LOG_LINES_MAX
    return LogTail(text="".join(kept[-LOG_LINES_MAX:]), end=f"{tried}-{begin + len(raw)}", is_cut=is_cut)

"""A run in sentences: its title, what its values look like, what happened to it, why a step was skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from procession.model import conditions, values
from procession.model.lifecycle import Outcome, StepStatus
from procession.model.processes import Atom, AtomKind, Condition, Join, Junction, Process, PropertyType
from procession.model.runs import HistoryKind, HistoryRow
from procession.model.steps import PropertyRow
from procession.operations import unstarted
from procession.operations.run_views import ShownRun
from procession.pages import formats
from procession.pages.formats import Reader


def title(view: ShownRun) -> tuple[str, str]:
    """The name of the process and of the run; a run without a name of its own is called by its number."""
    return view.process_name, unstarted.short_name(view.run.name, view.process_name)


# --- values --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownValue:
    """`kind` is a class of the style sheet: num, nil or nothing; `is_empty` shows as the word empty in italics."""

    text: str
    kind: str = ""
    is_empty: bool = False


def value(row: PropertyRow, reader: Reader) -> ShownValue:
    item = row.item
    if item.value is None or item.value == "":
        return ShownValue(text="empty", kind="nil", is_empty=True)
    text = values.to_text(item.value) or ""
    match item.type:
        case PropertyType.NUMBER | PropertyType.DECIMAL:
            return ShownValue(text=reader.number(text), kind="num" if item.value else "num nil")
        case PropertyType.CHECK_BOX:
            return ShownValue(text="yes" if item.value else "no")
        case PropertyType.DATEPICKER:
            return ShownValue(text=formats.day(date.fromisoformat(text)))
        case _:
            # Blanks alone would look like nothing.
            return ShownValue(text=text if text.strip() else f'"{text}"')


def short_hash(sha256: str) -> str:
    return f"{sha256[:4]} {sha256[4:8]} … {sha256[-4:]}"


# --- history -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEvent:
    at: datetime
    who: str
    what: str
    reason: str = ""


def history(view: ShownRun) -> Iterator[ShownEvent]:
    """What happened to the run, newest first; what a step did well is told by its own row."""
    for row in reversed(view.events):
        told = _TELLERS[row.kind](view, row) if row.kind in _TELLERS else ""
        if told:
            reason = str(row.detail.get("reason", ""))
            yield ShownEvent(at=row.at, who=view.who(row.user), what=told, reason=reason)


def step_name(view: ShownRun, step: object) -> str:
    """ "step 3.1", or "a step" for one that its process no longer has."""
    order = view.orders.get(str(step))
    return "a step that this version no longer has" if order is None else f"step {order}"


def _created(view: ShownRun, row: HistoryRow) -> str:
    copied = row.detail.get("copiedFrom")
    source = f", with the inputs of {copied}" if copied else ""
    return f"Created from version {row.detail.get('version', view.run.version)}{source}"


def _started(view: ShownRun, row: HistoryRow) -> str:
    return "Started; its inputs are frozen"


def _taken_over(view: ShownRun, row: HistoryRow) -> str:
    return "Taken up again: the server had stopped while it was at work"


def _step(view: ShownRun, row: HistoryRow) -> str:
    status = row.detail.get("status")
    name = step_name(view, row.step).capitalize()
    if status == StepStatus.FAILED:
        return f"{name} failed: {_short(row.detail.get('message'))}"
    if status == StepStatus.WARNING:
        return f"{name} ended with remarks: {_short(row.detail.get('message'))}"
    if status == StepStatus.SCHEDULED and "try" in row.detail:
        return f"{name} did not succeed and is tried again: {_short(row.detail.get('message'))}"
    return ""


def _finished(view: ShownRun, row: HistoryRow) -> str:
    words = {Outcome.WARNING: "Finished with remarks", Outcome.FAILED: "Ended: it failed"}
    took = formats.duration(row.detail.get("durationInSeconds"))
    return f"{words.get(row.detail.get('outcome'), 'Finished')}{f', after {took} of work' if took else ''}"  # type: ignore[arg-type]


def _cancelled(view: ShownRun, row: HistoryRow) -> str:
    stopped = [step_name(view, step) for step in row.detail.get("steps", ())]
    return f"Cancelled{f'; stopped {listed(stopped)}' if stopped else ''}"


def _timed_out(view: ShownRun, row: HistoryRow) -> str:
    return f"Timed out after {formats.duration(row.detail.get('limitInSeconds'))}, its time limit"


def _killed(view: ShownRun, row: HistoryRow) -> str:
    detail, name = row.detail, step_name(view, row.step).capitalize()
    if left := detail.get("survivors"):
        return f"{name}: {_count(len(left), 'process')} of it could not be ended"
    ended = int(detail.get("processes") or 0)
    signals = ", ".join(str(signal) for signal in detail.get("signals", ()))
    how = f" ({signals}, {detail.get('durationInMilliseconds')} ms)" if signals else ""
    return f"{name}: {_count(ended, 'process')} ended{how}; nothing that it started is left"


def _approval(view: ShownRun, row: HistoryRow) -> str:
    name, comment = step_name(view, row.step).capitalize(), str(row.detail.get("comment", ""))
    if "reminded" in row.detail:
        who = ", ".join(view.who(login) for login in row.detail["reminded"])
        return f"{name}: reminded {who or 'nobody, for nobody may decide'}"
    return f"{name}: {row.detail.get('decision')}{f', “{_short(comment)}”' if comment else ''}"


def _reviewed(view: ShownRun, row: HistoryRow) -> str:
    counts = ", ".join(f"{count} {word}" for word, count in row.detail.get("decided", {}).items())
    wrote = "; ".join(f'version {one["version"]} of the table "{one["name"]}"' for one in row.detail.get("wrote", ()))
    return f"{step_name(view, row.step).capitalize()}: suggestions decided, {counts}; {wrote}"


def _late(view: ShownRun, row: HistoryRow) -> str:
    # What says that it was ended has its receipt already.
    if row.detail.get("status") not in (StepStatus.SUCCESS, StepStatus.WARNING):
        return ""
    return f"{step_name(view, row.step).capitalize()} answered after the run had moved on; its answer changed nothing"


def _followed_up(view: ShownRun, row: HistoryRow) -> str:
    name, message = step_name(view, row.step).capitalize(), _short(row.detail.get("message"))
    after = {"Done": "", "GivenUp": "given up: "}.get(str(row.detail.get("state")), "not yet, and tried again: ")
    return f"{name}, afterwards: {after}{message}"


def _restarted(view: ShownRun, row: HistoryRow) -> str:
    detail = row.detail
    again, carried = len(detail.get("reset", ())), len(detail.get("carried", ()))
    said = f"Restarted from {step_name(view, row.step)} as attempt {row.attempt}: "
    said += f"{_count(again, 'step')} again, {carried} kept"
    if released := detail.get("released"):
        names = {step.key: f"step {step.order}" for step in view.steps}
        said += f"; released to happen once more: {listed([names.get(key, key) for key in released])}"
    before, version = detail.get("versionBefore"), detail.get("version")
    return f"{said}; from version {before} to {version}" if before != version else said


_TELLERS: Mapping[HistoryKind, Callable[[ShownRun, HistoryRow], str]] = {
    HistoryKind.CREATED: _created,
    HistoryKind.STARTED: _started,
    HistoryKind.TAKEN_OVER: _taken_over,
    HistoryKind.STEP: _step,
    HistoryKind.FINISHED: _finished,
    HistoryKind.CANCELLED: _cancelled,
    HistoryKind.TIMED_OUT: _timed_out,
    HistoryKind.KILLED: _killed,
    HistoryKind.LATE_RESULT: _late,
    HistoryKind.RESTARTED: _restarted,
    HistoryKind.APPROVAL: _approval,
    HistoryKind.REVIEWED: _reviewed,
    HistoryKind.FOLLOWED_UP: _followed_up,
}
_SHOWN_CHARACTERS_MAX = 300


def _short(text: object) -> str:
    words = str(text or "")
    return words if len(words) <= _SHOWN_CHARACTERS_MAX else f"{words[: _SHOWN_CHARACTERS_MAX - 1]}…"


def _count(number: int, noun: str) -> str:
    plural = noun if number == 1 else f"{noun}{'es' if noun.endswith('s') else 's'}"
    return f"{number} {plural}"


def listed(names: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


# --- conditions ----------------------------------------------------------------------------------------------------

_OF_STEPS = {
    AtomKind.SUCCEEDED: "is done",
    AtomKind.WARNED: "has remarks",
    AtomKind.FAILED: "failed",
    AtomKind.COMPLETED: "has ended",
    AtomKind.SKIPPED: "is skipped",
}
_OF_VALUES = {
    AtomKind.EQUALS: "is",
    AtomKind.NOT_EQUALS: "is not",
    AtomKind.GREATER: "is more than",
    AtomKind.AT_LEAST: "is at least",
    AtomKind.LESS: "is less than",
    AtomKind.AT_MOST: "is at most",
}


def condition(process: Process, said: Condition | None) -> str:
    """As a sentence without its full stop: "step 2.1 failed and Month is 1993-11"; "" for none."""
    match said:
        case None:
            return ""
        case Atom():
            return _atom(process, said)
        case Junction(join=Join.NOT):
            return f"not ({condition(process, said.parts[0])})"
        case Junction():
            word = " and " if said.join is Join.ALL else " or "
            parts = (condition(process, part) for part in said.parts)
            return word.join(f"({text})" if " or " in text and word == " and " else text for text in parts)


def _atom(process: Process, atom: Atom) -> str:
    if atom.kind in conditions.STEP_ATOMS:
        step = process.step(atom.subject)
        return f"step {step.order if step else atom.subject} {_OF_STEPS[atom.kind]}"
    item = process.property(atom.subject)
    name = item.name if item else atom.subject
    if atom.kind is AtomKind.UPDATED:
        return f"there is a new file for {name}"
    wanted = values.to_text(atom.value)
    return f"{name} {_OF_VALUES[atom.kind]} {'empty' if wanted in (None, '') else wanted}"

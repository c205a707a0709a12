"""Three-valued logic over the steps and properties of a run (docs/process-file.md, When a step runs)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, assert_never

from procession.model.lifecycle import StepStatus
from procession.model.processes import Atom, AtomKind, Condition, Join, Junction, Value

STEP_ATOMS = frozenset({AtomKind.SUCCEEDED, AtomKind.WARNED, AtomKind.FAILED, AtomKind.COMPLETED, AtomKind.SKIPPED})
SUCCEEDED = frozenset({StepStatus.SUCCESS, StepStatus.WARNING})

# A table: a match over kinds and ends would have fifteen arms.
_ENDS_ASKED = {
    AtomKind.SUCCEEDED: SUCCEEDED,
    AtomKind.WARNED: frozenset({StepStatus.WARNING}),
    AtomKind.FAILED: frozenset({StepStatus.FAILED}),
    AtomKind.COMPLETED: SUCCEEDED | {StepStatus.FAILED},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a condition is judged by.

    `ends` by step key: RUNNING is not decided yet, CANCELLED can never run. `causes`, in words, of the ends FAILED and
    CANCELLED. `values` and `updated` as in flow.FlowState; properties count only once `may_read_properties`.
    """

    ends: Mapping[str, StepStatus]
    causes: Mapping[str, str]
    values: Mapping[str, Value]
    updated: Set[str]
    may_read_properties: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`truth` None: not known yet, or never known. `cause`: the failure that decided it, or "".

    `is_pending`: a step that is not decided may still change the truth that is None, or the cause of one that is not.
    """

    truth: bool | None
    cause: str = ""
    is_pending: bool = False


_PENDING = Verdict(None, is_pending=True)
_UNKNOWN = Verdict(None)
_YES = Verdict(True)
_NO = Verdict(False)


def judge(condition: Condition, facts: Facts) -> Verdict:
    """Whether the condition holds. A part that settles the result does so while others are pending."""
    if isinstance(condition, Atom):
        return _judge_atom(condition, facts)
    verdicts = [judge(part, facts) for part in condition.parts]
    match condition.join:
        case Join.NOT:
            only = verdicts[0]
            # "Not unknown" is unknown: a step must not run because nobody knows.
            return only if only.truth is None else replace(only, truth=not only.truth)
        case Join.ALL:
            return _join(verdicts, decisive=False)
        case Join.ANY:
            return _join(verdicts, decisive=True)
        case _:
            assert_never(condition.join)


def atoms(condition: Condition | None) -> Iterator[Atom]:
    match condition:
        case None:
            return
        case Atom():
            yield condition
        case Junction():
            for part in condition.parts:
                yield from atoms(part)


def steps_named(condition: Condition | None) -> Iterator[str]:
    """Keys of the steps whose end the condition depends on, without those whose properties it compares."""
    for atom in atoms(condition):
        if atom.kind in STEP_ATOMS:
            yield atom.subject


def _join(verdicts: list[Verdict], *, decisive: bool) -> Verdict:
    """Kleene's "all" (one False decides) and "any" (one True decides). A verdict without a failure wins."""
    is_pending = any(verdict.is_pending for verdict in verdicts)
    deciding = [verdict for verdict in verdicts if verdict.truth is decisive]
    if deciding:
        # A skip for a reason of its own is a plain skip, although something else failed too.
        first = next((verdict for verdict in deciding if not verdict.cause), deciding[0])
        return replace(first, is_pending=is_pending and bool(first.cause))
    # A step that is still to be decided may settle it, so nothing is said yet.
    if is_pending and any(verdict.truth is None for verdict in verdicts):
        return _PENDING
    cause = next((verdict.cause for verdict in verdicts if verdict.cause), "")
    if any(verdict.truth is None for verdict in verdicts):
        # What failed in an "any" might have made it true; in an "all" the skipped part alone keeps it unknown.
        return Verdict(None, cause if decisive else next((v.cause for v in verdicts if v.truth is None), ""))
    return Verdict(not decisive, cause, is_pending)


def _judge_atom(atom: Atom, facts: Facts) -> Verdict:
    if atom.kind in STEP_ATOMS:
        return _judge_step(atom.kind, atom.subject, facts)
    if not facts.may_read_properties:
        return _PENDING
    return _judge_property(atom, facts)


def _judge_step(kind: AtomKind, key: str, facts: Facts) -> Verdict:
    end = facts.ends[key]
    if end is StepStatus.RUNNING:
        return _PENDING
    if kind is AtomKind.SKIPPED:
        return _YES if end is StepStatus.SKIPPED else _NO
    # It neither succeeded nor failed, so no question but `skipped` has an answer.
    if end is StepStatus.SKIPPED:
        return _UNKNOWN
    return Verdict(end in _ENDS_ASKED[kind], facts.causes.get(key, ""))


def _judge_property(atom: Atom, facts: Facts) -> Verdict:
    if atom.kind is AtomKind.UPDATED:
        return _YES if atom.subject in facts.updated else _NO
    value = facts.values.get(atom.subject)
    if atom.kind in (AtomKind.EQUALS, AtomKind.NOT_EQUALS):
        # To an accountant an empty field is empty, whichever of the two a client has sent.
        # A box has two states: one that nobody ticked is not ticked.
        value = False if value is None and atom.value is False else value
        are_equal = (None if value == "" else value) == (None if atom.value == "" else atom.value)
        return _YES if are_equal is (atom.kind is AtomKind.EQUALS) else _NO
    # Nothing is neither greater nor less; guessing would pay or not pay an invoice.
    if value is None or atom.value is None:
        return _UNKNOWN
    return _YES if _compare(atom.kind, value, atom.value) else _NO


def _compare(kind: AtomKind, left: Any, right: Any) -> bool:
    match kind:
        case AtomKind.GREATER:
            return bool(left > right)
        case AtomKind.AT_LEAST:
            return bool(left >= right)
        case AtomKind.LESS:
            return bool(left < right)
        case AtomKind.AT_MOST:
            return bool(left <= right)
        case _:
            raise AssertionError(f"{kind} does not compare")

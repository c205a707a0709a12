"""What differs between what an open run page shows and what it would show now, as the parts that are to be swapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from procession.door.contract import StreamCall
from procession.model.lifecycle import RUN_ACTIVE
from procession.operations.run_views import ShownRun
from procession.pages import environment
from procession.web import run, run_now, run_steps
from procession.web.approving import AskedState
from procession.web.page import reader
from procession.web.run_steps import ShownStep


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRun:
    """What a page shows: `steps` by number and `keys` by part; None before the first look.

    `last` is the step that was open last where the reader chose none.
    """

    revision: int = -1
    last: str = ""
    steps: Mapping[str, ShownStep] | None = None
    keys: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUpdate:
    """`html` are the parts but #head, which has tokens of one browser in it and is made of `head`.

    `asked`: what is asked is another than before, and is told to each reader as it is for them.
    `log_end` is where the log ends that the new panel shows, None where there is no new panel.
    """

    seen: SeenRun
    html: str
    head: Mapping[str, Any] | None
    log_end: str | None
    is_over: bool
    asked: bool = False


def update(
    call: StreamCall, view: ShownRun, before: SeenRun, chosen: str, asked: tuple[AskedState, ...] = ()
) -> RunUpdate:
    """`chosen` is the step that the reader has opened, "" for none: then it is the one at work."""
    # What was open stays so when nothing is at work any more, and shows how it ended.
    at_work = run_steps.default_open(view)
    shown = run.described(call, view, chosen or (at_work.order if at_work else before.last))
    opened = shown["opened"]
    steps, keys = {step.order: step for step in shown["steps"]}, {**_keys(shown), "asked": asked}
    is_over = view.run.status not in RUN_ACTIVE and view.is_gone
    # The page was made of this very revision: it has all of it.
    has_all = before.steps is None and before.revision == view.run.revision
    known = steps if has_all else before.steps or {}
    changed = [step for step in steps.values() if known.get(step.order) != step]
    parts = {name for name, key in keys.items() if not has_all and before.keys.get(name) != key}
    parts |= {"results", "history"} if is_over else set()
    common = parts - {"head", "asked"}
    content = {**shown, "changed": changed, "parts": parts, "title": run_now.page_title(view)}
    return RunUpdate(
        seen=SeenRun(
            revision=view.run.revision, last=opened.row.order if opened is not None else "", steps=steps, keys=keys
        ),
        html=_rendered(call, content) if changed or common else "",
        head=content if "head" in parts else None,
        log_end=opened.log_end if opened is not None and "step" in parts else None,
        is_over=is_over,
        # What a page that is new shows, it says itself (approving_live).
        asked="asked" in parts and before.steps is not None,
    )


def head(call: StreamCall, content: Mapping[str, Any], token: str) -> str:
    """The part #head, for one browser."""
    return environment.rendered(
        "run-head", **{**content, "form": token, "reader": reader(call.caller.user, call.clock())}
    )


def _keys(shown: Mapping[str, Any]) -> dict[str, object]:
    """What each part of the page depends on."""
    present, opened = shown["run"], shown["opened"]
    return {
        "head": (present.status, present.outcome, present.attempt, present.finished_at, shown["offered"]),
        "now": shown["now"],
        "took": shown["took"],
        "counts": shown["counts"],
        # Not what it says while it is at work: that stands in its row, and the log would be sent again with it.
        "step": opened and (opened.row.order, opened.row.status, opened.row.finished_at, opened.tries),
    }


def _rendered(call: StreamCall, content: Mapping[str, Any]) -> str:
    # Without a token: what is made here is sent to several browsers, and no form is among these parts.
    return environment.rendered("run-live", **{**content, "reader": reader(call.caller.user, call.clock())})

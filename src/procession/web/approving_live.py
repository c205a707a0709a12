"""What a step asks, on a page that is open: who has said what, and whether what is shown is another thing by now.

A form is never put in the place of another: a reason may have taken minutes to write. What it signs stays what its
reader was shown; where that is another thing by now, it is said, and a press of its buttons is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from procession.door.contract import StreamCall
from procession.model.ids import RunId, StepId
from procession.operations import run_views
from procession.pages import environment
from procession.web import approving, run, session
from procession.web.approving import AskedPanel
from procession.web.page import reader


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldQuestion:
    """A question that the page has. `asked` is None for one that is closed, `why` says then why."""

    step: StepId
    asked: AskedPanel | None
    is_changed: bool = False
    why: str = ""


@dataclass(slots=True)
class LiveQuestions:
    """Those of one open page: `mark` is of what it was made of, and then the hash that each form signs, by step."""

    mark: str
    _signed: dict[StepId, str] = field(default_factory=dict)
    _is_lost: bool = False  # nobody knows what the page shows

    def begin(self, shown: Any) -> bool:
        """With what is asked at the first look (approving.states); whether it is what the page shows."""
        self._is_lost = self.mark != approving.mark_of(shown)
        self._signed = {} if self._is_lost else {one.step: one.signed for one in shown}
        return not self._is_lost

    def told(self, call: StreamCall, run_id: RunId) -> str:
        """The parts that say how it is now, for the reader of this page."""
        with call.database.snapshot() as tx:
            view = run_views.of_run(tx, call.caller, run_id)
            panels = {one.approval.step.id: one for one in approving.asked(tx, call.caller, view)}
            gone = {step: approving.closed(tx, view, step) for step in self._signed if step not in panels}
        new = [] if self._is_lost else [one for step, one in panels.items() if step not in self._signed]
        content = {
            **run.header(view, call.context.resources),
            "told": list(self._of(panels, gone)),
            "new": new,
            "is_lost": self._is_lost,
            "form": session.token(call.request),
            "reader": reader(call.caller.user, call.clock()),
        }
        self._signed |= {one.approval.step.id: one.approval.signed for one in new}
        return environment.rendered("run-asked", **content)

    def _of(self, panels: dict[StepId, AskedPanel], gone: dict[StepId, str]) -> Iterable[ToldQuestion]:
        for step, signed in self._signed.items():
            if step in gone:
                yield ToldQuestion(step=step, asked=None, why=gone[step])
            else:
                is_changed = panels[step].approval.signed != signed
                yield ToldQuestion(step=step, asked=panels[step], is_changed=is_changed)

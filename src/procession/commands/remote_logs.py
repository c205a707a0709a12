"""log against a server instead of a home, by our client."""

from __future__ import annotations

from procession.client.runs import Run
from procession.client.shapes import STEP_FINAL
from procession.client.steps import Step
from procession.commands import logs, remote
from procession.commands.console import Console
from procession.config import ServerAccess


def log(
    console: Console, access: ServerAccess, run_text: str, step_text: str, *, follow: bool, attempt: int | None
) -> int:
    """Raises NotFound, Invalid."""
    with remote.opened(access) as client:
        run = client.run(run_text)
        step = run.step(step_text)
        # A step that is over has its log in one piece.
        if follow and not step.status().is_over:
            _follow(run, step)
            return 0
        about = {"run": run.id, "step": step.id, "key": step.key}
        logs.tell(console, about, step.log(attempt).encode())
    return 0


def _follow(run: Run, step: Step) -> None:
    """Follows the run's events: after a break or an expired token they resume without loss or repetition."""
    printer, said = logs.Printer(), ""
    # Events and not the log's own stream: they can be resumed after a break at the very byte.
    for event in run.events():
        content = event.content
        if not isinstance(content, dict) or content.get("step") != step.id:
            continue
        if event.name == "log":
            said += str(content["text"])
            printer.show(str(content["text"]).encode())
        elif event.name == "step" and content.get("status") in STEP_FINAL and step.status().is_over:
            break
    # The event of a step's end may arrive before its last lines.
    printer.show(rest(said, step.log()).encode())
    printer.end()


def rest(said: str, whole: str) -> str:
    """The rest of the latest try's log; `said`: what was printed of all tries so far."""
    if whole.startswith(said):
        return whole[len(said) :]
    # The longest overlap: what was said may hold earlier tries of which this log knows nothing.
    for size in range(min(len(said), len(whole)), 0, -1):
        if said.endswith(whole[:size]):
            return whole[size:]
    return whole

"""The pages and their parts, for the one dispatcher."""

from __future__ import annotations

from typing import Any

from procession.door import rules
from procession.door.contract import BodyKind, Call, Mode, Route, Space
from procession.door.limits import UserLimit
from procession.model.rights import PUBLIC, Rule
from procession.pages import assets, environment
from procession.web import edit, home, inputs, preview, runs
from procession.web.session import guarded, guarded_async

READ, LIST, WRITE, STREAM = Mode.READ, Mode.LISTING, Mode.WRITE, Mode.STREAM


def page(pattern: str, handler: Any, rule: Rule, summary: str, **more: Any) -> Route:
    """What a browser shows; in a thread, because a page reads more than one row."""
    return _row("GET", pattern, handler, rule, summary, **{"mode": LIST, **more})


def form(pattern: str, handler: Any, rule: Rule, summary: str, **more: Any) -> Route:
    """What a form of ours sends to be done, in one transaction; the handler is given the call and the form."""
    return _row("POST", pattern, guarded(handler), rule, summary, mode=WRITE, body=BodyKind.TEXT, **more)


def form_async(pattern: str, handler: Any, rule: Rule, summary: str, **more: Any) -> Route:
    """The same, for a handler that opens its own transactions."""
    return _row(
        "POST", pattern, guarded_async(handler), rule, summary, **{"mode": STREAM, "body": BodyKind.TEXT, **more}
    )


def form_files(pattern: str, handler: Any, rule: Rule, summary: str, **more: Any) -> Route:
    """A form that may hold files: the handler reads it by uploads.received(), which checks its token first."""
    return _row("POST", pattern, handler, rule, summary, mode=STREAM, body=BodyKind.STREAM, **more)


def _row(method: str, pattern: str, handler: Any, rule: Rule, summary: str, **more: Any) -> Route:
    fields: dict[str, Any] = {"space": Space.ROOT, "error_html": environment.error, **more}
    return Route(method=method, pattern=pattern, handler=handler, rule=rule, summary=summary, **fields)


def _asset(call: Call) -> Any:
    return assets.get(call.ids["asset"])


def _designer(place: str, rule: Rule) -> tuple[Route, ...]:
    """Of a process that is to be, or of one that there is."""
    return (
        page(place, edit.show, rule, "Edit a process", mode=STREAM),
        form_async(place, edit.change, rule, "Change the draft"),
        page(f"{place}/changes", edit.changes, rule, "What publishing would change", mode=STREAM),
        form_async(f"{place}/publish", edit.publish, rule, "Publish the draft"),
    )


ROUTES: tuple[Route, ...] = (
    page("assets/{asset}", _asset, PUBLIC, "What pages load", mode=READ),
    page("", home.show, rules.READ_ANY, "What needs you"),
    page("runs", runs.listed, rules.READ_ANY, "Runs"),
    *_designer("processes/new", rules.DESIGN),
    *_designer("processes/{process}/edit", rules.EDIT_P),
    page("runs/{run}", runs.show, rules.READ_R, "A run"),
    page("processes/{process}/new", inputs.new, rules.EXECUTE_P, "A new run to fill in"),
    form_files("processes/{process}/new", inputs.create, rules.EXECUTE_P, "Create a run", limit=UserLimit.NEW_RUNS),
    form_files("runs/{run}/inputs", inputs.keep, rules.EXECUTE_R, "Keep the inputs of a run, or start it"),
    page("runs/{run}/inputs", inputs.back, rules.READ_R, "Back to a run", mode=READ),
    form_files("runs/{run}/files/{file}", inputs.upload, rules.WRITE_F, "Give an input its file"),
    page("runs/{run}/files/{file}/preview", preview.look, rules.READ_F, "Look at a file", mode=STREAM),
    form("runs/{run}/delete", inputs.delete, rules.EXECUTE_R, "Delete a run that was never started"),
)

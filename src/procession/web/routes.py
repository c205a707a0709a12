"""The pages and their parts, for the one dispatcher."""

from __future__ import annotations

from typing import Any

from procession.door import rules
from procession.door.contract import BodyKind, Call, Mode, Route, Space
from procession.door.limits import UserLimit
from procession.model.rights import PUBLIC, Rule
from procession.pages import assets, environment
from procession.web import (
    account,
    applications,
    approval_form,
    bulk,
    connections,
    downloads,
    edit,
    edit_acts,
    edit_fit,
    groups,
    home,
    inputs,
    live,
    log,
    people,
    person,
    preview,
    process,
    process_files,
    processes,
    publish,
    run,
    run_acts,
    run_csv,
    run_live,
    run_preview,
    runs,
    suggestions,
    table,
    table_changes,
    table_import,
    tables,
    try_step,
    upload_sessions,
)
from procession.web.session import guarded, guarded_async

NEW_RUNS = UserLimit.NEW_RUNS
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


def _chunked(place: str, commit: Any, rule: Rule) -> tuple[Route, ...]:
    """A large file, in chunks, to what the place names."""
    named = f"{place}/{{session}}"
    return (
        page(place, upload_sessions.state, rule, "What of an upload has arrived"),
        form(place, upload_sessions.begin, rule, "Begin an upload in chunks"),
        form_files(f"{named}/chunks/{{chunk}}", upload_sessions.chunk, rule, "Send a chunk"),
        form_async(f"{named}/commit", commit, rule, "Make the chunks one file"),
        form_async(f"{named}/end", upload_sessions.end, rule, "Cancel an upload"),
    )


def _asset(call: Call) -> Any:
    return assets.get(call.ids["asset"])


def _designer(place: str, rule: Rule) -> tuple[Route, ...]:
    """Of a process that is to be, or of one that there is."""
    return (
        page(place, edit.show, rule, "Edit a process", mode=STREAM),
        form_async(place, edit_acts.change, rule, "Change the draft"),
        page(f"{place}/changes", publish.changes, rule, "What publishing would change", mode=STREAM),
        form_async(f"{place}/publish", publish.publish, rule, "Publish the draft"),
    )


ROUTES: tuple[Route, ...] = (
    page("assets/{asset}", _asset, PUBLIC, "What pages load", mode=READ),
    page("", home.show, rules.READ_ANY, "What needs you"),
    page("home/live", live.follow_home, rules.READ_ANY, "What changes of it", mode=STREAM, limit=UserLimit.STREAMS),
    page("processes", processes.listed, rules.READ_ANY, "Processes"),
    page("processes/upload", process_files.form_of_new, rules.DESIGN, "Upload a process file"),
    form_async("processes/upload", process_files.create, rules.DESIGN, "Create a process", body=BodyKind.STREAM),
    page("processes/{process}", process.show, rules.READ_P, "A process"),
    page("processes/{process}/upload", process_files.form_of_version, rules.EDIT_P, "Upload a new version"),
    form_async(
        "processes/{process}/upload", process_files.publish, rules.EDIT_P, "Publish a version", body=BodyKind.STREAM
    ),
    page("runs", runs.listed, rules.READ_ANY, "Runs"),
    *_designer("processes/new", rules.DESIGN),
    *_designer("processes/{process}/edit", rules.EDIT_P),
    form_async("processes/{process}/edit/try", publish.try_out, rules.EDIT_P, "Try the draft", limit=NEW_RUNS),
    form_async("processes/{process}/edit/try-step", try_step.show, rules.EDIT_P, "Try one step of the draft"),
    form_async("processes/{process}/edit/fit", edit_fit.show, rules.EDIT_P, "Which rows of a sample fit"),
    page("runs/{run}", run.show, rules.READ_R, "A run"),
    page("runs/{run}/live", run_live.follow, rules.READ_R, "News of a run", mode=STREAM, limit=UserLimit.STREAMS),
    page("runs/{run}/results.zip", downloads.zipped, rules.READ_R, "The results of a run", limit=UserLimit.STREAMS),
    page("runs/{run}/steps/{step}/log", downloads.log, rules.READ_R, "The whole log of a step"),
    page("runs/{run}/steps/{step}/plan", run_acts.plan, rules.EXECUTE_R, "What a restart would do"),
    form("runs/{run}/steps/{step}/restart", run_acts.restart, rules.EXECUTE_R, "Restart from a step"),
    page("runs/{run}/steps/{step}/suggestions", suggestions.show, rules.READ_R, "What a step suggests", mode=STREAM),
    form_async("runs/{run}/steps/{step}/suggestions", suggestions.decide, rules.READ_R, "Decide about suggestions"),
    form_async(
        "runs/{run}/steps/{step}/approval", approval_form.decide, rules.DECIDE_R, "Approve or reject what a step asks"
    ),
    form("runs/{run}/start", run_acts.start, rules.EXECUTE_R, "Start a run"),
    form("runs/{run}/cancel", run_acts.cancel, rules.EXECUTE_R, "Cancel a run"),
    form("runs/{run}/copy", run_acts.copy, rules.EXECUTE_R, "Copy inputs to a new run", limit=UserLimit.NEW_RUNS),
    page("runs/{run}/files/{file}/rows", run_preview.show, rules.READ_F, "The first rows of a file", mode=STREAM),
    page("files/{file}/download", downloads.file, rules.READ_F, "A file"),
    page("processes/{process}/new", inputs.new, rules.EXECUTE_P, "A new run to fill in"),
    form_files("processes/{process}/new", inputs.create, rules.EXECUTE_P, "Create a run", limit=UserLimit.NEW_RUNS),
    form_files("runs/{run}/inputs", inputs.keep, rules.EXECUTE_R, "Keep the inputs of a run, or start it"),
    page("runs/{run}/inputs", inputs.back, rules.READ_R, "Back to a run", mode=READ),
    form_files("runs/{run}/files/{file}", inputs.upload, rules.WRITE_F, "Give an input its file"),
    page("runs/{run}/files/{file}/preview", preview.look, rules.READ_F, "Look at a file", mode=STREAM),
    *_chunked("runs/{run}/files/{file}/uploads", upload_sessions.commit, rules.WRITE_F),
    form("runs/{run}/delete", inputs.delete, rules.EXECUTE_R, "Delete a run that was never started"),
    page("runs.csv", run_csv.as_csv, rules.READ_ANY, "Runs as CSV"),
    page("runs/live", live.follow_runs, rules.READ_ANY, "What changes of them", mode=STREAM, limit=UserLimit.STREAMS),
    form_async("runs/bulk", bulk.ask, rules.EXECUTE_ANY, "What would happen to many runs"),
    form_async("runs/bulk/do", bulk.perform, rules.EXECUTE_ANY, "Restart or cancel many runs"),
    form("runs/{run}/seen", runs.see, rules.EXECUTE_R, "Mark a run's end as seen"),
    page("account", account.show, rules.LIST_USERS, "Your account"),
    form_async("account", account.change, rules.ONESELF, "Change your account"),
    form_async("account/password", account.set_password, rules.ONESELF, "Change your password"),
    form("account/theme", account.set_theme, rules.LIST_USERS, "Choose an appearance"),
    form("account/sessions", account.end_session, rules.ONESELF, "End a session"),
    form("account/applications", account.revoke, rules.ONESELF, "Revoke an application's access"),
    page("people", people.show, rules.READ_PERMISSIONS, "People"),
    form_async("people/roles", people.give, rules.PERMIT_ANY, "Give a role, or take it away"),
    page("people/new", person.new, rules.NEW_U, "New person"),
    form_async("people/new", person.create, rules.NEW_U, "Add a person"),
    page("people/{user}", person.show, rules.OWN_U, "A person"),
    form_async("people/{user}", person.change, rules.OWN_U, "Change a person"),
    form_async("people/{user}/link", person.send_link, rules.OWN_U, "Send a link to set a password"),
    form_async("people/{user}/join", person.join, rules.OWN_U, "Add a person to a group"),
    form_async("people/{user}/leave", person.leave, rules.OWN_U, "Remove a person from a group"),
    page("groups/new", groups.new, rules.NEW_G, "New group"),
    form_async("groups/new", groups.create, rules.NEW_G, "Make a group"),
    page("groups/{group}", groups.show, rules.READ_G, "A group"),
    form_async("groups/{group}", groups.change, rules.OWN_G, "Change a group"),
    form_async("groups/{group}/add", groups.add, rules.OWN_G, "Add a person to a group"),
    form_async("groups/{group}/remove", groups.remove, rules.OWN_G, "Remove a person from a group"),
    form("groups/{group}/delete", groups.delete, rules.OWN_G, "Delete a group"),
    page("applications", applications.listed, rules.LIST_C, "Applications"),
    page("applications/new", applications.new, rules.NEW_C, "New application"),
    form_async("applications/new", applications.create, rules.NEW_C, "Register an application"),
    page("applications/{application}", applications.show, rules.READ_C, "An application"),
    form_async("applications/{application}", applications.change, rules.OWN_C, "Change an application"),
    form_async("applications/{application}/secret", applications.reset_secret, rules.OWN_C, "Reset a secret"),
    form("applications/{application}/delete", applications.delete, rules.OWN_C, "Delete an application"),
    page("connections", connections.listed, rules.READ_ANY, "Connections"),
    page("connections/new", connections.new, rules.OWN_CONNECTIONS, "New connection"),
    form_async("connections/new", connections.create, rules.OWN_CONNECTIONS, "Make a connection"),
    page("connections/{connection}", connections.show, rules.OWN_CONNECTIONS, "A connection"),
    form_async("connections/{connection}", connections.change, rules.OWN_CONNECTIONS, "Change a connection"),
    form_async("connections/{connection}/allow", connections.allow, rules.OWN_CONNECTIONS, "Let somebody use it"),
    form_async("connections/{connection}/disallow", connections.disallow, rules.OWN_CONNECTIONS, "Take that away"),
    form_async("connections/{connection}/test", connections.test, rules.OWN_CONNECTIONS, "Try a connection"),
    form_async("connections/{connection}/remove", connections.remove, rules.OWN_CONNECTIONS, "Remove a connection"),
    page("tables", tables.listed, rules.READ_TABLES, "Tables"),
    page("tables/new", tables.new, rules.NEW_T, "New table"),
    form_async("tables/new", tables.create, rules.NEW_T, "Make a table"),
    page("tables/{table}", table.show, rules.READ_T, "A table", mode=STREAM),
    form_async("tables/{table}", table_changes.change, rules.EDIT_T, "Change a table"),
    page("tables/{table}/export", table.download, rules.READ_T, "A table as a file", mode=STREAM),
    form_async("tables/{table}/columns", table_changes.add_column, rules.EDIT_T, "Add a column"),
    page("tables/{table}/import", table_import.preview, rules.EDIT_T, "Look at what an import would do", mode=STREAM),
    form_async("tables/{table}/upload", table_import.upload, rules.EDIT_T, "Send rows", body=BodyKind.STREAM),
    *_chunked("tables/{table}/uploads", upload_sessions.commit_rows, rules.EDIT_T),
    form_async("tables/{table}/import", table_import.confirm, rules.EDIT_T, "Import rows"),
    form("tables/{table}/delete", tables.delete, rules.OWN_T, "Delete a table"),
    page("log", log.show, rules.READ_LOG, "Log"),
    page("log.csv", log.download, rules.READ_LOG, "The log as CSV", mode=STREAM),
    page("api", applications.reference, rules.READ_ANY, "API reference"),
)

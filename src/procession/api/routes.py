"""Every route of the API on one page, with its scope and the least role; nothing is reachable that has no row here."""

# ruff: noqa: E501  (a route is one row: a page to be read down its columns)
from __future__ import annotations

from typing import Any, TypedDict, Unpack

from procession.api.nouns import (
    applications,
    approvals,
    columns,
    drafts,
    events,
    files,
    groups,
    log_items,
    permissions,
    processes,
    runs,
    server,
    step_logs,
    steps,
    table_rows,
    tables,
    upload_sessions,
    users,
)
from procession.api.wire.applications import ApplicationChange, ApplicationShape, NewApplication
from procession.api.wire.approvals import ApprovalShape, NewDecision
from procession.api.wire.files import FileName, FileShape
from procession.api.wire.groups import GroupChange, NewGroup, NewMember, UserGroup
from procession.api.wire.histories import History
from procession.api.wire.items import Named
from procession.api.wire.log_items import LogItemShape
from procession.api.wire.permissions import NewPermission, PermissionChange, PermissionShape
from procession.api.wire.previews import FilePreview
from procession.api.wire.processes import AppliedProcess, DraftShape, ProcessShape, Version
from procession.api.wire.properties import PropertyChange, PropertyShape
from procession.api.wire.restarts import Restart, RestartPlanShape
from procession.api.wire.runs import ListedRun, NewProcessRun, ProcessRun, Reason, RunCount, RunRequest, RunStatusShape
from procession.api.wire.server import Health
from procession.api.wire.steps import AnyStep, DataStep, StepRunStatus
from procession.api.wire.tables import (
    ColumnChangeShape,
    ColumnShape,
    NewRows,
    Row,
    RowsWrittenShape,
    TableChange,
    TableShape,
    TableVersionShape,
)
from procession.api.wire.uploads import ChunkKept, UploadStarted
from procession.api.wire.users import ListedUser, NewUser, UserChange, UserShape
from procession.door import rules
from procession.door.contract import BodyKind, Handler, Mode, Route, Space, StreamHandler
from procession.door.limits import UserLimit
from procession.model.rights import PUBLIC, Rule

JSON = "application/json"
PAGE = ("limit", "cursor")
CREATED = ("dateCreatedStart", "dateCreatedEnd")
RUN_FILTERS = (
    "process",
    "name",
    "text",
    "status",
    "outcome",
    "createdAfter",
    "createdBefore",
    "startedBy",
    "needsPerson",
)

STREAMS, NEW_RUNS = UserLimit.STREAMS, UserLimit.NEW_RUNS
READ, LIST, WRITE, STREAM = Mode.READ, Mode.LISTING, Mode.WRITE, Mode.STREAM


class More(TypedDict, total=False):
    """What a row may say besides, as in Route."""

    body: BodyKind
    reply: Any
    takes: type
    media: tuple[str, ...]
    query: tuple[str, ...]
    is_ranged: bool
    is_conditional: bool
    limit: UserLimit


def row(
    request: str, handler: Handler | StreamHandler, mode: Mode, rule: Rule, summary: str, **more: Unpack[More]
) -> Route:
    method, pattern = request.split(" ")
    more.setdefault("body", BodyKind.JSON if mode is WRITE else BodyKind.NONE)
    return Route(
        method=method,
        pattern=pattern.strip("/"),
        handler=handler,
        mode=mode,
        rule=rule,
        summary=summary,
        space=Space.ROOT if pattern.startswith("/") else Space.API,
        **more,
    )


# fmt: off
ROUTES: tuple[Route, ...] = (
    row("GET processes", processes.listed, LIST, rules.READ_ANY, "List processes", reply=list[Named], query=("name", *CREATED)),
    row("POST processes", processes.create, STREAM, rules.DESIGN, "Create a process from a process file", body=BodyKind.TEXT, reply=AppliedProcess),
    row("GET processes/{process}", processes.get, READ, rules.READ_P, "Get a process", reply=ProcessShape),
    row("PUT processes/{process}/definition", processes.publish, STREAM, rules.EDIT_P, "Publish the next version", body=BodyKind.TEXT, reply=AppliedProcess),
    row("GET processes/{process}/definition", processes.definition, READ, rules.READ_P, "Read the process file", media=("application/yaml", JSON), query=("version",), is_ranged=True),
    row("GET processes/{process}/draft", drafts.get, READ, rules.EDIT_P, "Read your draft of a process", reply=DraftShape),
    row("PUT processes/{process}/draft", drafts.keep, STREAM, rules.EDIT_P, "Keep a draft of a process", body=BodyKind.TEXT, reply=DraftShape),
    row("DELETE processes/{process}/draft", drafts.drop, WRITE, rules.EDIT_P, "Throw your draft of a process away"),
    row("GET processes/{process}/versions", processes.versions, LIST, rules.READ_P, "List versions", reply=list[Version]),
    row("GET processes/{process}/steps", processes.steps, LIST, rules.READ_P, "List data steps, or all", reply=list[DataStep] | list[AnyStep], query=("include",)),
    row("POST processes/{process}/processruns", runs.create, WRITE, rules.EXECUTE_P, "Create a process run", reply=ProcessRun, takes=NewProcessRun, limit=NEW_RUNS),
    row("GET processes/{process}/processruns", runs.of_process, LIST, rules.READ_P, "List runs of a process", reply=list[Named], query=CREATED),
    row("GET processruns", runs.listed, LIST, rules.READ_ANY, "List runs, newest first", reply=list[ListedRun], query=(*RUN_FILTERS, *PAGE)),
    row("GET processruns/counts", runs.counts, LIST, rules.READ_ANY, "Count runs by status", reply=list[RunCount], query=RUN_FILTERS),
    row("GET processruns/{run}", runs.get, READ, rules.READ_R, "Get a process run", reply=ProcessRun),
    row("POST processruns/{run}/start", runs.start, WRITE, rules.EXECUTE_R, "Start a process run", reply=RunStatusShape, takes=Reason),
    row("POST processruns/{run}/cancel", runs.cancel, WRITE, rules.EXECUTE_R, "Cancel a process run", reply=RunStatusShape, takes=Reason),
    row("DELETE processruns/{run}", runs.delete, WRITE, rules.EXECUTE_R, "Delete a process run that was never started"),
    row("POST processruns/{run}/seen", runs.see, WRITE, rules.EXECUTE_R, "Mark a run's end as seen", reply=RunStatusShape, body=BodyKind.NONE),
    row("POST requests", runs.request, WRITE, rules.EXECUTE_ANY, "Start or cancel a run (deprecated)", reply=RunStatusShape, takes=RunRequest),
    row("GET processruns/{run}/runstatus", runs.status, READ, rules.READ_R, "Get a run's status", reply=RunStatusShape, query=("since", "wait"), limit=STREAMS),
    row("GET processruns/{run}/history", runs.history, LIST, rules.READ_R, "Read a run's history", reply=History),
    row("GET processruns/{run}/results", runs.results, LIST, rules.READ_R, "Download all results of a run as a zip", media=("application/zip",), query=("attempt",), limit=STREAMS),
    row("GET processruns/{run}/events", events.follow, STREAM, rules.READ_R, "Follow a run's events", media=("text/event-stream",), query=("since",), limit=STREAMS),
    row("GET processruns/{run}/steps", steps.of_run, LIST, rules.READ_R, "List data steps, or all", reply=list[DataStep] | list[AnyStep], query=("include",)),
    row("GET processruns/{run}/steps/{step}/runstatus", steps.status, READ, rules.READ_R, "Get a step's status", reply=StepRunStatus),
    row("POST processruns/{run}/steps/{step}/restartfromhere", steps.restart, WRITE, rules.EXECUTE_R, "Restart from a step", reply=StepRunStatus, takes=Restart),
    row("GET processruns/{run}/steps/{step}/restartplan", steps.restart_plan, LIST, rules.READ_R, "What a restart would do", reply=RestartPlanShape),
    row("GET processruns/{run}/steps/{step}/log", step_logs.log, STREAM, rules.READ_R, "Read a step's log", media=("text/plain",), query=("follow", "attempt"), is_ranged=True, limit=STREAMS),
    row("GET processruns/{run}/steps/{step}/approval", approvals.get, LIST, rules.READ_R, "What a step asks people to decide", reply=ApprovalShape),
    row("POST processruns/{run}/steps/{step}/approval", approvals.decide, WRITE, rules.DECIDE_R, "Approve or reject what a step asks", reply=ApprovalShape, takes=NewDecision),
    row("GET steps/{step}", steps.get, READ, rules.READ_S, "Get a data step", reply=DataStep),
    row("GET steps/{step}/properties", steps.properties, READ, rules.READ_S, "List properties", reply=list[PropertyShape]),
    row("GET steps/{step}/properties/{property}", steps.property, READ, rules.READ_S, "Get a property", reply=PropertyShape),
    row("POST steps/{step}/properties/{property}", steps.change, STREAM, rules.EXECUTE_S, "Change a property", body=BodyKind.JSON, reply=PropertyShape, takes=PropertyChange),
    row("GET files/{file}/metadata", files.metadata, READ, rules.READ_F, "Get a file's metadata", reply=FileShape),
    row("POST files/{file}/metadata", files.rename, WRITE, rules.WRITE_F, "Rename a file", reply=FileShape, takes=FileName, is_conditional=True),
    row("POST files/{file}", files.upload, STREAM, rules.WRITE_F, "Upload a file", body=BodyKind.STREAM, reply=FileShape, is_conditional=True),
    row("DELETE files/{file}", files.empty, WRITE, rules.WRITE_F, "Empty a file", is_conditional=True),
    row("GET files/{file}/preview", files.preview, STREAM, rules.READ_F, "See a file as its steps will read it", reply=FilePreview),
    row("POST files/{file}/uploadsessions", upload_sessions.begin, WRITE, rules.WRITE_F, "Begin an upload in chunks", reply=UploadStarted, body=BodyKind.NONE, is_conditional=True),
    row("POST files/{file}/uploadsessions/{session}/chunks/{chunk}", upload_sessions.chunk, STREAM, rules.WRITE_F, "Upload a chunk, numbered from 1", body=BodyKind.STREAM, reply=ChunkKept, is_conditional=True),
    row("POST files/{file}/uploadsessions/{session}/commit", upload_sessions.commit, STREAM, rules.WRITE_F, "Make the chunks the file", reply=FileShape, is_conditional=True),
    row("GET files/{file}", files.download, READ, rules.READ_F, "Download a file", media=("application/octet-stream",), query=("attempt",), is_ranged=True),
    row("GET tables", tables.listed, LIST, rules.READ_TABLES, "List tables", reply=list[Named], query=("name",)),
    row("POST tables", tables.create, WRITE, rules.NEW_T, "Create a table", reply=TableShape, takes=TableChange),
    row("GET tables/{table}", tables.get, READ, rules.READ_T, "Get a table", reply=TableShape),
    row("POST tables/{table}", tables.update, WRITE, rules.EDIT_T, "Update a table", reply=TableShape, takes=TableChange),
    row("DELETE tables/{table}", tables.delete, WRITE, rules.OWN_T, "Delete a table"),
    row("GET tables/{table}/versions", tables.versions, LIST, rules.READ_T, "List versions of a table", reply=list[TableVersionShape]),
    row("GET tables/{table}/columns", tables.columns, READ, rules.READ_T, "List columns", reply=list[ColumnShape], query=("version",)),
    row("POST tables/{table}/columns", columns.create, STREAM, rules.EDIT_T, "Create a column", body=BodyKind.JSON, reply=ColumnShape, takes=ColumnChangeShape),
    row("POST tables/{table}/columns/{column}", columns.change, STREAM, rules.EDIT_T, "Update a column", body=BodyKind.JSON, reply=ColumnShape, takes=ColumnChangeShape),
    row("DELETE tables/{table}/columns/{column}", columns.drop, STREAM, rules.EDIT_T, "Delete a column"),
    row("GET tables/{table}/rows", table_rows.read, STREAM, rules.READ_T, "Read rows", reply=list[Row], media=("text/csv", "application/vnd.apache.parquet"), query=("version", *PAGE, "escape")),
    row("POST tables/{table}/rows", table_rows.write, STREAM, rules.EDIT_T, "Append, replace or upsert rows", body=BodyKind.ROWS, reply=RowsWrittenShape, takes=NewRows, query=("mode", "key", "trim")),
    row("GET users", users.listed, LIST, rules.LIST_USERS, "List users: everybody, or oneself", reply=list[ListedUser]),
    row("POST users", users.create, STREAM, rules.NEW_U, "Create a user", body=BodyKind.JSON, reply=UserShape, takes=NewUser),
    row("GET users/{user}", users.get, READ, rules.READ_U, "Get a user", reply=UserShape),
    row("POST users/{user}", users.change, STREAM, rules.OWN_U, "Update a user", body=BodyKind.JSON, reply=UserShape, takes=UserChange),
    row("POST users/{user}/passwordlink", users.link, WRITE, rules.OWN_U, "Send a user a link to set a password", reply=UserShape, body=BodyKind.NONE),
    row("GET users/{user}/usergroups", users.groups, READ, rules.READ_U, "List the groups of a user", reply=list[Named]),
    row("GET users/{user}/permissions", permissions.listed, LIST, rules.READ_PERMISSIONS, "List the permissions of a user", reply=list[PermissionShape]),
    row("POST users/{user}/permissions", permissions.create, WRITE, rules.PERMIT_ANY, "Give a user a role on a resource", reply=PermissionShape, takes=NewPermission),
    row("POST users/{user}/permissions/{resource}", permissions.change, WRITE, rules.OWN_RESOURCE, "Set a user's role on a resource", reply=PermissionShape, takes=PermissionChange),
    row("DELETE users/{user}/permissions/{resource}", permissions.revoke, WRITE, rules.OWN_RESOURCE, "Take a user's role on a resource away"),
    row("GET usergroups", groups.listed, LIST, rules.LIST_GROUPS, "List user groups", reply=list[Named]),
    row("POST usergroups", groups.create, WRITE, rules.NEW_G, "Create a user group", reply=UserGroup, takes=NewGroup),
    row("GET usergroups/{group}", groups.get, READ, rules.READ_G, "Get a user group", reply=UserGroup),
    row("POST usergroups/{group}", groups.change, WRITE, rules.OWN_G, "Update a user group", reply=UserGroup, takes=GroupChange),
    row("DELETE usergroups/{group}", groups.delete, WRITE, rules.OWN_G, "Delete a user group"),
    row("GET usergroups/{group}/users", groups.members, LIST, rules.READ_G, "List the users of a group", reply=list[ListedUser]),
    row("POST usergroups/{group}/users", groups.add, WRITE, rules.OWN_G, "Add a user to a group", reply=ListedUser, takes=NewMember),
    row("POST usergroups/{group}/users/{user}", groups.add, WRITE, rules.OWN_G, "Add the user of the path to a group", reply=ListedUser),
    row("DELETE usergroups/{group}/users/{user}", groups.remove, WRITE, rules.OWN_G, "Remove a user from a group"),
    row("GET usergroups/{group}/permissions", permissions.listed, LIST, rules.READ_PERMISSIONS, "List the permissions of a group", reply=list[PermissionShape]),
    row("POST usergroups/{group}/permissions", permissions.create, WRITE, rules.PERMIT_ANY, "Give a group a role on a resource", reply=PermissionShape, takes=NewPermission),
    row("POST usergroups/{group}/permissions/{resource}", permissions.change, WRITE, rules.OWN_RESOURCE, "Set a group's role on a resource", reply=PermissionShape, takes=PermissionChange),
    row("DELETE usergroups/{group}/permissions/{resource}", permissions.revoke, WRITE, rules.OWN_RESOURCE, "Take a group's role on a resource away"),
    row("GET logs", log_items.listed, LIST, rules.READ_LOG, "Read the log, newest first", reply=list[LogItemShape], query=("startDate", "endDate", *PAGE)),
    row("GET applications", applications.listed, LIST, rules.LIST_C, "List applications", reply=list[ApplicationShape]),
    row("POST applications", applications.create, WRITE, rules.NEW_C, "Register an application", reply=ApplicationShape, takes=NewApplication),
    row("GET applications/{application}", applications.get, READ, rules.READ_C, "Get an application", reply=ApplicationShape),
    row("POST applications/{application}", applications.change, WRITE, rules.OWN_C, "Update an application", reply=ApplicationShape, takes=ApplicationChange),
    row("POST applications/{application}/secret", applications.reset_secret, WRITE, rules.OWN_C, "Reset the secret of an application", reply=ApplicationShape, body=BodyKind.NONE),
    row("DELETE applications/{application}", applications.delete, WRITE, rules.OWN_C, "Delete an application, with its tokens"),
    row("GET /health", server.health, READ, PUBLIC, "Is the server well?", reply=Health),
    row("GET /openapi.json", server.openapi, LIST, PUBLIC, "This document", media=(JSON,), is_ranged=True),
    row("GET openapi.json", server.openapi, LIST, PUBLIC, "This document", media=(JSON,), is_ranged=True),
)
# fmt: on

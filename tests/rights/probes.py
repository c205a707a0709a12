"""How each route is asked: what is sent, what comes back when it is allowed, and what its operation demands besides.

What changes something is asked twice: with a body that is refused once permission was given, and with a good one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from procession.model.people import UTC_NAME
from tests.api.house import PROCESS
from tests.rights.oracle import Demand

BOUNDARY = "matrix"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
FORM = "application/x-www-form-urlencoded"
UPLOAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nx\r\n--{BOUNDARY}--\r\n'
).encode()
NEW_PROCESS = PROCESS.replace("Month end", "Year end").encode()
NEW_USER = {"email": "new@example.com", "firstName": "A", "lastName": "B", "userRole": "Subscriber"}
NEW_USER["timezone"] = UTC_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """`ids` says which thing of the world stands at a place of the path, or in the body, where it is not the usual one.

    `status` is the answer when it is allowed. `demands` come after the route's own; `of_holder`: the caller must see
    the permissions of the user that the path names. `shows` are things that a list has for those who may see them, and
    `shows_owned` for those who own them. `is_slow` needs the limited child, and is asked by a few.
    """

    status: int = 200
    ids: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    body: bytes = b""
    content_type: str = "application/json"
    demands: tuple[Demand, ...] = ()
    of_holder: bool = False
    shows: tuple[str, ...] = ()
    shows_owned: tuple[str, ...] = ()
    is_slow: bool = False


def probe(status: int = 200, body: Any = None, **more: Any) -> Probe:
    """Words that are no fields of a Probe name ids: step="template_step"."""
    fields = {name: more.pop(name) for name in list(more) if name in Probe.__dataclass_fields__}
    ids = {name: said.replace("_", " ") for name, said in more.items()}
    if isinstance(body, str):
        body = body.encode()
    elif body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return Probe(status=status, ids=ids, body=body or b"", **fields)


def upload(status: int = 200, **more: Any) -> Probe:
    return probe(status, UPLOAD, content_type=MULTIPART, **more)


# What the template of later runs takes, and what is more than the value of an INPUT.
TEMPLATE = (Demand(role="editor", of="file"),)
DESIGNS = (Demand(scope="process", role="editor", of="step"),)
EXECUTES = (Demand(scope="process_execute", role="executor", of="run"),)
OWNS = (Demand(role="owner", of="resource"),)
ABOVE = (Demand(user_role="SVXAdmin"),)

OF_RUN = (probe(), probe(run="new_run"), probe(run="no_run"))
OF_STEP_OF_RUN = (
    probe(step="action_step"),
    probe(step="data_step"),
    probe(run="no_run", step="action_step"),
)
OF_PROCESS = (probe(), probe(process="no_process"))
OF_STEP = (probe(), probe(step="template_step", property="template_property"), probe(step="no_step"))
OF_TABLE = (probe(), probe(table="no_table"))
OF_USER = (probe(), probe(user="me"), probe(user="no_user"))
OF_GROUP = (probe(), probe(group="no_group"))
OF_APPLICATION = (probe(), probe(application="own"), probe(application="no_application"))

OF_CLIENT = "client_id={client}&client_secret={secret}&token=x"  # the proof that these routes ask for
ROLE_GIVEN = {"role": "reader"}
GRANTS_OF_BODY = (
    probe(400),
    probe(body={"resourceId": "{resource}", **ROLE_GIVEN}, demands=OWNS),
    probe(body={"resourceId": "{resource}", **ROLE_GIVEN}, resource="table", demands=OWNS),
    probe(400, body={"resourceId": "{resource}"}, demands=OWNS),
    probe(body={"resourceId": "{resource}"}, resource="no_resource", demands=OWNS),
    probe(body={"resourceId": "{resource}"}, resource="no_table", demands=OWNS),
)
GRANTS_OF_PATH = (
    probe(400),
    probe(body=ROLE_GIVEN),
    probe(body=ROLE_GIVEN, resource="table"),
    probe(resource="no_resource"),
)
REVOKED = (probe(), probe(resource="table"), probe(resource="no_resource"))

# A route that is not here is asked once, without a body, and answers 200.
PROBES: Mapping[str, tuple[Probe, ...]] = {
    "GET processes": (probe(shows=("process",)),),
    "GET processruns": (probe(shows=("run", "new run")), probe(query="process=p-1", shows=("run",))),
    "GET tables": (probe(shows=("table",)),),
    "GET users": (probe(shows=("user", "above", "me")),),
    "GET usergroups": (probe(shows=("group",)),),
    "GET applications": (probe(shows=("application", "own")),),
    "POST processes": (probe(400), probe(body=NEW_PROCESS)),
    "GET processes/{process}": OF_PROCESS,
    "PUT processes/{process}/definition": (probe(400), probe(body=PROCESS), probe(process="no_process")),
    "GET processes/{process}/definition": OF_PROCESS,
    "GET processes/{process}/draft": OF_PROCESS,
    "PUT processes/{process}/draft": (probe(body=PROCESS), probe(process="no_process")),
    "DELETE processes/{process}/draft": OF_PROCESS,
    "GET processes/{process}/versions": OF_PROCESS,
    "GET processes/{process}/steps": (*OF_PROCESS, probe(query="include=all")),
    "POST processes/{process}/processruns": (probe(400, {"inputs": 5}), probe(), probe(process="no_process")),
    "GET processes/{process}/processruns": OF_PROCESS,
    "GET processruns/{run}": OF_RUN,
    "POST processruns/{run}/start": (
        probe(400, {"reason": 5}, run="new_run"),
        probe(run="new_run"),
        probe(run="no_run"),
    ),
    "POST processruns/{run}/cancel": (
        probe(400, {"reason": 5}, run="new_run"),
        probe(run="new_run"),
        probe(run="no_run"),
    ),
    "DELETE processruns/{run}": (probe(400), probe(run="new_run"), probe(run="no_run")),
    "POST processruns/{run}/seen": (probe(400, run="new_run"), probe(), probe(run="no_run")),
    "POST requests": (
        probe(400),
        probe(body={"request": "ProcessRun_StartRq", "processRunId": "{run}"}, run="new_run", demands=EXECUTES),
        probe(body={"request": "ProcessRun_CancelRq", "processRunId": "{run}"}, run="new_run", demands=EXECUTES),
        probe(body={"request": "ProcessRun_CancelRq", "processRunId": "{run}"}, run="no_run", demands=EXECUTES),
    ),
    "GET processruns/{run}/runstatus": (*OF_RUN, probe(query="since=0&wait=0")),
    "GET processruns/{run}/history": OF_RUN,
    "GET processruns/{run}/results": (probe(400), probe(run="no_run")),
    "GET processruns/{run}/events": (probe(), probe(run="no_run")),
    "GET processruns/{run}/steps": (*OF_RUN, probe(query="include=all")),
    "GET processruns/{run}/steps/{step}/runstatus": OF_STEP_OF_RUN,
    "POST processruns/{run}/steps/{step}/restartfromhere": (
        probe(400, {"release": 5}, step="action_step"),
        probe(step="action_step"),
        probe(run="no_run", step="action_step"),
    ),
    "GET processruns/{run}/steps/{step}/restartplan": OF_STEP_OF_RUN,
    "GET processruns/{run}/steps/{step}/log": (*OF_STEP_OF_RUN, probe(step="action_step", query="follow")),
    # Of a step that has asked nobody; who may decide is in tests/api/test_approvals.
    "GET processruns/{run}/steps/{step}/approval": (
        probe(404, step="action_step"),
        probe(404, run="no_run", step="action_step"),
    ),
    "POST processruns/{run}/steps/{step}/approval": (
        probe(400, {"decision": "maybe"}, step="action_step"),
        probe(400, run="no_run", step="action_step"),
    ),
    "GET steps/{step}": (*OF_STEP, probe(400, step="action_step"), probe(step="no_action_step")),
    "GET steps/{step}/properties": OF_STEP,
    "GET steps/{step}/properties/{property}": OF_STEP,
    "POST steps/{step}/properties/{property}": (
        probe(),
        probe(400, {"value": "x"}),
        probe(body={"value": 11}),
        probe(body={"name": "Sum"}, demands=DESIGNS),
        probe(body={"value": 11}, step="template_step", property="template_property", demands=DESIGNS, is_slow=True),
        probe(step="no_step"),
    ),
    "GET files/{file}/metadata": (probe(), probe(file="template_file"), probe(file="no_file")),
    "POST files/{file}/metadata": (
        probe(400),
        probe(body={"name": "b.csv"}),
        probe(body={"name": "b.csv"}, file="template_file", demands=TEMPLATE),
        probe(body={"name": "b.csv"}, file="no_file"),
    ),
    "POST files/{file}": (
        upload(),
        upload(400, file="output_file"),
        upload(file="template_file", demands=TEMPLATE),
        upload(file="no_file"),
    ),
    "DELETE files/{file}": (
        probe(),
        probe(400, file="output_file"),
        probe(file="template_file", demands=TEMPLATE),
        probe(file="no_file"),
    ),
    "GET files/{file}/preview": (probe(), probe(file="template_file"), probe(file="no_file")),
    "POST files/{file}/uploadsessions": (
        probe(),
        probe(400, file="output_file"),
        probe(file="template_file", demands=TEMPLATE),
        probe(file="no_file"),
    ),
    "POST files/{file}/uploadsessions/{session}/chunks/{chunk}": (
        upload(),
        upload(file="template_file", session="template_session", demands=TEMPLATE),
        upload(file="no_file"),
    ),
    "POST files/{file}/uploadsessions/{session}/commit": (
        probe(),
        probe(file="template_file", session="template_session", demands=TEMPLATE),
        probe(file="no_file"),
    ),
    "GET files/{file}": (probe(), probe(file="template_file"), probe(file="no_file")),
    "POST tables": (probe(400), probe(body={"name": "Journal"})),
    "GET tables/{table}": OF_TABLE,
    "POST tables/{table}": (probe(400, {"name": 5}), probe(), probe(body={"name": "Book"}), probe(table="no_table")),
    "DELETE tables/{table}": OF_TABLE,
    "GET tables/{table}/versions": OF_TABLE,
    "GET tables/{table}/columns": OF_TABLE,
    "POST tables/{table}/columns": (
        probe(400, {"name": 5}),
        probe(body={"name": "Country", "dataType": "Money"}),
        probe(table="no_table"),
    ),
    "POST tables/{table}/columns/{column}": (
        probe(400, {"name": 5}),
        probe(body={"name": "Sum"}),
        probe(table="no_table"),
    ),
    "DELETE tables/{table}/columns/{column}": OF_TABLE,
    "GET tables/{table}/rows": (probe(400, query="version=0"), probe(is_slow=True), probe(table="no_table")),
    "POST tables/{table}/rows": (
        probe(400, query="mode=backwards"),
        probe(body={"rows": [{"Amount": 2}]}, is_slow=True),
        probe(table="no_table"),
    ),
    "POST users": (
        probe(400),
        probe(body=NEW_USER),
        probe(body={**NEW_USER, "userRole": "ClientAdmin"}),
        probe(body={**NEW_USER, "userRole": "SVXAdmin"}, demands=ABOVE),
    ),
    "GET users/{user}": OF_USER,
    "POST users/{user}": (
        *OF_USER,
        probe(400, {"city": 5}),
        probe(400, {"city": 5}, user="me"),
        probe(body={"city": "Sydney"}),
        probe(body={"city": "Sydney"}, user="me"),
        probe(body={"city": "Sydney"}, user="above", demands=ABOVE),
        probe(body={"userRole": "SVXAdmin"}, demands=ABOVE),
    ),
    "POST users/{user}/passwordlink": (*OF_USER, probe(user="above", demands=ABOVE)),
    "GET users/{user}/usergroups": OF_USER,
    "GET users/{user}/permissions": (
        probe(of_holder=True, shows_owned=("process", "table")),
        probe(user="me", of_holder=True),
        probe(user="unrelated", of_holder=True),
        probe(user="no_user", of_holder=True),
    ),
    "POST users/{user}/permissions": GRANTS_OF_BODY,
    "POST users/{user}/permissions/{resource}": GRANTS_OF_PATH,
    "DELETE users/{user}/permissions/{resource}": REVOKED,
    "POST usergroups": (probe(400), probe(body={"name": "Auditors"})),
    "GET usergroups/{group}": OF_GROUP,
    "POST usergroups/{group}": (
        probe(),
        probe(400, {"name": 5}),
        probe(body={"name": "Auditors"}),
        probe(group="no_group"),
    ),
    "DELETE usergroups/{group}": OF_GROUP,
    "GET usergroups/{group}/users": OF_GROUP,
    "POST usergroups/{group}/users": (probe(400), probe(body={"id": "{user}"}), probe(group="no_group")),
    "POST usergroups/{group}/users/{user}": OF_GROUP,
    "DELETE usergroups/{group}/users/{user}": OF_GROUP,
    "GET usergroups/{group}/permissions": (
        probe(shows_owned=("process", "table")),
        probe(group="no_group", demands=(Demand(role="reader", of="group"),)),
    ),
    "POST usergroups/{group}/permissions": GRANTS_OF_BODY,
    "POST usergroups/{group}/permissions/{resource}": GRANTS_OF_PATH,
    "DELETE usergroups/{group}/permissions/{resource}": REVOKED,
    "GET logs": (probe(query="limit=10000", shows=("log", "own log")),),
    "POST applications": (
        probe(400),
        probe(body={"name": "Nightly"}, demands=(Demand(scope="process_read"),)),  # what one without scopes has
        probe(body={"name": "Nightly", "scopes": ["application"]}),
        probe(body={"name": "Nightly", "scopes": ["log_read"]}, demands=(Demand(scope="log_read"),)),
    ),
    "GET applications/{application}": OF_APPLICATION,
    "POST applications/{application}": (
        *OF_APPLICATION,
        probe(400, {"name": 5}),
        probe(body={"scopes": ["file"]}, application="own", demands=(Demand(scope="file"),)),
        probe(application="above's", demands=ABOVE),
    ),
    "POST applications/{application}/secret": (*OF_APPLICATION, probe(application="above's", demands=ABOVE)),
    "DELETE applications/{application}": OF_APPLICATION,
    "GET /oauth/authorize": (probe(400),),
    "POST /oauth/authorize": (probe(400),),
    "POST /sign-in": (probe(403),),  # no form of this browser
    "POST /sign-out": (probe(403),),
    "GET /oauth/password": (probe(404),),  # no link
    "POST /oauth/password": (probe(404),),
    "POST /oauth/token": (probe(400, content_type=FORM),),
    "POST /oauth/revoke": (probe(body=OF_CLIENT, content_type=FORM),),
    "POST /oauth/introspect": (probe(body=OF_CLIENT, content_type=FORM),),
}

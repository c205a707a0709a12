"""Who may what, written a second time, by hand, from the wire contract: nothing here is imported from the server.

The matrix asks the server and compares. What is decided only inside an operation is an extra demand of a probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

# method, path | scope | least role on | what the path names | least user role; "public" needs no token.
TABLE = """
GET processes | process_read | | |
POST processes | process | | | Designer
GET processes/{process} | process_read | reader | process |
PUT processes/{process}/definition | process | editor | process |
GET processes/{process}/definition | process_read | reader | process |
GET processes/{process}/draft | process | editor | process |
PUT processes/{process}/draft | process | editor | process |
DELETE processes/{process}/draft | process | editor | process |
GET processes/{process}/versions | process_read | reader | process |
GET processes/{process}/steps | process_read | reader | process |
POST processes/{process}/processruns | process_execute | executor | process |
GET processes/{process}/processruns | process_read | reader | process |
GET processruns | process_read | | |
GET processruns/counts | process_read | | |
GET processruns/{run} | process_read | reader | run |
POST processruns/{run}/start | process_execute | executor | run |
POST processruns/{run}/cancel | process_execute | executor | run |
DELETE processruns/{run} | process_execute | executor | run |
POST processruns/{run}/seen | process_execute | executor | run |
POST requests | process_execute | | |
GET processruns/{run}/runstatus | process_read | reader | run |
GET processruns/{run}/history | process_read | reader | run |
GET processruns/{run}/results | process_read | reader | run |
GET processruns/{run}/events | process_read | reader | run |
GET processruns/{run}/steps | process_read | reader | run |
GET processruns/{run}/steps/{step}/runstatus | process_read | reader | run |
POST processruns/{run}/steps/{step}/restartfromhere | process_execute | executor | run |
GET processruns/{run}/steps/{step}/restartplan | process_read | reader | run |
GET processruns/{run}/steps/{step}/log | process_read | reader | run |
GET processruns/{run}/steps/{step}/approval | process_read | reader | run |
POST processruns/{run}/steps/{step}/approval | process_execute | reader | run |
GET steps/{step} | process_read | reader | step |
GET steps/{step}/properties | process_read | reader | step |
GET steps/{step}/properties/{property} | process_read | reader | step |
POST steps/{step}/properties/{property} | process_execute | executor | step |
GET files/{file}/metadata | file_read | reader | file |
POST files/{file}/metadata | file | executor | file |
POST files/{file} | file | executor | file |
DELETE files/{file} | file | executor | file |
GET files/{file}/preview | file_read | reader | file |
POST files/{file}/uploadsessions | file | executor | file |
POST files/{file}/uploadsessions/{session}/chunks/{chunk} | file | executor | file |
POST files/{file}/uploadsessions/{session}/commit | file | executor | file |
GET files/{file} | file_read | reader | file |
GET tables | mtable_read | | |
POST tables | mtable | | | Designer
GET tables/{table} | mtable_read | reader | table |
POST tables/{table} | mtable | editor | table |
DELETE tables/{table} | mtable | owner | table |
GET tables/{table}/versions | mtable_read | reader | table |
GET tables/{table}/columns | mtable_read | reader | table |
POST tables/{table}/columns | mtable | editor | table |
POST tables/{table}/columns/{column} | mtable | editor | table |
DELETE tables/{table}/columns/{column} | mtable | editor | table |
GET tables/{table}/rows | mtable_read | reader | table |
POST tables/{table}/rows | mtable | editor | table |
GET users | user_read | | |
POST users | user | | | ClientAdmin
GET users/{user} | user_read | reader | user |
POST users/{user} | user | owner | user |
POST users/{user}/passwordlink | user | owner | user |
GET users/{user}/usergroups | user_read | reader | user |
GET users/{user}/permissions | permission_read | | |
POST users/{user}/permissions | permission | | |
POST users/{user}/permissions/{resource} | permission | owner | resource |
DELETE users/{user}/permissions/{resource} | permission | owner | resource |
GET usergroups | usergroup_read | | |
POST usergroups | usergroup | | | ClientAdmin
GET usergroups/{group} | usergroup_read | reader | group |
POST usergroups/{group} | usergroup | owner | group |
DELETE usergroups/{group} | usergroup | owner | group |
GET usergroups/{group}/users | usergroup_read | reader | group |
POST usergroups/{group}/users | usergroup | owner | group |
POST usergroups/{group}/users/{user} | usergroup | owner | group |
DELETE usergroups/{group}/users/{user} | usergroup | owner | group |
GET usergroups/{group}/permissions | permission_read | | |
POST usergroups/{group}/permissions | permission | | |
POST usergroups/{group}/permissions/{resource} | permission | owner | resource |
DELETE usergroups/{group}/permissions/{resource} | permission | owner | resource |
GET logs | log_read | | |
GET applications | application_read | | |
POST applications | application | | |
GET applications/{application} | application_read | owner | application |
POST applications/{application} | application | owner | application |
POST applications/{application}/secret | application | owner | application |
DELETE applications/{application} | application | owner | application |
GET openapi.json | public | | |
GET /health | public | | |
GET /sign-in | public | | |
POST /sign-in | public | | |
POST /sign-out | public | | |
GET /openapi.json | public | | |
GET /.well-known/oauth-authorization-server | public | | |
GET /oauth/authorize | public | | |
POST /oauth/authorize | public | | |
GET /oauth/password | public | | |
POST /oauth/password | public | | |
POST /oauth/token | public | | |
POST /oauth/revoke | public | | |
POST /oauth/introspect | public | | |
"""
ROLES = ("reader", "executor", "editor", "owner")
USER_ROLES = ("Subscriber", "Designer", "ClientAdmin", "SVXAdmin")
ADMINISTRATORS = ("ClientAdmin", "SVXAdmin")
# A Subscriber runs processes, whatever they were granted; on tables nothing is taken away.
MOST_ON_A_PROCESS = {"Subscriber": "executor"}
PROCESS_SCOPES = ("process", "process_execute", "process_read")  # each implies those after it
FAMILIES = (
    PROCESS_SCOPES,
    *((name, f"{name}_read") for name in ("file", "mtable", "user", "usergroup", "permission", "application")),
    ("log_read",),
)
SCOPES = tuple(scope for family in FAMILIES for scope in family)
NOUNS = {
    "p": "process",
    "pr": "process run",
    "ds": "data step",
    "as": "action step",
    "f": "file",
    "mt": "table",
    "u": "user",
    "ug": "user group",
    "c": "application",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked, in this order: the scope, the user role, the role on what the path (or the body) calls `of`."""

    scope: str = ""
    role: str = ""
    of: str = ""
    user_role: str = ""
    is_public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`grants` are roles by the kind of resource, process or table; `log` is an item of their own in the log."""

    name: str
    user_role: str
    id: str
    application: str
    log: str
    grants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`status` 0 lets pass; else the message is `whole`, or has every one of `parts` and ends with `end`."""

    status: int = 0
    whole: str = ""
    parts: tuple[str, ...] = ()
    end: str = ""


PASS = Verdict()


def rows() -> dict[str, Demand]:
    """By "METHOD pattern"; every pattern once."""
    found: dict[str, Demand] = {}
    for line in TABLE.strip().splitlines():
        label, scope, role, of, user_role = (part.strip() for part in line.split("|"))
        assert label not in found
        is_public = scope == "public"
        scope = "" if is_public else scope
        found[label] = Demand(scope=scope, role=role, of=of, user_role=user_role, is_public=is_public)
    return found


def implied(scope: str) -> frozenset[str]:
    """The scope, and every narrower one of its family."""
    family = next(family for family in FAMILIES if scope in family)
    return frozenset(family[family.index(scope) :])


def wider(scope: str) -> tuple[str, ...]:
    """Those that imply it, but not itself."""
    return tuple(other for other in SCOPES if scope in implied(other) and other != scope)


def judge(demands: tuple[Demand, ...], person: Person, scopes: frozenset[str], ids: Mapping[str, str]) -> Verdict:
    """The first demand that is not met decides."""
    held = frozenset().union(*(implied(scope) for scope in scopes))
    for demand in demands:
        for verdict in _refusals(demand, person, held, ids):
            return verdict
    return PASS


def _refusals(demand: Demand, person: Person, held: frozenset[str], ids: Mapping[str, str]) -> Iterator[Verdict]:
    if demand.scope and demand.scope not in held:
        yield Verdict(status=403, parts=(f"scope {demand.scope}",))
    if demand.user_role and USER_ROLES.index(person.user_role) < USER_ROLES.index(demand.user_role):
        yield Verdict(status=403, whole=f"this needs the user role {demand.user_role}; yours is {person.user_role}")
    if not demand.of:
        return
    thing = ids[demand.of]
    own = role_on(person, thing)
    if own is None:
        yield Verdict(status=404, whole=unknown(thing))
    elif ROLES.index(own) < ROLES.index(demand.role):
        yield _too_small(person, thing, own, demand.role)


def unknown(thing: str) -> str:
    """What is said of a thing that does not exist, and word for word of one that must not be seen."""
    return f"there is no {NOUNS[thing.partition('-')[0]]} {thing}"


def is_missing(thing: str) -> bool:
    return thing.endswith("-999999")


def role_on(person: Person, thing: str) -> str | None:
    """None for what does not exist, or must not be seen."""
    if is_missing(thing):
        return None
    is_admin = person.user_role in ADMINISTRATORS
    match thing.partition("-")[0]:
        case "u":
            return "owner" if is_admin else "reader" if thing == person.id else None
        case "ug":
            return "owner" if is_admin else "reader"
        case "log":
            return "owner" if is_admin or thing == person.log else None
        case "c":
            return "owner" if is_admin or thing == person.application else None
        case "mt":
            return "owner" if is_admin else person.grants.get("table")
        case _:
            return "owner" if is_admin else _on_process(person)


def _on_process(person: Person) -> str | None:
    granted, most = person.grants.get("process"), MOST_ON_A_PROCESS.get(person.user_role, "owner")
    return None if granted is None else min(granted, most, key=ROLES.index)


def _too_small(person: Person, thing: str, own: str, needed: str) -> Verdict:
    if thing.startswith(("u-", "ug-")):
        return Verdict(status=403, whole=f"this needs the user role ClientAdmin; yours is {person.user_role}")
    # What no grant can change is said, so that nobody asks an owner in vain.
    is_most = not thing.startswith("mt-") and MOST_ON_A_PROCESS.get(person.user_role) == own
    end = f"; yours is {own}" + (f", the most that a {person.user_role} can be" if is_most else "")
    return Verdict(status=403, parts=(f"this needs the role {needed} on ", thing), end=end)

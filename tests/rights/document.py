"""docs/permissions.md, written from the server's own rules for whoever administers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from procession.door.contract import Route
from procession.model.people import IMPLIED_SCOPES, SCOPES, Role, UserRole
from procession.model.rights import ADMINS, PROCESS_CEILING, PUBLIC, ROLE_RANK, USER_ROLE_RANK, Rule
from tests.rights.labels import label

RENEW = "make docs"
PAGE = """# Who may what

<!-- Written from the rules of the server. To renew it: {renew} -->

Two things decide together: **what the person may do** (a user role, and a role on each process or table) and **what the
access token may do** (its scopes). A request needs both. There is one function that decides, it is asked before
everything else, and a request for which there is no rule is refused. The tests ask every request as every kind of
person with every kind of token, and compare the answers with a second table of these rules.

What you may not see, you are told does not exist (404). What you may see but not do is refused (403), and the message
names the role or the scope that is missing. Without a good token everything is refused (401).

## User roles

Each includes those before it. An administrator gives them to users.

{user_roles}

## Roles on a process or a table

Each includes those before it. The owner of a process or a table gives them, to users or to user groups. So may every
administrator ({admins}), who owns everything. Of the roles that somebody has, by themselves and through groups, the
largest counts. Whoever has none does not see the thing at all.

{roles}

A user role sets a limit to what somebody can be on a process, whatever they are given:

{ceilings}

On tables there is no such limit.

## What belongs to what

A role on a process counts for everything in it: its versions, its steps, their properties and files, its runs, and in
each run the copies of those steps, properties and files, with their logs, their history and their events. A role on a
table counts for its columns, its rows and its versions. There are no roles on a single run, step, property or file.

An upload in chunks belongs to the user who began it, and to nobody else.

## What is asked besides

- The file of a process itself is the template of every later run: to change it takes an editor. The file of a run that
  has not started takes an executor.
- In a run that has not started, the value of an input takes an executor, with the scope `process_execute`. Everything
  else of a property, and every property of a process, takes an editor, with the scope `process`.
- A list shows what the caller may see, and nothing else. The log shows administrators everything, others their own.
- The permissions of a user are shown to that user and to administrators; an owner sees those on what they own. Members
  of a group see all of the group's.
- The last owner of a process or a table stays one, unless an administrator decides otherwise.
- Nobody makes or changes a user who is above them: a ClientAdmin makes no SVXAdmin. The last active ClientAdmin stays one.
- An application acts as the user who registered it, and can do no more than the token with which it was registered.
  Whoever changes it, or resets its secret, needs all of its scopes, and to stand no lower than its user.
- The scope `application` is never given by consent: what a user has allowed must end with the consent.
- Who is in a user group is for everybody to see; otherwise users see only themselves.

## Scopes of access tokens

{scopes}

## Every request

The paths stand under `/api/v1`.

{requests}

These need no access token. Those under `/oauth` ask for a proof of their own: a secret, a code, a form of this browser.

{public}
"""
USER_ROLES = {
    UserRole.SUBSCRIBER: "Runs processes, and works with the tables that they were given a role on. Registers"
    " applications that act as themselves.",
    UserRole.DESIGNER: "Also makes processes and tables, and is then their owner.",
    UserRole.CLIENT_ADMIN: "Also administers users, user groups and everybody's applications; is the owner of every"
    " process and table; sees the whole log.",
    UserRole.SVX_ADMIN: "The same, and may make others SVXAdmin.",
}
# Who may, where it is not a role on what the path names.
OTHERWISE = {
    "GET processes": "everybody: what they may see",
    "GET processruns": "everybody: what they may see",
    "GET processruns/counts": "everybody: what they may see",
    "POST requests": "executor of the process of the run that the body names",
    "GET tables": "everybody: what they may see",
    "GET users": "everybody: themselves; administrators: all",
    "GET users/{user}/permissions": "that user, an administrator; an owner: those on what they own",
    "POST users/{user}/permissions": "owner of the process or table that the body names",
    "GET usergroups": "everybody",
    "GET usergroups/{group}/permissions": "members, an administrator; an owner: those on what they own",
    "POST usergroups/{group}/permissions": "owner of the process or table that the body names",
    "GET logs": "everybody: their own; administrators: all",
    "GET applications": "everybody: their own; administrators: all",
    "POST applications": "everybody, to act as themselves",
}
# What the operation asks besides the rule of its route.
BESIDES = {
    "POST steps/{step}/properties/{property}": "for the value of an input of a run; else editor, and the scope `process`",
    "DELETE files/{file}": "for a file of a run; else editor",
    **{
        f"POST files/{{file}}{more}": "for a file of a run; else editor"
        for more in (
            "/metadata",
            "",
            "/uploadsessions",
            "/uploadsessions/{session}/chunks/{chunk}",
            "/uploadsessions/{session}/commit",
        )
    },
}
# Roles on people are no roles that anybody is given.
ON_PEOPLE = {
    ("user", "reader"): "that user, an administrator",
    ("user", "owner"): "an administrator",
    ("group", "reader"): "everybody",
    ("group", "owner"): "an administrator",
    ("application", "owner"): "the user whom it acts as, an administrator",
}
BELONGS = {"process": "process", "run": "process", "step": "process", "file": "process", "table": "table"}
BELONGS["resource"] = "process or table"


def page(routes: Sequence[Route]) -> str:
    """The whole document."""
    private = [route for route in routes if route.rule is not PUBLIC]
    public = [route for route in routes if route.rule is PUBLIC]
    return PAGE.format(
        renew=RENEW,
        admins=", ".join(sorted(ADMINS)),
        user_roles=_table("user role | what it may do", _user_roles()),
        roles=_table("role | on a process | on a table", _roles(private)),
        ceilings="\n".join(f"- A {role} can be {_article(most)} at most." for role, most in _limits()),
        scopes=_table("scope | implies | is for", _scopes(private)),
        requests=_table("request | what it does | scope | who", (_request(route) for route in private)),
        public=_table("request | what it does", ((f"`{label(route)}`", route.summary) for route in public)),
    )


def who(route: Route) -> str:
    """In words."""
    rule = route.rule
    if rule.user_role:
        return f"{rule.user_role} or above"
    if not rule.of:
        return OTHERWISE[label(route)]
    least = ON_PEOPLE.get((rule.of, rule.role)) or f"{rule.role} of the {BELONGS[rule.of]}"
    return " ".join(filter(None, [least, BESIDES.get(label(route))]))


def _user_roles() -> Iterable[tuple[str, str]]:
    return ((f"**{role}**", USER_ROLES[role]) for role in sorted(USER_ROLE_RANK, key=USER_ROLE_RANK.__getitem__))


def _roles(routes: Sequence[Route]) -> Iterable[tuple[str, str, str]]:
    for role in sorted(ROLE_RANK, key=ROLE_RANK.__getitem__):
        yield f"**{role}**", _what(routes, role, "process"), _what(routes, role, "table")


def _what(routes: Sequence[Route], role: Role, resource: str) -> str:
    """What this role is the least for, each thing once, in the order of the routes."""
    rules = (route for route in routes if resource in BELONGS.get(route.rule.of, "") and route.rule.role == role)
    return "; ".join(dict.fromkeys(_small(route.summary) for route in rules)) or "nothing more"


def _small(text: str) -> str:
    return text[0].lower() + text[1:]


def _article(role: Role) -> str:
    return f"an {role}" if role[0] in "aeio" else f"a {role}"


def _limits() -> Iterable[tuple[str, Role]]:
    """Those that take something away."""
    return ((str(role), most) for role, most in PROCESS_CEILING.items() if most is not Role.OWNER)


def _scopes(routes: Sequence[Route]) -> Iterable[tuple[str, str, str]]:
    for scope in sorted(SCOPES):
        implied = sorted(IMPLIED_SCOPES.get(scope, frozenset()) - {scope})
        found = dict.fromkeys(_small(route.summary) for route in routes if route.rule.scope == scope)
        yield f"`{scope}`", ", ".join(f"`{other}`" for other in implied) or "-", "; ".join(found)


def _request(route: Route) -> tuple[str, str, str, str]:
    rule: Rule = route.rule
    return f"`{label(route)}`", route.summary, f"`{rule.scope}`", who(route)


def _table(head: str, rows: Iterable[Sequence[str]]) -> str:
    names = head.split(" | ")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""People: who may do what on which processes or tables, and who there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from procession.door import rules
from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model.errors import Invalid, NotFound
from procession.model.ids import GroupId, ProcessId, ResourceId, TableId, UserId, parse_resource
from procession.model.people import Role
from procession.model.rights import ADMINS
from procession.operations import people, permissions, rights, role_matrix
from procession.operations.act import Act
from procession.operations.permissions import Holder
from procession.operations.role_matrix import RoleMatrix
from procession.web import acting
from procession.web.acting import REFUSALS
from procession.web.forms import Form
from procession.web.page import page

HERE = "/people"
KINDS: Mapping[str, type[ResourceId]] = {"processes": ProcessId, "tables": TableId}
COLUMNS_MAX = 12  # beside each other; more are chosen
PEOPLE_MAX = 25  # on a page
QUERY_FIELDS_MAX = 200
SAID = {"role": "The role is changed.", "nothing": "Nothing was to be changed."}
ROLES = (
    ("", "no role of their own"),
    (Role.READER, "reader: sees runs and results"),
    (Role.EXECUTOR, "executor: also runs"),
    (Role.EDITOR, "editor: also changes it"),
    (Role.OWNER, "owner: also gives roles"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleQuery:
    """What stands in the address. `chosen` are ids of columns, `holder` and `on` the cell that is open."""

    show: str
    words: str
    number: int  # of the page, from 1
    chosen: tuple[str, ...]
    holder: str
    on: str

    def address(self, **changes: Any) -> str:
        """Of the same page but for these."""
        return f"{HERE}?{urlencode(self.pairs(**changes))}"

    def pairs(self, **changes: Any) -> list[tuple[str, str]]:
        present: dict[str, Any] = {"show": self.show, "q": self.words, "page": self.number, "c": self.chosen, **changes}
        single = [(name, str(value)) for name, value in present.items() if name != "c" and value not in {"", 1}]
        return [*single, *(("c", item) for item in present["c"])]


def query_of(call: Call, raw: str | None = None) -> PeopleQuery:
    """`raw`: another query than the one of the address."""
    text = call.request.raw_query if raw is None else raw
    try:
        pairs = parse_qsl(text, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        raise Invalid("the address has too many parts; begin again at People") from None
    last = dict(pairs)
    number = last.get("page", "")
    return PeopleQuery(
        show=last["show"] if last.get("show") in KINDS else "processes",
        words=last.get("q", "").strip(),
        number=max(1, int(number)) if number.isdecimal() and len(number) < 6 else 1,
        chosen=tuple(value for name, value in pairs if name == "c"),
        holder=last.get("holder", ""),
        on=last.get("on", ""),
    )


def show(call: Call, *, problem: str = "", form: Form | None = None) -> HtmlReply:
    """After a form that was refused, the query is the one that the form came from."""
    query = query_of(call, form.one("back") if form else None)
    matrix = role_matrix.of(call.tx, call.caller, KINDS[query.show])
    users = [user for user in matrix.users if _fits(query.words, user.first_name, user.last_name, user.login)]
    first = (query.number - 1) * PEOPLE_MAX
    return page(
        call, call.caller, call.now, "people",
        title=f"{'Error: ' if problem else ''}People",
        entry=HERE,
        status_code=400 if problem else 200,
        said=SAID.get(call.request.query.get("said", ""), ""),
        problem=problem,
        query=query,
        columns=_columns(matrix, query.chosen),
        all_columns=matrix.columns,
        columns_max=COLUMNS_MAX,
        groups=[group for group in matrix.groups if _fits(query.words, group.name)],
        people=users[first : first + PEOPLE_MAX],
        first=first,
        people_count=len(users),
        members=matrix.members,
        cell=matrix.cell,
        passwordless=people.passwordless(call.tx) if call.caller.user.role in ADMINS else (),
        is_admin=call.caller.user.role in ADMINS,
        back=urlencode(query.pairs()),
        roles=ROLES,
        opened=_opened(call, matrix, query),
    )  # fmt: skip


def _fits(words: str, *names: str) -> bool:
    return words.casefold() in " ".join(names).casefold()


def _columns(matrix: RoleMatrix, chosen: tuple[str, ...]) -> list[tuple[ResourceId, str]]:
    picked = [column for column in matrix.columns if str(column[0]) in chosen]
    return (picked or list(matrix.columns))[:COLUMNS_MAX]


def _opened(call: Call, matrix: RoleMatrix, query: PeopleQuery) -> dict[str, Any] | None:
    """The cell whose role is asked about; None where the address names none that the reader may change."""
    names = {str(resource): (resource, name) for resource, name in matrix.columns}
    if query.on not in names:
        return None
    resource, name = names[query.on]
    holders: list[Holder] = [*(user.id for user in matrix.users), *(group.id for group in matrix.groups)]
    holder = next((holder for holder in holders if str(holder) == query.holder), None)
    if holder is None:
        return None
    return {
        "holder": holder,
        "who": _name_of(call, holder),
        "resource": resource,
        "name": name,
        "cell": matrix.cell(holder, resource),
        "user": people.user(call.tx, holder) if isinstance(holder, UserId) else None,
    }


def _name_of(call: Call, holder: Holder) -> str:
    if isinstance(holder, GroupId):
        return people.group(call.tx, holder).name
    user = people.user(call.tx, holder)
    return f"{user.first_name} {user.last_name}"


async def give(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """A role, another one, or none. The holder is named by an id, or by a login that people know."""
    try:
        said = await acting.done(call, lambda act: _give(act, form))
    except (*REFUSALS, NotFound) as error:
        return await acting.looked(call, show, form=form, problem=error.message)
    back = [(name, value) for name, value in parse_qsl(form.one("back"))[:QUERY_FIELDS_MAX] if name != "said"]
    return RedirectReply(location=f"{HERE}?{urlencode([*back, ('said', said)])}")


def _give(act: Act, form: Form) -> str:
    resource, role = parse_resource(form.one("on")), form.one("role")
    # The route could not ask: what the role is on stands in the form.
    rights.permit(act.tx, act.caller, rules.OWN_RESOURCE, {"resource": resource})
    holder = _holder(act, form)
    if role:
        if role not in list(Role):
            raise Invalid(f'"{role[:40]}" is no role; choose one of reader, executor, editor, owner')
        permissions.give(act, holder, resource, Role(role))
        return "role"
    try:
        permissions.take_away(act, holder, resource)
    # Pressed twice, or taken away by somebody else meanwhile: what was wanted is so.
    except NotFound:
        return "nothing"
    return "role"


def _holder(act: Act, form: Form) -> Holder:
    """Raises NotFound."""
    if not form.has("login"):
        text = form.one("holder")
        return GroupId.parse(text) if text.lower().startswith(f"{GroupId.prefix}-") else UserId.parse(text)
    return people.find_user_by_name(act.tx, form.one("login")).id

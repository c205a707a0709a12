"""The cases: every route, asked in each of its ways, by everybody, with every set of scopes that matters to it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tests.rights import oracle
from tests.rights.asking import App, Question, Said, ask
from tests.rights.oracle import PASS, Demand, Person, Verdict
from tests.rights.probes import PROBES, Probe, probe
from tests.rights.world import SCOPE_SETS, World, token

# Those who are asked with each scope alone: one who may do everything, and one who owns things.
EVERY_SCOPE = ("clientadmin.none", "designer.owner.directly")
# A role on resources says nothing about users, groups and applications: these are enough to show it.
FEW = tuple(f"{role.lower()}.{grant}" for role in oracle.USER_ROLES for grant in ("none", "owner.directly"))
NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`person` None sends no token."""

    label: str
    demand: Demand
    probe: Probe
    person: Person | None
    scopes: str = ""

    def __str__(self) -> str:
        who = self.person.name if self.person else NOBODY
        return f"{self.label} {dict(self.probe.ids)} {self.probe.body!r}{self.probe.query} by {who} with {self.scopes}"


def cases(world: World, labels: Iterable[str] | None = None) -> Iterator[Case]:
    """All of them, or those of some routes, by the oracle's table."""
    table = oracle.rows()
    for label in table if labels is None else labels:
        for one in PROBES.get(label, (probe(),)):
            case = Case(label=label, demand=table[label], probe=one, person=None)
            yield case
            if not case.demand.is_public:
                yield from _by_everybody(world, case)


def _by_everybody(world: World, case: Case) -> Iterator[Case]:
    is_of_all = _asks_for_permissions(case) and not case.probe.is_slow and not _is_of_nothing(case)
    for name in world.people if is_of_all else FEW:
        for scopes in _scope_sets(case, is_every=name in EVERY_SCOPE):
            yield replace(case, person=world.people[name], scopes=scopes)


def _asks_for_permissions(case: Case) -> bool:
    demands = (case.demand, *case.probe.demands)
    if case.probe.shows or case.probe.shows_owned or case.probe.of_holder:
        return True
    return any(item.of in {"process", "run", "step", "file", "table", "resource"} for item in demands)


def _is_of_nothing(case: Case) -> bool:
    return any(said.startswith("no ") for said in case.probe.ids.values())


def _scope_sets(case: Case, *, is_every: bool) -> list[str]:
    """All scopes, all that do not help, and of each that is needed: itself, a narrower one, those that imply it.

    For some also each scope by itself, and none.
    """
    needed = [item.scope for item in (case.demand, *case.probe.demands) if item.scope]
    found = ["all"]
    for scope in needed:
        narrower = sorted(oracle.implied(scope) - {scope})
        found += [scope, *narrower, *oracle.wider(scope), f"all but {scope}"]
    return list(dict.fromkeys([*found, *(["none", *oracle.SCOPES] if is_every else [])]))


def question(world: World, case: Case) -> Question:
    method, pattern = case.label.split(" ")
    ids = _ids(world, case)
    path = re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], pattern)
    body = re.sub(rb"\{(\w+)\}", lambda found: ids[found[1].decode()].encode(), case.probe.body)
    return Question(
        method=method,
        path=path if path.startswith("/") else f"/api/v1/{path}",
        token=None if case.person is None else token(case.person.name, case.scopes),
        query=case.probe.query,
        body=body,
        content_type=case.probe.content_type,
    )


def _ids(world: World, case: Case) -> Mapping[str, str]:
    names = world.ids if case.person is None else world.names_of(case.person)
    chosen = {place: names.get(said, said) for place, said in case.probe.ids.items()}
    return {"session": "0" * 32, **names, **chosen}


def expected(world: World, case: Case) -> Verdict:
    if case.demand.is_public:
        return PASS
    if case.person is None:
        return Verdict(status=401)
    ids, scopes = _ids(world, case), SCOPE_SETS[case.scopes]
    verdict = oracle.judge((case.demand, *case.probe.demands), case.person, scopes, ids)
    if verdict == PASS and case.probe.of_holder and not _sees(world, case.person, ids["user"]):
        return Verdict(status=404, whole=oracle.unknown(ids["user"]))
    return verdict


def _sees(world: World, person: Person, user: str) -> bool:
    """Whose permissions: everybody's for administrators, one's own, and on what one owns."""
    if oracle.is_missing(user) or user == person.id or person.user_role in oracle.ADMINISTRATORS:
        return not oracle.is_missing(user)
    owns = "owner" in {oracle.role_on(person, world.ids[kind]) for kind in ("process", "table")}
    return owns and user == world.ids["user"]  # the only other one with permissions


async def mismatches(world: World, app: App, asked: Iterable[Case]) -> AsyncIterator[str]:
    """What the server says otherwise than the oracle, in words."""
    for case in asked:
        said = await ask(app, question(world, case))
        wrong = what_is_wrong(said, expected(world, case), case.probe.status) or _wrong_content(world, case, said)
        if wrong:
            yield f"{case}: {wrong}; {said.status} {said.body[:300]!r}"


def what_is_wrong(said: Said, verdict: Verdict, allowed: int) -> str:
    if said.status != (verdict.status or allowed):
        return f"expected {verdict.status or allowed}"
    if verdict == PASS:
        return ""
    if set(said.json()) != {"message", "supportId"}:
        return "expected message and supportId, and nothing else"
    if verdict.whole and said.message != verdict.whole:
        return f"expected the message {verdict.whole!r}"
    if not all(part in said.message for part in verdict.parts) or not said.message.endswith(verdict.end):
        return f"expected a message with {verdict.parts!r} that ends with {verdict.end!r}"
    if verdict.status == 401 and said.headers.get("www-authenticate") != 'Bearer error="invalid_token"':
        return "expected WWW-Authenticate"
    return ""


def _wrong_content(world: World, case: Case, said: Said) -> str:
    """A list shows what the caller may see, and nothing else."""
    if said.status != 200 or case.person is None:
        return ""
    names, shown = (
        world.names_of(case.person),
        _ids_in(said.json()) if case.probe.shows or case.probe.shows_owned else (),
    )
    for name in case.probe.shows:
        if (names[name] in shown) != (oracle.role_on(case.person, names[name]) is not None):
            return f"{name} {names[name]} is shown to the wrong people"
    for name in case.probe.shows_owned:
        if (names[name] in shown) != (oracle.role_on(case.person, names[name]) == "owner"):
            return f"{name} {names[name]} is shown to the wrong people"
    return ""


def _ids_in(items: list[dict[str, str]]) -> set[str]:
    return {value for item in items for name, value in item.items() if name in {"id", "resourceId"}}

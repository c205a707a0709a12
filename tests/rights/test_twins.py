"""Cross-object twins: what one user can see, another who has just the same things cannot even know of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers
from tests.api.house import house
from tests.rights import oracle
from tests.rights.asking import Question, Said, ask
from tests.rights.twins import Twin, filled, furnish, walk
from tests.rights.world import World, over

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
# In a path, the one only together with the other that it belongs to.
PARENT = {"step": "run", "property": "step", "session": "file", "column": "table"}
MISSING = {"session": "00000000-0000-4000-8000-000000000000", "column": "Nothing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    world: World
    one: Twin
    other: Twin
    answers: int


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, table_workers: TableWorkers) -> Iterator[Pair]:
    folder: Path = tmp_path_factory.mktemp("twins")
    with house(folder, ManualClock(NOON), table_workers) as made, over(made) as world:
        one, other = furnish(made, "owner"), furnish(made, "stranger")
        answers = sum(walk(twin, world.ask) for twin in (one, other))
        yield Pair(world=world, one=one, other=other, answers=answers)


def foreign(asker: Twin, owner: Twin) -> dict[str, set[str]]:
    """What only the owner knows of."""
    return {place: things - asker.things.get(place, set()) for place, things in owner.things.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`hidden` are the places of the path where something stands that the asker must not know of."""

    label: str
    path: str
    ids: dict[str, str]
    hidden: tuple[str, ...]


def cases(asker: Twin, owner: Twin) -> Iterator[Case]:
    """Every route with ids x every choice of things of both, where not all of them are the asker's and fit together."""
    strange = foreign(asker, owner)
    both = {place: things | asker.things.get(place, set()) for place, things in owner.things.items()}
    for label, demand in oracle.rows().items():
        if demand.is_public or label.startswith(("POST users/{user}/permissions", "DELETE users/{user}/permissions")):
            continue  # one's own things may be given to everybody: asked below
        for path, ids in filled(label.split(" ")[1], both):
            hidden = tuple(place for place, thing in ids.items() if thing in strange.get(place, ()))
            hidden = hidden or tuple(place for place in ids if not _fits(asker, place, ids))
            if hidden:
                yield Case(label=label, path=path, ids=ids, hidden=hidden)


def _fits(asker: Twin, place: str, ids: dict[str, str]) -> bool:
    parent = PARENT.get(place)
    return parent not in ids or asker.parents.get(ids[place]) == ids[parent]


def missing(case: Case) -> str:
    """The same path with things that do not exist."""
    known = {**case.ids}
    for place in case.hidden:
        known[place] = MISSING.get(place) or f"{case.ids[place].partition('-')[0]}-999999"
    return case.label.split(" ")[1].format(**{name: thing.replace(" ", "%20") for name, thing in known.items()})


def expected(case: Case) -> int:
    if case.label.startswith(("POST usergroups/{group}/users", "DELETE usergroups/{group}/users")):
        return 403  # that there is such a group is known to everybody, and decided first
    is_action = case.ids.get("step", "").startswith("as-") and "step" not in case.hidden
    if is_action and case.label.partition(" ")[2].startswith("steps/"):
        return 400  # one's own action step, which has no properties
    return 404


def without_ids(said: Said, ids: list[str]) -> str:
    text = said.message
    for thing in sorted(ids, key=len, reverse=True):
        text = text.replace(thing, "*")
    return text


@pytest.mark.parametrize("is_swapped", [False, True])
def test_nothing_of_a_twin_can_be_asked_for_or_told_from_nothing(pair: Pair, is_swapped: bool) -> None:
    owner, asker = (pair.other, pair.one) if is_swapped else (pair.one, pair.other)

    async def work() -> list[str]:
        wrong = []
        for case in found:
            method = case.label.split(" ")[0]
            said = await ask(pair.world.app, Question(method=method, path=f"/api/v1/{case.path}", token=asker.name))
            absent = missing(case)
            other = await ask(pair.world.app, Question(method=method, path=f"/api/v1/{absent}", token=asker.name))
            texts = [*case.ids.values(), *re.findall(r"[a-z]+-999999", absent), *MISSING.values()]
            if said.status != expected(case) or without_ids(said, texts) != without_ids(other, texts):
                wrong.append(f"{case.label} {case.ids}: {said.status} {said.message!r}, of nothing: {other.message!r}")
        return wrong

    found = list(cases(asker, owner))
    wrong = pair.world.run(work())

    assert not wrong, f"{len(wrong)} of {len(found):,}\n" + "\n".join(wrong[:40])
    assert len(found) > 1_000


def test_the_walk_has_met_every_kind_of_thing(pair: Pair) -> None:
    for twin in (pair.one, pair.other):
        places = {place for label in oracle.rows() for place in re.findall(r"\{(\w+)\}", label)}
        assert places <= set(twin.things), twin.name
        assert all(len(twin.things[place]) > 1 for place in ("run", "step", "property", "file", "session"))
    assert pair.answers > 300


def test_no_answer_names_a_thing_of_the_twin(pair: Pair) -> None:
    """Not in lists either; but which groups there are, and who is in them, is for everybody to see."""
    house = pair.world.house
    in_a_group = {str(house.users["mate"].id)}

    for place in set(pair.one.things) - {"group", "chunk"}:
        assert not pair.one.things[place] & pair.other.things[place] - in_a_group, place


def test_nothing_of_a_twin_can_be_named_in_a_body(pair: Pair) -> None:
    asker, hidden = pair.other, foreign(pair.other, pair.one)
    group = sorted(asker.things["group"])[0]
    me, asked = pair.world.house.users[asker.name].id, []
    for run in sorted(hidden["run"]):
        asked += [
            ("POST", "requests", {"request": f"ProcessRun_{verb}Rq", "processRunId": run})
            for verb in ("Start", "Cancel")
        ]
    for resource in sorted(hidden["resource"]):
        for holder in (f"users/{me}", f"usergroups/{group}"):
            asked.append(("POST", f"{holder}/permissions", {"resourceId": resource, "role": "owner"}))
            asked.append(("POST", f"{holder}/permissions/{resource}", {"role": "owner"}))
            asked.append(("DELETE", f"{holder}/permissions/{resource}", {}))

    said = [
        pair.world.ask(
            Question(method=method, path=f"/api/v1/{path}", token=asker.name, body=json.dumps(body).encode())
        )
        for method, path, body in asked
    ]

    assert {item.status for item in said} == {404}, said


def test_filters_show_nothing_of_a_twin(pair: Pair) -> None:
    hidden = foreign(pair.other, pair.one)
    filters = [f"process={process}" for process in hidden["process"]] + [f"startedBy={user}" for user in hidden["user"]]

    shown = [
        pair.world.ask(Question(method="GET", path="/api/v1/processruns", token=pair.other.name, query=text)).json()
        for text in (*filters, "name=owner", "startedBy=owner")
    ]

    assert shown == [[]] * len(shown)


def test_whether_a_login_exists_is_not_told_by_a_filter(pair: Pair) -> None:
    said = [
        pair.world.ask(
            Question(method="GET", path="/api/v1/processruns", token=pair.other.name, query=f"startedBy={name}")
        )
        for name in ("owner", "nobody-of-this-name")
    ]

    assert said[0].status == said[1].status
    assert said[0].body == said[1].body


def test_an_upload_belongs_to_who_began_it_even_among_those_who_may_upload(pair: Pair) -> None:
    session, file = next((session, pair.one.parents[session]) for session in sorted(pair.one.things["session"]))

    said = pair.world.ask(
        Question(method="POST", path=f"/api/v1/files/{file}/uploadsessions/{session}/commit", token="admin")
    )

    assert (said.status, "there is no upload session" in said.message) == (404, True)

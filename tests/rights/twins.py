"""Two users who have the same things, and know nothing of each other; walked until every id is known that one can see."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.api.house import PROCESS, House
from tests.rights import oracle
from tests.rights.asking import Question, Said

ID = re.compile(r"(p|pr|ds|as|dsprop|f|mt|u|ug|c)-\d+\Z")
PLACE = {"p": "process", "pr": "run", "ds": "step", "as": "step", "dsprop": "property", "f": "file", "mt": "table"}
PLACE |= {"u": "user", "ug": "group", "c": "application"}
UPLOAD = {"file": ("orders.csv", b"id,amount\n1,2.50\n")}


@dataclass(slots=True, kw_only=True)
class Twin:
    """`things` are ids by the place where they stand in a path; `parents` what a thing must be named with."""

    name: str
    things: dict[str, set[str]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def learn(self, place: str, thing: str) -> None:
        self.things.setdefault(place, set()).add(thing)
        if place in {"process", "table"}:
            self.things.setdefault("resource", set()).add(thing)


def furnish(house: House, name: str) -> Twin:
    """A process with a run in each state, files, a table, an application, upload sessions: of this user alone."""
    twin = Twin(name=name)
    text = PROCESS.replace("Month end", f"Closing of {name}")
    process = house.post("processes", who=name, content=text)["id"]
    runs = [house.post(f"processes/{process}/processruns", who=name)["id"] for _ in range(3)]
    for run in runs:
        _fill(house, twin, run)
    for run in runs[1:]:
        house.post(f"processruns/{run}/start", who=name)
    house.take(runs[1])
    house.finish(runs[1])
    house.post(f"processruns/{runs[2]}/cancel", who=name)
    table = house.post("tables", who=name, json={"name": f"Ledger of {name}"})["id"]
    column = f"Amount of {name}"
    house.post(f"tables/{table}/columns", who=name, json={"name": column, "dataType": "Number"})
    house.post(f"tables/{table}/rows", who=name, json={"rows": [{column: 1}]})
    house.post("applications", who=name, json={"name": f"Robot of {name}"})
    twin.learn("column", column)
    twin.learn("chunk", "1")
    twin.parents[column] = table
    return twin


def _fill(house: House, twin: Twin, run: str) -> None:
    step = next(row["id"] for row in house.get(f"processruns/{run}/steps", who=twin.name))
    properties = house.get(f"steps/{step}/properties", who=twin.name)
    file = next(item["file"] for item in properties if item["name"] == "Orders")
    house.post(f"files/{file}", who=twin.name, files=UPLOAD)
    session = house.post(f"files/{file}/uploadsessions", who=twin.name)["uploadSessionId"]
    house.post(f"files/{file}/uploadsessions/{session}/chunks/1", who=twin.name, files=UPLOAD)
    twin.learn("session", session)
    twin.parents[session] = file


def walk(twin: Twin, ask: Any) -> int:
    """Follow every id in every answer until there is nothing new; gives how many answers were read."""
    patterns = [
        label.split(" ")[1] for label, demand in oracle.rows().items() if label.startswith("GET ") and demand.scope
    ]
    seen: set[str] = set()
    while True:
        paths = {path for pattern in patterns for path, _ in filled(pattern, twin.things)} - seen
        if not paths:
            return len(seen)
        for path in sorted(paths):
            for query in ("", "include=all") if path.endswith("/steps") else ("",):
                said = ask(Question(method="GET", path=f"/api/v1/{path}", token=twin.name, query=query))
                _learn_all(twin, path, said)
        seen |= paths


def _learn_all(twin: Twin, path: str, said: Said) -> None:
    if said.status != 200 or "json" not in said.headers["content-type"]:
        return
    for text in _texts(json.loads(said.body)):
        if ID.match(text):
            place = PLACE[text.partition("-")[0]]
            twin.learn(place, text)
            parent = re.match(r"(?:processruns|steps)/([\w-]+)/(?:steps|properties)\Z", path)
            if parent and place in {"step", "property"}:
                twin.parents[text] = parent[1]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def filled(pattern: str, things: Mapping[str, set[str]]) -> Iterator[tuple[str, dict[str, str]]]:
    """The pattern with every choice of things in its places."""
    places = re.findall(r"\{(\w+)\}", pattern)
    for chosen in itertools.product(*(sorted(things.get(place, ())) for place in places)):
        ids = dict(zip(places, chosen, strict=True))
        yield pattern.format(**{place: thing.replace(" ", "%20") for place, thing in ids.items()}), ids

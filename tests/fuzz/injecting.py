"""Puts the texts of `injections` into every place of openapi.json, of the pages for browsers, and of the weak server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from procession.clock import ManualClock
from tests.fuzz import attacking
from tests.fuzz.attacking import Tally
from tests.fuzz.injections import KINDS, MARK, Trap, Watched, every, trap
from tests.fuzz.places import FORM, Attack, operations
from tests.fuzz.weak import Weak
from tests.fuzz.world import alone, impatient
from tests.rights.world import Undone, over

# So many failures are allowed in five minutes (oauth/limits).
OAUTH_PAUSE_SECONDS = 15
# What openapi.json leaves out, because browsers ask for it: the fields of addresses and forms.
PAGES = {
    "/oauth/authorize": ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge"),
    "/oauth/password": ("link",),
    "/runs/{run}": (),
}
HEADERS = ("Host", "User-Agent", "Accept", "Accept-Language", "Cookie", "Origin", "Referer", "Forwarded", "X-Forwarded-For",
           "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "Sec-Fetch-Site", "Content-Type", "Authorization")  # fmt: skip
FORMS = {"/oauth/authorize": ("login", "password", "do", "form"), "/oauth/password": ("password", "again", "form"), "/sign-in": ("login", "password", "do", "form"), "/sign-out": ("form",)}  # fmt: skip


def into_operations(folder: Path, *, texts_max: int) -> Tally:
    """Every place gets so many texts, the next ones of all; what an operation writes is taken back."""
    with alone(folder) as world, trap(folder) as made:
        watched = Watched(Undone(world.house.database), made.statements)
        with over(world.house, database=watched) as built:
            document = json.loads(world.house.ask("GET", "openapi.json").content)
            everything = {**document, "paths": {**document["paths"], **_pages()}}
            attacks = _unhurried(_attacks(everything, world.ids, made, texts_max), world.house.clock)
            headers = {"authorization": "Bearer admin"}
            tally = attacking.send(impatient(built.app), attacks, made.check, headers=headers)
        named = [path for path in folder.rglob("*") if MARK in path.name]
    tally.hits += [f"a stored path: {path}" for path in named]
    tally.failures += tally.hits[len(tally.hits) - len(named) :]
    return tally


def _unhurried(attacks: Iterator[Attack], clock: ManualClock) -> Iterator[Attack]:
    """Time passes where guesses are counted, so that each is looked at."""
    for attack in attacks:
        if attack.path.startswith("/oauth/"):
            clock.advance(OAUTH_PAUSE_SECONDS)
        yield attack


def into_weak(made: Trap) -> Counter[str]:
    """How many hits of each kind the traps see on the weak server."""
    weak = Weak(made)
    attacks = list(_attacks(weak.document, {}, made, len(every(made))))
    tally = attacking.send(weak, attacks, made.check, headers={})
    return Counter(kind for hit in tally.hits for kind in KINDS if f": {kind}: " in hit)


def _attacks(document: Mapping[str, Any], ids: Mapping[str, str], made: Trap, texts_max: int) -> Iterator[Attack]:
    listed = every(made)
    turn = cycle(listed)
    for operation in operations(document, ids):
        for place in operation.places():
            yield from (place(text) for text in islice(turn, min(texts_max, len(listed))))


def _pages() -> dict[str, Any]:
    """As openapi.json would tell of them, and of the headers that any request may have."""
    any_headers = [{"name": name, "in": "header"} for name in HEADERS]
    pages: dict[str, Any] = {"/": {"get": {"parameters": any_headers, "responses": {}}}}
    for path, names in PAGES.items():
        run = [{"name": "run", "in": "path"}] if "{run}" in path else []
        parameters = [*run, *({"name": name, "in": "query"} for name in names)]
        pages[path] = {"get": {"parameters": parameters, "responses": {}}}
    for path, names in FORMS.items():
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
        pages.setdefault(path, {})["post"] = {"requestBody": {"content": {FORM: {"schema": schema}}}, "responses": {}}
    return pages

"""Spellings of paths: whoever may not, gets nothing by any of them; whoever may, gets the same thing or nothing."""

from __future__ import annotations

import pytest

from tests.rights import spellings
from tests.rights.asking import Question, Said, ask
from tests.rights.world import World, token

SPELLINGS_LEAST = 1_950
PATHS = (
    "GET /processes/{process}",
    "GET /processruns/{run}/runstatus",
    "POST /processruns/{new run}/start",
    "GET /processruns/{run}/steps/{action step}/log",
    "GET /steps/{step}/properties/{property}",
    "GET /files/{file}",
    "POST /files/{file}/uploadsessions/{session}/chunks/1",
    "DELETE /tables/{table}",
    "GET /applications/{own}",
)
OWNER, STRANGER = "designer.owner.directly", "designer.none"
REFUSALS = {400, 403, 404, 405}
SAID = {"message", "supportId"}
OF_OAUTH = {"error", "error_description"}  # below /oauth, where nothing of these things is


def asked(world: World, who: str | None) -> list[tuple[str, Question, str]]:
    """What is done, the question, and the path as it should be; ids are the owner's."""
    names = world.names_of(world.people[OWNER])
    found = []
    for line in PATHS:
        method, path = line.split(" ", 1)
        path = path.format(**names)
        for what, raw in dict.fromkeys(spellings.of(path)):
            if raw != f"/api/v1{path}".encode():
                text = None if who is None else token(who, "all")
                found.append((what, Question(method=method, path=raw, token=text), path))
    return found


def answers(world: World, who: str | None) -> list[tuple[str, Question, str, Said]]:
    async def work() -> list[tuple[str, Question, str, Said]]:
        return [(*item, await ask(world.app, item[1])) for item in asked(world, who)]

    return world.run(work())


@pytest.mark.parametrize("who", [STRANGER, None])
def test_no_spelling_opens_what_is_closed(everybody: World, who: str | None) -> None:
    found = answers(everybody, who)
    refusals = REFUSALS if who else REFUSALS | {401}

    wrong = [
        f"{what}: {question.method} {question.path!r} {said.status} {said.body[:80]!r}"
        for what, question, _, said in found
        if not _asks_to_sign_in(said)
        if said.status not in refusals or set(said.json()) - OF_OAUTH != SAID or "Month end" in said.message
    ]

    assert not wrong, f"{len(wrong)} of {len(found):,}\n" + "\n".join(wrong[:40])
    assert len(found) >= SPELLINGS_LEAST


def test_a_spelling_means_the_same_or_nothing(everybody: World) -> None:
    canonical: dict[str, bytes] = {}
    same, wrong = set(), []

    for what, question, path, said in answers(everybody, OWNER):
        if path not in canonical:
            there = Question(method=question.method, path=f"/api/v1{path}", token=question.token)
            canonical[path] = _content(everybody.ask(there))
        if _content(said) == canonical[path]:
            same.add(what)
        elif said.status not in REFUSALS - {403} and not _asks_to_sign_in(said):
            wrong.append(f"{what}: {question.method} {question.path!r} {said.status} {said.body[:80]!r}")

    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:40])
    assert same == spellings.SAME


def _asks_to_sign_in(said: Said) -> bool:
    """Without the prefix of the API it is a page, and a page knows no token."""
    return said.status == 303 and said.headers["location"].startswith("/sign-in") and not said.body


def _content(said: Said) -> bytes:
    """The answer, without what is another one each time; a refusal of the route itself counts as one."""
    return said.message.encode() if said.status == 415 else said.body if said.status == 200 else b"refused"

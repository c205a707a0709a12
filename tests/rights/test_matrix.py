"""Every route x user role x role on the resource x scopes: the server decides as the oracle's own table says."""

from __future__ import annotations

from procession.model.rights import PUBLIC
from tests.rights import matrix, oracle
from tests.rights.asking import Question
from tests.rights.labels import every_route, label
from tests.rights.matrix import Case
from tests.rights.probes import PROBES, probe
from tests.rights.world import World
from tests.support import one_in

CASES_LEAST = 12_000
SAMPLE = 4  # of so many cases `make test` asks one, and one of each verdict of a route; `make thorough` asks them all


def wrong_in(world: World, asked: list[Case]) -> list[str]:
    async def work() -> list[str]:
        return [wrong async for wrong in matrix.mismatches(world, world.app, asked)]

    return world.run(work())


def test_every_route_has_a_row_in_the_table_and_every_row_a_route() -> None:
    labels = [label(route) for route in every_route()]

    assert sorted(labels) == sorted(oracle.rows())
    assert set(PROBES) <= set(labels)


def test_a_route_is_public_only_where_the_table_says_so() -> None:
    public = {label(route) for route in every_route() if route.rule is PUBLIC}

    assert public == {label for label, demand in oracle.rows().items() if demand.is_public}


def test_everybody_may_what_the_table_says_and_nothing_else(everybody: World, is_thorough: bool) -> None:
    every = list(matrix.cases(everybody))
    of_each = {(case.label, matrix.expected(everybody, case).status): case for case in every}
    asked = list({str(case): case for case in (*of_each.values(), *one_in(SAMPLE, every, unless=is_thorough))}.values())

    wrong = wrong_in(everybody, asked)

    assert not wrong, f"{len(wrong)} of {len(asked):,} cases\n" + "\n".join(wrong[:40])
    assert len(every) >= CASES_LEAST
    assert len(asked) >= (CASES_LEAST if is_thorough else CASES_LEAST // SAMPLE)


def test_every_verdict_is_reached_for_every_demand(everybody: World) -> None:
    """A matrix in which nobody is ever refused, or nobody ever let in, shows nothing."""
    for request, demand in oracle.rows().items():
        verdicts = {matrix.expected(everybody, case).status for case in matrix.cases(everybody, [request])}
        assert 0 in verdicts, request
        assert demand.is_public or {401, 403} <= verdicts, request
        assert not demand.of or 404 in verdicts, request


def test_head_is_decided_as_get_and_shows_no_content(everybody: World) -> None:
    for request in oracle.rows():
        if not request.startswith("GET "):
            continue
        for name in ("designer.none", "subscriber.reader.directly", "clientadmin.none"):
            case = Case(
                label=request, demand=oracle.rows()[request], probe=probe(), person=everybody.people[name], scopes="all"
            )
            get = matrix.question(everybody, case)
            head = Question(method="HEAD", path=get.path, token=get.token, query=get.query)
            said = everybody.ask(head)
            assert (said.status, said.body) == (everybody.ask(get).status, b""), case

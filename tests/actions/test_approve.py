"""approve: what is wrong with it when its file is applied."""

from __future__ import annotations

from typing import Any

import pytest

from procession import actions
from procession.model import process_file
from procession.model.process_file.documents import FileMistakes
from tests.engine.steps import approve, data, item, process, wait
from tests.engine.steps import decide as decision

ACTIONS = actions.registry()
DATA = data("d", item("total"), item("said", "String"), item("way", "Dropdown", options=["approved"]), item("n"))


def mistakes(*steps: dict[str, Any], **more: Any) -> list[tuple[Any, str]]:
    with pytest.raises(FileMistakes) as caught:
        process_file.parse(process(DATA, *steps, **more), actions=ACTIONS)
    return [(mistake.path[4:], mistake.message) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("settings", "place", "message"),
    [
        ({"who": {}}, ("who",), "name a group or a user"),
        ({"who": {"group": "A", "user": "b"}}, ("who",), "one of the two"),
        ({"who": {"user": "b"}, "at_least": 2}, ("at_least",), "one person"),
        ({"before": "soon"}, ("before",), "a duration"),
        ({"before": "400d"}, ("before",), "at most 366d"),
        ({"before": "24h"}, ("before",), "time_limit"),
        ({"otherwise": "fail"}, ("otherwise",), "give `before`"),
        ({"rejected": "go_on"}, ("rejected",), "needs outputs.decision"),
        ({"not": ["prepare"]}, ("not", 0), 'did you mean "preparer"?'),
        ({"shows": ["${d.totl}"]}, ("shows", 0), 'did you mean "d.total"?'),
        ({"shows": ["${d.said}"], "outputs": {"by": "${d.said}"}}, ("shows",), "would change what was signed"),
        ({"outputs": {"decision": "${d.way}"}}, ("outputs", "decision"), 'not "rejected"'),
        ({"outputs": {"at": "${d.n}"}}, ("outputs", "at"), "must be a number"),
    ],
)
def test_a_mistake_is_told_when_the_file_is_applied(settings: dict[str, Any], place: Any, message: str) -> None:
    ((found, said),) = mistakes(approve("ok", **settings))

    assert found == ("with", *place), said
    assert message in said


def test_a_step_behind_it_must_not_change_what_was_approved() -> None:
    later = decision("later", ({"succeeded": "ok"}, {"d.total": 1}))

    ((place, said),) = mistakes(approve("ok", shows=["${d.total}"]), later)

    assert place == ("with", "shows", 0)
    assert 'step "later" writes d.total' in said


def test_a_step_beside_it_must_not_either_and_one_before_it_may() -> None:
    beside = decision("beside", ({"succeeded": "d"}, {"d.total": 1}), needs=["d"])
    asks = approve("ok", shows=["${d.total}"], frame={"needs": ["d"]})

    assert len(mistakes(beside, asks)) == 1
    process_file.parse(process(DATA, beside, wait("then"), approve("ok", shows=["${d.total}"])), actions=ACTIONS)


def test_a_longer_time_limit_gives_people_the_time() -> None:
    parsed = process_file.parse(process(DATA, approve("ok", before="2d"), time_limit="3d"), actions=ACTIONS)

    assert parsed.time_limit_seconds == 3 * 86_400

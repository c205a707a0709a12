"""An application whose rules nobody can keep does not start."""

from __future__ import annotations

import pytest

from procession.api.nouns import server
from procession.door.contract import Route, Space
from procession.model.rights import Rule
from procession.serving import application


@pytest.mark.parametrize("space", [Space.ROOT, Space.OAUTH])
def test_a_route_with_a_rule_does_not_start_where_nobody_can_prove_who_they_are(space: Space) -> None:
    rule = Rule(scope="process_read")
    route = Route(method="GET", pattern="secrets", handler=server.health, rule=rule, summary="", space=space)

    with pytest.raises(ValueError, match="nobody can prove who they are at GET secrets"):
        application.check((route,), {Space.API})

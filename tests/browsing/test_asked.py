"""A question on an open page of a run: others decide while somebody types, in a real Chromium."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import home, table_workers
from tests.api.house import House
from tests.approving import asked
from tests.browsing.chromium import browser, scrolls_sideways, tab, violations
from tests.browsing.served import served
from tests.browsing.test_designer import VIEWS, apart
from tests.web.site import SESSION, signed_in
from tests.web.test_approving_live import says

__all__ = ["browser", "home", "table_workers"]  # fixtures, for pytest to find


@pytest.mark.thorough
def test_who_types_a_reason_sees_others_decide_and_keeps_the_reason(home: House, browser: Any) -> None:
    run = apart(asked, home, at_least=3)
    with served(home) as address:
        page, complaints = tab(browser, viewport=VIEWS[0])
        page.context.add_cookies([{"name": SESSION, "value": apart(signed_in, home, "mate"), "url": address}])
        # Not idle: the stream stays open.
        page.goto(f"{address}/runs/{run}", wait_until="load")
        page.locator("textarea[name=comment]").fill("as in May, but")
        apart(says, home, run, "owner", "approved", comment="fits")
        page.get_by_text("1 of 3 have approved").wait_for()
        assert "approved, “fits”" in page.locator(".question").inner_text()
        assert page.locator("textarea[name=comment]").input_value() == "as in May, but"
        assert violations(page) == []
        page.set_viewport_size(VIEWS[1])
        assert not scrolls_sideways(page)

        apart(says, home, run, "reader", "rejected")
        page.get_by_text("It was rejected by reader.").wait_for()
        assert not page.locator(".question form").is_visible()
        assert complaints == []

"""What the walls say of the settings alone."""

from __future__ import annotations

import pytest

from procession import config
from procession.serving import walls


@pytest.mark.parametrize(
    ("proxies", "url", "stands"),
    [
        ("none", "", True),
        ("127.0.0.1", "https://close.example", True),
        ("none", "https://close.example", False),
        ("0.0.0.0/0", "https://close.example", False),
    ],
)
def test_a_proxy_that_is_not_named_is_told(proxies: str, url: str, stands: bool) -> None:
    settings = config.read({"PROCESSION_TRUSTED_PROXIES": proxies, "PROCESSION_PUBLIC_URL": url})

    (wall,) = [one for one in walls._of_settings(settings) if one.name == "trusted proxies"]

    assert wall.stands == stands


@pytest.mark.parametrize(("workers", "steps", "stands"), [("4", "", True), ("4", "4", False), ("1", "", False)])
def test_the_wall_around_a_user_s_steps_stands_where_a_process_is_left_for_others(
    workers: str, steps: str, stands: bool
) -> None:
    settings = config.read({"PROCESSION_WORKERS_MAX": workers, "PROCESSION_USER_STEPS_MAX": steps})

    (wall,) = [one for one in walls._of_users(settings) if one.name == "steps of a user"]

    assert wall.stands == stands

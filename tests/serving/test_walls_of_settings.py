"""What the walls say of the settings alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession import config
from procession.home import Home
from procession.serving import walls

LIMITS = [name.upper() for name in config._READERS if name.endswith(("_max", "_min", "_seconds"))]


def seen(home: Path, environment: dict[str, str]) -> set[str]:
    return {wall.seen for wall in walls.of_server(config.read(environment), Home(folder=home), ())}


@pytest.mark.parametrize("name", LIMITS)
def test_doctor_shows_every_limit(tmp_path: Path, name: str) -> None:
    other = "300MiB" if "BYTES" in name else "70"

    assert seen(tmp_path, {f"PROCESSION_{name}": other}) != seen(tmp_path, {})


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

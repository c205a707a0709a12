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

"""Shortages that the kernel makes, of a whole server, seen from outside (what `python -m bench R12` measures)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bench import r12_shortages
from bench.r12_shortages import GRACE_SECONDS, SHORTAGES, SLOTS, suffer
from bench.server import Server
from bench.shortages import can_mount

OVER_SECONDS_MAX = 5.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("kernel")
    for place in (folder, folder.parent):
        place.chmod(0o755)  # steps run as users of their own
    with r12_shortages.serving(folder, on_small_disk=can_mount()) as made:
        yield made


# In `make test` test_sweep.py has every call fail for want of space, and tests/serving/test_reserve.py fills a disk.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "descriptors" else pytest.mark.thorough) for name in SHORTAGES]
)
def test_a_real_shortage_ends_no_run_wrongly_and_is_over_within_seconds(server: Server, name: str) -> None:
    if name != "descriptors" and not can_mount():
        pytest.skip("a file system of its own can only be mounted by root")

    suffered = suffer(server, SHORTAGES[name])

    assert suffered.over_seconds <= OVER_SECONDS_MAX
    assert (suffered.wrong, suffered.unanswered, suffered.left, suffered.slots) == ([], [], 0, SLOTS)
    assert set(suffered.refused) <= {503}
    # On a full disk a cancel may be refused; descriptors are no reason to.
    assert suffered.dead_seconds is not None or name != "descriptors"
    assert suffered.dead_seconds is None or suffered.dead_seconds <= GRACE_SECONDS + 1

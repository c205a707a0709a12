"""wait and fail."""

from __future__ import annotations

import msgspec
import pytest

from procession.actions.kinds import wait
from tests.actions.context import play


def test_waiting_shows_progress(tmp_path):
    played = play(wait.ACTION, tmp_path, {"seconds": 0.01})

    assert played.context.fractions[0] == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("seconds", [-1, 1e9, "soon"])
def test_a_wait_has_limits(seconds):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"seconds": seconds}, wait.WaitSettings)

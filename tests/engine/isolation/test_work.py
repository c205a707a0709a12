"""What a worker does with a job, and what the server hears of it."""

from __future__ import annotations

from decimal import Decimal

from conftest import House

from procession.model.lifecycle import StepStatus


def test_a_job_of_user_code_is_done(house: House) -> None:
    told = house.run("outputs['a.b'] = 6 * 7")

    assert told.outcome.status is StepStatus.SUCCESS
    assert told.outcome.outputs == {"a.b": 42}

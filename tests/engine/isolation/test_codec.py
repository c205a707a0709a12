"""A job crosses the pipe whole."""

from __future__ import annotations

from decimal import Decimal

from procession.actions.run_facts import RunFacts
from procession.engine.isolation import codec
from procession.engine.isolation.contract import Job, Limits


def test_a_job_is_the_same_on_the_other_side():
    job = Job(
        action="excel_report",
        settings={"sheets": [{"sheet": "Lines"}]},
        values={"p.total": Decimal("1.50")},
        types={"p.total": "Decimal"},
        targets={},
        folder="/x",
        step_key="report",
        idempotency_key="pr-7/as-1/1",
        limits=Limits(),
        about=RunFacts(process="p-3", process_version=4, run="pr-7", run_name="July", started_by="ann"),
        number=3,
    )

    assert codec.decode_job(codec.encode_job(job, number=3)) == job

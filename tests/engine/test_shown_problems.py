"""What a step gives although it fails is kept: it shows why."""

from __future__ import annotations

from pathlib import Path

from procession.model.lifecycle import Outcome, StepStatus
from tests.engine.steps import data, item, process, wait
from tests.engine.world import World


def test_what_shows_why_a_step_failed_is_kept_until_it_is_restarted(shared: World, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("id,k\n1,a\n2,\n")
    rules = {"name": "Filled", "column": "k", "is": "filled"}
    outputs = {"exceptions": "${d.exceptions}", "count": "${d.count}"}
    check = {"source": "${d.rows}", "rules": [rules], "outputs": outputs}
    run = shared.create(
        shared.apply(
            process(
                data(
                    "d",
                    item("rows", "File", "INPUT"),
                    item("exceptions", "File", "OUTPUT"),
                    item("count", flow="OUTPUT"),
                ),
                {"action": "validate", "name": "check", "key": "check", "with": check},
                wait("next"),
            )
        )
    ).id
    shared.upload(run, "d.rows", rows)
    shared.start(run)

    ended = shared.wait(run)

    assert ended.outcome is Outcome.FAILED
    assert shared.statuses(run) == {"d": StepStatus.SUCCESS, "check": StepStatus.FAILED, "next": StepStatus.NOT_STARTED}
    assert shared.value(run, "d.count") == 1
    assert shared.value(run, "d.exceptions") == b"rule,severity,row,column,value,words\nFilled,fail,2,k,,is empty\n"

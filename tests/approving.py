"""A house in which a step waits for people, without an engine: what it records is the engine's own."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from procession.actions.kinds.approve import ApproveSettings
from procession.engine.step_approvals import StepAsked
from procession.model.ids import GroupId, RunId
from procession.operations import processes, runs
from procession.operations.approvals_of_steps import ApprovalsOfSteps
from procession.store import history, people
from procession.store import steps as step_store
from procession.store.database import Transaction
from tests.api.house import House

WHO = {"group": "Controllers"}
NAMES = ("mate", "reader", "owner", "stranger")  # of the group


def text(process: str = "Month end", **settings: Any) -> str:
    values = {"title": "Post the accruals?", "shows": ["${d.amount}"], "who": WHO, **settings}
    step = {"action": "approve", "name": "Controllers agree", "key": "ok", "with": values}
    amount = {"name": "Amount", "key": "amount", "type": "Number", "flow": "INPUT", "value": 10}
    report = {"name": "Report", "key": "report", "type": "File"}
    steps = [{"data": "Data", "key": "d", "properties": [amount, report]}, step]
    return json.dumps({"process": process, "groups": [{"group": "All", "steps": steps}]})


def asked(home: House, *, starter: str = "editor", **settings: Any) -> str:
    """A run whose step has just asked the group; gives its id. It is of the newest version of p-1."""
    answer = home.ask("PUT", "processes/p-1/definition", content=text(**settings), who="editor")
    assert answer.status_code == 200, answer.text
    return begun(home, "p-1", starter)


def begun(home: House, process: str, starter: str) -> str:
    """The same of a process that asks."""
    run = str(home.post(f"processes/{process}/processruns", who=starter, json={"start": True})["id"])
    home.database.write(lambda tx: _group(home, tx))
    home.take(run)  # the data step
    home.database.write(lambda tx: _ask(home, tx, RunId.parse(run)))
    return run


def _group(home: House, tx: Transaction) -> GroupId:
    found = people.group_by_name(tx, "Controllers")
    if found is None:
        found = people.add_group(tx, "Controllers", "", home.clock.now())
        for name in NAMES:
            people.add_member(tx, found.id, home.users[name].id)
    return found.id


def _ask(home: House, tx: Transaction, run_id: RunId) -> None:
    run = runs.find(tx, run_id)
    step = next(row for row in step_store.of_run(tx, run_id) if row.key == "ok")
    home._begin(tx, run, step.id)
    (attempt,) = history.attempts_of_step(tx, step.id)
    tx.run("UPDATE step_attempt SET pid = 0, is_gone = 1 WHERE id = ?", attempt.id)
    settings = processes.definition_of(tx, run.process, run.version).step("ok")
    assert settings is not None
    revision = history.of_run(tx, run_id)[-1].revision
    ApprovalsOfSteps(home.resources.home_clock).ask(
        tx,
        StepAsked(
            run=run,
            step=step.id,
            attempt=attempt.id,
            revision=revision,
            settings=msgspec.convert(dict(settings.settings), ApproveSettings),
        ),
        home.clock.now(),
    )

"""One step tried by itself: on the first rows, in the isolated child, with no effect but words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as changed

from procession.actions.contract import ConnectionInput
from procession.engine.table_workers import TableWorkers, trial_settings
from procession.model import process_file
from procession.model.errors import Invalid, NotFound
from procession.model.lifecycle import StepStatus
from procession.model.processes import Process
from procession.operations import step_trials
from procession.operations.resources import Resources
from procession.operations.step_trials import TriedStep
from procession.operations.trial_inputs import TrialFile, TrialOf
from tests.engine import outside
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import StepText, data, item, process, python
from tests.engine.world import World

CSV = b"id,name\n" + b"".join(b'%d,"a name\nof two lines"\n' % number for number in range(50))


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TableWorkers, TableWorkers]]:
    place = tmp_path_factory.getbasetemp()
    bounds = changed(OPEN, **outside.ISOLATION)
    trials = TableWorkers(place / "trials", trial_settings(bounds))
    with managed.processes(place) as tables:
        yield tables, trials
    trials.close()


@pytest.fixture
def world(tmp_path: Path, workers: tuple[TableWorkers, TableWorkers]) -> World:
    return World(tmp_path, isolation=OPEN, workers=workers[0], more_actions=outside.ACTIONS)


@pytest.fixture
def resources(world: World, workers: tuple[TableWorkers, TableWorkers]) -> Resources:
    return replace(world.resources, trials=workers[1])


def sql(text: str, inputs: Mapping[str, Any], to: Any) -> StepText:
    return {
        "action": "run_sql",
        "name": "add",
        "key": "add",
        "with": {"sql": text, "inputs": inputs, "outputs": {"result": to}},
    }


def parsed(resources: Resources, *steps: StepText) -> Process:
    return process_file.parse(process(*steps), actions=resources.actions)


def given(path: Path, content: bytes, name: str = "given.csv") -> TrialFile:
    path.write_bytes(content)
    return TrialFile(path=path, name=name)


def tried(resources: Resources, world: World, trial: TrialOf) -> TriedStep:
    with world.db.read() as tx:
        trial = step_trials.with_home(tx, resources, world.caller, trial)
    return step_trials.run(resources, trial)


FILES = data("d", item("rows", "File"), item("out", "File"), item("least", "Number", value=10))


def counting(resources: Resources) -> TrialOf:
    step = sql(
        "SELECT count(*) AS many, $least AS least FROM rows",
        {"rows": "${d.rows}", "least": "${d.least}"},
        {"to": "${d.out}", "as": "out.csv"},
    )
    made = parsed(resources, FILES, step)
    return TrialOf(process=made, step=step_trials.find_step(made, "add"))


def test_a_step_gets_the_first_rows_and_its_output_is_shown_and_thrown_away(resources, world, tmp_path):
    trial = replace(counting(resources), files={"d.rows": given(tmp_path / "g", CSV)}, rows=7)

    found = tried(resources, world, trial)

    assert (found.status, found.remarks) == (StepStatus.SUCCESS, ("given.csv: the first 7 rows",))
    (output,) = found.outputs
    assert output.reference == "d.out" and output.preview is not None
    assert output.preview.first == (("7", "10"),)
    assert list(resources.trial_workers.folder.iterdir()) == []


def test_a_value_that_is_given_takes_the_place_of_the_propertys(resources, world, tmp_path):
    trial = counting(resources)
    value = {"d.least": 3}

    found = tried(resources, world, replace(trial, files={"d.rows": given(tmp_path / "g", CSV)}, values=value))

    assert found.remarks == () and found.outputs[0].preview is not None
    assert found.outputs[0].preview.first == (("50", "3"),)


def test_a_file_that_is_missing_is_named_before_anything_runs(resources, world):
    with pytest.raises(Invalid, match=r"step 1\.2 reads d\.rows, and no file is given for it"):
        tried(resources, world, counting(resources))


def test_a_script_runs_in_a_process_of_its_own_and_what_it_prints_is_shown(resources, world, tmp_path):
    code = "print('seen', len(inputs['rows'].read_text().splitlines()))\noutputs['out'] = 'x'\n"
    code = code.replace("outputs['out'] = 'x'", "outputs.file('out', 'x.csv').write_text('a,b\\n1,2\\n')")
    made = parsed(resources, FILES, python("script", code, inputs={"rows": "${d.rows}"}, outputs={"out": "${d.out}"}))
    trial = TrialOf(
        process=made,
        step=step_trials.find_step(made, "1.2"),
        files={"d.rows": given(tmp_path / "g", b"a\n" * 9)},
        rows=3,
    )

    found = tried(resources, world, trial)

    assert (found.status, found.log) == (StepStatus.SUCCESS, "seen 4\n"), found
    assert found.outputs[0].preview is not None and found.outputs[0].preview.rows == 1


def test_a_step_that_fails_says_why(resources, world):
    made = parsed(resources, python("script", "1 / 0"))

    found = tried(resources, world, TrialOf(process=made, step=step_trials.find_step(made, "script")))

    assert (found.status, found.message) == (StepStatus.FAILED, "ZeroDivisionError: division by zero (line 1)")


def test_a_table_is_read_at_its_present_version_and_none_is_written(resources, world):
    table = managed.make(world, "Ledger", {"amount": 5}, {"amount": 6}, amount="Money")
    step = sql("SELECT amount FROM ledger", {"ledger": "${table:Ledger}"}, {"to": "${table:Ledger}", "mode": "append"})
    made = parsed(resources, FILES, step)
    version = managed.version(world, table)

    found = tried(resources, world, TrialOf(process=made, step=step_trials.find_step(made, "add")))

    assert found.status is StepStatus.SUCCESS and found.outputs[0].name == 'the table "Ledger"'
    assert found.outputs[0].preview is not None and found.outputs[0].preview.rows == 2
    assert managed.version(world, table) == version


def reaching(resources: Resources) -> TrialOf:
    step = {"action": "leave", "name": "leave", "key": "leave", "with": {"connection": "Folder", "lines": 3}}
    made = parsed(resources, step)
    return TrialOf(process=made, step=step_trials.find_step(made, "leave"))


def test_a_step_that_reaches_outside_says_what_it_would_do_and_does_nothing(resources, world, tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    trial = replace(
        reaching(resources), connection=ConnectionInput(name="Folder", kind="folder", options={"path": str(folder)})
    )

    found = step_trials.run(resources, trial)

    assert (found.sends, found.message) == (True, f"leaves 3 lines in {folder}")
    assert list(folder.iterdir()) == []


def test_one_that_cannot_say_what_it_would_do_is_refused(resources):
    silent = replace(resources, actions={**resources.actions, "leave": replace(outside.ACTION, preview=None)})

    with pytest.raises(Invalid, match="does not say what it would send"):
        step_trials.run(silent, reaching(resources))


def test_a_connection_that_one_may_not_use_is_none(resources, world):
    with world.db.read() as tx, pytest.raises(Invalid, match=r'no connection "Folder" that .* may use'):
        step_trials.with_home(tx, resources, world.caller, reaching(resources))


def test_what_must_happen_once_and_what_uses_the_network_is_refused(resources):
    made = parsed(resources, python("pay", "pass", effect="once"))

    with pytest.raises(Invalid, match="must happen only once"):
        step_trials.action_of(resources, step_trials.find_step(made, "pay"))


def test_a_step_that_is_none_is_told(resources):
    made = parsed(resources, FILES, python("script"))

    with pytest.raises(NotFound, match=r"there is no step match .* there are script"):
        step_trials.find_step(made, "match")
    with pytest.raises(Invalid, match="holds data"):
        step_trials.find_step(made, "d")

"""What every engine must do with steps: order, conditions, outputs, retries, data steps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.runs import HistoryKind
from procession.operations import files
from procession.operations import steps as step_operations
from procession.store import history, steps
from tests.engine.steps import data, fail, item, mark, marks, process, python, stay, wait
from tests.engine.world import World
from tests.support import wait_until

SUCCESS, FAILED, SKIPPED = StepStatus.SUCCESS, StepStatus.FAILED, StepStatus.SKIPPED
NOT_STARTED = StepStatus.NOT_STARTED


def test_a_plain_list_runs_in_order(shared: World, tmp_path: Path) -> None:
    sink = tmp_path / "sink"
    run = shared.begin(process(*[python(key, mark(sink, key)) for key in "abcd"]))

    ended = shared.wait(run)

    assert (ended.status, ended.outcome) == (RunStatus.FINISHED, Outcome.SUCCESS)
    assert marks(sink) == ["a", "b", "c", "d"]
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert ended.duration_seconds is not None
    assert 0 < ended.duration_seconds <= 30


def test_steps_that_do_not_wait_for_each_other_run_at_the_same_time(shared: World, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    run = shared.begin(
        process(
            wait("start"),
            python("a", mark(first) + stay(second), needs=["start"]),
            python("b", mark(second) + stay(first), needs=["start"]),
            python("end", mark(tmp_path / "end"), needs=["a", "b"]),
        )
    )

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert marks(tmp_path / "end") == ["x"]


def test_conditions_and_disabled_steps_decide_what_is_skipped(shared: World) -> None:
    run = shared.begin(
        process(
            data("in", item("n", value=3)),
            wait("yes", when={"equals": {"property": "in.n", "value": 3}}),
            wait("no", when={"equals": {"property": "in.n", "value": 4}}),
            wait("leap", skip_when={"succeeded": "yes"}),
            wait("off", enabled=False),
            wait("last"),
        )
    )

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert shared.statuses(run) == {
        "in": SUCCESS,
        "yes": SUCCESS,
        "no": SKIPPED,
        "leap": SKIPPED,
        "off": SKIPPED,
        "last": SUCCESS,
    }
    assert "disabled" in shared.step(run, "off").message


def test_a_failure_stops_the_list_and_names_itself(shared: World) -> None:
    run = shared.begin(
        process(fail("bad", "no such account"), wait("next"), wait("rescue", needs=["bad"], when={"failed": "bad"}))
    )

    assert shared.wait(run).outcome is Outcome.FAILED
    assert shared.statuses(run) == {"bad": FAILED, "next": NOT_STARTED, "rescue": SUCCESS}
    assert shared.step(run, "bad").message == "no such account"
    assert shared.step(run, "next").message == 'not started: step 1.1 "bad" failed'


def test_an_exception_of_the_script_is_the_reason_and_its_traceback_the_log(shared: World) -> None:
    run = shared.begin(process(python("bad", "print('before')\nraise ValueError('no rate for CZK')")))
    shared.wait(run)

    with shared.db.read() as tx:
        tries = step_operations.tries(tx, run, shared.step(run, "bad").id)

    assert shared.step(run, "bad").message == "no rate for CZK (line 2)"
    assert tries.latest is not None
    assert tries.is_over
    log = shared.resources.step_logs.read(tries.latest, 0).decode()
    assert log.startswith("before\n")
    assert "Traceback" in log


def test_a_warning_counts_as_success_and_shows_in_the_outcome(shared: World) -> None:
    run = shared.begin(process(python("careful", "warn('two rows were odd')"), wait("next")))

    assert shared.wait(run).outcome is Outcome.WARNING
    assert shared.statuses(run) == {"careful": StepStatus.WARNING, "next": SUCCESS}
    assert shared.step(run, "careful").message == "two rows were odd"


def test_a_missing_required_input_fails_its_data_step_by_name(shared: World) -> None:
    month = item("month", "String", "INPUT", required=True) | {"name": "Month of the books"}
    file = item("f", "File", "INPUT", required=True)
    # A condition may skip the step, so the start does not ask for its inputs.
    run = shared.begin(process(wait("first"), data("in", month, file, when={"succeeded": "first"}), wait("next")))

    assert shared.wait(run).outcome is Outcome.FAILED
    assert shared.step(run, "in").status is FAILED
    assert '"Month of the books"' in shared.step(run, "in").message
    assert '"f"' in shared.step(run, "in").message
    assert shared.step(run, "next").status is NOT_STARTED


def test_system_variables_are_resolved_when_the_data_step_runs(shared: World) -> None:
    run = shared.begin(
        process(
            data(
                "in",
                {"name": "who", "type": "SystemVariable", "variable": "USER_EMAIL"},
                {"name": "what", "type": "SystemVariable", "variable": "PROCESS_NAME"},
            ),
            name="Variables",
        )
    )

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert shared.value(run, "in.who") == "ada@example.com"
    assert shared.value(run, "in.what") == "Variables"


OUTPUTS = data("out", item("n", flow="OUTPUT"), item("f", "File", "OUTPUT"))
WRITE = "outputs['n'] = {n}\noutputs.file('f').write_text('content {n}')"
TARGETS = {"n": "${out.n}", "f": "${out.f}"}


def test_outputs_are_published_and_read_by_later_steps(shared: World) -> None:
    run = shared.begin(
        process(
            OUTPUTS,
            python("write", WRITE.format(n=7), outputs=TARGETS),
            python(
                "read",
                "assert inputs['n'] == 7\nassert inputs['f'].read_text() == 'content 7'\nmessage('both seen')",
                inputs=TARGETS,
            ),
        )
    )

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert shared.step(run, "read").message == "both seen"
    assert shared.value(run, "out.n") == 7
    assert shared.value(run, "out.f") == b"content 7"


def test_a_failed_step_publishes_nothing(shared: World) -> None:
    run = shared.begin(
        process(OUTPUTS, python("write", WRITE.format(n=7) + "\nraise ValueError('no')", outputs=TARGETS))
    )

    assert shared.wait(run).outcome is Outcome.FAILED
    assert shared.value(run, "out.n") is None
    assert shared.value(run, "out.f") is None


def test_a_restart_returns_outputs_to_the_version_before_and_keeps_the_old(shared: World, tmp_path: Path) -> None:
    gate, n = tmp_path / "gate", tmp_path / "n"
    n.write_text("1")
    code = f"n = int(open({str(n)!r}).read())\noutputs['n'] = n\noutputs.file('f').write_text('content %d' % n)"
    run = shared.begin(
        process(
            OUTPUTS,
            python("first", mark(tmp_path / "first")),
            python("write", stay(gate) + code, outputs=TARGETS),
            python("late", mark(tmp_path / "late")),
        )
    )
    gate.touch()
    shared.wait(run)
    before = {key: step for key, step in shared.steps(run).items() if key in {"out", "first"}}
    assert shared.value(run, "out.n") == 1
    gate.unlink()
    n.write_text("2")

    shared.restart(run, "write")
    shared.wait_for(run, "write", StepStatus.RUNNING)

    assert shared.value(run, "out.n") is None
    assert shared.value(run, "out.f") is None
    assert shared.step(run, "late").status is NOT_STARTED
    gate.touch()
    ended = shared.wait(run)
    assert (ended.outcome, ended.attempt) == (Outcome.SUCCESS, 2)
    assert {key: shared.step(run, key) for key in before} == before
    assert shared.value(run, "out.n") == 2
    assert shared.value(run, "out.f") == b"content 2"
    assert old_file(shared, run) == b"content 1"
    assert marks(tmp_path / "first") == ["x"]
    assert marks(tmp_path / "late") == ["x", "x"]


def old_file(world: World, run: RunId) -> bytes:
    """What the first attempt wrote."""
    with world.db.read() as tx:
        row = next(row for row in steps.properties_of(tx, world.step(run, "out").id) if row.item.key == "f")
        assert row.file is not None
        old = files.at_attempt(tx, row.file.id, 1)
    assert old.sha256 is not None
    return world.blobs.fetch(old.sha256).read_bytes()


def test_a_restart_is_recorded_with_plan_who_and_why(shared: World) -> None:
    run = shared.begin(process(wait("a"), wait("b"), wait("c")))
    first = shared.wait(run)

    shared.restart(run, "b")
    again = shared.wait(run)

    entry = next(row for row in shared.history(run) if row.kind is HistoryKind.RESTARTED)
    ids = {key: str(step.id) for key, step in shared.steps(run).items()}
    assert (entry.user, entry.attempt, entry.detail["reason"]) == (shared.caller.user.login, 2, "because")
    assert entry.detail["reset"] == [ids["b"], ids["c"]]
    assert entry.detail["carried"] == [ids["a"]]
    assert str(entry.step) == ids["b"]
    assert again.started_at == first.started_at


def test_a_failed_step_is_tried_again_after_longer_and_longer_waits(shared: World, tmp_path: Path) -> None:
    sink = tmp_path / "sink"
    code = mark(sink) + f"if len(open({str(sink)!r}).readlines()) < 3: raise ValueError('not yet')"
    run = shared.begin(process(python("shaky", code, retry={"times": 3, "wait": "0.1s", "backoff": 2})))

    assert shared.wait(run).outcome is Outcome.SUCCESS

    assert len(marks(sink)) == 3
    assert shared.step(run, "shaky").tries == 3
    with shared.db.read() as tx:
        tries = history.attempts_of_run(tx, run)
    assert [(row.number, row.status) for row in tries] == [(1, FAILED), (2, FAILED), (3, SUCCESS)]
    waits = [
        (later.started_at - earlier.finished_at).total_seconds()
        for earlier, later in pairwise(tries)
        if earlier.finished_at is not None
    ]
    assert waits[0] >= 0.09
    assert waits[1] >= 0.19


def test_a_step_that_waits_for_its_retry_says_when(shared: World) -> None:
    run = shared.begin(process(fail("bad", "no", retry={"times": 1, "wait": "1h"})))
    shared.wait_for(run, "bad", StepStatus.SCHEDULED)

    step = shared.step(run, "bad")
    shared.cancel(run)

    assert step.message == "no; try 2 of 2 follows in 3600 s"
    assert step.retry_at is not None
    assert shared.step(run, "bad").status is StepStatus.CANCELLED


def test_the_last_try_decides(shared: World) -> None:
    run = shared.begin(process(fail("bad", "no", retry={"times": 2, "wait": "0.01s"})))

    assert shared.wait(run).outcome is Outcome.FAILED
    assert shared.step(run, "bad").tries == 3
    assert shared.step(run, "bad").message == "no"


def test_a_step_declared_once_is_never_tried_again(shared: World, tmp_path: Path) -> None:
    code = mark(tmp_path / "sink") + "raise ValueError('no')"
    run = shared.begin(process(python("pay", code, effect="once", retry={"times": 3, "wait": "0.01s"})))

    assert shared.wait(run).outcome is Outcome.FAILED
    assert marks(tmp_path / "sink") == ["x"]


def test_progress_is_seen_while_the_step_runs(shared: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = shared.begin(process(python("slow", "progress(0.4, 'reading')\n" + stay(gate))))

    wait_until(lambda: shared.step(run, "slow").progress is not None)
    step = shared.step(run, "slow")
    gate.touch()

    assert (step.progress, step.progress_message) == (0.4, "reading")
    assert shared.wait(run).outcome is Outcome.SUCCESS


def test_revisions_only_rise_and_every_step_tells_its_moves(shared: World) -> None:
    run = shared.begin(process(wait("a"), fail("b")))
    shared.wait(run)

    rows = shared.history(run)

    revisions = [row.revision for row in rows]
    assert revisions == sorted(set(revisions))
    assert rows[-1].kind is HistoryKind.FINISHED
    moves = [(str(row.step), row.detail["status"]) for row in rows if row.kind is HistoryKind.STEP]
    a, b = (str(shared.step(run, key).id) for key in "ab")
    assert moves == [(a, "Running"), (a, "Success"), (b, "Running"), (b, "Failed")]

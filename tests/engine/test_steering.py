"""Steps that the engine performs itself: what they leave behind is what every other step leaves."""

from __future__ import annotations

from pathlib import Path

from procession.model.lifecycle import Outcome, StepStatus
from procession.model.runs import HistoryKind
from procession.store import history
from tests.engine.steps import data, decide, fail, item, process, python, stay, wait
from tests.engine.world import World
from tests.support import wait_until

SUCCESS, FAILED, SKIPPED = StepStatus.SUCCESS, StepStatus.FAILED, StepStatus.SKIPPED
DATA = data("d", item("count"), item("path", "String"), item("given", flow="INPUT"))


def equals(reference: str, value: object) -> dict[str, object]:
    return {"equals": {"property": reference, "value": value}}


def test_what_it_sets_steers_the_steps_behind_it(shared: World) -> None:
    run = shared.begin(
        process(
            DATA,
            python("count", "outputs['n'] = 7", outputs={"n": "${d.count}"}),
            decide("way", (equals("d.count", 7), {"d.path": "review"}), otherwise={"d.path": "none"}),
            wait("review", when=equals("d.path", "review")),
            wait("none", when=equals("d.path", "none")),
        )
    )

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert shared.statuses(run) == {"d": SUCCESS, "count": SUCCESS, "way": SUCCESS, "review": SUCCESS, "none": SKIPPED}
    assert shared.value(run, "d.path") == "review"


def test_it_leaves_an_attempt_and_a_row_of_history_and_no_process(shared: World) -> None:
    run = shared.begin(process(DATA, decide("way", ({"succeeded": "d"}, {"d.path": "x"}))))
    shared.wait(run)

    with shared.db.read() as tx:
        (attempt,) = history.attempts_of_run(tx, run)
        told = [row for row in history.of_run(tx, run) if row.step == shared.step(run, "way").id]
        left = history.not_gone(tx)
    step = shared.step(run, "way")

    assert (attempt.number, attempt.status, attempt.is_gone, attempt.pid) == (1, SUCCESS, True, 0)
    assert (step.tries, step.message, attempt.message) == (1, 'rule 1: d.path = "x"', step.message)
    assert [(row.kind, row.detail["status"], row.detail["try"]) for row in told] == [(HistoryKind.STEP, "Success", 1)]
    assert not left


def test_without_an_answer_the_run_fails_and_nothing_is_set(shared: World) -> None:
    run = shared.begin(process(DATA, decide("way", (equals("d.count", 1), {"d.path": "x"})), wait("next")))

    assert shared.wait(run).outcome is Outcome.FAILED
    assert "d.count is empty" in shared.step(run, "way").message
    assert shared.value(run, "d.path") is None
    assert "not started" in shared.step(run, "next").message


def test_it_waits_for_the_steps_that_its_rules_ask_about(shared: World, tmp_path: Path) -> None:
    """Although it needs none of them."""
    gate = tmp_path / "gate"
    run = shared.begin(
        process(
            DATA,
            python("slow", stay(gate), needs=["d"]),
            decide("way", ({"succeeded": "slow"}, {"d.path": "x"}), needs=["d"]),
            wait("beside", needs=["d"]),
        )
    )
    wait_until(lambda: shared.statuses(run)["beside"] is SUCCESS)
    before = shared.statuses(run)["way"]
    gate.touch()

    assert before is StepStatus.NOT_STARTED
    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert shared.value(run, "d.path") == "x"


def test_a_blocked_step_neither_failed_nor_keeps_it_waiting(shared: World) -> None:
    run = shared.begin(
        process(
            DATA,
            fail("bad", needs=["d"]),
            wait("behind", needs=["bad"]),
            decide("way", ({"failed": "behind"}, {"d.path": "f"}), otherwise={"d.path": "o"}, needs=["d"]),
        )
    )

    shared.wait(run)

    assert shared.value(run, "d.path") == "o"


def test_a_restart_takes_back_what_it_set_and_decides_anew(shared: World, tmp_path: Path) -> None:
    given = tmp_path / "count"
    given.write_text("1")
    code = f"outputs['n'] = int(open({str(given)!r}).read())"
    run = shared.begin(
        process(
            DATA,
            python("count", code, outputs={"n": "${d.count}"}),
            decide("way", (equals("d.count", 1), {"d.path": "one"})),
        )
    )
    shared.wait(run)
    given.write_text("2")

    shared.restart(run, "count")
    shared.wait(run)

    assert shared.statuses(run)["way"] is FAILED
    assert shared.value(run, "d.path") is None


def test_a_restart_of_a_step_that_its_rules_ask_about_decides_anew(shared: World) -> None:
    """What was decided by an end that is undone is undecided, also where no order says so."""
    run = shared.begin(
        process(
            DATA,
            wait("asked", needs=["d"]),
            decide("way", ({"succeeded": "asked"}, {"d.path": "x"}), needs=["d"]),
        )
    )
    shared.wait(run)

    shared.restart(run, "asked")
    shared.wait(run)

    assert shared.step(run, "way").tries == 1
    with shared.db.read() as tx:
        attempts = [one.attempt for one in history.attempts_of_step(tx, shared.step(run, "way").id)]
    assert attempts == [1, 2]


def test_a_restart_from_the_step_itself_decides_by_what_is_there(shared: World) -> None:
    run = shared.begin(process(DATA, wait("a"), decide("way", ({"succeeded": "a"}, {"d.path": "x"}))))
    shared.wait(run)

    shared.restart(run, "way")

    assert shared.wait(run).outcome is Outcome.SUCCESS


def test_a_hundred_of_them_take_no_slot(shared: World) -> None:
    rules = [decide(f"way{number}", ({"succeeded": "d"}, {"d.count": number})) for number in range(100)]
    run = shared.begin(process(DATA, *rules))

    assert shared.wait(run).outcome is Outcome.SUCCESS
    assert shared.value(run, "d.count") == 99

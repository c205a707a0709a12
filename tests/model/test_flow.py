"""What a run does next, rule by rule."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from procession.model import flow, plans
from procession.model.lifecycle import Outcome, StepStatus
from procession.model.processes import Atom, AtomKind, Condition, Join, Junction, Process, Step, StepKind

NOT_STARTED, SUCCESS, FAILED, SKIPPED = (
    StepStatus.NOT_STARTED,
    StepStatus.SUCCESS,
    StepStatus.FAILED,
    StepStatus.SKIPPED,
)


def step(key: str, **more: Any) -> Step:
    return Step(key=key, name=key.upper(), kind=StepKind.ACTION, order=f"1.{key}", group="Work", **more)


def atom(kind: str, subject: str, value: Any = None) -> Atom:
    return Atom(kind=AtomKind(kind), subject=subject, value=value)


def join(kind: str, *parts: Condition) -> Junction:
    return Junction(join=Join(kind), parts=parts)


def moves(steps: list[Step], statuses: str, *, restarted: str | None = None, **state: Any) -> flow.Moves:
    """`statuses`: a letter a step: not started, running, success, warning, failed, cancelled, k for skipped."""
    letters = dict(zip("nrswfck", _STATUSES, strict=True))
    ends = {step.key: letters[letter] for step, letter in zip(steps, statuses, strict=True)}
    plan = plans.prepare(Process(name="P", steps=tuple(steps)), restarted=restarted, statuses=ends)
    return flow.next_moves(plan, flow.FlowState(statuses=ends, values=state.pop("values", {}), **state))


_STATUSES = (
    NOT_STARTED,
    StepStatus.RUNNING,
    SUCCESS,
    StepStatus.WARNING,
    FAILED,
    StepStatus.CANCELLED,
    SKIPPED,
)


def test_a_plain_list_runs_in_order() -> None:
    steps = [step("a"), step("b"), step("c")]

    assert moves(steps, "nnn").start == ("a",)
    assert moves(steps, "rnn") == flow.Moves(start=(), skip=(), blocked=(), finished=False)
    assert moves(steps, "wnn").start == ("b",)
    assert moves(steps, "sss").finished


def test_a_plain_list_stops_at_the_first_failure_and_names_it_in_every_step_behind() -> None:
    result = moves([step("a"), step("b"), step("c")], "fnn")

    assert result.blocked == (
        ("b", 'not started: step 1.a "A" failed'),
        ("c", 'not started: step 1.a "A" failed'),
    )
    assert result.finished


def test_a_message_that_was_told_is_not_told_again() -> None:
    assert moves([step("a"), step("b")], "fn", told={"b"}).blocked == ()


def test_a_disabled_step_is_skipped_and_transparent() -> None:
    result = moves([step("a"), step("b", enabled=False), step("c")], "snn")

    assert result.skip == (("b", "skipped: the step is disabled"),)
    assert result.start == ("c",)


def test_a_skipped_step_does_not_hide_the_failure_before_it() -> None:
    steps = [step("a"), step("b", skip_when=atom("failed", "a")), step("c")]

    result = moves(steps, "fnn")

    assert [key for key, _ in result.skip] == ["b"]
    assert [key for key, _ in result.blocked] == ["c"]


def test_needs_run_at_the_same_time_and_join() -> None:
    steps = [step("a"), step("b", needs=("a",)), step("c", needs=("a",)), step("d", needs=("b", "c"))]

    assert moves(steps, "snnn").start == ("b", "c")
    assert moves(steps, "ssrn").start == ()
    assert moves(steps, "sssn").start == ("d",)


def test_who_needs_nothing_starts_at_once() -> None:
    assert moves([step("a"), step("b", needs=())], "nn").start == ("a", "b")


def test_who_needs_a_skipped_step_is_skipped_and_so_on() -> None:
    steps = [step("a", enabled=False), step("b", needs=("a",)), step("c", needs=("b",)), step("d")]

    result = moves(steps, "nnnn")

    assert [key for key, _ in result.skip] == ["a", "b", "c"]
    assert result.start == ("d",)


def test_a_failure_counts_more_than_a_skip() -> None:
    steps = [step("a", enabled=False), step("b", needs=()), step("c", needs=("a", "b"))]

    assert [key for key, _ in moves(steps, "kfn").blocked] == ["c"]


def test_a_condition_that_names_a_step_decides_alone() -> None:
    steps = [step("a"), step("b", when=atom("failed", "a")), step("c", needs=("a",), when=atom("completed", "a"))]

    assert moves(steps, "fnn").start == ("b", "c")
    assert moves(steps, "snn").skip == (("b", "skipped: its condition does not hold"),)


def test_a_condition_without_needs_still_waits_for_its_turn() -> None:
    steps = [step("a"), step("b"), step("c", when=atom("succeeded", "a"))]

    assert moves(steps, "srn").start == ()
    assert moves(steps, "sfn").start == ("c",)


def test_a_condition_on_values_only_does_not_excuse_a_failure() -> None:
    steps = [step("a"), step("b", when=atom("equals", "d.send", True))]

    assert moves(steps, "sn", values={"d.send": True}).start == ("b",)
    assert [key for key, _ in moves(steps, "sn", values={"d.send": False}).skip] == ["b"]
    assert [key for key, _ in moves(steps, "fn", values={"d.send": True}).blocked] == ["b"]


def test_the_skip_condition_is_looked_at_first() -> None:
    steps = [step("a"), step("b", skip_when=atom("failed", "a"), when=atom("failed", "a"))]

    assert moves(steps, "fn").skip == (("b", "skipped: its skip condition holds"),)


def test_a_condition_that_fails_because_of_a_failure_blocks() -> None:
    steps = [step("a"), step("b", when=atom("succeeded", "a")), step("c", when=join("not", atom("failed", "a")))]

    assert [key for key, _ in moves(steps, "fnn").blocked] == ["b", "c"]


def test_an_atom_about_a_skipped_step_is_unknown_unless_it_asks_about_skipping() -> None:
    asked = {
        "succeeded": atom("succeeded", "a"),
        "not": join("not", atom("failed", "a")),
        "any": join("any", atom("failed", "a"), atom("skipped", "a")),
        "all": join("all", atom("completed", "a"), atom("skipped", "a")),
    }
    steps = [step("a"), *(step(key, needs=(), when=condition) for key, condition in asked.items())]

    result = moves(steps, "knnnn")

    assert result.start == ("any",)
    assert dict(result.skip) == dict.fromkeys(("succeeded", "not", "all"), "skipped: its condition is unknown")


def test_an_any_starts_as_soon_as_one_holds_and_reads_values_only_when_all_steps_are_decided() -> None:
    either = join("any", atom("succeeded", "a"), atom("succeeded", "b"))
    mixed = join("any", atom("failed", "a"), atom("equals", "d.x", 1))
    steps = [
        step("a"),
        step("b", needs=()),
        step("c", needs=(), when=either),
        step("d", needs=(), when=mixed),
    ]

    assert moves(steps, "srnn", values={"d.x": 1}).start == ("c", "d")
    assert moves(steps, "rrnn", values={"d.x": 1}).start == ()


def test_comparisons_and_updated_files() -> None:
    values = {"d.n": 5, "d.empty": None}
    holds = {
        "equals": ("d.n", 5, True),
        "not_equals": ("d.n", 5, False),
        "greater": ("d.n", 4, True),
        "at_least": ("d.n", 5, True),
        "less": ("d.n", 5, False),
        "at_most": ("d.empty", 5, False),
        "updated": ("d.f", None, True),
    }

    for kind, (subject, value, expected) in holds.items():
        result = moves([step("a", when=atom(kind, subject, value))], "n", values=values, updated={"d.f"})
        assert (result.start == ("a",)) is expected, kind
    assert moves([step("a", when=atom("equals", "d.empty", ""))], "n", values=values).start == ("a",)


def test_whether_a_failure_or_a_skip_stands_in_the_way_does_not_hang_on_which_step_ends_first() -> None:
    both = join("all", atom("succeeded", "b"), atom("warned", "a"))
    for when in (both, join("not", join("not", both)), join("not", join("any", join("not", both)))):
        steps = [step("a"), step("b", needs=()), step("c", when=when)]

        assert moves(steps, "rfn") == flow.Moves(start=(), skip=(), blocked=(), finished=False)
        assert [key for key, _ in moves(steps, "sfn").skip] == ["c"]
        assert [key for key, _ in moves(steps, "wfn").blocked] == ["c"]


def test_a_condition_that_holds_already_does_not_wait_for_what_cannot_change_it() -> None:
    steps = [step("a"), step("b", needs=()), step("c", when=join("any", atom("failed", "b"), atom("warned", "a")))]

    assert moves(steps, "rfn").start == ("c",)
    assert moves([*steps[:2], step("c", skip_when=steps[2].when)], "rfn").skip[0][0] == "c"


def test_a_restarted_step_runs_whatever_its_condition_says_and_those_before_it_do_not_move() -> None:
    steps = [step("a"), step("b"), step("c", skip_when=atom("completed", "a")), step("d")]

    assert moves(steps, "scnn", restarted="c").start == ("c",)
    assert moves(steps, "nnnn", restarted="c").start == ("c",)
    assert moves(steps, "ncsn", restarted="c").start == ("d",)


def test_who_needs_a_step_that_was_carried_without_having_run_is_blocked() -> None:
    steps = [step("a"), step("b", needs=()), step("c", needs=("a", "b"))]

    assert moves(steps, "nsn", restarted="b").blocked == (("c", 'not started: step 1.a "A" did not run'),)


def test_outcome() -> None:
    process = Process(name="P", steps=(step("a"), step("b"), step("c", enabled=False)))

    def outcome(*ends: StepStatus) -> Outcome:
        return flow.outcome(process, dict(zip("abc", ends, strict=True)))

    assert outcome(SUCCESS, SKIPPED, SKIPPED) is Outcome.SUCCESS
    assert outcome(SUCCESS, StepStatus.WARNING, SKIPPED) is Outcome.WARNING
    assert outcome(FAILED, StepStatus.WARNING, SKIPPED) is Outcome.FAILED
    assert outcome(SUCCESS, NOT_STARTED, SKIPPED) is Outcome.FAILED


@st.composite
def _processes(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 8))):
        keys = [earlier.key for earlier in steps]
        some = st.sampled_from(keys) if keys else st.nothing()
        asked = st.builds(atom, st.sampled_from(["succeeded", "warned", "failed", "completed", "skipped"]), some)
        tree = st.recursive(
            asked | st.just(atom("equals", "d.x", 1)),
            lambda parts: (
                st.builds(join, st.just("not"), parts)
                | st.builds(
                    lambda kind, many: join(kind, *many), st.sampled_from(["all", "any"]), st.lists(parts, min_size=1)
                )
            ),
            max_leaves=4,
        )
        needs = st.none() | st.lists(some, unique=True, max_size=2).map(tuple) if keys else st.none()
        steps.append(
            step(
                f"s{number}",
                enabled=draw(st.booleans()) or draw(st.booleans()),
                needs=draw(needs),
                when=draw(st.none() | tree),
                skip_when=draw(st.none() | tree),
            )
        )
    return steps


@given(_processes(), st.data())
def test_every_run_ends_and_what_is_decided_stays_decided(steps: list[Step], data: st.DataObject) -> None:
    plan = plans.prepare(Process(name="P", steps=tuple(steps)))
    statuses = {step.key: NOT_STARTED for step in steps}
    told: set[str] = set()
    settled = flow.Settled()
    for _ in range(2 * len(steps) + 1):
        state = flow.FlowState(statuses=statuses, values={"d.x": 1}, told=told)
        result = flow.next_moves(plan, state)
        assert result == flow.next_moves(plan, state, settled), "what is over need not be looked at again"
        assert told.isdisjoint(result.start), "a blocked step must stay where it is"
        told.update(key for key, _ in result.blocked)
        statuses |= {key: SKIPPED for key, _ in result.skip} | dict.fromkeys(result.start, StepStatus.RUNNING)
        assert result.finished == (StepStatus.RUNNING not in statuses.values())
        if result.finished:
            break
        running = [key for key, status in statuses.items() if status is StepStatus.RUNNING]
        statuses[data.draw(st.sampled_from(running))] = data.draw(
            st.sampled_from([SUCCESS, StepStatus.WARNING, FAILED])
        )

    assert result.finished
    assert {key for key, status in statuses.items() if status is NOT_STARTED} == told
    again = flow.next_moves(plan, flow.FlowState(statuses=statuses, values={"d.x": 1}, told=told))
    assert again == flow.Moves(start=(), skip=(), blocked=(), finished=True)

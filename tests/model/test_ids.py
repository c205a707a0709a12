"""Ids as clients write them: any case, one spelling, and never more than the store can hold."""

from __future__ import annotations

import pytest

from procession.model import ids
from procession.model.errors import NotFound
from procession.model.ids import ActionStepId, DataStepId, ProcessId, RunId, TableId


@pytest.mark.parametrize("text", ["pr-42", "PR-42", "Pr-42"])
def test_an_id_is_read_in_any_case_and_written_in_one(text: str) -> None:
    assert str(RunId.parse(text)) == "pr-42"


@pytest.mark.parametrize(
    "text",
    ["", "pr", "pr-", "pr-0", "pr-042", "pr--1", "pr-1 ", "pr-1\n", "pr-\u0664", "pr-1.0", "pr-" + "9" * 19, "42"],
)
def test_a_malformed_id_names_nothing(text: str) -> None:
    with pytest.raises(NotFound, match="there is no process run"):
        RunId.parse(text)


def test_the_largest_number_fits_every_database() -> None:
    assert RunId.parse("pr-" + "9" * 18).number < 2**63


def test_an_id_of_another_kind_is_answered_with_the_right_prefix() -> None:
    with pytest.raises(NotFound, match=r'there is no process p?r-7 \(ids of a process begin with "p-"\)'):
        ProcessId.parse("pr-7")


def test_a_step_and_a_resource_have_two_kinds_each() -> None:
    assert ids.parse_step("DS-1") == DataStepId(1)
    assert ids.parse_step("as-1") == ActionStepId(1)
    assert ids.parse_resource("p-1") == ProcessId(1)
    assert ids.parse_resource("MT-1") == TableId(1)


@pytest.mark.parametrize("text", ["pr-1", "1", "", "ds", "p"])
def test_what_is_neither_kind_is_named_as_given(text: str) -> None:
    with pytest.raises(NotFound, match="there is no"):
        ids.parse_step(text)
    with pytest.raises(NotFound, match="there is no"):
        ids.parse_resource(text)


def test_ids_of_two_kinds_are_never_equal() -> None:
    assert len({DataStepId(1), ActionStepId(1), RunId(1), RunId(1)}) == 3

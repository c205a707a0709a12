"""Drafts of processes over HTTP."""

from __future__ import annotations

import pytest

from tests.api.house import PROCESS, House

DRAFT = "processes/p-1/draft"


def keep(home: House, text: str, who: str = "owner") -> int:
    return home.ask("PUT", DRAFT, who=who, content=text.encode()).status_code


def test_without_a_draft_the_present_version_is_what_one_begins_with(home: House) -> None:
    found = home.get(DRAFT)

    assert (found["isKept"], found["baseVersion"], found["dateKept"]) == (False, 1, None)
    assert found["text"] == home.ask("GET", "processes/p-1/definition").text


def test_a_draft_is_kept_as_it_is_and_thrown_away(home: House) -> None:
    assert keep(home, "process: [\u00fc") == 200
    found = home.get(DRAFT)

    assert (found["text"], found["isKept"], found["baseVersion"]) == ("process: [\u00fc", True, 1)
    assert home.get(DRAFT, who="editor")["isKept"] is False
    for _ in range(2):
        assert home.ask("DELETE", DRAFT).status_code == 200
    assert home.get(DRAFT)["isKept"] is False


def test_a_draft_remembers_what_it_began_from(home: House) -> None:
    keep(home, PROCESS)
    home.ask("PUT", "processes/p-1/definition", content=PROCESS.replace("Closes", "Ends").encode())
    keep(home, PROCESS + "# more\n")

    assert home.get(DRAFT)["baseVersion"] == 1
    assert [version["comment"] for version in home.get("processes/p-1/versions")] == ["", ""]


@pytest.mark.parametrize("content", [b"\xff", b"x" * 2_000_001])
def test_what_is_no_text_or_too_long_is_refused(home: House, content: bytes) -> None:
    assert home.ask("PUT", DRAFT, content=content).status_code == 400
    assert home.get(DRAFT)["isKept"] is False

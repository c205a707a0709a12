"""What runs the documents notices what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import blocks, checking, comparing
from tests.docs.blocks import Block, Unwritable
from tests.docs.shell import Terminal, terminal
from tests.docs.test_blocks import _play


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "here").mkdir()
    with terminal(tmp_path / "here", tmp_path) as found:
        yield found


def page(tmp_path: Path, text: str) -> list[Block]:
    path = tmp_path / "page.md"
    path.write_text(text, "utf-8")
    return blocks.read(path)


@pytest.mark.parametrize(
    "text",
    [
        "```\nls\n```\n",
        "```bash\nls\n```\n",
        "```sh quietly\nls\n```\n",
        "```sh\nls\n",
        "1. A list\n   ```\n   ls\n   ```\n",
    ],
)
def test_a_block_of_no_kind_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unwritable, match=r"page\.md"):
        page(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```sh\nfalse\n```\n", "exit code 1"),
        ("```sh\nfalse | true\n```\n", "exit code 1"),
        ("```sh\nfalse\ntrue\n```\n", "exit code 1"),
        ("```sh fails\ntrue\n```\n", "exit code 0"),
        ("```python\nraise SystemExit(3)\n```\n", "exit code"),
        ("```sh\necho one\n```\n\n```output\ntwo\n```\n", "another one"),
        ('```sh\necho \'{"a": 1}\'\n```\n\n```json output\n{"a": 2}\n```\n', "not 2"),
        ("```output\none\n```\n", "no command before it"),
        ("```sh unrunnable\nrm -rf /\n```\n", "say in UNRUNNABLE"),
        ("```text\nfree words\n```\n", "must be marked unrunnable"),
        ("```yaml\n- {action: run_sq, with: {}}\n```\n", "nothing that stands in one"),
        ("```nginx\nserver { listen 80\n```\n", "page.md"),
        ("```systemd\n[Service]\nExecStrt=/bin/true\n```\n", "page.md"),
    ],
)
def test_a_wrong_block_fails(opened: Terminal, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        _play(page(tmp_path, text), opened)


def test_the_blocks_of_a_page_share_a_terminal(opened: Terminal, tmp_path: Path) -> None:
    text = "```csv file=a/b.csv\n1\n```\n\n```sh\nX=2; cd a\n```\n\n```sh\necho $(cat b.csv) $X\n```\n\n```output\n1 2\n```\n"

    _play(page(tmp_path, text), opened)


@pytest.mark.parametrize(
    ("shown", "came", "is_same"),
    [
        ("pr-1 took 0.95 s", "pr-7 took 12.0 s", True),
        ("ended 2026-11-28 08:16", "ended 2027-01-02 09:00", True),
        ("784 matched", "785 matched", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...\nd", "a\nb\nc", False),
        ("...\nb\n...", "a\nb\nc", True),
        ("...\nx\n...", "a\nb\nc", False),
        ("a\n...\na", "a", False),
    ],
)
def test_only_what_varies_may_differ(shown: str, came: str, *, is_same: bool) -> None:
    assert (comparing.difference(shown, came) == "") is is_same


def test_an_answer_may_have_more_than_is_shown_and_not_less() -> None:
    assert comparing.missing({"a": 1}, {"a": 1, "b": 2}) == ""
    assert "b is not in the answer" in comparing.missing({"b": 1}, {"a": 1})
    assert "[1] is 3, not 2" in comparing.missing([1, 2], [1, 3])
    assert comparing.missing([1], [1, 2])


def test_a_part_of_a_process_file_is_known_by_what_it_has() -> None:
    def said(text: str) -> str:
        return checking.check_yaml(Block(document="page.md", line=1, kind="yaml", text=text))

    assert said("alert: {email: a@example.com}") == ""
    assert said("- {name: Month, type: String}") == ""
    assert said("inputs: {t: {file: '${files.t}', delimiter: ';'}}") == ""
    assert said("when: {failed: match}") == ""
    assert said("inputs: {t: {file: '${files.t}', delimeter: ';'}}")
    assert said("whem: {failed: match}")

"""The words for a run's end: where and why it failed, on one line, however its steps wrote it."""

from __future__ import annotations

import pytest

from procession.model import ends


def told(count: int, message: str, kind: str = "failed") -> dict[str, object]:
    step = {"step": "as-1", "stepOrder": "2.1", "name": "Match", "completionMessage": message}
    return {kind: {"count": count, "steps": [step] * min(count, ends.STEPS_MAX)}}


def test_the_first_failed_step_is_named_and_the_others_are_counted() -> None:
    assert ends.place(told(1, "no rows")) == ' at step 2.1 "Match": no rows'
    assert ends.place(told(3, "no rows")) == ' at step 2.1 "Match" (and 2 more): no rows'
    assert ends.place(told(1, "no rows", kind="notCompleted")) == ' at step 2.1 "Match": no rows'


def test_a_step_that_says_nothing_leaves_no_colon() -> None:
    assert ends.place(told(1, "")) == ' at step 2.1 "Match"'
    assert ends.place({}) == ""
    assert ends.place(told(1, "late", kind="warned")) == ""


def test_no_message_can_begin_another_line_or_drive_a_terminal() -> None:
    assert ends.place(told(1, "a\r\nBcc: b\x1b[2J\u2028c")) == ' at step 2.1 "Match": a  Bcc: b [2J c'


def test_addresses_are_told_apart_and_named_once() -> None:
    assert ends.addresses("a@example.com; b@example.com,a@example.com ;,") == ["a@example.com", "b@example.com"]
    assert ends.addresses("  ") == []


@pytest.mark.parametrize(
    "text",
    ["ada", "@example.com", "ada@", "ada@exa mple.com", "Ada <ada@example.com>", '"a"@example.com', "a@[127.0.0.1]",
     "ada@example.com\nBcc: eve@example.com", "ada@-example.com", "ada@example.com.", "ädä@example.com"],
)  # fmt: skip
def test_what_a_mail_server_may_refuse_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no mail address such as close@example\.com"):
        ends.addresses(text)


def test_an_alert_has_a_limited_number_of_addresses() -> None:
    many = ",".join(f"a{number}@example.com" for number in range(21))

    with pytest.raises(ValueError, match="at most 20 addresses, not 21"):
        ends.addresses(many)

"""What send_email says in a trial: each mail as it would be sent, and nothing on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from procession.actions.contract import ConnectionInput, Context, StepOutcome
from procession.actions.kinds.send_email import ACTION, ONE, ROWS
from procession.actions.problems import Problem
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

# Nobody listens at this address: what was sent would fail.
MAIL = ConnectionInput(
    name="mail", kind="smtp", options={"host": "mail.example", "sender": "Close <close@example.com>"}
)


def _told(context: Context) -> StepOutcome:
    assert ACTION.preview is not None
    return StepOutcome(status=StepStatus.SUCCESS, message=ACTION.preview(context))


def said(folder: Path, settings: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    return play(replace(ACTION, run=_told), folder, settings, values, connection=MAIL).outcome.message


def test_a_mail_is_told_with_its_receivers_its_files_and_its_text(tmp_path: Path) -> None:
    text = said(tmp_path, {**ONE.settings, "bcc": ["audit@example.com"], "outputs": {}}, ONE.inputs)

    assert text.splitlines() == [
        "From: Close <close@example.com>",
        "To: Ada Lovelace <ada@example.com>",
        "Cc: controlling@example.com",
        "Bcc: audit@example.com",
        "Subject: Close of January",
        "  with the file close.csv",
        "  The report of January is attached.",
    ]


def test_of_many_rows_the_first_are_told_and_all_are_made(tmp_path: Path) -> None:
    rows = b"number,amount,name,email\n" + b"".join(b"%d,1.50,Ada,a%d@example.com\n" % (n, n) for n in range(1, 8))
    settings = {**ROWS.settings, "outputs": {}}

    text = said(tmp_path, settings, {"files.open": ("open.csv", rows)})

    assert text.startswith("7 mails, one for each row\nFrom: Close <close@example.com>\nTo: a1@example.com\n")
    assert "a5@example.com" in text and "a6@example.com" not in text and text.endswith("and 2 more")
    with pytest.raises(Problem, match=r"row 7: to: .* is no address"):
        said(tmp_path / "again", settings, {"files.open": ("open.csv", rows.replace(b"a7@", b"a7 at "))})


def test_a_file_that_is_too_large_is_said_to_become_a_link(tmp_path: Path) -> None:
    given = {**ONE.inputs, "results.report": ("close.csv", b"x" * 1_000_001)}

    text = said(tmp_path, {**ONE.settings, "attach_max_mb": 1, "outputs": {}}, given)

    assert "with the file" not in text and text.endswith(
        'the file "close.csv" is over the limit of 1 MB: a link stands in the mail'
    )

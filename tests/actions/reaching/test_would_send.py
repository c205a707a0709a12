"""What call_http says in a trial: each request as it would be sent, no secret, and nothing on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from procession.actions.contract import ConnectionInput, Context, StepOutcome
from procession.actions.kinds.call_http import ACTION, ROWS
from procession.actions.problems import Problem
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

# Nobody listens at this address: what was sent would fail.
BANK = ConnectionInput(name="bank", kind="http", options={"url": "https://bank.example/api"})


def _told(context: Context) -> StepOutcome:
    assert ACTION.preview is not None
    return StepOutcome(status=StepStatus.SUCCESS, message=ACTION.preview(context))


def said(folder: Path, settings: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> str:
    asked = replace(ACTION, run=_told)
    return play(asked, folder, {"connection": "bank", **settings}, values, connection=BANK).outcome.message


def test_a_request_is_told_with_its_address_and_body(tmp_path: Path) -> None:
    settings = {
        "method": "POST",
        "path": "/payments/{n}",
        "inputs": {"n": "${p.n}"},
        "json": {"amount": 5},
        "query": {"dry": "1"},
    }

    assert said(tmp_path, settings, {"p.n": "A 7"}) == (
        'POST https://bank.example/api/payments/A%207?dry=1\n  Content-Type: application/json\n  {"amount":5}'
    )


def test_of_many_rows_the_first_are_told(tmp_path: Path) -> None:
    rows = b"number,iban,amount\n" + b"".join(b"%d,DE%d,1.50\n" % (n, n) for n in range(1, 8))

    text = said(tmp_path, ROWS.settings, {"files.payments": ("payments.csv", rows)})

    assert text.startswith("7 requests, one for each row\nPOST https://bank.example/api/payments\n")
    assert '"to":"DE5"' in text and '"to":"DE6"' not in text and text.endswith("and 2 more")


def test_a_row_that_cannot_be_filled_in_is_found(tmp_path: Path) -> None:
    settings = {**ROWS.settings, "json": {"to": "{nobody}"}}

    with pytest.raises(Problem, match="nobody"):
        said(tmp_path, settings, {"files.payments": ("payments.csv", b"number,iban,amount\n1,DE1,1\n")})

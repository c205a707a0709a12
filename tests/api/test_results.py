"""What a failure means, and all results of a run as a zip, by the API."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from procession.store.database import Transaction
from tests.api.house import House
from tests.web.run_site import failed, play, well


def test_a_failed_step_is_explained(home: House) -> None:
    run = failed(home, "OSError: [Errno 28] No space left on device: 'report.csv' (line 4)")

    status = home.get(f"processruns/{run.id}/steps/{run.row('match').id}/runstatus")
    rows = home.get(f"processruns/{run.id}/steps?include=all")

    assert status["explanation"]["meaning"].startswith("The disk of the server is full")
    assert status["explanation"]["advice"].endswith("then restart from this step.")
    assert status["completionMessage"].startswith("OSError: [Errno 28]")
    assert next(row for row in rows if row["key"] == "match")["runStatus"]["explanation"] == status["explanation"]


def test_a_step_that_did_not_fail_has_no_explanation(home: House) -> None:
    """Scripts that were written for SolveXia see the answer that they know."""
    run = well(home)

    for key in ("p", "match", "march"):
        status = home.get(f"processruns/{run.id}/steps/{run.row(key).id}/runstatus")
        assert "explanation" not in status


def test_an_action_explains_by_its_kind(home: House) -> None:
    run = failed(home, "KeyError: 'amount' (line 3)")

    status = home.get(f"processruns/{run.id}/steps/{run.row('match').id}/runstatus")

    assert status["explanation"]["meaning"].startswith('The script looked for "amount"')


def test_the_results_of_an_attempt_are_a_zip(home: House) -> None:
    run = well(home)

    answer = home.ask("GET", f"processruns/{run.id}/results?attempt=1")

    assert answer.headers["content-type"] == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["results.csv", "report.csv"]
    assert home.ask("GET", f"processruns/{run.id}/results?attempt=2").status_code == 400
    assert home.ask("GET", f"processruns/{run.id}/results", who="stranger").status_code == 404
    assert home.ask("HEAD", f"processruns/{run.id}/results").content == b""


def test_a_run_that_wrote_nothing_has_no_zip(home: House) -> None:
    answer = home.ask("GET", f"processruns/{play(home).id}/results")

    assert (answer.status_code, "has no results to download" in answer.json()["message"]) == (400, True)


def _running(statement: str, *parameters: object) -> Callable[[Transaction], int]:
    return lambda tx: tx.run(statement, *parameters)


def test_the_status_of_a_step_has_its_figures_and_those_of_the_run_before(home: House) -> None:
    first, second = (home.new_run(start=True) for _ in range(2))
    for run, rows in ((first, 3), (second, 5)):
        step = home.step(run, "settle")
        home.take(run)
        home.finish(run)
        told, number = f'{{"rows_out.result": "{rows}", "total": "12.50"}}', int(step.partition("-")[2])
        home.database.write(_running("UPDATE step_attempt SET figures = ? WHERE step_id = ?", told, number))

    status = home.get(f"processruns/{second}/steps/{home.step(second, 'settle')}/runstatus")

    assert status["figures"] == {"rows_out.result": "5", "total": "12.50"}
    assert status["figuresBefore"] == {"run": first, "figures": {"rows_out.result": "3", "total": "12.50"}}
    attempts = home.get(f"processruns/{second}/history")["attempts"][0]["stepAttempts"]
    assert status["figures"] in [row["figures"] for row in attempts]
    assert "figuresBefore" not in home.get(f"processruns/{first}/steps/{home.step(first, 'settle')}/runstatus")

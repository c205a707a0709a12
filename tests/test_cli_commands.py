"""Commands on a home without a server, and beside one."""

from __future__ import annotations

import os
import urllib.parse
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.programs import ECHO, apply_text, ask, command, serving
from tests.support import wait_until

pytestmark = pytest.mark.acceptance


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_apply_tells_the_ids_and_publishes_nothing_when_nothing_changed(home: Path) -> None:
    first = apply_text(home, ECHO % "a")
    again = apply_text(home, ECHO % "a")
    changed = apply_text(home, ECHO % "b")

    assert (first["id"], first["version"]) == ("p-1", 1)
    assert [step["key"] for step in first["steps"]] == ["data", "count", "copy"]
    assert (again["version"], again["isNew"]) == (1, False)
    assert (changed["version"], changed["isNew"]) == (2, True)


def test_all_mistakes_of_all_files_are_told_with_their_places(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("process: A\ngroups:\n  - group: G\n    steps:\n      - {action: nothing}\n")
    (tmp_path / "b.yaml").write_text("proces: B\n")
    files = [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]

    text, json = command(home, "apply", *files), command(home, "apply", *files, "--json")

    assert (text.code, json.code, text.out) == (1, 1, "")
    assert text.err.splitlines()[0].startswith(f"{files[0]}:5:")
    assert text.err.splitlines()[-1] == f"procession: {len(json.json['errors'])} mistakes"
    assert {error["file"] for error in json.json["errors"]} == set(files)


def test_sql_that_cannot_be_read_is_told_without_a_server(home: Path, tmp_path: Path) -> None:
    steps = "- {action: run_sql, name: Totals, with: {sql: 'SELCT 1'}}\n      - {action: wait, with: {seconds: x}}"
    (tmp_path / "a.yaml").write_text(f"process: A\ngroups:\n  - group: G\n    steps:\n      {steps}\n")

    said = command(home, "apply", str(tmp_path / "a.yaml")).err.splitlines()

    assert said[0].endswith('step 1.1 "Totals": the SQL of this step, line 1: syntax error at or near "SELCT"')
    assert (len(said), said[-1]) == (3, "procession: 2 mistakes")


def test_run_waits_without_a_server_and_tells_the_outcome(home: Path, tmp_path: Path) -> None:
    apply_text(home, ECHO % "word")
    (tmp_path / "text.txt").write_text("hello")

    said = command(
        home,
        "run",
        "Echo",
        "--input",
        "data.word=longer",
        "--file",
        f"data.text={tmp_path / 'text.txt'}",
        "--wait",
        "--json",
    )

    assert said.code == 0, said
    assert (said.json["status"], said.json["outcome"]) == ("Finished", "Success")
    assert [step["status"] for step in said.json["steps"]] == ["Success"] * 3


def test_a_run_that_fails_ends_with_1_and_a_line_for_each_step(home: Path) -> None:
    apply_text(home, ECHO % "bad")

    said = command(home, "run", "p-1", "--wait")

    assert said.code == 1
    assert "bad is no word" in said.out
    assert said.out.splitlines()[-1].endswith("Failed")


def test_without_a_server_a_run_begins_when_one_starts(home: Path) -> None:
    apply_text(home, ECHO % "word")

    said = command(home, "run", "Echo")

    assert "begins when a server is started" in said.out
    with serving(home):
        wait_until(lambda: command(home, "status", "pr-1", "--json").json["status"] == "Finished")


def test_commands_work_beside_a_server(home: Path) -> None:
    apply_text(home, ECHO % "bad")
    with serving(home):
        failed = command(home, "run", "Echo", "--wait", "--json")
        plan = command(home, "restart", "pr-1", "count", "--plan", "--json")
        restarted = command(home, "restart", "pr-1", "2.1", "--json")
        by_order = command(home, "restart", "pr-1", "1.2", "--reason", "again", "--json")
        finished = wait_until(partial(_final, home))
        cancelled = command(home, "cancel", "pr-1", "--json")

    assert (failed.code, failed.json["outcome"]) == (1, "Failed")
    assert len(plan.json["plan"]["reset"]) == 2
    assert restarted.code == 1
    assert "there is no step 2.1 in pr-1" in restarted.err
    assert (by_order.code, by_order.json["isServerRunning"]) == (0, True)
    assert finished is not None
    assert finished["attempt"] == 2
    assert cancelled.json["status"] == "Finished"


def _final(home: Path) -> dict[str, object] | None:
    said: dict[str, object] = command(home, "status", "pr-1", "--json").json
    return said if said["status"] == "Finished" else None


def test_people_are_made_and_the_secret_is_shown_once(home: Path) -> None:
    user = command(
        home,
        "user",
        "create",
        "--email",
        "ada@x.org",
        "--first-name",
        "Ada",
        "--last-name",
        "L",
        "--role",
        "ClientAdmin",
        "--json",
    )
    group = command(home, "group", "create", "--name", "Close", "--json")
    application = command(
        home, "application", "create", "--name", "S", "--user", "ada", "--scopes", "process,file", "--json"
    )

    assert (user.json["id"], user.json["loginName"]) == ("u-1", "ada")
    assert group.json == {"id": "ug-1", "name": "Close"}
    assert set(application.json) == {"id", "client_id", "client_secret", "name", "user", "scopes", *PLACES}
    assert application.json["scopes"] == ["file", "process"]


PLACES = {"redirect_uris", "is_public"}


def test_an_application_is_listed_changed_given_a_new_secret_and_deleted(home: Path) -> None:
    back = "https://app.example/back"
    made = command(home, "application", "create", "--name", "Old", "--redirect-uri", back, "--json").json
    desktop = command(home, "application", "create", "--name", "Desktop", "--public", "--json").json
    assert "client_secret" not in desktop

    changed = command(home, "application", "change", made["id"], "--name", "New", "--scopes", "file", "--json").json
    renewed = command(home, "application", "reset-secret", made["client_id"], "--json").json
    listed = command(home, "application", "list", "--json").json["applications"]
    emptied = command(home, "application", "change", made["id"], "--redirect-uri", "", "--json").json

    assert (changed["name"], changed["scopes"], changed["redirect_uris"]) == ("New", ["file"], [back])
    assert renewed["client_secret"] != made["client_secret"]
    assert listed[0] == changed and "client_secret" not in listed[0]
    assert emptied["redirect_uris"] == []
    assert "has no secret" in command(home, "application", "reset-secret", desktop["id"]).err
    assert command(home, "application", "delete", made["client_id"]).code == 0
    assert [item["id"] for item in command(home, "application", "list", "--json").json["applications"]] == ["c-2"]


def test_a_secret_that_was_reset_signs_in_and_the_old_one_does_not(home: Path) -> None:
    made = command(home, "application", "create", "--name", "S", "--json").json
    with serving(home) as server:

        def status(secret: str) -> int:
            form = {"grant_type": "client_credentials", "client_id": made["client_id"], "client_secret": secret}
            return ask("POST", f"{server.address}/oauth/token", urllib.parse.urlencode(form).encode()).status

        assert status(made["client_secret"]) == 200
        renewed = command(home, "application", "reset-secret", made["id"], "--json").json["client_secret"]

        assert (status(made["client_secret"]), status(renewed)) == (401, 200)


def test_whoever_runs_the_server_can_help_a_user_back_in(home: Path) -> None:
    command(home, "application", "create", "--name", "S")
    with serving(home) as server:
        path = command(home, "user", "link", "admin", "--json").json["setPasswordLink"]

        page = ask("GET", server.address + path)

    assert page.status == 200 and b'type="password"' in page.content
    assert [user["loginName"] for user in command(home, "user", "list", "--json").json["users"]] == ["admin"]
    assert 'there is no user "bob"' in command(home, "user", "link", "bob").err


@pytest.mark.parametrize(
    "arguments",
    [
        "run Echo",
        "status pr-1",
        "cancel pr-1",
        "restart pr-1 count",
        "restart pr-1 count --plan",
        "user list",
        "user link ada",
        "user sign-in ada",
        "application list",
        "application change c-1 --name x",
        "application reset-secret c-1",
        "application delete c-1",
        "doctor",
    ],
)
def test_a_home_that_is_not_there_is_not_made_by_asking_for_it(home: Path, arguments: str) -> None:
    said = command(home, *arguments.split())

    assert said.code == 1
    told = f"there is no home at {home}: procession serve, apply or user create make one"
    assert told in (said.out if arguments == "doctor" else said.err)
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["status", "pr-9"], 1, "there is no process run pr-9"),
        (["run", "Nothing"], 1, 'there is no process "Nothing"'),
        (["apply", "nowhere.yaml"], 1, "nowhere.yaml cannot be read"),
        (["apply"], 2, "FILE"),
        (["user", "create", "--email", "x"], 2, "--first-name"),
        (["application", "create", "--name", "x", "--scopes", "everything"], 1, "there is no scope everything"),
    ],
)
def test_errors_are_one_line_and_usage_is_2(home: Path, arguments: list[str], code: int, text: str) -> None:
    command(home, "group", "create", "--name", "Close")

    said = command(home, *arguments)

    assert (said.code, said.out) == (code, "")
    assert text in said.err


def test_doctor_finds_a_home_well_and_then_what_is_wrong(home: Path, tmp_path: Path) -> None:
    apply_text(home, ECHO % "word")
    (tmp_path / "text.txt").write_text("hello")
    command(home, "run", "Echo", "--file", f"data.text={tmp_path / 'text.txt'}", "--wait")
    well = command(home, "doctor", "--json")
    for content in (home / "files").glob("??/*"):
        content.chmod(0o600)
        content.write_text("other")
    home.chmod(0o755)

    ill = command(home, "doctor", "--json")

    assert well.code == 0, well.out
    assert ill.code == 1
    assert {check["name"] for check in ill.json["checks"] if check["status"] == "problem"} == {
        "permissions",
        "changed files",
    }
    changed = next(check["message"] for check in ill.json["checks"] if check["name"] == "changed files")
    assert '"text.txt" (data.text of pr-1)' in changed


def test_who_becomes_an_administrator_of_a_new_home_is_said_once(home: Path, tmp_path: Path) -> None:
    (tmp_path / "echo.yaml").write_text(ECHO % "word")

    first, again = (command(home, "apply", str(tmp_path / "echo.yaml"), "--json") for _ in range(2))

    assert "made admin (admin@localhost) the administrator of this new home" in first.err
    assert again.err == ""


def test_status_says_that_a_run_waits_for_a_server(home: Path) -> None:
    apply_text(home, (ECHO % "word").replace("required: true", "required: false"))
    started = command(home, "run", "Echo")

    said = command(home, "status", "pr-1")

    assert "no server works on this home, so the run waits: procession serve" in said.out, started.err


def test_doctor_lists_the_libraries_of_scripts(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "libraries" / "rates-2.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: rates\nVersion: 2.1\n")
    monkeypatch.setenv("PROCESSION_STEP_LIBRARIES", str(about.parent))
    apply_text(home, ECHO % "word")

    checks = {check["name"]: check for check in command(home, "doctor", "--json").json["checks"]}

    assert checks["libraries"]["message"] == f"scripts find rates 2.1 in {about.parent}"


def test_doctor_warns_of_libraries_that_a_step_s_user_may_not_read(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root lends users to steps")
    (tmp_path / "libraries").mkdir(mode=0o700)
    monkeypatch.setenv("PROCESSION_STEP_LIBRARIES", str(tmp_path / "libraries"))
    apply_text(home, ECHO % "word")

    checks = {check["name"]: check for check in command(home, "doctor", "--json").json["checks"]}

    assert checks["libraries"]["message"] == f"scripts cannot read {tmp_path / 'libraries'}: chmod -R a+rX"


def test_doctor_and_the_start_up_line_tell_the_same_walls(home: Path) -> None:
    with serving(home) as server:
        told = command(home, "doctor", "--json").json

    assert _still(told["walls"]) == _still(server.ready["walls"])
    checks = {check["name"]: check["status"] for check in told["checks"]}
    assert {wall["name"]: wall["stands"] for wall in told["walls"]} == {
        wall["name"]: checks[wall["name"]] == "ok" for wall in told["walls"]
    }


def _still(walls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what changes from one moment to the next."""
    return [wall for wall in walls if wall["name"] != "disk"]


def test_doctor_tells_of_a_wall_that_is_missing_what_is_weaker_and_what_changes_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_text(home, ECHO % "word")
    monkeypatch.setenv("PROCESSION_HOST", "0.0.0.0")  # noqa: S104 - nothing listens
    monkeypatch.setenv("PROCESSION_TRUSTED_PROXIES", "0.0.0.0/0")

    checks = {check["name"]: check for check in command(home, "doctor", "--json").json["checks"]}

    assert checks["encryption"] == {
        "name": "encryption",
        "status": "warning",
        "message": "other machines may connect; without it, passwords and tokens can be read on the way:"
        " --tls-cert and --tls-key, or a proxy on this machine",
    }
    assert checks["trusted proxies"]["status"] == "warning"


def test_a_new_user_is_given_a_link_to_set_the_password(home: Path) -> None:
    ada = ("--first-name", "Ada", "--last-name", "Byron", "--role", "Designer")
    made = command(home, "user", "create", "--email", "ada@example.com", *ada, "--json").json
    text = command(home, "user", "create", "--email", "bob@example.com", *ada).out.splitlines()
    with serving(home) as server:
        pages = [ask("GET", server.address + path) for path in (made["setPasswordLink"], text[1])]

    assert [page.status for page in pages] == [200, 200]
    assert b'type="password"' in pages[0].content
    assert text[0] == "u-2 Designer bob (bob@example.com)"
    assert text[2].startswith("It sets a password once, within 7 days")


def test_schema_knows_the_settings_of_the_actions(home: Path) -> None:
    said = command(home, "schema", "--json")

    assert "run_python" in said.out
    assert said.json["$schema"].startswith("https://json-schema.org/")


def test_missing_inputs_are_told_before_anything_is_queued(home: Path) -> None:
    apply_text(home, ECHO.replace("type: File, flow: INPUT", "type: File, flow: INPUT, required: true") % "word")

    said = command(home, "run", "Echo", "--wait")

    assert (said.code, said.err) == (1, "procession: the run cannot start: Data > Text needs a file (data.text)\n")
    assert "no process run pr-1" in command(home, "status", "pr-1").err


def test_restart_latest_goes_on_with_the_newest_version_and_the_plan_says_that_there_is_one(home: Path) -> None:
    apply_text(home, ECHO % "bad")
    command(home, "run", "Echo", "--wait")
    apply_text(home, (ECHO % "bad").replace('inputs["word"] == "bad"', 'inputs["word"] == "worse"'))

    plan = command(home, "restart", "pr-1", "count", "--plan")
    plain = command(home, "restart", "pr-1", "count", "--plan", "--json").json["plan"]
    restarted = command(home, "restart", "pr-1", "count", "--latest")

    assert "newer version 2, the run follows 1: --latest takes it" in plan.out
    assert 'what differs in it: step 1.2 "Count": its settings' in plan.out
    assert (plain["version"], plain["newerVersion"]["obstacles"]) == (1, [])
    assert "it follows version 2 now, version 1 before" in restarted.out
    with serving(home):
        wait_until(lambda: command(home, "status", "pr-1", "--json").json["outcome"] == "Success")


def test_a_restart_without_latest_says_that_there_is_a_newer_version(home: Path) -> None:
    apply_text(home, ECHO % "bad")
    command(home, "run", "Echo", "--wait")
    apply_text(home, ECHO % "good")

    refused = command(home, "restart", "pr-1", "count", "--latest")
    restarted = command(home, "restart", "pr-1", "count")

    assert (refused.code, 'step 1.1 "Data": property "word" (value)' in refused.err) == (1, True)
    assert "2 steps run again; it follows version 1, and there is version 2 (--latest takes it)" in restarted.out

"""Every public method of the official SDK, unmodified, over TLS; and what its older versions do differently."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.world import Place, Sdk, place, sdk
from tests.support import wait_until

PROCESS = """
process: Month end
groups:
  - group: Inputs
    steps:
      - data: Parameters
        properties:
          - {name: Count, key: count, type: Number, flow: INPUT, value: 10}
          - {name: Rate, key: rate, type: Decimal, flow: INPUT, decimal_points: 2, value: 1.5}
          - {name: Note, key: note, type: Text, flow: INPUT, value: "as told"}
          - {name: Name, key: name, type: String, flow: INPUT, value: word}
          - {name: Sure, key: sure, type: CheckBox, flow: INPUT, value: false}
          - {name: Kind, key: kind, type: Dropdown, flow: INPUT, options: [one, two], value: one}
          - {name: Day, key: day, type: Datepicker, flow: INPUT, value: "2026-11-30"}
          - {name: Orders, key: orders, type: File, flow: INPUT}
          - {name: Report, key: report, type: File, flow: OUTPUT}
  - group: Work
    steps:
      - action: run_python
        name: Copy
        key: copy
        with:
          inputs: {orders: "${parameters.orders}"}
          outputs: {report: "${parameters.report}"}
          code: |
            source = inputs["orders"]
            outputs.file("report").write_bytes(source.read_bytes() if source else b"empty")
      - {action: wait, name: Settle, key: settle, with: {seconds: 0.2}}
"""
SYDNEY = "(UTC+10:00) Canberra, Melbourne, Sydney"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("sdk"), PROCESS) as made:
        yield made


def content(size: int, seed: int = 7) -> bytes:
    return hashlib.shake_128(bytes([seed])).digest(size)


def written(folder: Path, name: str, data: bytes) -> tuple[str, dict[str, Any]]:
    """A file to send, and what a download of it must say."""
    path = folder / name
    path.write_bytes(data)
    return str(path), {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def finish(client: Sdk, run: str) -> str:
    """The run's final status."""

    def final() -> Any:
        status = client.call("processRuns", run, "get_process_run_status")["status"]
        return status if status in {"Finished", "Cancelled", "TimedOut"} else None

    return str(wait_until(final, 30.0))


def properties_of(client: Sdk, run: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """The data step of a run, and its properties by name."""
    (step,) = client.call("processRuns", run, "get_process_run_data_steps_list")
    listed = client.call("dataSteps", step["id"], "get_data_step_property_list")
    return step["id"], {item["name"]: item for item in listed}


def test_every_public_method_does_what_it_says(at: Place, tmp_path: Path) -> None:
    with sdk(at, "1.3.2", tmp_path / "work") as client:
        run = processes(client)
        data_steps(client, run)
        files(client, run, tmp_path)
        runs(client, run)
        group = users_and_groups(client)
        permissions(client, group)
        tables(client)

        assert client.called == set(client.ask(do="list")["value"])


def processes(client: Sdk) -> str:
    (listed,) = client.call("process", "p-1", "get_process_list", "month", "2020-01-01", "2100-01-01")
    assert listed == {"id": "p-1", "name": "Month end"}
    assert client.call("process", "p-1", "get_process_list", "year") == []
    assert client.call("process", "p-1", "get_process")["name"] == "Month end"
    assert [step["name"] for step in client.call("process", "p-1", "get_process_data_step_list")] == ["Parameters"]
    assert len(client.call("process", "p-1", "get_process_file_list")) == 2
    plain = client.call("process", "p-1", "create_process_run")
    named = client.call("process", "p-1", "create_process_run", "Überweisungen")
    assert plain["process"] == "p-1"
    assert "Überweisungen" in named["name"]
    known = [item["id"] for item in client.call("process", "p-1", "get_process_run_list", "2020-01-01")]
    assert set(known) == {plain["id"], named["id"]}
    return str(named["id"])


def data_steps(client: Sdk, run: str) -> None:
    step, known = properties_of(client, run)
    assert client.call("dataSteps", step, "get_data_step")["name"] == "Parameters"
    for name, value in {
        "Count": 12,
        "Rate": 2.75,
        "Note": "two\nlines",
        "Name": "Müller & Söhne",
        "Sure": True,
        "Kind": "two",
        "Day": "2026-12-31",
    }.items():
        item = {**known[name], "value": value}
        changed = client.call("dataSteps", step, "update_data_step_property", item["id"], item)
        read = client.call("dataSteps", step, "get_data_step_property_for_data_step", item["id"])
        assert changed["value"] == read["value"] == value
    assert client.call("dataSteps", step, "get_data_step_file_list") == [
        known["Orders"]["file"],
        known["Report"]["file"],
    ]
    refused = client.refused("dataSteps", step, "update_data_step_property", known["Count"]["id"], {"value": "many"})
    assert refused["ended"]
    assert "many" in refused["printed"]


def files(client: Sdk, run: str, folder: Path) -> None:
    _, known = properties_of(client, run)
    file = known["Orders"]["file"]
    assert client.call("processRuns", run, "get_process_run_file_list") == [file, known["Report"]["file"]]
    assert client.call("file", file, "get_file_metadata")["sizeInBytes"] == 0
    assert f"file {file} is empty" in client.refused("file", file, "download_file")["printed"]
    path, sent = written(folder, "Bestellungen März.csv", b"id,amount\r\n1,2.50\r\n")
    assert client.call("file", file, "upload_file", path)["sizeInBytes"] == sent["size"]
    assert client.call("file", file, "download_file") == sent
    assert client.call("file", file, "update_file_metadata", "Orders 2026.csv")["name"] == "Orders 2026.csv"
    assert client.call("file", file, "get_file_metadata")["fileExtension"] == "csv"

    many, expected = written(folder, "orders.csv", content(1_000_003))
    assert client.call("file", file, "upload_file_by_chunks", many, chunk_size=20_000) is None
    assert client.call("file", file, "download_file") == expected
    assert client.call("file", file, "get_file_metadata")["name"] == "orders.csv"

    client.call("file", file, "start_upload_session")
    again, expected = written(folder, "again.csv", content(100_000, seed=8))
    chunks = client.call("file", file, "upload_chunk", again, 30_000)
    assert chunks == 4
    assert client.call("file", file, "commit_upload", again, chunks)["sizeInBytes"] == 100_000
    assert client.call("file", file, "download_file") == expected


def runs(client: Sdk, run: str) -> None:
    assert client.call("processRuns", run, "get_process_run")["id"] == run
    assert client.call("processRuns", run, "start_process_run")["status"] == "Scheduled"
    assert finish(client, run) == "Finished"
    _, known = properties_of(client, run)
    report = client.call("file", known["Report"]["file"], "download_file")
    assert report == client.call("file", known["Orders"]["file"], "download_file")
    step = next(  # action steps have the ids after those of the data step
        f"as-{number}"
        for number in range(1, 50)
        if not client.refused("processRuns", run, "get_process_run_step_runstatus", f"as-{number}")["ended"]
    )
    assert client.call("processRuns", run, "get_process_run_step_runstatus", step)["status"] == "Success"
    assert client.call("processRuns", run, "restart_process_run_from_step", step)["status"] == "Running"
    assert finish(client, run) == "Finished"
    other = client.call("process", "p-1", "create_process_run")["id"]
    client.call("processRuns", other, "start_process_run")
    assert client.call("processRuns", other, "cancel_process_run")["status"] == "Cancelled"
    refused = client.refused("processRuns", "pr-999", "get_process_run_status")
    assert (refused["ended"], "there is no process run pr-999" in refused["printed"]) == (True, True)


def users_and_groups(client: Sdk) -> str:
    before = client.call("user", "u-1", "get_user_list")
    fields = ("mona.benson@sample.com", "Mona", "Benson", "Samplepassword12", "Designer", SYDNEY)
    made = client.call("user", "", "create_user", *fields)
    assert [user["loginName"] for user in client.call("user", "", "get_user_list")] == sorted(
        [*(user["loginName"] for user in before), "mona.benson"]
    )
    user = made["id"]
    changes = ("Mona", "Jordan", None, "Suspended", "Sydney", "Australia", "31/12/1980", None, None, "0400", None, None)
    changed = client.call("user", user, "update_user", *changes)
    assert (changed["lastName"], changed["accountStatus"], changed["dateOfBirth"]) == (
        "Jordan",
        "Suspended",
        "31/12/1980",
    )
    assert client.call("user", user, "get_user") == changed
    assert client.call("user", user, "get_groups_user_belong_to") == []
    return user_group(client, user)


def user_group(client: Sdk, user: str) -> str:
    (listed,) = client.call("userGroup", "", "get_usergroup_list")
    group = str(listed["id"])
    assert client.call("userGroup", group, "get_usergroup")["name"] == "Sales Team"
    assert client.call("userGroup", group, "add_user", user)["loginName"] == "mona.benson"
    assert [item["id"] for item in client.call("userGroup", group, "get_users")] == [user]
    assert client.call("user", user, "get_groups_user_belong_to") == [listed]
    assert client.call("userGroup", group, "remove_user", user) is None
    assert client.call("userGroup", group, "get_users") == []
    return group


def permissions(client: Sdk, group: str) -> None:
    user = client.call("user", "", "get_user_list")[-1]["id"]
    for kind, holder in (("userGroup", group), ("user", user)):
        added = client.call(kind, holder, "add_permission", "p-1", "reader")
        assert added == {"resourceId": "p-1", "resourceName": "Month end", "role": "reader"}
        changed = client.call(kind, holder, "update_permission", "p-1", "editor")
        assert client.call(kind, holder, "get_permissions") == [changed] == [{**added, "role": "editor"}]
        assert client.call(kind, holder, "delete_permission", "p-1") is None
        assert client.call(kind, holder, "get_permissions") == []


def tables(client: Sdk) -> None:
    table = client.call("table", "", "create_table", "Rates", "daily")["id"]
    assert client.call("table", table, "update_table", "FX rates", "monthly")["name"] == "FX rates"
    assert client.call("table", table, "get_table")["description"] == "monthly"
    column = {"name": "As of", "dataType": "Datetime", "nullable": True}
    assert client.call("table", table, "create_column", column)["name"] == "As of"
    amount = {"name": "Rate", "dataType": "number", "defaultValue": 5, "nullable": False}
    assert client.call("table", table, "create_column", amount)["dataType"] == "number"
    assert client.call("table", table, "update_column", {"name": "Date"}, "As_of")["name"] == "Date"
    names = [item["name"] for item in client.call("table", table, "get_table_columns_list")]
    assert names == ["_Record_ID", "Date", "Rate"]
    assert client.call("table", table, "delete_column", "Date") is None
    assert len(client.call("table", table, "get_table_columns_list")) == 2


def test_1_3_1_leaks_a_header_after_a_download_and_corrupts_nothing(at: Place, tmp_path: Path) -> None:
    with sdk(at, "1.3.1", tmp_path / "work") as client:
        run = client.call("process", "p-1", "create_process_run")["id"]
        file = properties_of(client, run)[1]["Orders"]["file"]
        first, sent = written(tmp_path, "first.bin", content(300_000))
        client.call("file", file, "upload_file", first)
        assert client.call("file", file, "download_file") == sent  # from now on it says application/octet-stream

        second, sent = written(tmp_path, "second.bin", content(300_001, seed=9))
        client.call("file", file, "upload_file", second)
        assert client.call("file", file, "download_file") == sent
        third, sent = written(tmp_path, "third.bin", content(300_002, seed=10))
        client.call("file", file, "upload_file_by_chunks", third, chunk_size=100_000)
        assert client.call("file", file, "download_file") == sent
        assert client.call("processRuns", run, "start_process_run")["status"] == "Scheduled"
        assert finish(client, run) == "Finished"


@pytest.mark.parametrize("method", ["start_process_run", "cancel_process_run", "restart_process_run_from_step"])
def test_1_3_0_asks_by_get_and_is_told_what_to_do(at: Place, tmp_path: Path, method: str) -> None:
    with sdk(at, "1.3.0", tmp_path / "work") as client:
        run = client.call("process", "p-1", "create_process_run")["id"]

        refused = client.refused("processRuns", run, method, *(["as-1"] if "restart" in method else []))

        assert refused["ended"]
        assert "1.3.1" in refused["printed"]
        assert client.call("processRuns", run, "get_process_run_status")["status"] == "NotStarted"


def test_1_2_1_starts_and_cancels_by_requests(at: Place, tmp_path: Path) -> None:
    with sdk(at, "1.2.1", tmp_path / "work") as client:
        run = client.call("process", "p-1", "create_process_run")["id"]
        assert client.call("processRuns", run, "start_process_run")["status"] == "Scheduled"
        assert finish(client, run) == "Finished"
        other = client.call("process", "p-1", "create_process_run")["id"]
        client.call("processRuns", other, "start_process_run")
        assert client.call("processRuns", other, "cancel_process_run")["status"] == "Cancelled"


def test_1_1_1_speaks_of_members_and_of_accounts_that_are_active(at: Place, tmp_path: Path) -> None:
    with sdk(at, "1.3.2", tmp_path / "new") as newer, sdk(at, "1.1.1", tmp_path / "old") as client:
        fields = ("tom.jordan@sample.com", "Tom", "Jordan", "Samplepassword12", "Designer", SYDNEY)
        user = newer.call("user", "", "create_user", *fields)["id"]
        group = client.call("userGroup", "", "get_usergroup_list")[0]["id"]
        newer.call("userGroup", group, "add_user", user)

        assert client.call("userGroup", group, "get_usergroup")["id"] == group
        assert user in [item["id"] for item in client.call("userGroup", group, "get_members")]
        assert client.call("user", user, "disable_user")["accountStatus"] == "Suspended"
        assert client.call("user", user, "update_permission", "p-1", "reader")["role"] == "reader"
        assert client.call("user", user, "delete_permission", "p-1") is None

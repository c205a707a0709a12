"""The README's transcript, as a client plays it: the standard library does what curl would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import ECHO, apply_text, command, serving, sign_in

pytestmark = pytest.mark.acceptance


def test_the_transcript_of_the_readme(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = apply_text(home, ECHO % "word")["id"]
    with serving(home) as server:
        client = sign_in(home, server.address)

        run = client.json("POST", f"processes/{process}/processruns", {"namePrefix": "November"})
        assert run["name"].startswith("November : run #")
        steps = client.json("GET", f"processruns/{run['id']}/steps")
        data = steps[0]["id"]
        properties = {item["name"]: item for item in client.json("GET", f"steps/{data}/properties")}
        word = client.json("POST", f"steps/{data}/properties/{properties['Word']['id']}", {"value": "bad"})
        assert word["value"] == "bad"
        assert client.upload(properties["Text"]["file"], "text.txt", b"hello")["sizeInBytes"] == 5

        failed = client.run_to_end(run["id"])
        assert (failed["status"], failed["outcome"]) == ("Finished", "Failed")
        count = client.json("GET", f"processruns/{run['id']}/steps/{failed['failedSteps'][0]}/runstatus")
        assert count["status"] == "Failed"
        assert "bad is no word" in count["completionMessage"]

        inputs = {"data.word": "good"}
        second = client.json("POST", f"processes/{process}/processruns", {"inputs": inputs})["id"]
        data = client.json("GET", f"processruns/{second}/steps")[0]["id"]
        properties = {item["name"]: item for item in client.json("GET", f"steps/{data}/properties")}
        client.upload(properties["Text"]["file"], "text.txt", b"hello")
        assert client.run_to_end(second)["outcome"] == "Success"
        assert client.json("GET", f"steps/{data}/properties/{properties['Length']['id']}")["value"] == 4
        assert client.ask("GET", f"files/{properties['Copy']['file']}").content == b"hello"

        step = failed["failedSteps"][0]
        answer = client.json("POST", f"processruns/{run['id']}/steps/{step}/restartfromhere")
        assert (answer["status"], answer["completionMessage"]) == ("Running", "step is currently running")
        again = client.wait_for_end(run["id"])
        assert (again["outcome"], again["attempt"]) == ("Failed", 2)
        assert command(home, "status", second, "--json").json["outcome"] == "Success"

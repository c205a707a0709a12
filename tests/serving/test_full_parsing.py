"""Long reading of process files keeps nobody from asking for the state of a run, nor a script from its token."""

from __future__ import annotations

import signal
import urllib.parse
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial

import pytest

from procession.door.parsing import BYTES_OF_USER_MAX
from tests.programs import ECHO, Answer, Client, apply_text, ask, command, serving, sign_in

pytestmark = pytest.mark.acceptance
# DuckDB's parser needs all that the checking process may take, and two threads wait for it.
SLOW = (
    "process: P\ngroups:\n- group: G\n  steps:\n  - action: run_sql\n    with:\n      sql: '"
    + "WITH a AS (" * 12
    + "'\n"
)
FILE = SLOW.encode() + b"# a comment that is read as well as any other line\n" * 39_000
FILES = BYTES_OF_USER_MAX // len(FILE) + 1  # one more than a user may have under way


def publish(client: Client) -> Answer:
    url, token = f"{client.address}/api/v1/processes", f"Bearer {client.token}"
    return ask("POST", url, FILE, Authorization=token, Content_Type="application/yaml")


def test_a_runs_status_and_tokens_are_answered_while_process_files_fill_their_threads(tmp_path):
    home = tmp_path / "home"
    with serving(home) as server, ThreadPoolExecutor(FILES) as threads:
        apply_text(home, ECHO)
        client = sign_in(home, server.address)
        process = client.json("GET", "processes")[0]["id"]
        run = client.json("POST", f"processes/{process}/processruns", {"namePrefix": "May"})["id"]
        made = command(home, "application", "create", "--name", "other", "--scopes", "all", "--json").json
        named = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
        form = urllib.parse.urlencode({"grant_type": "client_credentials", **named}).encode()

        files = [threads.submit(partial(publish, client)) for _ in range(FILES)]
        refused, others = wait(files, timeout=20, return_when=FIRST_COMPLETED)
        status = client.ask("GET", f"processruns/{run}/runstatus")
        token = ask("POST", f"{server.address}/oauth/token", form)
        read = [file for file in others if file.done()]

        server.end(signal.SIGKILL)
        assert ([file.result().status for file in refused], read) == ([429], [])
        assert (status.status, token.status) == (200, 200)

"""`make screenshots`: every page of a small real server, light, dark and on a phone, into docs/screenshots."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests import programs
from tests.browsing.chromium import FLAGS
from tests.programs import Client

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "screenshots"
EXAMPLE = ROOT / "examples" / "standing-orders"
KINDS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 860}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 860}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
PAGES = {
    "home": "/",
    "processes": "/processes",
    "process": "/processes/p-1",
    "run-new": "/processes/p-1/new",
    "run-waiting": "/runs/pr-3",
    "run-finished": "/runs/pr-1",
    "run-failed": "/runs/pr-2",
    "run-running": "/runs/pr-4",
    "runs": "/runs",
    "designer": "/processes/p-1/edit?step=3.1",
    "tables": "/tables",
    "table": "/tables/mt-1",
    "approval": "/runs/pr-5",
    "connections": "/connections",
    "connection": "/connections/cn-1",
    "people": "/people",
    "applications": "/applications",
    "log": "/log",
    "account": "/account",
}
LONG = """process: Intercompany balances
description: Waits for the subsidiaries' books
groups:
  - group: All
    steps:
      - {action: wait, name: Wait for the books of Salzburg, with: {seconds: 3000}}
"""
# Asked of the one who looks: nobody decides about a run of their own.
ASKING = """process: Accruals
description: Nobody posts what only one person has seen
groups:
  - group: All
    steps:
      - data: Parameters
        properties:
          - {name: Month, type: String, flow: INPUT}
          - {name: Total, type: Decimal, decimal_points: 2, flow: INPUT}
      - action: approve
        name: A controller agrees
        with:
          title: Post the accruals of the month?
          shows: ["${parameters.month}", "${parameters.total}"]
          who: {user: admin}
          comment: required
"""
CONNECTIONS = (
    ("House bank", "sftp", "host=sftp.bank.example", "user=acme", "host_keys=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"),
    ("Mail", "smtp", "host=mail.example", "sender=close@example.com"),
)


@contextmanager
def furnished(home: Path) -> Iterator[str]:
    """A server with one run of each kind; gives its address."""
    programs.command(home, "apply", str(EXAMPLE / "process.yaml"))
    programs.apply_text(home, LONG)
    person = ("--email", "zoe@example.com", "--first-name", "Zoë", "--last-name", "Ångström", "--role", "Designer")
    programs.command(home, "user", "create", *person)
    for name, sort, *options in CONNECTIONS:
        programs.command(home, "connection", "add", name, sort, *(part for one in options for part in ("--set", one)))
    with programs.serving(home) as running:
        client = programs.sign_in(home, running.address)
        for month, is_wrong in (("1993-12", False), ("1993-11", True)):
            run = _filled(client, month, is_wrong=is_wrong)
            client.json("POST", f"processruns/{run}/start")
            client.run_to_end(run)
        _filled(client, "1993-10", is_wrong=False, files=("files.orders",))
        client.json("POST", "processes/p-2/processruns", {"start": True})
        table = client.json("POST", "tables", {"name": "Exchange rates"})["id"]
        for name, kind in (
            ("Currency", {"dataType": "FixedLengthText", "textLength": 3}),
            ("Rate", {"dataType": "Number"}),
        ):
            client.json("POST", f"tables/{table}/columns", {"name": name, **kind})
        rows = [{"Currency": name, "Rate": rate} for name, rate in (("CZK", 24.235), ("HUF", 382.5), ("USD", 1.0584))]
        client.json("POST", f"tables/{table}/rows", {"rows": rows})
        _asked(programs.sign_in(home, running.address, user="zoe"))
        yield running.address


def _asked(client: Client) -> None:
    head = {"Authorization": f"Bearer {client.token}", "Content_Type": "application/yaml"}
    applied = programs.ask("POST", f"{client.address}/api/v1/processes", ASKING.encode(), **head)
    assert applied.status in {200, 201}, applied
    process = applied.json["id"]
    inputs = {"parameters.month": "1993-12", "parameters.total": 48210.75}
    run = client.json("POST", f"processes/{process}/processruns", {"inputs": inputs})["id"]
    client.json("POST", f"processruns/{run}/start")


def _filled(client: Client, month: str, *, is_wrong: bool, files: tuple[str, ...] = ()) -> str:
    body = {"namePrefix": month, "inputs": {"parameters.month": month}}
    run = str(client.json("POST", "processes/p-1/processruns", body)["id"])
    for step in client.json("GET", f"processruns/{run}/steps"):
        for item in client.json("GET", f"steps/{step['id']}/properties"):
            if item.get("file") and item["informationFlowType"] == "INPUT" and not files:
                name = {"Orders": "orders.csv", "Accounts": "accounts.csv"}.get(item["name"], "transactions.csv")
                content = (EXAMPLE / "data" / name).read_bytes()
                client.upload(
                    item["file"], name, content.replace(b'"order_id"', b'"Auftrag"', 1) if is_wrong else content
                )
    return run


def take(target: Path) -> None:
    """All of them."""
    with (
        tempfile.TemporaryDirectory() as place,
        furnished(Path(place) / "home") as address,
        sync_playwright() as player,
    ):
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for kind, options in KINDS.items():
            page = browser.new_context(**options).new_page()
            page.goto(f"{address}/sign-in")
            page.screenshot(path=target / f"sign-in-{kind}.png")
            link = programs.command(Path(place) / "home", "user", "sign-in", "admin", "--json").json["signInLink"]
            page.goto(address + link)
            page.get_by_role("button", name="Sign in as admin").click()
            page.wait_for_url(f"{address}/")
            for name, path in PAGES.items():
                page.goto(address + path)
                page.screenshot(path=target / f"{name}-{kind}.png")
        browser.close()


if __name__ == "__main__":
    TARGET.mkdir(parents=True, exist_ok=True)
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)

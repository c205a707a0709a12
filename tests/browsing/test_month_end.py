"""A month end in a real Chromium on a real server: by an accountant, by keyboard alone, and without a script."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session

from tests import programs
from tests.browsing import chromium, loopback
from tests.browsing.chromium import browser

__all__ = ["browser"]  # a fixture, for pytest to find
EXAMPLE = Path(__file__).parents[2] / "examples" / "standing-orders"
FILES = {"files.orders": "orders.csv", "files.accounts": "accounts.csv", "files.transactions": "transactions.csv"}
VERIFIER = "a-code-verifier-of-forty-three-characters-or-more"
SLOW_MS = 20_000  # for a run; nothing waits for longer than it takes
LONG = """process: Long
groups:
  - group: All
    steps:
      - {action: wait, name: Wait for the bank, with: {seconds: 600}}
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    home = tmp_path / "home"
    programs.command(home, "apply", str(EXAMPLE / "process.yaml"))
    programs.apply_text(home, LONG)
    with programs.serving(home) as running:
        yield f"{running.address} {home}"


def signed_in(browser: Any, address: str, to: str = "/", **options: Any) -> tuple[Any, list[str], str]:
    """By the link that a terminal gives, as after `make demo`."""
    url, home = address.split(" ")
    link = programs.command(Path(home), "user", "sign-in", "admin", "--to", to, "--json").json["signInLink"]
    page, complaints = chromium.tab(browser, **options)
    page.set_default_timeout(SLOW_MS)
    page.goto(url + link.removeprefix(url))
    page.get_by_role("button", name="Sign in as admin").click()
    page.wait_for_url(url + to)
    return page, complaints, url


def fine(page: Any) -> None:
    assert chromium.violations(page) == []
    assert not chromium.scrolls_sideways(page)


@pytest.mark.acceptance
def test_a_month_end_by_hand(browser: Any, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, complaints, url = signed_in(browser, address, accept_downloads=True)
    page.get_by_role("link", name="New run").first.click()
    page.get_by_role("row", name=re.compile("Standing orders check")).get_by_role("link", name="New run").click()
    fill_in_with_a_mistake(page, tmp_path)
    page.get_by_role("button", name="Start run").click()
    see_why_and_restart(page)
    page.get_by_role("button", name="Copy inputs to a new run").first.click()
    page.wait_for_url(f"{url}/runs/pr-2")
    mend_and_finish(page)

    page.goto(f"{url}/runs?text=standing")
    assert page.locator("tbody tr").count() == 2
    page.goto(f"{url}/processes/p-2/new")
    page.get_by_role("button", name="Start run").click()
    page.get_by_role("button", name="Cancel run…").click()
    page.get_by_label(re.compile("Why")).fill("wrong period")
    page.get_by_role("button", name="Cancel the run").click()
    page.locator("#head .tag", has_text="Cancelled").wait_for()
    assert "wrong period" in page.locator("main").inner_text()
    fine(page)
    # The client refuses plain HTTP, even on loopback, unless it is told so.
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    let_an_application_read(page, url)
    assert [line for line in complaints if "status of 4" not in line] == []


def fill_in_with_a_mistake(page: Any, folder: Path) -> None:
    """A file as they come: the column that every step joins by is called otherwise."""
    wrong = folder / "orders.csv"
    wrong.write_bytes((EXAMPLE / "data" / "orders.csv").read_bytes().replace(b'"account_id"', b'"konto"', 1))
    for name, file in FILES.items():
        chosen = wrong if name == "files.orders" else EXAMPLE / "data" / file
        page.locator(f'input[name="{name}"]').set_input_files(chosen)
        page.get_by_text(file).first.wait_for()
    assert re.search(r"/runs/pr-1$", page.url)
    fine(page)


def see_why_and_restart(page: Any) -> None:
    """It fails, says why, and the failed step is open: all without a reload."""
    page.locator("#head .tag", has_text="Failed").wait_for()
    assert "account_id" in page.locator("#now").inner_text()
    assert page.title().startswith("Failed")
    fine(page)
    page.get_by_role("link", name=re.compile("Restart from")).first.click()
    page.get_by_text("The inputs stay the same").wait_for()
    page.get_by_label("Reason").fill("to see that it fails again in the same way")
    page.get_by_role("button", name=re.compile("Restart [0-9]+ step")).click()
    page.get_by_text("Attempt").first.wait_for()
    page.locator("#head .tag", has_text="Failed").wait_for()


def mend_and_finish(page: Any) -> None:
    page.locator("summary", has_text="Replace").first.click()
    page.locator('input[name="files.orders"]').set_input_files(EXAMPLE / "data" / "orders.csv")
    page.get_by_text("6,471 rows").first.wait_for()
    page.get_by_role("button", name="Start run").click()
    page.locator("#results").get_by_text("standing-orders.xlsx").wait_for()
    assert "784" in page.locator("#results").inner_text()
    fine(page)
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download results").click()
    names = zipfile.ZipFile(io.BytesIO(Path(begun.value.path()).read_bytes())).namelist()
    assert "standing-orders.xlsx" in " ".join(names)


def let_an_application_read(page: Any, url: str) -> None:
    """Registered, allowed by the code flow, and ended again: by a client that others wrote."""
    client_id = register(page, url)
    with loopback.listening() as back:
        client = OAuth2Session(
            client_id, redirect_uri=back, scope="process_read", code_challenge_method="S256",
            token_endpoint_auth_method="none",
        )  # fmt: skip
        question, _ = client.create_authorization_url(f"{url}/oauth/authorize", code_verifier=VERIFIER)
        page.goto(question)
        assert "Close reporting" in page.get_by_role("heading", level=1).inner_text()
        fine(page)
        page.get_by_role("button", name="Allow").click()
        page.get_by_text("You may close this page").wait_for()
    client.fetch_token(f"{url}/oauth/token", authorization_response=page.url, code_verifier=VERIFIER)
    runs = client.get(f"{url}/api/v1/processruns").json()
    assert len(runs) == 3
    page.goto(f"{url}/account")
    page.get_by_role("button", name="Revoke access of Close reporting").click()
    page.wait_for_load_state()
    assert client.get(f"{url}/api/v1/processruns").status_code == 401
    client.close()


def register(page: Any, url: str) -> str:
    """A program on its users' machines: its client id."""
    page.goto(f"{url}/applications/new")
    page.get_by_label("Name").first.fill("Close reporting")
    page.get_by_label(re.compile("^Public")).check()
    page.get_by_label(re.compile("Where users are sent")).fill("http://127.0.0.1/back")
    page.get_by_role("button", name="Register").click()
    page.get_by_text("It is public and has no secret").wait_for()
    return str(page.locator("code.secret").first.inner_text())


@pytest.mark.acceptance
@pytest.mark.thorough
def test_a_process_is_built_run_and_shared_in_the_browser(browser: Any, address: str) -> None:
    page, complaints, _ = signed_in(browser, address, "/processes")
    page.get_by_role("link", name="New process").click()
    for name, kind in (("First wait", "Wait"), ("Second wait", "Wait")):
        page.get_by_label("Kind of the new step").select_option(label=kind)
        page.get_by_role("button", name=re.compile("Add after")).click()
        page.get_by_label("Name", exact=True).first.fill(name)
        page.get_by_label("Seconds").fill("0.1")
        page.get_by_role("button", name="Keep these changes").click()
        page.get_by_role("link", name=re.compile(name)).wait_for()
    page.get_by_role("link", name="The process itself").click()
    page.get_by_label("Name", exact=True).fill("Built here")
    page.get_by_role("button", name="Keep these changes").click()
    page.get_by_role("link", name="Parameters").click()
    page.locator('[name="p0.required"]').uncheck()
    page.get_by_role("button", name="Keep these changes").click()
    fine(page)
    page.get_by_role("link", name="Publish…").click()
    fine(page)
    page.get_by_role("button", name="Publish the process").click()
    page.wait_for_url(re.compile("/processes/p-3$"))
    page.get_by_role("link", name="New run").click()
    page.get_by_role("button", name=re.compile("31 Oct|30 Nov")).first.click()
    page.get_by_role("button", name="Start run").click()
    page.locator("#head .tag", has_text="Finished").wait_for()
    assert complaints == []


@pytest.mark.acceptance
@pytest.mark.thorough
def test_a_person_and_an_application_are_added_in_the_browser(browser: Any, address: str) -> None:
    page, complaints, url = signed_in(browser, address, "/people")
    page.goto(f"{url}/people/new")
    page.get_by_label("First name").fill("Zoë")
    page.get_by_label("Last name").fill("Ångström")
    page.get_by_label("Email").fill("zoe@example.com")
    page.locator("main form button.primary").first.click()
    page.goto(f"{url}/people")
    page.get_by_text("Zoë Ångström").first.wait_for()
    fine(page)
    page.goto(f"{url}/applications/new")
    page.get_by_label("Name").first.fill("Close reporting")
    page.locator("main form button.primary").first.click()
    page.get_by_text("curl").first.wait_for()
    fine(page)
    assert complaints == []


@pytest.mark.acceptance
@pytest.mark.thorough
def test_by_keyboard_alone(browser: Any, address: str) -> None:
    page, complaints, url = signed_in(browser, address)

    def tab_to(selector: str) -> None:
        for _ in range(80):
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached")

    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url(f"{url}/processes")
    page.keyboard.press("j")
    page.keyboard.press("Enter")  # the first process: Long
    page.wait_for_url(f"{url}/processes/p-2")
    page.keyboard.press("n")
    page.wait_for_url(re.compile("/processes/p-2/new"))
    tab_to('button[value="start"]:not(.hide)')
    page.keyboard.press("Enter")
    page.locator("#head .tag", has_text="Running").wait_for()
    tab_to('[commandfor="cancel"]')
    page.keyboard.press("Enter")
    page.locator("dialog#cancel[open]").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog#cancel:not([open])").wait_for(state="attached")
    tab_to('[commandfor="cancel"]')
    page.keyboard.press("Enter")
    page.keyboard.type("by keyboard")
    tab_to('button[form="cancel-form"]')
    page.keyboard.press("Enter")
    page.locator("#head .tag", has_text="Cancelled").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url(f"{url}/runs")
    page.keyboard.press("/")
    page.keyboard.type("long")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/runs\?.*long"))
    assert complaints == []


@pytest.mark.acceptance
@pytest.mark.thorough
def test_without_a_script(browser: Any, address: str) -> None:
    page, complaints, url = signed_in(browser, address, java_script_enabled=False)
    page.goto(f"{url}/processes/p-1/new")
    for name, file in FILES.items():
        page.locator(f'input[name="{name}"]').set_input_files(EXAMPLE / "data" / file)
    page.get_by_role("button", name="Start run").click()
    for _ in range(200):
        page.reload()
        if "784" in page.locator("#results").inner_text():
            break
    assert "784" in page.locator("#results").inner_text()
    page.goto(f"{url}/runs")
    page.get_by_label("Name, process or message").fill("standing")
    page.get_by_role("button", name="Filter").first.click()
    assert page.locator("tbody tr").count() == 1
    page.goto(f"{url}/processes/p-2/new")
    page.get_by_role("button", name="Start run").click()
    page.get_by_role("button", name="Cancel run…").click()
    page.get_by_role("button", name="Cancel the run").click()
    page.goto(f"{url}/runs/pr-2")
    assert "Cancelled" in page.locator("#head").inner_text()
    assert complaints == []

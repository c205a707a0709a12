"""Every page in every state that it can be in: where it is, who looks, and what is pressed to come there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from procession.oauth import routes as oauth
from procession.oauth.limits import SIGN_INS_OF_ACCOUNT
from procession.web import routes
from tests.support import wait_until

WIDTHS = (390, 1024, 1440)
Reach = Callable[[Any], None]


def _stay(page: Any) -> None:
    """The address is the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`who` is "" for somebody who has not signed in; `reach` goes on from the page of the address.

    `status`: what the browser complains about by itself. `ends_at`: a pattern of the routes, where forms lead there.
    """

    name: str
    path: str
    who: str = "owner"
    reach: Reach = _stay
    status: int = 200
    ends_at: str = ""
    widths: tuple[int, ...] = WIDTHS


def row(name: str, path: str, reach: Reach = _stay, **more: Any) -> State:
    return State(name=name, path=path, reach=reach, **more)


def press(name: str | re.Pattern[str], role: str = "button") -> Reach:
    """The first that is in sight."""

    def reach(page: Any) -> None:
        page.get_by_role(role, name=name).locator("visible=true").first.click()
        page.wait_for_load_state()

    return reach


def show(selector: str) -> Reach:
    """The menu or dialog with this selector, as its own button does."""

    def reach(page: Any) -> None:
        page.locator(selector).evaluate("found => found.matches('dialog') ? found.showModal() : found.showPopover()")

    return reach


def fill(fields: Mapping[str, str], button: str, *, again: int = 1) -> Reach:
    def reach(page: Any) -> None:
        for _ in range(again):
            for selector, text in fields.items():
                page.locator(selector).fill(text)
            page.locator(button).first.click()
            page.wait_for_load_state()

    return reach


def follow(name: str, dialog: str) -> Reach:
    """A link whose answer opens a dialog."""

    def reach(page: Any) -> None:
        page.get_by_role("link", name=re.compile(name)).first.click()
        page.locator(f"{dialog}[open]").wait_for()

    return reach


def _tick_two(page: Any) -> None:
    for box in page.locator("input[name=run]").all()[:2]:
        box.check()
    # The bar of acts stays in view: which row it half covers is a matter of how far one has scrolled.
    page.locator(".bulk").evaluate("bar => { bar.style.position = 'static' }")


def _ask_bulk(page: Any) -> None:
    _tick_two(page)
    page.get_by_role("button", name="Cancel…").click()
    page.wait_for_url("**/runs/bulk")


def _do_bulk(page: Any) -> None:
    _ask_bulk(page)
    page.get_by_role("button", name=re.compile("^Cancel [0-9]")).click()
    page.wait_for_url("**/runs/bulk/do")


def _mistaken(page: Any) -> None:
    """A draft with a mistake in it, kept."""
    # The editor stands over the plain field, which has all of the text.
    text = page.locator("textarea[name=text]").input_value()
    page.get_by_role("textbox", name="Process file").fill(text.replace("${p.summary}", "${p.sumary}"))
    page.get_by_role("button", name="Keep this text").click()
    page.wait_for_load_state()


def _doubt(page: Any) -> None:
    """Once the samples were looked at: a page waits for that only a moment."""

    def is_told() -> bool:
        page.reload()
        return bool(page.locator("[id='d-with.amount.v']").count())

    wait_until(is_told)


def _import(page: Any) -> None:
    page.locator("#import").evaluate("found => found.showModal()")
    content = b"Currency;Rate\nX01;1,5\nNEW;2\n"
    page.locator("#file").set_input_files({"name": "rates.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Preview").click()
    page.get_by_label("1.234,50").check()
    page.get_by_role("button", name="Preview again").click()
    page.wait_for_load_state()


def _too_large(page: Any) -> None:
    """For the limit of the house: refused before it is sent, in its place."""
    page.locator("input[type=file]").first.evaluate("""found => {
        const chosen = new DataTransfer()
        chosen.items.add(new File([new Uint8Array(9e6)], "ledger.csv"))
        found.files = chosen.files
        found.dispatchEvent(new Event("change", { bubbles: true }))
    }""")
    page.locator(".sending .err").wait_for()


def _refused(page: Any) -> None:
    """What is shown has changed since the page was."""
    page.locator("input[name=signed]").first.evaluate("found => { found.value = '0'.repeat(64) }")
    fill({"textarea[name=comment]": "agreed with the ledger"}, "button[value=approved]")(page)


def _unticked(page: Any) -> None:
    for box in page.locator("input[name=scope]:checked").all():
        box.uncheck()
    fill({"#name": "A script"}, "main .primary")(page)


_WRONG = {"#login": "nobody", "#password": "a wrong password"}
_SHORT = {"#password": "correct horse battery", "#again": "another than the first"}

STATES = (
    row("sign in", "/sign-in", who=""),
    row("sign in, failed", "/sign-in", fill(_WRONG, "button.primary"), who="", status=400),
    row("sign in, limited", "/sign-in",
        fill({**_WRONG, "#login": "other"}, "button.primary", again=SIGN_INS_OF_ACCOUNT.most + 1), who="", status=429),
    row("sign in, expired", "/runs?status=failed", who="", ends_at="sign-in"),
    row("sign in by an application", "/oauth/authorize?{one_scope}", who=""),
    row("consent", "/oauth/authorize?{one_scope}"),
    row("consent, all scopes", "/oauth/authorize?{all_scopes}", who="admin"),
    row("consent, struck scopes", "/oauth/authorize?{all_scopes}", who="reader"),
    row("consent, unknown application", "/oauth/authorize?client_id=x", status=400),
    row("password", "/oauth/password?link={link}", who=""),
    row("password, refused", "/oauth/password?link={link}", fill(_SHORT, "button.primary"), who="", status=400),
    row("password, used link", "/oauth/password?link=x", who="", status=404),
    row("home, everything new", "/", who="stranger"),
    row("home, nothing needed", "/", who="mate"),
    row("home, with needs", "/"),
    row("home, menu", "/", show("#nav"), widths=(390,)),
    row("home, account menu", "/", show("#me")),
    row("home, shortcuts", "/", lambda page: page.keyboard.press("?")),
    row("processes, empty", "/processes", who="stranger"),
    row("processes", "/processes"),
    row("processes, mine", "/processes?q=a&show=mine"),
    row("processes, none found", "/processes?q=nothing"),
    row("process", "/processes/{process}"),
    row("process, never run", "/processes/{never}"),
    row("process, 60 steps", "/processes/{sixty_process}"),
    row("process, reader", "/processes/{month_end}", who="reader"),
    row("process, upload", "/processes/upload"),
    row("process, upload a version", "/processes/{process}/upload"),
    row("new run", "/processes/{bank}/new"),
    row("new run, with errors", "/processes/{bank}/new", press("Start run")),
    row("new run, kept", "/runs/{kept}"),
    row("new run, a file that is too large", "/runs/{kept}", _too_large, status=413),
    row("new run, inputs changed", "/runs/{changed}"),
    row("new run, rows of a file", "/runs/{not_started}/files/{orders}/preview"),
    row("run, not started", "/runs/{not_started}"),
    row("run, waiting", "/runs/{kept}"),
    row("run, queued", "/runs/{queued}"),
    row("run, running", "/runs/{running}"),
    row("run, asks", "/runs/{asks}"),
    row("run, asks, refused", "/runs/{asks}", _refused, status=409),
    row("run, asks others", "/runs/{asks}", who="editor"),
    row("run, failed", "/runs/{failed}"),
    row("run, finished", "/runs/{finished}"),
    row("run, remarks", "/runs/{remarks}"),
    row("run, cancelled", "/runs/{cancelled}"),
    row("run, timed out", "/runs/{timed_out}"),
    row("run, attempt 2", "/runs/{attempt}"),
    row("run, attempt 1 of 2", "/runs/{attempt}?attempt=1"),
    row("run, no results", "/runs/{nothing}"),
    row("run, 60 steps", "/runs/{sixty}"),
    row("run, 60 steps, failed", "/runs/{sixty_failed}"),
    row("run, open step with its log", "/runs/{failed}?step=2.1"),
    row("run, rows of a result", "/runs/{finished}/files/{report}/rows"),
    row("run, reader", "/runs/pr-1", who="reader"),
    row("suggestions", "/runs/{suggesting}/steps/{suggests}/suggestions"),
    row("suggestions, refused", "/runs/{suggesting}/steps/{suggests}/suggestions",
        press("Decide what is chosen"), status=400),
    row("suggestions, decided", "/runs/{suggesting}/steps/{suggests}/suggestions?show=decided"),
    row("suggestions, all decided", "/runs/{suggesting}/steps/{suggests}/suggestions?skip=25"),
    row("suggestions, reader", "/runs/{suggesting}/steps/{suggests}/suggestions", who="reader"),
    row("run, with suggestions", "/runs/{suggesting}"),
    row("restart plan, tables", "/runs/{suggesting}/steps/{suggests}/plan?tables=latest"),
    row("restart dialog", "/runs/{failed}", follow("Restart from", "#restart")),
    row("restart plan", "/runs/{failed}/steps/{failed_step}/plan"),
    row("cancel dialog", "/runs/{running}", press("Cancel run…")),
    row("runs, empty", "/runs", who="stranger"),
    row("runs", "/runs"),
    row("runs, filtered", "/runs?status=failed&text=a&from=2026-11-01"),
    row("runs, none match", "/runs?text=nothing&status=failed"),
    row("runs, older", "/runs?cursor=b20"),
    row("runs, some ticked", "/runs", _tick_two),
    row("runs, bulk", "/runs?process={process}", _ask_bulk, ends_at="runs/bulk"),
    row("runs, bulk done", "/runs?process={sixty_process}", _do_bulk, ends_at="runs/bulk/do"),
    row("designer", "/processes/{process}/edit"),
    row("designer, a step", "/processes/{process}/edit?step=2.1"),
    row("designer, with a mistake", "/processes/{process}/edit?as=text", _mistaken),
    row("designer, a column in no source", "/processes/{doubting}/edit?step=1.2", _doubt),
    row("designer, text", "/processes/{sixty_process}/edit?as=text"),
    row("designer, a step tried", "/processes/{trying}/edit?step=1.2", press("Try this step"),
        ends_at="processes/{process}/edit/try-step"),
    row("designer, a step that cannot be tried", "/processes/{process}/edit?step=2.1", press("Try this step"), status=400),
    row("designer, new", "/processes/new"),
    row("designer, conflict", "/processes/{bank}/edit"),
    row("publish, conflict", "/processes/{bank}/edit/changes"),
    row("publish", "/processes/{process}/edit/changes"),
    row("publish, new", "/processes/new/changes"),
    row("tables", "/tables"),
    row("tables, empty", "/tables", who="stranger"),
    row("tables, none found", "/tables?q=nothing"),
    row("table", "/tables/{table}"),
    row("table, filtered", "/tables/{table}?column=Rate&is=least&value=4"),
    row("table, wrong filter", "/tables/{table}?column=Rate&value=x"),
    row("table, next rows", "/tables/{table}?cursor=100.100"),
    row("table, old version", "/tables/{table}?version=2"),
    row("table, import preview", "/tables/{table}", _import, ends_at="tables/{table}/import"),
    row("new table", "/tables/new"),
    row("new table, refused", "/tables/new", fill({"#name": "Closing rates"}, "main .primary"), status=400),
    row("people", "/people", who="admin"),
    row("people, tables", "/people?show=tables", who="admin"),
    row("people, a role", "/people?holder=u-1&on=p-1", who="admin"),
    row("people, not administrator", "/people"),
    row("person", "/people/{person}", who="admin"),
    row("new person", "/people/new", who="admin"),
    row("group", "/groups/{group}", who="admin"),
    row("new group", "/groups/new", who="admin"),
    row("connections", "/connections", who="admin"),
    row("connections, none", "/connections"),
    row("connection", "/connections/cn-1", who="admin"),
    row("connection, asked", "/connections/cn-1", show("#remove"), who="admin"),
    row("connection, tried", "/connections/cn-2", press("Test"), who="admin", ends_at="connections/{connection}/test"),
    row("new connection", "/connections/new", who="admin"),
    row("new connection, options", "/connections/new?kind=sftp", who="admin"),
    row("applications", "/applications", who="admin"),
    row("applications, own", "/applications"),
    row("application", "/applications/{application}"),
    row("new application", "/applications/new"),
    row("new application, refused", "/applications/new", _unticked, status=400),
    row("secret", "/applications/new", fill({"#name": "A script"}, "main .primary"), ends_at="applications/new"),
    row("log, own", "/log"),
    row("log, all", "/log", who="admin"),
    row("log, nothing found", "/log?q=nothing", who="admin"),
    row("account", "/account"),
    row("api", "/api"),
    row("error, 403", "/people/new", status=403),
    row("error, 404", "/runs/pr-999999", status=404),
    row("error, no such page", "/nowhere", status=404),
    row("error, 500", "/runs/{broken}", who="editor", status=500),
)  # fmt: skip

# Not pages: what is downloaded, streamed, loaded by pages, or leads on at once.
NO_PAGES = {
    "assets/{asset}", "home/live", "runs/live", "runs/{run}/live", "runs/{run}/results.zip",
    "runs/{run}/steps/{step}/log", "files/{file}/download", "runs/{run}/inputs", "runs.csv",
    "runs/{run}/files/{file}/uploads", "tables/{table}/uploads", "tables/{table}/export", "log.csv", ".well-known/oauth-authorization-server",
}  # fmt: skip


def pages() -> set[str]:
    """The routes of pages."""
    doors = (*routes.ROUTES, *oauth.routes(hashing=None))  # type: ignore[arg-type]
    prefix = {"oauth": "oauth/"}
    patterns = {prefix.get(route.space.value, "") + route.pattern for route in doors if route.method == "GET"}
    return patterns - NO_PAGES


def page_of(path: str) -> str:
    """The route of a page that this address leads to: the one that names most of it."""
    plain = path.partition("?")[0].removeprefix("/")
    fitting = [pattern for pattern in pages() if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), plain)]
    return min(fitting, key=lambda pattern: pattern.count("{"), default="")

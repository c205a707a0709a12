"""An open page is told what changed, and nothing else; it misses nothing, and is let go at the end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from procession.model.errors import ProcessionError
from procession.model.lifecycle import Outcome, StepStatus
from procession.model.people import AccountStatus
from procession.store import history, people
from procession.web import run_live
from tests.api.house import House
from tests.support import PATIENCE_SECONDS
from tests.web.run_site import Play, play, well
from tests.web.site import SESSION, Site, signed_in


class Listener:
    """A page that is open: what it was sent, message by message."""

    def __init__(self, home: House, path: str, headers: dict[str, str]) -> None:
        self._home, self._path, self._headers = home, path, headers
        self._text = ""
        self._gone = asyncio.Event()
        self._news = asyncio.Event()
        self.status = 0
        self.cause = ""
        self.is_closed = False

    async def run(self) -> None:
        path, _, query = self._path.partition("?")
        cookie = f"{SESSION}={signed_in(self._home, 'owner')}"
        pairs = [(name.encode(), value.encode()) for name, value in {"cookie": cookie, **self._headers}.items()]
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": pairs, "scheme": "http", "server": ("house.example", 80), "client": ("127.0.0.1", 9),
            "http_version": "1.1",
        }  # fmt: skip
        try:
            await self._home.app(scope, self._receive, self._send)
        # The connection is cut where an answer has begun.
        except ProcessionError as error:
            self.cause = error.message
        finally:
            self.is_closed = True
            self._news.set()

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self._text += message.get("body", b"").decode()
        self._news.set()

    async def until(self, is_there: Callable[[str], bool]) -> str:
        """All that was sent, once it is so; and it is forgotten then."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_there(self._text):
                assert not self.is_closed, self._text
                await self._news.wait()
                self._news.clear()
        found, self._text = self._text, ""
        return found

    def hang_up(self) -> None:
        self._gone.set()


@asynccontextmanager
async def listening(home: House, path: str, **headers: str) -> AsyncIterator[Listener]:
    listener = Listener(home, path, headers)
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        listener.hang_up()
        await asyncio.wait_for(task, PATIENCE_SECONDS)


def at_work(home: House) -> Play:
    run = play(home).start().take().perform("p")
    run.begin("match")
    return run


def path_of(run: Play, more: str = "") -> str:
    return f"/runs/{run.id}/live?since={run.run.revision}{more}"


def parts(text: str) -> set[str]:
    return set(re.findall(r'<hx-partial id="([^"]+)"', text))


def test_a_page_is_told_what_changed_and_nothing_else(home: House) -> None:
    run = at_work(home)

    async def listen() -> str:
        async with listening(home, path_of(run, f"&log={attempt_of(home, run)}-0")) as page:
            # Then it has looked once: a page that looks later than something changes is sent everything.
            await asyncio.to_thread(run.log, "match", b"a line\n")
            await page.until(lambda text: "a line" in text)
            await asyncio.to_thread(run.end, "match", message="784 matched")
            return await page.until(lambda text: "784 matched" in text)

    told = asyncio.run(listen())
    assert parts(told) == {"s2.1", "now", "counts", "step"}
    assert "<head><title>Running 2/5: " in told
    assert re.search(r"^id: \d+\.\d+-\d+$", told, re.M)


def test_the_log_of_the_open_step_grows(home: House) -> None:
    run = at_work(home)
    run.log("match", b"one\n")
    attempt = re.search(r"&amp;log=(\d+-\d+)|&log=(\d+-\d+)", Site(house=home).sign_in().get(f"/runs/{run.id}").text)
    assert attempt

    async def listen() -> str:
        async with listening(home, path_of(run, f"&step=2.1&log={attempt[1] or attempt[2]}")) as page:
            await page.until(lambda text: "retry:" in text)
            await asyncio.to_thread(run.log, "match", b"two\r<b>three</b>\nhalf a line")
            return await page.until(lambda text: "three" in text)

    told = asyncio.run(listen())
    assert "one" not in told and "half a line" not in told
    assert '<hx-partial id="log" hx-swap="beforeend">two\ndata: &lt;b&gt;three&lt;/b&gt;' in told


def test_the_end_brings_results_and_history_and_lets_the_page_go(home: House) -> None:
    run = at_work(home)

    async def listen() -> str:
        async with listening(home, path_of(run)) as page:
            await page.until(lambda text: "retry:" in text)
            await asyncio.to_thread(run.write, "match", {"p.summary": "784 orders executed"})
            await asyncio.to_thread(run.end, "match")
            await asyncio.to_thread(run.finish)
            return await page.until(lambda text: "event: over" in text)

    told = asyncio.run(listen())
    assert {"head", "now", "results", "history"} <= parts(told)
    assert "784 orders executed" in told
    assert "<head><title>Finished: " in told


def test_a_page_that_comes_back_is_told_what_it_missed(home: House) -> None:
    run = at_work(home)
    seen = run.run.revision
    run.end("match", message="784 matched")
    run.begin("mail")

    async def listen() -> str:
        async with listening(home, f"/runs/{run.id}/live?since=0", **{"last-event-id": f"{seen}.0-0"}) as page:
            return await page.until(lambda text: "784 matched" in text)

    assert {"s2.1", "s2.3", "now", "head"} <= parts(asyncio.run(listen()))


def test_a_page_that_has_all_is_told_nothing(home: House) -> None:
    run = at_work(home)

    async def listen() -> str:
        async with listening(home, path_of(run)) as page:
            await page.until(lambda text: "retry:" in text)
            await asyncio.to_thread(run.announce)
            await asyncio.to_thread(run.announce)
            await asyncio.sleep(0)
            return page._text

    assert asyncio.run(listen()) == ""


@pytest.mark.parametrize("since", ["", "-7", "x", "1" * 40, "0.0-0.0"])
def test_nonsense_is_a_page_that_has_seen_nothing(home: House, since: str) -> None:
    run = at_work(home)

    async def listen() -> str:
        async with listening(home, f"/runs/{run.id}/live?since={since}&step=%3Cb%3E") as page:
            return await page.until(lambda text: "</hx-partial>" in text)

    assert {"s1.1", "s2.4", "head", "now"} <= parts(asyncio.run(listen()))


def test_the_stream_of_a_run_that_has_ended_ends(home: House) -> None:
    run = well(home)

    async def listen() -> bool:
        async with listening(home, path_of(run)) as page:
            await page.until(lambda text: "event: over" in text)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not page.is_closed:
                    await page._news.wait()
                    page._news.clear()
            return page.is_closed

    assert asyncio.run(listen())


def test_a_cancelled_run_is_followed_until_nothing_is_left(home: House) -> None:
    run = at_work(home)

    async def listen() -> tuple[str, str]:
        async with listening(home, path_of(run)) as page:
            await page.until(lambda text: "retry:" in text)
            await asyncio.to_thread(home.post, f"processruns/{run.id}/cancel")
            before = await page.until(lambda text: "is being ended" in text)
            await asyncio.to_thread(run.receipt, "match", processes=2)
            return before, await page.until(lambda text: "event: over" in text)

    before, after = asyncio.run(listen())
    assert "event: over" not in before
    assert "Nothing that it started is left. 2 processes were ended." in after


def test_the_panel_goes_on_to_the_step_at_work_unless_one_was_chosen(home: House) -> None:
    run = at_work(home)

    async def listen(more: str) -> str:
        async with listening(home, path_of(run, more)) as page:
            await page.until(lambda text: "retry:" in text)
            await asyncio.to_thread(run.end, "match")
            await asyncio.to_thread(run.begin, "mail")
            return await page.until(lambda text: f"id: {run.run.revision}." in text)

    assert "2.3 Send the mail</h2>" in asyncio.run(listen(""))
    run = at_work(home)
    assert "2.3 Send the mail</h2>" not in asyncio.run(listen("&step=2.1"))


def test_whoever_loses_the_right_is_told_no_more(home: House) -> None:
    run = at_work(home)

    async def listen() -> bool:
        async with listening(home, path_of(run)) as page:
            await page.until(lambda text: "retry:" in text)
            user = home.users["owner"]

            def suspend(tx: Any) -> None:
                from msgspec.structs import replace

                people.change_user(tx, replace(user, status=AccountStatus.SUSPENDED))

            await asyncio.to_thread(home.database.write, suspend)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not page.is_closed:
                    await page._news.wait()
                    page._news.clear()
            return True

    assert asyncio.run(listen())


def test_bars_stay_while_a_run_grows_by_seconds(home: House) -> None:
    """Otherwise each update of an open page would send every row."""
    run = at_work(home)
    site = Site(house=home).sign_in()
    home.clock.advance(11)
    first = re.findall(r'<tr id="s1.1".*?</tr>', site.get(f"/runs/{run.id}").text, re.S)
    home.clock.advance(0.5)

    assert re.findall(r'<tr id="s1.1".*?</tr>', site.get(f"/runs/{run.id}").text, re.S) == first


def test_every_line_of_a_message_is_data() -> None:
    event = run_live._event("a\r\nb\rc\n\nd", "1.2-3").decode()

    assert event == "id: 1.2-3\ndata: a\ndata: b\ndata: c\ndata: \ndata: d\n\n"


def test_a_failure_brings_its_explanation(home: House) -> None:
    run = at_work(home)

    async def listen() -> str:
        async with listening(home, path_of(run)) as page:
            await page.until(lambda text: "retry:" in text)
            await asyncio.to_thread(run.end, "match", StepStatus.FAILED, "KeyError: 'amount' (line 3)")
            await asyncio.to_thread(run.finish, Outcome.FAILED)
            return await page.until(lambda text: "event: over" in text)

    told = asyncio.run(listen())
    assert "The script looked for &#34;amount&#34;" in told
    assert "Restart from 2.1…" in told and "Copy inputs to a new run" in told


def test_a_burst_of_lines_is_told_with_a_gap_and_keeps_what_is_read(home: House) -> None:
    run = at_work(home)

    async def listen() -> str:
        async with listening(home, path_of(run, f"&step=2.1&log={attempt_of(home, run)}-0")) as page:
            await page.until(lambda text: "retry:" in text)
            lines = b"".join(b"line %06d\n" % number for number in range(20_000))
            await asyncio.to_thread(run.log, "match", lines)
            return await page.until(lambda text: "line 019999" in text)

    told = asyncio.run(listen())
    assert "… lines are left out here; the whole log has them" in told
    assert "line 000001" not in told and 'hx-swap="innerHTML"' not in told


def attempt_of(home: House, run: Play) -> int:
    with home.database.read() as tx:
        return history.attempts_of_step(tx, run.row("match").id)[-1].id


def test_the_last_lines_come_before_the_end(home: House) -> None:
    run = at_work(home)
    seen = path_of(run, f"&step=2.1&log={attempt_of(home, run)}-0")
    run.log("match", b"the last words\n")
    run.end("match")
    run.finish()

    async def listen() -> str:
        async with listening(home, seen) as page:
            return await page.until(lambda text: "event: over" in text)

    told = asyncio.run(listen())
    assert 0 <= told.index("the last words") < told.index("event: over")

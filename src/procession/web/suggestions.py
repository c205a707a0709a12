"""What a step of a run suggests, for people to accept, refuse or close, several at once and each with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model.errors import Invalid, Unavailable
from procession.model.ids import RunId, StepId
from procession.model.lifecycle import RUN_FINAL
from procession.model.suggestions import Choice, Decided, Review, Show, SideName
from procession.operations import deciding, run_views, suggestions
from procession.operations.deciding import DecidedBy, OpenItem
from procession.operations.suggestions import AskedPage, Reviewed
from procession.web import acting, run_words, suggestion_cards
from procession.web.acting import REFUSALS
from procession.web.forms import Form
from procession.web.page import page, reader
from procession.web.table_changes import work

SHOWN = 25  # of a page: each is a form of its own
SKIP_MAX = 10_000_000
REASON_CHARACTERS_MAX = 255
SHOWS = ((Show.OPEN, "To decide"), (Show.DECIDED, "Decided"), (Show.ALL, "All"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewQuery:
    """What is shown, from which one on."""

    show: Show = Show.OPEN
    skip: int = 0

    def address(self, **other: Any) -> str:
        """Of the same page with other choices."""
        given = {"show": self.show, "skip": self.skip, **other}
        kept = {name: str(value) for name, value in given.items() if value not in {Show.OPEN, 0}}
        return f"?{urlencode(kept)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentChoices:
    """The form as it was sent, and what is wrong with it."""

    choices: Sequence[Choice] = ()
    reason: str = ""  # for those that have none of their own
    problem: str = ""
    item: OpenItem | None = None


async def show(call: StreamCall) -> HtmlReply:
    """`?show=decided` and `?skip=25` say which. Raises NotFound, Invalid, Unavailable."""
    return await _page(call, _query(call), SentChoices())


async def decide(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """All that was chosen, or none of it."""
    query, sent = _query(call), tuple[Choice, ...]()
    # Two forms of one page: a row that stays open by itself is no suggestion with a number.
    if form.has("key"):
        return await _close(call, form, query)
    try:
        # Kept before anything can refuse it, so that the page comes back as it was sent.
        sent = tuple(_choices(form))
        asked = await _asked(call)
        deciding.require_same(asked, form.one("file"))
        login, now = call.caller.user.login, call.clock()
        workers = call.context.resources.table_workers
        write = workers.call(lambda: deciding.write(work(call), asked, sent, DecidedBy(by=login, at=now)))
        await asyncio.wrap_future(write)
    except REFUSALS as error:
        refused = SentChoices(choices=sent, reason=form.one("why"), problem=error.message)
        return await _page(call, query, refused)
    # By a redirect: reloading the page afterwards decides nothing again.
    said = urlencode({"said": len(sent)})
    return RedirectReply(location=f"/runs/{call.id(RunId)}/steps/{call.id(StepId)}/suggestions{query.address()}&{said}")


async def _close(call: StreamCall, form: Form, query: ReviewQuery) -> HtmlReply | RedirectReply:
    """A row that no suggestion names."""
    side: SideName = "right" if form.one("side") == "right" else "left"
    item = OpenItem(side=side, key=form.one("key").strip(), reason=form.one("why").strip())
    try:
        asked = await _asked(call)
        login, now = call.caller.user.login, call.clock()
        workers = call.context.resources.table_workers
        close = workers.call(lambda: deciding.close(work(call), asked, item, DecidedBy(by=login, at=now)))
        await asyncio.wrap_future(close)
    except REFUSALS as error:
        return await _page(call, query, SentChoices(problem=error.message, item=item))
    return RedirectReply(location=f"/runs/{call.id(RunId)}/steps/{call.id(StepId)}/suggestions{query.address()}&said=1")


def _query(call: StreamCall) -> ReviewQuery:
    given, skip = call.request.query, call.request.query.get("skip", "")
    return ReviewQuery(
        show=next((show for show in Show if show == given.get("show")), Show.OPEN),
        # Bounded: an address can hold any number.
        skip=min(int(skip[:9]), SKIP_MAX) if skip.isascii() and skip.isdigit() else 0,
    )


def _choices(form: Form) -> Iterator[Choice]:
    """What was chosen; a suggestion that is left as it is gives none. Raises Invalid."""
    for text in form.all("number"):
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise Invalid("what your browser sent is no suggestion; reload the page and try again")
        wanted = form.one(f"d-{text}")
        if wanted in list(Decided):
            yield Choice(
                number=int(text),
                decided=Decided(wanted),
                # One reason serves many, such as "fees of the bank".
                reason=form.one(f"why-{text}").strip() or form.one("why").strip(),
                seal=form.one(f"seal-{text}"),
                closes=tuple(_marked(form.all(f"close-{text}"))) if wanted == Decided.CLOSE else (),
            )


def _marked(texts: Sequence[str]) -> Iterator[tuple[SideName, str]]:
    for text in texts:
        side, _, key = text.partition(" ")
        # Anything else is no row of ours, and names none.
        if side in {"left", "right"}:
            yield ("left" if side == "left" else "right"), key


async def _asked(call: StreamCall) -> Reviewed:
    def read() -> Reviewed:
        with call.database.snapshot() as tx:
            act = call.admit(tx)
            return suggestions.find(tx, call.context.resources, act.caller, call.id(RunId), call.id(StepId))

    return await asyncio.to_thread(read)


async def _page(call: StreamCall, query: ReviewQuery, sent: SentChoices) -> HtmlReply:
    asked = await _asked(call)
    found = await _looked(call, asked, query)
    return await acting.looked(call, _shown, asked=asked, found=found, query=query, sent=sent)


async def _looked(call: StreamCall, asked: Reviewed, query: ReviewQuery) -> Review:
    """Without columns to read, there is nothing to look at."""
    if not asked.source.columns:
        return Review(problem=asked.obstacle)
    wanted = AskedPage(show=query.show, skip=query.skip, limit=SHOWN)
    resources = call.context.resources
    try:
        look = resources.table_workers.call(lambda: suggestions.look(resources, asked, asked.table, wanted))
        return await asyncio.wrap_future(look)
    # Too slow, or too much memory: the page says so, and the file can be downloaded.
    except (Invalid, Unavailable) as error:
        return Review(problem=error.message)


def _shown(call: Call, *, asked: Reviewed, found: Review, query: ReviewQuery, sent: SentChoices) -> HtmlReply:
    view, step = run_views.of_run(call.tx, call.caller, call.id(RunId)), asked.step
    look, said = reader(call.caller.user, call.now), call.request.query.get("said", "")
    return page(
        call, call.caller, call.now, "suggestions",
        title=f"{'Error: ' if sent.problem else ''}Suggestions of step {step.order}",
        entry="/runs",
        status_code=400 if sent.problem else 200,
        run=view.run,
        titles=run_words.title(view),
        step=step,
        file=asked.file,
        table=None if asked.table is None else asked.table.table,
        obstacle=asked.obstacle,
        found=found,
        cards=suggestion_cards.shown(found.suggestions, asked.source.names, look, sent.choices),
        query=query,
        sent=sent,
        open_sides=list(asked.opens),
        said=int(said) if said.isascii() and said.isdigit() and len(said) <= 4 else 0,
        may_restart=view.may_execute and view.run.status in RUN_FINAL,
        reason_most=_reason_most(asked),
        **_part(found, query),
    )  # fmt: skip


def _part(found: Review, query: ReviewQuery) -> dict[str, Any]:
    """Where this page is among all."""
    count = {Show.OPEN: found.undecided, Show.DECIDED: found.total - found.undecided, Show.ALL: found.total}
    return {
        "shows": [(show, words, count[show]) for show, words in SHOWS],
        "count": count[query.show],
        "first": query.skip + 1,
        "last": query.skip + len(found.suggestions),
        "back": query.address(skip=max(query.skip - SHOWN, 0)) if query.skip else "",
        "following": query.address(skip=query.skip + SHOWN) if query.skip + SHOWN < count[query.show] else "",
    }


def _reason_most(asked: Reviewed) -> int:
    most = REASON_CHARACTERS_MAX if asked.table is None else deciding.reason_characters_max(asked.table)
    return min(most, REASON_CHARACTERS_MAX)

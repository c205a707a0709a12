"""What a step of call_http would send, and to whom, in words: for a trial, which sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from procession.actions.contract import Context
from procession.actions.expecting import Expect
from procession.actions.problems import Problem
from procession.actions.reaching import acts
from procession.actions.reaching.asking import HttpCaller
from procession.actions.reaching.call_settings import CallSettings
from procession.actions.reaching.exchanges import HttpAnswer, HttpAsk
from procession.actions.reaching.filling import given_of
from procession.actions.rows.work import RowWork
from procession.model.lifecycle import StepStatus

REQUESTS_SHOWN = 5
BODY_CHARACTERS_SHOWN = 1_000


class NoExchange:
    """In place of an exchange: without the secrets of its connection there is none."""

    def send(self, ask: HttpAsk) -> HttpAnswer:
        raise AssertionError("a trial sends nothing")


def preview(context: Context) -> str:
    """Raises Problem for what could not be sent."""
    settings: CallSettings = context.settings
    caller = HttpCaller(context, NoExchange(), given_of(context, settings.inputs))  # type: ignore[arg-type]  # as above
    if settings.each is not None:
        return _of_rows(context, caller)
    first = "\n".join(_lines(caller.ask({})))
    # How many pages there are, the server's answers say.
    return f"{first}\nand so on, page by page" if settings.pages is not None else first


def _of_rows(context: Context, caller: HttpCaller) -> str:
    # DuckDB is for rows only, as where they are sent.
    from procession.actions.reaching import call_rows, row_values
    from procession.actions.rows import work

    said: list[str] = []

    def perform(doing: RowWork) -> str:
        doing.load("rows", context.settings.each.source, Expect())
        rows = row_values.of(doing.connection, "rows", rows_max=acts.ROWS_MAX)
        # All are made, as in a run: a row that cannot be filled in is found here, and not after a thousand payments.
        asks = [ask for _, ask in call_rows.asks(caller, rows)]
        said.append(f"{len(asks):,} requests, one for each row")
        for ask in asks[:REQUESTS_SHOWN]:
            said.extend(_lines(ask))
        if len(asks) > REQUESTS_SHOWN:
            said.append(f"and {len(asks) - REQUESTS_SHOWN:,} more")
        return ""

    ended = work.perform(context, perform)
    if ended.status is StepStatus.FAILED:
        raise Problem(ended.message)
    return "\n".join(said)


def _lines(ask: HttpAsk) -> Iterator[str]:
    yield f"{ask.method} {ask.url}"
    yield from (f"  {name}: {text}" for name, text in ask.headers.items())
    if isinstance(ask.body, Path):
        yield f"  a file of {ask.body.stat().st_size:,} bytes"
    elif ask.body:
        text = ask.body.decode(errors="replace")
        yield f"  {text[:BODY_CHARACTERS_SHOWN]}{'…' if len(text) > BODY_CHARACTERS_SHOWN else ''}"

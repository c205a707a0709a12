"""The requests of a step of call_http: made of its settings and a row, sent, tried again, told to the journal."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from itertools import count
from pathlib import Path
from typing import Any, Self

import msgspec

from procession.actions import naming, references, values
from procession.actions.contract import Context, FileInput, TableInput
from procession.actions.problems import Problem
from procession.actions.reaching import acts, pointers, urls
from procession.actions.reaching.acts import Acts
from procession.actions.reaching.addresses import AddressRefused
from procession.actions.reaching.call_settings import SAFE, CallSettings
from procession.actions.reaching.exchanges import (
    HttpAnswer,
    HttpAsk,
    HttpExchange,
    Unanswered,
    in_doubt,
    merged,
)
from procession.actions.reaching.filling import fill, given_of, known

WAIT_SECONDS_MAX = 300.0  # before one more try of a request
_PARTIAL = 206
_JSON = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class HttpCaller:
    """The requests of one step, with its keys filled in."""

    context: Context
    exchange: HttpExchange
    given: Mapping[str, Any]  # of the inputs

    @classmethod
    def of(cls, context: Context, exchange: HttpExchange) -> Self:
        return cls(context, exchange, given_of(context, context.settings.inputs))

    def ask(self, row: Mapping[str, Any]) -> HttpAsk:
        """The request, for this row. Raises Problem."""
        settings: CallSettings = self.context.settings
        given = {**self.given, **row}
        query = {name: _word(self.context, text, given) for name, text in settings.query.items()}
        body = self._body(given)
        headers = {name: fill(text, given) for name, text in settings.headers.items()}
        if settings.json is not None:
            headers = merged({"Content-Type": "application/json"}, headers)
        if bad := next((name for name, text in headers.items() if not text.isprintable()), None):
            raise Problem(f"headers.{bad}: holds a line break or a control character")
        assert self.context.connection is not None
        return HttpAsk(
            method=settings.method,
            url=urls.below(self.context.connection.options["url"], _path(settings.path, given), query),
            headers=headers,
            body=body,
            seconds_max=settings.timeout_seconds,
        )

    def _body(self, given: Mapping[str, Any]) -> bytes | Path:
        settings: CallSettings = self.context.settings
        if settings.file is not None:
            found = references.resolve(self.context, settings.file)
            if not isinstance(found, FileInput):
                raise Problem(f"file: {settings.file} is empty")
            return Path(found.path)
        return b"" if settings.json is None else _JSON.encode(_filled(settings.json, given))

    def answered(self, ask: HttpAsk) -> HttpAnswer:
        """The answer, after as many tries as the settings say. Raises Problem."""
        retry, may_be_done = self.context.settings.retry, False
        for tries in count():
            with in_doubt(may_be_done):
                answer = self.exchange.send(ask)
            may_be_done = may_be_done or answer.may_be_done
            if retry is None or answer.status not in retry.on or tries >= retry.times:
                return replace(answer, may_be_done=may_be_done)
            # One that was not refused may have been done; the server may call the next a duplicate, and refuse that.
            may_be_done = may_be_done or not is_refusal(answer)
            seconds = max(retry.wait_seconds * 2**tries, _asked_seconds(answer))
            if seconds > WAIT_SECONDS_MAX:
                raise Problem(f"{ask.url.host} answers {answer.status} and asks to wait {seconds:,.0f} s")
            self.context.log(f"{answer.status}: once more in {seconds:g} s")
            time.sleep(seconds)
        raise AssertionError("it ends by an answer")

    def is_right(self, answer: HttpAnswer) -> bool:
        settings: CallSettings = self.context.settings
        if settings.expect_status:
            return answer.status in settings.expect_status
        # Part of what was asked for is no answer, unless a part was asked for.
        is_part = answer.status == _PARTIAL and "range" not in {name.lower() for name in settings.headers}
        return 200 <= answer.status <= 299 and not is_part

    def act(
        self, ask: HttpAsk, done: Acts, row: int, picked: Sequence[str]
    ) -> tuple[HttpAnswer | None, tuple[Any, ...]]:
        """A request that changes something, told to the journal. Gives status and values, also of an earlier try."""
        if (past := done.result(row)) is not None:
            return None, past
        key = done.key(row, self.key(row))
        done.begin(row, digest_of(ask), key)
        try:
            answer = self.answered(keyed(ask, key))
        except AddressRefused:
            # Nobody was connected to.
            done.undone(row)
            raise
        except Unanswered as error:
            if not error.is_in_doubt:
                done.undone(row)
                raise
            raise Problem(f"{error}; it may have arrived all the same") from error
        if not self.is_right(answer):
            if is_refusal(answer):
                done.undone(row)
            raise wrong(ask, answer)
        try:
            result = self.result(answer, picked)
        except Problem:
            # It is done all the same, and must not be done again for the sake of its answer.
            done.done(row, answer.status, *(None for _ in picked))
            raise
        done.done(row, *(_kept(one) for one in result))
        return answer, result

    def result(self, answer: HttpAnswer, picked: Sequence[str]) -> tuple[Any, ...]:
        """Its status, and the values at these pointers. Raises Problem for one that is not there."""
        content = answer.body.read_bytes() if picked else b""
        return (answer.status, *(pointers.find(content, pointer, answer.url.host) for pointer in picked))

    def key(self, row: int) -> str:
        return f"{self.context.idempotency_key}/{row}" if row else self.context.idempotency_key


def is_refusal(answer: HttpAnswer) -> bool:
    """Whether it is certain that nothing has happened."""
    # A server that refuses says so by 4xx; by 5xx it says that it does not know either.
    return 400 <= answer.status <= 499 and answer.status != 408 and not answer.may_be_done


def keyed(ask: HttpAsk, key: str) -> HttpAsk:
    """With the key that says that it is the same request, unless the user has given one."""
    if ask.method in SAFE or any(name.lower() == "idempotency-key" for name in ask.headers):
        return ask
    return replace(ask, headers={**ask.headers, "Idempotency-Key": key})


def digest_of(ask: HttpAsk) -> str:
    # Without headers: a new key or another format of the answer makes it no other payment.
    if isinstance(ask.body, bytes):
        return acts.digest(ask.method, str(ask.url), ask.body)
    with ask.body.open("rb") as file:
        return acts.digest(ask.method, str(ask.url), hashlib.file_digest(file, "sha256").digest())


def told(ask: HttpAsk) -> str:
    """A request in a message: without its query, which may be long."""
    return f"{ask.method} {ask.url.host}{ask.url.target.partition('?')[0]}"


def wrong(ask: HttpAsk, answer: HttpAnswer) -> Problem:
    said = answer.shown()
    return Problem(f"{told(ask)} was answered by {answer.status}" + (f": {said}" if said else ""))


def _kept(value: Any) -> Any:
    """For the journal, in which a number keeps its digits as a text."""
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _path(pattern: str, given: Mapping[str, Any]) -> str:
    # An empty one would name what is above: DELETE /users/{id} would be DELETE /users/.
    words = {key: naming.plain(known(given, key)) for key in naming.keys(pattern)}
    if empty := next((key for key, word in words.items() if not word), None):
        raise Problem(f"path: {{{empty}}} is empty")
    return naming.fill(pattern, {key: urls.value(word) for key, word in words.items()})


def _word(context: Context, given: Any, filled: Mapping[str, Any]) -> str:
    if isinstance(given, str) and references.parse(given) is None:
        return fill(given, filled)
    found = references.resolve(context, given)
    if isinstance(found, FileInput | TableInput):
        raise Problem(f"query: {given} is a file")
    return naming.plain(found)


def _filled(value: Any, given: Mapping[str, Any]) -> Any:
    match value:
        case str():
            keys = naming.keys(value)
            if keys and value == f"{{{keys[0]}}}":
                return _plain(known(given, keys[0]))
            return fill(value, given)
        case dict():
            return {key: _filled(item, given) for key, item in value.items()}
        case list():
            return [_filled(item, given) for item in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return values.trimmed(value)
    return value if value is None or isinstance(value, bool | int | float | str | date | datetime) else str(value)


def _asked_seconds(answer: HttpAnswer) -> float:
    """How long the server asks to wait: by its own clock, if it names a moment (RFC 9110, 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal() and len(text) <= 9:
        return float(text)
    try:
        until, now = (parsedate_to_datetime(one) for one in (text, answer.headers.get("date", "")))
        return max((_aware(until) - _aware(now)).total_seconds(), 0.0)
    except ValueError:
        return 0.0


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

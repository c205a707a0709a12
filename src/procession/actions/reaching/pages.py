"""An answer in pages: one request after the other, and one list of all their items."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from msgspec import Raw

from procession.actions import references
from procession.actions.contract import Context, OutputValue, StepOutcome
from procession.actions.problems import Problem
from procession.actions.reaching import pointers, urls
from procession.actions.reaching.answer_files import file_of
from procession.actions.reaching.asking import HttpCaller, told, wrong
from procession.actions.reaching.call_settings import CallSettings, Pages
from procession.actions.reaching.exchanges import BODY_BYTES_MAX, HttpAnswer, HttpAsk
from procession.actions.reaching.urls import HttpUrl
from procession.model.lifecycle import StepStatus

# RFC 8288: <address>; rel="next", among others.
_LINK = re.compile(r'<([^<>]*)>\s*((?:;\s*[A-Za-z*]+\s*=\s*(?:"[^"]*"|[^\s",;]+)\s*)*)')
_LINKS_MAX = 1 << 16  # characters of the header
_COMPARED_MAX = 1_000_000  # items that are remembered
_ADDRESS, _MAY_BE_NEXT = re.compile("<[^<>]*>"), re.compile(r"""rel\s*=\s*["']?[\w -]*\bnext\b""", re.IGNORECASE)
_IS_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next)(?=\s*(?:;|\Z))', re.IGNORECASE)


def run(context: Context, caller: HttpCaller, pages: Pages) -> StepOutcome:
    """Raises Problem."""
    settings: CallSettings = context.settings
    first = caller.ask({})
    path = context.folder / "pages.json"
    found, read, last, body, twice = 0, 0, None, b"", _Twice()
    with path.open("wb") as file:
        file.write(b"[")
        for answer in _answers(caller, first, pages):
            read, last = read + 1, answer
            body = answer.body.read_bytes()
            items = pointers.items(body, pages.items, answer.url.host)
            twice.look(items)
            for item in items:
                file.write((b",\n" if found else b"\n") + bytes(item))
                found += 1
            answer.body.unlink()  # else a thousand pages of 64 MB lie on the disk at once
            if file.tell() > BODY_BYTES_MAX:
                raise Problem(f"the pages of {answer.url.host} are larger than {BODY_BYTES_MAX // 2**20} MB")
            context.progress(0.0, f"{read} pages, {found:,} items")
        file.write(b"\n]\n")
    assert last is not None
    outputs: dict[str, OutputValue] = {}
    if settings.outputs.body is not None:
        outputs[references.only([settings.outputs.body])[0]] = file_of(context, replace(last, body=path))
    if settings.outputs.status is not None:
        outputs[references.only([settings.outputs.status])[0]] = last.status
    said = f"{told(first)}: {found:,} {'item' if found == 1 else 'items'} on {read} {'page' if read == 1 else 'pages'}"
    # Most servers leave the word out on their last page, and a mistyped one looks just so.
    if read == 1 and pages.next != "link" and pointers.raw(body, pages.next, last.url.host) is None:
        said += f", which has nothing at {pages.next}"
    status = StepStatus.WARNING if twice.items else StepStatus.SUCCESS
    return StepOutcome(status=status, message=f"{said}{twice.told}", outputs=outputs)


@dataclass(slots=True)
class _Twice:
    """Items that stand on two pages: where others were added or taken away meanwhile, one comes again or never."""

    items: int = 0
    _seen: set[int] = field(default_factory=set)

    def look(self, page: Sequence[Raw]) -> None:
        """At one page more. Numbers and texts alone may well be equal."""
        if len(self._seen) < _COMPARED_MAX:
            found = [hash(bytes(item)) for item in page if bytes(item)[:1] == b"{"]
            self.items += sum(one in self._seen for one in found)
            self._seen.update(found)

    @property
    def told(self) -> str:
        if not self.items:
            return ""
        what = "1 item stands" if self.items == 1 else f"{self.items:,} items stand"
        return f"; {what} on two pages: they changed while they were read, and others may be missing"


def _answers(caller: HttpCaller, ask: HttpAsk, pages: Pages) -> Iterator[HttpAnswer]:
    seen: set[str] = set()
    for _ in range(pages.max):
        # A server whose last page names itself would be asked a thousand times, and every item be there as often.
        if str(ask.url) in seen:
            raise Problem(f"{ask.url.host}: page {len(seen)} names one that was read already as the next")
        seen.add(str(ask.url))
        answer = caller.answered(ask)
        if not caller.is_right(answer):
            raise wrong(ask, answer)
        following = _next(answer, ask.url, pages)
        yield answer
        if following is None:
            return
        ask = replace(ask, url=following)
    raise Problem(f"{ask.url.host} has more than {pages.max:,} pages")


def _next(answer: HttpAnswer, present: HttpUrl, pages: Pages) -> HttpUrl | None:
    """Raises Problem for one at another place: what proves who asks does not go there."""
    named = _linked(answer) if pages.next == "link" else _pointed(answer, pages.next)
    if named is None:
        return None
    if pages.query:
        return urls.with_query(present, pages.query, named)
    found = urls.next_of(present, named)
    if found.origin != present.origin:
        raise Problem(f"{present.host}: the next page is at another place, {found.host}; that is not followed")
    return found


def _pointed(answer: HttpAnswer, pointer: str) -> str | None:
    raw = pointers.raw(answer.body.read_bytes(), pointer, answer.url.host)
    # That there is one, or what else is known of it, says nothing of where.
    if raw is not None and bytes(raw).strip()[:1] in {b"{", b"[", b"t"}:
        raise Problem(f"{answer.url.host}: at {pointer} there is neither an address nor a cursor of the next page")
    value = None if raw is None else pointers.value(raw, answer.url.host)
    # Empty and false say that there is none, in many an API.
    return None if value is None or value is False or value == "" else str(value)


def _linked(answer: HttpAnswer) -> str | None:
    links = answer.headers.get("link", "")
    for found in _LINK.finditer(links[:_LINKS_MAX]):
        if _IS_NEXT.search(found[2]):
            return found[1]
    # Taken for the end of the list, it would be a list that lacks the rest.
    if len(links) > _LINKS_MAX or _MAY_BE_NEXT.search(_ADDRESS.sub("", links)):
        raise Problem(f"{answer.url.host} names a next page in a header Link that cannot be read: {links[:200]}")
    return None

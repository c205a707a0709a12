"""What every page has: the menu, who reads it, the token of its forms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from procession.door import browser
from procession.door.contract import Call, Given, HtmlReply, StreamCall
from procession.model import timezones
from procession.model.people import Caller, NumberStyle, User, UserRole
from procession.model.rights import USER_ROLE_RANK
from procession.operations import run_lists
from procession.operations.run_lists import COUNTED_MAX
from procession.pages import environment
from procession.pages.formats import Reader
from procession.web import session

# The separator of thousands, which does not break a line, and the mark of decimals.
NUMBERS = {NumberStyle.POINT: (",", "."), NumberStyle.COMMA: (".", ","), NumberStyle.SPACE: ("\u00a0", ",")}


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEntry:
    name: str
    address: str
    is_second: bool = False  # behind the line: what is administered
    least: UserRole = UserRole.SUBSCRIBER  # who has anything to do there

    def is_for(self, user: User) -> bool:
        return USER_ROLE_RANK[user.role] >= USER_ROLE_RANK[self.least]


# What stands in the menu is a page that exists; each says for itself what its reader may see.
MENU = (
    MenuEntry(name="Home", address="/"),
    MenuEntry(name="Processes", address="/processes"),
    MenuEntry(name="Runs", address="/runs"),
    MenuEntry(name="Tables", address="/tables"),
    # Subscribers own no process, so there is nobody whom they could give a role.
    MenuEntry(name="People", address="/people", is_second=True, least=UserRole.DESIGNER),
    MenuEntry(name="Connections", address="/connections", is_second=True, least=UserRole.DESIGNER),
    MenuEntry(name="Applications", address="/applications", is_second=True),
    MenuEntry(name="Log", address="/log", is_second=True),
)


def reader(user: User, now: datetime) -> Reader:
    """How this user reads times and numbers."""
    separator, mark = NUMBERS[user.numbers]
    return Reader(zone=ZoneInfo(timezones.iana(user.timezone)), now=now, separator=separator, mark=mark)


def page(call: Given, caller: Caller, now: datetime, /, name: str, **content: Any) -> HtmlReply:
    """The template with this name in the layout; `content` has its `title`, and as `entry` the address of the menu's
    entry that it belongs to.
    """
    theme = browser.plain_cookie(call.request, browser.THEME)
    failures = _failures(call, caller)
    common = {
        "entry": "",
        "failures": f"{COUNTED_MAX}+" if failures >= COUNTED_MAX else str(failures or ""),
        "menu": [item for item in MENU if item.is_for(caller.user)],
        "user": caller.user,
        "theme": theme if theme in browser.THEMES else browser.THEMES[0],
        "form": session.token(call.request),
        "reader": reader(caller.user, now),
    }
    return HtmlReply(html=environment.rendered(name, **{**common, **content}), status=content.get("status_code", 200))


def _failures(call: Given, caller: Caller) -> int:
    """With which nobody has dealt yet: they stand in the menu of every page."""
    if isinstance(call, Call):
        return run_lists.count_failures(call.tx, caller)
    assert isinstance(call, StreamCall)
    with call.database.read() as tx:
        return run_lists.count_failures(tx, caller)


def fragment(call: Given, caller: Caller, now: datetime, /, name: str, **content: Any) -> HtmlReply:
    """A part of a page."""
    html = environment.rendered(name, form=session.token(call.request), reader=reader(caller.user, now), **content)
    return HtmlReply(html=html)

"""The pages of this door, made with Jinja2: signing in, consent, a new password, what went wrong.

They work without JavaScript and load nothing: the one style sheet stands in each page, allowed by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from procession.door.contract import HtmlReply

if TYPE_CHECKING:
    from jinja2 import Environment

# What a user reads of a scope before they allow it.
SCOPE_WORDS = {
    "process_read": "see your processes, their runs and their results",
    "process_execute": "create, start, cancel and restart runs",
    "process": "change processes and publish new versions of them",
    "file_read": "read files of your processes and runs",
    "file": "upload and rename files",
    "mtable_read": "read tables",
    "mtable": "create, change and delete tables and their rows",
    "user_read": "see users",
    "user": "create, change and suspend users, as far as you may",
    "usergroup_read": "see user groups and who is in them",
    "usergroup": "change user groups and who is in them, as far as you may",
    "permission_read": "see who may do what",
    "permission": "decide who may do what, as far as you may",
    "log_read": "read the log",
    "application_read": "see your applications",
    "application": "register, change and delete applications in your name",
}


@cache
def _environment() -> Environment:
    # With the first page: a server that only programs ask never loads it, which is 1.6 MB.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        # A missing value is an error: a page that leaves out whom it speaks for would be agreed to blindly.
        loader=PackageLoader("procession.oauth"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


@cache
def _style() -> tuple[str, str]:
    """The style sheet, and its SHA-256 in base64 for the Content-Security-Policy."""
    environment = _environment()
    assert environment.loader is not None
    # From the same loader as the pages, so that a package without files on disk works.
    text, _, _ = environment.loader.get_source(environment, "style.css")
    return text, base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def page(
    name: str, *, status: int = 200, targets: tuple[str, ...] = (), cookies: tuple[str, ...] = (), **content: Any
) -> HtmlReply:
    """The page of templates/<name>.html."""
    style, style_hash = _style()
    html = _environment().get_template(f"{name}.html").render(style=style, **content)
    return HtmlReply(html=html, status=status, style_hash=style_hash, form_targets=targets, cookies=cookies)


def error(message: str, support_id: str, status: int) -> HtmlReply:
    """What went wrong, for a person."""
    return page("error", status=status, message=message, support_id=support_id)


def shown_target(uri: str) -> str:
    """Where an answer goes, as much of it as tells a person who gets it."""
    parts = urlsplit(uri)
    # A user recognises a host, and nothing else of an address.
    return parts.netloc or f"{parts.scheme}:"


def form_target(uri: str) -> str:
    """Where a form's answer may redirect to, as the Content-Security-Policy names it."""
    parts = urlsplit(uri)
    # A policy can name neither an address of IPv6 nor more of a private scheme than the scheme.
    if parts.scheme not in {"http", "https"} or "[" in parts.netloc:
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"

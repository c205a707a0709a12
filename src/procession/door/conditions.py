"""Preconditions of requests (RFC 9110 section 13): whether a file still has the content that a client knows."""

from __future__ import annotations

import re
from collections.abc import Mapping

from procession.model.errors import ProcessionError
from procession.model.files import File

_TAG = re.compile(r'(W/)?("[^"]*")')  # a tag may hold a comma


class PreconditionFailed(ProcessionError):
    """The content is not the one that the request asks about (RFC 9110, sections 13.1.1, 13.1.2 and 13.1.4)."""

    status = 412


def etag(sha256: str | None) -> str:
    """The strong tag of a content; "" where there is none."""
    return f'"{sha256}"' if sha256 else ""


def check(headers: Mapping[str, str], present: str) -> None:
    """If-Match compares strongly. Contents have no date here: whoever asks by one must not get the bytes of another.

    `present` is the tag of the content, "" for none. Raises PreconditionFailed.
    """
    if "if-match" in headers:
        # RFC 9110 section 8.8.3.2: a weak tag says that the bytes may differ.
        tags = [tag for weak, tag in _TAG.findall(headers["if-match"]) if not weak]
        if not present or (present not in tags and headers["if-match"].strip() != "*"):
            raise PreconditionFailed("the file has changed: If-Match names another content than it has now")
    elif "if-unmodified-since" in headers:
        raise PreconditionFailed("files have no date of change here; ask by If-Match and the ETag of the first answer")


def check_change(headers: Mapping[str, str], file: File) -> None:
    """May this request change the file as it is now? Asked before its bytes come, and where it is changed.

    Raises PreconditionFailed.
    """
    present = etag(file.sha256)
    # If-Match first: RFC 9110 section 13.2.2.
    check(headers, present)
    if present and matches(headers.get("if-none-match", ""), present):
        raise PreconditionFailed("the file has this content already, or has one: If-None-Match does not hold")


def check_unknown(headers: Mapping[str, str]) -> None:
    """For what has no ETag: a condition that cannot hold must not be passed over. Raises PreconditionFailed."""
    if "if-unmodified-since" in headers or headers.get("if-match", "*").strip() != "*":
        raise PreconditionFailed("what this would change has no ETag, so that the condition cannot hold")


def matches(given: str, present: str) -> bool:
    """If-None-Match compares weakly."""
    return given.strip() == "*" or present in (tag for _, tag in _TAG.findall(given))

"""What pages load: style sheet, icons, scripts. An address names the content, so that browsers keep it for good."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from importlib import resources

from procession.door.contract import AssetReply
from procession.model.errors import NotFound

EDITOR = "codemirror.min.js"  # of a process file as text
# What each file is, and that there is no other: nothing of a path is ever opened.
MEDIA_TYPES = {
    "procession.css": "text/css; charset=utf-8",
    "icons.svg": "image/svg+xml",
    "logo.svg": "image/svg+xml",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "hx-sse.min.js": "text/javascript; charset=utf-8",
    "designer.js": "text/javascript; charset=utf-8",
    "cards.js": "text/javascript; charset=utf-8",
    EDITOR: "text/javascript; charset=utf-8",
    "procession.js": "text/javascript; charset=utf-8",
    "upload.js": "text/javascript; charset=utf-8",
}
# Served as one file: htmx starts at the first pause after it has been read, and an extension that comes later than
# that is not asked. With three files, a page's stream was sometimes never opened.
BUNDLE = "pages.js"
BUNDLED = ("htmx.min.js", "hx-sse.min.js", "procession.js")
# In a script of ours, comments stand in lines of their own. They are for whoever reads it here, and a fifth of it.
_COMMENT = re.compile(rb"^ *(//[^\n]*|/\*.*?\*/)\n", re.MULTILINE | re.DOTALL)
OWN = frozenset({"procession.js", "cards.js", "upload.js"})
PREFIX = "/assets/"
_DIGITS = 12  # of the hash: nobody chooses our files, so chance is all there is to fear


@cache
def _files() -> dict[str, AssetReply]:
    """By the name in the address."""
    folder = resources.files("procession.pages") / "static"
    found = {}
    for name, media_type in {**MEDIA_TYPES, BUNDLE: MEDIA_TYPES[BUNDLED[0]]}.items():
        parts = BUNDLED if name == BUNDLE else (name,)
        body = b"\n".join(_served(part, (folder / part).read_bytes()) for part in parts)
        stem, _, ending = name.rpartition(".")
        hashed = f"{stem}.{hashlib.sha256(body).hexdigest()[:_DIGITS]}.{ending}"
        # Without a time in it: the same content is the same bytes.
        found[hashed] = AssetReply(body=body, compressed=gzip.compress(body, mtime=0), media_type=media_type)
    return found


def _served(name: str, source: bytes) -> bytes:
    return _COMMENT.sub(b"", source) if name in OWN else source


@cache
def address(name: str) -> str:
    """Where the file is served. Raises KeyError for one that is not among MEDIA_TYPES, nor the bundle of scripts."""
    return PREFIX + dict(zip((*MEDIA_TYPES, BUNDLE), _files(), strict=True))[name]


def get(hashed: str) -> AssetReply:
    """Raises NotFound, also for what an earlier release had."""
    try:
        return _files()[hashed]
    except KeyError:
        raise NotFound("there is no such file; reload the page that asked for it") from None

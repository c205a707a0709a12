"""The server's own log: one JSON object a line on stderr, with what was given as `extra`.

No secret is logged on purpose. Somebody may still write one where paths, names or ids belong, so that what looks like
one of ours is left out of every line.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

# What every record has; the rest was given as `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
# JSON leaves them as they are: they end a line for some readers, steer a terminal, or turn the text around.
_UNSEEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
# Tokens, codes, links, cookies and client secrets are 43 characters of base64url. A SHA-256 and a UUID have no capital.
# Only from the start of a word: a long one without a capital would be looked at again from each of its letters.
# A browser's mark is a nonce and its seal, perhaps cut in a message.
_SECRET = re.compile(r"(?<![\w-])(?:[\w-]{22}\.[0-9a-f]{30,64}|(?=[\w-]*[A-Z])(?=[\w-]*[a-z0-9])[\w-]{40,})", re.ASCII)


class OneLine(logging.Formatter):
    """A record as one line of JSON; a traceback becomes the field `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        content = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _OWN},
        }
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        # default=str: a log line must not fail for a value that JSON does not know.
        line = json.dumps(content, default=str, ensure_ascii=False)
        return _SECRET.sub("[secret]", _UNSEEN.sub(_escaped, line))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def to_stderr(level: int = logging.INFO) -> None:
    """Send everything of this level and above there."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # It reports what we report ourselves.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)

"""Names and folders on the other side: which are taken, and which are refused, as we send them or as they come."""

from __future__ import annotations

import re
import unicodedata

NAME_BYTES_MAX = 255  # what Linux, Windows and S3's usual tools hold
FOLDER_BYTES_MAX = 900  # S3 ends at 1,024 with the name
# Controls, line breaks of Unicode, signs without width, and marks that turn the direction of writing: two names would
# look alike to whoever approves them. Not the two joiners, which Persian and Hindi are written with.
_HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
# Bytes that are no UTF-8, as Python holds them: no message could be written with one.
_BYTES = re.compile(r"[\ud800-\udfff]")


def name_mistake(name: str) -> str:
    """Why it is no name of a file, in the user's words; "" when it is one."""
    if not name or not name.strip():
        return "a name of a file is not empty"
    # Backslashes too: what is a letter here is a folder on Windows.
    if name in {".", ".."} or "/" in name or "\\" in name:
        return f"{shown(name)} is a path, and a name of a file is wanted"
    if _HIDDEN.search(name):
        return f"{shown(name)} holds a line break or another character that is not seen"
    if _BYTES.search(name):
        return f"{shown(name)} is not written in UTF-8"
    if len(name.encode()) > NAME_BYTES_MAX:
        return f"{shown(name[:40])}... is longer than {NAME_BYTES_MAX} bytes"
    return ""


def folder_mistake(folder: str) -> str:
    """Why no folder below the connection's own is meant; "" when one is."""
    # Servers expand a tilde to the home of a user.
    if folder.startswith(("/", "~")) or re.match(r"[A-Za-z]:", folder):
        return f"{shown(folder)} is absolute; paths are below the folder that the connection may reach"
    if "\\" in folder:
        return f"{shown(folder)} has a backslash; folders are separated by /"
    if ".." in folder.split("/"):
        return f"{shown(folder)} leads out of the folder that the connection may reach"
    if _HIDDEN.search(folder):
        return f"{shown(folder)} holds a line break or another character that is not seen"
    if len(folder.encode("utf-8", "replace")) > FOLDER_BYTES_MAX:
        return f"the folder is longer than {FOLDER_BYTES_MAX} bytes"
    return ""


def joined(*parts: str) -> str:
    """One path of several; empty parts and dots go."""
    steps = [step for part in parts for step in part.split("/") if step not in {"", "."}]
    return "/".join(steps)


def matcher(pattern: str) -> re.Pattern[str]:
    """The names that a pattern means: only * and ? stand for others, so that "[1] Report.pdf" names itself."""
    text = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.compile(text + r"\Z", re.DOTALL)


def folded(name: str) -> str:
    """Two names that some systems take for one have the same: by case, or by how an accent is written."""
    return unicodedata.normalize("NFC", name).casefold()


def shown(name: str) -> str:
    """The name in a message, whatever is in it."""
    seen = _BYTES.sub("\N{REPLACEMENT CHARACTER}", _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", name))
    return f'"{seen[:100]}"'

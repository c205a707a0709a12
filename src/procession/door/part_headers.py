"""What the head of a part says about the file in it: its name, and that its bytes are the file's own."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from multipart import MultipartSegment, content_disposition_unquote

from procession.model.errors import Invalid

# One parameter: a quoted text that ends where the next one begins, or what stands there, blanks and all.
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"(?=\s*(?:;|\Z))|[^;]*)')
# RFC 8187; urllib3 before 1.25. Older clients may name the other character set that RFC 5987 asks for.
_EXTENDED = re.compile(r"\"?(utf-8|iso-8859-1)'[^']*'((?:%[0-9A-F]{2}|[^%\s\"])+)\"?", re.IGNORECASE)
_PLAIN_ENCODINGS = {
    "content-transfer-encoding": frozenset({"", "7bit", "8bit", "binary"}),
    "content-encoding": frozenset({"", "identity"}),
}


def of(segment: MultipartSegment) -> dict[str, str]:
    """Names in lower case. Raises Invalid for two names of one file: two readers would take two files."""
    headers: dict[str, str] = {}
    for given, value in segment.headerlist:
        name = given.lower()
        if name == "content-disposition" and name in headers:
            raise Invalid("the head of a part has Content-Disposition twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def file_name(headers: Mapping[str, str]) -> str | None:
    """None for a form field. In UTF-8 if it is, else as old clients write it, in Windows-1252. Raises Invalid."""
    parameters: dict[str, str] = {}
    for key, value in _PARAMETER.findall(headers.get("content-disposition", "")):
        if key.lower() in parameters:
            raise Invalid(f"the Content-Disposition of a part has {key[:40]} twice")
        parameters[key.lower()] = value.strip()
    # Before the plain one: RFC 6266 section 4.3.
    extended = _extended(parameters.get("filename*", ""))
    if extended:
        return extended
    if "filename" in parameters:
        return _plain(content_disposition_unquote(parameters["filename"], filename=True))
    if "filename*" in parameters:
        given = parameters["filename*"][:80]
        raise Invalid(
            f"the name of the file part, filename*={given}, cannot be read; write it like UTF-8''May%20close.csv"
        )
    return None


def _plain(text: str) -> str:
    # UTF-8 first: text in Windows-1252 is hardly ever valid UTF-8, while almost any bytes are valid Windows-1252.
    for encoding in ("utf-8", "cp1252"):
        with contextlib.suppress(UnicodeError):
            return text.encode("latin-1").decode(encoding)
    return text


def _extended(text: str) -> str | None:
    """None where it is malformed, or in a character set that clients need not know: then the plain one counts."""
    found = _EXTENDED.fullmatch(text)
    try:
        return unquote_to_bytes(found[2]).decode(found[1]) if found else None
    except UnicodeError:
        return None


def check_whole(headers: Mapping[str, str]) -> None:
    """Kept as they came, the bytes would be another file, or a part of one. Raises Invalid.

    RFC 7578 section 4.7: no part of a form is encoded.
    """
    for name, plain in _PLAIN_ENCODINGS.items():
        encoding = headers.get(name, "").strip().lower()
        if encoding not in plain:
            raise Invalid(f"the file part is encoded as {encoding[:40]}; send its bytes as they are")
    if "content-range" in headers:
        raise Invalid("the file part has a Content-Range; send the whole file, or chunks by an upload session")

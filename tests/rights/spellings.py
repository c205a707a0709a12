"""Other ways of writing a path: those that mean the same, and those that try to get around a rule."""

from __future__ import annotations

from collections.abc import Iterator

# What a client may write instead (T1 to T4 of the wire contract); everything else is nothing.
SAME = frozenset(
    {
        "upper case",
        "mixed case",
        "all upper case",
        "encoded letters",
        "encoded letters, small digits",
        "a slash at the end",
        "the prefix /v1",
        "the prefix /API/V1",
        "the prefix /e.solvexia.com/api/v1",
        "the prefix /e.solvexia.com/v1",
        "the prefix /E.SolveXia.COM/Api/V1",
        "the prefix /%61pi/v1",
        "a look-alike that is the same letter",
    }
)
PREFIXES = (
    "", "/v1", "/API/V1", "/api", "/v2", "/api/v2", "/api/v1/api/v1", "/v1/v1", "/v1/api/v1", "/api/v1/v1", "/apiv1",
    "/e.solvexia.com/api/v1", "/e.solvexia.com/v1", "/E.SolveXia.COM/Api/V1", "/e.solvexia.com/e.solvexia.com/api/v1",
    "/solvexia.com/api/v1", "/solvexia.com.evil/api/v1", "/e.solvexia.com%2Fapi%2Fv1", "/e.solvexia.com%2Fapi/v1",
    "/e.solvexia.com", "/oauth", "/oauth/api/v1", "/health/api/v1", "/health", "/openapi.json", "/%61pi/v1", "/api%2Fv1",
    "/api/v1;x", "/api/v1%00", "/api /v1", "/./api/v1", "/../api/v1", "/api/v1/.", "/api/v1/..", "/api/v1/x/..",
    "/%2e%2e/api/v1", "//api/v1", "/api//v1", "/api\\v1", "/\\api/v1", "http://house.example/api/v1", "api/v1", "*",
    "/oauth/../api/v1", "/.well-known/../api/v1", "/static/..%2fapi/v1", "/api/v1/health/..", "/api/v1/public",
)  # fmt: skip
BETWEEN = (
    "/./", "/../", "/x/../", "//", "///", "/%2e/", "/%2E%2E/", "/.%2e/", "/..;/", "/;/", "/%20/", "/%00/", "/%09/",
    "%2f", "%2F", "%252f", "%5c", "\\", "/%c0%af/", "/%e0%80%af/", "/\u2215/", "/\uff0f/", "%u2215", "/*/", "/%0d%0a/",
)  # fmt: skip
AFTER = (
    "/", "//", "/.", "/..", "/%2e", "/%2f", ";", ";a=b", ";jsessionid=1", "%00", "%0a", "%0d%0a", "%20", "%09", "+", ".",
    "..", ".json", ".css", "~", "%23", "%3f", "%3Fa=b", "#x", "'", '"', "%27", "%22", "*", "$", "&a=b", "=", "%", "%2",
    "%zz", "%ff", "%c3", "%ef%bb%bf", "%e2%80%8b", "%e2%80%ae", "%cc%81", "/null", "/x",
)  # fmt: skip
IDS = (
    "{prefix}-0{number}", "{prefix}-00{number}", "{prefix}-+{number}", "{prefix}--{number}", "{prefix}- {number}",
    "{prefix}-%20{number}", " {prefix}-{number}", "%20{prefix}-{number}", "{prefix} -{number}", "{prefix}_{number}",
    "{prefix}{number}", "{prefix}-{number}.0", "{prefix}-{number}e0", "{prefix}-0x{number}", "{prefix}-{number}_0",
    "{prefix}-{number}L", "{prefix}-{number}%00", "{prefix}-{number}-{number}", "{prefix}-{number},{number}",
    "{prefix}-{number}%20OR%201=1", "{prefix}-{number}'--", "{prefix}-", "{prefix}", "-{number}",
    "{number}", "0", "-1", "{prefix}-0", "{prefix}--1", "{prefix}-1000000000000000000", "{prefix}-9223372036854775807",
    "{prefix}-9223372036854775808", "{prefix}-18446744073709551617", "{prefix}-999999999999999999999999999999", "*",
    "{prefix}-*", "null", "me", "all", "%7Bid%7D", "{prefix}\u2010{number}", "{prefix}\u2212{number}", "{prefix}%E2%88%92{number}",
    "{prefix}-\u0661", "{prefix}-\uff11", "{prefix}-\u00b9", "{prefix}-\u2460",
)  # fmt: skip
KINDS = ("p", "pr", "ds", "as", "dsprop", "f", "mt", "u", "ug", "c", "log", "x")
LOOK_ALIKES = {
    "p": "\u0440",
    "c": "\u0441",
    "e": "\u0435",
    "o": "\u043e",
    "a": "\u0430",
    "s": "\uff53",
    "r": "\uff52",
    "u": "\u028b",
}


def of(path: str) -> Iterator[tuple[str, bytes]]:
    """Of a path below /api/v1, such as /processes/p-1: what is done to it, and how it then goes over the wire."""
    yield from ((f"the prefix {prefix}", f"{prefix}{path}".encode()) for prefix in PREFIXES)
    segments = path.split("/")[1:]
    whole = ["api", "v1", *segments]
    yield "all upper case", _joined(whole).upper().encode()
    for at, segment in enumerate(whole):
        for what, other in _of_segment(segment, is_last=at == len(whole) - 1):
            yield what, _joined([*whole[:at], other, *whole[at + 1 :]]).encode()
    for at in range(len(whole)):
        for piece in BETWEEN:
            yield f"{piece!r} between", (_joined(whole[:at]) + piece + "/".join(whole[at:])).encode()
    for piece in AFTER:
        what = "a slash at the end" if piece == "/" else f"{piece!r} at the end"
        yield what, (_joined(whole) + piece).encode()
    for at, segment in enumerate(whole):
        if "-" in segment:
            yield from (
                (what, _joined([*whole[:at], other, *whole[at + 1 :]]).encode()) for what, other in _of_id(segment)
            )
    yield "bytes that are no UTF-8", _joined(whole).encode() + b"\xff"


def _joined(segments: list[str]) -> str:
    return "".join(f"/{segment}" for segment in segments)


def _of_segment(segment: str, *, is_last: bool) -> Iterator[tuple[str, str]]:
    yield "upper case", segment.upper()
    yield "mixed case", "".join(letter.upper() if at % 2 else letter for at, letter in enumerate(segment))
    yield "encoded letters", "".join(f"%{ord(letter):02X}" for letter in segment)
    yield "encoded letters, small digits", f"%{ord(segment[0]):02x}{segment[1:]}"
    yield "letters encoded twice", f"%25{ord(segment[0]):02x}{segment[1:]}"
    yield "parameters", f"{segment};a=b"
    yield "a dot after it", f"{segment}."
    yield "a blank after it", f"{segment}%20"
    yield "a blank before it", f"%20{segment}"
    yield "a soft hyphen in it", f"{segment[:1]}\u00ad{segment[1:]}"
    if not is_last:  # that would be a slash at the end of another path
        yield "nothing of it", ""
    if "k" in segment:
        yield "a look-alike that is the same letter", segment.replace("k", "\u212a")  # KELVIN SIGN, in lower case a k
    for letter, other in LOOK_ALIKES.items():
        if letter in segment:
            yield f"a look-alike of {letter}", segment.replace(letter, other, 1)


def _of_id(id: str) -> Iterator[tuple[str, str]]:
    prefix, _, number = id.partition("-")
    for form in IDS:
        yield f"the id {form}", form.format(prefix=prefix, number=number)
    for kind in KINDS:
        if kind != prefix:
            yield f"an id of {kind}", f"{kind}-{number}"

"""Number formats of cells: does a number shown by one stand for a date, a time of day, a duration or itself?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto


class Shows(Enum):
    """What a number format makes of a number."""

    NUMBER = auto()
    DATE = auto()  # a day, with or without a time of day
    TIME = auto()  # a time of day alone
    DURATION = auto()  # elapsed hours, minutes or seconds, such as [h]:mm
    DAY_OR_TIME = auto()  # either, by the language of the program that wrote it


# ECMA-376 part 1, 18.8.30: ids that need no code. 27 to 36 and 50 to 58 are East Asian, 59 to 81 Thai.
_BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), Shows.DATE),
    **dict.fromkeys((71, 72, 73, 74, 77, 81), Shows.DATE),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 47, 75, 76, 78, 80), Shows.TIME),
    **dict.fromkeys((46, 79), Shows.DURATION),
    **dict.fromkeys((34, 35, 55, 56), Shows.DAY_OR_TIME),
}
# ECMA-376 part 1, 18.8.31: _x is as wide as x, *x fills with x, [..] a colour, condition or currency, E+ an exponent.
_LITERAL = re.compile(
    r'"[^"]*"?|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\[\]]*+\]|General|Standard|[eE][+-]', re.IGNORECASE | re.DOTALL
)
# Beside the common ones: e and g are years of an era, b Buddhist years, aaa Japanese week days.
_TOKEN = re.compile(r"\[(?:h+|m+|s+)\]|AM/PM|A/P|y+|m+|d+|h+|s+|e+|g+|a{3,}|b+", re.IGNORECASE)
_CODE_CHARACTERS_MAX = 4_096  # Excel allows 255


def built_in(number: int) -> Shows:
    return _BUILT_IN.get(number, Shows.NUMBER)


def shows(code: str) -> Shows:
    """What a format code makes of a number. Quoted text, colours, conditions and currencies do not count."""
    tokens = [token.lower() for token in _TOKEN.findall(_LITERAL.sub(" ", code[:_CODE_CHARACTERS_MAX]))]
    if any(_is_date(tokens, place) for place in range(len(tokens))):
        return Shows.DATE
    if any(token.startswith("[") for token in tokens):
        return Shows.DURATION
    return Shows.TIME if tokens else Shows.NUMBER


def of_styles(number_ids: list[int], codes: Mapping[int, str]) -> list[Shows]:
    """What each cell style shows, given the number format of each and the codes of those that have one."""
    found = {number: shows(codes[number]) if number in codes else built_in(number) for number in set(number_ids)}
    return [found[number] for number in number_ids]


def _is_date(tokens: list[str], place: int) -> bool:
    """Is the token a part of a day? An m or mm next to hours or seconds stands for minutes."""
    token = tokens[place]
    if token[0] in "[hs" or token in ("am/pm", "a/p"):
        return False
    if token not in ("m", "mm"):
        return True
    before = tokens[place - 1] if place else ""
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    return not (before.lstrip("[").startswith("h") or after.lstrip("[").startswith("s"))

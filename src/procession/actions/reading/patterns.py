"""Date patterns such as %d.%m.%Y: what they may contain, and which texts match.

DuckDB reads less strictly: it takes 11124 for the 11th of December 2004 where %d%m%y stands and a zero was lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = {"d": 2, "m": 2, "y": 2, "Y": 4, "H": 2, "I": 2, "M": 2, "S": 2}  # digits
_OTHERS = {
    **dict.fromkeys("aAbB", r"\p{L}+"),
    "f": "[0-9]{1,6}",
    "p": "[AaPp][Mm]",
    "z": "[+-][0-9]{2}(:?[0-9]{2})?",
    "Z": "[A-Za-z][A-Za-z0-9_/+-]*",
    "%": "%",
}
_ALL_DIGITS = frozenset("yY")
_TIMES = frozenset("HIMSf")
_PART = re.compile(r"%-?([A-Za-z%])|%|[^%]+", re.DOTALL)


def mistake(pattern: str) -> str | None:
    """What is wrong with the pattern, in the user's words."""
    letters = set(_letters(pattern))
    # Refused, because DuckDB would take %q for the letter q.
    unknown = letters - _LONGEST.keys() - _OTHERS.keys()
    if unknown:
        known = ", ".join(f"%{letter}" for letter in (*_LONGEST, *_OTHERS))
        return f'the pattern "{pattern}" holds "%{min(unknown)}"; known are {known}'
    if not all(letters & set(need) for need in ("yY", "mbB", "d")):
        return f'the pattern "{pattern}" must hold a day, a month and a year, as %d.%m.%Y does'
    return None


def has_time(pattern: str) -> bool:
    return not _TIMES.isdisjoint(_letters(pattern))


def has_zone(pattern: str) -> bool:
    return not {"z", "Z"}.isdisjoint(_letters(pattern))


def written(pattern: str) -> str:
    """A regular expression for texts of the pattern. Adjacent digits must all be there."""
    parts = list(_PART.finditer(pattern))
    found = ""
    for number, part in enumerate(parts):
        letter = part[1]
        if letter in _LONGEST:
            neighbours = (*parts[max(number - 1, 0) : number], *parts[number + 1 : number + 2])
            # Without a mark between them, 11124 has several readings.
            is_fixed = letter in _ALL_DIGITS or any(other[1] in _LONGEST for other in neighbours)
            found += f"[0-9]{{{_LONGEST[letter] if is_fixed else 1},{_LONGEST[letter]}}}"
        else:
            found += _OTHERS.get(letter or "", re.escape(part[0]))
    return found


def _letters(pattern: str) -> Iterator[str]:
    """The letters behind percent signs; "" for a sign with nothing behind it."""
    return (part[1] or "" for part in _PART.finditer(pattern) if part[0].startswith("%"))

"""How many letters two texts are apart. DuckDB counts bytes, and a letter of Greek or Cyrillic has two of them."""

from __future__ import annotations

from procession.actions.database import literal

# Letters that no cleaned text has, to stand for those of more than one byte: more than any pair of references has.
_CODES = "".join(map(chr, range(1, 32))) + "!#$%&()*+,-./:;<=>?@[]^_`{|}~" + "".join(map(chr, range(97, 123)))


def cleaned(text: str) -> str:
    """SQL of letters and digits only, upper case; NULL for none. One letter written as two is one."""
    return f"nullif(regexp_replace(upper(nfc_normalize({text})), '[^\\p{{L}}\\p{{N}}]', '', 'g'), '')"


def distance(left: str, right: str, most: int) -> str:
    """SQL of the letters to insert, leave out, replace or swap between two cleaned texts; more than `most` may be any
    number above it."""
    others = f"list_distinct(regexp_extract_all({left} || {right}, '[^\\x00-\\x7F]'))[:{len(_CODES)}]"
    coded = [f"translate({text}, array_to_string({others}, ''), {literal(_CODES)})" for text in (left, right)]
    plain = f"strlen({left} || {right}) = length({left} || {right})"
    return f"CASE WHEN {plain} THEN {_swapping(left, right, most)} ELSE {_swapping(coded[0], coded[1], most)} END"


def _swapping(left: str, right: str, most: int) -> str:
    # Without swaps it is counted seven times as fast. A swap is two edits there, so no more than half of them can go.
    plain = f"levenshtein({left}, {right})"
    return f"CASE WHEN {plain} BETWEEN 2 AND {2 * most} THEN damerau_levenshtein({left}, {right}) ELSE {plain} END"

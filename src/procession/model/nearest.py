"""The known word that was probably meant."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from difflib import SequenceMatcher

# A hint must not take longer than the mistake: nobody overlooks one word among thousands by a slip of a key.
KNOWN_MAX = 1_000
CHARACTERS_MAX = 128  # of "step.property"
# Comparing two words takes the product of their lengths; the bounds that choose these take their sum.
COMPARED_MAX = 5
ALIKE_MIN = 0.6  # difflib's own


def nearest(word: str, known: Collection[str]) -> str | None:
    """None where none is near, and where there are too many to look at."""
    if len(known) > KNOWN_MAX:
        return None
    matcher: SequenceMatcher[str] = SequenceMatcher()
    matcher.set_seq2(word[:CHARACTERS_MAX])
    bounds: list[tuple[float, str]] = []
    for one in known:
        matcher.set_seq1(one[:CHARACTERS_MAX])
        if matcher.real_quick_ratio() >= ALIKE_MIN:
            bounds.append((matcher.quick_ratio(), one))
    best = ALIKE_MIN, ""
    for bound, one in heapq.nlargest(COMPARED_MAX, bounds):
        matcher.set_seq1(one[:CHARACTERS_MAX])
        if bound >= ALIKE_MIN:
            best = max(best, (matcher.ratio(), one))
    return best[1] or None

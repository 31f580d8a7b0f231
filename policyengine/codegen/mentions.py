"""How texts are laid out to be searched for together; `values/mentions.py` searches.

Texts that have a part in common make a family: while the part is not found none of them is. Each
text that is left is found by its blocks, if it is long enough to have some.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence

from policyengine.values.mentions import BLOCK, Family

# The part that a family has in common has at least so many characters.
PART = 5
# Only so many characters of a text are looked at for what it has in common with others.
LOOKED_AT = 200
# Fewer members are found faster one by one.
LEAST_MEMBERS = 6
# At most so many combinations of where the part lies in a member, and how long that is.
MOST_PLACES = 8
# With fewer members for each combination, looking around the part costs as much as it saves.
LEAST_AT_PLACE = 4
# With fewer texts the blocks of a request's text are not worth cutting.
LEAST_IN_BLOCKS = 24


def tables(
    texts: Sequence[str],
) -> tuple[tuple[Family, ...], tuple[str, ...], tuple[str, ...]]:
    """The families, the texts that are found by blocks, and those that are found one by one.

    >>> families, by_blocks, others = tables([f"secret word {n}" for n in range(9)] + ["x"])
    >>> families[0][:2], by_blocks, others
    (('secret word ', ((0, 13),)), (), ('x',))
    """
    families = _families(texts)
    members = {text for family in families for text in family[2]}
    left = [text for text in texts if text not in members]
    long = [t for t in left if len(t.encode("utf-8", "surrogatepass")) >= 2 * BLOCK - 1]
    if len(long) < LEAST_IN_BLOCKS:
        return families, (), tuple(left)
    known = set(long)
    return families, tuple(long), tuple(text for text in left if text not in known)


def _families(texts: Sequence[str]) -> tuple[Family, ...]:
    """The largest families first; each text is in one at most."""
    having: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        for part in _parts(text):
            having[part].add(text)
    heap = [(-len(found), part) for part, found in having.items() if len(found) >= LEAST_MEMBERS]
    heapq.heapify(heap)
    taken: set[str] = set()
    made: list[Family] = []
    while heap:
        size, part = heapq.heappop(heap)
        left = having[part] - taken
        if len(left) < LEAST_MEMBERS:
            continue
        if len(left) < -size:
            heapq.heappush(heap, (-len(left), part))
            continue
        family = _family(part, left)
        if len(family[2]) >= LEAST_MEMBERS:
            made.append(family)
            taken.update(family[2])
    return tuple(made)


def _parts(text: str) -> set[str]:
    looked_at = text[:LOOKED_AT]
    return {looked_at[start : start + PART] for start in range(len(looked_at) - PART + 1)}


def _family(part: str, texts: set[str]) -> Family:
    """The longest part around `part` that all have in common, and where it lies in each."""
    begins = {text: text.index(part) for text in sorted(texts)}
    before = 0
    while _same([text[:place][-before - 1 : -before or None] for text, place in begins.items()]):
        before += 1
    length = PART
    while _same([text[place + length : place + length + 1] for text, place in begins.items()]):
        length += 1
    first, place = next(iter(begins.items()))
    places = Counter((place - before, len(text)) for text, place in begins.items())
    common = {at for at, count in places.most_common(MOST_PLACES) if count >= LEAST_AT_PLACE}
    return (
        first[place - before : place + length],
        tuple(sorted(common)),
        tuple(t for t, place in begins.items() if (place - before, len(t)) in common),
    )


def _same(characters: Sequence[str]) -> bool:
    """Whether all of them are one character."""
    return bool(characters[0]) and len(set(characters)) == 1

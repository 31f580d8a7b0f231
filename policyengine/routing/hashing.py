"""Numbers that are spread evenly and come out the same everywhere: for draws and sticky keys."""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import Final

_BITS: Final = (1 << 64) - 1
_SHARES: Final = float(1 << 52)


def hashed(text: str) -> int:
    """64 bits of a text's hash, the same in every process.

    >>> hashed("a") == hashed("a"), hashed("a") == hashed("b")
    (True, False)
    """
    # Half a surrogate pair is no UTF-8.
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def mixed(seed: int, other: int) -> int:
    """64 bits of which each depends on all bits of both.

    The mixing function of SplitMix64 (Steele, Lea and Flood 2014).
    """
    bits = (seed ^ other) + 0x9E3779B97F4A7C15 & _BITS
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & _BITS
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & _BITS
    return bits ^ bits >> 31


def share(bits: int) -> float:
    """64 bits as a number above 0 and below 1.

    >>> 0 < share(0) < share(2**64 - 1) < 1
    True
    """
    return ((bits >> 12) + 0.5) / _SHARES


def rank(seed: int, other: int, weight: float) -> float:
    """Where something of a weight comes in the order that a seed gives; the lowest is first.

    Each comes first as often as its weight says, and adding another moves nobody but those that
    go to it: weighted rendezvous hashing (Thaler and Ravishankar 1998; weights by Resch 2015).
    """
    if weight <= 0:
        return math.inf
    # `mixed` and `share` once more: calls cost as much as what they do.
    bits = (seed ^ other) + 0x9E3779B97F4A7C15 & _BITS
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & _BITS
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & _BITS
    return -math.log((((bits ^ bits >> 31) >> 12) + 0.5) / _SHARES) / weight

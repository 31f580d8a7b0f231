"""A long text in parts that overlap, so that what is done between two looks at the clock is little.

Parts also bound what a backtracking pattern or a tokenizer of somebody else can cost.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final, NamedTuple

from policyengine.guards._pii.entity import Hit

SIZE: Final = 2_000
OVERLAP: Final = 200
_LOOKS: Final = 0.02
# spaCy's tokenizer takes time with the square of what stands between two spaces.
_LONG: Final = re.compile(r"\S{100}")
_TOKEN: Final = re.compile(r"\w+|[^\w\s]|\s+")

Check = Callable[[], None]
"""Raises when there is no time left."""


class Part(NamedTuple):
    """Characters `start` to `end` of a text."""

    text: str
    start: int
    last: bool

    def whole(self, hit: Hit) -> Hit | None:
        """A find in this part as one in the text, or nothing where a neighbour sees more of it."""
        end = self.start + len(self.text)
        place = Hit(hit.name, self.start + hit.start, self.start + hit.end, hit.score, hit.why)
        if not self.last and hit.end == len(self.text) and place.start >= end - OVERLAP:
            return None
        if self.start and not hit.start and hit.end <= OVERLAP:
            return None
        return place


def parts(text: str, check: Check) -> Iterator[Part]:
    """The parts of a text, in well-formed Unicode of the same length; asks the clock before each.

    >>> [(part.start, len(part.text)) for part in parts("x" * 4_000, lambda: None)]
    [(0, 2000), (1800, 2000), (3600, 400)]
    """
    start = 0
    while True:
        check()
        part = text[start : start + SIZE]
        if not part.isascii():
            part = part.encode("utf-8", "replace").decode("utf-8")
        last = start + SIZE >= len(text)
        yield Part(part, start, last)
        if last:
            return
        start += SIZE - OVERLAP


def found(text: str, look: Callable[[str], Iterable[Hit]], check: Check) -> Iterator[Hit]:
    """What a look at each part finds, with places in the whole text, each once."""
    seen: set[Hit] = set()
    for part in parts(text, check):
        for hit in look(part.text):
            whole = part.whole(hit)
            if whole is not None and whole not in seen:
                seen.add(whole)
                yield whole


def words(nlp: Any, text: str) -> Any:
    """A text as spaCy's words, in time linear in its length."""
    if _LONG.search(text) is None:
        return nlp.make_doc(text)
    from spacy.tokens import Doc

    found = _TOKEN.findall(text)
    return Doc(nlp.vocab, words=found, spaces=[False] * len(found))


@contextmanager
def held(lock: Lock, check: Check) -> Iterator[None]:
    """Inside a lock, for which nobody waits longer than there is time."""
    while not lock.acquire(timeout=_LOOKS):
        check()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def within(seconds: float, raised: Callable[[], Exception]) -> Iterator[None]:
    """Raises afterwards where something took longer, by the clock or by what the process worked.

    What gives up silently when its time is over has found nothing, which must not count as clean.
    """
    began, worked = time.monotonic(), time.process_time()
    yield
    if max(time.monotonic() - began, time.process_time() - worked) >= seconds:
        raise raised()

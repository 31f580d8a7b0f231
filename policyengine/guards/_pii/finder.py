"""The finder of a `pii` question: scans, thresholds, lists, and which of several types stays."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from policyengine.errors import FactError
from policyengine.guards._pii.config import MIN_SCORE, chosen
from policyengine.guards._pii.custom import Custom
from policyengine.guards._pii.entity import Entity, Hit
from policyengine.guards._pii.names import ENTITIES, LONGEST_NAME, Names
from policyengine.guards._pii.presidio import SPAN, Presidio
from policyengine.guards._pii.runs import Runs
from policyengine.guards._pii.tokens import Tokens
from policyengine.guards._pii.view import View, Words
from policyengine.plugins import Finding, Texts

MAX_FINDINGS: Final = 10_000
# Before those are left out that others cover.
_MOST_HITS: Final = 20 * MAX_FINDINGS
# What has others inside: it competes for a place only with its own kind.
_CONTAINERS: Final = frozenset({"URL", "URL_WITH_CREDENTIALS", "ADDRESS"})

# What an entity may be a part of, which is then looked for though nobody asked: the digits of an
# account are no telephone number for a rule that asks for nothing else.
_RIVALS: Final[Mapping[str, tuple[str, ...]]] = {"PHONE_NUMBER": ("CREDIT_CARD", "IBAN_CODE")}

Scan = Callable[[View], Iterable[Hit]]
SlowScan = Callable[[View, Callable[[], None]], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Source:
    """One way of finding; `key` tells those that find the same, so that a text is scanned once.

    A `slow` one is also given what raises when the time is over, and asks it now and then.
    """

    key: Any
    scan: Scan | None = None
    slow: SlowScan | None = None

    def look(self, view: View, check: Callable[[], None]) -> Iterable[Hit]:
        """What it finds in a text."""
        check()
        if self.slow is not None:
            return self.slow(view, check)
        return self.scan(view) if self.scan is not None else ()


@dataclass(frozen=True, slots=True)
class Finder:
    """What answers one question; immutable, shared by threads."""

    sources: tuple[Source, ...]
    min_score: float
    min_scores: Mapping[str, float]
    allow: Mapping[str, frozenset[str]]
    best: bool
    holdback: int
    rivals: tuple[Source, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Finder:
        """The finder of a normal configuration; `ValueError` where it makes no sense."""
        by_model = ENTITIES if "names" in config else frozenset()
        entities = chosen(name for name in config["entities"] if name not in by_model)
        customs = [Custom.of(each) for each in config["custom"]]
        if config["deny"]:
            customs.append(
                Custom("DENIED", None, None, Words.of(()), 1.0, _lowered(config["deny"]))
            )
        others = tuple(_others(config, [entity.name for entity in entities]))
        asked = {entity.name for entity in entities}
        rivals = chosen(
            rival for name in asked for rival in _RIVALS.get(name, ()) if rival not in asked
        )
        known = {
            *(entity.name for entity in entities),
            *(custom.name for custom in customs),
            *(name for _, only, _ in others for name in only),
        }
        for name in config["min_scores"]:
            if name not in known:
                raise ValueError(f"`{name}` has a score of its own, but is not looked for")
        if not known:
            raise ValueError("nothing is looked for")
        own = {name: score for name, score in config["min_scores"].items() if name not in by_model}
        least = min([config["min_score"], *own.values()])
        # Two floors only, so that questions with other thresholds share what was found.
        floor = MIN_SCORE if least >= MIN_SCORE else 0.0
        allow = {each["name"]: _plain(each["allow"]) for each in config["custom"]}
        return cls(
            (
                *_own(entities, floor),
                *(Source(custom, custom.scan) for custom in customs),
                *(source for source, _, _ in others),
            ),
            config["min_score"],
            dict(config["min_scores"]),
            {"": _plain(config["allow"]), **allow},
            config["overlaps"] == "best",
            max(
                [
                    *(entity.span for entity in (*entities, *rivals)),
                    *(_CUSTOM_SPAN for _ in customs),
                    *(span for _, _, span in others),
                ]
            ),
            tuple(_own(rivals, MIN_SCORE)) if config["overlaps"] == "best" else (),
        )

    def __call__(self, texts: Any) -> Sequence[Finding]:
        """The findings in some texts, in their order.

        Raises `FactError` where there are more than anyone could use, or no time is left.
        """
        texts = Texts.of(texts)
        found: list[Finding] = []
        for field, text in texts:
            view = _view(texts, field, text)
            hits = self._hits(texts, view)
            if len(found) + len(hits) > MAX_FINDINGS:
                raise FactError("too-many-findings", f"more than {MAX_FINDINGS:,} findings")
            found += [_finding(view, each) for each in hits]
        return found

    def _hits(self, texts: Texts, view: View) -> list[Hit]:
        hits: list[Hit] = []
        least, own = self.min_score, self.min_scores
        for source in self.sources:
            known = self._seen(texts, view, source)
            if known:
                hits += [hit for hit in known if hit.score >= own.get(hit.name, least)]
        if not hits:
            return hits
        if len(hits) > _MOST_HITS:
            raise FactError("too-many-findings", f"more than {MAX_FINDINGS:,} findings")
        if any(self.allow.values()):
            hits = [hit for hit in hits if not self._is_allowed(view, hit)]
        if not self.best:
            return sorted(dict.fromkeys(hits), key=_place)
        if not self.rivals or not any(hit.name in _RIVALS for hit in hits):
            return best(hits)
        rivals = {hit for source in self.rivals for hit in self._seen(texts, view, source)}
        return [hit for hit in best([*hits, *rivals]) if hit not in rivals]

    def _seen(self, texts: Texts, view: View, source: Source) -> tuple[Hit, ...]:
        known: tuple[Hit, ...] | None = view.found.get(source.key)
        if known is None:
            texts.check()
            found = source.scan(view) if source.scan else source.look(view, texts.check)
            known = view.found[source.key] = tuple(found)
        return known

    def _is_allowed(self, view: View, hit: Hit) -> bool:
        found = _one_form(view.text[hit.start : hit.end])
        host = found[found.rfind("@") :] if "@" in found else found
        for name in ("", hit.name):
            allowed = self.allow.get(name, frozenset())
            if found in allowed or host in allowed:
                return True
        return False


# A custom regex may span more; a stream holds back this much of it.
_CUSTOM_SPAN: Final = 512


def _others(
    config: Mapping[str, Any], entities: Sequence[str]
) -> Iterator[tuple[Source, frozenset[str], int]]:
    """The backends that are asked for, what only they find, and how long a find of theirs is."""
    if "presidio" in config:
        presidio = Presidio.of(config["presidio"], entities)
        yield Source(presidio, slow=presidio.scan), presidio.own, SPAN
    if "names" in config:
        names = Names.of(config["names"], config["entities"])
        yield Source(names, slow=names.scan), names.entities, LONGEST_NAME


def _own(entities: Sequence[Entity], floor: float) -> Iterable[Source]:
    """The ways to find some entities: one for all fixed shapes, one for each scan."""
    runs = Runs.of(entities, floor)
    if runs:
        names = frozenset(each.name for each in entities if each.forms or each.at)
        yield Source(("runs", names, floor), _only(runs.scan, names))
    tokens = Tokens.of(entities)
    if tokens.judges:
        yield Source(("tokens", frozenset(e.name for e in entities if e.tokens)), tokens.scan)
    scans: dict[Any, set[str]] = {}
    for entity in entities:
        if entity.scan is not None:
            scans.setdefault(entity.scan, set()).add(entity.name)
    for scan, wanted in scans.items():
        yield _scanned(scan, frozenset(wanted))


def _scanned(scan: Any, names: frozenset[str]) -> Source:
    def only(view: View) -> list[Hit]:
        return [hit for hit in scan(view, names) if hit.name in names]

    return Source((scan, names), only)


def _only(scan: Scan, names: frozenset[str]) -> Scan:
    """A scan without what a family finds beside what is asked for."""
    return lambda view: [hit for hit in scan(view) if hit.name in names]


def _view(texts: Texts, field: str, text: str) -> View:
    key = ("pii", field, text)
    view = texts.memo.get(key)
    if view is None:
        view = texts.memo[key] = View(field, text, texts.check)
    found: View = view
    return found


def best(hits: Iterable[Hit]) -> list[Hit]:
    """Of hits that overlap the likeliest, then the longest; in the order of the text.

    >>> best([Hit("A", 0, 9, 0.6, ""), Hit("B", 0, 9, 0.8, ""), Hit("URL", 0, 20, 0.9, "")])
    [Hit(name='URL', start=0, end=20, score=0.9, why=''), Hit(name='B', start=0, end=9, score=0.8, \
why='')]
    """
    hits = sorted(hits, key=_place)
    if all(before.end <= hit.start for before, hit in pairwise(hits)):
        return hits
    kept: list[Hit] = []
    taken: dict[str, tuple[list[int], list[int]]] = {}
    for hit in sorted(hits, key=_rank):
        kind = hit.name if hit.name in _CONTAINERS else ""
        starts, ends = taken.setdefault(kind, ([], []))
        # Taken ranges do not overlap, so their ends are in order too.
        i = bisect_left(starts, hit.end)
        if i and ends[i - 1] > hit.start:
            continue
        starts.insert(i, hit.start)
        ends.insert(i, hit.end)
        kept.append(hit)
    return sorted(kept, key=_place)


def _rank(hit: Hit) -> tuple[float, int, int, str]:
    return -hit.score, hit.start - hit.end, hit.start, hit.name


def _place(hit: Hit) -> tuple[int, int, str]:
    return hit.start, -hit.end, hit.name


def _finding(view: View, hit: Hit) -> Finding:
    start, end = view.place(hit.start, hit.end)
    return {
        "type": hit.name,
        "field": view.field,
        "start": start,
        "end": end,
        "score": hit.score,
        "why": hit.why,
    }


def _one_form(text: str) -> str:
    """A text in the form in which lists are compared: small letters, digits without separators."""
    text = text.lower()
    if any(letter.isalpha() for letter in text):
        return text
    return "".join(filter(str.isdigit, text))


def _plain(allowed: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_one_form, allowed))


def _lowered(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)

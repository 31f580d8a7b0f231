"""The guard `injection`: texts that try to give a model orders of their own.

    injection: true
    injection: strict
    injection: {threshold: 0.9, sources: [tool, document], signals: [HIDDEN_TEXT]}
    injection: {model: {onnx: {path: prompt-guard-2}}, cascade: {uncertain: [strict, lenient]}}

Texts are read in plain form (`_text/normal.py`), then as what they say once an encoding or a
disguise is taken off (`_injection/views.py`). A shipped classifier gives each window of a text a
calibrated score; forged roles and delimiters, hidden text, links that carry data away, and orders
to a model inside data are findings of their own (`_injection/signals.py`).

Who speaks matters: what a user says is judged by `threshold`, what a tool, a document, a memory or
nobody known says by `indirect_threshold`. A name (`lenient`, `balanced`, `strict`) is an operating
point that was set on sources the classifier had never seen. The operator's own prompts and the
assistant's words are not looked at unless `sources` says so: they speak to a model by right. Where
clients may send messages of these roles, add `system` and `assistant`.

Another `model` may judge instead, or in a `cascade` where ours is unsure: docs/models.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from policyengine.errors import FactError
from policyengine.guards._injection.model import Model, kind_of, shipped
from policyengine.guards._injection.patterns import PATTERNS, Hit, hits
from policyengine.guards._injection.reading import Reading
from policyengine.guards._injection.signals import (
    DELIMITER,
    HIDDEN,
    LINK,
    ROLE,
    TAG,
    hidden,
    signals,
)
from policyengine.guards._injection.views import views
from policyengine.guards._models import config as models
from policyengine.guards._models.clauses import for_injections
from policyengine.guards._text.normal import Normalised, normalised
from policyengine.plugins import ORIGINS, TEXT_FINDING, Finder, Finding, Texts

MAX_TEXT = 2_000_000
"""Characters of one text; a longer one is an error, not a clean result."""
MAX_FINDINGS = 1_000

PROMPT = "PROMPT_INJECTION"
EMBEDDED = "EMBEDDED_INSTRUCTION"
ENCODED = "ENCODED_ATTACK"
SIGNALS = (EMBEDDED, ENCODED, ROLE, DELIMITER, HIDDEN, LINK)
SOURCES = ("user", "tool", "document", "memory", "unknown")
LEVELS = ("lenient", "balanced", "strict")

_THRESHOLD = {
    "anyOf": [
        {"type": "string", "enum": list(LEVELS)},
        {"type": "number", "minimum": 0, "maximum": 1},
    ],
}

READS: Literal["texts"] = "texts"
COST = 250
HOLDBACK = 600
FINDING: Mapping[str, str] = TEXT_FINDING
SCHEMA: Mapping[str, Any] = {
    "description": "Texts that try to give a model orders of their own.",
    "anyOf": [
        {"const": True, "description": "All sources but operators and assistants, balanced."},
        {
            "type": "string",
            "enum": list(LEVELS),
            "description": "About 1, 7 or 30 false alarms in 1,000 harmless texts.",
        },
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "threshold": {
                    **_THRESHOLD,
                    "description": "Least score for users' texts: a level, or from 0 to 1.",
                },
                "indirect_threshold": {
                    **_THRESHOLD,
                    "description": "Least score for all other texts; `threshold` where not said.",
                },
                "sources": {
                    "type": "array",
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": {"type": "string", "enum": list(ORIGINS)},
                    "description": "Whose texts are looked at.",
                },
                "signals": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {"type": "string", "enum": list(SIGNALS)},
                    "description": "Findings that are told beside those of the classifier; all "
                    "where not said.",
                },
                "model": {
                    "anyOf": [models.SCHEMA, {"type": "string", "enum": ["shipped", "none"]}],
                    "description": "The classifier: ours, another, or none, which leaves only "
                    "signals.",
                },
                "cascade": models.cascade_schema(LEVELS),
            },
        },
    ],
}


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal("strict")["threshold"], normal(True)["indirect_threshold"]
    ('strict', 'balanced')
    """
    if not isinstance(value, Mapping):
        value = {"threshold": "balanced" if value is True else value}
    threshold = value.get("threshold", "balanced")
    model = value.get("model", "shipped")
    cascade = value.get("cascade")
    return {
        "threshold": threshold,
        "indirect_threshold": value.get("indirect_threshold", threshold),
        "sources": sorted(value.get("sources", SOURCES)),
        "signals": sorted(value.get("signals", SIGNALS)),
        "model": models.normal(model) if isinstance(model, Mapping) else model,
        **({} if cascade is None else {"cascade": models.normal_cascade(cascade, {})}),
    }


def cost(config: Any) -> int:
    """Microseconds for 1,000 characters, which another model may need more of.

    >>> cost(normal(True)) < cost(normal({"model": {"onnx": {"path": "prompt-guard-2"}}}))
    True
    """
    model = config["model"]
    return COST + (models.cost(model) if isinstance(model, Mapping) else 0)


def build(config: Any) -> Finder:
    """A finder for a configuration in its long form.

    Raises `ValueError` where it could find nothing, or a model is named that can't be asked so.

    >>> finder = build(normal({"signals": ["DELIMITER_FORGING"], "model": "none"}))
    >>> [(f["type"], f["start"], f["end"]) for f in finder([("x", "Hi <|im_start|>")])]
    [('DELIMITER_FORGING', 3, 15)]
    """
    if isinstance(config["model"], Mapping):
        return for_injections(config, build, PROMPT, HOLDBACK)
    if "cascade" in config:
        raise ValueError("a cascade needs a `model` to ask")
    if config["model"] == "none" and not config["signals"]:
        raise ValueError("without a model and without signals nothing can be found")
    return _Finder(
        {"user": config["threshold"], "data": config["indirect_threshold"]},
        frozenset(config["sources"]),
        frozenset(config["signals"]),
        config["model"] == "shipped",
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A finding before it has a field: its type, range in the original text, score and reason."""

    type: str
    start: int
    end: int
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class _Finder:
    thresholds: Mapping[str, str | float]
    sources: frozenset[str]
    signals: frozenset[str]
    scored: bool

    def __call__(self, texts: Texts) -> Sequence[Finding]:
        """Findings in the order of the texts, of each text by place.

        Raises `FactError`: `text-too-long`, `too-many-findings`, or that there is no model.
        """
        texts = Texts.of(texts)
        found: list[Finding] = []
        for field, text in texts:
            source = texts.source(field)
            if source not in self.sources or not text:
                continue
            kind = kind_of(source)
            for finding in self._of(_looked(texts, text, kind, self.scored), kind):
                if len(found) == MAX_FINDINGS:
                    raise FactError("too-many-findings", f"more than {MAX_FINDINGS:,} findings")
                found.append(
                    {
                        "type": finding.type,
                        "field": field,
                        "start": finding.start,
                        "end": finding.end,
                        "score": round(finding.score, 4),
                        "why": finding.why,
                    }
                )
        return found

    def _of(self, looked: Sequence[_Found], kind: str) -> list[_Found]:
        """What is asked for of what was seen: the classifier's by score, signals by type."""
        least = self.thresholds[kind]
        limit = shipped().points[kind][least] if isinstance(least, str) and self.scored else least
        kept = []
        for finding in looked:
            if finding.type != PROMPT and finding.type not in self.signals:
                continue
            by_score = finding.type == PROMPT or finding.why.startswith(_SCORED)
            if not by_score or (isinstance(limit, float | int) and finding.score >= limit):
                kept.append(finding)
        return sorted(_joined(kept), key=lambda f: (f.start, f.end, f.type))


# Reasons of findings that the classifier's threshold decides on.
_SCORED = "classifier"
_LEAST = 0.02


def _looked(texts: Texts, text: str, kind: str, scored: bool) -> Sequence[_Found]:
    """All that can be found in a text whatever the threshold, once in a decision."""
    key = ("injection", kind, scored, text)
    if key not in texts.memo:
        if len(text) > MAX_TEXT:
            raise FactError("text-too-long", f"a text of more than {MAX_TEXT:,} characters")
        texts.memo[key] = tuple(_look(texts, text, kind, shipped() if scored else None))
    found: Sequence[_Found] = texts.memo[key]
    return found


def _look(texts: Texts, text: str, kind: str, model: Model | None) -> Iterator[_Found]:
    plain = normalised(text)
    lower = plain.text.lower()
    seen = list(signals(text, lower))
    for signal, original in seen:
        if kind == "user" and signal.why == TAG:
            continue
        start, end = (signal.start, signal.end) if original else plain.place(*signal[1:3])
        yield _Found(signal.type, start, end, signal.score, signal.why)
    texts.check()
    if model is None:
        if kind == "data":
            yield from _embedded(plain, hits(lower), None)
        return
    reading = model.reading(plain.text, len(seen))
    texts.check()
    scores = model.heads[kind].scores(reading)
    for score, start, end in scores:
        if score >= _LEAST:
            yield _Found(PROMPT, *plain.place(*reading.place(start, end)), score, _SCORED)
    if kind == "data":
        yield from _embedded(plain, reading.hits, reading)
    yield from _hidden(plain, lower, scores, kind, model)
    texts.check()
    yield from _encoded(plain, reading, kind, model, {signal.type for signal, _ in seen})


# Phrases further apart than this, in characters, do not make one order.
_APART = 400


def _embedded(plain: Normalised, found: Sequence[Hit], reading: Reading | None) -> Iterator[_Found]:
    """Two kinds of phrases near each other in data: an order where only information should be."""
    by_place = sorted(found, key=lambda hit: hit.start)
    for first, second in pairwise(by_place):
        groups = {PATTERNS[first.number].group, PATTERNS[second.number].group}
        if len(groups) == 2 and second.start - first.end <= _APART and groups & _ORDERS:
            start, end = first.start, max(first.end, second.end)
            if reading is not None:
                start, end = reading.place(start, end)
            names = f"{PATTERNS[first.number].name} and {PATTERNS[second.number].name}"
            yield _Found(EMBEDDED, *plain.place(start, end), 0.9, names)


# Of the two at least one speaks to a model; a send-away and a tool may be a manual.
_ORDERS = frozenset({"override", "address", "authority", "secrecy", "reveal"})


def _hidden(
    plain: Normalised,
    lower: str,
    scores: Sequence[tuple[float, int, int]],
    kind: str,
    model: Model,
) -> Iterator[_Found]:
    """Hidden stretches that read as an attack by themselves."""
    for how, start, end in hidden(lower):
        part = model.reading(lower[start:end], 0)
        score = max((s for s, _, _ in model.heads["data"].scores(part)), default=0.0)
        if score >= _LEAST:
            why = f"{_SCORED}: {how}"
            yield _Found(HIDDEN, *plain.place(start, end), score, why)


def _encoded(
    plain: Normalised, reading: Reading, kind: str, model: Model, seen: Collection[str]
) -> Iterator[_Found]:
    """Views that read as an attack, or have signals of a type that is not in the text as it is."""
    for view in views(plain.text, reading.words, model.speller):
        new = [s for s, _ in signals(view.text, view.text.lower()) if s.type not in seen]
        for signal in new:
            if kind != "user" or signal.why != TAG:
                place = view.place(signal.start, signal.end)
                why = f"{signal.why}: {view.kind}"
                yield _Found(ENCODED, *plain.place(*place), signal.score, why)
        inner = model.reading(view.text, len(new))
        for score, start, end in model.heads[kind].scores(inner):
            if score >= _LEAST:
                place = view.place(*inner.place(start, end))
                yield _Found(ENCODED, *plain.place(*place), score, f"{_SCORED}: {view.kind}")


def _joined(found: Sequence[_Found]) -> list[_Found]:
    """Neighbouring findings of one type and reason as one, with the highest score."""
    joined: list[_Found] = []
    for finding in sorted(found, key=lambda f: (f.type, f.why, f.start, f.end)):
        last = joined[-1] if joined else None
        if (
            last is not None
            and (last.type, last.why) == (finding.type, finding.why)
            and finding.start <= last.end
        ):
            end, score = max(last.end, finding.end), max(last.score, finding.score)
            joined[-1] = _Found(last.type, last.start, end, score, last.why)
        else:
            joined.append(finding)
    return joined

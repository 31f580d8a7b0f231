"""The guard `topic`: what the texts of a request are about.

    topic: {any: [medical_advice, gambling], strength: medium}
    topic:
      any: [legal_advice]
      custom:
        - name: competitors
          description: Questions about the products of other vendors.
          examples: [is Acme Cloud cheaper than you, ...]
      except: [release of liability form]

Shipped topics are named in `any`; own ones are described in `custom`, by about ten examples, and
learnt when the bundle is built. The score of a finding says how rare it is that a harmless text
reaches it: 0.5 is one text in 100, 0.8 one in 1,000 (`strength` medium and low; high is 0.25, one
in 20). Long texts are read in windows, and the span of a finding is the best window of its topic.

`except` names what is not meant. Words and phrases of up to three words are left out before the
text is read, so naming one lets no other words pass; longer entries are examples, and a window
that is very like one is not found.

Another `model` may judge what `any` names, or in a `cascade` where the shipped one is unsure:
docs/models.md. It reads texts as they are, whatever `except` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from policyengine.errors import FactError
from policyengine.guards._models import config as models
from policyengine.guards._models.clauses import for_topics, without_first
from policyengine.guards._topic import custom
from policyengine.guards._topic.reading import Reading, Skipped, read
from policyengine.guards._topic.scale import STRENGTHS, Scale
from policyengine.guards._topic.shipped import TOPICS, phrases, shipped
from policyengine.guards._topic.space import space
from policyengine.guards._topic.tokens import PIECE, WHOLE, words
from policyengine.plugins import TEXT_FINDING, Finder, Finding, Texts

READS: Literal["texts"] = "texts"
COST = 250
FINDING: Mapping[str, str] = TEXT_FINDING
HOLDBACK = max(WHOLE, 2 * PIECE)

_MAX_TEXT = 2_000
_MAX_EXAMPLES = 200
_MAX_CUSTOM = 50
_MAX_EXCEPTIONS = 200
_PHRASE = 3
# Below one in 10,000 pairs of unrelated texts of the background sample are as much alike.
_ALIKE = 0.8

# The last of these only other models know.
_KNOWN: Final = (*TOPICS, *models.ONLY_MODELS)
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": _MAX_TEXT}
_NAMES: Final = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "enum": list(_KNOWN)},
    "description": "Topics, one of which is found: shipped ones, or what a `model` knows.",
}
_CUSTOM: Final = {
    "type": "object",
    "required": ["name", "examples"],
    "additionalProperties": False,
    "properties": {
        "name": {
            "type": "string",
            "pattern": "^[a-z][a-z0-9_]{0,62}$",
            "description": "The topic's name; findings have it in capitals.",
        },
        "description": {**_TEXT, "description": "What the topic is, in a sentence."},
        "examples": {
            "type": "array",
            "minItems": 3,
            "maxItems": _MAX_EXAMPLES,
            "items": _TEXT,
            "description": "Texts on the topic as users would write them; about ten.",
        },
    },
}
_EXCEPTIONS: Final = {
    "type": "array",
    "maxItems": _MAX_EXCEPTIONS,
    "items": _TEXT,
    "description": "Words and phrases that say nothing here, and examples of what is not meant.",
}
SCHEMA: Mapping[str, Any] = {
    "description": "What texts are about: shipped topics, and own ones by examples.",
    "anyOf": [
        _NAMES,
        {
            "type": "object",
            "anyOf": [{"required": ["any"]}, {"required": ["custom"]}],
            "additionalProperties": False,
            "properties": {
                "any": _NAMES,
                "custom": {
                    "description": "Own topics, learnt from examples when the bundle is built.",
                    "anyOf": [
                        _CUSTOM,
                        {"type": "array", "minItems": 1, "maxItems": _MAX_CUSTOM, "items": _CUSTOM},
                    ],
                },
                "strength": {
                    "type": "string",
                    "enum": list(STRENGTHS),
                    "description": "One false alarm in 1,000 harmless texts (low), in 100 "
                    "(medium, where not said), in 20 (high).",
                },
                "threshold": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": "The least score that counts, instead of a strength.",
                },
                "except": _EXCEPTIONS,
                "model": models.SCHEMA,
                "cascade": models.cascade_schema(STRENGTHS),
            },
        },
    ],
}


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal(["politics"])
    {'any': ['politics'], 'custom': [], 'threshold': 0.5, 'except': []}
    """
    if not isinstance(value, Mapping):
        value = {"any": list(value)}
    own = value.get("custom", [])
    strength = STRENGTHS[value.get("strength", "medium")]
    return {
        "any": sorted(set(value.get("any", ())), key=_KNOWN.index),
        "custom": [dict(own)] if isinstance(own, Mapping) else [dict(topic) for topic in own],
        "threshold": float(value.get("threshold", strength)),
        "except": list(value.get("except", ())),
        **({"model": models.normal(value["model"])} if "model" in value else {}),
        **(
            {"cascade": models.normal_cascade(value["cascade"], STRENGTHS)}
            if "cascade" in value
            else {}
        ),
    }


def cost(config: Any) -> int:
    """Microseconds for 1,000 characters, which another model may need more of.

    >>> model = {"onnx": {"path": "toxicity", "labels": {"toxic": "hate"}}}
    >>> cost(normal(["hate"])) < cost(normal({"any": ["hate"], "model": model}))
    True
    """
    return COST + (models.cost(config["model"]) if "model" in config else 0)


def prepare(config: Any) -> dict[str, Any]:
    """The configuration with own topics as what was learnt from them.

    Where the model is not installed they stay examples, and are learnt where the bundle decides.
    Raises `ValueError` for a topic that can't be learnt.
    """
    try:
        return {**config, "custom": [_learnt(topic) for topic in config["custom"]]}
    except FactError:
        return dict(config)


def _learnt(topic: Mapping[str, Any]) -> dict[str, Any]:
    return dict(topic) if "vector" in topic else custom.learnt(topic)


def advice(config: Any) -> list[str]:
    """For each own topic the harmless texts that come nearest to it.

    >>> tea = {"name": "tea", "examples": ["which tea is best", "green tea or black", "brew tea"]}
    >>> advice(normal({"custom": tea}))[0]
    'own topic `tea`: the nearest harmless texts, by the score that they get'
    """
    from policyengine.guards._topic.author import nearest

    lines = []
    for topic in config["custom"]:
        name = topic["name"]
        lines.append(f"own topic `{name}`: the nearest harmless texts, by the score that they get")
        lines += [f"  {one.score:.2f}  {one.text}" for one in nearest(topic)]
    return lines


def build(config: Any) -> Finder:
    """A finder for a configuration in its long form; own topics are learnt if they are not yet.

    Raises `ValueError` for topics of one name or that can't be learnt, `FactError` without the
    model.

    >>> finder = build(normal(["medical_advice"]))
    >>> found = finder([("request.user", "what dose of ibuprofen for a toddler")])
    >>> [(f["type"], f["start"], f["end"]) for f in found]
    [('MEDICAL_ADVICE', 0, 36)]
    >>> finder([("request.user", "can you cure this flaky test?")])
    []
    """
    names = [*config["any"], *(topic["name"] for topic in config["custom"])]
    if len(set(names)) < len(names):
        raise ValueError("two topics have one name")
    if "model" in config:
        return for_topics(config, build, HOLDBACK)
    if "cascade" in config:
        raise ValueError("a cascade needs a `model` to ask")
    without_first(config["any"], "the shipped classifier")
    own = [custom.unpacked(_learnt(topic)) for topic in config["custom"]]
    skipped, examples = _exceptions(config["except"])
    return _Finder(
        tuple(TOPICS.index(name) for name in config["any"]),
        tuple(
            _Own(topic["name"], scale)
            for topic, (_, scale) in zip(config["custom"], own, strict=True)
        ),
        space().heads([vector for vector, _ in own]),
        space().heads(examples),
        float(config["threshold"]),
        skipped,
    )


def _exceptions(entries: Sequence[str]) -> tuple[Skipped, list[Sequence[float]]]:
    """Phrases to leave out, and vectors of harmless examples.

    Raises `ValueError` for an entry without a word.
    """
    rows = [tuple(words(entry)) for entry in entries]
    for number, row in enumerate(rows, start=1):
        if not row:
            raise ValueError(f"exception {number} has no word")
    skipped = Skipped(tuple(row for row in rows if len(row) <= _PHRASE))
    longer = [e for e, row in zip(entries, rows, strict=True) if len(row) > _PHRASE]
    return skipped, [custom.vector_of(entry, skipped) for entry in longer]


@dataclass(frozen=True, slots=True)
class _Own:
    name: str
    scale: Scale


@dataclass(frozen=True, slots=True)
class _Finder:
    shipped: tuple[int, ...]
    own: tuple[_Own, ...]
    own_heads: Any
    examples: Any
    threshold: float
    skipped: Skipped
    holdback: int = HOLDBACK

    def __call__(self, texts: Texts) -> Sequence[Finding]:
        """A finding for each topic of each text, in the order of the texts."""
        texts = Texts.of(texts)
        found: list[Finding] = []
        for field, text in texts:
            reading = self._reading(text, texts)
            for name, score, (start, end) in self._best(text, reading, texts):
                found.append(
                    {
                        "type": name.upper(),
                        "field": field,
                        "start": start,
                        "end": end,
                        "score": round(score, 4),
                        "why": f"like texts on `{name}`",
                    }
                )
        return found

    def _reading(self, text: str, texts: Texts) -> Reading:
        key = ("topic", "reading", self.skipped.phrases, text)
        reading: Reading | None = texts.memo.get(key)
        if reading is None:
            reading = read(text, self.skipped, phrases().hits, texts.check)
            texts.memo[key] = reading
        return reading

    def _best(
        self, text: str, reading: Reading, texts: Texts
    ) -> Iterator[tuple[str, float, tuple[int, int]]]:
        """Name, score and range of the best window of each topic that reaches the threshold."""
        pardoned = None
        for name, scale, column in self._columns(text, reading, texts):
            if scale.score(max(column)) < self.threshold:
                continue
            if pardoned is None:
                pardoned = self._pardoned(reading)
            left = [raw for window, raw in enumerate(column) if window not in pardoned]
            if left and (score := scale.score(max(left))) >= self.threshold:
                yield name, score, reading.spans[_first(column, max(left), pardoned)]

    def _columns(
        self, text: str, reading: Reading, texts: Texts
    ) -> Iterator[tuple[str, Scale, Sequence[float]]]:
        """Each topic of this finder, with the raw scores of all windows."""
        if self.shipped:
            model = shipped()
            key = ("topic", "raw", self.skipped.phrases, text)
            columns: Sequence[Sequence[float]] | None = texts.memo.get(key)
            if columns is None:
                columns = texts.memo[key] = list(zip(*model.raw(reading), strict=True))
            for topic in self.shipped:
                yield TOPICS[topic], model.scales[topic], columns[topic]
        if self.own:
            rows = space().scores(reading.vectors, self.own_heads)
            for own, column in zip(self.own, zip(*rows, strict=True), strict=True):
                yield own.name, own.scale, column

    def _pardoned(self, reading: Reading) -> frozenset[int]:
        """The windows that are very like an example of what is not meant."""
        alike = space().scores(reading.vectors, self.examples)
        return frozenset(i for i, row in enumerate(alike) if max(row, default=0.0) >= _ALIKE)


def _first(column: Sequence[float], raw: float, without: frozenset[int]) -> int:
    return next(i for i, x in enumerate(column) if x == raw and i not in without)

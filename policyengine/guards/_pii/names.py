"""Names of persons, places and organisations, which a model finds: opt-in, by the key `names`.

    pii: {entities: [PERSON, LOCATION], names: shipped}
    pii: {entities: [PERSON], names: {spacy: en_core_web_sm}}
    pii: {entities: [PERSON], names: {transformers: ner-de}}

A bundle names a model and never says what to import: `spacy` takes packages that call themselves
spaCy models (entry points of the group `spacy_models`), `transformers` folders that the host lists
in POLICYENGINE_MODEL_PATH. `classifiers/ner/CARD.md` says what the shipped model can't do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from threading import Lock
from typing import Any, Final

from policyengine.errors import FactError
from policyengine.guards._models.backend import kept, lacking
from policyengine.guards._models.permitted import folder
from policyengine.guards._pii import name_model, windows
from policyengine.guards._pii.entity import Hit
from policyengine.guards._pii.view import View

ENTITIES: Final = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})
LONGEST_NAME: Final = 128
# Finds of organisations by the shipped model are more often wrong than right. Who asks for them all
# the same gets them, and the compiled bundle says at which score.
LEAST: Final = {"ORGANIZATION": 0.3}
COSTS: Final = {"shipped": 14_000, "spacy": 9_000, "transformers": 100_000}
SCHEMA: Final[Mapping[str, Any]] = {
    "description": "What finds PERSON, LOCATION and ORGANIZATION.",
    "oneOf": [
        {"type": "string", "enum": ["shipped"], "description": "The model that ships."},
        {
            "type": "object",
            "required": ["spacy"],
            "additionalProperties": False,
            "properties": {
                "spacy": {
                    "type": "string",
                    "pattern": "^[a-z]{2,3}_[a-z0-9_]{1,60}$",
                    "description": "An installed package with a spaCy model.",
                }
            },
        },
        {
            "type": "object",
            "required": ["transformers"],
            "additionalProperties": False,
            "properties": {
                "transformers": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 200,
                    "description": "A token classifier's folder in POLICYENGINE_MODEL_PATH.",
                }
            },
        },
    ],
}
# What models call them.
_LABELS: Final = {
    **dict.fromkeys(("PERSON", "PER"), "PERSON"),
    **dict.fromkeys(("LOCATION", "LOC", "GPE", "FAC"), "LOCATION"),
    **dict.fromkeys(("ORGANIZATION", "ORG"), "ORGANIZATION"),
}
# spaCy says no score; Presidio gives its names this one, too.
_USUAL: Final = 0.85
_UNUSED: Final = ["parser", "tagger", "morphologizer", "lemmatizer", "attribute_ruler"]


def normal(value: Any) -> dict[str, str]:
    """The long form: the kind of model and its name.

    >>> normal("shipped"), normal({"spacy": "en_core_web_sm"})
    ({'kind': 'shipped', 'name': ''}, {'kind': 'spacy', 'name': 'en_core_web_sm'})
    """
    if isinstance(value, str):
        return {"kind": value, "name": ""}
    ((kind, name),) = value.items()
    return {"kind": kind, "name": name}


def least_scores(value: Any, entities: Iterable[str]) -> dict[str, float]:
    """The least scores that a kind of model brings with it, where a clause says none.

    >>> least_scores("shipped", ["PERSON", "ORGANIZATION"]), least_scores({"spacy": "x"}, [])
    ({'ORGANIZATION': 0.3}, {})
    """
    if value != "shipped":
        return {}
    return {name: score for name, score in LEAST.items() if name in entities}


Look = Callable[[str, windows.Check], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Names:
    """A model and which of its labels are asked for."""

    kind: str
    name: str
    entities: frozenset[str]

    @classmethod
    def of(cls, config: Mapping[str, str], entities: Iterable[str]) -> Names:
        """From the long form and the entities that the clause asks for.

        Raises `ValueError` where none of them is a name.
        """
        asked = ENTITIES.intersection(entities)
        if not asked:
            raise ValueError(
                "`names` is said, but none of PERSON, LOCATION and ORGANIZATION is looked for"
            )
        return cls(config["kind"], config["name"], asked)

    def scan(self, view: View, check: windows.Check) -> Iterator[Hit]:
        """The names in a text, read in parts.

        Raises `FactError`: `model-missing`, `model-damaged`, `model-not-allowed`, or
        `model-failed`.
        """
        look: Look = kept(("names", self.kind, self.name), lambda: _MAKERS[self.kind](self.name))
        for hit in windows.found(view.text, lambda part: look(part, check), check):
            if hit.name in self.entities:
                yield hit


@dataclass(frozen=True, slots=True)
class _Spacy:
    """A pipeline of spaCy, used by one thread at a time: its table of words is not locked."""

    nlp: Any
    score: Callable[[str, str], float]
    why: str
    lock: Lock

    def __call__(self, text: str, check: windows.Check) -> list[Hit]:
        # The memory zone gives back the words of the text, which would be kept for ever.
        with windows.held(self.lock, check), self.nlp.memory_zone():
            return [
                Hit(label, name.start_char, name.end_char, self.score(label, name.text), self.why)
                for name in self.nlp(windows.words(self.nlp, text)).ents
                if (label := _LABELS.get(name.label_)) and not name.text.isspace()
            ]


def _shipped(_: str) -> Look:
    scores = name_model.scores()

    def score(label: str, name: str) -> float:
        return scores[label, name_model.form(name)]

    return _Spacy(name_model.load(), score, "names model", Lock())


def _spacy(name: str) -> Look:
    try:
        import spacy
    except ImportError as error:
        raise lacking(str(error.name), "install `policyengine-gateway[pii]`") from None
    # Only packages that call themselves models: a bundle can't have others imported.
    if not entry_points(group="spacy_models", name=name):
        raise FactError("model-missing", f"the spaCy model `{name}` is not installed")
    try:
        nlp = spacy.load(name, exclude=_UNUSED)
    except (OSError, ValueError, KeyError) as error:
        why = f"the spaCy model `{name}` can't be loaded ({type(error).__name__})"
        raise FactError("model-damaged", why) from None
    return _Spacy(nlp, lambda label, name: _USUAL, f"spaCy model {name}", Lock())


@dataclass(frozen=True, slots=True)
class _Transformers:
    """A token classifier; its tokenizer is used by one thread at a time."""

    classify: Any
    lock: Lock

    def __call__(self, text: str, check: windows.Check) -> Iterator[Hit]:
        with windows.held(self.lock, check):
            try:
                found = self.classify(text)
            # A device may fail in ways of its own; its words may quote the input.
            except Exception as error:
                why = f"the names model failed ({type(error).__name__})"
                raise FactError("model-failed", why) from None
        for each in found:
            label = _LABELS.get(str(each["entity_group"]).upper())
            if label is None:
                continue
            if each.get("start") is None or each.get("end") is None:
                raise FactError("model-malformed", "the names model's tokenizer gives no places")
            start, end = int(each["start"]), int(each["end"])
            yield Hit(label, start, end, round(float(each["score"]), 4), "transformers model")


def _transformers(name: str) -> Look:
    place = str(folder(name))
    try:
        from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline
    except ImportError as error:
        raise lacking(str(error.name), "`transformers` needs transformers and torch") from None
    safe = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **safe)
        model = AutoModelForTokenClassification.from_pretrained(place, use_safetensors=True, **safe)
        # Some count two of their positions for themselves.
        most = getattr(model.config, "max_position_embeddings", 514) - 2
        tokenizer.model_max_length = min(tokenizer.model_max_length, most)
        # A part of 2,000 characters may be more than that: it is read in steps that overlap.
        classify = pipeline(
            "token-classification",
            model=model,
            tokenizer=tokenizer,
            aggregation_strategy="simple",
            stride=min(64, tokenizer.model_max_length // 4),
        )
    # The formats have no common base class for what may be wrong in them.
    except Exception as error:
        why = f"the model can't be loaded ({type(error).__name__})"
        raise FactError("model-damaged", why) from None
    return _Transformers(classify, Lock())


_MAKERS: Final[Mapping[str, Callable[[str], Look]]] = {
    "shipped": _shipped,
    "spacy": _spacy,
    "transformers": _transformers,
}

"""Presidio's recognisers as one more way to find: its own, those of packages, and the host's.

    pii: {entities: [CREDIT_CARD], presidio: {recognizers: [builtin, acme], entities: [ACME_ID]}}

A bundle names recognisers and never says what to import: a name is `builtin`, one that the host
gave `register`, or an entry point of the group `policyengine.presidio`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from threading import Lock
from typing import Any, Final

from policyengine.errors import FactError
from policyengine.guards._models.backend import kept
from policyengine.guards._pii import windows
from policyengine.guards._pii.entity import Hit
from policyengine.guards._pii.view import View

GROUP: Final = "policyengine.presidio"
BUILTIN: Final = "builtin"
COST: Final = 6_000
SPAN: Final = 512
NAME: Final = "^[a-z][a-z0-9_-]{0,63}$"
# Presidio's patterns backtrack. One that takes longer it gives up, with a line in the log: for us,
# the text then counts as unread.
_SECONDS: Final = 2
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "description": "Presidio looks too, for `entities` of the clause and of its own.",
    "properties": {
        "recognizers": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {"type": "string", "pattern": NAME},
            "description": "`builtin`, entry points of policyengine.presidio, or the host's names.",
        },
        "entities": {
            "type": "array",
            "maxItems": 200,
            "items": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,79}$"},
            "description": "Entities that only these recognisers know.",
        },
        "language": {
            "type": "string",
            "pattern": "^[a-z]{2}$",
            "description": "Whose recognisers are used; `en` where not said.",
        },
    },
}

_registered: dict[str, Callable[[], Any]] = {}


def register(name: str, make: Callable[[], Any]) -> None:
    """Gives bundles of this process a recogniser by a name; `make` is called once, when needed.

    `make` returns a `presidio_analyzer.EntityRecognizer` or several. Raises `ValueError` where the
    name is taken.
    """
    if name == BUILTIN or name in _registered:
        raise ValueError(f"there is a recogniser `{name}` already")
    _registered[name] = make


def normal(value: Mapping[str, Any]) -> dict[str, Any]:
    """The long form of what a clause says about Presidio.

    >>> normal({})
    {'recognizers': ['builtin'], 'entities': [], 'language': 'en'}
    """
    return {
        "recognizers": sorted(set(value.get("recognizers", (BUILTIN,)))),
        "entities": sorted(set(value.get("entities", ()))),
        "language": value.get("language", "en"),
    }


@dataclass(frozen=True, slots=True)
class Presidio:
    """What is asked of Presidio: `own` entities must have a recogniser, the clause's may."""

    recognizers: tuple[str, ...]
    own: frozenset[str]
    clause: frozenset[str]
    language: str

    @classmethod
    def of(cls, config: Mapping[str, Any], clause: Iterable[str]) -> Presidio:
        """From the long form and the entities that the clause asks for."""
        own = frozenset(config["entities"])
        return cls(tuple(config["recognizers"]), own, frozenset(clause), config["language"])

    def scan(self, view: View, check: windows.Check) -> Iterator[Hit]:
        """What Presidio finds in a text, read in parts.

        Raises `FactError`: `model-missing` where Presidio, a recogniser or an entity of it is not
        there, `fact-timeout` where a pattern took too long, `fact-malformed`.
        """
        key = ("presidio", self.recognizers, self.language)
        engine: _Engine = kept(key, lambda: _Engine.of(self.recognizers, self.language))
        for name in sorted(self.own - engine.entities):
            raise FactError("model-missing", f"no recogniser of Presidio finds `{name}`")
        wanted = sorted((self.own | self.clause) & engine.entities)
        if wanted:
            yield from windows.found(
                view.text, lambda part: engine.look(part, wanted, check), check
            )


@dataclass(frozen=True, slots=True)
class _Engine:
    """An AnalyzerEngine, used by one thread at a time: spaCy's table of words is not locked."""

    analyzer: Any
    nlp: Any
    language: str
    entities: frozenset[str]
    lock: Lock

    @classmethod
    def of(cls, recognizers: Sequence[str], language: str) -> _Engine:
        try:
            import presidio_analyzer
            import spacy
            from presidio_analyzer import pattern_recognizer
        except ImportError:
            why = "Presidio is not installed: install `policyengine-gateway[pii]`"
            raise FactError("model-missing", why) from None
        _stay_offline()
        pattern_recognizer.REGEX_TIMEOUT_SECONDS = _SECONDS
        try:
            nlp: Any = _Tokens(spacy.blank(language), language)
        except ImportError:
            raise FactError("model-missing", f"spaCy has no language `{language}`") from None
        registry = presidio_analyzer.RecognizerRegistry(supported_languages=[language])
        for name in recognizers:
            for recognizer in _made(presidio_analyzer, name, nlp, language):
                registry.add_recognizer(recognizer)
        if not registry.recognizers:
            raise FactError("model-missing", f"no recogniser reads the language `{language}`")
        analyzer = presidio_analyzer.AnalyzerEngine(
            registry=registry, nlp_engine=nlp, supported_languages=[language]
        )
        entities = frozenset(analyzer.get_supported_entities(language))
        # Patterns are compiled and tables read by the first text: not in the time of a request's.
        analyzer.analyze("warm up 1", language=language)
        return cls(analyzer, nlp.nlp, language, entities, Lock())

    def look(self, text: str, entities: list[str], check: windows.Check) -> list[Hit]:
        if not text.strip():
            return []
        # The memory zone gives back the words of the text, which would be kept for ever.
        with (
            windows.held(self.lock, check),
            windows.within(_SECONDS, _slow),
            self.nlp.memory_zone(),
        ):
            results = self.analyzer.analyze(
                text, language=self.language, entities=entities, score_threshold=0.0
            )
        return [_hit(result, len(text)) for result in results if result.entity_type in entities]


def _slow() -> FactError:
    return FactError("fact-timeout", "a recogniser of Presidio took too long")


def _hit(result: Any, length: int) -> Hit:
    start, end, score = int(result.start), int(result.end), float(result.score)
    if not (0 <= start < end <= length and 0 <= score <= 1):
        raise FactError("fact-malformed", "a recogniser of Presidio gave no place in the text")
    names = result.recognition_metadata or {}
    return Hit(
        result.entity_type,
        start,
        end,
        round(score, 4),
        f"presidio: {names.get('recognizer_name', 'recognizer')}",
    )


def _made(presidio: Any, name: str, nlp: Any, language: str) -> list[Any]:
    """The recognisers behind a name that read the language."""
    if name == BUILTIN:
        registry = presidio.RecognizerRegistry(supported_languages=[language])
        registry.load_predefined_recognizers(languages=[language], nlp_engine=nlp)
        found = registry.recognizers
        # Without a model there are no names for it to hand on.
        by_model = presidio.predefined_recognizers.SpacyRecognizer
        return [each for each in found if not isinstance(each, by_model)]
    made = _maker(name)()
    listed = made if isinstance(made, list | tuple) else [made]
    if not all(isinstance(each, presidio.EntityRecognizer) for each in listed):
        raise FactError("model-missing", f"`{name}` is no recogniser of Presidio")
    return [each for each in listed if each.supported_language == language]


def _maker(name: str) -> Callable[[], Any]:
    if name in _registered:
        return _registered[name]
    for entry in entry_points(group=GROUP, name=name):
        maker: Callable[[], Any] = entry.load()
        return maker
    raise FactError(
        "model-missing",
        f"there is no recogniser `{name}`: the host registers it, or a package has an entry "
        f"point of the group `{GROUP}`",
    )


def _stay_offline() -> None:
    """Switches off the list of public suffixes that Presidio's e-mail recogniser would fetch.

    The default extractor is the process's: it then uses the list that came with the package.
    """
    import tldextract

    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What Presidio calls an NLP engine: words for its context, without any model."""

    nlp: Any
    language: str

    def load(self) -> None:
        """There is nothing to load."""

    def is_loaded(self) -> bool:
        return True

    def process_text(self, text: str, language: str) -> Any:
        from presidio_analyzer.nlp_engine import NlpArtifacts

        doc = windows.words(self.nlp, text)
        return NlpArtifacts(
            entities=[],
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.lower_ for token in doc],
            nlp_engine=self,
            language=language,
        )

    def process_batch(self, texts: Iterable[str], language: str, **_: Any) -> Iterator[Any]:
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, _: str) -> bool:
        return bool(self.nlp.vocab[word].is_stop)

    def is_punct(self, word: str, _: str) -> bool:
        return bool(self.nlp.vocab[word].is_punct)

    def get_supported_entities(self) -> list[str]:
        return []

    def get_supported_languages(self) -> list[str]:
        return [self.language]

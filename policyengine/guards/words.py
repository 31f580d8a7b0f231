"""The guard `words`: words and phrases in the texts of a request.

    words: {any: [acme-42, project nightingale], match: word, ignore_case: true}

`word` finds whole words, `phrase` the same with any white space and punctuation between the words
of an entry, `stem` the same for other forms of its words (`buying` finds `buy`), `substring` an
entry anywhere. Texts are compared in their NFKC form, so full-width
letters and ligatures do not hide a word; positions are those of the text as it was given. One
pass over a text costs the same for ten entries and for fifty thousand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from unicodedata import category, is_normalized, normalize

from policyengine.errors import FactError
from policyengine.guards._words import stems
from policyengine.plugins import TEXT_FINDING, Finder, Finding, Texts

MAX_ENTRIES = 50_000
MAX_ENTRY = 500
MAX_FINDINGS = 10_000

_ENTRIES = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_ENTRIES,
    "items": {"type": "string", "minLength": 1, "maxLength": MAX_ENTRY},
}

READS: Literal["texts"] = "texts"
COST = 50
SCHEMA: Mapping[str, Any] = {
    "description": "Words and phrases in the texts of a request.",
    "anyOf": [
        _ENTRIES,
        {
            "type": "object",
            "required": ["any"],
            "additionalProperties": False,
            "properties": {
                "any": {**_ENTRIES, "description": "Words and phrases, one of which is found."},
                "match": {
                    "type": "string",
                    "enum": ["word", "substring", "phrase", "stem"],
                    "description": "Whole words, anywhere, words with anything between them, or "
                    "other forms of these words.",
                },
                "language": {
                    "type": "string",
                    "enum": list(stems.LANGUAGES),
                    "description": "Language of `match: stem`; English where not said.",
                },
                "ignore_case": {
                    "type": "boolean",
                    "description": "Whether `ACME` finds `acme`; true where not said.",
                },
            },
        },
    ],
}
FINDING: Mapping[str, str] = TEXT_FINDING

# Letters, digits, `_`, and the vowel signs and accents that Python's `\w` leaves out of words.
_LETTER = (
    r"[\w\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    r"\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0963"
    r"\u0966-\u0dff\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u0f71-\u0f84"
    r"\u102b-\u103e\u1056-\u1059\u17b4-\u17d3\u20d0-\u20f0\ufe20-\ufe2f]"
)
_WORD = re.compile(f"{_LETTER}+")
_ASCII_WORD = re.compile(r"\w+", re.ASCII)
# In words, white space and each other character are tokens of their own.
_TOKEN = re.compile(rf"{_LETTER}+|\s+|.")
# Soft hyphens, joiners and zero-width spaces: they split words without being seen.
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_HAS_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\u2060\ufeff]")


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal(["b", "a"])
    {'any': ['b', 'a'], 'match': 'word', 'ignore_case': True}
    """
    if not isinstance(value, Mapping):
        value = {"any": list(value)}
    match = value.get("match", "word")
    language = {"language": value.get("language", "english")} if match == "stem" else {}
    return {
        "any": list(value["any"]),
        "match": match,
        "ignore_case": value.get("ignore_case", True),
        **language,
    }


def types(config: Any) -> tuple[str, ...]:
    """The types that findings may have."""
    return ("WORD",)


def build(config: Any) -> Finder:
    """A finder for a configuration in its long form.

    Raises `ValueError` for an entry in which nothing can be found, and `FactError` where stems are
    asked for and the package snowballstemmer is not installed.

    >>> finder = build(normal(["secret"]))
    >>> [(f["start"], f["end"], f["why"]) for f in finder([("request.system", "Top SECRET!")])]
    [(4, 10, 'entry 1')]
    """
    fold = bool(config["ignore_case"])
    entries = [_plain(entry, fold).text for entry in config["any"]]
    for number, entry in enumerate(entries, start=1):
        if not entry.strip() or (config["match"] in _OF_WORDS and not _WORD.search(entry)):
            raise ValueError(f"entry {number} has nothing to find")
    split = _splitting(config)
    rows = [split(entry)[0] for entry in entries]
    return _Finder(fold, split, _Automaton.of(rows), _longest(config), _keys(config, rows))


def _splitting(config: Mapping[str, Any]) -> Callable[[str], Split]:
    if config["match"] != "stem":
        return _SPLITS[config["match"]]
    stem = stems.stemmer(config["language"])

    def split(text: str) -> Split:
        words, starts, ends = _words(text)
        return [stem(word) for word in words], starts, ends

    return split


def _keys(config: Mapping[str, Any], rows: Sequence[Sequence[str]]) -> frozenset[str] | None:
    """A word of each entry, one of which a text must have where it is to have a hit.

    None where an entry has no word, or words are not what is compared.
    """
    if config["match"] not in ("word", "phrase"):
        return None
    keys = [next((token for token in row if _WORD.fullmatch(token)), None) for row in rows]
    return frozenset(key for key in keys if key is not None) if None not in keys else None


def _longest(config: Mapping[str, Any]) -> int:
    """The most characters that a finding spans, and the one behind it."""
    stretch = stems.LONGEST_ENDING if config["match"] == "stem" else 0
    return max(_holdback(entry) + stretch * len(_WORD.findall(entry)) for entry in config["any"])


def _holdback(entry: str) -> int:
    """The most characters that an entry spans in a text, and the one behind it.

    Decomposed, with something unseen between any two characters; a run of what is neither letter
    nor digit counts as one, so it does not matter how much of it stands between two words.
    """
    return 2 * len(normalize("NFKD", entry.casefold())) + 2


@dataclass(frozen=True, slots=True)
class _Plain:
    """A text made comparable, and for each of its characters the place of the original.

    `starts` and `ends` are None where both texts have the same places.
    """

    text: str
    starts: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original that a range stands for."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def _plain(text: str, fold: bool) -> _Plain:
    if text.isascii():
        return _Plain(text.lower() if fold else text)
    folded = text.casefold() if fold else text
    # Folding only ever adds characters, so equal lengths mean equal places.
    if len(folded) == len(text) and _is_comparable(folded):
        return _Plain(folded)
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        piece = normalize("NFKC", text[start:end].translate(_INVISIBLE))
        if fold:
            # Folding may undo the composition (`ŉ`), and composing may bring capitals (`℻`).
            piece = normalize("NFKC", normalize("NFKC", piece.casefold()).casefold())
        pieces.append(piece)
        starts += [start] * len(piece)
        ends += [end] * len(piece)
    return _Plain("".join(pieces), starts, ends)


def _is_comparable(text: str) -> bool:
    return is_normalized("NFKC", text) and not _HAS_INVISIBLE.search(text)


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Ranges of characters that are normalised together: a base and the marks that follow it."""
    start = 0
    for i in range(1, len(text)):
        character = text[i]
        if character > "\u02ff" and (category(character)[0] == "M" or _is_jamo(character)):
            continue
        yield start, i
        start = i
    if text:
        yield start, len(text)


def _is_jamo(character: str) -> bool:
    """Whether a character is a Korean vowel or final that composes with what stands before it."""
    return "\u1160" <= character <= "\u11ff"


Split = tuple[Sequence[str], Sequence[int], Sequence[int]]
"""The tokens of a text, where each begins, and where it ends."""


def _characters(text: str) -> Split:
    return text, range(len(text)), range(1, len(text) + 1)


def _words(text: str) -> Split:
    matches = list(_WORD.finditer(text))
    return (
        [match.group() for match in matches],
        [match.start() for match in matches],
        [match.end() for match in matches],
    )


def _words_and_between(text: str) -> Split:
    """Words and what stands between them; white space is one token, so a line break hides none."""
    matches = list(_TOKEN.finditer(text.strip()))
    skipped = len(text) - len(text.lstrip())
    tokens = [" " if match.group().isspace() else match.group() for match in matches]
    return (
        tokens,
        [match.start() + skipped for match in matches],
        [match.end() + skipped for match in matches],
    )


_SPLITS: Mapping[str, Callable[[str], Split]] = {
    "substring": _characters,
    "phrase": _words,
    "word": _words_and_between,
}
_OF_WORDS = ("phrase", "stem")


@dataclass(frozen=True, slots=True)
class _Finder:
    fold: bool
    split: Callable[[str], Split]
    automaton: _Automaton
    holdback: int
    keys: frozenset[str] | None

    def __call__(self, texts: Texts) -> Sequence[Finding]:
        """A finding for each place, in the order of the texts.

        Raises `FactError` for more findings than anyone could use.
        """
        found: list[Finding] = []
        given = Texts.of(texts)
        for field, text in given:
            plain = _plain(text, self.fold)
            given.check()
            # Most texts have no word of any entry, which is seen at once.
            if self.keys is not None and self.keys.isdisjoint(_vocabulary(plain.text)):
                continue
            tokens, starts, ends = self.split(plain.text)
            for first, last, number in self.automaton.hits(tokens):
                if len(found) == MAX_FINDINGS:
                    raise FactError("too-many-findings", f"more than {MAX_FINDINGS:,} findings")
                start, end = plain.place(starts[first], ends[last])
                found.append(
                    {
                        "type": "WORD",
                        "field": field,
                        "start": start,
                        "end": end,
                        "score": 1.0,
                        "why": f"entry {number}",
                    }
                )
        return found


def _vocabulary(text: str) -> list[str]:
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)


@dataclass(frozen=True, slots=True)
class _Automaton:
    """All entries in one automaton (Aho and Corasick, 1975): one step for each token of a text.

    `steps` leads from a state by a token, `falls` to the state for the longest suffix; `ends`
    holds the length and the number of the longest entry that ends at a state.
    """

    steps: Sequence[Mapping[str, int]]
    falls: Sequence[int]
    ends: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, entries: Sequence[Sequence[str]]) -> _Automaton:
        """The automaton of some entries, each a row of tokens."""
        steps: list[dict[str, int]] = [{}]
        ends: list[tuple[int, int]] = [(0, 0)]
        for number, entry in enumerate(entries, start=1):
            state = 0
            for token in entry:
                if token not in steps[state]:
                    steps.append({})
                    ends.append((0, 0))
                    steps[state][token] = len(steps) - 1
                state = steps[state][token]
            # Of equal entries the first is the one that is said.
            if not ends[state][0]:
                ends[state] = (len(entry), number)
        return cls(steps, _falls(steps, ends), ends)

    def hits(self, tokens: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """First token, last token and number of the longest entry that ends at each place.

        Overlapping ones are all found: what is redacted must be covered by some finding.
        """
        steps, falls, ends = self.steps, self.falls, self.ends
        state = 0
        for i, token in enumerate(tokens):
            while state and token not in steps[state]:
                state = falls[state]
            state = steps[state].get(token, 0)
            length, number = ends[state]
            if length:
                yield i - length + 1, i, number


def _falls(steps: Sequence[Mapping[str, int]], ends: list[tuple[int, int]]) -> list[int]:
    """Where to go on when no step fits: the longest suffix that is also a beginning."""
    falls = [0] * len(steps)
    level = list(steps[0].values())
    while level:
        following = []
        for state in level:
            for token, target in steps[state].items():
                fall = falls[state]
                while fall and token not in steps[fall]:
                    fall = falls[fall]
                falls[target] = steps[fall].get(token, 0)
                if not ends[target][0]:
                    ends[target] = ends[falls[target]]
                following.append(target)
        level = following
    return falls

"""Words that are misspelt, written in digits, or run together, read as what they stand for.

Only words that steer a model are put right: whoever misspells others hides nothing. A word that is
known is left alone. The look-up by words with a letter left out is that of SymSpell (Garbe 2012);
splitting is the cheapest row of known words by rank (Zipf's law), found from left to right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MAX_UNKNOWN = 200
"""Unknown words of one text that are looked up."""
MAX_SPLIT = 400
"""Letters of one run that is split into words, at most."""
_LONGEST = 16
_SHORTEST = 5
_LONG = 14

STEERING: Sequence[str] = [
    "ignore",
    "ignoring",
    "disregard",
    "disregarding",
    "forget",
    "override",
    "bypass",
    "neglect",
    "instruction",
    "instructions",
    "directive",
    "directives",
    "guideline",
    "guidelines",
    "previous",
    "previously",
    "prior",
    "above",
    "earlier",
    "preceding",
    "system",
    "prompt",
    "prompts",
    "reveal",
    "disclose",
    "display",
    "output",
    "repeat",
    "print",
    "password",
    "secret",
    "secrets",
    "credentials",
    "confidential",
    "hidden",
    "developer",
    "administrator",
    "admin",
    "unrestricted",
    "unfiltered",
    "uncensored",
    "restrictions",
    "restriction",
    "limitations",
    "pretend",
    "roleplay",
    "jailbreak",
    "assistant",
    "message",
    "messages",
    "follow",
    "following",
    "execute",
    "command",
    "commands",
    "instead",
    "answer",
    "respond",
    "response",
    "rules",
    "context",
    "conversation",
    "everything",
    "original",
    "initial",
    "configuration",
    "verbatim",
    "without",
    "filters",
    "safety",
    "guidelines",
    "policy",
    "policies",
    "training",
    "programming",
    "anything",
    "character",
    "forward",
    "transfer",
    "delete",
    "send",
    "email",
    "immediately",
    "important",
    "attention",
    "urgent",
    "information",
    "access",
    "token",
    "tokens",
    "malicious",
    "harmful",
    "illegal",
    "ethical",
    "moral",
    "simulate",
    "imagine",
    "translate",
    "summarize",
    "encoded",
    "decode",
]


@dataclass(frozen=True, slots=True)
class Speller:
    """Known words, what each costs in a split, and steering words by their shortened forms."""

    known: frozenset[str]
    costs: Mapping[str, float]
    forms: Mapping[str, str]

    @classmethod
    def of(cls, known: Iterable[str]) -> Speller:
        """The speller of some known words, the most frequent first."""
        words = list(dict.fromkeys(known))
        scale = math.log(max(len(words), 2))
        costs = {word: math.log((rank + 1) * scale) for rank, word in enumerate(words)}
        # A steering word that is rare elsewhere must still beat a row of short words.
        for word in STEERING:
            costs[word] = min(costs.get(word, 6.5), 6.5)
        forms: dict[str, str] = {}
        for word in STEERING:
            for form in (word, *_shortened(word)):
                forms.setdefault(form, word)
        return cls(frozenset(costs), costs, forms)

    def fixes(self, words: frozenset[str]) -> dict[str, str]:
        """Misspelt steering words among some words in lower case, each with the right one.

        >>> Speller.of(["hello"]).fixes(frozenset({"ignroe", "hello", "instrctions", "zebra"}))
        {'ignroe': 'ignore', 'instrctions': 'instructions'}
        """
        forms = self.forms
        unknown = [w for w in words - self.known if _SHORTEST <= len(w) <= _LONGEST and w.isalpha()]
        fixed = {}
        for word in sorted(unknown)[:MAX_UNKNOWN]:
            right = forms.get(word)
            if right is None:
                right = next((forms[form] for form in _shortened(word) if form in forms), None)
            if right is not None and right[0] in word[:2] and abs(len(right) - len(word)) < 2:
                fixed[word] = right
        return fixed

    def leet(self, word: str) -> str:
        """A word in which digits and signs stand for letters, in letters.

        >>> Speller.of([]).leet("1gn0r3"), Speller.of([]).leet("1984"), Speller.of([]).leet("word")
        ('ignore', '1984', 'word')
        """
        if word.isalpha() or not any(map(str.isalpha, word)):
            return word
        lower = word.lower()
        if lower in self.costs:
            return word
        with_i = lower.translate(_LEET_I)
        if with_i in self.costs:
            return with_i
        with_l = lower.translate(_LEET_L)
        return with_l if with_l in self.costs else with_i

    def split(self, run: str) -> str:
        """Letters without spaces as words, or as they are where no words are found.

        >>> Speller.of(["the", "all", "of"]).split("ignoreallofthe")
        'ignore all of the'
        """
        letters = "".join(filter(str.isalnum, run)).lower()
        if not _LONG <= len(letters) <= MAX_SPLIT:
            return run
        costs = self.costs
        best = [0.0]
        cut = [0]
        for end in range(1, len(letters) + 1):
            # A letter that belongs to no word costs more than any word.
            cost, start = best[-1] + 14.0, end - 1
            for begin in range(max(0, end - _LONGEST), end):
                known = costs.get(letters[begin:end])
                if known is not None and best[begin] + known < cost:
                    cost, start = best[begin] + known, begin
            best.append(cost)
            cut.append(start)
        words = [""]
        end = len(letters)
        while end:
            word = letters[cut[end] : end]
            # What belongs to no word, as a name, stays together.
            if word not in costs and words[-1] and words[-1] not in costs:
                words[-1] = word + words[-1]
            else:
                words.append(word)
            end = cut[end]
        known = sum(len(word) for word in words if word in costs)
        return " ".join(reversed(words)).strip() if known * 2 >= len(letters) else run


_LEET_I = str.maketrans("013457@$!|", "oieastasii")
_LEET_L = str.maketrans("013457@$!|", "oleastasll")


def _shortened(word: str) -> list[str]:
    """A word with each of its letters but the first left out."""
    return [word[:i] + word[i + 1 :] for i in range(1, len(word))]

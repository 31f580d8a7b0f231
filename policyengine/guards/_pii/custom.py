"""Entities that a bundle brings itself: a regular expression, words, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policyengine.errors import EvaluationError, FactError
from policyengine.guards._pii import checks, us
from policyengine.guards._pii.entity import Hit
from policyengine.guards._pii.view import View, Words
from policyengine.values import regex


def _of_digits(check: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda text: text.isdecimal() and text.isascii() and check(text)


VALIDATORS: Final[Mapping[str, Callable[[str], bool]]] = {
    "luhn": _of_digits(checks.luhn),
    "mod97": checks.mod97,
    "mod11_10": _of_digits(checks.mod11_10),
    "verhoeff": _of_digits(checks.verhoeff),
    "aba": lambda text: len(text) == 9 and _of_digits(us.is_routing)(text),
    "ssn": lambda text: len(text) == 9 and _of_digits(us.is_ssn)(text),
}
NEAR: Final = 0.35
"""What a context word adds to the score of a custom entity."""


@dataclass(frozen=True, slots=True)
class Custom:
    """An entity of a bundle."""

    name: str
    pattern: regex.Regex | None
    check: Callable[[str], bool] | None
    words: Words
    score: float
    deny: tuple[str, ...]

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Custom:
        """The entity that a normal value describes; raises `ValueError` where it finds nothing."""
        if not value["regex"] and not value["deny"]:
            raise ValueError(f"`{value['name']}` has neither a `regex` nor words to `deny`")
        try:
            pattern = regex.compile(value["regex"]) if value["regex"] else None
        except regex.RegexError as error:
            raise ValueError(f"the regex of `{value['name']}`: {error}") from error
        return cls(
            value["name"],
            pattern,
            VALIDATORS[value["validator"]] if value["validator"] else None,
            Words.of(value["context"]),
            value["score"],
            tuple(word.lower() for word in value["deny"]),
        )

    def scan(self, view: View) -> Iterator[Hit]:
        """Where it stands in a text; raises `FactError` where its regex asks for too much."""
        yield from self._denied(view)
        if self.pattern is None:
            return
        try:
            for match in self.pattern.find_all(view.text):
                start, end = match.span()
                if start < end and self._checks(view.text[start:end]):
                    near = view.says(self.words, start, end)
                    score = min(1.0, self.score + NEAR) if near else self.score
                    yield Hit(self.name, start, end, score, "custom, context" if near else "custom")
        except EvaluationError as error:
            raise FactError(error.code, f"the regex of `{self.name}` takes too long") from error

    def _checks(self, found: str) -> bool:
        if self.check is None:
            return True
        return self.check("".join(filter(str.isalnum, found)).upper())

    def _denied(self, view: View) -> Iterator[Hit]:
        lower = view.text.lower()
        if len(lower) != len(view.text):
            # `İ` grows when it is made small.
            lower = view.text.replace("İ", "I").lower()
        for word in self.deny:
            at = lower.find(word)
            while at >= 0:
                end = at + len(word)
                if not _joined(lower, at) and not _joined(lower, end):
                    yield Hit(self.name, at, end, 1.0, "deny list")
                at = lower.find(word, end)


def _joined(text: str, at: int) -> bool:
    """Whether a word goes on at a place."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()

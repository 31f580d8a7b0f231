"""A place in a list of tokens, and what is wrong there."""

from __future__ import annotations

from policyengine.cel.lexer import tokenize
from policyengine.diagnostics import Diagnostic, Related
from policyengine.source import Text

# What people write where an operator must stand, and what they mean.
_MISTAKEN = {"=": "==", "&": "&&", "|": "||", "and": "&&", "or": "||", "is": "=="}
_OPERANDS = frozenset(
    {"name", "number", "string", "(", "[", "{", "!", "-", "true", "false", "null"}
)
_METHODS = frozenset({"contains", "startsWith", "endsWith", "matches"})
_QUOTES = dict.fromkeys("“”„«»", '"') | dict.fromkeys("‘’‚", "'")
_LONGEST_QUOTED = 40


class LostError(Exception):
    """The parser cannot go on; the reason is the last of its problems."""


class Cursor:
    """Where a parser stands in its text, and the problems it has met."""

    __slots__ = ("at", "kinds", "problems", "starts", "text", "texts")

    def __init__(self, text: Text) -> None:
        self.text = text
        self.kinds, self.texts, self.starts = tokenize(text.value)
        self.at = 0
        self.problems: list[Diagnostic] = []

    def end_of_last(self) -> int:
        """Where the token before this one ends."""
        last = self.at - 1
        return self.starts[last] + len(self.texts[last])

    def expect(self, kind: str) -> None:
        """Step over a token of this kind, or get lost."""
        if self.kinds[self.at] != kind:
            raise self.unexpected(f"`{kind}`")
        self.at += 1

    def close(self, closing: str, opened: int, or_else: str = "") -> None:
        """Step over a closing bracket, or get lost and point at the token that opened it."""
        if self.kinds[self.at] != closing:
            raise self.unexpected(f"{or_else}`{closing}`", opened=opened)
        self.at += 1

    def mistaken(self) -> str:
        """The operator that was meant by the word or character here; empty when none was.

        It is reported, and reading goes on as if the right one stood here.
        """
        meant = _MISTAKEN.get(self.texts[self.at], "")
        if not meant or self.kinds[self.at + 1] not in _OPERANDS:
            return ""
        start = self.starts[self.at]
        found = self.texts[self.at]
        self.add(
            "syntax",
            f"expected an operator, found `{found}`",
            start,
            start + len(found),
            f"did you mean `{meant}`?",
        )
        return meant

    def unexpected(self, expected: str, *, opened: int | None = None, help: str = "") -> LostError:
        """Report that the token here is not what has to come; the caller raises the result."""
        related: tuple[Related, ...] = ()
        if opened is not None and self.kinds[self.at] == "end":
            start = self.starts[opened]
            span = self.text.span(start, start + len(self.texts[opened]))
            related = (Related(span, f"`{self.texts[opened]}` is opened here"),)
        message = f"expected {expected}, found {self.described()}"
        return self.lost("syntax", message, self.hint(), help, related)

    def described(self) -> str:
        """The token here, as a message names it."""
        kind, text = self.kinds[self.at], self.texts[self.at]
        if kind == "end":
            return "the end"
        if kind == "string":
            return "a string"
        if text == "`":
            return "a backtick"
        if not text.isprintable():
            return f"the character U+{ord(text[0]):04X}"
        return f"`{text if len(text) <= _LONGEST_QUOTED else text[:_LONGEST_QUOTED] + '...'}`"

    def hint(self) -> str:
        """What was probably meant by the token here."""
        text = self.texts[self.at]
        if text in _MISTAKEN:
            return f"did you mean `{_MISTAKEN[text]}`?"
        if text in _QUOTES:
            return f"did you mean `{_QUOTES[text]}`?"
        if text == "not":
            return "did you mean `!(... in ...)`?"
        if text in _METHODS:
            return f"`{text}` is a method: `a.{text}(b)`"
        if self.kinds[self.at] == "name" and text.lower().startswith("in"):
            return "did you mean `in`?"
        return ""

    def lost(
        self,
        slug: str,
        message: str,
        note: str = "",
        help: str = "",
        related: tuple[Related, ...] = (),
    ) -> LostError:
        """Report the token here and give up; the caller raises the result."""
        start = self.starts[self.at]
        self.add(slug, message, start, start + len(self.texts[self.at]), note, help, related)
        return LostError()

    def add(
        self,
        slug: str,
        message: str,
        start: int,
        end: int,
        note: str = "",
        help: str = "",
        related: tuple[Related, ...] = (),
    ) -> None:
        """Report the characters from `start` up to `end`."""
        span = self.text.span(start, end)
        self.problems.append(Diagnostic(slug, message, span, note, help, related))

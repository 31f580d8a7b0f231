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
_MOST_PROBLEMS = 50


class LostError(Exception):
    """The parser cannot go on; the reason is the last of its problems."""


class Cursor:
    """Where a parser stands in its text, and the problems it has met."""

    __slots__ = ("at", "ends", "kinds", "problems", "starts", "text", "texts")

    def __init__(self, text: Text) -> None:
        self.text = text
        self.kinds, self.texts, self.starts, self.ends = tokenize(text.value)
        self.at = 0
        self.problems: list[Diagnostic] = []

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
        """The kind of the token here, where an operator must stand.

        For a word or character that people write instead of an operator it is the right one; that
        is reported, and reading goes on as if the right one stood here.
        """
        found = self.texts[self.at]
        meant = _MISTAKEN.get(found)
        if meant is None or self.kinds[self.at + 1] not in _OPERANDS:
            return self.kinds[self.at]
        self.add(
            "syntax",
            f"expected an operator, found `{found}`",
            self.starts[self.at],
            self.ends[self.at],
            f"did you mean `{meant}`?",
        )
        self.kinds[self.at] = meant
        return meant

    def unexpected(self, expected: str, *, opened: int | None = None, help: str = "") -> LostError:
        """Report that the token here is not what has to come; the caller raises the result."""
        related: tuple[Related, ...] = ()
        if opened is not None and self.kinds[self.at] == "end":
            span = self.text.span(self.starts[opened], self.ends[opened])
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
        start, end = self.starts[self.at], self.ends[self.at]
        self.add(slug, message, start, end, note, help, related)
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
        """Report the characters from `start` up to `end`; too many problems end the reading."""
        if len(self.problems) >= _MOST_PROBLEMS:
            raise LostError
        span = self.text.span(start, end)
        self.problems.append(Diagnostic(slug, message, span, note, help, related))

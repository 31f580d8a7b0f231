"""Text into tokens.

One regular expression cuts the whole text into pieces without backtracking over a piece twice, so
the time is linear in the length. Literals are cut here and decoded in `literals`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Every character belongs to exactly one piece, so offsets are running sums of lengths. A string
# that is never closed becomes one piece up to where it would have to end; a number takes the
# letters behind it (`12abc`), so that the decoder sees all of what was meant as one literal.
_PIECE = re.compile(
    r"""
      [A-Za-z_][A-Za-z0-9_]*+(?!["'])
    | (?:[ \t\r\n\f]++|//[^\r\n]*+)++
    | &&|\|\||[=!<>]=
    | (?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?[A-Za-z0-9_]*+
    | [.,()\[\]{}?:!<>+\-*/%]
    | [bB]?[rR]"{3}(?:[^"]|"(?!""))*+(?:"{3})?
    | [bB]?[rR]'{3}(?:[^']|'(?!''))*+(?:'{3})?
    | [bB]?[rR](?:"[^"\r\n]*+"?|'[^'\r\n]*+'?)
    | [bB]?"{3}[^"\\]*+(?:(?:\\(?s:.)|"(?!""))[^"\\]*+)*+(?:"{3}|\\)?
    | [bB]?'{3}[^'\\]*+(?:(?:\\(?s:.)|'(?!''))[^'\\]*+)*+(?:'{3}|\\)?
    | [bB]?"[^"\\\r\n]*+(?:\\[^\r\n][^"\\\r\n]*+)*+["\\]?
    | [bB]?'[^'\\\r\n]*+(?:\\[^\r\n][^'\\\r\n]*+)*+['\\]?
    | `[A-Za-z0-9_./\- ]++`
    | [A-Za-z_][A-Za-z0-9_]*+
    | (?s:.)
    """,
    re.VERBOSE,
)

KEYWORDS = frozenset({"false", "in", "null", "true"})
RESERVED = frozenset(
    {
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
        "loop", "package", "namespace", "return", "var", "void", "while",
    }
)  # fmt: skip

# The kind of a token is its own text for operators and keywords, else one of
# name, number, string, quoted (a name in backticks), unknown, end.
_FIXED = {
    text: text
    for text in [
        "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":",
        ".", ",", "(", ")", "[", "]", "{", "}", *KEYWORDS,
    ]
}  # fmt: skip
_BLANK = ""
_QUOTES = "\"'"
_BY_FIRST = {
    **dict.fromkeys("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", "name"),
    **dict.fromkeys("0123456789.", "number"),
    **dict.fromkeys("\"'", "string"),
    **dict.fromkeys(" \t\r\n\f/", _BLANK),
    "`": "quoted",
}


class Tokens(NamedTuple):
    """The tokens of a text in four lists of one length; the last one is the end."""

    kinds: list[str]
    texts: list[str]
    starts: list[int]
    ends: list[int]


def tokenize(text: str) -> Tokens:
    """Cut a text into tokens; blanks and comments are left out. Never fails.

    >>> tokenize("a <= 0x1F // limit").kinds
    ['name', '<=', 'number', 'end']
    """
    kinds: list[str] = []
    texts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    fixed, by_first = _FIXED.get, _BY_FIRST.get
    position = 0
    for piece in _PIECE.findall(text):
        kind = fixed(piece)
        if kind is None:
            kind = by_first(piece[0], "unknown")
            if kind == _BLANK:
                position += len(piece)
                continue
            # A name never holds a quote; a prefixed string (`b"x"`) starts like a name.
            if kind == "name" and piece[-1] in _QUOTES:
                kind = "string"
            elif kind == "quoted" and len(piece) == 1:
                kind = "unknown"
        kinds.append(kind)
        texts.append(piece)
        starts.append(position)
        position += len(piece)
        ends.append(position)
    kinds.append("end")
    texts.append("")
    starts.append(position)
    ends.append(position)
    return Tokens(kinds, texts, starts, ends)

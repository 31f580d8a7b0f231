"""Text into tokens.

One regular expression cuts the whole text into pieces without backtracking over a piece twice, so
the time is linear in the length. Literals are cut here and decoded in `literals`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Blanks and comments, then a token: every character belongs to exactly one of the two, so offsets
# are running sums of lengths. Blanks at the end stand alone, in neither group.
#
# A string that is never closed becomes one token up to where it would have to end; a number takes
# the letters behind it (`12abc`), so that the decoder sees all of what was meant as one literal.
_PIECE = re.compile(
    r"""
    ([ \t\r\n\f]*+(?://[^\r\n]*+[ \t\r\n\f]*+)*+)
    (
      [A-Za-z_][A-Za-z0-9_]*+(?!["'])
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
    )
    | (?:[ \t\r\n\f]++|//[^\r\n]*+)++
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
# The names met so far too, of which policies use few.
_KNOWN = dict(_FIXED)
_MOST_KNOWN = 4096
# By the first character. `either` needs a second look.
_BY_FIRST = {
    **dict.fromkeys("acdefghijklmnopqstuvwxyzACDEFGHIJKLMNOPQSTUVWXYZ_", "name"),
    **dict.fromkeys("bBrR`", "either"),
    **dict.fromkeys("0123456789.", "number"),
    **dict.fromkeys("\"'", "string"),
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
    known, by_first = _KNOWN.get, _BY_FIRST.get
    position = 0
    for blank, piece in _PIECE.findall(text):
        if not piece:
            break
        kind = known(piece)
        if kind is None:
            kind = by_first(piece[0], "unknown")
            if kind == "either":
                kind = "name" if piece.isidentifier() else _quoted(piece)
            if kind == "name" and len(_KNOWN) < _MOST_KNOWN:
                _KNOWN[piece] = kind
        kinds.append(kind)
        texts.append(piece)
        if blank:
            position += len(blank)
        starts.append(position)
        position += len(piece)
        ends.append(position)
    kinds.append("end")
    texts.append("")
    starts.append(len(text))
    ends.append(len(text))
    return Tokens(kinds, texts, starts, ends)


def _quoted(piece: str) -> str:
    """The kind of what begins like a name with a quote in it, or with a backtick.

    >>> [_quoted(piece) for piece in ('b"a"', 'r"not closed', "`a-b`", "`")]
    ['string', 'string', 'quoted', 'unknown']
    """
    if piece[0] != "`":
        return "string"
    return "quoted" if len(piece) > 1 else "unknown"

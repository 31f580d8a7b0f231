"""The form of a prompt: its length, its code, its lists, its formulas. No words are judged here.

What is counted is counted in the beginning of a long prompt only: further on all counts have long
reached what the most of them is worth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

READ = 20_000
"""Characters in which code is counted."""
PROSE = 4_000
"""Characters in which all else is counted, code aside."""

_FENCE = re.compile(r"^[ \t]{0,8}(?:```|~~~)[ \t]{0,4}([A-Za-z0-9+#.-]{0,20})", re.MULTILINE)
# A line of a program by how it ends or begins. Prose ends lines otherwise.
_ENDS = re.compile(r"[;{}][ \t]{0,8}$", re.MULTILINE)
_BEGINS = re.compile(
    r"^[ \t]{0,40}(?:(?:def|fn|func|function) \w{1,60} ?[(<]|import [\w.]{1,60}(?: as \w{1,40})?;?$"
    r"|class \w{1,60}(?:\(|:$| ?\{| extends | implements )|from [\w.]{1,60} import |#include\b"
    r"|(?:let|const|var) \w{1,60} ?[=:;]|(?:public|private|protected|static)(?: [\w<>]{1,40}){1,4}"
    r" ?[({;=]|(?:void|int|float|double|char|bool|long|string|String) \w{1,40} ?[=;(,\[]"
    r"|return [\w.]{1,60}(?:\(|$| [-+*/%])|(?:if|for|while|switch|catch) ?\("
    r"|(?:if|elif|while|for) [^\n]{1,200}:$|[\w.\[\]'\"]{2,60} ?[-+*/]?= ?[\w'\"\[{(]"
    r"|(?i:select\b[^\n]{1,200}\bfrom\b|create (?:table|view)\b|insert into\b)"
    r"|@\w|</?[a-z][a-z0-9]{0,20}[ />]|\$[a-z_]\w{0,40}(?: ?=|->|\[)|[-+]{1,3} {2,}\S"
    r"|at [\w.$]{1,200}\()",
    re.MULTILINE,
)
_FILE = re.compile(
    r"\.(?:py|js|ts|tsx|jsx|java|kt|go|rs|c|h|cpp|cs|rb|php|swift|scala|sql|sh|ya?ml|json|toml|xml"
    r"|html|css|ipynb|tf|csv|md|txt|pdf|docx?|xlsx?|log)\b",
    re.IGNORECASE,
)
_LONGEST_NAME = 60
_NAME = re.compile(r"[\w-]+\Z")
_ITEM = re.compile(r"^[ \t]{0,12}(?:\d{1,2}[.)]|[-*•])[ \t]", re.MULTILINE)
_FORMULA = re.compile(
    r"\\(?:frac|int|sum|prod|sqrt|lim|begin|boxed|cdot|mathbb|leq?|geq?|pi|theta)\b"
    r"|[∫∑∏√≤≥≠∈∀∃∂∞π]|[a-z0-9)]\^[({a-z0-9]|\b\d{0,6}[xyz] ?[-+=] ?\d",
    re.IGNORECASE,
)
# One of these is in each formula of ASCII.
_SIGNS = "\\^=+"
# Characters in which numbers are counted: more than a few tell no more.
_NUMBERS_IN = 1_000
_NUMBER = re.compile(r"\d{1,20}(?:[.,]\d{1,20}){0,3}")
_SCRIPTS = tuple(
    re.compile(f"[{letters}]")
    for letters in (
        "A-Za-zÀ-ɏ", "Ͱ-Ͽ", "Ѐ-ӿ", "֐-׿", "؀-ۿ", "ऀ-ॿ", "฀-๿", "぀-ヿ", "一-鿿", "가-힣",
    )
)  # fmt: skip
# Japanese writes with two.
_KANA, _HAN = 7, 8


@dataclass(frozen=True, slots=True)
class Shape:
    """Counts of a prompt.

    `code_lines` are lines in fenced blocks, or that read as code where there are no blocks;
    `code_languages` the languages that the blocks name, `scripts` the writings (Latin, Han ...).
    """

    characters: int
    code_blocks: int
    code_lines: int
    code_languages: int
    files: int
    items: int
    formulas: int
    numbers: int
    questions: int
    scripts: int

    @classmethod
    def of(cls, prompt: str) -> Shape:
        """The counts of a prompt.

        >>> shape = Shape.of("Why?\\n```py\\nx = 1\\n```\\n")
        >>> shape.code_blocks, shape.code_lines, shape.questions
        (1, 1, 1)
        """
        text = prompt[:READ]
        blocks, lines, languages, prose = _blocks(text)
        if not blocks:
            lines = _lines(text)
        prose = prose[:PROSE]
        return cls(
            len(prompt),
            blocks,
            lines,
            languages,
            len(_files(prose)),
            len(_ITEM.findall(prose)) if "\n" in prose else 0,
            len(_FORMULA.findall(prose)) if _has_signs(prose) else 0,
            len(_NUMBER.findall(prose, 0, _NUMBERS_IN)),
            prose.count("?") + prose.count("？"),
            _scripts(prose),
        )


def _blocks(text: str) -> tuple[int, int, int, str]:
    """Fenced blocks: how many, their lines, their languages; and the text without them."""
    if "```" not in text and "~~~" not in text:
        return 0, 0, 0, text
    fences = list(_FENCE.finditer(text))
    prose, languages, lines, end = [], set(), 0, 0
    for opening, closing in zip(fences[::2], [*fences[1::2], None], strict=False):
        prose.append(text[end : opening.start()])
        end = len(text) if closing is None else closing.end()
        inside = text[opening.end() : len(text) if closing is None else closing.start()]
        lines += sum(1 for line in inside.splitlines()[1:] if line.strip())
        if opening[1]:
            languages.add(opening[1].lower())
    prose.append(text[end:])
    return (len(fences) + 1) // 2, lines, len(languages), "".join(prose)


def _has_signs(text: str) -> bool:
    return any(sign in text for sign in _SIGNS) or not text.isascii()


def _files(text: str) -> set[str]:
    """Names of files."""
    found = set()
    for match in _FILE.finditer(text):
        name = _NAME.search(text[max(0, match.start() - _LONGEST_NAME) : match.start()])
        if name:
            found.add(name[0] + match[0])
    return found


def _lines(text: str) -> int:
    """Lines that read as code."""
    begins = {match.start() for match in _BEGINS.finditer(text)}
    if not (begins or ";" in text or "{" in text or "}" in text):
        return 0
    ends = {text.rfind("\n", 0, match.start()) + 1 for match in _ENDS.finditer(text)}
    return len(begins | ends)


def _scripts(text: str) -> int:
    if text.isascii():
        return 1
    found = [number for number, script in enumerate(_SCRIPTS) if script.search(text)]
    return len(found) - (_KANA in found and _HAN in found)

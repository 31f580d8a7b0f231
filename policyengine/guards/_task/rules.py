"""Rules that say of a plain prompt what is asked, where its words leave no doubt.

The first sentences are read, then the last ones of a long prompt: material stands between. In each,
politeness is passed over, and what follows is a verb with an object, both classes of `words.py`, or
a phrase. What no rule is sure of is left to the classifier (`model.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policyengine.guards._task.phrases import HAN, phrased
from policyengine.guards._task.shape import Shape
from policyengine.guards._task.words import (
    ALSO,
    GREETINGS,
    INTERROGATIVES,
    NEEDS,
    OBJECTS,
    ONLY_MADE,
    POLITE,
    SMALL_TALK,
    THINGS,
    TONGUES,
    VERBS,
    words,
)

_SENTENCE = re.compile(r"[^\n.!?:;。]{1,400}(?:[.!?:;。]{1,3}(?=\s|$)|[.!?:;](?=\S)|\n|$|。)?")
_WORD = re.compile(r"[^\W_]{1,40}[+#]{0,2}")
# Sentences of the beginning and of the end that may hold what is asked.
_FIRST, _LAST = 3, 2
_WORDS = 40
_SHORT = 160
_TALK = 80


@dataclass(frozen=True, slots=True)
class Ruled:
    """What a rule says a prompt is, and why."""

    kind: str
    why: str


WHY: Final[Mapping[str, str]] = {
    "code": "asks for a program",
    "translation": "asks for a translation",
    "question": "asks a question",
    "analysis": "asks to judge something",
    "math": "asks to reckon or prove",
    "writing": "asks for a text",
    "summary": "asks what a given text says",
    "chat": "small talk",
}

_CODE_OR_TEXT = {"code": "code", "language": "code", "fault": "code", "text": "writing"}
# What a class of verbs means for the class of its first object that is listed here.
ORDERS: Final[Mapping[str, Mapping[str, str]]] = {
    "translate": {"code": "code", "language": "code"},
    "make": {
        "code": "code",
        "language": "code",
        "made": "code",
        "text": "writing",
        "points": "summary",
        "study": "analysis",
        "facts": "question",
    },
    "mend": _CODE_OR_TEXT,
    "extract": {"fault": "analysis", "study": "analysis", "points": "summary", "facts": "question"},
    "reckon": {"fault": "code"},
    "turn": {"form": "summary", "points": "summary", "maths": "math", "language": "code"},
    "think": {"text": "writing"},
    "perform": {"study": "analysis"},
}
# What a class of verbs means without any such object.
ALONE: Final[Mapping[str, str]] = {
    "translate": "translation",
    "judge": "analysis",
    "condense": "summary",
    "explain": "question",
}

_HAN = re.compile("[぀-ヿ一-鿿가-힣]")
_GIVEN = re.compile(r"(?:\n\s{0,20}|[:?.] |[\"“«„])\S[^\n]{20}")


def ruled(head: str, tail: str, shape: Shape) -> Ruled | None:
    """What the rules are sure of.

    `head` and `tail` are the beginning and, where that is not all, the end of the prompt in plain
    form and lower case.

    >>> text = "could you please translate this to french: good luck"
    >>> ruled(text, "", Shape.of(text)).kind
    'translation'
    """
    for rule in _RULES:
        found = rule(head, tail, shape)
        if found is not None:
            return found
    return None


def _small_talk(head: str, tail: str, shape: Shape) -> Ruled | None:
    if len(head) > _TALK or tail:
        return None
    said = _WORD.findall(head)
    talk = said and SMALL_TALK.issuperset(said)
    if talk and (not GREETINGS.isdisjoint(said) or _HOW_ARE_YOU.match(head.lstrip("¿ "))):
        return Ruled("chat", WHY["chat"])
    return None


_HOW_ARE_YOU = re.compile(
    r"(?:what'?s up|how(?:'?s it going| are (?:you|u|things))|wie geht|(?:comment )?ca va|que tal"
    r"|como estas|tudo bem)\b"
)


def _bare_code(head: str, tail: str, shape: Shape) -> Ruled | None:
    """A prompt that begins with code and is to be gone on with."""
    if not shape.code_lines or shape.code_blocks:
        return None
    first = head.lstrip().partition("\n")[0]
    if Shape.of(first).code_lines and _FIRST_WORD.match(first):
        return Ruled("code", "begins with code")
    return None


_FIRST_WORD = re.compile(
    r"(?:def|class|import|from|#include|public|private|fn|func|function|const)\b"
)


def _han(head: str, tail: str, shape: Shape) -> Ruled | None:
    if head.isascii() and tail.isascii():
        return None
    if not _HAN.search(head[:80]) and not _HAN.search(tail[-80:]):
        return None
    # A prompt in another language may be about a word in these.
    if len(_LATIN.findall(head[:80])) > 8 and not _HAN.match(head.lstrip()[:1]):
        return None
    for kind, pattern in HAN:
        if pattern.search(head[:160]) or (tail and pattern.search(tail[-160:])):
            return Ruled(kind, WHY[kind])
    return None


_LATIN = re.compile("[a-z]{3,20}")


def _orders(head: str, tail: str, shape: Shape) -> Ruled | None:
    given = bool(tail) or is_given(head)
    for sentence, said in _told(head, tail):
        kind = phrased(sentence, said) or _order(said, shape, given)
        if kind is not None:
            return Ruled(kind, WHY[kind])
    return None


def is_given(head: str) -> bool:
    """Whether something to work on stands behind the first words."""
    return _GIVEN.search(head) is not None


def begins_with_question(head: str) -> bool:
    """Whether the first word is one that asks."""
    first = _WORD.search(head[:_TALK])
    return first is not None and first[0] in INTERROGATIVES


def _told(head: str, tail: str) -> Iterator[tuple[str, list[str]]]:
    """The sentences that may hold what is asked, with their words; a greeting in front is none."""
    taken = 0
    for match in _SENTENCE.finditer(head):
        sentence = match[0].strip()
        said = _WORD.findall(sentence)[:_WORDS]
        if not said or (len(said) < 8 and SMALL_TALK.issuperset(said)):
            continue
        yield sentence, said
        taken += 1
        if taken == _FIRST:
            break
    if tail:
        for sentence in [match[0].strip() for match in _SENTENCE.finditer(tail)][-_LAST:]:
            yield sentence, _WORD.findall(sentence)[:_WORDS]


def _order(said: Sequence[str], shape: Shape, given: bool) -> str | None:
    at, needs = 0, False
    while at < len(said) and said[at] in POLITE:
        needs |= said[at] in NEEDS
        at += 1
    if at == len(said):
        return None
    verb, rest = said[at], said[at + 1 :]
    for name in (VERBS.get(verb, ""), *ALSO.get(verb, ())):
        kind = _meant(name, verb, rest, shape, given) if name else None
        if kind is not None:
            return kind
    if verb in THINGS and (rest or needs):
        return _object(said[at:], ORDERS["make"])
    if not needs or said[at - 1] == "to":
        # What I need to do is not what I need.
        return None
    for number in range(at, len(said)):
        # Some languages say the verb last.
        name = VERBS.get(said[number], "")
        if name in ("translate", "condense", "judge", "mend"):
            return _meant(name, said[number], said[at:], shape, given)
    return None if verb in VERBS else _object(said[at:], ORDERS["make"])


def _meant(name: str, verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    """What a verb of a class asks for, by what comes behind it."""
    tongue = not TONGUES.isdisjoint(rest)
    if name in ("translate", "turn") and tongue:
        return "translation"
    special = _SPECIAL.get(name)
    if special is not None:
        kind = special(verb, rest, shape, given)
        if kind is not None:
            return kind
    return _object(rest, ORDERS.get(name, {})) or (ALONE.get(name) if rest or given else None)


def _object(said: Sequence[str], kinds: Mapping[str, str]) -> str | None:
    """The kind that the first object of a listed class means."""
    found = next((kinds[name] for word in said if (name := OBJECTS.get(word, "")) in kinds), None)
    if found is None and "made" in kinds and not ONLY_MADE.isdisjoint(said):
        return kinds["made"]
    return found


def _explain(verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    if shape.formulas:
        return "math"
    return "analysis" if shape.code_lines > 1 or shape.code_blocks else None


def _tell(verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    if rest[:1] in (["me"], ["us"]) and not _TOLD.isdisjoint(rest[1:3]):
        return "analysis" if shape.code_lines else "question"
    return None


_TOLD = words("about what how why when where who which whether")


def _judge(verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    return "math" if shape.formulas and not shape.code_lines else None


def _reckon(verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    if verb not in _RECKONED:
        return None
    return _object(rest, ORDERS["reckon"]) or ("math" if rest or given else None)


_RECKONED = frozenset(word for word, name in VERBS.items() if name == "reckon") - {"factor"}


def _mend(verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    if shape.code_lines:
        return "code"
    if shape.formulas and verb in ("simplify", "complete"):
        return "math"
    kind = _object(rest, ORDERS["mend"])
    return kind or ("writing" if given and verb in _WORDING else None)


_WORDING = words("rewrite rephrase reword polish proofread")


def _turn(verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    return "code" if shape.code_lines and not shape.formulas else None


def _extract(verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    if not _MENDED.isdisjoint(rest[:3]):
        return _object(rest, ORDERS["mend"])
    kind = _object(rest, ORDERS["extract"])
    if kind is None and (shape.formulas or (shape.numbers and _object(rest, _MATHS))):
        return "math"
    return kind or ("summary" if given and verb in _TAKEN else None)


_MATHS: Final = {"maths": "math"}
_MENDED = words("fix correct repair solve korrigiere behebe corrige corriger corrija")
_TAKEN = words("extract pull pick classify label tag extrahiere extrais extrae extraia")


def _condense(verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    if verb == "sum" and rest[:1] != ["up"]:
        return "math"
    return "summary" if rest else None


def _think(verb: str, rest: Sequence[str], shape: Shape, given: bool) -> str | None:
    return "chat" if verb == "come" and rest[:1] != ["up"] else None


_SPECIAL: Final[Mapping[str, Callable[[str, Sequence[str], Shape, bool], str | None]]] = {
    "explain": _explain,
    "tell": _tell,
    "judge": _judge,
    "reckon": _reckon,
    "mend": _mend,
    "turn": _turn,
    "extract": _extract,
    "condense": _condense,
    "think": _think,
}


def _question(head: str, tail: str, shape: Shape) -> Ruled | None:
    """A short question without figures: one with several may be a sum in words."""
    if tail or len(head) > _SHORT or shape.numbers > 1 or shape.formulas or shape.code_lines:
        return None
    text = head.strip()
    said = _WORD.findall(text)
    to_you = len(said) < 9 and not _YOU.isdisjoint(said)
    sum_in_words = "how m" in text and (". " in text or shape.numbers > 0)
    if to_you or sum_in_words:
        return None
    about_me = not _ME.isdisjoint(said[:1])
    asks = text.startswith("¿") or not (about_me or INTERROGATIVES.isdisjoint(said[:3]))
    begins = len(said) > 2 and said[0] in _ASKING
    return Ruled("question", WHY["question"]) if begins or (asks and text.endswith("?")) else None


_YOU = words("you your du dein deine tu ton tes usted voce")
_ME = words("i we my our")
_ASKING = words("who whose when where why which what whats")

_RULES: Final = (_small_talk, _bare_code, _han, _orders, _question)

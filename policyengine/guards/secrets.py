"""The guard `secrets`: keys, tokens, passwords and private keys in the texts of a request.

    secrets: all
    secrets: {kinds: [GITHUB_TOKEN, PRIVATE_KEY], min_score: 0.8}
    secrets: {kinds: [all], also: [detect-secrets]}

Formats of known providers are found by what they begin with, and proved by their check sum where
they have one; `password = ...` and the like by the name that is given a value; other random texts
with a low score (`HIGH_ENTROPY_STRING`, below the usual `min_score`). With `also: [detect-secrets]`
the detectors of that package are asked too; it must be installed.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal

from policyengine.errors import FactError
from policyengine.guards._secrets import context, detectors
from policyengine.guards._secrets.formats import ANCHOR, BY_ANCHOR, IN_LINES, IN_TOKENS, Format
from policyengine.guards._secrets.plain import plain
from policyengine.plugins import TEXT_FINDING, Finder, Finding, Texts

MAX_FINDINGS = 10_000
# The score from which a finding counts, if the clause does not say.
MIN_SCORE = 0.5
DETECT_SECRETS = "detect-secrets"

KINDS: Final = frozenset(
    {form.kind for form in (*IN_LINES, *IN_TOKENS)}
    | set(context.NAMES.values())
    | {"HIGH_ENTROPY_STRING"}
)
# The shortest format without white space has as many characters.
_LONG: Final = re.compile(r"\S{20,}")

_KINDS = {
    "type": "array",
    "minItems": 1,
    "maxItems": 200,
    "items": {"type": "string", "minLength": 1, "maxLength": 64},
}

READS: Literal["texts"] = "texts"
COST = 110
# Of what is found between names, quotes and white space; `unfinished` tells where more has begun.
HOLDBACK = 512
# Nothing is longer than a private key.
_LONGEST: Final = 16_384
# More than the first line of any key has.
_HEAD: Final = 64
FINDING: Mapping[str, str] = TEXT_FINDING
SCHEMA: Mapping[str, Any] = {
    "description": "Keys, tokens, passwords and private keys in the texts of a request.",
    "anyOf": [
        {"type": "string", "enum": ["all"]},
        _KINDS,
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "kinds": {**_KINDS, "description": "Kinds to find; `all` where not said."},
                "min_score": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": "Score from which a finding counts; 0.5 where not said.",
                },
                "also": {
                    "type": "array",
                    "items": {"type": "string", "enum": [DETECT_SECRETS]},
                    "description": "Other detectors to ask, whose package must be installed.",
                },
                "allow": {
                    "type": "array",
                    "maxItems": 1_000,
                    "items": {"type": "string", "minLength": 4, "maxLength": 500},
                    "description": "Secrets that are no secret, such as those of documentation.",
                },
            },
        },
    ],
}


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal("all")
    {'kinds': ['all'], 'min_score': 0.5, 'also': [], 'allow': []}
    """
    if not isinstance(value, Mapping):
        value = {"kinds": ["all"] if value == "all" else list(value)}
    return {
        "kinds": sorted(set(value.get("kinds", ["all"]))),
        "min_score": float(value.get("min_score", MIN_SCORE)),
        "also": sorted(set(value.get("also", []))),
        "allow": sorted(set(value.get("allow", []))),
    }


def types(config: Any) -> frozenset[str]:
    """The types that findings may have.

    >>> types(normal(["GITHUB_TOKEN"]))
    frozenset({'GITHUB_TOKEN'})
    """
    kinds = frozenset(config["kinds"])
    if "all" not in kinds:
        return kinds
    return KINDS | detectors.KINDS if config["also"] else KINDS


def build(config: Any) -> Finder:
    """A finder for a configuration in its long form.

    Raises `ValueError` for a kind that does not exist.

    >>> finder = build(normal("all"))
    >>> text = "key AKIA2E0A8F3B244C9986, password=hunter2"
    >>> [(f["type"], text[f["start"]:f["end"]]) for f in finder([("request.system", text)])]
    [('AWS_ACCESS_KEY', 'AKIA2E0A8F3B244C9986'), ('PASSWORD', 'hunter2')]
    """
    kinds = set(config["kinds"])
    external = detectors.KINDS if config["also"] else frozenset()
    for kind in sorted(kinds - KINDS - external - {"all"}):
        near = get_close_matches(kind.upper(), sorted(KINDS | external), n=1)
        raise ValueError(f"`{kind}` is no kind of secret" + (f"; `{near[0]}` is" if near else ""))
    if "all" in kinds:
        kinds = set(KINDS | external)
    return _Finder(
        frozenset(kinds), config["min_score"], frozenset(config["allow"]), bool(config["also"])
    )


@dataclass(frozen=True, slots=True)
class _Finder:
    kinds: frozenset[str]
    min_score: float
    allow: frozenset[str]
    also: bool

    def __call__(self, texts: Any) -> list[Finding]:
        """The secrets by text and place; of those that overlap, the surest.

        Raises `FactError` for more findings than anyone could use, or a package that is missing.
        """
        given = Texts.of(texts)
        found: list[Finding] = []
        for field, text in given:
            secrets = given.memo.get(("secrets", field, self.also))
            if secrets is None:
                secrets = _in_original(given, text, self.also)
                given.memo["secrets", field, self.also] = secrets
            wanted = [
                one
                for one in secrets
                if one.kind in self.kinds
                and one.score >= self.min_score
                and text[one.start : one.end] not in self.allow
            ]
            found += [_finding(field, one) for one in _apart(wanted)]
            if len(found) > MAX_FINDINGS:
                raise FactError("too-many-findings", f"more than {MAX_FINDINGS:,} findings")
        return found

    def unfinished(self, text: str) -> int:
        """Where in the end of a text something has begun that may be a secret once it has ended.

        A private key, or else the last text without white space.

        >>> build(normal("all")).unfinished("the token is ghp_abc")
        13
        """
        least = max(len(text) - _LONGEST, 0)
        words = text[least:].split()
        at = len(text) if not words or text[-1].isspace() else len(text) - len(words[-1])
        if self.also:
            at = min(at, max(text.rfind("\n") + 1, least))
        return min(_begun(text, form, least, at) for form in IN_LINES if form.last is not None)


def _begun(text: str, form: Format, least: int, at: int) -> int:
    """Where a secret of several lines has begun before a place, and not ended; else that place."""
    assert form.last is not None
    for key in _places(text, form.anchors[0], least, at):
        begun = len(text) - key < _HEAD or form.pattern.match(text, key)
        if begun and not form.last.search(text, key):
            return key
    return at


def _finding(field: str, one: context.Named) -> Finding:
    return {
        "type": one.kind,
        "field": field,
        "start": one.start,
        "end": one.end,
        "score": one.score,
        "why": one.why,
    }


def _in_original(texts: Texts, text: str, also: bool) -> list[context.Named]:
    """All secrets of a text, with their places in the text as it was given."""
    seen = plain(text)
    found = _found(texts, seen.text, also)
    if seen.places is None:
        return found
    places = (seen.place(one.start, one.end) for one in found)
    return [
        one._replace(start=start, end=end) for one, (start, end) in zip(found, places, strict=True)
    ]


def _found(texts: Texts, text: str, also: bool) -> list[context.Named]:
    """All secrets of a text, some of which may overlap."""
    found: list[context.Named] = []
    for form in IN_LINES:
        texts.check()
        found += (
            one for place in _places(text, form.anchors[0]) for one in _match(form, text, place)
        )
    # Other formats have no white space and are longer than most words: ordinary text ends here.
    for token in _LONG.finditer(text):
        place, end = token.span()
        while anchor := ANCHOR.search(text, place, end):
            for form in BY_ANCHOR[anchor[0]]:
                found += _match(form, text, anchor.start())
            # Anchors may overlap.
            place = anchor.start() + 1
    texts.check()
    found += context.named(text)
    texts.check()
    found += context.random(text)
    if also:
        found += detectors.found(text, texts.check)
    return found


def _places(text: str, anchor: str, start: int = 0, end: int | None = None) -> Iterator[int]:
    place = text.find(anchor, start)
    while 0 <= place < (len(text) if end is None else end):
        yield place
        place = text.find(anchor, place + 1)


def _match(form: Format, text: str, at: int) -> Iterator[context.Named]:
    """The secret of a format that begins at a place, if one does."""
    if form.bounded and at and text[at - 1].isalnum():
        return
    match = form.pattern.match(text, at)
    if match is None:
        return
    start, end = match.span("secret" if "secret" in form.pattern.groupindex else 0)
    if form.extend is not None:
        end = form.extend(text, end)
    if form.check(text[start:end]):
        proved = form.sum is not None and form.sum(text[start:end])
        score = 1.0 if proved else form.score
        why = f"{form.provider}: {'check sum' if proved else 'format'}"
        yield context.Named(form.kind, start, end, score, why)


def _apart(found: list[context.Named]) -> list[context.Named]:
    """Those that do not overlap a surer or longer one, by place."""
    kept: list[context.Named] = []
    starts: list[int] = []
    for one in sorted(found, key=lambda one: (-one.score, one.start - one.end, one.start)):
        at = bisect(starts, one.start)
        behind = at > 0 and kept[at - 1].end > one.start
        if not behind and (at == len(kept) or kept[at].start >= one.end):
            starts.insert(at, one.start)
            kept.insert(at, one)
    return kept

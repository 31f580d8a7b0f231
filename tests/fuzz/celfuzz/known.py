"""Where the peer is known to differ, and why. Each row is as narrow as it can be told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Outcome = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A class of differences. `test` gets the text, our outcome and the peer's."""

    name: str
    reason: str
    test: Callable[[str, Outcome, Outcome], bool]


def _says(*words: str) -> Callable[[str, Outcome, Outcome], bool]:
    """The peer's message holds one of the words."""
    return lambda text, ours, theirs: (
        isinstance(theirs[1], str) and any(word in theirs[1] for word in words)
    )


KNOWN: tuple[Difference, ...] = (
    Difference(
        "optional as a value",
        "The peer's Python face cannot give an optional to Python.",
        _says("a value that the peer cannot give", "Unable to convert function return value"),
    ),
    Difference(
        "comparing numbers of two types",
        "The C++ checker takes `1 < 2.0` only with an option that the Python face does not have.",
        lambda text, ours, theirs: theirs[0] == "compile" and bool(_CROSSED.search(str(theirs[1]))),
    ),
    Difference(
        "constants refused by the checker",
        "A constant pattern, time or zone that can never work is a mistake of the author here.",
        lambda text, ours, theirs: ours[0] == "compile" and str(ours[1]).startswith("bad-"),
    ),
    Difference(
        "a plus sign before a uint",
        "C++ reads `uint('+1')`; Go's parser, which cel-spec's conversions follow, does not.",
        lambda text, ours, theirs: (
            ours == ("error", "bad-conversion") and "'+1'" in text and "uint" in called(text)
        ),
    ),
    Difference(
        "white space in numbers and base64",
        "absl skips white space where it reads numbers and base64; cel-go and we refuse it.",
        lambda text, ours, theirs: (
            ours == ("error", "bad-conversion")
            and theirs[0] == "value"
            and bool(called(text) & {"double", "int", "uint", "base64.decode"})
        ),
    ),
    Difference(
        "doubles out of range",
        "C++ reads '1e400' as infinity; cel-go and we find that it does not fit.",
        lambda text, ours, theirs: ours == ("error", "overflow") and "'1e400'" in text,
    ),
    Difference(
        "NaN among what is ordered",
        "The least of NaN and a number depends on their order in C++; cel-go and we refuse NaN.",
        lambda text, ours, theirs: (
            ours == ("error", "bad-argument")
            and theirs[0] == "value"
            and bool(called(text) & _ORDERING)
        ),
    ),
    Difference(
        "bad replacements that are not used",
        "C++ judges the replacement of `regex.replace` even where nothing matches, as cel-go and "
        "we do not.",
        _says("invalid replacement string"),
    ),
    Difference(
        "substring up to the end",
        "C++ refuses `text.substring(0, text.size())`; cel-spec's end is excluded.",
        _says("<start> or <end> is greater than <string>.size()"),
    ),
    Difference(
        "the type of an empty optional",
        "C++ checks `optional.none().value()` as `dyn` and then refuses to run over it.",
        _says("expression of type 'dyn' cannot be the range of a comprehension"),
    ),
    Difference(
        "the type of the greatest of a list",
        "C++ types it as the list's elements, which a list of dyn does not keep; here it is dyn.",
        lambda text, ours, theirs: (
            theirs[0] == "compile" and bool(called(text) & {"math.least", "math.greatest"})
        ),
    ),
    Difference(
        "an empty text split at nothing",
        "C++ gives a list of one empty text; it has no characters, so cel-go and we give none.",
        lambda text, ours, theirs: bool(_SPLIT_AT_NOTHING.search(text)),
    ),
    Difference(
        "negative sizes of lists.range",
        "C++ throws; cel-go and we give the empty list.",
        _says("vector::reserve"),
    ),
    Difference(
        "orValue without an overload",
        "The C++ engine loses `orValue` of what is no call or name in its program.",
        _says("No matching overloads found : orValue", "No matching overloads found : or"),
    ),
    Difference(
        "a loop left early before a bind",
        "Where `all` or `exists` ends early in the condition of `?:`, the C++ engine reads the "
        "value of a `cel.bind` in the other branch from the wrong place.",
        lambda text, ours, theirs: ours[0] == "value" and bool(_LEFT_EARLY.search(text)),
    ),
    Difference(
        "positions in optional lists",
        "`optional.of(list)[1]` is an optional by cel-spec, empty where there is no such element; "
        "in C++ it is an error that counts as a value.",
        lambda text, ours, theirs: (
            bool(_INDEXED_OPTIONAL.search(text)) and (ours[0] == "value" or ours[1] == "no-value")
        ),
    ),
    Difference(
        "doubles in `%s`",
        "C++ writes 1e300 and 1e-07 with exponents; cel-spec's `%s` has the decimals.",
        lambda text, ours, theirs: (
            ".format" in called(text) and bool(_EXPONENT.search(str(theirs[1])))
        ),
    ),
    Difference(
        "bytes in `%s`",
        "C++ writes bytes that are no UTF-8 as they are; a string of CEL cannot hold them.",
        lambda text, ours, theirs: (
            ours == ("error", "bad-conversion") and ".format" in called(text) and r"\xff" in text
        ),
    ),
    Difference(
        "years before 1000 in `%s`",
        "C++ writes the year 1 as `1-01-01`, which is no RFC 3339.",
        lambda text, ours, theirs: (
            ".format" in called(text) and bool(_EARLY_YEAR.search(str(ours[1])))
        ),
    ),
    Difference(
        "NaN and infinity as text",
        "C++ writes `-nan` and `inf`; cel-go and we write `NaN` and `+Inf`, as Go does.",
        lambda text, ours, theirs: (
            "string" in called(text) and bool(_NOT_FINITE.search(str(ours[1])))
        ),
    ),
    Difference(
        "times as text",
        "absl pads the digits behind the point to threes, as protobuf's JSON does; cel-spec says "
        "no more than seconds with a fraction, and cel-go and we write the shortest.",
        lambda text, ours, theirs: (
            ours[0] == theirs[0] == "value"
            and bool(called(text) & {"string", ".format"})
            and _unpadded(ours[1]) == _unpadded(theirs[1])
        ),
    ),
    Difference(
        "empty matches",
        "C++ does not count an empty match at the end of a text, which RE2's own loop does.",
        lambda text, ours, theirs: bool(called(text) & {"regex.extractAll", "regex.replace"}),
    ),
    Difference(
        "uint keys in transformMap",
        "The C++ engine makes no map with uint keys in transformMap; cel-spec has such keys.",
        _says("No overload found in reference resolve step for cel.@mapInsert"),
    ),
)


def reason(text: str, ours: Outcome, theirs: Outcome) -> str:
    """The name of the difference that explains the two outcomes, or nothing."""
    for difference in KNOWN:
        if difference.test(text, ours, theirs):
            return difference.name
    return ""


_CROSSED = re.compile(
    r"no matching overload for '_[<>]=?_' applied to '\((int|uint|double), (int|uint|double)\)'"
)
_INDEXED_OPTIONAL = re.compile(r"(optional\.|\.first\(|\.last\(|\[\?).*[\])]\[")
_LEFT_EARLY = re.compile(r"\.(all|exists)\(.* \? .*(cel\.bind|\.sortBy)\(")
_ORDERING = {"math.least", "math.greatest", ".sort", ".sortBy"}
_CALLED = re.compile(r"([a-zA-Z0-9.]+)\(")
_FRACTION = re.compile(r"(\.\d*?)0+([sZ])")
_EARLY_YEAR = re.compile(r"\b0\d{3}-\d\d-\d\d")
_EXPONENT = re.compile(r"[eE][+-]?\d\d")
_SPLIT_AT_NOTHING = re.compile(r"\.split\((''|[a-z(])")
_NOT_FINITE = re.compile(r"NaN|Inf")


def _unpadded(value: Any) -> str:
    """A written value without zeros behind fractions; bytes are read as the text that they are."""
    text = str(value)
    if isinstance(value, list) and value[:1] == ["bytes"]:
        text = bytes.fromhex(value[1]).decode("latin-1")
    return _FRACTION.sub(r"\1\2", text)


def called(text: str) -> frozenset[str]:
    """The names before a bracket; those of methods once more, with a dot before them."""
    names = set(_CALLED.findall(text))
    return frozenset(names | {f".{name.rpartition('.')[2]}" for name in names if "." in name})

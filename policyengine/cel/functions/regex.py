"""The `regex` extension, as cel-go defines it."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function, Library
from policyengine.cel.functions._rows import risky
from policyengine.cel.types import INT, STRING, ListType, OptionalType

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "regex.extract",
        (risky("regex_extract_string_string", (STRING, STRING), OptionalType(STRING)),),
        "regex_calls.extract",
        "The first match of a pattern, or its group if it has one, as an optional.",
        (
            Example("regex.extract('id=7', 'id=([0-9]+)') == optional.of('7')", "true"),
            Example("regex.extract('id=7', 'x') == optional.none()", "true"),
            Example("regex.extract('ab', '(a)(b)') == optional.none()", error="bad-argument"),
        ),
    ),
    Function(
        "regex.extractAll",
        (risky("regex_extractAll_string_string", (STRING, STRING), ListType(STRING)),),
        "regex_calls.extract_all",
        "All matches of a pattern that do not overlap, or their groups.",
        (
            Example("regex.extractAll('id=7, id=8', 'id=([0-9]+)')", "['7', '8']"),
            Example("regex.extractAll('a1b22', '[0-9]+')", "['1', '22']"),
            Example("regex.extractAll('a', dyn('('))", error="bad-regex"),
        ),
    ),
    Function(
        "regex.replace",
        (
            risky("regex_replace_string_string_string", (STRING, STRING, STRING), STRING),
            risky("regex_replace_string_string_string_int", (STRING, STRING, STRING, INT), STRING),
        ),
        "regex_calls.replace",
        "With the matches of a pattern replaced, at most a given number of them. In the "
        "replacement `\\1` stands for the first group, `\\0` for the match, `\\\\` for a "
        "backslash.",
        (
            Example("regex.replace('foo bar', '(fo)o', r'<\\1>')", "'<fo> bar'"),
            Example("regex.replace('aaa', 'a', 'b', 2)", "'bba'"),
            Example("regex.replace('a', 'a', r'\\7')", error="bad-argument"),
        ),
    ),
)

LIBRARY = Library(
    name="regex",
    functions=FUNCTIONS,
    doc="Parts of strings by RE2 patterns, searched in linear time.",
)

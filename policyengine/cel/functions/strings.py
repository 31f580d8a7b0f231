"""The `strings` extension, as cel-spec and cel-go define it."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function, Library
from policyengine.cel.functions._rows import method, risky
from policyengine.cel.types import DYN, INT, STRING, ListType

_TEXTS = ListType(STRING)

_READING = (
    Function(
        "charAt",
        (method("string_char_at_int", (STRING, INT), STRING, can_fail=True),),
        "text.char_at",
        "The character at a position, counted from 0; empty right behind the last one.",
        (
            Example("'policy'.charAt(0)", "'p'"),
            Example("'policy'.charAt(6)", "''"),
            Example("'policy'.charAt(7)", error="index-out-of-range"),
        ),
    ),
    Function(
        "indexOf",
        (
            method("string_index_of_string", (STRING, STRING), INT),
            method("string_index_of_string_int", (STRING, STRING, INT), INT, can_fail=True),
        ),
        "text.index_of",
        "Where another string first occurs, perhaps not before a given position; -1 if it does "
        "not.",
        (
            Example("'hello mellow'.indexOf('ello')", "1"),
            Example("'hello mellow'.indexOf('ello', 2)", "7"),
            Example("'hello mellow'.indexOf('jello')", "-1"),
            Example("'hello'.indexOf('l', 9)", error="index-out-of-range"),
        ),
    ),
    Function(
        "lastIndexOf",
        (
            method("string_last_index_of_string", (STRING, STRING), INT),
            method("string_last_index_of_string_int", (STRING, STRING, INT), INT, can_fail=True),
        ),
        "text.last_index_of",
        "Where another string last occurs, perhaps not behind a given position; -1 if it does not.",
        (
            Example("'hello mellow'.lastIndexOf('ello')", "7"),
            Example("'hello mellow'.lastIndexOf('ello', 6)", "1"),
            Example("'hello'.lastIndexOf('l', -1)", error="index-out-of-range"),
        ),
    ),
    Function(
        "substring",
        (
            method("string_substring_int", (STRING, INT), STRING, can_fail=True),
            method("string_substring_int_int", (STRING, INT, INT), STRING, can_fail=True),
        ),
        "text.substring",
        "The part from one position on, up to but not including another one.",
        (
            Example("'tacocat'.substring(4)", "'cat'"),
            Example("'tacocat'.substring(0, 4)", "'taco'"),
            Example("'tacocat'.substring(2, 1)", error="index-out-of-range"),
        ),
    ),
)

_CHANGING = (
    Function(
        "lowerAscii",
        (method("string_lower_ascii", (STRING,), STRING),),
        "text.lower_ascii",
        "The letters A to Z in lower case; all others stay.",
        (Example("'TacoCÆt'.lowerAscii()", "'tacocÆt'"),),
    ),
    Function(
        "upperAscii",
        (method("string_upper_ascii", (STRING,), STRING),),
        "text.upper_ascii",
        "The letters a to z in upper case; all others stay.",
        (Example("'tacoCαt'.upperAscii()", "'TACOCαT'"),),
    ),
    Function(
        "trim",
        (method("string_trim", (STRING,), STRING),),
        "text.trim",
        "Without the white space, as Unicode defines it, at both ends.",
        (Example("' \\t\\u3000text\\n '.trim()", "'text'"),),
    ),
    Function(
        "reverse",
        (method("string_reverse", (STRING,), STRING),),
        "lists.reverse",
        "The characters of a string, or the elements of a list, from the back.",
        (Example("'gums'.reverse()", "'smug'"),),
    ),
    Function(
        "replace",
        (
            method("string_replace_string_string", (STRING, STRING, STRING), STRING, can_fail=True),
            method(
                "string_replace_string_string_int",
                (STRING, STRING, STRING, INT),
                STRING,
                can_fail=True,
            ),
        ),
        "text.replace",
        "With the occurrences of one string replaced by another, at most a given number of them.",
        (
            Example("'hello hello'.replace('he', 'we')", "'wello wello'"),
            Example("'hello hello'.replace('he', 'we', 1)", "'wello hello'"),
            Example("'ab'.replace('', '_')", "'_a_b_'"),
            Example("'a'.replace('a', dyn(1))", error="no-such-overload"),
        ),
    ),
    Function(
        "strings.quote",
        (risky("strings_quote", (STRING,), STRING),),
        "text.quote",
        "In double quotes, with escapes for what cannot stand in them as it is.",
        (
            Example("strings.quote('a \"b\"')", '\'"a \\\\"b\\\\""\''),
            Example("strings.quote(dyn(b'a'))", error="no-such-overload"),
        ),
    ),
)

_PARTS = (
    Function(
        "split",
        (
            method("string_split_string", (STRING, STRING), _TEXTS),
            method("string_split_string_int", (STRING, STRING, INT), _TEXTS),
        ),
        "text.split",
        "The parts between the occurrences of a separator, at most a given number of them.",
        (
            Example("'a,b,c'.split(',')", "['a', 'b', 'c']"),
            Example("'a,b,c'.split(',', 2)", "['a', 'b,c']"),
            Example("'a,b,c'.split(',', 0)", "[]"),
            Example("'ab'.split('')", "['a', 'b']"),
        ),
    ),
    Function(
        "join",
        (
            method("list_join", (_TEXTS,), STRING, can_fail=True),
            method("list_join_string", (_TEXTS, STRING), STRING, can_fail=True),
        ),
        "text.join",
        "The strings of a list one after the other, perhaps with a separator between them.",
        (
            Example("['a', 'b'].join()", "'ab'"),
            Example("['a', 'b'].join('-')", "'a-b'"),
            Example("dyn([1]).join()", error="bad-argument"),
        ),
    ),
    Function(
        "format",
        (method("string_format", (STRING, ListType(DYN)), STRING, can_fail=True),),
        "text_format.format",
        "With the clauses in it replaced by the values of a list: `%s` takes every value, `%d` "
        "numbers, `%f` and `%e` too, with `%.2f` to set the digits, `%b` and `%o` whole numbers, "
        "`%x` and `%X` also strings and bytes; `%%` is a percent sign.",
        (
            Example("'%s has %d'.format(['a', 3])", "'a has 3'"),
            Example("'%.1f%%'.format([12.34])", "'12.3%'"),
            Example("'%s'.format([{'b': [1, null], 'a': true}])", "'{a: true, b: [1, null]}'"),
            Example("'%x %b'.format([255, true])", "'ff 1'"),
            Example("'%d'.format(['a'])", error="bad-argument"),
            Example("'%d %d'.format(dyn([1]))", error="bad-argument"),
        ),
    ),
)

LIBRARY = Library(
    name="strings",
    functions=(*_READING, *_CHANGING, *_PARTS),
    doc="More functions of strings. Positions count code points, from 0.",
)

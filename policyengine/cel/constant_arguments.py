"""Constant arguments that can never work: they are found when a policy is compiled, not at night.

| call | argument | must be |
|---|---|---|
| `s.matches(p)`, `matches(s, p)` | p | a regular expression that RE2 takes |
| `regex.extract(s, p)`, `regex.extractAll(s, p)`, `regex.replace(s, p, r)` | p | the same |
| `timestamp(t)` | t | an RFC 3339 time |
| `duration(d)` | d | a duration such as `1h30m` |
| `ip(a)`, `c.containsIP(a)` | a | an IP address |
| `cidr(c)`, `d.containsCIDR(c)` | c | a network such as `10.0.0.0/8` |
| `f.format(values)` | f | clauses such as `%s`, no more of them than values |
"""

from __future__ import annotations

from collections.abc import Callable

from policyengine.cel.ast import Ast, Call, Constant, ListExpr
from policyengine.cel.functions import Function
from policyengine.diagnostics import Diagnostic
from policyengine.errors import EvaluationError
from policyengine.source import Span
from policyengine.values import regex, text_format
from policyengine.values.clock_text import parse_duration, parse_timestamp
from policyengine.values.network import parse_cidr, parse_ip

_CLAUSES_HELP = "clauses are `%s`, `%d`, `%f`, `%e`, `%b`, `%o`, `%x`, `%X` and `%%`"

_Check = Callable[[Ast, Constant], Diagnostic | None]


def bad_regex(span: Span, why: str) -> Diagnostic:
    """A pattern that RE2 does not take."""
    return Diagnostic(
        "bad-regex", why, span, help="patterns are RE2: no look-around and no back-references"
    )


def bad_constant(span: Span, slug: str, why: str) -> Diagnostic:
    """A text that cannot be converted."""
    return Diagnostic(slug, why, span)


def _pattern(ast: Ast, node: Constant) -> Diagnostic | None:
    try:
        regex.check(str(node.value))
    except regex.RegexError as error:
        return bad_regex(_within(ast, node, error.offset, error.offset + 1), error.message)
    return None


def _within(ast: Ast, node: Constant, start: int, end: int) -> Span:
    """Some characters of a string; a literal with escapes is pointed at as a whole."""
    # A literal without escapes stands in the text as it is, so the very characters are known.
    plain = ast.text.value[node.start + 1 : node.end - 1] == node.value
    at = node.start + 1
    return ast.text.span(at + start, at + end) if plain else ast.span(node)


def _converted(slug: str, parse: Callable[[str], object]) -> _Check:
    def check(ast: Ast, node: Constant) -> Diagnostic | None:
        try:
            parse(str(node.value))
        except EvaluationError as error:
            return bad_constant(ast.span(node), slug, error.message)
        return None

    return check


# By the implementation, since a host may have a function of its own with one of these names, and
# the argument's position, the receiver not counted.
_CHECKS: dict[object, tuple[int, _Check]] = {
    "strings.matches": (-1, _pattern),  # `matches(s, p)` too
    "regex_calls.extract": (1, _pattern),
    "regex_calls.extract_all": (1, _pattern),
    "regex_calls.replace": (1, _pattern),
    "conversions.to_timestamp": (0, _converted("bad-timestamp", parse_timestamp)),
    "conversions.to_duration": (0, _converted("bad-duration", parse_duration)),
    "network.ip": (0, _converted("bad-address", parse_ip)),
    "network.contains_ip": (0, _converted("bad-address", parse_ip)),
    "network.cidr": (0, _converted("bad-address", parse_cidr)),
    "network.contains_cidr": (0, _converted("bad-address", parse_cidr)),
}


# What is wrong with it depends on the receiver and the argument together.
_FORMAT = "text_format.format"


def _bad_format(ast: Ast, node: Call) -> Diagnostic | None:
    text, values = node.target, node.args[0] if node.args else None
    if not isinstance(text, Constant) or text.kind != "string":
        return None
    # An optional element may be left out, and what is no list literal may have any size.
    most = len(values.elements) if isinstance(values, ListExpr) else None
    flaw = text_format.flaw(str(text.value), most)
    if flaw is None:
        return None
    start, end, why = flaw
    span = _within(ast, text, start, end)
    return Diagnostic("bad-format", why, span, help=_CLAUSES_HELP)


def checks_constants(function: Function) -> bool:
    """Whether constant arguments of a function may be wrong."""
    return function.impl in _CHECKS or function.impl == _FORMAT


def bad_argument(ast: Ast, function: Function, node: Call) -> Diagnostic | None:
    """What is wrong with a constant argument of a call to a function."""
    if function.impl == _FORMAT:
        return _bad_format(ast, node)
    row = _CHECKS.get(function.impl)
    if row is None or len(node.args) <= row[0]:
        return None
    argument = node.args[row[0]]
    if isinstance(argument, Constant) and argument.kind == "string":
        return row[1](ast, argument)
    return None

from __future__ import annotations

import pytest

from policyengine.cel import Environment, Function, Overload
from policyengine.cel.types import BOOL, STRING
from policyengine.diagnostics import CompileError

ENVIRONMENT = Environment({"s": "string"}, extensions=["network", "optionals", "regex", "strings"])


@pytest.mark.parametrize(
    ("before", "constant", "after", "slug"),
    [
        ("s.matches(", "'(a'", ")", "bad-regex"),
        ("matches(s, ", "'a{2,1}'", ")", "bad-regex"),
        ("regex.extract(s, ", "'''a(?=b)'''", ").hasValue()", "bad-regex"),
        ("size(regex.extractAll(s, ", "r'[a'", ")) > 1", "bad-regex"),
        ("regex.replace(s, ", "'(a'", ", 'b')", "bad-regex"),
        ("timestamp(", "'yesterday'", ")", "bad-timestamp"),
        ("duration(", "'1 day'", ")", "bad-duration"),
        ("ip(", "'10.0.0'", ").isLoopback()", "bad-address"),
        ("cidr(", "'10.0.0.0/33'", ").containsIP(s)", "bad-address"),
        ("cidr(s).containsIP(", "'10.0.0.0/8'", ")", "bad-address"),
        ("cidr(s).containsCIDR(", "'10.0.0.0'", ")", "bad-address"),
        ("", "'%d of %q'", ".format([1, 2]) == ''", "bad-format"),
        ("", "'%s %'", ".format([1]) == ''", "bad-format"),
        ("", "'%s is %s'", ".format([1]) == ''", "bad-format"),
        ("", "'%.1000f'", ".format([1.0]) == ''", "bad-format"),
        ("", "'\\u0025q'", ".format([s]) == ''", "bad-format"),
    ],
)
def test_what_can_never_work_is_found_at_its_place(
    before: str, constant: str, after: str, slug: str
) -> None:
    with pytest.raises(CompileError) as refused:
        ENVIRONMENT.compile(before + constant + after)
    (found,) = refused.value.diagnostics
    assert found.slug == slug
    assert len(before) < found.span.column <= len(before) + len(constant)
    # The same text in a request is an error of that request.
    ENVIRONMENT.compile(f"{before}s{after}")


@pytest.mark.parametrize(
    "text",
    [
        "s.matches('a|b')",
        "ip('::1').isLoopback()",
        "cidr('::/0').containsIP('::1')",
        "'%s%% of %.2f, %x'.format([s, 1.5, 10]) == ''",
        "'%s'.format([s, s]) == ''",
        "'%s %s'.format(dyn([s])) == ''",
        "'%s %s'.format([s] + [s]) == ''",
        "s.format([1]) == ''",
    ],
)
def test_what_works_is_let_through(text: str) -> None:
    ENVIRONMENT.compile(text)


@pytest.mark.parametrize(
    ("text", "underlined"),
    [
        ("'%s of %q'.format([s, 2]) == s", "%q"),
        ("'%s of %d'.format([s]) == s", "%d"),
        ("'100%'.format([s]) == s", "%"),
        ("'%s'.format([]) == s", "%s"),
    ],
)
def test_a_format_is_wrong_at_a_clause(text: str, underlined: str) -> None:
    with pytest.raises(CompileError) as refused:
        ENVIRONMENT.compile(text)
    (found,) = refused.value.diagnostics
    assert text[found.span.column - 1 : found.span.end_column - 1] == underlined


def test_a_function_of_the_host_takes_what_it_likes() -> None:
    row = Function("ip", (Overload("own_ip", (STRING,), BOOL),), lambda text: text == "localhost")
    program = Environment(functions=[row]).compile("ip('localhost')")
    assert program.evaluate({}) is True

"""Diagnostics as people see them."""

from __future__ import annotations

import pytest

from policyengine.diagnostics import Diagnostic, Related
from policyengine.diagnostics.render import render, visible
from policyengine.source import Source, Span

ROUTING = Source("routing.yaml", "\n" * 13 + '    when: request.modle == "opus"\n')


def shown(line: str, column: int, end: int, note: str = "") -> list[str]:
    """The excerpt's line and its underline."""
    span = Span("p", 1, column, 1, end)
    text = render([Diagnostic("slug", "message", span, note)], {"p": Source("p", line)})
    return text.split("\n")[2:]


def test_the_form_of_the_style_guide() -> None:
    span = Span("routing.yaml", 14, 11, 14, 24)
    found = Diagnostic(
        "unknown-field",
        "`request.modle` is not a field of `llm.request`",
        span,
        "did you mean `request.model`?",
        "every field is in the schema",
        (Related(Span("routing.yaml", 2, 1, 2, 1), "the policy is here"),),
    )
    assert render([found], {"routing.yaml": ROUTING}) == (
        "error[unknown-field]: `request.modle` is not a field of `llm.request`\n"
        "  --> routing.yaml:14:11\n"
        '14 |     when: request.modle == "opus"\n'
        "   |           ^^^^^^^^^^^^^ did you mean `request.model`?\n"
        "  --> routing.yaml:2:1\n"
        " 2 |\n"
        "   | - the policy is here\n"
        "   = help: every field is in the schema"
    )


@pytest.mark.parametrize(
    ("line", "column", "end", "expected"),
    [
        ("abc", 2, 3, ["1 | abc", "  |  ^"]),
        ("abc", 4, 4, ["1 | abc", "  |    ^"]),
        ("abc", 9, 12, ["1 | abc", "  |    ^"]),
        ("\ta\tb", 2, 5, ["1 |     a    b", "  |     ^^^^^^"]),
        ("世界 x", 2, 3, ["1 | 世界 x", "  |   ^^"]),
        ("e\u0301x", 3, 4, ["1 | e\u0301x", "  |  ^"]),
        ("a\x1b[2Jb", 3, 4, ["1 | a\\x1b[2Jb", "  |      ^"]),
        ("a\r", 1, 2, ["1 | a", "  | ^"]),
        ("a\u202eb", 2, 3, ["1 | a\\u202eb", "  |  ^^^^^^"]),
    ],
)
def test_underlines(line: str, column: int, end: int, expected: list[str]) -> None:
    assert shown(line, column, end) == expected


def test_a_very_long_line_is_cut_around_the_mark() -> None:
    line, under = shown("a" * 5000 + "B" + "c" * 5000, 5001, 5002)
    assert len(line) < 140
    assert line[under.index("^")] == "B"
    assert "..." in line[:10]
    assert line.endswith("...")


def test_several_lines_are_marked_to_the_end_of_the_first() -> None:
    source = Source("p", "when: |\n  abc\n")
    found = render([Diagnostic("s", "m", Span("p", 1, 7, 2, 5))], {"p": source})
    assert found.split("\n")[-1] == "  |       ^"


def test_a_file_that_is_not_there_is_named() -> None:
    found = Diagnostic("s", "m", Span.start_of("gone"), "note", severity="warning")
    assert render([found], {}) == "warning[s]: m\n  --> gone:1:1\n  = note"


def test_nothing_in_a_diagnostic_reaches_the_terminal_as_a_command() -> None:
    evil = "\x1b]0;owned\x07\r\x9b31m\u202e"
    span = Span(f"p{evil}", 1, 1, 1, 2)
    found = Diagnostic("s", evil, span, evil, evil, (Related(span, evil),))
    text = render([found], {f"p{evil}": Source("p", evil)})
    assert all(character >= " " or character == "\n" for character in text)
    assert not set("\x07\x1b\x9b\u202e\r") & set(text)


def test_colour_adds_only_colour() -> None:
    import re

    found = Diagnostic("s", "m", Span("routing.yaml", 14, 11, 14, 24), "n", "h")
    plain = render([found], {"routing.yaml": ROUTING})
    colored = render([found], {"routing.yaml": ROUTING}, color=True)
    assert colored != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_none_and_many() -> None:
    assert render([], {}) == ""
    one = Diagnostic("s", "m", Span.start_of("p"))
    assert render([one, one], {}).count("\n\n") == 1


def test_visible_leaves_text_alone() -> None:
    assert visible("grüße 世界 `a`") == "grüße 世界 `a`"

"""Every character of a scalar leads to its own line and column."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.diagnostics import CompileError
from policyengine.rules.yaml import Document, Limits, Pairs, Scalar, decode, read
from policyengine.source import Source, Text

# The scalar stands under the key `k`; `value` is what YAML makes of it, `places` the lines and
# columns of some of its characters.
TABLE = [
    ("plain", "k: abc", "abc", {0: (1, 4), 2: (1, 6)}),
    ("plain with an anchor", "k: &x  abc", "abc", {0: (1, 8)}),
    ("plain on the next line", "k:\n   abc", "abc", {0: (2, 4)}),
    ("anchor and comment before", "k: &x # why\n  abc", "abc", {0: (2, 3)}),
    ("plain over lines", "k: a  \n  b\n\n  c", "a b\nc", {0: (1, 4), 2: (2, 3), 4: (4, 3)}),
    ("single quotes", "k: 'a''b'", "a'b", {0: (1, 5), 1: (1, 6), 2: (1, 8)}),
    ("single quotes over lines", "k: 'a\n  b'", "a b", {0: (1, 5), 2: (2, 3)}),
    ("escapes", r'k: "\x41\u0042\tC"', "AB\tC", {0: (1, 5), 1: (1, 9), 2: (1, 15), 3: (1, 17)}),
    ("a wide escape", r'k: "\U0001F600x"', "\U0001f600x", {0: (1, 5), 1: (1, 15)}),
    ("double quotes over lines", 'k: "a \\\n   b\n\n   c"', "a b\nc",
     {0: (1, 5), 2: (2, 4), 4: (4, 4)}),
    ("escaped blank lines", 'k: "a\\\n\n  b"', "a\nb", {0: (1, 5), 2: (3, 3)}),
    ("literal", "k: |\n  ab\n  c\n", "ab\nc\n", {0: (2, 3), 1: (2, 4), 3: (3, 3)}),
    ("literal, clipped", "k: |-\n\n    ab\n", "\nab", {1: (3, 5)}),
    ("literal, indented", "k: |2\n    ab\n   c\n", "  ab\n c\n", {0: (2, 3), 2: (2, 5), 6: (3, 4)}),
    ("literal with blank lines", "k: |\n  a\n\n  b\n", "a\n\nb\n", {0: (2, 3), 3: (4, 3)}),
    ("literal with a comment", "k: | # why\n  a\n", "a\n", {0: (2, 3)}),
    ("folded", "k: >\n  a\n  b\n\n  c\n", "a b\nc\n", {0: (2, 3), 2: (3, 3), 4: (5, 3)}),
    ("folded, more indented", "k: >\n  a\n    b\n  c\n", "a\n  b\nc\n",
     {0: (2, 3), 4: (3, 5), 6: (4, 3)}),
    ("folded, same words", "k: >\n  a\n  a\n  a\n", "a a a\n", {0: (2, 3), 2: (3, 3), 4: (4, 3)}),
    ("trailing comment", "k: |\n  a\n# no\n", "a\n", {0: (2, 3)}),
    ("wide characters", "k: '\u4e16a'", "\u4e16a", {0: (1, 5), 1: (1, 6)}),
]  # fmt: skip


def text_of(document: Document) -> Text:
    node = document.node(("k",))
    assert isinstance(node, Scalar)
    return node.text


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("source", "value", "places"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])  # fmt: skip
def test_positions(
    source: str, value: str, places: dict[int, tuple[int, int]], ending: str
) -> None:
    document = read(Source("p.yaml", source.replace("\n", ending)))
    text = text_of(document)
    assert text.value == value
    assert {offset: text.position(offset) for offset in places} == places


def test_the_same_scalar_under_an_alias_keeps_its_place() -> None:
    document = read(Source("p.yaml", "a: &x\n  - one\nk: *x\n"))
    assert document.span(("k", 0)) == document.span(("a", 0))


WORDS = st.text(st.sampled_from("ab:'\"# \\-\n\t&*é世"), max_size=30)


@settings(deadline=None)
@given(WORDS, st.sampled_from(["|", "|-", "|+", ">", ">-", ">+"]), st.integers(1, 5))
def test_a_character_of_a_block_stands_where_it_was_written(
    content: str, header: str, indent: int
) -> None:
    pad = " " * indent
    source = f"k: {header}\n" + "".join(f"{pad}{line}\n" for line in content.split("\n"))
    check_characters(source)


@settings(deadline=None)
@given(WORDS)
def test_a_character_of_a_flow_scalar_stands_where_it_was_written(content: str) -> None:
    for source in (f"k: {content}", f"k: '{content}'", f'k: "{content}"', f"k:\n {content}\n"):
        check_characters(source)


def check_characters(source: str) -> None:
    """Visible characters of the value are those at their places; what YAML refuses is skipped."""
    try:
        document = read(Source("p.yaml", source))
    except CompileError:
        return
    if not isinstance(document.root, Pairs):
        return
    node = document.node(("k",))
    if not isinstance(node, Scalar):
        return
    for offset, character in enumerate(node.text.value):
        line, column = node.text.position(offset)
        found = Source("p.yaml", source).line(line)[column - 1 : column]
        assert found == character or character in " \n\t" or found == "\\", (offset, line, column)


def test_bytes() -> None:
    assert decode("p", b"\xef\xbb\xbfa: 1").text == "a: 1"
    with pytest.raises(CompileError) as caught:
        decode("p", "é\nab".encode() + b"\xff")
    found = caught.value.diagnostics[0]
    assert (found.slug, found.span.line, found.span.column) == ("not-utf8", 2, 3)


def test_an_alias_bomb_is_counted_and_never_expanded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    names = [f"a{i}" for i in range(20)]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise(names)
    ]
    with pytest.raises(CompileError) as caught:
        read(Source("p", "\n".join(lines)))
    assert [found.slug for found in caught.value.diagnostics] == ["yaml-size"]


def test_depth_is_a_limit_and_no_recursion() -> None:
    for text in ("[" * 100_000, "- " * 100_000, "{a: " * 50_000):
        with pytest.raises(CompileError) as caught:
            read(Source("p", text), Limits(depth=20))
        assert "yaml-depth" in {found.slug for found in caught.value.diagnostics}

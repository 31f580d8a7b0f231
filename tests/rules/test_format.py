"""Formatting: same meaning, same comments, and nothing left to do."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from policyengine.diagnostics import CompileError
from policyengine.rules.format import FormatRefusedError, formatted
from policyengine.rules.yaml import read
from policyengine.source import Source


def fmt(text: str) -> str:
    return formatted(Source("p.yaml", text))


def meaning(text: str) -> Any:
    return read(Source("p.yaml", text)).plain()


# Name, before, after.
CASES = [
    (
        "keys in order, comments with their keys",
        """
        # file
        kind: Policy
        # version
        apiVersion: policyengine.dev/v1
        rules:
          - when: a  # why
            # the name
            id: x
        """,
        """
        # file
        # version
        apiVersion: policyengine.dev/v1
        kind: Policy
        rules:
          # the name
          - id: x
            when: a  # why
        """,
    ),
    (
        "two spaces for each level",
        """
        metadata:
            name: x
            controls:
            - a
            -   b
        """,
        """
        metadata:
          name: x
          controls:
            - a
            - b
        """,
    ),
    (
        "double quotes unless single ones save escapes",
        """
        a: 'x'
        b: 'say "x"'
        c: "say \\"x\\""
        d: 'a\\d'
        e: "tab\\t"
        f: 'it''s'
        """,
        """
        a: "x"
        b: 'say "x"'
        c: 'say "x"'
        d: 'a\\d'
        e: "tab\\t"
        f: "it's"
        """,
    ),
    (
        "block scalars move as a whole",
        """
        variables:
            a: |
                  first
                    second

                  third   
            b: >-
              folded
              lines
        """,  # noqa: W291
        """
        variables:
          a: |
            first
              second

            third   
          b: >-
            folded
            lines
        """,  # noqa: W291
    ),
    (
        "one space after a colon, one blank line, no white space at the end",
        "a:    1   \n\n\n\nb: 2\n\n\n",
        "a: 1\n\nb: 2\n",
    ),
    ("a hash in a text is no comment", "a: 'b # c'\n", 'a: "b # c"\n'),
    ("lines end with a line feed", "a: 1\r\nb:\r\n    - x\r\n", "a: 1\nb:\n  - x\n"),
    (
        "a test suite's expectation comes last",
        """
        kind: TestSuite
        tests:
        - expect: {verdict: deny}
          name: x
        """,
        """
        kind: TestSuite
        tests:
          - name: x
            expect: {verdict: deny}
        """,
    ),
    (
        "comments after the last item stay with it, those of the file stay outside",
        """
        rules:
        - id: a
          # end of a
        # end of file
        """,
        """
        rules:
          - id: a
            # end of a
        # end of file
        """,
    ),
    (
        "long texts keep their line breaks",
        """
        rules:
        - id: a
          deny: one two
            three
        """,
        """
        rules:
          - id: a
            deny: one two
              three
        """,
    ),
]


@pytest.mark.parametrize(("before", "after"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_layout(before: str, after: str) -> None:
    before, after = dedent(before).lstrip("\n"), dedent(after).lstrip("\n")
    assert fmt(before) == after
    assert fmt(after) == after


@pytest.mark.parametrize(
    "text",
    [
        "- - a\n  - b\n",
        "? a\n: b\n",
        "a: &x 1\nb: *x\n",
        "b: &x 1\nkind: Policy\non: *x\n",
        "kind: Policy\nrules:\n  -\n    when: x\n    id: y\n",
        "a: |2\n    deep\n",
        "a: |+\n  text\n\n\nb: 1\n",
        "a: |+\n  text\n\n\n",
        "a: |\n  no line feed at the end",
        "---\na: 1\n",
        "a: 'x\n\n  y'\n",
        'a: {b: 1,\n    "c": 2}  # d\n',
    ],
)
def test_unusual_layouts_keep_their_meaning(text: str) -> None:
    result = fmt(text)
    assert meaning(result) == meaning(text)
    assert fmt(result) == result


def test_invalid_yaml_is_a_diagnostic() -> None:
    with pytest.raises(CompileError) as raised:
        fmt("a: [1\n")
    assert raised.value.diagnostics[0].span.path == "p.yaml"


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))).filter(
        lambda s: "\ufffe" not in s and "\uffff" not in s
    ),
    st.sampled_from(["a # b", "yes", "1", "a: b", "- x", "|", "it's", 'say "x"', "x\ny\n", "#"]),
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "when", "deny", "rules", "kind", "on", "metadata", "x", "y"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["rules", "kind", "tests", "a", "b"]), _TREES, min_size=1),
    st.sampled_from([2, 4, 7]),
    st.booleans(),
)
def test_any_file_keeps_its_meaning(tree: dict[str, Any], indent: int, flush: bool) -> None:
    from io import StringIO

    writer = YAML()
    writer.indent(mapping=indent, sequence=indent + 2, offset=0 if flush else 2)
    out = StringIO()
    writer.dump(tree, out)
    text = out.getvalue()
    try:
        before = meaning(text)
    except CompileError:
        return
    result = fmt(text)
    assert json.dumps(meaning(result), sort_keys=True) == json.dumps(before, sort_keys=True)
    assert fmt(result) == result


def test_refuses_rather_than_changing_the_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policyengine.rules.format._says_the_same", lambda *_: False)
    with pytest.raises(FormatRefusedError):
        fmt("a: 1\n")

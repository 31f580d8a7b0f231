"""Cutting text into tokens."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.cel.lexer import KEYWORDS, RESERVED, tokenize


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", []),
        ("a.b", ["name", ".", "name"]),
        ("a.?b[?c]", ["name", ".", "?", "name", "[", "?", "name", "]"]),
        ("1.e3", ["number", ".", "name"]),
        ("1.5.a", ["number", ".", "name"]),
        ("a.5", ["name", "number"]),
        ("x inlist y", ["name", "name", "name"]),
        ("x in list", ["name", "in", "name"]),
        ("truely", ["name"]),
        ("rb'x'", ["name", "string"]),
        ("br'x'b\"y\"", ["string", "string"]),
        ("b'not closed", ["string"]),
        ('bar + r"""not closed', ["name", "+", "string"]),
        ("a<=b", ["name", "<=", "name"]),
        ("a<-b", ["name", "<", "-", "name"]),
        ("a // b\nc // d", ["name", "name"]),
        ("a // b\rc", ["name", "name"]),
        ("a/b//", ["name", "/", "name"]),
        ("  // a\n\f // b\n c \t//", ["name"]),
        (" \n ", []),
        ("a.`b-c/d.e f`", ["name", ".", "quoted"]),
        ("`a`b`", ["quoted", "name", "unknown"]),
        ("a\vb", ["name", "unknown", "name"]),
        ("é", ["unknown"]),
        ("'a\nc'", ["string", "name", "string"]),
        ("'''a\nb'''", ["string"]),
        ('"a\\"b"', ["string"]),
        ('""', ["string"]),
        ('"""a""""', ["string", "string"]),
    ],
)
def test_kinds(text: str, kinds: list[str]) -> None:
    assert tokenize(text).kinds == [*kinds, "end"]


@given(st.text(st.sampled_from("ab1.'\"\\/r`\n _u&=(é")))
def test_tokens_stand_where_they_say(text: str) -> None:
    kinds, texts, starts, ends = tokenize(text)
    assert len(kinds) == len(texts)
    end = 0
    for piece, start, stop in zip(texts, starts, ends, strict=True):
        assert text[start:stop] == piece
        assert re.fullmatch(r"(?:[ \n\r\t\f]|//[^\r\n]*)*", text[end:start])
        end = stop
    assert end == len(text)


def test_the_reserved_words_are_those_of_the_specification() -> None:
    assert len(RESERVED) == 17
    assert len(KEYWORDS) == 4

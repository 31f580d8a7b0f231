from __future__ import annotations

from typing import Any

import pytest

from policyengine.errors import EvaluationError
from policyengine.values.strings import contains, ends_with, matches, starts_with

CAT = "🐱😀😛"


@pytest.mark.parametrize(
    ("function", "text", "part", "result"),
    [
        (contains, "hello", "ell", True),
        (contains, "hello", "elo", False),
        (contains, "hello", "", True),
        (contains, "", "a", False),
        (contains, CAT, "😀", True),
        (contains, "e\u0301", "é", False),
        (starts_with, "hello", "he", True),
        (starts_with, "hello", "el", False),
        (starts_with, CAT, "🐱", True),
        (starts_with, "", "", True),
        (ends_with, "hello", "lo", True),
        (ends_with, "hello", "hello!", False),
        (ends_with, CAT, "😛", True),
        (matches, "banana", "^ba(na)*$", True),
        (matches, "banana!", "^ba(na)*$", False),
        (matches, "mañana", "ñ", True),
        (matches, "", "", True),
    ],
)
def test_hits_and_near_misses(function: Any, text: str, part: str, result: bool) -> None:
    assert function(text, part) is result


@pytest.mark.parametrize("function", [contains, starts_with, ends_with, matches])
@pytest.mark.parametrize(
    ("text", "part"), [("a", b"a"), (b"a", "a"), (["a"], "a"), ("a", None), ("a", ("a", "b"))]
)
def test_only_strings_will_do(function: Any, text: Any, part: Any) -> None:
    with pytest.raises(EvaluationError) as caught:
        function(text, part)
    assert caught.value.code == "no-such-overload"


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1"])
def test_a_pattern_that_re2_refuses_is_an_error(pattern: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        matches("a", pattern)
    assert caught.value.code == "bad-regex"

"""A literal compared with null: a value, and no warning of Python's about `is` with a literal."""

from __future__ import annotations

import pytest

from policyengine import cel


@pytest.mark.parametrize("literal", ["1", "-1", "1u", "1.5", "'a'", "b'a'", "true", "[]", "{}"])
def test_is_never_null(literal: str) -> None:
    environment = cel.Environment()
    for text in (f"{literal} == null", f"null == {literal}"):
        assert environment.compile(text, check=False).evaluate({}) is False
    for text in (f"{literal} != null", f"null != {literal}"):
        assert environment.compile(text, check=False).evaluate({}) is True

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values.encodings import base64_decode, base64_encode


@given(st.binary(max_size=20))
def test_encoding_and_back(value: bytes) -> None:
    written = base64_encode(value)
    assert written == base64.b64encode(value).decode()
    assert base64_decode(written) == value
    assert base64_decode(written.rstrip("=")) == value
    assert base64_decode("\r\n".join(written)) == value


@pytest.mark.parametrize(
    "text", ["a", "a=", "aa=", "a===", "aaaa=", "====", "=", "aa==aa==", "aa-_", "aé==", "aa aa"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        base64_decode(text)
    assert caught.value.code == "bad-conversion"

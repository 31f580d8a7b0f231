"""What a request needs, read from inputs of any shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from policyengine.errors import FactError
from policyengine.routing.needs import Needs, draw_of, kinds_of, needs_of
from policyengine.routing.tiers import Tiers, normal
from policyengine.tokens import estimated

TIERS = Tiers.of(
    normal(
        {
            "models": {"m": {}},
            "tiers": {
                "t": {"models": ["m"], "fallbacks": ["u"]},
                "u": {"models": ["m"], "sticky_by": "subject.id"},
                "v": {"models": ["m"], "sticky_by": "request.metadata.tenant"},
            },
            "region_from": "context.region",
        }
    )
)


def needs(request: Any, tier: str = "t", **others: Any) -> Needs:
    return needs_of(TIERS, tier, {"request": request, **others}, frozenset({"pii"}), 0.25)


@pytest.mark.parametrize(
    ("request_", "capabilities"),
    [
        ({}, set()),
        ({"tools": []}, set()),
        ({"tools": [{"name": "f"}]}, {"tools"}),
        ({"unscanned": [{"kind": "image_url", "where": "messages[0]"}]}, {"vision"}),
        ({"unscanned": [{"kind": "input_image"}, {"kind": "input_audio"}]}, {"vision", "audio"}),
        ({"unscanned": [{"kind": "file"}, {"kind": "unknown_field"}]}, {"files"}),
        ({"response_format": {"type": "json_schema"}}, {"json"}),
        ({"response_format": {"type": "text"}}, set()),
        ({"endpoint": "embeddings"}, {"embeddings"}),
        ({"unscanned": "image", "response_format": "json_object"}, set()),
        ({"unscanned": [3, None, {"kind": ["image"]}]}, set()),
    ],
)
def test_capabilities(request_: dict[str, Any], capabilities: set[str]) -> None:
    assert needs(request_).capabilities == capabilities


@pytest.mark.parametrize(
    ("most", "told"), [(7, 7), (0, None), (-1, None), (True, None), (1.5, None), ("9", None)]
)
def test_max_tokens(most: Any, told: int | None) -> None:
    assert needs({"max_tokens": most}).output_tokens == told


def test_everything_else() -> None:
    found = needs(
        {"model": "m", "system": "x" * 40, "metadata": {"tenant": "acme"}},
        "v",
        subject={"id": "sam"},
        context={"region": "eu", "attributes": {"data_class": "public"}},
    )
    assert found == Needs(
        10, None, frozenset(), "eu", frozenset({"pii"}), "public",
        {"request.metadata.tenant": "acme"}, "m", 0.25,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "keys"),
    [
        ({"id": "sam"}, {"subject.id": "sam"}),
        ({"id": 7}, {"subject.id": "7"}),
        ({"id": ""}, {}),
        ({"id": True}, {}),
        ({"id": ["sam"]}, {}),
        ({}, {}),
        (None, {}),
        ("sam", {}),
    ],
)
def test_keys(subject: Any, keys: dict[str, str]) -> None:
    # The tier itself is not sticky; one that it falls back to is, but has no model of its own.
    assert needs({}, "t", subject=subject).keys == {}
    assert needs({}, "u", subject=subject).keys == keys


def test_kinds_of_what_could_not_look_count() -> None:
    assert kinds_of([("secrets", None), ("pii", [])]) == {"secrets"}
    assert kinds_of([("pii", [{"type": "US_SSN"}, {"start": 1}])]) == {"pii", "US_SSN"}


def test_draws_are_even() -> None:
    draws = sorted(draw_of("digest", n) for n in range(4000))
    assert all(abs(draw - n / 4000) < 0.03 for n, draw in enumerate(draws))
    assert draws[0] >= 0
    assert draws[-1] < 1


@pytest.mark.parametrize("told", [-1, 1.0, "5", True, 10**30])
def test_numbers_of_tokens_without_sense(told: Any) -> None:
    with pytest.raises(FactError, match="no sensible number"):
        needs({"input_tokens": told})


def test_tokens_that_are_told() -> None:
    assert estimated({"request": {"input_tokens": 3, "system": "x" * 1000}}) == 3
    assert estimated({"request": {"input_images": 2}}) == 3200
    with pytest.raises(FactError, match="no request"):
        estimated({})


@pytest.mark.parametrize(
    "request_",
    [{"messages": "hi"}, {"messages": ["hi"]}, {"system": 5}, {"tools": {"name": "f"}}],
)
def test_what_has_no_length(request_: dict[str, Any]) -> None:
    with pytest.raises(FactError, match="length of the request cannot be told"):
        needs(request_)


def test_every_text_counts() -> None:
    plain = "x" * 4
    request = {
        "system": plain,
        "messages": [
            {"role": "user", "content": plain, "tool_calls": [{"name": plain, "arguments": plain}]}
        ],
        "inputs": [plain],
        "memory": [plain],
        "documents": [{"title": plain, "content": plain}],
        "tools": [{"name": plain, "description": plain}],
    }
    assert estimated({"request": request}) == 10 + 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
FIELDS = st.sampled_from([
    "tools", "unscanned", "messages", "response_format", "max_tokens", "model", "endpoint",
    "documents", "metadata", "inputs",
])  # fmt: skip


@given(st.dictionaries(FIELDS, JSON, max_size=4), JSON, JSON)
def test_any_shape_is_read(request_: Any, subject: Any, context: Any) -> None:
    try:
        found = needs(request_, "u", subject=subject, context=context)
    except FactError as error:
        # Texts that are none have no length; counted as nothing, they would be a discount.
        event(error.code)
        return
    assert found.input_tokens >= 0
    assert isinstance(found.region, str)

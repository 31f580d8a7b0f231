"""What answers tell of the tokens that they took."""

from __future__ import annotations

from typing import Any

import pytest

from policyengine.charges import Usage
from policyengine.integrations import openai
from policyengine.integrations.openai import FormatError

CHAT = {
    "usage": {
        "prompt_tokens": 1200,
        "completion_tokens": 300,
        "total_tokens": 1500,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 192},
    }
}
JSON = {"type": "json_object"}
RESPONSES = {
    "usage": {
        "input_tokens": 80,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 10},
    }
}


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (CHAT, Usage(1200, 300, cached_tokens=1024, reasoning_tokens=192)),
        (RESPONSES, Usage(80, 40, reasoning_tokens=10)),
        ({"usage": {"prompt_tokens": 7, "total_tokens": 7}}, Usage(7)),
        ({"usage": {"prompt_tokens": 7, "prompt_tokens_details": None}}, Usage(7)),
    ],
)
def test_usage_is_read(body: dict[str, Any], usage: Usage) -> None:
    assert openai.usage(body) == usage


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"usage": None},
        {"usage": {}},
        {"usage": {"completion_tokens": 12}},
        {"usage": {"prompt_tokens": -1}},
        {"usage": {"prompt_tokens": True}},
        {"usage": {"prompt_tokens": 1, "completion_tokens": "2"}},
        {"usage": {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1.5}}},
    ],
)
def test_what_is_no_usage_is_not_free(body: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        openai.usage(body)


@pytest.mark.parametrize(
    ("more", "settings"),
    [
        ({}, {}),
        ({"n": 3}, {"n": 3}),
        ({"n": 2, "best_of": 5}, {"n": 5}),
        ({"response_format": JSON}, {"response_format": JSON}),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}},
         {"response_format": {"type": "json_schema"}}),
        ({"response_format": {"type": 3}}, {}),
        ({"response_format": "json"}, {}),
    ],
)  # fmt: skip
def test_what_costs_and_routes_depend_on(more: dict[str, Any], settings: dict[str, Any]) -> None:
    endpoint = "responses" if "text" in more else "chat.completions"
    body = {"model": "m", "messages": [], **more} if endpoint != "responses" else {
        "model": "m", "input": "Hi", **more,
    }  # fmt: skip
    request = openai.llm_request(body, endpoint=endpoint)["request"]
    assert {name: request[name] for name in ("n", "response_format") if name in request} == settings


@pytest.mark.parametrize("number", ["3", 1.5, True])
def test_a_number_of_answers_is_a_number(number: Any) -> None:
    with pytest.raises(FormatError):
        openai.llm_request({"model": "m", "messages": [], "n": number})

"""Chunks of OpenAI's format: what may be sent on of them, and how a refusal looks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policyengine
from policyengine.integrations.openai import FormatError, llm_response, redacted, stream
from policyengine.rules.check import check
from policyengine.rules.load import load_text

RULES = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.response]
rules:
  - id: names
    words: [ada, "grace hopper"]
    redact: {with: label}
  - id: secret
    words: [swordfish]
    deny: This is a secret.
  - id: tools
    when: has(response.choices) && response.choices.exists(c, has(c.tool_calls)
      && c.tool_calls.exists(t, t.name == "rm"))
    deny: This tool is not for you.
  - id: unread
    when: size(response.unscanned) > 0 && has(subject.role) && subject.role == "strict"
    deny: Not all of it could be read.
"""
MANIFEST = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {llm.response: allow}
"""


@pytest.fixture(scope="module")
def engine() -> policyengine.Engine:
    return _engine()


def _engine() -> policyengine.Engine:
    files = {"bundle.yaml": MANIFEST, "p.yaml": RULES}
    return policyengine.Engine(policyengine.compile(check(load_text(files))))


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
    """A chunk as the API sends it."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "gpt-5",
        "service_tier": "default",
        "system_fingerprint": "fp_1",
        "choices": [choice],
        "obfuscation": "x8Jd",
    }


def saying(text: str, size: int = 4, index: int = 0, name: str = "content") -> Iterator[Any]:
    yield chunk({"role": "assistant", "content": "", "refusal": None}, index=index)
    for at in range(0, len(text), size):
        yield chunk({name: text[at : at + size]}, index=index)
    yield chunk({}, "stop", index)


USAGE = {
    **chunk({}),
    "choices": [],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}


def said(chunks: list[Any], index: int = 0, name: str = "content") -> str:
    return "".join(
        choice["delta"].get(name) or ""
        for each in chunks
        for choice in each["choices"]
        if choice["index"] == index
    )


def ends(chunks: list[Any]) -> list[tuple[int, str]]:
    return [
        (choice["index"], choice["finish_reason"])
        for each in chunks
        for choice in each["choices"]
        if choice["finish_reason"]
    ]


LONG = "hello word " * 60


def test_text_is_redacted_while_it_comes(engine: policyengine.Engine) -> None:
    answer = stream(engine, [*saying(f"{LONG}Ada and Grace\n Hopper {LONG}"), USAGE])
    chunks = list(answer)
    assert said(chunks) == f"{LONG}[WORD] and [WORD] {LONG}"
    assert ends(chunks) == [(0, "stop")]
    assert len(chunks) > 10
    assert chunks[-1] == {k: v for k, v in USAGE.items() if k != "obfuscation"}
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {each["id"] for each in chunks} == {"chatcmpl-1"}
    assert answer.allowed
    assert set(answer.decisions) == {0}


def test_it_is_what_the_whole_answer_would_be(engine: policyengine.Engine) -> None:
    text = f"{LONG}Ada {LONG}"
    message = {"role": "assistant", "content": text}
    body = {"model": "gpt-5", "choices": [{"message": message, "finish_reason": "stop"}]}
    whole = engine.decide("llm.response", llm_response(body))
    answer = stream(engine, saying(text))
    assert said(list(answer)) == redacted(body, whole.content)["choices"][0]["message"]["content"]
    assert answer.decisions[0].input_digest == whole.input_digest


def test_a_refusal_ends_the_answer_and_reads_no_more(engine: policyengine.Engine) -> None:
    read = []

    def chunks() -> Iterator[Any]:
        for each in saying(f"{LONG}swordfish {LONG}"):
            read.append(each)
            yield each

    answer = stream(engine, chunks())
    got = list(answer)
    assert "sword" not in json.dumps(got)
    assert got[-1]["choices"][0]["delta"] == {"refusal": "This is a secret."}
    assert ends(got) == [(0, "content_filter")]
    assert not answer.allowed
    assert len(read) < len(list(saying(f"{LONG}swordfish {LONG}")))


def test_choices_are_apart(engine: policyengine.Engine) -> None:
    one, two = saying(f"{LONG}swordfish", index=0), saying(f"{LONG}Ada", index=1)
    mixed = [each for pair in zip_longest(one, two) for each in pair if each is not None]
    answer = stream(engine, mixed, n=2)
    got = list(answer)
    assert said(got, 1) == f"{LONG}[WORD]"
    assert sorted(ends(got)) == [(0, "content_filter"), (1, "stop")]
    assert [answer.decisions[i].allowed for i in (0, 1)] == [False, True]


def call(name: str, *arguments: str) -> Iterator[Any]:
    yield chunk({"role": "assistant", "content": None})
    function = {"name": name, "arguments": ""}
    first = {"index": 0, "id": "call_1", "type": "function", "function": function}
    yield chunk({"tool_calls": [first]})
    for text in arguments:
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": text}}]})
    yield chunk({}, "tool_calls")


def test_calls_are_sent_whole_when_they_are_complete(engine: policyengine.Engine) -> None:
    got = list(stream(engine, call("ls", '{"pa', 'th": "', '/tmp"}')))
    (delta,) = [c["choices"][0]["delta"] for c in got if "tool_calls" in c["choices"][0]["delta"]]
    assert delta["tool_calls"] == [
        {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "ls", "arguments": '{"path": "/tmp"}'},
        }
    ]
    assert ends(got) == [(0, "tool_calls")]


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [("rm", ["{}"], "rule"), ("ls", ['{"a": "sword', 'fish"}'], "rule"),
     ("ls", ['{"a": "Ada"}'], "not-redactable")],
)  # fmt: skip
def test_calls_that_are_not_allowed_are_not_sent(
    engine: policyengine.Engine, name: str, arguments: list[str], code: str
) -> None:
    answer = stream(engine, call(name, *arguments))
    got = list(answer)
    assert "tool_calls" not in json.dumps(got)
    assert ends(got) == [(0, "content_filter")]
    assert answer.decisions[0].reasons[-1].code == code


@pytest.mark.parametrize("name", ["refusal", "reasoning_content", "reasoning"])
def test_what_is_said_beside_the_content_is_looked_at(
    engine: policyengine.Engine, name: str
) -> None:
    assert said(list(stream(engine, saying(f"Ada {LONG}", name=name))), name=name).startswith("[W")
    got = list(stream(engine, saying("swordfish", name=name)))
    assert ends(got) == [(0, "content_filter")]


def test_what_nobody_reads_is_not_sent_but_told(engine: policyengine.Engine) -> None:
    chunks = [chunk({"content": "Hi", "thoughts": [{"text": "swordfish"}]}), chunk({}, "stop")]
    chunks[0]["choices"][0]["logprobs"] = {"content": [{"token": "Hi"}]}
    got = list(stream(engine, chunks))
    assert said(got) == "Hi"
    assert "thoughts" not in json.dumps(got)
    assert "logprobs" not in json.dumps(got)
    answer = stream(engine, chunks, subject={"id": "a", "role": "strict"})
    assert ends(list(answer)) == [(0, "content_filter")]


def test_an_answer_that_is_cut_off_is_decided_on(engine: policyengine.Engine) -> None:
    got = list(stream(engine, [chunk({"content": "hello "}), chunk({"content": "Ada"})]))
    assert said(got) == "hello [WORD]"
    assert ends(got) == []
    assert ends(list(stream(engine, [chunk({"content": "swordfish"})]))) == [(0, "content_filter")]


def test_awaiting_is_the_same(engine: policyengine.Engine) -> None:
    chunks = [*saying(f"{LONG}Ada {LONG}"), USAGE]

    async def coming() -> AsyncIterator[Any]:
        for each in chunks:
            yield each

    async def run() -> list[Any]:
        return [each async for each in stream(engine, coming())]

    assert asyncio.run(run()) == list(stream(engine, chunks))


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from(["Ada", " ", "grace", "hopper", "word ", ".", "\n"]), max_size=60),
    st.integers(1, 30),
)
def test_no_name_is_ever_sent(words: list[str], size: int) -> None:
    text = "".join(words)
    whole = ENGINE.decide("llm.response", llm_response({"choices": [
        {"message": {"role": "assistant", "content": text}}]}, model="gpt-5"))  # fmt: skip
    got = said(list(stream(ENGINE, saying(text, size))))
    assert got == whole.content.get("response.choices[0].content", text)


ENGINE = _engine()


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        {"choices": {}},
        {"choices": [1]},
        {"choices": [{"index": -1, "delta": {}}]},
        {"choices": [{"index": "0", "delta": {}}]},
        {"choices": [{"index": 0, "delta": "x"}]},
        {"choices": [{"index": 0, "delta": {"content": ["swordfish"]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 10**9}]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": []}]}}]},
        {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": 7}]},
    ],
)
def test_other_shapes_are_refused(engine: policyengine.Engine, wrong: Any) -> None:
    with pytest.raises(FormatError) as raised:
        list(stream(engine, [wrong]))
    assert "swordfish" not in str(raised.value)


def test_nothing_comes_after_the_end(engine: policyengine.Engine) -> None:
    assert len(list(stream(engine, [*saying("a"), chunk({"content": ""})]))) == 3
    with pytest.raises(FormatError):
        list(stream(engine, [*saying("a"), chunk({"content": "b"})]))


def test_calls_are_bounded(engine: policyengine.Engine) -> None:
    with pytest.raises(FormatError, match="1,000,000"):
        list(stream(engine, call("ls", *["x" * 100_001] * 10)))

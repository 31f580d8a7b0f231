"""What guards are given to read: whose words, how much, for how long."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from policyengine.api import check, compile
from policyengine.engine import Engine
from policyengine.plugins import TEXT_FINDING, Texts
from policyengine.request import texts
from policyengine.rules.load import load_text

FILES = {
    "bundle.yaml": """
        apiVersion: policyengine.dev/v1
        kind: Bundle
        name: reading
        version: 1.0.0
        defaults: {{llm.request: allow, tool.call: allow}}
        limits: {{{limits}}}
    """,
    "p.yaml": """
        apiVersion: policyengine.dev/v1
        kind: Policy
        metadata: {name: words, owner: me}
        on: [llm.request, tool.call]
        rules:
          - id: secret
            words: [secret]
            deny: No secrets.
    """,
}


def engine(find: Any, limits: str = "", **more: Any) -> Engine:
    files = {name: text.replace("{limits}", limits) for name, text in FILES.items()}
    files["bundle.yaml"] = files["bundle.yaml"].replace("{{", "{").replace("}}", "}")
    program = compile(check(load_text(files)))
    guard = SimpleNamespace(
        READS="texts", COST=1, SCHEMA={}, FINDING=TEXT_FINDING,
        normal=lambda value: value, build=lambda config: find, **more,
    )  # fmt: skip
    return Engine(program, guards={"words": guard})


def codes(decision: Any) -> list[str]:
    assert decision.verdict == "deny"
    return [error.code for error in decision.errors]


def request(**fields: Any) -> dict[str, Any]:
    return {"request": {"model": "m", **fields}}


def test_guards_know_whose_words_a_text_is() -> None:
    seen: dict[str, str] = {}

    def find(given: Texts) -> list[Any]:
        seen.update({text: given.source(field) for field, text in given})
        return []

    roles = ["developer", "user", "assistant", "tool", "function", "made-up", 3, None, ["user"]]
    messages = [{"role": role, "content": str(role)} for role in roles]
    given = request(
        system="be kind", messages=messages, inputs=["in"], memory=["past"],
        documents=[{"title": "t", "content": "doc"}],
        tools=[{"name": "x", "description": "tells"}],
    )  # fmt: skip
    engine(find).decide("llm.request", given)
    assert seen == {
        "be kind": "system", "developer": "system", "user": "user", "assistant": "assistant",
        "tool": "tool", "function": "tool", "made-up": "unknown", "3": "unknown",
        "None": "unknown", "['user']": "unknown", "in": "user", "past": "memory",
        "t": "document", "doc": "document", "tells": "tool",
    }  # fmt: skip


def test_names_in_arguments_are_read_and_cannot_be_redacted() -> None:
    found = texts({"a": {"k": {"secret": 1}}}, (("a", "**"),))
    assert [(each.field, each.text) for each in found] == [
        ("a#names", "k"),
        ("a.k#names", "secret"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * 101, "text-too-long"),
        ("a\0b", "unreadable-text"),
        ("half \ud83d", "unreadable-text"),
        ("caf\ufffd", "unreadable-text"),
        (3, "unreadable-text"),
    ],
    ids=["long", "binary", "surrogate", "replaced", "class"],
)
def test_what_cannot_be_read_restricts(text: Any, code: str) -> None:
    def find(given: Texts) -> list[Any]:
        assert list(given)
        return []

    decided = engine(find, "text_characters: 100").decide("llm.request", request(system=text))
    assert codes(decided) == [code]


def test_one_odd_character_in_a_long_text_can_be_read() -> None:
    decided = engine(lambda given: []).decide("llm.request", request(system="caf\ufffd " + "x" * 9))
    assert decided.allowed


def test_texts_end_at_the_deadline() -> None:
    def find(given: Texts) -> list[Any]:
        for _ in given:
            while given.deadline is not None and time.monotonic() <= given.deadline:
                time.sleep(0.005)
        return []

    decided = engine(find, "guard_milliseconds: 20").decide(
        "llm.request", request(inputs=["a", "b"])
    )
    assert codes(decided) == ["fact-timeout"]


def test_reading_many_texts_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count(0.0, 0.1)
    decider = engine(lambda given: [])
    monkeypatch.setattr("policyengine.engine.waiting.time.monotonic", lambda: next(seconds))
    assert decider.decide("llm.request", request(inputs=["a"] * 100)).verdict == "allow"
    assert codes(decider.decide("llm.request", request(inputs=["a"] * 10_000))) == ["fact-timeout"]


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_source_that_blocks_is_left_behind_at_the_deadline(stuck: threading.Event) -> None:
    def find(given: Texts) -> list[Any]:
        stuck.wait(60)
        return []

    blocked = engine(find, "guard_milliseconds: 20", BLOCKING=True)
    assert codes(blocked.decide("llm.request", request(system="a"))) == ["fact-timeout"]
    later = asyncio.run(blocked.adecide("llm.request", request(system="a")))
    assert codes(later) == ["fact-timeout"]


def test_a_source_that_blocks_answers_in_time() -> None:
    main = threading.get_ident()

    def find(given: Texts) -> list[Any]:
        if threading.get_ident() == main:
            raise AssertionError
        [(field, _)] = given
        return [{"type": "WORD", "field": field, "start": 0, "end": 1, "score": 1.0, "why": "x"}]

    blocking = engine(find, BLOCKING=True)
    assert blocking.decide("llm.request", request(system="a")).reasons[0].rule == "secret"
    later = asyncio.run(blocking.adecide("llm.request", request(system="a")))
    assert later.reasons[0].rule == "secret"


def test_what_fails_in_a_thread_is_an_error() -> None:
    def find(given: Texts) -> list[Any]:
        raise TimeoutError("the text")

    failing = engine(find, BLOCKING=True)
    for decided in (
        failing.decide("llm.request", request(system="a")),
        asyncio.run(failing.adecide("llm.request", request(system="a"))),
    ):
        assert codes(decided) == ["fact-failed"]
        assert "the text" not in str(decided.errors)


def test_what_must_be_awaited_ends_at_the_deadline() -> None:
    async def find(given: Texts) -> list[Any]:
        await asyncio.sleep(60)
        return []

    waiting = engine(find, "guard_milliseconds: 20")
    assert codes(asyncio.run(waiting.adecide("llm.request", request(system="a")))) == [
        "fact-timeout"
    ]

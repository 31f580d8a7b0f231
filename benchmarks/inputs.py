"""The requests that everything is measured on, in turn; some match and some do not."""

from __future__ import annotations

from typing import Any

_QUESTIONS = ("What is the capital of Peru?", "And of Chile?", "Thanks.", "Write a poem.")


def request(
    model: str, tier: str, tokens: int, region: str, turns: int = 4, **more: Any
) -> dict[str, Any]:
    """An input of `llm.request`, with the fields that the rules read."""
    messages = [{"role": "system", "content": "You are a helpful assistant."}] + [
        {"role": ("user", "assistant")[n % 2], "content": _QUESTIONS[(n // 2 + tokens) % 4]}
        for n in range(turns - 1)
    ]
    return {
        "request": {
            "endpoint": "chat.completions",
            "model": model,
            "max_tokens": tokens,
            "messages": messages,
            "stream": tier == "free",
        },
        "subject": {
            "id": "ada",
            "tier": tier,
            "team": more.get("team", "platform"),
            "groups": ["dev", "oncall"],
        },
        "route": {"tier": "standard", "provider": "anthropic", "region": region},
        "context": {"environment": more.get("environment", "production")},
    }


REQUESTS = (
    request("claude-sonnet-4-5", "pro", 4000, "eu"),
    request("gpt-5-mini", "free", 1500, "us"),
    request("claude-haiku-4-5", "free", 8001, "us"),
    request("claude-opus-4-1", "trial", 300, "eu"),
    request("vendor-7/large", "pro", 2400, "eu"),
    request("mistral-medium", "enterprise", 32002, "apac"),
)


def long(shift: int, last: str) -> dict[str, Any]:
    """A request with 100 messages and 100 ints: all from 0 to 100 but one, which `shift` picks."""
    made = request("claude-sonnet-4-5", "pro", 4000 + shift, "eu", turns=100)
    made["request"]["messages"][-1]["content"] = last
    return {**made, "numbers": [(n * 37 + shift) % 101 for n in range(100)]}


# Without 64, without 1, without 100.
LONG = (long(0, "And of Chile?"), long(38, "And of Ecuador?"), long(36, "And of Chile?"))

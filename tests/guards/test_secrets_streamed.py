"""Secrets in answers that come in pieces: found whole, and held back no longer than they go on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policyengine
from policyengine.guards import secrets
from policyengine.rules.check import check
from policyengine.rules.load import load_text

FIELD = "response.choices[0].content"
INPUT = {"request": {"model": "m"}, "response": {"choices": [{"index": 0, "content": ""}]}}
FILES = {
    "bundle.yaml": """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {llm.response: allow}
""",
    "p.yaml": """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.response]
rules:
  - id: secrets
    secrets: all
    redact: label
""",
}
ENGINE = policyengine.Engine(policyengine.compile(check(load_text(FILES))))
BODY = "".join(f"{chr(65 + n % 26)}{n * 7919 % 100_000:05}x/+qR\n" for n in range(120))
PEM = f"-----BEGIN PRIVATE KEY-----\n{BODY}-----END PRIVATE KEY-----"
PUTTY = f"PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 9\n{BODY}Private-MAC: {'a1' * 20}\n"
PARTS = [
    "some words, and more of them. ", " ", "\n", "password = hunter2!x ", "token: ",
    "AKIA2E0A8F3B244C9986", "ghp_" + "a1B2c3D4e5" * 3 + "f6", PEM, "-----BEGIN ",
    "-----BEGIN CERTIFICATE-----\nabc", "https://user:s3cr3t!pw@host/ ", "eyJ" + "aB3_" * 60,
    '"api_key": "9fK2mQ8xZ1pL7vB4"', "password: ", "password:\n  Tr0ub4dor&3xy ",
    'password: str = "',
    PEM.partition("-----END")[0] + "\n\nso. ", PUTTY, PUTTY[:-20] + "\n\n", "pass\u200bword=a1!B2 ",
]  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PARTS), max_size=25), st.integers(1, 60))
def test_a_stream_sends_what_the_whole_would_be(parts: list[str], size: int) -> None:
    text = "".join(parts)
    whole = ENGINE.decide(
        "llm.response",
        {**INPUT, "response": {"choices": [{"index": 0, "content": text}]}},
    )
    stream = ENGINE.stream("llm.response", INPUT, field=FIELD)
    sent = "".join(stream.feed(text[at : at + size]) for at in range(0, len(text), size))
    assert sent + stream.close() == whole.content.get(FIELD, text)


def test_plain_text_does_not_wait_for_the_longest_key() -> None:
    stream = ENGINE.stream("llm.response", INPUT, field=FIELD)
    sent = "".join(stream.feed("some words. ") for _ in range(500))
    assert len(sent) > 6_000 - 2_500


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", 0),
        ("words ", 6),
        ("words and", 6),
        (f"a {PEM} ", len(PEM) + 3),
        (f"a {PEM[:-4]}", 2),
        (f"a {PEM[:900]}", 2),
        ("a -----BEGIN PRIV", 2),
        ("a -----BEGIN CERTIFICATE-----\n" + "x y " * 50, 230),
        (f"a {PUTTY} ", len(PUTTY) + 3),
        (f"a {PUTTY[:-9]}", 2),
        ("a PuTTY-User-Key", 2),
        ("x" * 20_000, 20_000 - 16_384),
    ],
)
def test_what_is_unfinished(text: str, place: int) -> None:
    assert secrets.build(secrets.normal("all")).unfinished(text) == place  # type: ignore[attr-defined]

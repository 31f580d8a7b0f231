"""Streams against decisions on whole texts: what is sent is what would have been sent at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policyengine
from policyengine.engine.places import path_of, placed, steps
from policyengine.engine.stream import MARGIN, Stream
from policyengine.engine.tail import Units
from policyengine.errors import FactError
from policyengine.guards import words
from policyengine.rules.check import check
from policyengine.rules.load import load_text

NOW = datetime(2024, 2, 29, tzinfo=UTC)
FIELD = "response.choices[0].content"
KEYS = {"k": b"a key for tests only"}


def engine(rules: str, default: str = "allow", limits: str = "{}", **more: Any) -> Any:
    manifest = f"""\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {{llm.response: {default}}}
limits: {limits}
"""
    policy = f"""\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {{name: p}}
on: [llm.response]
rules:
{rules}
"""
    files = {"bundle.yaml": manifest, "p.yaml": policy}
    return policyengine.Engine(policyengine.compile(check(load_text(files))), keys=KEYS, **more)


def answer(text: str = "", model: str = "m", **more: Any) -> dict[str, Any]:
    choices = [{"index": 0, "role": "assistant", "content": text}]
    return {"request": {"model": model}, "response": {"choices": choices}, **more}


def streamed(stream: Stream, chunks: Sequence[str]) -> str:
    return "".join(map(stream.feed, chunks)) + stream.close()


def pieces_of(text: str, sizes: Sequence[int]) -> Iterator[str]:
    at = turn = 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        yield text[at : at + size]
        at += size
        turn += 1


class Guard:
    """A guard `words` whose findings are the matches of a pattern, at most `holdback` long."""

    READS, SCHEMA, COST, FINDING = words.READS, words.SCHEMA, words.COST, words.FINDING
    normal = staticmethod(words.normal)

    def __init__(self, pattern: str, holdback: int | None, error: Exception | None = None) -> None:
        self.pattern = re.compile(pattern)
        self.HOLDBACK = holdback
        self.error = error
        self.read = 0

    def build(self, config: Any) -> Callable[[Any], Any]:
        def find(texts: Any) -> Any:
            found = []
            for field, text in texts:
                self.read += len(text)
                if self.error is not None and text:
                    raise self.error
                for match in self.pattern.finditer(text):
                    where = {"start": match.start(), "end": match.end(), "field": field}
                    found.append({"type": "WORD", "score": 1.0, "why": "", **where})
            return found

        return find


REDACT = """\
  - id: mask
    words: {any: [ab, abba, "b a", acab], match: word}
    redact: {with: label}
  - id: other
    words: {any: [bb, "a ca"], match: phrase}
    redact: {with: %s}
  - id: anywhere
    words: {any: ["cc"], match: substring}
    redact: {with: %s}
"""
TEXTS = st.text(alphabet="abbc   .\n\u200b\u0301\uff41", max_size=120)
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=5)
STYLED = {style: engine(REDACT % style) for style in [
    ("pseudonym", "remove"), ("mask", "last4"), ("hash", "format"), ("keep", "label")]}  # fmt: skip


@settings(max_examples=150)
@given(st.lists(st.sampled_from(["ab", "abba", " ", "b a", "cc", "x", ". ", "  \n", "a"]),
                max_size=150).map("".join) | TEXTS,
       SIZES, st.sampled_from(sorted(STYLED)))  # fmt: skip
def test_a_stream_sends_what_the_whole_would_be(text: str, sizes: list[int], style: Any) -> None:
    whole = STYLED[style].decide("llm.response", answer(text), now=NOW)
    stream = STYLED[style].stream("llm.response", answer(), field=FIELD, now=NOW)
    assert streamed(stream, list(pieces_of(text, sizes))) == whole.content.get(FIELD, text)
    assert stream.decision == whole


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["ab", "abba", " ", "b a", "x yz ", ". "]), max_size=80), SIZES)
def test_nothing_found_is_ever_sent(words: list[str], sizes: list[int]) -> None:
    text = "".join(words)
    stream = ONLY.stream("llm.response", answer(), field=FIELD)
    sent = ""
    for chunk in pieces_of(text, sizes):
        sent += stream.feed(chunk)
        assert not re.search(r"(?<!\w)(ab|abba)(?!\w)", sent)
    sent += stream.close()
    assert "x yz" not in text or "x yz" in sent or "ab" in text


ONLY = engine("  - id: r\n    words: [ab, abba]\n    redact: {with: remove}\n")


def test_much_between_two_words_does_not_bring_them_apart() -> None:
    one = engine('  - id: r\n    words: {any: ["top secret"], match: phrase}\n    redact: mask\n')
    for between in [" " * 5_000, "\n \u200b" * 900, "-" * 3_000, "\u0301" * 2_000]:
        text = f"{'so ' * 99}top{between}secret{' and' * 99}"
        stream = one.stream("llm.response", answer(), field=FIELD)
        sent = streamed(stream, list(pieces_of(text, [7])))
        whole = one.decide("llm.response", answer(text))
        assert sent == whole.content.get(FIELD, text)
        assert "secret" not in sent or "*" not in whole.content.get(FIELD, "")


def test_text_is_sent_before_the_end() -> None:
    stream = ONLY.stream("llm.response", answer(), field=FIELD)
    assert stream.holdback is not None
    sent = "".join(stream.feed("word ") for _ in range(200))
    assert len(sent) > 1_000 - 4 * stream.holdback
    assert sent + stream.close() == "word " * 200


def test_each_character_is_looked_at_a_few_times_only() -> None:
    read = {}
    for length in (20_000, 80_000):
        guard = Guard("needle", 10)
        one = engine("  - id: r\n    words: [x]\n    redact: mask\n", guards={"words": guard})
        stream = one.stream("llm.response", answer(), field=FIELD)
        streamed(stream, ["abc "] * (length // 4))
        read[length] = guard.read / length
    assert read[80_000] < 9
    assert read[80_000] < 1.1 * read[20_000]


DENY = """\
  - id: model
    when: request.model == "bad"
    deny: model
  - id: words
    words: [secret]
    deny: words
"""


def test_rules_that_are_not_about_text_decide_before_it() -> None:
    stream = engine(DENY).stream("llm.response", answer(model="bad"), field=FIELD)
    stream.open()
    assert stream.ended
    assert stream.decision is not None
    assert [reason.rule for reason in stream.decision.reasons] == ["model"]
    assert stream.feed("a") == stream.close() == ""


def test_a_finding_that_denies_ends_the_stream() -> None:
    stream = engine(DENY).stream("llm.response", answer(), field=FIELD)
    sent = [stream.feed(word + " ") for word in ["ok"] * 100 + ["secret"] + ["ok"] * 200]
    assert stream.decision is not None
    assert stream.decision.verdict == "deny"
    assert stream.decision.reasons[0].evidence[0]["start"] == 300
    assert "ok" in "".join(sent)
    assert "secret" not in "".join(sent)
    assert stream.close() == ""
    assert not "".join(sent[-50:])


def test_a_finding_at_the_very_end_denies_at_the_end() -> None:
    stream = engine(DENY).stream("llm.response", answer(), field=FIELD)
    stream.feed("this is secret")
    assert not stream.ended
    assert stream.close() == ""
    assert stream.decision is not None
    assert not stream.decision.allowed


@pytest.mark.parametrize(
    ("rules", "default"),
    [
        ('  - id: r\n    when: size(words(["disclaimer"])) == 0\n    deny: missing\n', "allow"),
        ("  - id: r\n    words: [disclaimer]\n    allow: yes\n", "deny"),
        ('  - id: r\n    unless: size(words(["disclaimer"])) > 0\n    deny: missing\n', "allow"),
    ],
)
def test_what_is_not_allowed_yet_waits(rules: str, default: str) -> None:
    rules = rules.replace("allow: yes", 'allow: "yes"')
    for text, allowed in [
        ("word " * 99 + "disclaimer" + " word" * 99, True),
        ("word " * 99, False),
    ]:
        stream = engine(rules, default).stream("llm.response", answer(), field=FIELD)
        before = "".join(map(stream.feed, pieces_of(text[:500], [9])))
        rest = "".join(map(stream.feed, pieces_of(text[500:], [9])))
        assert before == ""
        assert bool(rest) is allowed
        assert rest + stream.close() == (text if allowed else "")


@pytest.mark.parametrize(
    "condition",
    [
        'response.choices[0].content.contains("x")',
        'response.choices.exists(c, c.content == "x")',
        "size(words(['y'])) > 0 && response.choices[0].content.size() > 9",
    ],
)
def test_rules_that_read_the_text_themselves_hold_all_of_it(condition: str) -> None:
    one = engine(f"  - id: r\n    when: {condition}\n    deny: r\n")
    stream = one.stream("llm.response", answer(), field=FIELD)
    assert (stream.holdback, stream.held_by) == (None, ("rules",))
    assert stream.feed("hello " * 100) == ""
    assert stream.close() == "hello " * 100


def test_a_guard_without_a_bound_holds_all() -> None:
    one = engine(DENY, guards={"words": Guard("secret", None)})
    stream = one.stream("llm.response", answer(), field=FIELD)
    assert stream.held_by == ("words",)
    assert stream.feed("hello " * 100) == ""
    assert stream.close() == "hello " * 100


def test_a_rule_that_counts_may_come_too_late_and_then_denies() -> None:
    one = engine('  - id: r\n    when: size(words(["ab"])) > 1\n    redact: mask\n')
    stream = one.stream("llm.response", answer(), field=FIELD)
    sent = "".join(map(stream.feed, ["ab "] + ["word "] * 99 + ["ab "] + ["word "] * 99))
    assert stream.close() == ""
    assert stream.decision is not None
    assert stream.decision.verdict == "deny"
    assert stream.decision.reasons[-1].code == "not-redactable"
    assert sent.count("ab") == 1


@pytest.mark.parametrize(
    "guard",
    [
        Guard("x", 5, FactError("f", "failed")),
        Guard("x", 5, RuntimeError("quotes secrets")),
    ],
)
@pytest.mark.parametrize("effect", ["deny: r", "redact: mask"])
def test_a_guard_that_fails_ends_the_stream(guard: Guard, effect: str) -> None:
    rules = f"  - id: r\n    words: [x]\n    {effect}\n"
    stream = engine(rules, guards={"words": guard}).stream("llm.response", answer(), field=FIELD)
    sent = "".join(stream.feed("hello ") for _ in range(100))
    assert sent == ""
    assert stream.decision is not None
    assert not stream.decision.allowed
    assert "secrets" not in stream.decision.to_json()


@pytest.mark.parametrize("text", ["a\0b" + " word" * 99, "\udc00 " + "word " * 99])
def test_what_cannot_be_read_ends_the_stream(text: str) -> None:
    stream = ONLY.stream("llm.response", answer(), field=FIELD)
    assert streamed(stream, list(pieces_of(text, [11]))) == ""
    assert stream.decision is not None
    assert not stream.decision.allowed


def test_halves_of_a_character_come_together() -> None:
    text = "smile \U0001f600 and \U0001f601" + " word" * 50
    halves = [text[:6], "\ud83d", "\ude00 and \ud83d", "\ude01" + " word" * 50]
    stream = ONLY.stream("llm.response", answer(), field=FIELD, now=NOW)
    assert streamed(stream, halves) == text
    assert stream.decision == ONLY.decide("llm.response", answer(text), now=NOW)


def test_more_than_guards_read_ends_the_stream() -> None:
    one = engine(DENY, limits="{text_characters: 1000}")
    stream = one.stream("llm.response", answer(), field=FIELD)
    sent = "".join(stream.feed("hello ") for _ in range(400))
    assert stream.decision is not None
    assert stream.decision.verdict == "deny"
    assert len(sent) <= 1_000


def test_without_guards_text_goes_through() -> None:
    one = engine('  - id: r\n    when: request.model == "bad"\n    deny: r\n')
    stream = one.stream("llm.response", answer(), field=FIELD, now=NOW)
    assert [stream.feed(text) for text in ["a", "bc", ""]] == ["a", "bc", ""]
    assert stream.close() == ""
    assert stream.decision == one.decide("llm.response", answer("abc"), now=NOW)


@settings(max_examples=80)
@given(st.lists(st.sampled_from(["KEY[", "]", "x", "ab ", ". ", "words and more of them "]),
                max_size=60).map("".join), SIZES)  # fmt: skip
def test_what_has_begun_is_held_back_until_it_ends(text: str, sizes: list[int]) -> None:
    whole = LONG_KEYS.decide("llm.response", answer(text), now=NOW)
    stream = LONG_KEYS.stream("llm.response", answer(), field=FIELD, now=NOW)
    assert streamed(stream, list(pieces_of(text, sizes))) == whole.content.get(FIELD, text)
    assert stream.decision == whole


class LongKeys(Guard):
    """A guard whose findings end where they end, and are seen to begin."""

    def build(self, config: Any) -> Any:
        find = super().build(config)

        def unfinished(text: str) -> int:
            at = text.rfind("KEY[")
            return len(text) if at < 0 or "]" in text[at:] else at

        find.unfinished = unfinished  # type: ignore[attr-defined]
        return find


LONG_KEYS = engine(
    "  - id: r\n    words: [x]\n    redact: label\n",
    guards={"words": LongKeys(r"KEY\[[^\[\]]*\]", 4)},
)


def test_a_guard_that_cannot_say_what_has_begun_holds_all() -> None:
    class Crashing(Guard):
        def build(self, config: Any) -> Any:
            find = super().build(config)
            find.unfinished = lambda text: text.no_such_method()  # type: ignore[attr-defined]
            return find

    one = engine(DENY, guards={"words": Crashing("secret", 4)})
    stream = one.stream("llm.response", answer(), field=FIELD)
    assert "".join(stream.feed("hello ") for _ in range(200)) == ""
    assert stream.close() == "hello " * 200


def test_questions_that_are_not_asked_hold_nothing_up() -> None:
    rules = '  - id: r\n    when: request.model == "x"\n    words: [a]\n    deny: r\n'
    stream = engine(rules).stream("llm.response", answer(), field=FIELD)
    sent = "".join(stream.feed("hello ") for _ in range(2_000))
    assert len(sent) > 12_000 - 500


def test_what_goes_on_for_long_is_not_read_over_and_over() -> None:
    read = {}
    for length in (4_000, 16_000):
        guard = LongKeys(r"KEY\[[^\[\]]*\]", 4)
        rules = "  - id: r\n    words: [x]\n    redact: label\n"
        stream = engine(rules, guards={"words": guard}).stream(
            "llm.response", answer(), field=FIELD
        )
        assert streamed(stream, ["KEY[", *["x y "] * (length // 4), "]"]) == "[WORD]"
        read[length] = guard.read / length
    assert read[16_000] < 10
    assert read[16_000] < 1.3 * read[4_000]


class Later(Guard):
    """A guard that sees, in a text that ends with `!`, more of what it has seen before."""

    def __init__(self) -> None:
        super().__init__("", 8)

    def build(self, config: Any) -> Callable[[Any], Any]:
        def find(texts: Any) -> Any:
            found = []
            for field, text in texts:
                for match in re.finditer("secret .{6}", text):
                    end = len(text) if text.endswith("!") else match.start() + 6
                    where = {"start": match.start(), "end": end, "field": field}
                    found.append({"type": "WORD", "score": 1.0, "why": "", **where})
            return found

        return find


def test_what_turns_out_to_be_longer_is_removed_to_its_end() -> None:
    decider = engine("  - {id: r, words: [a], redact: {with: remove}}", guards={"words": Later()})
    ends = set()
    for before in range(40):
        stream = decider.stream("llm.response", answer(), field=FIELD)
        sent = streamed(stream, list("a" * before + " secret " + "x1y2 " * 20 + "z9!"))
        assert "secret" not in sent
        assert "z9" not in sent
        assert stream.decision is not None
        ends.add(stream.decision.verdict)
    # Where no more was sent than what came before the finding and what stands for it.
    assert ends == {"allow", "deny"}


def test_what_was_sent_of_a_finding_must_not_be_more_than_the_whole_allows() -> None:
    rules = """\
  - {id: r, words: [a], redact: {with: last4}}
  - {id: many, when: 'size(words(["a"])) > 1', redact: {with: remove}}"""
    guard = Guard("acme-12345678", 20)
    stream = engine(rules, guards={"words": guard}).stream("llm.response", answer(), field=FIELD)
    stream.feed("acme-12345678 " + "and so on " * 40)
    stream.feed("acme-12345678 " + "and so on " * 40)
    stream.close()
    assert stream.decision is not None
    assert not stream.decision.allowed


def test_other_texts_of_the_input_count_from_the_start() -> None:
    input = answer()
    input["response"]["choices"].append({"index": 1, "content": "a secret"})
    stream = engine(DENY).stream("llm.response", input, field=FIELD)
    stream.open()
    assert stream.ended


def test_awaiting_is_the_same() -> None:
    text = "ab " + "word " * 80 + "abba"

    async def run() -> tuple[str, Any]:
        stream = ONLY.stream("llm.response", answer(), field=FIELD, now=NOW)
        await stream.aopen()
        sent = [await stream.afeed(chunk) for chunk in pieces_of(text, [5])]
        return "".join([*sent, await stream.aclose()]), stream.decision

    stream = ONLY.stream("llm.response", answer(), field=FIELD, now=NOW)
    now = streamed(stream, list(pieces_of(text, [5])))
    assert asyncio.run(run()) == (now, stream.decision)


@pytest.mark.parametrize("call", [lambda stream: stream.aopen(), lambda stream: stream.afeed("a")])
def test_who_is_cancelled_while_opening_asks_again(call: Any) -> None:
    class Slow(Guard):
        waits = True

        def build(self, config: Any) -> Callable[[Any], Any]:
            find = super().build(config)

            async def later(texts: Any) -> Any:
                if self.waits:
                    await asyncio.Event().wait()
                return find(texts)

            return later

    async def run() -> tuple[str, Stream]:
        guard = Slow("acme", 8)
        two = answer()
        two["response"]["choices"].append({"index": 1, "role": "assistant", "content": "acme"})
        rules = "  - {id: r, words: [a], deny: no}"
        stream = engine(
            rules, "allow", "{guard_milliseconds: 60000}", guards={"words": guard}
        ).stream("llm.response", two, field=FIELD)
        opening = asyncio.ensure_future(call(stream))
        await asyncio.sleep(0.01)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        guard.waits = False
        return await stream.afeed("and so on " * 40), stream

    sent, stream = asyncio.run(run())
    assert sent == ""
    assert stream.decision is not None
    assert stream.decision.verdict == "deny"


def test_a_missing_key_ends_the_stream_with_the_reason() -> None:
    rules = "  - id: r\n    words: [ab]\n    redact: token\n"
    stream = engine(rules).stream("llm.response", answer(), field=FIELD)
    sent = streamed(stream, ["ab "] + ["word "] * 99)
    assert sent == ""
    assert stream.decision is not None
    assert "Engine(vault=...)" in stream.decision.reasons[-1].admin


@pytest.mark.parametrize(
    "finding",
    [{"start": -1, "end": 3}, {"start": 0, "end": 10**6}, {"start": 2, "end": 2}, {"start": 0}],
)
def test_findings_outside_of_the_text_are_errors(finding: dict[str, int]) -> None:
    class Wrong(Guard):
        def build(self, config: Any) -> Any:
            where = {"type": "WORD", "field": FIELD, "score": 1.0, "why": "", **finding}
            return lambda texts: [where] if any(text for _, text in texts) else []

    rules = "  - id: r\n    words: [x]\n    redact: mask\n"
    one = engine(rules, guards={"words": Wrong("x", 5)})
    stream = one.stream("llm.response", answer(), field=FIELD)
    assert streamed(stream, ["hello "] * 99) == ""
    assert stream.decision is not None
    assert not stream.decision.allowed


@pytest.mark.parametrize("field", ["response.model", "", "response", "response.choices[0]",
                                   "response.choices[1].content", ".response", "a..b",
                                   'response.choices[0]["content"]'])  # fmt: skip
def test_only_a_text_can_be_streamed(field: str) -> None:
    with pytest.raises(ValueError, match=r"field|no text"):
        ONLY.stream("llm.response", answer(), field=field)


@pytest.mark.parametrize("point", ["llm.answer", "llm.request"])
def test_unknown_points_and_inputs_are_refused(point: str) -> None:
    input: Any = answer() if point == "llm.answer" else []
    stream = ONLY.stream(point, input, field=FIELD)
    assert stream.feed("text") == ""
    assert stream.decision is not None
    assert stream.decision.verdict == "deny"


@given(st.lists(st.text(alphabet="ab1 ._\u0301é", max_size=6)))
def test_units_are_counted_alike_however_a_text_comes(chunks: list[str]) -> None:
    one, all_at_once = Units(), Units()
    for chunk in chunks:
        if chunk:
            one.add(chunk)
    whole = "".join(chunks)
    if whole:
        all_at_once.add(whole)
    assert one.count == all_at_once.count == len(re.findall(r"[^\W_]|[\W_]+", whole))
    assert one.settled(3) == all_at_once.settled(3)


def test_fields_have_one_name() -> None:
    assert steps('tool.arguments["a b"][0].c') == ("tool", "arguments", "a b", 0, "c")
    paths = [("tool", "arguments", "**"), ("a", "[]")]
    assert path_of(("tool", "arguments", "a b", 0), paths) == paths[0]
    assert path_of(("a", "b"), paths) is None
    assert placed({"a": ["x", "y"]}, ("a", 1), "z") == {"a": ["x", "z"]}


def test_the_margin_is_added_to_what_guards_ask_for() -> None:
    stream = engine(DENY, guards={"words": Guard("x", 100)}).stream(
        "llm.response", answer(), field=FIELD
    )
    assert stream.holdback == 100 + MARGIN

"""Answers in OpenAI's format that come in chunks, and the chunks that may be sent on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, Protocol

from policyengine.decision import Decision, Reason
from policyengine.integrations._arguments import strings
from policyengine.integrations._openai import (
    SPOKEN,
    Body,
    FormatError,
    a_list,
    a_mapping,
    a_text,
    bounded,
    word,
)

FIELD: Final = "response.choices[0].content"
# Characters of the arguments of all calls of a choice.
MAX_ARGUMENTS: Final = 1_000_000
MAX_CALLS: Final = 1_000
MAX_CHOICES: Final = 128

_ENVELOPE: Final = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_CHANNELS: Final = ("content", *SPOKEN)
_DELTA_FIELDS: Final = frozenset({"role", "tool_calls", "function_call", *_CHANNELS})
_NO_PLACE: Final = Reason(
    code="not-redactable",
    effect="deny",
    message="something must be redacted in the arguments of a call, where that is impossible",
)
_WITHHELD: Final = "The rest of the answer was withheld."


class Streaming(Protocol):
    """What is needed of a stream of the engine."""

    decision: Decision | None

    @property
    def ended(self) -> bool: ...

    def feed(self, text: str) -> str: ...

    async def afeed(self, text: str) -> str: ...

    def close(self, input: Mapping[str, Any] | None = None) -> str: ...

    async def aclose(self, input: Mapping[str, Any] | None = None) -> str: ...


class _Feed(NamedTuple):
    stream: Streaming
    text: str


class _Close(NamedTuple):
    stream: Streaming
    input: Mapping[str, Any] | None


Chunk = dict[str, Any]
Work = Generator[_Feed | _Close, str, Any]
"""Work that waits for what streams let through."""


@dataclass(slots=True)
class _Choice:
    """One alternative of an answer, as far as it has come."""

    index: int
    streams: dict[str, Streaming] = field(default_factory=dict)
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    function_call: dict[str, Any] | None = None
    role: str = "assistant"
    size: int = 0
    over: bool = False
    refused: bool = False


class AnswerStream:
    """Chunks that may be sent on, of chunks as they come; sync or async as the chunks are.

    `decisions` has one for each choice that has ended, by its index; `allowed` is whether all of
    them are. A choice that is refused ends with the message of the rule as `refusal`, and the
    finish reason `content_filter`. Raises `FormatError` while it is read.
    """

    def __init__(
        self,
        chunks: Any,
        open_stream: Callable[[Mapping[str, Any]], Streaming],
        respond: Callable[[Body], dict[str, Any]],
        n: int,
    ) -> None:
        self.decisions: dict[int, Decision] = {}
        self._chunks = chunks
        self._open_stream = open_stream
        self._respond = respond
        self._n = n
        self._choices: dict[int, _Choice] = {}
        self._envelope: Chunk = {}
        self._unscanned: dict[tuple[str, str], None] = {}

    @property
    def allowed(self) -> bool:
        """Whether every choice that has ended was allowed."""
        return all(decision.allowed for decision in self.decisions.values())

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._chunks:
            yield from self._now(self._passed(chunk))
            if self._is_over:
                return
        yield from self._now(self._rest())

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        async for chunk in self._chunks:
            for passed in await self._later(self._passed(chunk)):
                yield passed
            if self._is_over:
                return
        for passed in await self._later(self._rest()):
            yield passed

    @staticmethod
    def _now(work: Work) -> list[Chunk]:
        try:
            wanted = next(work)
            while True:
                match wanted:
                    case _Feed(stream, text):
                        wanted = work.send(stream.feed(text))
                    case _Close(stream, input):
                        wanted = work.send(stream.close(input))
        except StopIteration as end:
            return list(end.value)

    @staticmethod
    async def _later(work: Work) -> list[Chunk]:
        try:
            wanted = next(work)
            while True:
                match wanted:
                    case _Feed(stream, text):
                        wanted = work.send(await stream.afeed(text))
                    case _Close(stream, input):
                        wanted = work.send(await stream.aclose(input))
        except StopIteration as end:
            return list(end.value)

    @property
    def _is_over(self) -> bool:
        """Whether nothing more may come that could be sent: the rest need not be paid for."""
        ended = [choice for choice in self._choices.values() if choice.over]
        return len(ended) >= self._n and all(choice.refused for choice in ended)

    def _passed(self, chunk: Any) -> Work:
        """What may be sent for a chunk."""
        bounded(chunk)
        self._envelope = {name: chunk[name] for name in _ENVELOPE if name in chunk}
        found: list[Chunk] = []
        for value in a_list(chunk.get("choices"), "choices"):
            found += yield from self._chosen(a_mapping(value, "choices[]"))
        if isinstance(chunk.get("usage"), Mapping):
            usage = dict(chunk["usage"])
            if found:
                found[-1]["usage"] = usage
            else:
                found.append({**self._envelope, "choices": [], "usage": usage})
        return found

    def _rest(self) -> Work:
        """What may be sent of choices that were cut off."""
        found: list[Chunk] = []
        for choice in self._choices.values():
            if not choice.over:
                found += yield from self._finished(choice, None)
        return found

    def _chosen(self, value: Body) -> Work:
        index = value.get("index", 0)
        if type(index) is not int or not 0 <= index < MAX_CHOICES:
            raise FormatError("`choices[].index` is not a position")
        choice = self._choices.setdefault(index, _Choice(index))
        delta = a_mapping(value.get("delta") or {}, "choices[].delta")
        texts = {name: delta[name] for name in _CHANNELS if delta.get(name)}
        if choice.over:
            if (texts or delta.get("tool_calls")) and not choice.refused:
                raise FormatError("a choice goes on after its end")
            return []
        self._gather(choice, delta)
        sent: Chunk = {}
        if isinstance(delta.get("role"), str):
            choice.role = delta["role"]
            sent = {"role": choice.role, "content": ""}
        for name, text in texts.items():
            stream = self._stream(choice, name)
            passed = yield _Feed(stream, a_text(text, f"choices[].delta.{name}"))
            if stream.decision is not None:
                return self._refused(choice, stream.decision)
            if passed:
                sent[name] = passed
        found = [self._chunk(choice, sent)] if sent else []
        if value.get("finish_reason") is not None:
            reason = a_text(value["finish_reason"], "choices[].finish_reason")
            found += yield from self._finished(choice, reason)
        return found

    def _stream(self, choice: _Choice, name: str) -> Streaming:
        if name not in choice.streams:
            message = {"role": choice.role, "content": ""}
            choice.streams[name] = self._open_stream(self._input(choice, message, None))
        return choice.streams[name]

    def _finished(self, choice: _Choice, reason: str | None) -> Work:
        """The rest of a choice, if all of it may be sent.

        What is said beside the content is decided on by itself; the decision on the content is the
        one on the choice, with its calls.
        """
        sent: Chunk = {}
        for name in sorted(choice.streams.keys() | {"content"}, key=lambda name: name == "content"):
            stream = self._stream(choice, name)
            input = (
                self._input(choice, self._message(choice), reason) if name == "content" else None
            )
            rest = yield _Close(stream, input)
            decision = stream.decision
            assert decision is not None
            # The arguments of a call are JSON, in which a redacted text has no place.
            if not decision.allowed or set(decision.content) - {FIELD}:
                return self._refused(choice, decision)
            self.decisions[choice.index] = decision
            if rest:
                sent[name] = rest
        choice.over = True
        if choice.calls:
            calls = sorted(choice.calls.items())
            sent["tool_calls"] = [{"index": number, **call} for number, call in calls]
        if choice.function_call is not None:
            sent["function_call"] = choice.function_call
        found = [self._chunk(choice, sent)] if sent else []
        return [*found, self._chunk(choice, {}, reason)] if reason is not None else found

    def _refused(self, choice: _Choice, decision: Decision) -> list[Chunk]:
        choice.over = choice.refused = True
        if decision.allowed:
            decision = replace(decision, verdict="deny", reasons=(*decision.reasons, _NO_PLACE))
        self.decisions[choice.index] = decision
        said = [r.message for r in decision.reasons if r.effect in {"deny", "require_approval"}]
        refusal = next((message for message in said if message), _WITHHELD)
        return [self._chunk(choice, {"refusal": refusal}, "content_filter")]

    def _chunk(self, choice: _Choice, delta: Chunk, reason: str | None = None) -> Chunk:
        made = {"index": choice.index, "delta": delta, "finish_reason": reason}
        return {**self._envelope, "choices": [made]}

    def _message(self, choice: _Choice) -> dict[str, Any]:
        message: dict[str, Any] = {"role": choice.role, "content": ""}
        if choice.calls:
            message["tool_calls"] = [call for _, call in sorted(choice.calls.items())]
        if choice.function_call is not None:
            message["function_call"] = choice.function_call
        return message

    def _input(self, choice: _Choice, message: Body, reason: str | None) -> dict[str, Any]:
        one = {"index": choice.index, "message": message, "finish_reason": reason}
        model = {"model": self._envelope["model"]} if "model" in self._envelope else {}
        input = self._respond({**model, "choices": [one]})
        input["response"]["choices"][0]["index"] = choice.index
        input["response"]["unscanned"] += [
            {"kind": kind, "where": where} for kind, where in self._unscanned
        ]
        return input

    def _gather(self, choice: _Choice, delta: Body) -> None:
        """Keeps the parts of calls, and notes what is not read, which is not sent."""
        for value in a_list(delta.get("tool_calls") or [], "choices[].delta.tool_calls"):
            part = a_mapping(value, "choices[].delta.tool_calls[]")
            number = part.get("index", 0)
            if type(number) is not int or not 0 <= number < MAX_CALLS:
                raise FormatError("`tool_calls[].index` is not a position")
            _added(choice, choice.calls.setdefault(number, {}), part)
        if delta.get("function_call") is not None:
            if choice.function_call is None:
                choice.function_call = {}
            part = a_mapping(delta["function_call"], "choices[].delta.function_call")
            _added(choice, choice.function_call, part)
        for name, value in delta.items():
            if name not in _DELTA_FIELDS and any(text.strip() for text in strings(value)):
                self._unscanned["unknown_field", f"choices[].delta.{word(name)}"] = None


def _added(choice: _Choice, call: dict[str, Any], part: Body) -> None:
    """Adds a part to a call: names and arguments come in pieces, all else at once."""
    for name, value in part.items():
        if name == "index" or value is None:
            continue
        if isinstance(value, Mapping):
            inner = call.setdefault(name, {})
            if not isinstance(inner, dict):
                raise FormatError("a part of a call is of another kind than before")
            _added(choice, inner, value)
        elif isinstance(value, str):
            choice.size += len(value)
            if choice.size > MAX_ARGUMENTS:
                raise FormatError(f"the calls have more than {MAX_ARGUMENTS:,} characters")
            before = call.get(name, "")
            grows = name in {"arguments", "input", "name"}
            call[name] = f"{before}{value}" if grows else value
        elif isinstance(value, Iterable):
            raise FormatError("a part of a call is a list")
        else:
            call[name] = value

"""Reading bodies in OpenAI's format: messages, parts, items, calls and results.

A `Reading` gathers what a body says. Whatever is text for a model ends in its messages, inputs,
tools or instructions; whatever is not text, or not known here, has its place noted in `unscanned`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policyengine.errors import PolicyEngineError
from policyengine.integrations._arguments import depth, parse, strings

MAX_DEPTH = 100

_WORD = re.compile(r"[A-Za-z0-9_.\-]{1,64}")

Where = str
Body = Mapping[str, Any]
Unscanned = list[dict[str, str]]


class FormatError(PolicyEngineError, ValueError):
    """A body is not of a shape that this module knows. Names the place, never quotes the text."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool: its arguments as an object."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gave back: its texts, and what of it is not text."""

    call_id: str
    name: str
    texts: list[str]
    unscanned: Unscanned


@dataclass(slots=True)
class Reading:
    """What a body says, gathered while it is read."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    system: list[str] | None = None
    unscanned: Unscanned = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def miss(self, kind: Any, where: Where) -> None:
        """Note that something at this place is not read as text."""
        self.unscanned.append({"kind": word(kind), "where": where})

    def unknown(self, source: Body, known: frozenset[str] | set[str], prefix: Where) -> None:
        """Note every field with text in it that nobody has read."""
        for name, value in source.items():
            if name not in known and any(text.strip() for text in strings(value)):
                self.miss("unknown_field", prefix + word(name))


# Settings of a call that no model reads as text.
_SETTINGS = frozenset({
    "audio", "background", "best_of", "dimensions", "echo", "encoding_format",
    "frequency_penalty", "function_call", "include", "include_obfuscation", "logit_bias",
    "logprobs", "max_completion_tokens", "max_output_tokens", "max_tokens", "max_tool_calls",
    "metadata", "min_p", "modalities", "model", "moderation", "n", "parallel_tool_calls",
    "presence_penalty", "prompt_cache_key", "prompt_cache_retention", "reasoning",
    "reasoning_effort", "repetition_penalty", "safety_identifier", "seed", "service_tier", "stop",
    "store", "stream", "stream_options", "temperature", "tool_choice", "top_k", "top_logprobs",
    "top_p", "truncation", "user", "verbosity",
})  # fmt: skip

TEXT_PARTS = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "summary_text": "text",
    "reasoning_text": "text",
    "refusal": "refusal",
}
_PART_FIELDS = frozenset({"type", "cache_control", "logprobs"})
# Texts of a message beside its content.
SPOKEN = ("refusal", "reasoning_content", "reasoning")
_MESSAGE_FIELDS = frozenset({
    "role", "content", "name", "tool_call_id", "tool_calls", "function_call", "id", "type",
    "status",
})  # fmt: skip
_CHOICE_FIELDS = frozenset({"message", "text", "index", "finish_reason", "logprobs"})
_TOOL_FIELDS = frozenset({"name", "type", "description", "headers", "authorization"})

# Items of the Responses API that are calls: the tool's name where the item has none, the field
# with its arguments, and the field with the result where the item carries that as well.
_CALLS: dict[str, tuple[str, str, str]] = {
    "function_call": ("", "arguments", ""),
    "custom_tool_call": ("", "input", ""),
    "mcp_call": ("", "arguments", "output"),
    "mcp_approval_request": ("", "arguments", ""),
    "local_shell_call": ("local_shell", "action", ""),
    "shell_call": ("shell", "action", ""),
    "apply_patch_call": ("apply_patch", "operation", ""),
    "computer_call": ("computer", "action", ""),
    "code_interpreter_call": ("code_interpreter", "code", "outputs"),
    "web_search_call": ("web_search", "action", ""),
    "file_search_call": ("file_search", "queries", "results"),
}
_RESULTS = frozenset({
    "function_call_output", "custom_tool_call_output", "local_shell_call_output",
    "shell_call_output", "apply_patch_call_output", "computer_call_output",
})  # fmt: skip
_ITEM_FIELDS = frozenset({"type", "id", "call_id", "status", "role", "name", "server_label"})


def read_request(body: Any, endpoint: str) -> Reading:
    """Everything in the body of a request that a model would read. Raises `FormatError`."""
    bounded(body)
    reading = Reading()
    known = _READERS[endpoint](body, reading)
    reading.unknown(body, known | _SETTINGS | {"tools", "functions"}, "")
    return reading


def read_answer(body: Any, endpoint: str) -> Reading:
    """Everything that a model has answered; each choice is a message. Raises `FormatError`."""
    bounded(body)
    reading = Reading()
    if endpoint == "responses":
        _items(a_list(body.get("output"), "output"), "output", reading)
    elif endpoint != "embeddings":
        for i, value in enumerate(a_list(body.get("choices"), "choices")):
            reading.messages.append(_choice(value, i, reading))
    return reading


def read_any(body: Any) -> Reading:
    """A request or an answer, told apart by their fields. Raises `FormatError`."""
    bounded(body)
    if "choices" in body:
        return read_answer(body, "chat.completions")
    if "output" in body:
        return read_answer(body, "responses")
    if "messages" in body:
        return read_request(body, "chat.completions")
    if "input" in body:
        return read_request(body, "responses")
    raise FormatError("none of `messages`, `choices`, `input` and `output` is in the body")


def endpoint_name(endpoint: str) -> str:
    """`chat.completions` for that name and for the path of its URL. Raises `FormatError`."""
    name = endpoint.partition("?")[0].strip("/").removeprefix("v1/").replace("/", ".")
    if name not in _READERS:
        known = ", ".join(f"`{name}`" for name in _READERS)
        raise FormatError(f"the endpoint is none of {known}")
    return name


# One reader for each endpoint: it fills the reading, and gives the fields that it has read.


def _chat(body: Body, reading: Reading) -> set[str]:
    for i, message in enumerate(a_list(body.get("messages"), "messages")):
        reading.messages.append(_message(message, f"messages[{i}]", reading))
    prediction = body.get("prediction")
    if prediction is not None:
        content = a_mapping(prediction, "prediction").get("content")
        reading.inputs += _content(content, "prediction.content", reading)
    reading.inputs += strings(body.get("response_format"))
    return {"messages", "prediction", "response_format"}


def _responses(body: Body, reading: Reading) -> set[str]:
    entered = body.get("input")
    if isinstance(entered, str):
        reading.messages.append({"role": "user", "content": entered})
    elif entered is not None:
        _items(a_list(entered, "input"), "input", reading)
    if body.get("instructions") is not None:
        reading.system = _content(body["instructions"], "instructions", reading)
    for kind in ("previous_response_id", "conversation"):
        if body.get(kind) is not None:
            reading.miss(kind, kind)
    if body.get("prompt") is not None:
        reading.miss("prompt_template", "prompt")
        reading.inputs += strings(a_mapping(body["prompt"], "prompt").get("variables"))
    reading.inputs += strings(body.get("text"))
    return {"input", "instructions", "previous_response_id", "conversation", "prompt", "text"}


def _completions(body: Body, reading: Reading) -> set[str]:
    reading.inputs += _inputs(body.get("prompt"), "prompt", reading)
    if body.get("suffix") is not None:
        reading.inputs.append(a_text(body["suffix"], "suffix"))
    return {"prompt", "suffix"}


def _embeddings(body: Body, reading: Reading) -> set[str]:
    reading.inputs += _inputs(body.get("input"), "input", reading)
    return {"input"}


_READERS: dict[str, Callable[[Body, Reading], set[str]]] = {
    "chat.completions": _chat,
    "responses": _responses,
    "completions": _completions,
    "embeddings": _embeddings,
}


def _inputs(value: Any, where: Where, reading: Reading) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        return
    items = a_list(value, where)
    if items and all(isinstance(item, int) for item in items):
        reading.miss("tokens", where)
        return
    for i, item in enumerate(items):
        if isinstance(item, str):
            yield item
        elif isinstance(item, list) and all(isinstance(token, int) for token in item):
            reading.miss("tokens", f"{where}[{i}]")
        else:
            raise FormatError(f"`{where}[{i}]` is neither text nor a list of tokens")


def _message(value: Any, where: Where, reading: Reading) -> dict[str, Any]:
    source = a_mapping(value, where)
    missed = len(reading.unscanned)
    texts = _content(source.get("content"), f"{where}.content", reading)
    spoken = [f for f in SPOKEN if isinstance(source.get(f), str)]
    texts += [source[name] for name in spoken]
    message: dict[str, Any] = {
        "role": a_text(source.get("role"), f"{where}.role"),
        "content": "\n".join(texts),
    }
    for name in ("name", "tool_call_id"):
        if source.get(name) is not None:
            message[name] = a_text(source[name], f"{where}.{name}")
    calls = [
        _call(call, f"{where}.tool_calls[{i}]", reading)
        for i, call in enumerate(a_list(source.get("tool_calls") or [], f"{where}.tool_calls"))
    ]
    if source.get("function_call") is not None:
        calls.append(
            _call({"function": source["function_call"]}, f"{where}.function_call", reading)
        )
    if calls:
        message["tool_calls"] = calls
    reading.unknown(source, _MESSAGE_FIELDS.union(spoken), f"{where}.")
    if message["role"] in {"tool", "function"}:
        _note_result(message, texts, missed, reading)
    return message


def _note_result(message: Body, texts: list[str], missed: int, reading: Reading) -> None:
    call_id, name = message.get("tool_call_id", ""), message.get("name", "")
    reading.results.append(Result(call_id, name, texts, reading.unscanned[missed:]))


def _content(value: Any, where: Where, reading: Reading) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    texts = []
    for i, part in enumerate(a_list(value, where)):
        place = f"{where}[{i}]"
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = a_mapping(part, place).get("type")
        name = TEXT_PARTS.get(kind) if isinstance(kind, str) else None
        if name is None:
            reading.miss(kind, place)
            continue
        texts.append(a_text(part.get(name), f"{place}.{name}"))
        reading.unknown(part, _PART_FIELDS | {name}, f"{place}.")
    return texts


def _call(value: Any, where: Where, reading: Reading) -> dict[str, Any]:
    call = a_mapping(value, where)
    if call.get("custom") is not None:
        inner = a_mapping(call["custom"], f"{where}.custom")
        return _called(call, inner, a_text(inner.get("input"), f"{where}.input"), True, reading)
    inner = a_mapping(call.get("function"), f"{where}.function")
    return _called(call, inner, inner.get("arguments"), False, reading)


def _called(
    call: Body, named: Body, arguments: Any, free: bool, reading: Reading
) -> dict[str, Any]:
    """Note a call. The arguments of a `free` one are text in no format, of the others JSON."""
    name = a_text(named.get("name"), "the name of a tool")
    identity = next((call[f] for f in ("call_id", "id") if isinstance(call.get(f), str)), "")
    parsed = {"input": arguments} if free else parse(arguments)
    reading.calls.append(Call(identity, name, parsed))
    text = arguments if isinstance(arguments, str) else _json(arguments)
    return {"id": identity, "name": name, "arguments": text}


def _json(value: Any) -> str:
    return "{}" if value is None else json.dumps(value, ensure_ascii=False)


def _items(items: Sequence[Any], where: Where, reading: Reading) -> None:
    for i, value in enumerate(items):
        place = f"{where}[{i}]"
        item = a_mapping(value, place)
        kind = item.get("type", "message")
        if kind == "message":
            reading.messages.append(_message(item, place, reading))
        elif isinstance(kind, str) and kind in _CALLS:
            _call_item(item, kind, place, reading)
        elif isinstance(kind, str) and kind in _RESULTS:
            _result_item(item, place, reading)
        elif kind == "reasoning":
            _reasoning_item(item, place, reading)
        else:
            reading.miss(kind, place)


def _call_item(item: Body, kind: str, where: Where, reading: Reading) -> None:
    given, argued, resulted = _CALLS[kind]
    name = given or a_text(item.get("name"), f"{where}.name")
    if isinstance(item.get("server_label"), str):
        name = f"mcp__{item['server_label']}__{name}"
    arguments, free = item.get(argued), kind == "custom_tool_call"
    if not free and argued not in {"arguments", "action", "operation"}:
        arguments = {argued: arguments}
    if free:
        arguments = a_text(arguments, f"{where}.{argued}")
    call = _called(item, {"name": name}, arguments, free, reading)
    reading.messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
    if resulted and item.get(resulted) is not None:
        texts = list(strings(item[resulted]))
        _add_result({"tool_call_id": call["id"], "name": name}, texts, [], reading)
    reading.unknown(item, _ITEM_FIELDS | {argued, resulted}, f"{where}.")


def _result_item(item: Body, where: Where, reading: Reading) -> None:
    output, missed = item.get("output"), len(reading.unscanned)
    if isinstance(output, str | None) or _is_parts(output):
        texts = _content(output, f"{where}.output", reading)
    else:
        texts = list(strings(output))
        if isinstance(output, Mapping) and ("image_url" in output or "file_id" in output):
            reading.miss(output.get("type"), f"{where}.output")
    reading.unknown(item, _ITEM_FIELDS | {"output"}, f"{where}.")
    named = {"tool_call_id": item["call_id"]} if isinstance(item.get("call_id"), str) else {}
    _add_result(named, texts, reading.unscanned[missed:], reading)


def _add_result(
    named: dict[str, str], texts: list[str], unscanned: Unscanned, reading: Reading
) -> None:
    reading.messages.append({"role": "tool", "content": "\n".join(texts), **named})
    call_id, name = named.get("tool_call_id", ""), named.get("name", "")
    reading.results.append(Result(call_id, name, texts, unscanned))


def _reasoning_item(item: Body, where: Where, reading: Reading) -> None:
    texts = [
        text
        for name in ("summary", "content")
        for text in _content(item.get(name), f"{where}.{name}", reading)
    ]
    reading.messages.append({"role": "assistant", "content": "\n".join(texts)})
    reading.unknown(item, _ITEM_FIELDS | {"summary", "content"}, f"{where}.")


def _is_parts(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(
            isinstance(part, str)
            or (isinstance(part, Mapping) and isinstance(part.get("type"), str))
            for part in value
        )
        and not any("outcome" in part for part in value if isinstance(part, Mapping))
    )


def _choice(value: Any, position: int, reading: Reading) -> dict[str, Any]:
    where = f"choices[{position}]"
    choice = a_mapping(value, where)
    if "message" in choice:
        message = _message(choice["message"], f"{where}.message", reading)
    else:
        message = {"role": "assistant", "content": a_text(choice.get("text"), f"{where}.text")}
    index = choice.get("index")
    found = {"index": index if type(index) is int else position, **message}
    if isinstance(choice.get("finish_reason"), str):
        found["finish_reason"] = choice["finish_reason"]
    reading.unknown(choice, _CHOICE_FIELDS, f"{where}.")
    return found


def declared_tools(body: Body) -> Iterator[dict[str, str]]:
    """The tools that a request offers: name, and all that a model is told about each."""
    for name in ("tools", "functions"):
        for i, value in enumerate(a_list(body.get(name) or [], name)):
            where = f"{name}[{i}]"
            tool = a_mapping(value, where)
            inner = next((tool[f] for f in ("function", "custom") if f in tool), tool)
            yield _declared(a_mapping(inner, where), where)


def _declared(tool: Body, where: Where) -> dict[str, str]:
    # A model reads the whole declaration, so the descriptions of parameters count as well. What
    # goes to the tool's server alone (headers with credentials) it never sees.
    rest = {name: value for name, value in tool.items() if name not in _TOOL_FIELDS}
    if isinstance(tool.get("server_label"), str):
        name = f"mcp__{tool['server_label']}"
    else:
        name = a_text(tool.get("name", tool.get("type")), f"{where}.name")
    described = tool.get("description")
    texts = [] if described is None else [a_text(described, f"{where}.description")]
    return {"name": name, "description": "\n".join([*texts, *strings(rest)])}


def bounded(body: Any) -> None:
    """Refuse what is not an object, or nested too deeply to be worked on."""
    if depth(a_mapping(body, "body")) > MAX_DEPTH:
        raise FormatError(f"the body is nested more than {MAX_DEPTH} levels deep")


def a_mapping(value: Any, where: Where) -> Mapping[str, Any]:
    """The value as an object, or a `FormatError` that names its place."""
    if not isinstance(value, Mapping):
        raise FormatError(f"`{where}` is not an object")
    return value


def a_list(value: Any, where: Where) -> Sequence[Any]:
    """The value as a list, or a `FormatError` that names its place."""
    if not isinstance(value, list | tuple):
        raise FormatError(f"`{where}` is not a list")
    return value


def a_text(value: Any, where: Where) -> str:
    """The value as text, or a `FormatError` that names its place."""
    if not isinstance(value, str):
        raise FormatError(f"`{where}` is not text")
    return value


def word(value: Any) -> str:
    """The value where it is a plain short name, so that places and kinds never carry prose."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "unknown"

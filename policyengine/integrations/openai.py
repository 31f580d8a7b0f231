"""Bodies in OpenAI's format as inputs of decision points.

`llm_request` reads the body of a request to `/v1/chat/completions`, `/v1/responses`,
`/v1/completions` or `/v1/embeddings`; `llm_response` reads the answer. `tool_calls` and
`tool_results` give one input for each call and result in either.

Every string that a model would read is in the input that comes out, or the place where it stands
is listed in `unscanned`: nothing is left out in silence. A body that is not of a known shape is a
`FormatError`, and a gateway must then refuse it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from policyengine.charges import Usage
from policyengine.integrations._arguments import command, paths
from policyengine.integrations._openai import (
    Body,
    FormatError,
    a_mapping,
    a_text,
    declared_tools,
    endpoint_name,
    read_answer,
    read_any,
    read_request,
)
from policyengine.integrations._openai_redacted import replaced
from policyengine.integrations._openai_stream import FIELD, AnswerStream, Streaming

__all__ = [
    "FormatError",
    "llm_request",
    "llm_response",
    "redacted",
    "stream",
    "tool_calls",
    "tool_results",
    "usage",
]

Facts = Mapping[str, Any] | None


class Engine(Protocol):
    """What is needed of a `policyengine.Engine`."""

    def stream(self, point: str, input: Mapping[str, Any], *, field: str) -> Streaming: ...


_MCP_NAME = re.compile(r"mcp__([A-Za-z0-9_.\-]+?)__(.+)", re.DOTALL)
_LONGEST_FORM = 64
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_USAGE = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "total_tokens": ("total_tokens",),
}


def llm_request(
    body: Body,
    *,
    endpoint: str = "chat.completions",
    model: str | None = None,
    subject: Facts = None,
    session: Facts = None,
    context: Facts = None,
    route: Facts = None,
) -> dict[str, Any]:
    """The input of `llm.request` for the body of a call.

    `endpoint` is `chat.completions`, `responses`, `completions` or `embeddings`, or the path of
    the URL. `model` is for bodies that name none, because the URL does. Texts that are neither in
    a message nor instructions (prompts, inputs of embeddings, response formats, predictions) stand
    in `request.inputs`. Raises `FormatError`.

    >>> body = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}
    >>> llm_request(body, subject={"id": "ada"})["request"]["messages"]
    [{'role': 'user', 'content': 'Hi'}]
    """
    name = endpoint_name(endpoint)
    reading = read_request(body, name)
    asked = body.get("model") if body.get("model") is not None else model
    request: dict[str, Any] = {
        "endpoint": name,
        "model": a_text(asked, "model"),
        "messages": reading.messages,
        "inputs": reading.inputs,
        "tools": list(declared_tools(body)),
        "stream": body.get("stream") is True,
        "unscanned": reading.unscanned,
        **_settings(body),
    }
    if reading.system is not None:
        request["system"] = "\n".join(reading.system)
    return _point({"request": request}, subject, session, context, route=route)


_PARTS = {
    "cached_tokens": ("input", "cached_tokens"),
    "cache_write_tokens": ("input", "cache_write_tokens"),
    "reasoning_tokens": ("output", "reasoning_tokens"),
}
_DETAILS = {
    "input": ("input_tokens_details", "prompt_tokens_details"),
    "output": ("output_tokens_details", "completion_tokens_details"),
}


def usage(body: Body) -> Usage:
    """What a request took, for `Engine.settle`: of an answer, or the last chunk of a stream.

    Raises `FormatError` where the answer does not tell it: a stream does so where the request asks
    for it (`stream_options: {include_usage: true}`).

    >>> usage({"usage": {"prompt_tokens": 9, "completion_tokens": 12}}).output_tokens
    12
    """
    told = body.get("usage")
    if not isinstance(told, Mapping):
        raise FormatError("the answer does not tell its usage")
    if not any(told.get(key) is not None for key in _USAGE["input_tokens"]):
        raise FormatError("the answer does not tell how many tokens it read")
    numbers: dict[str, Any] = {
        name: _count(told, _USAGE[name]) for name in ("input_tokens", "output_tokens")
    }
    for name, (part, key) in _PARTS.items():
        found = (told.get(detail) for detail in _DETAILS[part])
        details = next((one for one in found if isinstance(one, Mapping)), {})
        numbers[name] = _count(details, (key,))
    return Usage(**numbers)


def _count(told: Mapping[str, Any], keys: tuple[str, ...]) -> int:
    found = next((told[key] for key in keys if told.get(key) is not None), 0)
    if type(found) is not int or found < 0:
        raise FormatError(f"`{keys[0]}` is not a number of tokens")
    return found


def llm_response(
    body: Body,
    *,
    endpoint: str = "chat.completions",
    model: str | None = None,
    subject: Facts = None,
    session: Facts = None,
    context: Facts = None,
    route: Facts = None,
) -> dict[str, Any]:
    """The input of `llm.response` for the body of an answer (streams must be gathered first).

    `model` is the model that was asked for, where another name answers. Raises `FormatError`.

    >>> answer = {"model": "gpt-5", "choices": [{"message": {"role": "assistant", "content": "4"}}]}
    >>> llm_response(answer)["response"]["choices"]
    [{'index': 0, 'role': 'assistant', 'content': '4'}]
    """
    name = endpoint_name(endpoint)
    reading = read_answer(body, name)
    answered = body.get("model")
    response: dict[str, Any] = {
        "choices": [{"index": i, **message} for i, message in enumerate(reading.messages)],
        "unscanned": reading.unscanned,
    }
    if answered is not None:
        response["model"] = a_text(answered, "model")
    if isinstance(body.get("usage"), Mapping):
        response["usage"] = _usage(body["usage"])
    asked = {"endpoint": name, "model": a_text(model if model is not None else answered, "model")}
    return _point({"response": response, "request": asked}, subject, session, context, route=route)


def tool_calls(
    body: Body,
    *,
    agent: Facts = None,
    subject: Facts = None,
    session: Facts = None,
    context: Facts = None,
) -> list[dict[str, Any]]:
    """One input of `tool.call` for each call in an answer, or in the history of a request.

    `tool.arguments` is the parsed object; what could not be parsed is kept as `{"_raw": text}`.
    `tool.command` is what a shell-like tool would run, `tool.paths` the files that the arguments
    name. A name such as `mcp__github__create_issue` gives `tool.server` as well. Raises
    `FormatError`.

    >>> call = {"id": "1", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
    >>> answer = {"choices": [{"message": {"role": "assistant", "tool_calls": [call]}}]}
    >>> tool_calls(answer)[0]["tool"]
    {'name': 'bash', 'arguments': {'command': 'ls'}, 'paths': [], 'command': 'ls'}
    """
    return [
        _point({"tool": _called(call.name, call.arguments)}, subject, session, context, agent=agent)
        for call in read_any(body).calls
    ]


def tool_results(
    body: Body,
    *,
    agent: Facts = None,
    subject: Facts = None,
    session: Facts = None,
    context: Facts = None,
) -> list[dict[str, Any]]:
    """One input of `tool.result` for each result in the history of a request.

    The tool's name comes from the call with the same id, where the result has none. Raises
    `FormatError`.

    >>> body = {"messages": [{"role": "tool", "tool_call_id": "1", "name": "ls", "content": "a b"}]}
    >>> tool_results(body)[0]["result"]
    {'content': ['a b'], 'unscanned': []}
    """
    reading = read_any(body)
    names = {call.id: call.name for call in reading.calls}
    return [
        _point(
            {
                "tool": _named(result.name or names.get(result.call_id, "")),
                "result": {"content": result.texts, "unscanned": result.unscanned},
            },
            subject,
            session,
            context,
            agent=agent,
        )
        for result in reading.results
    ]


def redacted(
    body: Body, content: Mapping[str, str], *, endpoint: str = "chat.completions"
) -> dict[str, Any]:
    """A copy of a request or an answer with the texts of `Decision.content` in it.

    Where a message had several parts of text, the first one takes the whole text. Raises
    `FormatError` where a text has no place of its own in the body (the arguments of a call, the
    description of a tool): the body must then be refused.

    >>> body = {"model": "m", "messages": [{"role": "user", "content": "ask Ada"}]}
    >>> redacted(body, {"request.messages[0].content": "ask ***"})["messages"]
    [{'role': 'user', 'content': 'ask ***'}]
    """
    return replaced(body, content, endpoint_name(endpoint))


def stream(
    engine: Engine,
    chunks: Iterable[Body] | AsyncIterable[Body],
    *,
    model: str | None = None,
    subject: Facts = None,
    session: Facts = None,
    context: Facts = None,
    route: Facts = None,
    n: int = 1,
) -> AnswerStream:
    """The chunks of a streamed chat completion that may be sent on, decided at `llm.response`.

    Text is redacted while it comes, and held back as long as something in it may still be found
    (`policyengine.engine.stream`). Calls of tools are sent whole, at the end of their choice, when
    the decision on it is there; `logprobs`, which repeat the text, and fields that nobody has read
    are not sent. `n` is how many choices were asked for: where all of them are refused, no more is
    read. Iterate it as the chunks are iterated, with `for` or `async for`.

    >>> from policyengine.program import Program
    >>> from policyengine import Engine
    >>> empty = Program("none", "0.0.0", "", {}, compile("", "none", "exec"), "")
    >>> chunks = [{"model": "gpt-5", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}]
    >>> answer = stream(Engine(empty), chunks)
    >>> [chunk["choices"][0]["finish_reason"] for chunk in answer], answer.allowed
    (['content_filter'], False)
    """
    respond = partial(
        llm_response, model=model, subject=subject, session=session, context=context, route=route
    )
    open_stream = partial(engine.stream, "llm.response", field=FIELD)
    return AnswerStream(chunks, open_stream, respond, n)


def _named(name: str) -> dict[str, Any]:
    served = _MCP_NAME.fullmatch(name)
    return {"name": name} | ({"server": served[1]} if served else {})


def _called(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    tool = {**_named(name), "arguments": arguments, "paths": paths(arguments)}
    line = command(arguments)
    return tool if line is None else tool | {"command": line}


def _settings(body: Body) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    limits = [body[name] for name in _LIMITS if body.get(name) is not None]
    if not all(type(limit) is int for limit in limits):
        raise FormatError("the limit of tokens is not a whole number")
    if limits:
        settings["max_tokens"] = max(limits)
    answers = [body[name] for name in ("n", "best_of") if body.get(name) is not None]
    if not all(type(number) is int for number in answers):
        raise FormatError("the number of answers is not a whole number")
    if answers:
        settings["n"] = max(answers)
    temperature = body.get("temperature")
    if temperature is not None:
        if type(temperature) not in {int, float} or not abs(temperature) <= 100:
            raise FormatError("`temperature` is not a number from -100 to 100")
        settings["temperature"] = float(temperature)
    if form := _form(body):
        settings["response_format"] = {"type": form}
    if body.get("metadata") is not None:
        settings["metadata"] = {
            key: value
            for key, value in a_mapping(body["metadata"], "metadata").items()
            if isinstance(value, str)
        }
    return settings


def _form(body: Body) -> str:
    """The form that an answer must have, of chat completions or of responses; its texts apart."""
    text = body.get("text")
    told = text.get("format") if isinstance(text, Mapping) else body.get("response_format")
    kind = told.get("type") if isinstance(told, Mapping) else None
    return kind if isinstance(kind, str) and len(kind) <= _LONGEST_FORM else ""


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    return {
        name: usage[field]
        for name, fields in _USAGE.items()
        for field in fields
        if type(usage.get(field)) is int
    }


def _point(
    point: dict[str, Any], subject: Facts, session: Facts, context: Facts, **others: Facts
) -> dict[str, Any]:
    around = {"subject": subject, "session": session, "context": context, **others}
    return point | {name: dict(facts) for name, facts in around.items() if facts is not None}

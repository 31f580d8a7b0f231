"""Asking for facts: finders are built once, each question is asked at most once a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any

from policyengine.errors import FactError
from policyengine.plugins import FactProvider, Finding, fact_provider
from policyengine.program import FactInfo, PointProgram
from policyengine.request import texts

Answer = Sequence[Finding] | FactError
Known = Mapping[str, Answer]
"""Recorded or faked facts by provider: they are used instead of asking."""


class Source:
    """One question of a program, ready to be asked."""

    __slots__ = ("_find", "_reads", "name")

    def __init__(self, fact: FactInfo, providers: Mapping[str, FactProvider]) -> None:
        provider = providers.get(fact.provider) or fact_provider(fact.provider)
        self.name = fact.provider
        self._reads = provider.READS
        self._find: Callable[[Any], Any] = provider.build(fact.config)

    @property
    def reads_texts(self) -> bool:
        """Whether the finder is given the texts of the input."""
        return self._reads == "texts"

    def ask(self, request: Request) -> Any:
        """The findings, or something to await for them; a failure is a `FactError`."""
        try:
            return self._find(request.texts() if self.reads_texts else request.input)
        except FactError as error:
            return error
        # INVARIANT: a guard that crashes is an error for the rule to decide on, never clean.
        except Exception as error:
            return _crashed(self.name, error)

    def ask_now(self, request: Request) -> Answer:
        """The findings, without waiting: a finder that must be awaited fails."""
        answer = self.ask(request)
        if isawaitable(answer):
            close = getattr(answer, "close", None)
            if close is not None:
                close()
            return FactError("fact-async", f"`{self.name}` must be awaited: use `adecide`")
        return _answer(self.name, answer)

    async def ask_later(self, request: Request) -> Answer:
        """The findings, awaited where the finder asks for it."""
        answer = self.ask(request)
        if isawaitable(answer):
            try:
                answer = await answer
            except FactError as error:
                return error
            except Exception as error:
                return _crashed(self.name, error)
        return _answer(self.name, answer)


class Request:
    """An input in the course of a decision; its texts are read once, when first needed."""

    __slots__ = ("_point", "_texts", "answers", "input", "known")

    def __init__(
        self, point: PointProgram, input: Mapping[str, Any], known: Known | None = None
    ) -> None:
        self._point = point
        self._texts: list[tuple[str, str]] | FactError | None = None
        self.input = input
        self.known = known or {}
        self.answers: dict[int, Answer] = {}

    def texts(self) -> list[tuple[str, str]]:
        """The texts of the input by field; raises `FactError` where one cannot be read."""
        if self._texts is None:
            try:
                self._texts = texts(self.input, self._point.texts)
            except FactError as error:
                self._texts = error
        if isinstance(self._texts, FactError):
            raise self._texts
        return self._texts


def _answer(name: str, answer: Any) -> Answer:
    if isinstance(answer, FactError):
        return answer
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        return list(answer)
    return FactError("fact-malformed", f"`{name}` gave no list of findings")


def _crashed(name: str, error: Exception) -> FactError:
    # The message of a foreign error may quote the text; its class does not.
    return FactError("fact-failed", f"`{name}` failed ({type(error).__name__})")

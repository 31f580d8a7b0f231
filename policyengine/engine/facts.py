"""Asking for facts: finders are built once, each question is asked at most once a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any

from policyengine.errors import FactError
from policyengine.plugins import FactProvider, Finding, Texts, fact_provider
from policyengine.program import FactInfo, PointProgram
from policyengine.request import texts
from policyengine.values.conform import conform

Answer = Sequence[Finding] | FactError
Known = Mapping[str, Answer]
"""Recorded or faked facts by provider: they are used instead of asking."""


class Source:
    """One question of a program, ready to be asked."""

    __slots__ = ("_find", "_kinds", "_reads", "name")

    def __init__(self, fact: FactInfo, providers: Mapping[str, FactProvider]) -> None:
        provider = providers.get(fact.provider) or fact_provider(fact.provider)
        self.name = fact.provider
        self._reads = provider.READS
        # `list(string)` is checked as a list: what is inside has a class of its own.
        self._kinds = {key: kind.partition("(")[0] for key, kind in provider.FINDING.items()}
        self._find: Callable[[Any], Any] = provider.build(fact.config)

    def ask_now(self, request: Request) -> Answer:
        """The findings, recorded or found, without waiting: what must be awaited fails."""
        answer = self._asked(request)
        if isawaitable(answer):
            close = getattr(answer, "close", None) or getattr(answer, "cancel", None)
            if close is not None:
                close()
            return FactError("fact-async", f"`{self.name}` must be awaited: use `adecide`")
        return self._checked(answer)

    async def ask_later(self, request: Request) -> Answer:
        """The findings, recorded or found, awaited where the finder asks for it."""
        answer = self._asked(request)
        if isawaitable(answer):
            try:
                answer = await answer
            except FactError as error:
                return error
            except Exception as error:
                return _crashed(self.name, error)
        return self._checked(answer)

    def _asked(self, request: Request) -> Any:
        """The findings, or something to await for them; a failure is a `FactError`."""
        recorded = request.known.get(self.name)
        if recorded is not None:
            return recorded
        try:
            return self._find(request.texts() if self._reads == "texts" else request.input)
        except FactError as error:
            return error
        # INVARIANT: a guard that crashes is an error for the rule to decide on, never clean.
        except Exception as error:
            return _crashed(self.name, error)

    def _checked(self, answer: Any) -> Answer:
        """The findings as dicts of the fields that the provider declares, of their types.

        INVARIANT: generated code trusts these types, and nothing undeclared, which might be text
        of the request, gets into a decision.
        """
        if isinstance(answer, FactError):
            return answer
        try:
            if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
                return [self._finding(found) for found in answer]
        # A row of findings may be of any class, and fail in any way while it is read.
        except Exception as error:
            return _crashed(self.name, error)
        return FactError("fact-malformed", f"`{self.name}` gave no list of findings")

    def _finding(self, found: Mapping[str, Any]) -> Finding:
        return {key: conform(found[key], kind) for key, kind in self._kinds.items() if key in found}


class Request:
    """An input in the course of a decision; its texts are read once, when first needed."""

    __slots__ = ("_point", "_texts", "answers", "input", "known")

    def __init__(
        self, point: PointProgram, input: Mapping[str, Any], known: Known | None = None
    ) -> None:
        self._point = point
        self._texts: Texts | FactError | None = None
        self.input = input
        self.known = known or {}
        self.answers: dict[int, Answer] = {}

    def texts(self) -> Texts:
        """The texts of the input by field; raises `FactError` where one cannot be read."""
        if self._texts is None:
            try:
                self._texts = tuple(texts(self.input, self._point.texts))
            except FactError as error:
                self._texts = error
        if isinstance(self._texts, FactError):
            raise self._texts
        return self._texts


def _crashed(name: str, error: Exception) -> FactError:
    # The message of a foreign error may quote the text; its class does not.
    return FactError("fact-failed", f"`{name}` failed ({type(error).__name__})")

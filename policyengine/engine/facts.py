"""Asking for facts: finders are built once, each question is asked at most once a decision."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import isawaitable
from typing import Any, Final

from policyengine.engine.waiting import awaited, left, waited, waited_later
from policyengine.errors import FactError
from policyengine.plugins import FactProvider, Finding, Texts
from policyengine.program import DEFAULT_SCAN, FactInfo, PointProgram, Scan
from policyengine.request import Text, each_text
from policyengine.values.conform import conform

_PLACE: Final = frozenset({"field", "start", "end"})
# Texts that are read between two looks at the clock.
_EACH: Final = 256

Answer = Sequence[Finding] | FactError
Known = Mapping[str, Answer]
"""Recorded or faked facts by provider: they are used instead of asking."""


class Source:
    """One question of a program, ready to be asked."""

    __slots__ = (
        "_blocking", "_built", "_find", "_kinds", "_needed", "_reads", "_unfinished", "holdback",
        "name", "position",
    )  # fmt: skip

    def __init__(self, fact: FactInfo, provider: FactProvider, position: int) -> None:
        self.name = fact.provider
        self.position = position
        self._reads = provider.READS
        # `list(string)` is checked as a list: what is inside has a class of its own.
        self._kinds = {key: kind.partition("(")[0] for key, kind in provider.FINDING.items()}
        # Without its place nobody could redact what was found.
        self._needed = _PLACE & self._kinds.keys() if self._reads == "texts" else frozenset()
        self._built = _built(provider, fact.config)
        self._find = (
            self._built if not isinstance(self._built, FactError) else _failing(self._built)
        )
        blocking = getattr(provider, "BLOCKING", False)
        self._blocking = bool(getattr(self._find, "blocking", blocking))
        # None where a finding may span anything, so that a stream must hold everything back.
        default: int | None = getattr(provider, "HOLDBACK", None)
        self.holdback: int | None = getattr(self._find, "holdback", default)
        self._unfinished: Callable[[str], int] = getattr(self._find, "unfinished", len)

    def ask_now(self, request: Request) -> Answer:
        """The findings, recorded or found, without waiting: what must be awaited fails."""
        try:
            answer = self._found(request)
            if isawaitable(answer):
                close = getattr(answer, "close", None) or getattr(answer, "cancel", None)
                if close is not None:
                    close()
                raise FactError("fact-async", f"`{self.name}` must be awaited: use `adecide`")
        except FactError as error:
            return error
        # INVARIANT: a guard that crashes is an error for the rule to decide on, never clean.
        except Exception as error:
            return crashed(self.name, error)
        return self._checked(answer, recorded=self.name in request.known)

    async def ask_later(self, request: Request) -> Answer:
        """The findings, recorded or found, awaited where the finder asks for it."""
        try:
            if self._blocking and self.name not in request.known:
                work = partial(self._find, self._read(request))
                answer = await waited_later(work, request.deadline)
            else:
                answer = self._found(request, block=False)
            if isawaitable(answer):
                answer = await awaited(answer, request.deadline)
        except FactError as error:
            return error
        except Exception as error:
            return crashed(self.name, error)
        return self._checked(answer, recorded=self.name in request.known)

    @property
    def judges_texts(self) -> bool:
        """Whether its findings are about texts."""
        return self._reads == "texts"

    def unfinished(self, text: str) -> int:
        """Where in a text something has begun that may go on behind it; its length, if nothing."""
        try:
            return self._unfinished(text)
        # A guard that crashes has found nothing out: all of the text may be the beginning.
        except Exception:
            return 0

    def _found(self, request: Request, block: bool = True) -> Any:
        recorded = request.known.get(self.name)
        if recorded is not None:
            return recorded
        read = self._read(request)
        if block and self._blocking:
            return waited(partial(self._find, read), request.deadline)
        return self._find(read)

    def _read(self, request: Request) -> Any:
        """What the finder is given. Raises `FactError` where there is no time or no reading it."""
        left(request.deadline)
        return request.texts() if self._reads == "texts" else request.input

    def _checked(self, answer: Any, recorded: bool) -> Answer:
        """The findings as dicts of the fields that the provider declares, of their types.

        INVARIANT: generated code trusts these types, and nothing undeclared, which might be text
        of the request, gets into a decision.
        """
        if isinstance(answer, FactError):
            return answer
        try:
            if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
                found = [self._finding(one) for one in answer]
                if recorded or all(map(self._is_whole, found)):
                    return found
                why = f"`{self.name}` gave findings without a place or a score"
                return FactError("fact-malformed", why)
        # A row of findings may be of any class, and fail in any way while it is read.
        except Exception as error:
            return crashed(self.name, error)
        return FactError("fact-malformed", f"`{self.name}` gave no list of findings")

    def _finding(self, found: Mapping[str, Any]) -> Finding:
        return {key: conform(found[key], kind) for key, kind in self._kinds.items() if key in found}

    def _is_whole(self, found: Finding) -> bool:
        """Whether a finding has its place, and a score that can be compared."""
        score = found.get("score", 0.0)
        return found.keys() >= self._needed and score == score


def _built(provider: FactProvider, config: Any) -> Any:
    """What answers the question; what cannot be built here is an error of each decision."""
    try:
        return provider.build(config)
    except FactError as error:
        return error


def _failing(failure: FactError) -> Callable[[Any], Any]:
    def fail(_: Any) -> Any:
        raise FactError(failure.code, failure.message)

    return fail


class Request:
    """An input in the course of a decision; its texts are read once, when first needed."""

    __slots__ = (
        "_deadline", "_point", "_scan", "_texts", "account", "answers", "input", "known",
    )  # fmt: skip

    def __init__(
        self,
        point: PointProgram,
        input: Mapping[str, Any],
        known: Known | None = None,
        scan: Scan = DEFAULT_SCAN,
        account: Any = None,
    ) -> None:
        self._point = point
        self._scan = scan
        self._deadline: float | None = None
        self._texts: Texts | FactError | None = None
        self.input = input
        self.known = known or {}
        self.answers: dict[int, Answer] = {}
        # What the decision asks of a store (`policyengine.engine.accounts`), if it does.
        self.account = account

    @property
    def point(self) -> str:
        """The name of the decision point."""
        return self._point.name

    @property
    def deadline(self) -> float:
        """When the time for facts is over, by `time.monotonic`; it begins with the first one."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._scan.milliseconds / 1_000
        return self._deadline

    def texts(self) -> Texts:
        """The texts of the input by field; raises `FactError` where one cannot be read."""
        if self._texts is None:
            try:
                self._texts = self._readable()
            except FactError as error:
                self._texts = error
        if isinstance(self._texts, FactError):
            raise self._texts
        return self._texts

    def _readable(self) -> Texts:
        found: list[Text] = []
        most = self._scan.characters
        for text in each_text(self.input, self._point.texts, self._point.origins):
            # Many short texts take as long as a long one.
            if not len(found) % _EACH:
                left(self.deadline)
            found.append(text)
            if len(text.text) > most:
                why = f"`{text.field[:80]}` has more than {most:,} characters"
                raise FactError("text-too-long", why)
        origins = {text.field: text.origin for text in found}
        return Texts(
            [(text.field, text.text) for text in found], origins=origins, deadline=self.deadline
        )


def crashed(name: str, error: Exception) -> FactError:
    """What is said of a source that failed in a way of its own."""
    # The message of a foreign error may quote the text; its class does not.
    return FactError("fact-failed", f"`{name}` failed ({type(error).__name__})")

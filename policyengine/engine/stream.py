"""Answers that come in pieces: what may be passed on of them, and when.

A finding may begin at the end of what has come and end in what is still to come. So a stream holds
back as many characters as a finding of its guards may span, and what those before and behind it may
have to say about it. What lies before that is settled: no text to come changes what is found there.

    settled and sent          | settled, in a stretch that goes on | held back
    ..........................[ .................................. | ..........]
                            sent                                boundary

Each look of the guards goes over what is held back and as much before it, and there is one for
every half of that which comes: so each character is looked at a fixed number of times. When the
stream closes, the whole answer is decided on at once, and that decision is the one that counts; it
is an error, and denied, if it redacts something that was sent.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import CodeType
from typing import Any, Final, NamedTuple, Protocol

from policyengine.decision import Decision, Reason, Redaction
from policyengine.engine.facts import Answer, Request, Source
from policyengine.engine.outcome import Outcome, pieces
from policyengine.engine.places import Step, path_of, placed, steps
from policyengine.engine.redaction import Piece, applied, merged
from policyengine.engine.tail import Tail, Units
from policyengine.engine.transforms import Transforms
from policyengine.errors import EvaluationError, FactError
from policyengine.plugins import Finding, Texts
from policyengine.program import STYLES, PointProgram, Redact, RuleInfo, Scan
from policyengine.request import texts
from policyengine.values.times import Timestamp

# Words that lift or lower the score of a finding stand so near to it.
MARGIN: Final = 64
# Guards are not asked for less than this.
MIN_STEP: Final = 16
MAX_FINDINGS: Final = 10_000
# Where no guard sets a lower bound, so that no model can fill the memory.
MAX_CHARACTERS: Final = 10_000_000

_HIGH: Final = re.compile("[\ud800-\udbff]\\Z")
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HALF: Final = re.compile("[\ud800-\udfff]")


class Ready(Protocol):
    """A decision point ready to decide."""

    @property
    def program(self) -> PointProgram: ...

    @property
    def function(self) -> Callable[[Mapping[str, Any], Timestamp], Any]: ...

    @property
    def sources(self) -> tuple[Source, ...]: ...

    @property
    def reason(self) -> Callable[[int], Reason]: ...


class Deciding(NamedTuple):
    """What a stream needs of its engine."""

    point: Ready | None
    moment: Timestamp
    scan: Scan
    transforms: Transforms
    decide: Callable[[Mapping[str, Any]], Decision]
    adecide: Callable[[Mapping[str, Any]], Awaitable[Decision]]


class _Ask(NamedTuple):
    source: Source
    request: Request


class _Decide(NamedTuple):
    input: Mapping[str, Any]


Work = Generator[_Ask | _Decide, Any, Any]
"""Work that waits for answers of guards and for decisions, whoever gets them and how."""

Result = tuple[Sequence[int], Sequence[tuple[int, EvaluationError]]]


class _Window(Request):
    """The part of a text that guards look at next."""

    __slots__ = ()

    def __init__(self, point: PointProgram, scan: Scan, field: str, text: str, origin: str) -> None:
        super().__init__(point, {}, None, scan)
        if "\0" in text:
            self._texts = FactError("unreadable-text", f"`{field[:80]}` is binary")
        elif not text.isascii() and _HALF.search(text):
            why = f"`{field[:80]}` is in a wrong encoding"
            self._texts = FactError("unreadable-text", why)
        else:
            origins = {field: origin}
            self._texts = Texts([(field, text)], origins=origins, deadline=self.deadline)


@dataclass(slots=True)
class _Track:
    """What one question has found so far.

    `settled` is where findings may still begin that it has not told, `left` where the guard must
    begin to read to know them. `pending` are findings that are not sent.
    """

    answer: list[Finding] = field(default_factory=list)
    pending: list[Finding] = field(default_factory=list)
    settled: int = 0
    left: int = 0
    error: FactError | None = None


class Stream:
    """An answer that is passed on while it comes. For one task at a time.

    `feed` is given text as it comes and gives text that may be sent; `close` gives the rest. Once
    `decision` is there, the stream has ended: with a refusal, or with the decision on the whole.
    `holdback` says how many characters are held back, a run of what is neither letter nor digit
    counting as one; None means all of them until the end, because of what `held_by` names: guards
    that judge a text as a whole, or `rules` that read it themselves.
    """

    def __init__(self, deciding: Deciding, input: Mapping[str, Any], field: str) -> None:
        self.decision: Decision | None = None
        self.field = field
        self._deciding = deciding
        self._steps: tuple[Step, ...] = ()
        self._input = input
        self._origin = "unknown"
        self.held_by: tuple[str, ...] = ()
        self.holdback: int | None = 0
        self._open = False
        self._chunks: list[str] = []
        self._half = ""
        self._length = 0
        self._tail = Tail()
        self._units = Units()
        self._looked = 0
        self._window = 0
        self._sent = 0
        self._removed: list[Redaction] = []
        self._tracks: dict[int, _Track] = {}
        self._matched: Sequence[int] = ()
        self._asked: set[int] = set()
        if deciding.point is not None and isinstance(input, dict):
            self._prepare(deciding.point, input)

    def open(self) -> None:
        """Decides on all that is known before the first text: `decision` is there if it is no."""
        self._now(self._opened())

    async def aopen(self) -> None:
        """`open`, awaiting guards."""
        await self._later(self._opened())

    def feed(self, text: str) -> str:
        """What may be sent now that this text has come; nothing once the stream has ended."""
        return str(self._now(self._fed())) if self._is_due(text) else ""

    async def afeed(self, text: str) -> str:
        """`feed`, awaiting guards."""
        return str(await self._later(self._fed())) if self._is_due(text) else ""

    def close(self, input: Mapping[str, Any] | None = None) -> str:
        """What may still be sent at the end. `decision` is there then, and the one on the whole.

        `input` is the input as it is at the end, where more of it is known by then. Raises
        `ValueError` where it has no place for the field.
        """
        return str(self._now(self._closed(input)))

    async def aclose(self, input: Mapping[str, Any] | None = None) -> str:
        """`close`, awaiting guards."""
        return str(await self._later(self._closed(input)))

    @property
    def ended(self) -> bool:
        """Whether there is nothing to be sent any more."""
        return self.decision is not None

    def _now(self, work: Work) -> Any:
        answer: Any = None
        try:
            while True:
                wanted = work.send(answer)
                if isinstance(wanted, _Ask):
                    answer = wanted.source.ask_now(wanted.request)
                else:
                    answer = self._deciding.decide(wanted.input)
        except StopIteration as end:
            return end.value

    async def _later(self, work: Work) -> Any:
        answer: Any = None
        try:
            while True:
                wanted = work.send(answer)
                if isinstance(wanted, _Ask):
                    answer = await wanted.source.ask_later(wanted.request)
                else:
                    answer = await self._deciding.adecide(wanted.input)
        except StopIteration as end:
            return end.value

    def _prepare(self, point: Ready, input: dict[str, Any]) -> None:
        self._steps = steps(self.field)
        path = path_of(self._steps, point.program.texts)
        if path is None:
            raise ValueError(f"`{self.field[:80]}` is no text of `{point.program.name}`")
        self._input = placed(input, self._steps, "")
        self._origin = _origin(point.program, path, self.field, self._input)
        bounds = {source.name: source.holdback for source in point.sources}
        unbounded = [name for name, bound in bounds.items() if bound is None]
        if _reads(point, path):
            unbounded.append("rules")
        self.held_by = tuple(unbounded)
        known = [bound for bound in bounds.values() if bound is not None]
        self.holdback = None if unbounded else max(known) + MARGIN if known else 0

    def _opened(self) -> Work:
        if self._open or self.ended:
            return
        if self._deciding.point is None or not self._steps:
            self.decision = yield _Decide(self._input)
        elif "rules" not in self.held_by:
            # What rules say who read the text themselves, nobody knows before it is there.
            yield from self._judged()
        # Only now: whoever is cancelled above opens again.
        self._open = True

    def _is_due(self, text: str) -> bool:
        """Adds text; whether there is enough of it to be looked at, or to be refused."""
        if self.ended:
            return False
        self._take(text)
        if not self._open or self._length > self._most:
            return True
        if self.holdback is None:
            return False
        new = self._units.count - self._looked
        return not self.holdback or new >= max(MIN_STEP, self.holdback // 2, self._window)

    def _fed(self) -> Work:
        yield from self._opened()
        if not self.ended and self._length > self._most:
            yield from self._outgrown()
        if self.ended or self.holdback is None:
            return ""
        self._looked = self._units.count
        # A window that grows is read again when it has grown by a part of itself, so that the
        # work stays linear.
        left = [self._tracks[number].left for number in self._asked]
        self._window = (self._length - min(left, default=self._length)) // 5
        allowed = True
        if self._deciding.point and self._deciding.point.sources:
            allowed = yield from self._judged()
        return (yield from self._passed()) if allowed else ""

    def _closed(self, input: Mapping[str, Any] | None) -> Work:
        yield from self._opened()
        if self.ended:
            return ""
        self._take("", last=True)
        whole = "".join(self._chunks)
        last = self._input if input is None else input
        decision: Decision = yield _Decide(placed(last, self._steps, whole))
        redactions = [r for r in decision.redactions if r.field == self.field]
        if any(self._has_sent(redaction) for redaction in redactions):
            decision = replace(
                decision, verdict="deny", reasons=(*decision.reasons, _SENT), content={}
            )
        self.decision = decision
        if not decision.allowed:
            return ""
        return applied(whole[self._sent :], list(self._rest(redactions)), self._sent)

    def _rest(self, redactions: Sequence[Redaction]) -> Iterator[Redaction]:
        """What is redacted behind what was sent. What stands for it may have been sent before."""
        for redaction in redactions:
            if redaction.start >= self._sent:
                yield redaction
            elif redaction.end > self._sent:
                yield replace(redaction, start=self._sent, replacement="")

    def _has_sent(self, redaction: Redaction) -> bool:
        """Whether something was sent that the decision on the whole redacts."""
        start, end = redaction.start, min(redaction.end, self._sent)
        return start < end and not any(
            one.start <= start and end <= one.end and _tells_no_more(one, redaction)
            for one in self._removed
        )

    @property
    def _most(self) -> int:
        point = self._deciding.point
        return self._deciding.scan.characters if point and point.sources else MAX_CHARACTERS

    def _outgrown(self) -> Work:
        """The text is longer than guards look at: the rules decide what that means."""
        if self.holdback is not None or self._length > MAX_CHARACTERS:
            yield from self._ended()
        if not self.ended and self._length > MAX_CHARACTERS:
            self.decision = replace((yield self._decided()), verdict="deny", reasons=(_TOO_LONG,))

    def _take(self, text: str, last: bool = False) -> None:
        """Adds text. Half a character (of a surrogate pair) waits for its other half."""
        text, self._half = self._half + text, ""
        if not last and _HIGH.search(text):
            text, self._half = text[:-1], text[-1]
        if not text.isascii() and _PAIR.search(text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if not text:
            return
        self._chunks.append(text)
        self._length += len(text)
        if self.holdback is not None:
            self._tail.add(text)
            self._units.add(text)

    def _decided(self) -> _Decide:
        return _Decide(placed(self._input, self._steps, "".join(self._chunks)))

    def _ended(self) -> Work:
        """Ends with a decision on what has come, unless that is allowed: then all is held back."""
        decision: Decision = yield self._decided()
        if decision.allowed:
            self.holdback = None
        else:
            self.decision = decision

    def _judged(self) -> Work:
        """Whether rules allow what is settled; ends the stream where no text can change a no."""
        point = self._deciding.point
        assert point is not None
        result: Result = point.function(self._input, self._deciding.moment)
        asked = self._asked = set[int]()
        if point.sources:
            result = yield from self._driven(result, asked)
        matched, errors = result
        outcome = Outcome(point.program, {})
        for position in matched:
            outcome.match(position, point.reason(position))
        for position, error in errors:
            outcome.fail(position, error)
        self._matched = matched
        if outcome.settle() == "allow":
            return True
        if not asked or errors or any(self._is_final(position) for position in matched):
            yield from self._ended()
        return False

    def _driven(self, run: Any, asked: set[int]) -> Work:
        try:
            number = next(run)
            while True:
                answer = yield from self._answered(number)
                asked.add(number)
                number = run.send(answer)
        except StopIteration as end:
            return end.value

    def _is_final(self, position: int) -> bool:
        """Whether a rule refuses because of what was found, and not of what is still missing."""
        point = self._deciding.point
        assert point is not None
        rule = point.program.rules[position]
        if rule.mode != "enforce" or rule.verdict is None:
            return False
        facts = [i for i, ids in enumerate(point.program.asked_by) if rule.id in ids]
        return all(i in self._tracks and self._tracks[i].answer for i in facts)

    def _answered(self, number: int) -> Work:
        """All that a question has found in what is settled, and in the other texts."""
        point = self._deciding.point
        assert point is not None
        track = self._tracks.get(number)
        if track is None:
            track = _Track()
            request = Request(point.program, self._input, None, self._deciding.scan)
            answer: Answer = yield _Ask(point.sources[number], request)
            if isinstance(answer, FactError):
                track.error = answer
            else:
                track.answer += answer
            self._tracks[number] = track
        if track.error is None and self.holdback:
            boundary, left = self._units.settled(self.holdback)
            if boundary > track.settled:
                yield from self._looked_at(point, number, track, boundary)
                if track.settled == boundary:
                    track.left = left
        return track.error or track.answer

    def _looked_at(self, point: Ready, number: int, track: _Track, boundary: int) -> Work:
        text = self._text(track.left)
        source = point.sources[number]
        boundary = max(min(boundary, track.left + source.unfinished(text)), track.settled)
        window = _Window(point.program, self._deciding.scan, self.field, text, self._origin)
        answer: Answer = yield _Ask(source, window)
        if isinstance(answer, FactError):
            track.error = answer
            return
        for found in answer:
            start, end = found.get("start", -1), found.get("end", -1)
            if not 0 <= start < end <= len(text) or found.get("field") != self.field:
                track.error = FactError("fact-malformed", "a finding is not in the text")
                return
            if track.settled <= track.left + start < boundary:
                moved = {**found, "start": track.left + start, "end": track.left + end}
                track.answer.append(moved)
                track.pending.append(moved)
        track.settled = boundary
        if len(track.answer) > MAX_FINDINGS:
            why = f"more than {MAX_FINDINGS:,} findings"
            track.error = FactError("too-many-findings", why)

    def _text(self, start: int) -> str:
        """The text from a place on."""
        if start < self._tail.at:
            return "".join(self._chunks)[start:]
        return self._tail.text()[start - self._tail.at :]

    def _passed(self) -> Work:
        """What may be sent of what is settled, redacted."""
        start = self._sent
        settled = [self._tracks[number].settled for number in self._asked]
        if self.holdback:
            settled.append(self._units.settled(self.holdback)[0])
        cut = self._uncut(min(settled, default=self._length))
        if cut <= start:
            return ""
        wanted = [piece for piece in self._wanted() if piece.start < cut]
        if any(piece.start < start for piece in wanted):
            # A rule has come to redact what was sent; the decision on the whole will say so.
            self.holdback = None
            return ""
        text = self._text(start)[: cut - start]
        moved = [p._replace(start=p.start - start, end=p.end - start) for p in wanted]
        redactions, content, failures = merged(moved, {self.field: text}, self._deciding.transforms)
        if failures:
            yield from self._ended()
            return ""
        self._removed += [replace(r, start=r.start + start, end=r.end + start) for r in redactions]
        self._sent = cut
        for track in self._tracks.values():
            track.pending = [found for found in track.pending if found["end"] > cut]
        self._tail.keep(min([cut, *(self._tracks[number].left for number in self._asked)]))
        return content.get(self.field, text)

    def _uncut(self, cut: int) -> int:
        """The place at or before another one that lies in no finding, nor in a row of them."""
        spans = sorted(
            (found["start"], found["end"])
            for track in self._tracks.values()
            for found in track.pending
        )
        begin = end = -1
        for start, stop in spans:
            if start >= end:
                begin = start
            end = max(end, stop)
        return begin if begin < cut < end else cut

    def _wanted(self) -> Iterator[Piece]:
        point = self._deciding.point
        for position in self._matched if point is not None else ():
            rule: RuleInfo = point.program.rules[position]  # type: ignore[union-attr]
            for effect in rule.obligations if rule.mode == "enforce" else ():
                if isinstance(effect, Redact):
                    found = [f for fact in rule.facts for f in self._pending(fact)]
                    yield from pieces(rule, effect, found)

    def _pending(self, fact: int) -> list[Finding]:
        return self._tracks[fact].pending if fact in self._tracks else []


def _tells_no_more(one: Redaction, other: Redaction) -> bool:
    return STYLES.index(one.style) >= STYLES.index(other.style)


_SENT: Final = Reason(
    code="not-redactable",
    effect="deny",
    message="the whole answer has shown that something must be redacted in what was sent of it",
)
_TOO_LONG: Final = Reason(
    code="invalid-input",
    effect="deny",
    message=f"the answer has more than {MAX_CHARACTERS:,} characters",
)


def _origin(
    point: PointProgram, path: tuple[str, ...], field: str, input: Mapping[str, Any]
) -> str:
    """Whose words the field is, as `policyengine.request.texts` says."""
    number = point.texts.index(path)
    try:
        found = texts(input, (path,), point.origins[number : number + 1])
    except FactError:
        return "unknown"
    return next((text.origin for text in found if text.field == field), "unknown")


def _reads(point: Ready, path: tuple[str, ...]) -> bool:
    """Whether a rule of a point may read a text itself: code names each field that it reads."""
    name = next(step for step in reversed(path) if step not in {"[]", "**"})
    prefix = point.program.function
    found = [
        value.__code__
        for key, value in getattr(point.function, "__globals__", {}).items()
        if key.startswith(prefix) and hasattr(value, "__code__")
    ]
    # Code that cannot be looked at may read anything.
    return not found or any(_names(code, name) for code in found)


def _names(code: CodeType, name: str) -> bool:
    return any(
        value == name
        if isinstance(value, str)
        else isinstance(value, CodeType) and _names(value, name)
        for value in code.co_consts
    )

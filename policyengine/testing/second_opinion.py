"""A second opinion: a bundle's conditions, evaluated by cel-python as well.

    opinion = SecondOpinion(checked)
    opinion.ask(engine, "llm.request", request)
    opinion.found.disagreements

Every condition of every rule at the point is written out as CEL text, parsed and evaluated by
cel-python, and what it gives is held against what this engine's clause traces and decisions say.
cel-python is a development dependency that is imported here alone, when an opinion is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from policyengine.engine.accounts import Account, LimitSource
from policyengine.errors import FactError, PolicyEngineError
from policyengine.explanation import ClauseTrace, RuleTrace, explain
from policyengine.source import Span
from policyengine.testing.cel_python_defects import Defect, defect_behind
from policyengine.testing.cel_python_text import Unaskable, Written, written
from policyengine.testing.cel_python_values import as_cel_python, of_type
from policyengine.values.times import Timestamp

if TYPE_CHECKING:
    from policyengine.api import Engine
    from policyengine.engine.facts import Answer, Known
    from policyengine.program import FactInfo
    from policyengine.rules.model import (
        CheckedBundle,
        CheckedCondition,
        CheckedPoint,
        CheckedRule,
    )

INSTALL = "pip install cel-python"


class NoSecondEngineError(PolicyEngineError):
    """cel-python is not installed."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine says of a condition: it holds, it does not, or it cannot be evaluated.

    `error` names the kind of the error, never its text, which may quote the request.
    """

    holds: bool | None
    error: str = ""

    def __str__(self) -> str:
        if self.holds is None:
            return f"error ({self.error})"
        return "true" if self.holds else "false"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A condition on which the two differ; `defect` is known to be behind it, if one is."""

    policy: str
    rule: str
    clause: str
    text: str
    ours: Said
    theirs: Said
    span: Span
    defect: Defect | None = None


@dataclass(frozen=True, slots=True)
class NotAsked:
    """A condition that cel-python has no words for, and why."""

    policy: str
    rule: str
    clause: str
    why: str
    span: Span


@dataclass(frozen=True, slots=True)
class Opinion:
    """What cel-python says of the conditions that it was asked about.

    `agreed` counts answers; what is said of one condition more than once is listed once.
    """

    engine: str
    agreed: int = 0
    disagreements: tuple[Disagreement, ...] = ()
    not_asked: tuple[NotAsked, ...] = ()

    @property
    def unexplained(self) -> tuple[Disagreement, ...]:
        """The disagreements that no known defect of cel-python explains."""
        return tuple(found for found in self.disagreements if found.defect is None)


@dataclass(slots=True)
class _Asking:
    """One request, as the other engine gets it."""

    context: dict[str, Any]
    answers: dict[int, Any] = field(default_factory=dict)


class SecondOpinion:
    """Asks cel-python about the rules of a checked bundle, one request after the other.

    Raises `NoSecondEngineError`, with the command that installs it, where it is not there.
    """

    def __init__(self, checked: CheckedBundle) -> None:
        try:
            import celpy
        except ImportError:
            raise NoSecondEngineError("cel-python is not installed") from None
        self._celpy: Any = celpy
        self._environment = celpy.Environment()
        self._functions = frozenset(self._celpy.evaluation.base_functions) | {"dyn"}
        self._checked = checked
        self._written: dict[int, Written | Unaskable] = {}
        self._runners: dict[str, Any] = {}
        self._agreed = 0
        # INVARIANT: at most one entry for each condition and pair of answers.
        self._disagreements: dict[Any, Disagreement] = {}
        self._not_asked: dict[int, NotAsked] = {}

    @property
    def found(self) -> Opinion:
        """What was found so far."""
        return Opinion(
            f"cel-python {version('cel-python')}",
            self._agreed,
            tuple(self._disagreements.values()),
            tuple(self._not_asked.values()),
        )

    def ask(
        self,
        engine: Engine,
        point: str,
        input: Mapping[str, Any],
        *,
        facts: Known | None = None,
        now: datetime | None = None,
    ) -> None:
        """Hold both engines' answers for one request against each other.

        `engine` runs the program of the checked bundle; `facts` and `now` are as in
        `Engine.decide`. An unknown point, or an input that is no object, has nothing to ask.
        """
        known = self._checked.points.get(point)
        if known is None or not isinstance(input, dict):
            return
        explained = explain(self._checked, engine, point, input, facts=facts, now=now, ask=True)
        asking = self._asking(known, input, Timestamp(explained.decision.time_ns))
        answer = _Answers(engine, point, input, facts, explained.decision.time_ns)
        for rule, trace in zip(known.rules, explained.rules, strict=True):
            variables = self._variables(known, rule, asking, answer)
            told = [
                self._clause(rule, condition, clause, {**asking.context, **variables}, answer)
                for condition, clause in zip(rule.conditions, trace.clauses, strict=True)
            ]
            self._decided(rule, trace, told, _counted(explained.decision))

    def _asking(self, point: CheckedPoint, input: Mapping[str, Any], now: Timestamp) -> _Asking:
        convert = as_cel_python(self._celpy.celtypes)
        return _Asking(
            {
                "__input": convert(of_type(input, point.point.input)),
                "__constants": convert(dict(self._checked.constants)),
                "__now": convert(now),
            }
        )

    def _variables(
        self, point: CheckedPoint, rule: CheckedRule, asking: _Asking, answers: _Answers
    ) -> dict[str, Any]:
        """The policy's variables, each computed by cel-python; one that fails is not there."""
        made = self._celpy.celtypes.MapType()
        context = {**asking.context, "__variables": made}
        for name, condition in point.variables.get(rule.policy.name, {}).items():
            text = self._text(condition)
            if isinstance(text, Unaskable):
                continue
            try:
                made[self._celpy.celtypes.StringType(name)] = self._value(text, context, answers)
            except _FailedError:
                continue
        return {"__variables": made}

    def _clause(
        self,
        rule: CheckedRule,
        condition: CheckedCondition,
        clause: ClauseTrace,
        context: dict[str, Any],
        answers: _Answers,
    ) -> Said | None:
        """What both say of a clause; None where they differ, or it could not be asked."""
        text = self._text(condition)
        where = (rule.policy.name, rule.rule.id, condition.clause)
        if isinstance(text, Unaskable):
            self._not_asked[id(condition)] = NotAsked(*where, text.why, condition.span)
            return None
        ours = Said(clause.holds, _code(clause))
        theirs = self._said(text, condition, context, answers)
        if ours.holds is theirs.holds:
            self._agreed += 1
            return theirs
        defect = defect_behind(condition.expression, ours.holds, theirs.holds, theirs.error)
        shown = text.text if len(text.text) <= 200 else text.text[:199] + "…"
        found = Disagreement(*where, shown, ours, theirs, condition.span, defect)
        self._disagreements[id(condition), ours, theirs] = found
        return None

    def _decided(
        self,
        rule: CheckedRule,
        trace: RuleTrace,
        told: list[Said | None],
        decided: Mapping[tuple[str, str], bool],
    ) -> None:
        """Holds the compiled decision against a rule on whose every clause they agree."""
        holds = [said.holds for said in told if said is not None]
        if len(holds) < len(told) or trace.result == "error" or None in holds:
            return
        matched = decided.get((rule.policy.name, rule.rule.id), False)
        asks = any(condition.facts for condition in rule.conditions)
        if matched is all(holds) or (asks and not matched) or trace.effect == "trigger":
            return
        key = (id(rule), matched)
        self._disagreements[key] = Disagreement(
            rule.policy.name, rule.rule.id, "the whole rule", "", Said(matched), Said(all(holds)),
            rule.rule.span,
        )  # fmt: skip

    def _text(self, condition: CheckedCondition) -> Written | Unaskable:
        found = self._written.get(id(condition))
        if found is None:
            found = written(condition, self._functions)
            self._written[id(condition)] = found
        return found

    def _said(
        self,
        text: Written,
        condition: CheckedCondition,
        context: dict[str, Any],
        answers: _Answers,
    ) -> Said:
        try:
            value = self._value(text, context, answers)
        except _FailedError as error:
            return Said(None, error.kind)
        if not isinstance(value, self._celpy.celtypes.BoolType):
            return Said(None, f"{type(value).__name__} is no bool")
        return Said(bool(value) is not condition.negate)

    def _value(self, text: Written, context: dict[str, Any], answers: _Answers) -> Any:
        """What cel-python gives; raises `_FailedError`."""
        convert = as_cel_python(self._celpy.celtypes)
        known = {name: answers.of(fact) for name, fact in text.facts.items()}
        # A fact that failed is not there: an error of the part that needs it, and of no other.
        facts = {n: convert(a) for n, a in known.items() if not isinstance(a, FactError)}
        failed = len(facts) < len(known)
        try:
            runner = self._runners.get(text.text)
            if runner is None:
                program = self._environment.compile(text.text)
                runner = self._runners[text.text] = self._environment.program(program)
            return runner.evaluate({**context, **facts})
        except self._celpy.CELEvalError as error:
            classes = [arg.__name__ for arg in error.args if isinstance(arg, type)]
            kind = classes[0] if classes else "CELEvalError"
            raise _FailedError("fact" if failed else kind) from None
        # Whatever else the other engine raises is an answer, too: it must not stop this one.
        except Exception as error:
            raise _FailedError(type(error).__name__) from None


class _FailedError(Exception):
    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class _Answers:
    """The answers to the questions of fact calls, each asked once."""

    def __init__(
        self,
        engine: Engine,
        point: str,
        input: Mapping[str, Any],
        known: Known | None,
        time_ns: int,
    ) -> None:
        from policyengine.engine.facts import Request

        self._engine = engine
        self._point = point
        account = Account(engine.store, None, time_ns / 1e9, hold=False)
        self._request = Request(
            engine.program.points[point], input, known, engine.program.scan, account
        )
        # To the microsecond, as tests have it.
        now = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC) + timedelta(
            microseconds=time_ns // 1_000 % 1_000_000
        )
        self._answers = engine.answered(point, input, facts=known, now=now)[1]
        self._known: dict[str, Answer] = {}

    def of(self, fact: FactInfo) -> Answer:
        """The findings, recorded or found, or why there are none."""
        from policyengine.codegen.passes import question

        key = question(fact)
        if key not in self._known:
            self._known[key] = self._asked(key)
        return self._known[key]

    def _asked(self, key: str) -> Answer:
        """The decision's own answer, where it asked; limits and the past stand as it saw them."""
        from policyengine.codegen.passes import question

        facts = self._engine.program.points[self._point].facts
        position = next(i for i, fact in enumerate(facts) if question(fact) == key)
        if position in self._answers:
            return self._answers[position]
        source = self._engine.sources(self._point)[position]
        if isinstance(source, LimitSource):
            return FactError("fact-not-asked", "a limit is only asked by the decision")
        return source.ask_now(self._request)


def _counted(decision: Any) -> dict[tuple[str, str], bool]:
    """The rules that a decision says to have matched."""
    reasons = (*decision.reasons, *decision.shadow)
    return {(reason.policy, reason.rule): True for reason in reasons if reason.rule}


def _code(clause: ClauseTrace) -> str:
    message = clause.step.error
    return message.rpartition("(")[2].rstrip(")") if message else ""


def together(opinions: list[Opinion]) -> Opinion:
    """The opinions on several bundles as one."""
    whole = Opinion(opinions[0].engine if opinions else "")
    for each in opinions:
        whole = replace(
            whole,
            agreed=whole.agreed + each.agreed,
            disagreements=whole.disagreements + each.disagreements,
            not_asked=whole.not_asked + each.not_asked,
        )
    return whole

"""Random checked bundles of one decision point, inputs for them, and what the interpreter says.

The conditions are those of the strategies for expressions, over a point whose fields may be
required or not. They use the policy's variables, which use each other, constants and facts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from strategies import MACROS, USER, VARIABLES, _Writer, types, values
from test_emit_against_interpreter import checked_or_rejected

from policyengine.cel import types as t
from policyengine.cel.ast import Call
from policyengine.cel.checked import CheckedExpression, Declarations
from policyengine.cel.functions import library, table
from policyengine.cel.interpret import evaluate
from policyengine.cel.parser import parse
from policyengine.errors import EvaluationError, FactError
from policyengine.program import (
    Allow,
    Deny,
    Redact,
    RequireApproval,
    Route,
    Tag,
    Trigger,
    Warn,
)
from policyengine.rules.combining import on_error_of, split
from policyengine.rules.constants import type_of
from policyengine.rules.facts import fact_functions, questions
from policyengine.rules.model import (
    Bundle,
    CheckedBundle,
    CheckedCondition,
    CheckedPoint,
    CheckedRule,
    Point,
    Policy,
    Rule,
)
from policyengine.source import Span, Text
from policyengine.values import conform
from policyengine.values.clock_text import format_timestamp
from policyengine.values.times import Duration, Timestamp

NAME = "test.point"
NOW = Timestamp(1_700_000_000_000_000_000)
CONSTANTS: Mapping[str, Any] = {
    "limit": 2, "names": ["a", "admin"], "ratio": 1.5, "on": True, "table": {"a": 1},
    "mixed": [1, "a"],
}  # fmt: skip
# What stands in front of a question about facts, cheapest first.
WORDS = ("a", "admin", "zebra")
FACTS = (
    "size(words(['{word}'])) > {number}",
    "words(['{word}']).exists(f, f.start > {number})",
    "words(['{word}']) == []",
    "words(['{word}']) != []",
    "(ok || size(words(['{word}'])) == {number})",
    "words(['{word}']).all(f, f.type == 'WORD')",
)
_FIELDS = {name: type_ for name, type_ in VARIABLES.items() if name != "now"}
# A whole variable is no field, so `has()` cannot ask for it.
_NO_FIELD = re.compile(r"has\((constants|variables)\.\w+\)")
_SPAN = Span("policy.yaml", 1, 1, 1, 2)


class Random(CheckedBundle):
    """A checked bundle that shows its texts alone."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def __repr__(self) -> str:
        point = self.points[NAME]
        variables = {
            f"{policy}/{name}": condition.expression.ast.text.value
            for policy, named in point.variables.items()
            for name, condition in named.items()
        }
        rules = [
            (
                rule.policy.name, rule.rule.id, rule.mode, rule.on_error, rule.rule.verdict,
                *((c.clause, c.expression.ast.text.value) for c in rule.conditions),
            )
            for rule in point.rules
        ]  # fmt: skip
        required = [name for name, field in point.point.input.fields.items() if field.required]
        return f"<{point.default}: {variables} {rules} required: {required}>"[:8000]


@st.composite
def bundles(draw: st.DrawFn, *, facts: bool = True, rules: int = 5) -> CheckedBundle:
    """A bundle with one point, `NAME`, of a few rules in one or two policies."""
    required = draw(st.lists(st.sampled_from(sorted(_FIELDS)), unique=True, max_size=8))
    fields = {name: t.FieldType(type_, name in required) for name, type_ in _FIELDS.items()}
    point = Point(NAME, "", t.ObjectType(NAME, fields), (("text",), ("words", "[]")), {})
    functions = table([*library("standard").functions, *fact_functions(point)])
    names: dict[str, t.Type] = {f"constants.{n}": type_of(v) for n, v in CONSTANTS.items()}
    policies = [Policy(f"policy{i}", (NAME,), (), _SPAN) for i in range(draw(st.integers(1, 2)))]
    variables: dict[str, dict[str, CheckedCondition]] = {}
    made: list[CheckedRule] = []
    for policy in policies:
        scope = dict(names)
        declared = {**VARIABLES, **scope}
        known: dict[str, CheckedCondition] = {}
        for number in range(draw(st.integers(0, 3))):
            text = _drawn(draw, scope, draw(types(0)))
            if facts and draw(st.integers(0, 5)) == 0:
                text = _question(draw)
            elif number and draw(st.integers(0, 2)) == 0:
                text = f"[variables.v{number - 1}, variables.v{number - 1}]"
            declarations = Declarations(declared, functions, {"test.User": USER})
            checked = checked_or_rejected(_parsed(text), declarations)
            known[f"v{number}"] = _condition("variable", checked, False)
            scope[f"variables.v{number}"] = declared[f"variables.v{number}"] = checked.type
        variables[policy.name] = known
        declarations = Declarations(declared, functions, {"test.User": USER})
        for _ in range(draw(st.integers(1, rules))):
            rule = _rule(draw, f"rule{len(made)}")
            conditions = tuple(
                _clause(draw, scope, declarations, facts) for _ in range(draw(st.integers(0, 3)))
            )
            mode = draw(st.sampled_from(["enforce", "enforce", "enforce", "warn", "shadow"]))
            made += [
                CheckedRule(part, policy, conditions, mode, on_error_of(part))
                for part in split(rule)
            ]
    default = draw(st.sampled_from(["allow", "deny", "require_approval"]))
    checked_point = CheckedPoint(point, default, tuple(made), variables)
    bundle = Bundle("", "random", "1.0.0", "sha256:0", (), {NAME: point}, CONSTANTS, {}, (), {}, {})
    return Random(bundle, {NAME: checked_point}, CONSTANTS)


def _parsed(text: str) -> Any:
    return parse(Text.plain(text, "policy.yaml"), macros=MACROS)


def _drawn(draw: st.DrawFn, scope: Mapping[str, t.Type], type_: t.Type) -> str:
    writer = _Writer(draw)
    writer._scope = list(scope.items())
    text = writer.expression(type_, draw(st.integers(0, 2)))
    return _NO_FIELD.sub("(1 == 1)", text)


def _question(draw: st.DrawFn) -> str:
    word, number = draw(st.sampled_from(WORDS)), draw(st.integers(0, 1))
    return draw(st.sampled_from(FACTS)).format(word=word, number=number)


def _condition(clause: str, checked: CheckedExpression, negate: bool) -> CheckedCondition:
    # None of the questions reads a field.
    asked, problems = questions(checked, CONSTANTS, Point(NAME, "", t.ObjectType(NAME, {}), (), {}))
    assert not problems
    return CheckedCondition(clause, checked, negate, _SPAN, asked)


def _clause(
    draw: st.DrawFn, scope: Mapping[str, t.Type], declarations: Declarations, facts: bool
) -> CheckedCondition:
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        if facts and draw(st.integers(0, 4)) == 0:
            parts.append(_question(draw))
        else:
            parts.append(_drawn(draw, scope, t.BOOL))
    bools = [name for name, type_ in scope.items() if type_ == t.BOOL]
    if bools and draw(st.booleans()):
        parts.insert(0, draw(st.sampled_from(bools)))
    joint = " && " if draw(st.integers(0, 3)) else " || "
    text = joint.join(f"({part})" for part in parts)
    checked = checked_or_rejected(_parsed(text), declarations, t.BOOL)
    negate = draw(st.integers(0, 3)) == 0
    return _condition("unless" if negate else "when", checked, negate)


def _rule(draw: st.DrawFn, name: str) -> Rule:
    verdict = draw(
        st.sampled_from([None, Allow(), Deny("no"), Deny("never", "log"), RequireApproval("ask")])
    )
    obligations = draw(
        st.lists(
            st.sampled_from(
                [
                    Redact("mask"), Redact("label"), Route("cheap", 1), Trigger("scan", True),
                    Trigger("scan"), Warn("mind"), Tag({"k": name}),
                ]
            ),
            max_size=0 if verdict is not None and not isinstance(verdict, Allow) else 2,
            min_size=0 if verdict is not None else 1,
        )
    )  # fmt: skip
    on_error = draw(st.sampled_from([None, None, None, "match", "skip"]))
    return Rule(name, (), verdict, tuple(obligations), _SPAN, on_error=on_error)


@st.composite
def inputs(draw: st.DrawFn) -> dict[str, Any]:
    """An input of the point in which anything may be missing."""
    whole = {name: values(type_) for name, type_ in _FIELDS.items()}
    made: dict[str, Any] = draw(st.fixed_dictionaries(whole))
    for name in draw(st.lists(st.sampled_from(sorted(_FIELDS)), max_size=3, unique=True)):
        if draw(st.booleans()):
            del made[name]
        else:
            made[name] = None
    return made


def plain(value: Any) -> Any:
    """The value as JSON says it; what it cannot say is null."""
    match value:
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case Timestamp():
            return format_timestamp(value)
        case bytes() | Duration():
            return None
    return value


@dataclass
class Judged:
    """What the interpreter says of the rules of a point, one after the other.

    `answers` are findings or failures by the word that is looked for; `asked` collects the words.
    """

    checked: CheckedBundle
    input: Mapping[str, Any]
    answers: Mapping[str, Any]
    asked: set[str] = field(default_factory=set)

    def rule(self, rule: CheckedRule) -> bool | set[str]:
        """Whether the rule matches, or the codes of what failed."""
        codes: set[str] = set()
        for condition in rule.conditions:
            found = self._holds(rule, condition)
            if found is False:
                return False
            if found is not True:
                codes |= found
        return codes or True

    def _holds(self, rule: CheckedRule, condition: CheckedCondition) -> bool | set[str]:
        try:
            value = self._evaluate(rule.policy.name, condition)
        except EvaluationError as error:
            return {error.code}
        assert isinstance(value, bool)
        return value is not condition.negate

    def _evaluate(self, policy: str, condition: CheckedCondition) -> Any:
        def fact(node: Call) -> Any:
            word = condition.facts[node.id].config["any"][0]
            self.asked.add(word)
            answer = self.answers[word]
            if isinstance(answer, FactError):
                raise EvaluationError(answer.code, answer.message)
            return answer

        scope = _Scope(self, policy)
        return evaluate(condition.expression, {}, facts=fact, inputs=scope)


@dataclass
class _Scope:
    """The names that an expression of a policy may use."""

    judged: Judged
    policy: str

    def read(self, name: str, kind: str) -> Any:
        if name == "now":
            return NOW
        room, _, rest = name.partition(".")
        if room == "constants":
            return CONSTANTS[rest]
        if room == "variables":
            variables = self.judged.checked.points[NAME].variables
            return self.judged._evaluate(self.policy, variables[self.policy][rest])
        return conform.read(self.judged.input, name, kind)

    def part(self, name: str) -> Any:
        return conform.part(self.judged.input, name)

"""The compiled function of a random point against its rules, interpreted one by one."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from random_points import NAME, NOW, WORDS, Judged, bundles, inputs
from test_emit_against_interpreter import spoilt

import policyengine
from policyengine.errors import FactError
from policyengine.program import Deny, Program
from policyengine.rules.model import CheckedBundle, CheckedRule

FINDING = {"type": "WORD", "field": "text", "start": 0, "end": 1, "score": 1.0, "why": "entry 1"}
ANSWERS = st.sampled_from(
    [[], [FINDING], [FINDING, {**FINDING, "start": 3, "end": 4}], FactError("fact-failed", "no")]
)
Answers = dict[str, Any]


@st.composite
def hostile_inputs(draw: st.DrawFn) -> dict[str, Any]:
    made = draw(inputs())
    for name in draw(st.lists(st.sampled_from(sorted(made)), max_size=4, unique=True)):
        made[name] = spoilt(draw, made[name])
    return made


def run(program: Program, input: dict[str, Any], answers: Answers) -> tuple[Any, Any, list[str]]:
    """Matched rules, error codes by rule, and the words that were asked for, in order."""
    point = program.points[NAME]
    names = program.functions()
    going = names[point.function](input, NOW)
    asked: list[str] = []
    if point.facts:
        try:
            question = next(going)
            while True:
                asked.append(point.facts[question].config["any"][0])
                question = going.send(answers[asked[-1]])
        except StopIteration as end:
            going = end.value
    matched, errors = going
    for _, error in errors:
        assert error.__traceback__ is None
        assert error.__context__ is None
    assert matched == sorted(matched)
    assert [position for position, _ in errors] == sorted(position for position, _ in errors)
    return matched, {position: error.code for position, error in errors}, asked


def denies(rule: CheckedRule, failed: bool) -> bool:
    """Whether the verdict is settled as deny when the rule matched, or failed."""
    settled = isinstance(rule.rule.verdict, Deny) and rule.mode == "enforce"
    return settled and (not failed or rule.on_error == "match")


def expected(
    checked: CheckedBundle, program: Program, input: dict[str, Any], answers: Answers
) -> tuple[list[int], dict[int, set[str]]]:
    """Rule by rule; those that ask for facts last, and none of them once a rule has denied."""
    judged = Judged(checked, input, answers)
    rules = checked.points[NAME].rules
    asking = {
        position: max(questions)
        for position, rule in enumerate(rules)
        if (questions := _questions(checked, program, rule))
    }
    quick = [position for position in range(len(rules)) if position not in asking]
    later = sorted(asking, key=lambda position: (asking[position], position))
    matched: list[int] = []
    errors: dict[int, set[str]] = {}
    closed = False
    for position in [*quick, *later]:
        if closed and position in asking:
            continue
        found = judged.rule(rules[position])
        if found is True:
            matched.append(position)
        elif found is not False:
            errors[position] = found
        closed = closed or (found is not False and denies(rules[position], found is not True))
    return sorted(matched), errors


def _questions(checked: CheckedBundle, program: Program, rule: CheckedRule) -> set[int]:
    """The positions of the facts that a rule may ask for, in its variables too."""
    facts = [fact.config["any"][0] for fact in program.points[NAME].facts]
    variables = checked.points[NAME].variables[rule.policy.name]
    pending = list(rule.conditions)
    found: set[int] = set()
    while pending:
        condition = pending.pop()
        found.update(facts.index(fact.config["any"][0]) for fact in condition.facts.values())
        for reference in condition.expression.references.values():
            name = getattr(reference, "name", "")
            if name.startswith("variables."):
                pending.append(variables[name.removeprefix("variables.")])
    return found


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_point_gives_what_its_rules_give_one_by_one(data: st.DataObject) -> None:
    checked = data.draw(bundles())
    program = policyengine.compile(checked)
    texts = {
        r.rule.id: [c.expression.ast.text.value for c in r.conditions]
        for r in checked.points[NAME].rules
    }
    for strategy in (inputs(), hostile_inputs(), hostile_inputs()):
        input = data.draw(strategy)
        answers = {word: data.draw(ANSWERS) for word in WORDS}
        matched, errors = expected(checked, program, input, answers)
        found, codes, asked = run(program, input, answers)
        assert found == matched, (texts, input, answers)
        assert set(codes) == set(errors), (texts, input, answers, errors, codes)
        for position, code in codes.items():
            # Which of several errors is said depends on the order, and facts come last.
            asks = _questions(checked, program, checked.points[NAME].rules[position])
            assert asks or code in errors[position], (texts, input, errors, codes)
        assert len(asked) == len(set(asked))
        event(f"{len(matched)} matched, {len(errors)} failed, {len(asked)} asked")

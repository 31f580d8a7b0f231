"""Looking rules up finds what trying each of them finds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policyengine
from policyengine.codegen import index
from policyengine.program import Program
from policyengine.rules.load import load_text
from policyengine.values.times import Timestamp

NOW = Timestamp.of(datetime(2026, 1, 5, tzinfo=UTC))
MODELS = [f"m{i}" for i in range(6)]
TIERS = ["free", "pro", "team"]

CONDITIONS = st.one_of(
    st.builds('request.model == "{}"'.format, st.sampled_from(MODELS)),
    st.builds('"{}" == request.model'.format, st.sampled_from(MODELS)),
    st.builds(
        'request.model in ["{}", "{}"]'.format, st.sampled_from(MODELS), st.sampled_from(MODELS)
    ),
    st.builds(
        'request.model == "{}" || request.model == "{}"'.format,
        st.sampled_from(MODELS),
        st.sampled_from(MODELS),
    ),
    st.just("request.model in constants.some"),
    st.builds('subject.tier == "{}"'.format, st.sampled_from(TIERS)),
    st.builds('has(subject.tier) && subject.tier == "{}"'.format, st.sampled_from(TIERS)),
    st.builds('request.model.startsWith("{}")'.format, st.sampled_from(["m", "m1", "m2", "", "x"])),
    st.builds(
        "request.max_tokens {} {}".format,
        st.sampled_from(["<", "<=", ">", ">="]),
        st.integers(-2, 6),
    ),
    st.builds(
        "{} {} request.max_tokens".format,
        st.integers(-2, 6),
        st.sampled_from(["<", "<=", ">", ">="]),
    ),
    st.builds("request.max_tokens == {}".format, st.integers(0, 4)),
    st.builds("request.max_tokens + 9223372036854775800 > {}".format, st.integers(0, 3)),
    st.just("variables.long"),
    st.just("request.stream"),
)
RULES = st.lists(
    st.tuples(st.lists(CONDITIONS, min_size=1, max_size=3), st.booleans()), min_size=30, max_size=60
)
INPUTS = st.fixed_dictionaries(
    {
        "request": st.fixed_dictionaries(
            {"model": st.sampled_from([*MODELS, "m12", "", 5])},
            optional={
                "max_tokens": st.one_of(st.integers(-3, 8), st.sampled_from([1 << 70, True, 2.0])),
                "stream": st.booleans(),
            },
        )
    },
    optional={
        "subject": st.fixed_dictionaries({}, optional={"tier": st.sampled_from([*TIERS, None, 3])})
    },
)


def program(rules: list[tuple[list[str], bool]]) -> Program:
    """The program of one policy with these rules; the flag negates a rule's last condition."""
    made = []
    for number, (conditions, negated) in enumerate(rules):
        parts = [f"({condition})" for condition in conditions]
        rule: dict[str, Any] = {"id": f"r{number}", "deny": "no"}
        if negated:
            rule["unless"] = parts.pop()
        if parts:
            rule["when"] = " && ".join(parts)
        made.append(rule)
    policy = {
        "apiVersion": "policyengine.dev/v1",
        "kind": "Policy",
        "metadata": {"name": "p"},
        "on": ["llm.request"],
        "variables": {"long": 'size(request.model) > 1 && request.model != "m5"'},
        "rules": made,
    }
    bundle = {
        "apiVersion": "policyengine.dev/v1",
        "kind": "Bundle",
        "name": "b",
        "version": "1.0.0",
        "constants": {"some": MODELS[1:4]},
    }
    files = {"bundle.yaml": json.dumps(bundle), "p.yaml": json.dumps(policy)}
    return policyengine.compile(policyengine.check(load_text(files)))


def outcome(program: Program, input: dict[str, Any]) -> tuple[list[int], list[tuple[int, str]]]:
    names = program.functions()
    matched, errors = names[program.points["llm.request"].function](input, NOW)
    return matched, [(position, error.code) for position, error in errors]


@settings(max_examples=25)
@given(RULES, st.lists(INPUTS, min_size=8, max_size=8))
def test_looking_up_finds_what_trying_finds(
    rules: list[tuple[list[str], bool]], inputs: list[dict[str, Any]]
) -> None:
    indexed = program(rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "LEAST_RULES", 1_000_000)
        tried = program(rules)
    for input in inputs:
        assert outcome(indexed, input) == outcome(tried, input)


EQUAL = [([f'request.model == "m{i}"'], False) for i in range(40)]


@pytest.mark.parametrize(
    ("rules", "table"),
    [
        pytest.param(EQUAL, "_found_table", id="constants"),
        pytest.param(
            [
                ([f'request.model == "m{i}" && request.max_tokens + 1 > {i}'], False)
                for i in range(40)
            ],
            "_tests_table",
            id="constants-and-more",
        ),
        pytest.param(
            [([f'request.model.startsWith("m{i}-")'], False) for i in range(40)],
            "[:4]",
            id="prefixes",
        ),
        pytest.param(
            [([f"request.max_tokens > {i}"], False) for i in range(40)],
            "_bounds_table",
            id="thresholds",
        ),
    ],
)
def test_rules_with_constants_are_looked_up(
    rules: list[tuple[list[str], bool]], table: str
) -> None:
    python = program(rules).python
    assert table in python.partition("def llm_request")[2]


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(EQUAL[:10], id="few"),
        pytest.param([([f'!(request.model == "m{i}")'], False) for i in range(40)], id="negated"),
        pytest.param([([f'request.model == "m{i}"'], True) for i in range(40)], id="unless"),
        pytest.param(
            [
                ([f'request.model == "same" && request.max_tokens + 1 > {i}'], False)
                for i in range(40)
            ],
            id="one key for all",
        ),
    ],
)
def test_other_rules_are_tried(rules: list[tuple[list[str], bool]]) -> None:
    python = program(rules).python
    assert "_found_table" not in python
    assert "_tests_table" not in python


def test_one_path_of_many_constants_is_one_look_up() -> None:
    python = program(EQUAL).python
    assert python.count(".get(request_model") == 1

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
    st.builds(
        '{} subject.team == "{}"'.format,
        st.sampled_from(["", "!has(subject.tier) &&"]),
        st.sampled_from(TIERS),
    ),
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
    st.builds(
        "{}request.system.contains('{}')".format,
        st.sampled_from(["", "has(request.system) && "]),
        st.sampled_from(["a", "secret word 1", "secret word 12", "word 1", "é", ""]),
    ),
    st.builds(
        "{}request.max_tokens {} {}".format,
        st.sampled_from(["", "has(request.max_tokens) && ", "has(subject.tier) || "]),
        st.sampled_from(["==", ">", "<="]),
        st.integers(-1, 3),
    ),
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
                "max_tokens": st.one_of(
                    st.integers(-3, 8), st.sampled_from([1 << 70, True, 2.0, None])
                ),
                "stream": st.booleans(),
                "system": st.sampled_from(
                    ["", "aa secret word 12 secret word 12", "é", "\ud800", None, 4]
                ),
            },
        )
    },
    optional={
        "subject": st.fixed_dictionaries(
            {},
            optional={
                "tier": st.sampled_from([*TIERS, None, 3]),
                "team": st.sampled_from([*TIERS, None, 3]),
            },
        )
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


def judged(program: Program, input: dict[str, Any]) -> tuple[list[int], list[tuple[int, str, str]]]:
    names = program.functions()
    matched, errors = names[program.points["llm.request"].function](input, NOW)
    return matched, [(position, error.code, error.message) for position, error in errors]


def outcome(program: Program, input: dict[str, Any]) -> tuple[list[int], list[tuple[int, str]]]:
    matched, errors = judged(program, input)
    return matched, [(position, code) for position, code, _ in errors]


@settings(max_examples=25)
@given(RULES, st.lists(INPUTS, min_size=8, max_size=8))
def test_looking_up_finds_what_trying_finds(
    rules: list[tuple[list[str], bool]], inputs: list[dict[str, Any]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "LEAST_RULES", 1)
        indexed = program(rules)
        patch.setattr(index, "LEAST_RULES", 1_000_000)
        tried = program(rules)
    for input in inputs:
        assert judged(indexed, input) == judged(tried, input)


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
        pytest.param(
            [([f"request.max_tokens > {i} && request.stream"], False) for i in range(40)],
            "_bounds_table",
            id="thresholds-and-more",
        ),
        pytest.param(
            [([f"request.system.contains('m{i}')"], False) for i in range(40)],
            "_search_table",
            id="texts",
        ),
        pytest.param(
            [([f"has(request.system) && request.system == 'm{i}'"], False) for i in range(40)],
            "_found_table",
            id="guarded",
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
        pytest.param(EQUAL[:7], id="few"),
        pytest.param([([f"request.max_tokens > {i}"], False) for i in range(23)], id="few bounds"),
        pytest.param(
            [([f"request.system.contains('m{i}')"], False) for i in range(15)], id="few texts"
        ),
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
    for table in ("_found_table", "_tests_table", "_rest_table", "_bounds_table", "_search_table"):
        assert table not in python


def fails(code: str, *positions: int) -> list[tuple[int, str]]:
    return [(position, code) for position in positions]


COUNT = 30
MODEL = {"model": "m1", "stream": True}
ABSENT, OTHER = "no-such-field", "type-mismatch"


@pytest.mark.parametrize(
    ("condition", "input", "matched", "errors"),
    [
        pytest.param('subject.team == "t{}"', {"team": "t3"}, [3], [], id="there"),
        pytest.param('subject.team == "t{}"', {}, [], fails(ABSENT, *range(COUNT)), id="absent"),
        pytest.param(
            'subject.team == "t{}"', {"team": 3}, [], fails(OTHER, *range(COUNT)), id="no string"
        ),
        pytest.param('subject.team == "t{}" && !request.stream', {}, [], [], id="absorbed"),
        pytest.param(
            'subject.team == "t{}" && request.stream',
            {},
            [],
            fails(ABSENT, *range(COUNT)),
            id="not absorbed",
        ),
        pytest.param(
            'subject.team == "t{}" && request.max_tokens != {}',
            {},
            [],
            fails(ABSENT, *range(COUNT)),
            id="both absent",
        ),
        pytest.param(
            'subject.team == "t{}" && request.max_tokens != {}',
            {"team": "t2"},
            [],
            fails(ABSENT, 2),
            id="the rest absent",
        ),
        pytest.param('has(subject.team) && subject.team == "t{}"', {}, [], [], id="guarded"),
        pytest.param(
            'has(subject.team) && subject.team == "t{}"',
            {"team": 3},
            [],
            fails(OTHER, *range(COUNT)),
            id="guarded, no string",
        ),
        pytest.param('!has(subject.team) && subject.team == "t{}"', {"team": "t1"}, [], [], id="!"),
        pytest.param(
            '!has(subject.team) && subject.team == "t{}"',
            {},
            [],
            fails(ABSENT, *range(COUNT)),
            id="!!",
        ),
        pytest.param(
            'subject.team.startsWith("t{}") && subject.tier == "x"',
            {"tier": "y"},
            [],
            [],
            id="prefix absorbed",
        ),
        pytest.param(
            'subject.team.contains("t{}")', {"team": "at1t2 t"}, [1, 2], [], id="contains"
        ),
        pytest.param(
            'subject.team.contains("t{}")', {}, [], fails(ABSENT, *range(COUNT)), id="none"
        ),
        pytest.param(
            "request.max_tokens > {} && request.stream",
            {},
            [],
            fails(ABSENT, *range(COUNT)),
            id="threshold",
        ),
        pytest.param("request.max_tokens > {} && !request.stream", {}, [], [], id="no threshold"),
    ],
)
def test_what_is_absent_is_an_error_unless_something_else_is_false(
    condition: str, input: dict[str, Any], matched: list[int], errors: list[tuple[int, str]]
) -> None:
    rules = [([condition.replace("{}", str(number))], False) for number in range(COUNT)]
    assert outcome(program(rules), {"request": MODEL, "subject": input}) == (matched, errors)


def test_one_path_of_many_constants_is_one_look_up() -> None:
    python = program(EQUAL).python
    assert python.count(".get(request_model") == 1

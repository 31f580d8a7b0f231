"""What is said of a clause's value that does not fit: the part that is wrong, and a way out."""

from __future__ import annotations

from typing import Any

import pytest

from policyengine.plugins import fact_provider
from policyengine.rules.clause_values import Places, config_problems
from policyengine.source import Span


@pytest.mark.parametrize(
    ("clause", "value", "message", "note"),
    [
        ("injection", {"treshold": 0.5}, "`treshold` is not a key of `injection`", "`threshold`"),
        ("injection", "strikt", "`injection` must be one of `lenient`", "`strict`"),
        ("injection", {"sources": ["users"]}, "item 1 of `injection` must be one of", "`user`"),
        ("topic", ["medical_advise"], "item 1 of `topic` must be one of", "`medical_advice`"),
        (
            "topic",
            {"custom": {"name": "tea", "examples": ["a"]}},
            "`examples` of `topic` has fewer than 3 items",
            "",
        ),
        ("secrets", {"min_score": 2}, "`min_score` of `secrets` must be at most 1", ""),
        ("secrets", {"min_score": -1}, "`min_score` of `secrets` must be at least 0", ""),
        ("words", [], "`words` must not be empty", ""),
        ("pii", ["EMAIL_ADRESS"], "`pii`: there is no entity or group `EMAIL_ADRESS`", ""),
    ],
)
def test_what_does_not_fit(clause: str, value: Any, message: str, note: str) -> None:
    places = Places({}, Span("p.yaml", 1, 1, 1, 2))
    [problem] = config_problems(clause, fact_provider(clause), value, places)
    assert problem.message.startswith(message)
    assert note in problem.note

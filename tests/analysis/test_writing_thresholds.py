"""Thresholds in a policy's file: what changes, and that nothing else does."""

from __future__ import annotations

import pytest

from policyengine.analysis.writing import CannotWriteError, with_threshold
from policyengine.source import Source

HEAD = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}   # a comment
on: [llm.request]
rules:
  - id: other
    secrets: all
    deny: No.
"""
EVIDENCE = ["0.61 on a.jsonl", "recall 0.9"]


def written(rule: str, clause: str = "pii", parameter: str = "min_score") -> str:
    text = with_threshold(Source("p.yaml", HEAD + rule), "r", clause, parameter, 0.61, EVIDENCE)
    assert text.startswith(HEAD)
    return text[len(HEAD) :]


TOLD = "    # tuned: 0.61 on a.jsonl\n    # tuned   recall 0.9\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "  - id: r\n    pii: {entities: [US_SSN], min_score: 0.8}  # why\n    deny: No.\n",
            f"  - id: r\n{TOLD}    pii: {{entities: [US_SSN], min_score: 0.61}}  # why\n"
            "    deny: No.\n",
        ),
        (
            "  - id: r\n    pii: {entities: [US_SSN]}\n    deny: No.\n",
            f"  - id: r\n{TOLD}    pii: {{entities: [US_SSN], min_score: 0.61}}\n    deny: No.\n",
        ),
        (
            "  - id: r\n    pii:\n      entities: [US_SSN]\n    deny: No.\n",
            f"  - id: r\n{TOLD}    pii:\n      min_score: 0.61\n      entities: [US_SSN]\n"
            "    deny: No.\n",
        ),
        (
            "  - id: r\n    pii:\n      min_score: 0.3\n      entities: [US_SSN]\n    deny: No.\n",
            f"  - id: r\n{TOLD}    pii:\n      min_score: 0.61\n      entities: [US_SSN]\n"
            "    deny: No.\n",
        ),
        (
            "  - id: r\n    pii: [US_SSN]\n    deny: No.\n",
            f"  - id: r\n{TOLD}    pii: {{entities: [US_SSN], min_score: 0.61}}\n    deny: No.\n",
        ),
    ],
    ids=["changed", "added in braces", "added in a block", "changed in a block", "short form"],
)
def test_thresholds_with_their_evidence(before: str, after: str) -> None:
    assert written(before) == after


def test_a_level_becomes_a_number() -> None:
    before = "  - id: r\n    injection: strict\n    deny: No.\n"
    after = f"  - id: r\n{TOLD}    injection: {{threshold: 0.61}}\n    deny: No.\n"
    assert written(before, "injection", "threshold") == after


def test_the_evidence_of_an_earlier_tuning_goes() -> None:
    before = f"  - id: r\n    # ours\n{TOLD}    pii: {{min_score: 0.1}}\n    deny: No.\n"
    after = f"  - id: r\n    # ours\n{TOLD}    pii: {{min_score: 0.61}}\n    deny: No.\n"
    assert written(before) == after


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("  - id: x\n    pii: [US_SSN]\n    deny: No.\n", "there is no rule `r` in this file"),
        ("  - id: r\n    when: 'true'\n    deny: No.\n", "rule `r` has no clause `pii`"),
        (
            "  - id: r\n    pii:\n      - US_SSN\n    deny: No.\n",
            "write `pii` in its long form first",
        ),
    ],
)
def test_what_cannot_be_written_says_why(rule: str, why: str) -> None:
    with pytest.raises(CannotWriteError, match=why):
        written(rule)

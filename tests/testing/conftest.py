"""A small bundle whose tests the runner runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent

import pytest

from policyengine.testing import SuiteResults, run

MANIFEST = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: sample
version: 1.2.3
defaults: {llm.request: allow}
"""

POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: sample}
on: [llm.request]
rules:
  - id: no-big-models
    when: request.model == "big" && subject.team != "research"
    deny: Big models are for research.
  - id: night
    when: now.getHours() < 6
    require_approval: {message: At night people look., from: [ops], count: 2}
  - id: mask-words
    words: {any: [alpha, beta]}
    redact: {with: label}
  - id: cheap
    when: subject.team == "sales"
    route: economy
    warn: You are on the economy tier.
    tag: {cost: low}
  - id: watch
    mode: shadow
    when: request.model == "small"
    deny: Not yet.
"""

SUITE = """\
apiVersion: policyengine.dev/v1
kind: TestSuite
name: sample
point: llm.request
fixtures:
  base: {request: {model: medium, messages: []}, subject: {team: dev}}
  sales: {subject: {team: sales}}
tests:
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The folder of the bundle, without tests."""
    folder = tmp_path / "sample"
    (folder / "tests").mkdir(parents=True)
    (folder / "bundle.yaml").write_text(MANIFEST)
    (folder / "policy.yaml").write_text(POLICY)
    return folder


@pytest.fixture
def outcome(bundle: Path) -> Callable[..., SuiteResults]:
    """Run tests that are given as YAML, in a suite with the fixtures above."""

    def results(tests: str, *, head: str = SUITE, **options: object) -> SuiteResults:
        text = head + indent(dedent(tests).strip("\n"), "  ") + "\n"
        (bundle / "tests" / "sample.yaml").write_text(text)
        return run(bundle, **options)  # type: ignore[arg-type]

    return results
